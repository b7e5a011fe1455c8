"""Policies that change and allow nothing new."""

from __future__ import annotations

from vpc_cni_iam.levels import Level
from vpc_cni_iam.review.diff.harm import GainedPart
from vpc_cni_iam.review.findings import AboutPrincipals, Finding, Saying, says
from vpc_cni_iam.review.rules import CHANGES, Rule, Topic
from vpc_cni_iam.review.texts.access import is_by_actions, part_text
from vpc_cni_iam.review.texts.names import names_of

REWRITTEN = Rule(
    "rewritten",
    (Level.NOTE, Topic.ACCESS, CHANGES),
    summary="Policies change and allow the same.",
    help="The order, labels and layout changed, or a new policy allows only what others already allow. The review proves that all policies together allow the same.",
    fix="Nothing to fix.",
)
ACCESS_REMOVED = Rule(
    "access-removed",
    (Level.NOTE, Topic.ACCESS, CHANGES),
    summary="A change only removes access, or a policy is deleted.",
    help="Calls of the plugin that are denied after the change are reported separately.",
    fix="Nothing to fix. If the principal still needs the access, keep the action.",
)


class NoGain(AboutPrincipals, frozen=True):
    """Policies change and allow nothing new."""

    is_deleted: bool
    lost: tuple[GainedPart, ...]  # what the old policies allow more


@says(NoGain)
def _no_gain(finding: Finding, change: NoGain) -> Saying:
    who = names_of(change.owners)
    if change.is_deleted:
        return Saying(f"{who} is deleted")
    if finding.rule is REWRITTEN:
        return Saying(f"The policies of {who} change, and allow the same")
    lost = [part_text(part) for part in change.lost if is_by_actions(part)]
    less = f"can no longer {lost[0]}" if lost else "can do less, and nothing new"
    return Saying(f"{who} {less}")
