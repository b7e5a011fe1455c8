"""Parts of a plan that are missing, and changes about access that are not read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum

from msgspec import Struct

from vpc_cni_iam.inputs.plan.arguments import ADDON, ASSOCIATION, CHART
from vpc_cni_iam.inputs.plan.kinds import is_newer_format
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.secrets import holds_mark
from vpc_cni_iam.inputs.plan.unread import WARNED, UnreadKind
from vpc_cni_iam.inputs.plan.values import one
from vpc_cni_iam.levels import Level
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Sensitive, Unknown
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.findings import Finding, finding
from vpc_cni_iam.review.rules import EVERY, Rule

# Settings have no finding: they give nobody access.
_LEVELS: Mapping[UnreadKind, Level] = {
    **dict.fromkeys(WARNED, Level.WARNING),
    UnreadKind.role: Level.NOTE,
    UnreadKind.deploys: Level.NOTE,
    UnreadKind.resource_policy: Level.NOTE,
    UnreadKind.command: Level.NOTE,
    UnreadKind.later: Level.NOTE,
}
# The arguments that say whether a resource of the type is the plugin, or gives aws-node a role.
_NAMES = {ADDON: ("addon_name",), CHART: ("chart",), ASSOCIATION: ("namespace", "service_account")}


class PlanGap(Enum):
    """A part of the plan that is missing or not read."""

    LEFT_OUT = "left out"  # the plan was made for targets, or defers changes
    FORMAT = "format"  # its format is newer
    MEMBERS = "members"  # it has unknown members


class PlanIncomplete(Struct, frozen=True):
    """A part of the plan as a whole is missing or not read."""

    gap: PlanGap
    names: tuple[str, ...] = ()  # the format, or the members


class MaybePlugin(Struct, frozen=True):
    """A resource may be the plugin, or give aws-node a role: a name is unknown."""

    argument: str


def check(context: Context) -> Iterator[Finding]:
    """Yield the parts that are missing or not read."""
    plan = context.plan
    if not plan.complete:
        yield finding(Rule.INCOMPLETE, PlanIncomplete(PlanGap.LEFT_OUT))
    if is_newer_format(plan.format):
        yield finding(Rule.FORMAT_UNKNOWN, PlanIncomplete(PlanGap.FORMAT, (plan.format,)))
    if plan.unknown_members:
        members = PlanIncomplete(PlanGap.MEMBERS, plan.unknown_members)
        yield finding(Rule.FORMAT_UNKNOWN, members)
    unnamed = [f for resource in context.reader.resources for f in _unnamed(resource)]
    yield from unnamed
    reported = {f.address for f in unnamed}
    for change in plan.unread:
        if change.address not in reported and (level := _LEVELS.get(change.kind)):
            means = EVERY if change.kind is UnreadKind.plugin else None
            where, attribute = change.address, ", ".join(change.arguments)
            rule = Rule.UNREAD_RESOURCE
            yield finding(rule, change, where, attribute=attribute, level=level, means=means)


def _unnamed(resource: Resource) -> Iterator[Finding]:
    """Yield resources that may be the plugin, because a name is unknown."""
    if resource.stays:
        return
    is_deleted, rule = resource.actions == ("delete",), Rule.UNREAD_RESOURCE
    side = Side.BEFORE if is_deleted else Side.AFTER
    for argument in _NAMES.get(resource.type, ()):
        value = one(resource, argument, side)
        if isinstance(value, Unknown | Sensitive) or holds_mark(str(value)):
            evidence, place = MaybePlugin(argument), resource.address
            yield finding(rule, evidence, place, attribute=argument, means=EVERY)
            return
