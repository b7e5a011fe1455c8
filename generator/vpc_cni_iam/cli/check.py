"""``vpc-cni-iam check``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from vpc_cni_iam.cli import common, modules
from vpc_cni_iam.cli.common import QuietOption
from vpc_cni_iam.cli.modules import ConfigOption, ModulesArgument
from vpc_cni_iam.cli.versions import StrictOption

HELP = """Say whether the vendored modules are what vpc-cni-iam.toml says. Writes nothing.

Exit code 1 says that a module was edited, is out of date or incomplete, with the ways out; 3 that
one could not be read. An edit that sync keeps must add no access, or be accepted in the file.
It believes the hashes that sync left beside each module, which is fast; --render does not, and
finds what was edited together with its hash.

\b
Examples:
  vpc-cni-iam check
  vpc-cni-iam check --outdated
  vpc-cni-iam check --render modules/vpc-cni-iam-policy
  vpc-cni-iam check --format json
"""


class CheckFormat(StrEnum):
    """How to print a check."""

    text = "text"
    json = "json"
    markdown = "markdown"


def check(
    paths: ModulesArgument = None,
    outdated: Annotated[
        bool, typer.Option("--outdated", help="Fail if a pin is not the newest release known.")
    ] = False,
    render: Annotated[
        bool,
        typer.Option("--render", help="Generate and compare; believe no manifest. For CI."),
    ] = False,
    no_kept: Annotated[
        bool, typer.Option("--no-kept", help="Fail if any edit is kept, whatever it means.")
    ] = False,
    config: ConfigOption = None,
    strict: StrictOption = False,
    quiet: QuietOption = False,
    output: Annotated[
        CheckFormat, typer.Option("--format", help="How to print it.")
    ] = CheckFormat.text,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.vendoring.check import check as compare
    from vpc_cni_iam.vendoring.report import CheckResult, data, markdown, text
    from vpc_cni_iam.vendoring.repository import orphans

    configuration = modules.configuration(config, strict=strict)
    chosen = modules.chosen(configuration, paths)
    reports = compare(configuration, (m.path for m in chosen), rendering=render, no_kept=no_kept)
    with_notes = not quiet or output is CheckFormat.json
    left = orphans(configuration) if with_notes and not paths else ()
    again = modules.command("sync", config)
    checked = CheckResult(reports, left, again, outdated, configuration.warnings)
    if output is CheckFormat.json:
        common.show_json(data(checked))
    else:
        show = markdown if output is CheckFormat.markdown else text
        typer.echo(show(checked, quiet=quiet), nl=False)
    modules.exit_if_failed(r.failure for r in reports)
    raise typer.Exit(1 if checked.failed else 0)
