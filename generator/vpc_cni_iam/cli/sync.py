"""``vpc-cni-iam sync``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from vpc_cni_iam.cli import common
from vpc_cni_iam.cli.common import Format
from vpc_cni_iam.cli.expand import flag
from vpc_cni_iam.cli.modules import SyncOptions, SyncRequest, exit_if_failed

if TYPE_CHECKING:
    from vpc_cni_iam.vendoring.edits.diff import Diff
    from vpc_cni_iam.vendoring.state import ModuleFile
    from vpc_cni_iam.vendoring.sync import SyncOutcome

HELP = """Generate the modules of vpc-cni-iam.toml, and update existing ones.

Local changes are merged with the update and never lost. To record an intended change, use `accept`.
To drop a change, first delete its file. In a git merge or rebase, the modules are generated again,
and the local changes of both branches are merged. --dry-run writes nothing, and shows how access
and files would change.

Exit code 1 means that a file needs a decision or, with --dry-run, would change. Exit code 3 means
that a module cannot be read or written; the others are synced.

\b
Examples:
  vpc-cni-iam sync
  vpc-cni-iam sync --dry-run
  vpc-cni-iam sync modules/vpc-cni-iam-policy
"""


def sync(
    *,
    dry_run: bool = flag("Show how access and files would change; write nothing."),
    shared: SyncOptions,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.vendoring.edits.diff import diff
    from vpc_cni_iam.vendoring.report.shown import ShownSyncs, shown_syncs
    from vpc_cni_iam.vendoring.sync import plan_all, sync_all

    request = SyncRequest.of(shared)
    with request.checkout() as checkout:
        each = plan_all if dry_run else sync_all
        outcomes = each(request.config, request.modules, checkout)
    diffs = [diff(outcome.plan) for outcome in outcomes if outcome.plan]
    if request.output is Format.json:
        shown = shown_syncs(outcomes, request.commands, diffs)
        common.show_json(ShownSyncs(request.config.warnings, shown))
    else:
        for change in diffs:
            show_diff(change, with_text=not request.quiet)
        show_outcomes(outcomes, request, idle=not any(d.text for d in diffs))
    failed, many = sum(o.failure is not None for o in outcomes), len(outcomes)
    count = f"{failed} of {many} modules do not match {request.config.path}"
    again = request.commands.line("sync")
    exit_if_failed(
        (o.failure for o in outcomes), f"{count}; fix that, then: {again}" if many > 1 else ""
    )
    changed = any(d.text for d in diffs)
    raise typer.Exit(0 if all(o.done for o in outcomes) and not changed else 1)


def show_diff(diff: Diff, *, with_text: bool = True) -> None:
    """Print how a sync changes access and, with `with_text`, the files."""
    from vpc_cni_iam.vendoring.report.edits import meaning_lines

    if not diff.text:
        return
    common.show(diff.module.path)
    for meaning in diff.meanings:
        for line in meaning_lines(meaning):
            common.show(f"  {meaning.variant}: {line}")
    if with_text:
        common.show_diff(diff.text)


def show_outcomes(
    outcomes: Sequence[SyncOutcome], request: SyncRequest, *, idle: bool = True
) -> None:
    """Print the changes of each module, and the files that differ from the generated ones."""
    from vpc_cni_iam.vendoring.manifest import BASES

    up_to_date = bool(outcomes) and all(o.done and not o.changes for o in outcomes)
    if idle and up_to_date and not request.quiet:
        typer.echo("all modules are up to date; nothing to do")
    for outcome in outcomes:
        path = outcome.module.path
        for change in () if request.quiet else outcome.changes:
            if not change.path.startswith(f"{BASES}/"):
                word = "merge" if change.path in outcome.merged else change.kind
                common.show(f"{word:<9}{path}/{change.path}")
        for file in outcome.files:
            if not (file.fine and request.quiet):
                _show_file(file, outcome, request)
        if outcome.refused:
            common.say(f"{path}: no file was written; first move or delete the one in the way")


def _show_file(file: ModuleFile, outcome: SyncOutcome, request: SyncRequest) -> None:
    from vpc_cni_iam.vendoring.report.files import next_steps, reason

    path = outcome.module.path
    word = "note" if file.fine else "conflict" if file.markers else file.state
    common.show(f"{word:<9}{path}/{file.path} {reason(file)}")
    for step in next_steps(file, path, request.commands, synced=not outcome.refused):
        common.show(f"           {step}")
    if not (file.markers or file.fine or request.quiet):
        common.show_diff(outcome.edits.get(file.path, ""))
