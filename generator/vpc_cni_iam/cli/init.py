"""``vpc-cni-iam init``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vpc_cni_iam.cli import common
from vpc_cni_iam.cli.options import Format, FormatOption, QuietOption, VariantOption

HELP = """Create vpc-cni-iam.toml, the configuration of the modules in this repository.

\b
Examples:
  vpc-cni-iam init && vpc-cni-iam sync
  vpc-cni-iam init --path infra/modules/vpc-cni --variant ipv4-scoped
"""


def init(
    path: Annotated[
        str, typer.Option("--path", metavar="DIRECTORY", help="Directory of the module.")
    ] = "modules/vpc-cni-iam-policy",
    variant: VariantOption = None,
    config_schema: Annotated[
        bool,
        typer.Option("--config-schema", help="Print the JSON Schema of the file and exit."),
    ] = False,
    quiet: QuietOption = False,
    output: FormatOption = Format.text,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.files.tree import FileChange, WriteAction
    from vpc_cni_iam.vendoring.configuration.tables import schema_text
    from vpc_cni_iam.vendoring.init import init as write

    if config_schema:
        typer.echo(schema_text(), nl=False)
        return
    created = write(Path(), path, variant or ())
    if output is Format.json:
        common.show_json(FileChange(str(created), WriteAction.CREATE))
    elif not quiet:
        typer.echo(f"create  {created}")
