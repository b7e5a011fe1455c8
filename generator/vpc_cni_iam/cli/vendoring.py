"""``vpc-cni-iam init``, ``sync``, ``check``, ``diff`` and ``upgrade``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vpc_cni_iam.cli import common
from vpc_cni_iam.cli.common import Format

if TYPE_CHECKING:
    from vpc_cni_iam.vendoring.config import Config, Vendored
    from vpc_cni_iam.vendoring.diff import Diff
    from vpc_cni_iam.vendoring.sync import Outcome, Way

INIT = """Write a vpc-cni-iam.toml that keeps a module in this repository.

\b
Examples:
  vpc-cni-iam init && vpc-cni-iam sync
  vpc-cni-iam init --path infra/modules/vpc-cni
"""
SYNC = """Make the vendored modules what vpc-cni-iam.toml says.

An edited file is never lost: the module is left as it is and the edit shown, unless you say what
to do with it. Exit code 1 says that something is left for you to do.

\b
Examples:
  vpc-cni-iam sync
  vpc-cni-iam sync --merge modules/vpc-cni-iam-policy
  vpc-cni-iam sync --keep modules/vpc-cni-iam-policy
"""
CHECK = """Say whether the vendored modules are what vpc-cni-iam.toml says. Writes nothing.

Exit code 1 says that a module was edited, is out of date or incomplete, with the ways out.

\b
Examples:
  vpc-cni-iam check
  vpc-cni-iam check --outdated
  vpc-cni-iam check --format json
"""
DIFF = """Show what a sync would change, and above it what that means for access.

\b
Examples:
  vpc-cni-iam diff
  vpc-cni-iam diff modules/vpc-cni-iam-policy
"""
UPGRADE = """Pin the vendored modules to another release, show what that means, and sync them.

\b
Examples:
  vpc-cni-iam upgrade
  vpc-cni-iam upgrade --cni-version v1.22.4 --dry-run
  vpc-cni-iam upgrade --revision 2026-06-01 modules/vpc-cni-iam-policy
