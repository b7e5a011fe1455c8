"""``vpc-cni-iam generate``."""

from __future__ import annotations

from typing import Annotated

import typer

from vpc_cni_iam.cli import common, options
from vpc_cni_iam.cli.expand import flag

HELP = """Write a Terraform module of policy documents, or of an IAM role, to DIRECTORY.

\b
Examples:
  vpc-cni-iam generate
  vpc-cni-iam generate modules/vpc-cni --variant ipv4-scoped
  vpc-cni-iam generate --kind role --cni-version v1.20.4
  vpc-cni-iam generate --variant ipv4-scoped --additional-tag-key team \\
    --limit-to subnets
  vpc-cni-iam generate --revision 2022-01-31
"""


def generate(
    documents: options.DocumentOptions,
    hardening: options.HardeningOptions,
    directory: Annotated[
        str | None,
        typer.Argument(
            metavar="[DIRECTORY]", help="Directory to write to.  [default: vpc-cni-iam-<kind>]"
        ),
    ] = None,
    kind: str = options.KIND,
    variant: list[str] | None = options.VARIANTS,
    no_additions: bool = options.NO_ADDITIONS,
    all_calls: bool = options.ALL_CALLS,
    limit_to: list[str] | None = options.LIMIT_TO,
    force: bool = flag(
        "Replace edited files, with a copy as *.orig, and write beside other files."
    ),
    quiet: bool = options.QUIET,
    output: common.Format = options.FORMAT,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.generating.generate import generate as write

    chosen = options.chosen(
        variant or (),
        documents,
        hardening,
        no_additions=no_additions,
        all_calls=all_calls,
        kind=kind,
        limit_to=limit_to or (),
    )
    target = common.path(directory, f"vpc-cni-iam-{chosen.kind}")
    changes = write(target, chosen, force=force)
    common.notify(chosen, quiet=quiet)
    common.show_changes(target, changes, output, quiet=quiet)
