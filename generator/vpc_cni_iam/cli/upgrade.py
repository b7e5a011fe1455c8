"""``vpc-cni-iam upgrade``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import typer
from msgspec import Struct

from vpc_cni_iam.cli import common, options
from vpc_cni_iam.cli.common import Format
from vpc_cni_iam.cli.expand import flag
from vpc_cni_iam.cli.modules import SyncOptions, SyncRequest, exit_if_failed
from vpc_cni_iam.cli.sync import show_diff, show_outcomes

if TYPE_CHECKING:
    from vpc_cni_iam.vendoring.edits.diff import Diff
    from vpc_cni_iam.vendoring.sync import SyncOutcome
    from vpc_cni_iam.vendoring.upgrade import Upgrade

HELP = """Pin the modules to another plugin version, show the change of access, and sync them.

Only vpc-cni-iam.toml has the pin; another file changes only if its content differs at the new
version. Local changes are merged with the update. Nothing changes if a module cannot be read, or if
a file that sync did not write is in the way.

\b
Examples:
  vpc-cni-iam upgrade
  vpc-cni-iam upgrade --cni-version v1.22.4 --dry-run
  vpc-cni-iam upgrade --revision 2026-06-01 modules/vpc-cni-iam-policy
"""


class PinOptions(Struct, frozen=True):
    """The options that choose the pin."""

    PANEL: ClassVar[str] = "Pin"

    cni_version: str | None = options.plugin_version("Pin this plugin version, such as v1.20.4.")
    revision: str | None = options.revision("Pin upstream's document of this date.")
    latest: bool = flag("Pin the newest plugin version that this tool knows (the default).")


def upgrade(
    *,
    chosen: PinOptions,
    dry_run: bool = flag("Show how files would change; write nothing."),
    shared: SyncOptions,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.vendoring import upgrade as upgrading
    from vpc_cni_iam.vendoring.edits.diff import diff

    request = SyncRequest.of(shared)
    pin = upgrading.find_pin(chosen.cni_version, chosen.revision, latest=chosen.latest)
    with request.checkout() as checkout:
        prepared = upgrading.prepare(request.config, pin, request.modules, checkout)
        diffs = [diff(o.plan) for o in prepared.outcomes if o.plan]
        for each in diffs if request.output is Format.text and not request.quiet else ():
            show_diff(each, with_text=dry_run and not prepared.stopped)
        outcomes = prepared.outcomes if dry_run else upgrading.upgrade(prepared, checkout)
    wrote = not (dry_run or prepared.stopped)
    _report(prepared, outcomes, diffs, request, wrote=wrote)
    changed = wrote and prepared.changed
    pins, again = f"{request.config.path} is unchanged", " ".join(("upgrade", *pin.option))
    if changed:
        pins, again = f"{request.config.path} has the new pin", "sync"
    failures = [o.failure for o in outcomes]
    exit_if_failed(failures, f"{pins}; fix that, then: {request.commands.line(again)}")
    done = all(o.done for o in outcomes)
    if changed and not done:
        common.say(f"{pins}; the files above need a decision")
    raise typer.Exit(0 if done else 1)


def _report(
    prepared: Upgrade,
    outcomes: Sequence[SyncOutcome],
    diffs: Sequence[Diff],
    request: SyncRequest,
    *,
    wrote: bool,
) -> None:
    """Print what an upgrade changed."""
    from vpc_cni_iam.vendoring.report.shown import ShownUpgrade, shown_syncs

    changed = wrote and prepared.changed
    if request.output is Format.json:
        shown = shown_syncs(outcomes, request.commands, diffs)
        common.show_json(ShownUpgrade(prepared.new.warnings, shown, changed))
        return
    if changed and not request.quiet:
        common.show(f"replace  {prepared.old.path}")
    show_outcomes(outcomes, request, idle=prepared.idle)
    if not wrote:
        common.say("no files changed")