"""


class CheckFormat(StrEnum):
    """How to print a check."""

    text = "text"
    json = "json"
    markdown = "markdown"


ModulesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[MODULE]...", help="Paths as in the file. [default: all]"),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="The file. [default: the nearest vpc-cni-iam.toml]"),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Say only what is wrong.")]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print it.")]
MergeOption = Annotated[
    bool, typer.Option("--merge", help="Merge edited files with the update, as git does.")
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Replace edited files; a copy is kept as *.orig.")
]
KeepOption = Annotated[
    bool, typer.Option("--keep", help="Keep edited and deleted files so, and remember it.")
]


def _config(named: Path | None, modules: Iterable[str]) -> tuple[Config, list[Vendored]]:
    from vpc_cni_iam.errors import UsageError
    from vpc_cni_iam.vendoring.repository import find

    config = find(Path(), named)
    names = [m.rstrip("/") for m in modules]
    known = {m.path: m for m in config.modules}
    for name in names:
        if name not in known:
            raise UsageError(f"{name}: no such module in {config.path}; there: {', '.join(known)}")
    return config, [known[n] for n in names] or list(config.modules)


def _way(merge: bool, force: bool, keep: bool) -> Way:
    from vpc_cni_iam.errors import UsageError

    if merge + force + keep > 1:
        raise UsageError("--merge, --force and --keep exclude each other; give one")
    return "merge" if merge else "force" if force else "keep" if keep else "refuse"


def init(
    path: Annotated[str, typer.Option("--path", help="Where the module is to be.")] = (
        "modules/vpc-cni-iam-policy"
    ),
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of the file, and stop.")
    ] = False,
) -> None:
    """See `INIT`."""
    from vpc_cni_iam.vendoring.config import schema_text
    from vpc_cni_iam.vendoring.init import init as write

    if schema:
        typer.echo(schema_text(), nl=False)
        return
    typer.echo(f"create  {write(Path(), path)}")


def sync(
    modules: ModulesArgument = None,
    merge: MergeOption = False,
    force: ForceOption = False,
    keep: KeepOption = False,
    config: ConfigOption = None,
    quiet: QuietOption = False,
    output: FormatOption = Format.text,
) -> None:
    """See `SYNC`."""
    from vpc_cni_iam.vendoring.sync import sync as write

    way = _way(merge, force, keep)
    found, chosen = _config(config, modules or ())
    outcomes = [write(found, module, way) for module in chosen]
    _show_outcomes(outcomes, quiet, output)
    raise typer.Exit(0 if all(o.done for o in outcomes) else 1)


def _show_outcomes(outcomes: list[Outcome], quiet: bool, output: Format) -> None:
    if output is Format.json:
        typer.echo(json.dumps({"modules": [_outcome_data(o) for o in outcomes]}, indent=2))
        return
    for outcome in outcomes:
        path = outcome.module.path
        for change in () if quiet else outcome.changes:
            if not change.path.startswith(".vpc-cni-iam/base/"):
                typer.echo(f"{change.kind:<7} {path}/{change.path}")
        for file in outcome.refused:
            typer.echo(f"refused {path}/{file.path}: {file.reason}")
            for way in file.ways_out(path):
                typer.echo(f"        {way}")
        for edit in outcome.edits:
            typer.echo(edit, nl=False)
        for name in outcome.conflicts:
            typer.echo(
                f"conflict {path}/{name}: resolve the markers, then vpc-cni-iam sync --keep {path}"
            )
    if not quiet and not any(o.changes or not o.done for o in outcomes):
        typer.echo(f"{len(outcomes)} modules are what the file says; nothing to do")


def _outcome_data(outcome: Outcome) -> dict[str, object]:
    return {
        "path": outcome.module.path,
        "done": outcome.done,
        "changes": [{"path": c.path, "kind": c.kind} for c in outcome.changes],
        "refused": [{"path": f.path, "state": f.state} for f in outcome.refused],
        "conflicts": list(outcome.conflicts),
    }


def check(
    modules: ModulesArgument = None,
    outdated: Annotated[
        bool, typer.Option("--outdated", help="Fail if a pin is not the newest release known.")
    ] = False,
    config: ConfigOption = None,
    quiet: QuietOption = False,
    output: Annotated[
        CheckFormat, typer.Option("--format", help="How to print it.")
    ] = CheckFormat.text,
) -> None:
    """See `CHECK`."""
    from vpc_cni_iam.vendoring.check import check as compare
    from vpc_cni_iam.vendoring.report import data, markdown, text

    found, chosen = _config(config, modules or ())
    reports = compare(found, (m.path for m in chosen))
    if output is CheckFormat.json:
        typer.echo(json.dumps(data(reports), indent=2))
    else:
        show = markdown if output is CheckFormat.markdown else text
        typer.echo(show(reports, quiet), nl=False)
    behind = outdated and not all(r.module.newest for r in reports)
    raise typer.Exit(1 if behind or not all(r.clean for r in reports) else 0)


def diff(
    modules: ModulesArgument = None,
    config: ConfigOption = None,
    output: FormatOption = Format.text,
) -> None:
    """See `DIFF`."""
    from vpc_cni_iam.vendoring.diff import diff as compare

    found, chosen = _config(config, modules or ())
    diffs = [compare(found, module) for module in chosen]
    if output is Format.json:
        typer.echo(json.dumps({"modules": [_diff_data(d) for d in diffs]}, indent=2))
    else:
        for one in diffs:
            _show_diff(one)
    raise typer.Exit(1 if any(d.text for d in diffs) else 0)


def _show_diff(one: Diff, *, with_text: bool = True) -> None:
    if not one.text:
        return
    typer.echo(one.module.path)
    for meaning in one.meanings:
        lines = [meaning.note] if meaning.note else [str(c) for c in meaning.changes]
        for line in lines or ["no change of access"]:
            typer.echo(f"  {meaning.variant}: {line}")
    if with_text:
        typer.echo(one.text, nl=False)


def _diff_data(one: Diff) -> dict[str, object]:
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
        "diff": one.text,
    }


def upgrade(
    modules: ModulesArgument = None,
    cni_version: common.VersionOption = None,
    revision: common.RevisionOption = None,
    latest: Annotated[
        bool, typer.Option("--latest", help="Pin the newest release known, as without any pin.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show it, change nothing.")] = False,
    merge: MergeOption = False,
    force: ForceOption = False,
    keep: KeepOption = False,
    config: ConfigOption = None,
    quiet: QuietOption = False,
    output: FormatOption = Format.text,
) -> None:
    """See `UPGRADE`."""
    from vpc_cni_iam.vendoring.diff import diff as compare
    from vpc_cni_iam.vendoring.upgrade import pin, repin
    from vpc_cni_iam.vendoring.upgrade import upgrade as write

    way = _way(merge, force, keep)
    found, chosen = _config(config, modules or ())
    wanted = pin(cni_version, revision, latest)
    paths = [m.path for m in chosen]
    new = repin(found, paths, **wanted)
    diffs = [compare(new, module) for module in new.modules if module.path in paths]
    for one in diffs if output is Format.text and not quiet else ():
        _show_diff(one, with_text=dry_run)
    outcomes = [] if dry_run else write(found, new, paths, way)
    if output is Format.json:
        data = {"diffs": list(map(_diff_data, diffs))}
        typer.echo(json.dumps({**data, "modules": list(map(_outcome_data, outcomes))}, indent=2))
    elif not dry_run:
        _show_outcomes(outcomes, quiet, output)
    raise typer.Exit(0 if all(o.done for o in outcomes) else 1)
