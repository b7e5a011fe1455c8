"""Changes outside of the configuration, with the same checks as the plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from vpc_cni_iam.inputs.plan.account.iam_resource import InPlan
from vpc_cni_iam.inputs.plan.arguments import list_argument
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.levels import Level
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.findings import Finding, finding
from vpc_cni_iam.review.rules import CHANGES, Consequence, Rule

# The checks of the plan report these already, or they are no changes.
_OF_PLAN = tuple(rule for rule in Rule if not rule.means)


class Drifted(Struct, frozen=True):
    """The effect of a change outside of the configuration."""

    finding: Finding
    is_left: bool  # whether the plan keeps the change


def drift(
    context: Context, checks: Iterable[Callable[[Context], Iterator[Finding]]]
) -> Iterator[Finding]:
    """Yield the findings of `checks` about the changes from the state to the real objects.

    A change that the plan keeps has the severity of its effect; one that it reverts is a warning.
    """
    earlier = context.drift
    if earlier is None:
        return
    drifted = {r.address: r for r in earlier.plan.resources if not r.is_unchanged}
    for each in (each for check in checks for each in check(earlier)):
        is_there_before = each.level is Level.NOTE and Consequence.ANY_CHANGE not in each.means
        if each.rule in _OF_PLAN or is_there_before:
            continue
        is_left = _is_left(each, drifted.get(each.address), context, earlier)
        level, means = each.level, (*each.means, *CHANGES)
        if not is_left:
            is_grave = level is not Level.NOTE or each.rule is Rule.ACCESS_REMOVED
            level, means = (Level.WARNING if is_grave else level), CHANGES
        yield finding(
            Rule.DRIFT,
            Drifted(each, is_left),
            each.address,
            attribute=each.attribute,
            subject=each.subject,
            level=level,
            means=means,
        )


def without_echoes(findings: Iterable[Finding], drifts: Iterable[Finding]) -> Iterator[Finding]:
    """Yield findings without notes of removed access that only revert drift."""
    reverted = {
        (each.address, each.attribute, each.subject)
        for each in drifts
        if isinstance(each.evidence, Drifted) and not each.evidence.is_left
    }
    for each in findings:
        is_note = each.rule is Rule.ACCESS_REMOVED and each.level is Level.NOTE
        if not (is_note and (each.address, each.attribute, each.subject) in reverted):
            yield each


def _is_left(each: Finding, change: Resource | None, context: Context, earlier: Context) -> bool:
    """Return whether the plan keeps the drift that a finding is about."""
    planned = context.reader.resolver.by_address.get(each.address)
    if change and planned and not planned.stays:
        if planned.is_deleted:
            # Principals keep the policies of an exclusive list that is deleted.
            return (
                bool(list_argument(planned.type)) and each.subject not in context.accounts.deleted
            )
        return _is_as_drifted(each, change, planned)
    # Another resource may restore the access of a whole principal.
    if (change and each.attribute) or not isinstance(each.subject, InPlan):
        return True
    contents = [
        {key: grant.content for key, grant in accounts.after.policies(each.subject).items()}
        for accounts in (earlier.accounts, context.accounts)
    ]
    return contents[0] == contents[1]


def _is_as_drifted(each: Finding, change: Resource, planned: Resource) -> bool:
    """Return whether the values of a finding after the plan are those of the drift."""
    before, drifted = (side or {} for side in (change.before, change.after))
    after = planned.after or {}
    names = {name for name in {**before, **drifted} if before.get(name) != drifted.get(name)}
    # All drifted values, if the finding is about none of them.
    names = {each.attribute.partition(".")[0].partition("[")[0]} & names or names
    return change.after is not None and all(after.get(n) == drifted.get(n) for n in names)
