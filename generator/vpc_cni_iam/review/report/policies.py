"""The changes of each principal's policies, statement by statement."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

from vpc_cni_iam.account.grants import GrantPart
from vpc_cni_iam.inputs.plan.account.documents import Invalid, PlanContent, PlanPolicy
from vpc_cni_iam.inputs.plan.account.grants import PlanGrant
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource, InPlan
from vpc_cni_iam.policy.diff import Change, StatementAdded, StatementRemoved, differences
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.report import described, difference_lines
from vpc_cni_iam.policy.value import Absent, Sensitive, Unknown
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.locate import SourcePlace
from vpc_cni_iam.review.report.shown import ShownLine, ShownPolicy
from vpc_cni_iam.review.texts.names import name_of

_KINDS = {
    GrantPart.INLINE: "policy",
    GrantPart.ATTACHED: "attached policy",
    GrantPart.BOUNDARY: "permissions boundary",
    GrantPart.TRUST: "trust policy",
    GrantPart.GROUP: "group membership",
}
_NOTHING = Policy(())
_SAME = (ShownLine(Change.changed, "The statements are the same, written differently"),)


def shown_policies(
    context: Context, place: Callable[[str], SourcePlace | None]
) -> Iterator[ShownPolicy]:
    """Yield the policies that change, by principal."""
    old, new = context.accounts.sides
    for owner in context.accounts.principals:
        for key in dict.fromkeys((*old.of(owner), *new.of(owner))):
            before, after = old.of(owner).get(key), new.of(owner).get(key)
            if (before and before.content) != (after and after.content):
                yield _policy(owner, before, after, place)


def _policy(
    owner: IamResource,
    before: PlanGrant | None,
    after: PlanGrant | None,
    place: Callable[[str], SourcePlace | None],
) -> ShownPolicy:
    grant = after or before
    assert grant is not None  # noqa: S101 - one of them is there
    gone = Change.changed if after else Change.removed
    action = Change.added if before is None else gone
    address, attribute = grant.address, grant.attribute
    if action is Change.changed and isinstance(grant.policy, InPlan):
        address, attribute = grant.policy.address, "policy"  # not where it is attached
    return ShownPolicy(
        name_of(owner),
        _KINDS[grant.key.part],
        name_of(grant.policy) if grant.policy else "",
        address,
        attribute,
        action,
        _lines(before.content if before else Absent(), after.content if after else Absent()),
        place(address),
    )


@lru_cache(64)  # many principals may have the policy
def _lines(before: PlanContent, after: PlanContent) -> tuple[ShownLine, ...]:
    """Return the differences between two contents of a policy, or why they are not shown."""
    texts = (_not_shown(before, "before"), _not_shown(after, "after"))
    if any(texts):
        return tuple(ShownLine(Change.changed, text) for text in texts if text)
    sides = [side.shown if isinstance(side, PlanPolicy) else _NOTHING for side in (before, after)]
    lines = []
    for difference in differences(*sides):
        for line in difference_lines((difference,)):
            text, conditions = str(line), list[str]()
            if isinstance(difference, StatementAdded | StatementRemoved):  # as the sign says
                effect, *conditions = described(difference.statement)
                text = f"statement {difference.index + 1} {effect}"
            lines.append(ShownLine(line.change, text, tuple(conditions)))
    return tuple(lines) or _SAME


def _not_shown(content: PlanContent, when: str) -> str:
    match content:
        case Unknown(place):
            return f"The policy {when} the plan is not known: {place}"
        case Sensitive():
            return f"The policy {when} the plan is marked sensitive"
        case Invalid(_, why):
            return f"The value {when} the plan is not a valid policy: {why}"
    return ""
