"""``vpc-cni-iam sync``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import typer

from vpc_cni_iam.cli import common
from vpc_cni_iam.cli.common import Format
from vpc_cni_iam.cli.modules import SyncOptions, SyncRequest, command, exit_if_failed

if TYPE_CHECKING:
    from vpc_cni_iam.vendoring.sync import SyncOutcome

HELP = """Generate the modules of vpc-cni-iam.toml, and update those that are there.

`vpc-cni-iam diff` shows first what would change. Local changes are never lost. Without --merge,
--force or --keep, a module with local changes stays as it is, and the changes are shown. Give one
of them for modules or for single files. Exit code 1 means that a module needs a decision, 3 that
one cannot be read or written. The others are synced.

\b
Examples:
  vpc-cni-iam sync
  vpc-cni-iam sync --merge modules/vpc-cni-iam-policy
  vpc-cni-iam sync --keep modules/vpc-cni-iam-policy/variables.tf
"""


def sync(shared: SyncOptions) -> None:
    """See `HELP`."""
    from vpc_cni_iam.vendoring.data import sync_data
    from vpc_cni_iam.vendoring.sync import sync_all

    request = SyncRequest.of(shared)
    again = command("sync", request.named)
    outcomes = sync_all(request.config, request.chosen, request.policy)
    if request.output is Format.json:
        common.show_json(sync_data(outcomes, request.config))
    else:
        show_outcomes(outcomes, request, again)
    failed, many = sum(o.failure is not None for o in outcomes), len(outcomes)
    count = f"{failed} of {many} modules are not what {request.config.path} says"
    finish(outcomes, f"{count}; mend that, then: {again}" if many > 1 else "")


def show_outcomes(
    outcomes: Sequence[SyncOutcome], request: SyncRequest, again: str, *, idle: bool = True
) -> None:
    """Print the changes of each module, and what is left to do with the command `again`."""
    from vpc_cni_iam.vendoring.report.files import next_steps, reason

    up_to_date = bool(outcomes) and all(o.done and not o.changes for o in outcomes)
    if idle and up_to_date and not request.quiet:
        typer.echo("all modules are up to date; nothing to do")
    sync, diff = command("sync", request.named), command("diff", request.named)
    for outcome in outcomes:
        path = outcome.module.path
        for change in () if request.quiet else outcome.changes:
            if not change.path.startswith(".vpc-cni-iam/base/"):
                common.show(f"{change.kind:<7} {path}/{change.path}")
        for file in outcome.refused:
            common.show(f"refused {path}/{file.path}: {reason(file)}")
            _show_steps(next_steps(file, path, again))
        common.show_diff("".join(outcome.edits))
        for file in outcome.kept_edits:
            if not file.fine:
                common.show(f"kept    {path}/{file.path} {reason(file)}")
                _show_steps(next_steps(file, path, sync, diff))
        for file in outcome.conflicts:
            first, *more = next_steps(file, path, sync)
            common.show(f"conflict {path}/{file.path}: {first}")
            _show_steps(more)


def _show_steps(steps: Iterable[str]) -> None:
    for step in steps:
        common.show(f"        {step}")


def finish(outcomes: Sequence[SyncOutcome], then: str = "") -> None:
    """Print the failures and then `then`, and exit with the documented code."""
    exit_if_failed((o.failure for o in outcomes), then)
    raise typer.Exit(0 if all(o.done for o in outcomes) else 1)
