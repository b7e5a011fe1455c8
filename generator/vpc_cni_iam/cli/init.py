"""``vpc-cni-iam init``."""

from __future__ import annotations

from pathlib import Path

import typer

from vpc_cni_iam.cli import common, options
from vpc_cni_iam.cli.common import Format
from vpc_cni_iam.cli.expand import flag, value
from vpc_cni_iam.cli.options import FORMAT, QUIET, VARIANTS

HELP = """Create vpc-cni-iam.toml, the configuration of the modules in this repository.

\b
Examples:
  vpc-cni-iam init && vpc-cni-iam sync
  vpc-cni-iam init --path infra/modules/vpc-cni --variant ipv4-scoped
  vpc-cni-iam init --cni-version v1.20.4
"""


def init(
    path: str = value("DIRECTORY", "Directory of the module.", "modules/vpc-cni-iam-policy"),
    variant: list[str] | None = VARIANTS,
    cni_version: str | None = options.plugin_version(
        "Plugin version that the policies must work with.  [default: latest]"
    ),
    strict: bool = options.STRICT,
    config_schema: bool = flag("Print the JSON Schema of the file and exit."),
    quiet: bool = QUIET,
    output: Format = FORMAT,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.catalog.facts.plugin_version import LATEST
    from vpc_cni_iam.files.tree import FileChange, WriteAction
    from vpc_cni_iam.vendoring.configuration.tables import schema_text
    from vpc_cni_iam.vendoring.init import init as write

    if config_schema:
        typer.echo(schema_text(), nl=False)
        return
    created = write(Path(), path, variant or (), cni_version or LATEST)
    if output is Format.json:
        common.show_json(FileChange(str(created), WriteAction.CREATE))
    elif not quiet:
        common.show(f"create  {created}")
        common.say("next, write the module: vpc-cni-iam sync")
