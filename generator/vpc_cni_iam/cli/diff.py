"""``vpc-cni-iam diff``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vpc_cni_iam.cli import common, modules, options
from vpc_cni_iam.cli.common import Format
from vpc_cni_iam.cli.expand import flag
from vpc_cni_iam.cli.modules import CONFIG, ModulesArgument
from vpc_cni_iam.cli.options import FORMAT

if TYPE_CHECKING:
    from vpc_cni_iam.vendoring.diff import Diff

HELP = """Show what a sync would change, and the change of access.

For a file with local changes, the difference to the generated file is shown. A file whose local
change is kept does not change; the change is shown if it needs a decision. Exit code 1 means that
files would change, or that a kept local change adds access, 3 that a module cannot be read.

\b
Examples:
  vpc-cni-iam diff
  vpc-cni-iam diff modules/vpc-cni-iam-policy
"""


def diff(
    paths: ModulesArgument = None,
    config: Path | None = CONFIG,
    strict: bool = options.STRICT,
    quiet: bool = flag("Show the change of access only.", "--quiet", "-q"),
    output: Format = FORMAT,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.vendoring.data import diffs_data
    from vpc_cni_iam.vendoring.diff import diff_all
    from vpc_cni_iam.vendoring.report.files import reason

    configuration = modules.configuration(config, strict=strict)
    diffs = diff_all(configuration, modules.chosen(configuration, paths))
    if output is Format.json:
        common.show_json(diffs_data(diffs, configuration))
    else:
        for module_diff in diffs:
            show_diff(module_diff, with_text=not quiet)
            for file in module_diff.kept_edits:
                if not (quiet and file.fine):
                    word = "note" if file.fine else "kept"
                    common.show(f"{word:<9}{module_diff.module.path}/{file.path} {reason(file)}")
                if not quiet:
                    common.show_diff(module_diff.edits.get(file.path, ""))
    modules.exit_if_failed(d.failure for d in diffs)
    unfit = any(d.text or not all(f.fine for f in d.kept_edits) for d in diffs)
    raise typer.Exit(1 if unfit else 0)


def show_diff(diff: Diff, *, with_text: bool = True) -> None:
    """Print the changes of a sync: their meaning, and with `with_text` the text too."""
    from vpc_cni_iam.vendoring.report.edits import meaning_lines

    if not diff.text:
        return
    common.show(diff.module.path)
    for meaning in diff.meanings:
        for line in meaning_lines(meaning):
            common.show(f"  {meaning.variant}: {line}")
    if with_text:
        common.show_diff(diff.text)
