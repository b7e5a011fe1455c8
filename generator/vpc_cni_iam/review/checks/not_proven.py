"""Changes of which it is not known whether they allow something new."""

from __future__ import annotations

from typing import Self

from msgspec.structs import replace

from vpc_cni_iam.account.grants import GrantPart
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.inputs.plan.account.grants import GrantKey
from vpc_cni_iam.inputs.plan.account.iam_resource import InPlan, Named, Unresolved
from vpc_cni_iam.levels import Level
from vpc_cni_iam.policy.proof.answer import NewAccess, NotProven
from vpc_cni_iam.review.diff.harm import GainedPart
from vpc_cni_iam.review.findings import AboutPrincipals, Finding, Saying, says
from vpc_cni_iam.review.rules import GAINS, Rule, Topic
from vpc_cni_iam.review.texts.access import also, example_lines, part_text, undecided_text
from vpc_cni_iam.review.texts.names import conjugate, name_of, names_of

NOT_PROVEN = Rule(
    "not-proven",
    (Level.WARNING, Topic.ACCESS, GAINS),
    summary="It is not known whether a changed policy allows more.",
    help="There is neither a proof that the change allows nothing new, nor an example request. The finding says why. A common reason is a removed Deny: another policy, which the plan may not show, may allow what the Deny denied. A removed policy that the plan does not show may have had a Deny. Read the change yourself.",
    fix="Read both policies. Often the change can be split, so that each part is proven by itself.",
)


class AccessUndecided(AboutPrincipals, frozen=True):
    """It is not known whether something is newly allowed."""

    answer: NotProven


class DenyLost(AboutPrincipals, frozen=True):
    """A Deny is or may be removed, and policies that the plan does not show may allow the rest."""

    parts: tuple[GainedPart, ...]  # empty if the plan does not show the policy
    hidden: tuple[GrantKey, ...]  # the policies that the plan does not show
    example: NewAccess | None = None

    @property
    def same(self) -> Self:
        """Without the example, which may differ although the statements are the same."""
        return replace(self, owners=(), example=None)


@says(AccessUndecided)
def _undecided(finding: Finding, undecided: AccessUndecided) -> Saying:
    who = names_of(undecided.owners)
    reason = undecided_text(undecided.answer, "the policy")
    return Saying(f"It is not known whether {who} can do more: {reason}")


@says(DenyLost)
def _deny_lost(finding: Finding, lost: DenyLost) -> Saying:
    who = names_of(lost.owners)
    if lost.hidden:
        gone = first_of(map(_hidden, lost.hidden))
        message = f"{who} {conjugate('lose', lost.owners)} {gone}, which the plan does not show"
        return Saying(f"{message}. If it has a Deny, the Deny no longer applies")
    first, *rest = list(map(part_text, lost.parts)) or ["do more"]
    message = f"{who} may now {first}. The plan may not show what other policies allow"
    return Saying(message, (*also(rest, is_first=False), *example_lines(lost.example)))


def _hidden(key: GrantKey) -> str:
    """Return the name of a policy that the plan does not show."""
    match key:
        case GrantKey(GrantPart.GROUP, InPlan() | Named() | Unresolved() as group):
            return f"the policies of {name_of(group)}"
        case GrantKey(_, InPlan() | Named() | Unresolved() as policy):
            return name_of(policy)
    return f"the inline policy {key.name}" if key.name else "its document"
