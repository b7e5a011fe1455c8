"""``vpc-cni-iam generate``."""

from __future__ import annotations

from typing import Annotated

import typer

from vpc_cni_iam.cli import common, versions

HELP = """Write a Terraform module into DIRECTORY: policy documents, or a role that has one of them.

\b
Examples:
  vpc-cni-iam generate
  vpc-cni-iam generate modules/vpc-cni --variant ipv4-scoped
  vpc-cni-iam generate --kind role --cni-version v1.20.4
  vpc-cni-iam generate --variant ipv4-scoped --harden \\
    --additional-tag-key team
  vpc-cni-iam generate --revision 2022-01-31
"""


def generate(
    directory: Annotated[
        str | None,
        typer.Argument(
            metavar="[DIRECTORY]", help="Where to write the module.  [default: vpc-cni-iam-<kind>]"
        ),
    ] = None,
    kind: common.KindOption = "policy",
    variant: common.VariantOption = None,
    revision: common.RevisionOption = None,
    cni_version: versions.VersionOption = None,
    strict: versions.StrictOption = False,
    feature: common.FeatureOption = None,
    no_gaps: common.NoGapsOption = False,
    harden: common.HardenOption = False,
    additional_tag_key: common.TagKeyOption = None,
    eni_claim_tag: common.ClaimTagOption = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Write beside files of yours, and replace edited ones of ours, keeping a copy.",
        ),
    ] = False,
    quiet: common.QuietOption = False,
    output: common.FormatOption = common.Format.text,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.catalog.options import options
    from vpc_cni_iam.generating.generate import generate as write

    chosen = options(
        variant or (),
        revision=revision,
        cni_version=cni_version,
        features=feature or (),
        gaps=not no_gaps,
        kind=kind,
        hardening=common.hardening(harden, additional_tag_key, eni_claim_tag),
    )
    target = common.path(directory, f"vpc-cni-iam-{kind}")
    changes = write(target, chosen, force=force)
    common.notify(chosen)
    common.show_changes(target, changes, output, quiet)
