"""What was changed outside of the configuration: the same comparison once more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum

from msgspec import Struct

from vpc_cni_iam.inputs.plan.arguments import GRANTS, LISTS
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.review.account.iam_resource import InPlan
from vpc_cni_iam.review.account.resolve import as_left
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.findings import Finding, finding
from vpc_cni_iam.review.rules import Consequence, Level, Rule

# What is said of the plan as well: whom names may mean, and what is no change.
_OF_PLAN = (Rule.AMBIGUOUS, *(rule for rule in Rule if not rule.means))
_STAYS = (("no-op",), ("read",), ("forget",))
_LISTS = {kind for kind, rows in GRANTS.items() if any(row.part in LISTS for row in rows)}


class DriftOutcome(Enum):
    """What the plan does about a change that was made outside of the configuration."""

    KEPT = "kept"
    REVERTED = "reverted"
    DELETED = "deleted"


class Drifted(Struct, frozen=True):
    """What a change outside of the configuration comes to."""

    finding: Finding
    outcome: DriftOutcome


def drift(
    context: Context, checks: Iterable[Callable[[Context], Iterator[Finding]]]
) -> Iterator[Finding]:
    """Yield what `checks` find between the state and what is really there.

    What the plan leaves so counts for what it is.
    """
    earlier = context.drift
    if earlier is None:
        return
    drifted = {r.address: r for r in earlier.plan.resources if r.actions != ("no-op",)}
    for check in checks:
        for each in check(earlier):
            if each.rule not in _OF_PLAN and not _stays(each):
                yield _as_drift(each, _outcome(each, drifted, context, earlier))


def without_echoes(
    findings: Iterable[Finding], drifts: Iterable[Finding], context: Context
) -> Iterator[Finding]:
    """Yield findings but for access that goes back to what it was: its drift says so."""
    gains = {
        (each.address, each.attribute, each.subject)
        for each in drifts
        if isinstance(each.evidence, Drifted) and each.evidence.outcome is DriftOutcome.REVERTED
        if Consequence.NEW_ACCESS in each.evidence.finding.means
    }
    for each in findings:
        is_gain = (each.address, each.attribute, each.subject) in gains
        if not (each.rule is Rule.ACCESS_REMOVED and is_gain and _goes_back(each, context)):
            yield each


def _goes_back(each: Finding, context: Context) -> bool:
    """Say whether the plan makes the argument of a finding what it was before it drifted."""
    argument = _argument(each)
    drifted = (r.before for r in context.plan.resources if r.drift and r.address == each.address)
    planned = context.filler.resolver.by_address.get(each.address)
    before, after = next(drifted, None) or {}, (planned.after if planned else None) or {}
    return argument in before and before.get(argument) == after.get(argument)


def _stays(each: Finding) -> bool:
    """Say whether a finding is about a state that was there before."""
    return each.level is Level.NOTE and Consequence.ANY_CHANGE not in each.means


def _as_drift(each: Finding, outcome: DriftOutcome) -> Finding:
    level, means = each.level, (*each.means, Consequence.ANY_CHANGE)
    if outcome is not DriftOutcome.KEPT:
        means = (Consequence.ANY_CHANGE,)
        changes = level is not Level.NOTE or each.rule is Rule.ACCESS_REMOVED
        is_grave = outcome is DriftOutcome.REVERTED and changes
        level = Level.WARNING if is_grave else Level.NOTE
    return finding(
        Rule.DRIFT,
        Drifted(each, outcome),
        each.address,
        attribute=each.attribute,
        subject=each.subject,
        level=level,
        means=means,
    )


def _outcome(
    each: Finding, drifted: Mapping[str, Resource], context: Context, earlier: Context
) -> DriftOutcome:
    """Return what the plan does about what a finding is about."""
    change = drifted.get(each.address)
    if change is None:
        return _outcome_of_subject(each, context, earlier)
    planned = context.filler.resolver.by_address.get(each.address)
    if planned is None or planned.actions in _STAYS:
        # Of a principal as a whole, another resource may put back what was taken.
        return DriftOutcome.KEPT if each.attribute else _outcome_of_subject(each, context, earlier)
    if as_left(planned).after is None and planned.unknown is not True:
        # The policies of an exclusive list that is deleted stay with whoever has them.
        is_list = planned.type in _LISTS
        if not is_list or each.subject in context.accounts.deleted:
            return DriftOutcome.DELETED
        return DriftOutcome.KEPT
    is_kept = _is_kept(change, planned, _argument(each))
    return DriftOutcome.KEPT if is_kept else DriftOutcome.REVERTED


def _argument(each: Finding) -> str:
    return each.attribute.partition(".")[0].partition("[")[0]


def _is_kept(change: Resource, planned: Resource, argument: str) -> bool:
    """Say whether a plan leaves an argument as it drifted; all that did, if it is none of them."""
    before, drifted, after = (side or {} for side in (change.before, change.after, planned.after))
    names = {name for name in {**before, **drifted} if before.get(name) != drifted.get(name)}
    names = {argument} if argument in names else names
    return change.after is not None and all(after.get(n) == drifted.get(n) for n in names)


def _outcome_of_subject(each: Finding, context: Context, earlier: Context) -> DriftOutcome:
    if not isinstance(each.subject, InPlan):
        return DriftOutcome.KEPT
    if each.subject in context.accounts.deleted:
        return DriftOutcome.DELETED
    contents = [
        {key: grant.content for key, grant in accounts.after.policies(each.subject).items()}
        for accounts in (context.accounts, earlier.accounts)
    ]
    return DriftOutcome.KEPT if contents[0] == contents[1] else DriftOutcome.REVERTED
