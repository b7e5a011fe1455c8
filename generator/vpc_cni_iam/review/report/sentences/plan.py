"""Sentences about the parts of a plan that are missing or not read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vpc_cni_iam.errors import first_of
from vpc_cni_iam.inputs.plan.unread import UnreadChange, UnreadKind
from vpc_cni_iam.review.checks.drift import Drifted
from vpc_cni_iam.review.checks.plan import MaybePlugin, PlanGap, PlanIncomplete
from vpc_cni_iam.review.diff.not_shown import NotShownByPlan, NotShownKind
from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.report.saying import Saying

# A message that does not name its resource is shown once for all resources.
_UNREAD: Mapping[UnreadKind, str] = {
    UnreadKind.access: "{address} is about access and is not read",
    UnreadKind.iam: "{address} can create access in AWS and is not read",
    UnreadKind.plugin: "{address} names the VPC CNI plugin and is not read",
    UnreadKind.role: "{address} names a role and is not read",
    UnreadKind.deploys: "{address} can create resources that are not in the plan, and is not read",
    UnreadKind.resource_policy: "The policy of a resource changes and is not read",
    UnreadKind.command: "The plan runs commands ({runs}), which are not read",
    UnreadKind.later: "A Kubernetes object is known after apply, so it is not read",
}
# The message and the fix.
_GAPS = {
    PlanGap.LEFT_OUT: (
        "The plan is partial: it has targets, or defers changes",
        "Review the next plan, too",
    ),
    PlanGap.FORMAT: (
        "The plan has format {}; members that it adds to 1.2 are not read",
        "Update vpc-cni-iam",
    ),
    PlanGap.MEMBERS: ("The plan has members that are not known and not read: {}", ""),
}
_NOT_SHOWN = {
    NotShownKind.INLINE_POLICIES: "inline policies of dynamic blocks in new roles",
    NotShownKind.REFERENCES: "values known after apply, taken as what they refer to",
}


def drifted(drift: Drifted, saying: Saying) -> Saying:
    """Return the sentence about a change outside of the configuration, from that of its effect."""
    address = drift.finding.address or "something"
    if not drift.is_left:
        # The plan does not give this access; it ends it.
        was = saying.message.replace(" can now ", " could ")
        was = was.replace(" can no longer ", " could not ")
        text = f"Outside of the configuration: {was}; the plan reverts or deletes it"
        return Saying(text, saying.details)
    message = f"{saying.message}; {address} was changed outside of the configuration"
    fix = f"Change the configuration of {address}, or revert what was changed"
    return Saying(f"{message}, and the plan keeps the change", saying.details, fix)


def not_shown_text(part: NotShownByPlan) -> str:
    """Return what a plan does not show, with the first resource concerned."""
    return f"{_NOT_SHOWN[part.kind]} ({first_of(part.addresses, 1)})"


def _unread(_: Finding, change: UnreadChange) -> Saying:
    message = _UNREAD[change.kind]
    of = f" ({', '.join(change.arguments)})" if change.arguments else ""
    message = message.format(address=change.address + of, runs=", ".join(change.runs))
    is_named = change.address in message
    return Saying(message, fix=f"Look at {change.address} in the plan" if is_named else "")


def _incomplete(_: Finding, incomplete: PlanIncomplete) -> Saying:
    message, fix = _GAPS[incomplete.gap]
    return Saying(message.format(first_of(incomplete.names)), fix=fix)


def _maybe(finding: Finding, maybe: MaybePlugin) -> Saying:
    name = maybe.argument
    message = f"{finding.address} may belong to the VPC CNI plugin: its {name} is not known"
    return Saying(message, fix=f"Set {name} to a value that is known before apply")


SENTENCES: Mapping[type, Callable[[Finding, Any], Saying]] = {
    UnreadChange: _unread,
    PlanIncomplete: _incomplete,
    MaybePlugin: _maybe,
}
