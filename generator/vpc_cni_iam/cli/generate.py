"""``vpc-cni-iam generate``."""

from __future__ import annotations

from typing import Annotated

import typer

from vpc_cni_iam.cli import common, options
from vpc_cni_iam.cli.expand import expanded

HELP = """Write a Terraform module of policy documents, or of an IAM role, to DIRECTORY.

\b
Examples:
  vpc-cni-iam generate
  vpc-cni-iam generate modules/vpc-cni --variant ipv4-scoped
  vpc-cni-iam generate --kind role --cni-version v1.20.4
  vpc-cni-iam generate --variant ipv4-scoped --harden \\
    --additional-tag-key team
  vpc-cni-iam generate --revision 2022-01-31
"""


@expanded
def generate(
    documents: options.DocumentOptions,
    hardening: options.HardeningOptions,
    directory: Annotated[
        str | None,
        typer.Argument(
            metavar="[DIRECTORY]", help="Directory to write to.  [default: vpc-cni-iam-<kind>]"
        ),
    ] = None,
    kind: options.KindOption = "policy",
    variant: options.VariantOption = None,
    no_gaps: options.NoGapsOption = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Write beside other files, and replace edited files; keep a copy as *.orig.",
        ),
    ] = False,
    quiet: options.QuietOption = False,
    output: options.FormatOption = options.Format.text,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.generating.generate import generate as write

    chosen = options.chosen(variant or (), documents, hardening, no_gaps=no_gaps, kind=kind)
    target = common.path(directory, f"vpc-cni-iam-{chosen.kind}")
    changes = write(target, chosen, force=force)
    common.notify(chosen)
    common.show_changes(target, changes, output, quiet=quiet)
