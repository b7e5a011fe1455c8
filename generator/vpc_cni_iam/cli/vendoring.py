"""``vpc-cni-iam init``, ``check`` and ``diff``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vpc_cni_iam.cli import common, vendored
from vpc_cni_iam.cli.common import Format, FormatOption, QuietOption
from vpc_cni_iam.cli.vendored import ConfigOption, ModulesArgument

if TYPE_CHECKING:
    from vpc_cni_iam.vendoring.diff import Diff

INIT = """Write a vpc-cni-iam.toml that keeps a module in this repository.

\b
Examples:
  vpc-cni-iam init && vpc-cni-iam sync
  vpc-cni-iam init --path infra/modules/vpc-cni
"""
CHECK = """Say whether the vendored modules are what vpc-cni-iam.toml says. Writes nothing.

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
DIFF = """Show what a sync would change, and above it what that means for access.

An edited file is shown as if the generated one were taken; one whose edit is kept is not changed.
Exit code 1 says that something would be changed, or that a kept edit adds access; 3 that a module
could not be read.

\b
Examples:
  vpc-cni-iam diff
  vpc-cni-iam diff modules/vpc-cni-iam-policy
"""


class CheckFormat(StrEnum):
    """How to print a check."""

    text = "text"
    json = "json"
    markdown = "markdown"


def init(
    path: Annotated[
        str, typer.Option("--path", metavar="DIRECTORY", help="Where the module is to be.")
    ] = "modules/vpc-cni-iam-policy",
    schema: Annotated[
        bool,
        typer.Option("--schema", help="Print the JSON Schema of the file, and nothing else."),
    ] = False,
    quiet: QuietOption = False,
    output: FormatOption = Format.text,
) -> None:
    """See `INIT`."""
    from vpc_cni_iam.vendoring.config import schema_text
    from vpc_cni_iam.vendoring.init import init as write

    if schema:
        typer.echo(schema_text(), nl=False)
        return
    created = write(Path(), path)
    if output is Format.json:
        common.show_json({"path": str(created), "kind": "create"})
    elif not quiet:
        typer.echo(f"create  {created}")


def check(
    modules: ModulesArgument = None,
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
    quiet: QuietOption = False,
    output: Annotated[
        CheckFormat, typer.Option("--format", help="How to print it.")
    ] = CheckFormat.text,
) -> None:
    """See `CHECK`."""
    from vpc_cni_iam.vendoring.check import check as compare
    from vpc_cni_iam.vendoring.orphans import orphans
    from vpc_cni_iam.vendoring.report import Checked, data, markdown, text

    found = vendored.find(config)
    chosen = vendored.modules(found, modules)
    reports = compare(found, (m.path for m in chosen), rendering=render, no_kept=no_kept)
    noted = not quiet or output is CheckFormat.json
    left = orphans(found) if noted and not modules else ()
    checked = Checked(reports, left, vendored.command("sync", config), outdated)
    if output is CheckFormat.json:
        common.show_json(data(checked))
    else:
        show = markdown if output is CheckFormat.markdown else text
        typer.echo(show(checked, quiet), nl=False)
    vendored.exit_if_failed(r.failure for r in reports)
    raise typer.Exit(1 if checked.failed else 0)


def diff(
    modules: ModulesArgument = None,
    config: ConfigOption = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Show the meaning alone, without the text.")
    ] = False,
    output: FormatOption = Format.text,
) -> None:
    """See `DIFF`."""
    from vpc_cni_iam.vendoring.diff import diff_all

    found = vendored.find(config)
    diffs = diff_all(found, vendored.modules(found, modules))
    if output is Format.json:
        common.show_json({"modules": list(map(diff_data, diffs))})
    else:
        for one in diffs:
            show_diff(one, with_text=not quiet)
            for edit in one.kept:
                if not (quiet and edit.fine):
                    word = "note" if edit.fine else "kept"
                    common.show(f"{word:<9}{one.module.path}/{edit.path} {edit}")
    vendored.exit_if_failed(d.failure for d in diffs)
    unfit = any(d.text or not all(e.fine for e in d.kept) for d in diffs)
    raise typer.Exit(1 if unfit else 0)


def show_diff(one: Diff, *, with_text: bool = True) -> None:
    """Print what a sync would change.

    Args:
        one: What it would.
        with_text: Whether to print the text too, not its meaning alone.
    """
    if not one.text:
        return
    typer.echo(one.module.path)
    for meaning in one.meanings:
        lines = [meaning.note] if meaning.note else [str(c) for c in meaning.changes]
        for line in lines or ["no change of access"]:
            typer.echo(f"  {meaning.variant}: {line}")
    if with_text:
        typer.echo(one.text, nl=False)


def diff_data(one: Diff) -> dict[str, object]:
    """Return what a sync would change as plain data.

    Args:
        one: What it would.
    """
    from vpc_cni_iam.vendoring.report import edit_data

    return {
        "path": one.module.path,
        "variants": [
            {
                "variant": m.variant,
                "changes": [{"kind": c.kind, "text": c.text} for c in m.changes],
                "note": m.note,
            }
            for m in one.meanings
        ],
        "kept": list(map(edit_data, one.kept)),
        "diff": one.text,
        "error": str(one.failure) if one.failure is not None else None,
    }
