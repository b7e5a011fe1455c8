"""``vpc-cni-iam sync`` and ``upgrade``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from vpc_cni_iam.cli import common, versions
from vpc_cni_iam.cli.common import Format
from vpc_cni_iam.cli.vendored import Request, command, exit_if_failed, requested
from vpc_cni_iam.cli.vendoring import diff_data, show_diff

if TYPE_CHECKING:
    from vpc_cni_iam.vendoring.sync import Outcome

SYNC = """Make the vendored modules what vpc-cni-iam.toml says.

An edited file is never lost: the module is left as it is and the edit shown, unless you say what
to do with it, for a module or for single files. Exit code 1 says that something is left for you
to do, 3 that a module could not be read or written; the others are done nevertheless.

\b
Examples:
  vpc-cni-iam sync
  vpc-cni-iam sync --merge modules/vpc-cni-iam-policy
  vpc-cni-iam sync --keep modules/vpc-cni-iam-policy/variables.tf
"""
UPGRADE = """Pin the vendored modules to another release, show what that means, and sync them.

Nothing is changed if an edited file is in the way and you do not say what to do with it. To decide
otherwise for each file, change the pin in the file yourself and use sync.

\b
Examples:
  vpc-cni-iam upgrade
  vpc-cni-iam upgrade --cni-version v1.22.4 --dry-run
  vpc-cni-iam upgrade --revision 2026-06-01 modules/vpc-cni-iam-policy
"""


@requested
def sync(request: Request) -> None:
    """See `SYNC`."""
    from vpc_cni_iam.vendoring.sync import sync_all

    outcomes = sync_all(request.config, request.chosen, request.way)
    if request.output is Format.json:
        common.show_json({"modules": _data(outcomes)})
    else:
        _show(outcomes, request, command("sync", request.named))
    _finish(outcomes, request)


@requested
def upgrade(
    request: Request,
    cni_version: Annotated[
        str | None,
        versions.release("Pin this plugin release, such as v1.20.4."),
    ] = None,
    strict: versions.StrictOption = False,
    revision: Annotated[str | None, common.revision()] = None,
    latest: Annotated[
        bool, typer.Option("--latest", help="Pin the newest release known, as without any pin.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show it, change nothing.")] = False,
) -> None:
    """See `UPGRADE`."""
    from vpc_cni_iam.vendoring import upgrade as upgrading
    from vpc_cni_iam.vendoring.diff import diff

    wanted = upgrading.pin(cni_version, revision, latest)
    new = upgrading.repin(request.config, [one.module.path for one in request.chosen], **wanted)
    prepared = upgrading.prepare(request.config, new, request.chosen, request.way)
    diffs = [diff(plan) for plan in prepared.plans]
    as_text = request.output is Format.text
    for one in diffs if as_text and not request.quiet else ():
        show_diff(one, with_text=dry_run)
    outcomes = prepared.outcomes() if dry_run else upgrading.upgrade(prepared)
    changed = new.text != request.config.text and not dry_run and not prepared.stopped
    if as_text:
        if changed and not request.quiet:
            typer.echo(f"replace {request.config.path}")
        again = command("upgrade", request.named, *upgrading.option(**wanted))
        _show(outcomes, request, again, prepared.idle)
        if prepared.stopped or dry_run:
            why = ", for the edits above are in the way" if prepared.refused else ""
            common.say(f"nothing was changed{why}")
    else:
        data = {"config_changed": changed, "diffs": list(map(diff_data, diffs))}
        common.show_json({**data, "modules": _data(outcomes)})
    _finish(outcomes, request, "upgrade" if prepared.failed else "sync")


def _show(outcomes: Sequence[Outcome], request: Request, again: str, idle: bool = True) -> None:
    from vpc_cni_iam.vendoring.state import Judged

    if idle and not request.quiet and not any(o.changes or not o.done for o in outcomes):
        typer.echo("everything is what the file says; nothing to do")
    for outcome in outcomes:
        path = outcome.module.path
        for change in () if request.quiet else outcome.changes:
            if not change.path.startswith(".vpc-cni-iam/base/"):
                typer.echo(f"{change.kind:<7} {path}/{change.path}")
        for file in outcome.refused:
            typer.echo(f"refused {path}/{file.path}: {file.reason}")
            for way in file.ways_out(path, again):
                typer.echo(f"        {way}")
        for edit in outcome.edits:
            typer.echo(edit, nl=False)
        for kept in outcome.kept:
            if not kept.fine:
                common.show(f"kept    {path}/{kept.path} {kept}")
                file = Judged(kept.path, "kept", kept=kept)
                for way in file.ways_out(path, command("sync", request.named)):
                    common.show(f"        {way}")
        for file in outcome.conflicts:
            (way,) = file.ways_out(path, command("sync", request.named))
            typer.echo(f"conflict {path}/{file.path}: {way}")


def _finish(outcomes: Sequence[Outcome], request: Request, again: str = "sync") -> None:
    """Say what failed, and exit with the code of the house."""
    failures = [o.failure for o in outcomes if o.failure is not None]
    count, path = f"{len(failures)} of {len(request.chosen)} modules", request.config.path
    what = f"are not what {path} says" if again == "sync" else "cannot be read"
    then = f"{count} {what}; mend that, then: {command(again, request.named)}"
    exit_if_failed(failures, then if len(request.chosen) > 1 else "")
    raise typer.Exit(0 if all(o.done for o in outcomes) else 1)


def _data(outcomes: Iterable[Outcome]) -> list[dict[str, object]]:
    from vpc_cni_iam.vendoring.report import edit_data

    return [
        {
            "path": outcome.module.path,
            "done": outcome.done,
            "changes": [{"path": c.path, "kind": c.kind} for c in outcome.changes],
            "refused": [{"path": f.path, "state": f.state} for f in outcome.refused],
            "conflicts": [f.path for f in outcome.conflicts],
            "kept": list(map(edit_data, outcome.kept)),
            "error": str(outcome.failure) if outcome.failure is not None else None,
        }
        for outcome in outcomes
    ]
