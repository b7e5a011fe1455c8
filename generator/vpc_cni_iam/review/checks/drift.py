"""Changes outside of the configuration, with the same checks as the plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from vpc_cni_iam.inputs.plan.account.iam_resource import InPlan
from vpc_cni_iam.inputs.plan.arguments import list_argument
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.levels import Level
from vpc_cni_iam.review.checks.no_new_access import ACCESS_REMOVED
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.findings import Finding, Saying, finding, say, says
from vpc_cni_iam.review.rules import CHANGES, Consequence, Rule, Topic

DRIFT = Rule(
    "drift",
    (Level.WARNING, Topic.PLAN, CHANGES),
    summary="A policy was changed outside of Terraform.",
    help="The finding says what the change since the last apply allows or removes. What the plan changes is reported separately. If the plan keeps the change, for example with `ignore_changes`, `--fail-on` treats it as if the plan made it. It is a note if a policy is gone that the plugin does not need.",
    fix="Find out who changed the policy. If the change is right, put it into the configuration. If not, apply the plan. Do not hide it with `ignore_changes`.",
)


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
        # The checks of the plan report rules without kinds, or they are no changes.
        if not each.rule.means or is_there_before:
            continue
        is_left = _is_left(each, drifted.get(each.address), context, earlier)
        level, means = each.level, (*each.means, *CHANGES)
        if not is_left:
            is_grave = level is not Level.NOTE or each.rule is ACCESS_REMOVED
            level, means = (Level.WARNING if is_grave else level), CHANGES
        yield finding(
            DRIFT,
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
        is_note = each.rule is ACCESS_REMOVED and each.level is Level.NOTE
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


@says(Drifted)
def _drifted(_: Finding, drift: Drifted) -> Saying:
    """Return the sentence about a change outside of the configuration, from that of its effect."""
    saying, address = say(drift.finding), drift.finding.address or "something"
    if not drift.is_left:
        # The plan does not give this access; it ends it.
        was = saying.message.replace(" can now ", " could ")
        was = was.replace(" can no longer ", " could not ")
        text = f"Outside of the configuration: {was}; the plan reverts or deletes it"
        return Saying(text, saying.details)
    message = f"{saying.message}; {address} was changed outside of the configuration"
    fix = f"Change the configuration of {address}, or revert what was changed"
    return Saying(f"{message}, and the plan keeps the change", saying.details, fix)
