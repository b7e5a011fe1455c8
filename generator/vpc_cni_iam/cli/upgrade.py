"""``vpc-cni-iam upgrade``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vpc_cni_iam.cli import common, options
from vpc_cni_iam.cli.common import Format
from vpc_cni_iam.cli.diff import show_diff
from vpc_cni_iam.cli.expand import flag
from vpc_cni_iam.cli.modules import SyncOptions, SyncRequest, command
from vpc_cni_iam.cli.sync import finish, show_outcomes

if TYPE_CHECKING:
    from vpc_cni_iam.vendoring.configuration.config import Config
    from vpc_cni_iam.vendoring.upgrade import Upgrade

HELP = """Pin the modules to another plugin version, show the change of access, and sync them.

No file is changed if a file has local changes and none of --merge, --force and --keep is given. To
decide for each file, change the pin in vpc-cni-iam.toml and use sync.

\b
Examples:
  vpc-cni-iam upgrade
  vpc-cni-iam upgrade --cni-version v1.22.4 --dry-run
  vpc-cni-iam upgrade --revision 2026-06-01 modules/vpc-cni-iam-policy
"""


def upgrade(
    *,
    cni_version: str | None = options.plugin_version("Pin this plugin version, such as v1.20.4."),
    revision: str | None = options.revision("Pin upstream's document of this date."),
    latest: bool = flag("Pin the newest plugin version that this tool knows; the default."),
    dry_run: bool = flag("Show the changes of the files, write nothing."),
    shared: SyncOptions,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.vendoring import upgrade as upgrading
    from vpc_cni_iam.vendoring.data import upgrade_data
    from vpc_cni_iam.vendoring.diff import diff

    request = SyncRequest.of(shared)
    pin = upgrading.find_pin(cni_version, revision, latest=latest)
    old = request.config
    prepared = upgrading.prepare(old, pin, request.chosen, request.policy)
    diffs = [diff(plan) for plan in prepared.plans]
    as_text = request.output is Format.text
    for module_diff in diffs if as_text and not request.quiet else ():
        show_diff(module_diff, with_text=dry_run and not prepared.stopped)
    left, outcomes = (old, prepared.outcomes()) if dry_run else upgrading.upgrade(prepared)
    changed = left.text != old.text
    again = command("upgrade", request.named, *pin.option, *(shared.paths or ()))
    if as_text:
        if changed and not request.quiet:
            common.show(f"replace {old.path}")
        show_outcomes(outcomes, request, again, idle=prepared.idle)
        if prepared.stopped or dry_run:
            advice = "; resolve the local changes above first" if prepared.refused else ""
            common.say(f"no files changed{advice}")
    else:
        common.show_json(upgrade_data(diffs, outcomes, left, changed=changed))
    finish(outcomes, f"{old.path} {_pins(prepared, left)}; mend that, then: {again}")


def _pins(prepared: Upgrade, left: Config) -> str:
    """Return which pins a configuration has after an upgrade that failed for some modules."""
    if left.text == prepared.old.text:
        return "is unchanged"
    new = left is prepared.new  # which could not be written again
    return "has the new pins" if new else "has the old pin of each module that failed"
