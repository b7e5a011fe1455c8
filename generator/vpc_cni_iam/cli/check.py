"""``vpc-cni-iam check``."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path

import typer

from vpc_cni_iam.cli import common, modules, options
from vpc_cni_iam.cli.expand import flag
from vpc_cni_iam.cli.modules import ModulesArgument

HELP = """Report local changes and out-of-date modules, with the command that fixes each.

The command generates each module, compares it with the files and writes nothing. Exit code 1 means
that a module has local changes that are not accepted, is out of date or incomplete, that the
configuration has no module, or that it does not name a module of the repository. Exit code 3 means
that a module cannot be read. To record that a local change is intended, use `accept`.

\b
Examples:
  vpc-cni-iam check
  vpc-cni-iam check --outdated --no-other-files
  vpc-cni-iam check modules/vpc-cni-iam-policy
  vpc-cni-iam check --format json
"""


class CheckFormat(StrEnum):
    """How to print a check."""

    text = "text"
    json = "json"
    markdown = "markdown"


def check(
    paths: ModulesArgument = None,
    outdated: bool = flag("Fail if a pin is not the newest plugin version known."),
    no_accepted: bool = flag("Fail if a local change is accepted."),
    no_other_files: bool = flag("Fail if an engine reads a file that sync did not write."),
    *,
    shared: modules.ConfigOptions,
    output: CheckFormat = options.output_format(CheckFormat.text),
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.vendoring.check import check as compare
    from vpc_cni_iam.vendoring.orphans import orphans
    from vpc_cni_iam.vendoring.report.check import CheckResult, markdown, text
    from vpc_cni_iam.vendoring.report.shown import shown_checks
    from vpc_cni_iam.vendoring.select import select

    configuration = shared.read()
    chosen = select(configuration, Path(), paths or ())
    reports = compare(configuration, chosen, no_accepted=no_accepted)
    left = () if paths else orphans(configuration, os.environ)
    commands = shared.commands(configuration)
    checked = CheckResult(reports, left, commands, outdated, configuration.warnings, no_other_files)
    if output is CheckFormat.json:
        common.show_json(shown_checks(checked))
    else:
        is_text = output is CheckFormat.text
        written = (text if is_text else markdown)(checked, quiet=shared.quiet)
        common.show_report(written, is_text=is_text)
    modules.exit_if_failed(r.failure for r in reports)
    raise typer.Exit(1 if checked.failed else 0)
