"""Parts of a plan that are missing, and changes about access that are not read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from vpc_cni_iam.inputs.plan.arguments import ADDON, CHART
from vpc_cni_iam.inputs.plan.kinds import is_newer_format
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.unread import UnreadKind
from vpc_cni_iam.inputs.plan.values import one
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Sensitive, Unknown
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.findings import Finding, finding
from vpc_cni_iam.review.rules import EVERY, Level, Rule

# Changes that are only named have no finding: these settings give nobody access. `uses` reports who
# newly gets a role.
_UNREAD: Mapping[UnreadKind, tuple[Rule, Level]] = {
    UnreadKind.access: (Rule.UNREAD_RESOURCE, Level.WARNING),
    UnreadKind.plugin: (Rule.UNREAD_RESOURCE, Level.WARNING),
    UnreadKind.unparsed: (Rule.UNREAD_RESOURCE, Level.WARNING),
    UnreadKind.later: (Rule.UNREAD_RESOURCE, Level.NOTE),
    UnreadKind.command: (Rule.UNREAD_COMMAND, Level.NOTE),
    UnreadKind.resource_policy: (Rule.UNREAD_RESOURCE_POLICY, Level.NOTE),
}
# The argument that says whether a resource of the type is the plugin.
_NAMES = {ADDON: "addon_name", CHART: "chart"}
_STAYS = (("no-op",), ("read",), ("forget",), ("delete",))


class LeftOut(Struct, frozen=True):
    """The plan was made for targets, or defers changes."""


class NewerFormat(Struct, frozen=True):
    """The plan has a newer format."""

    version: str


class UnknownMembers(Struct, frozen=True):
    """The plan has unknown members."""

    names: tuple[str, ...]


class MaybePlugin(Struct, frozen=True):
    """An add-on or a Helm release may be the plugin: its name is unknown."""

    argument: str


def check(context: Context) -> Iterator[Finding]:
    """Yield the parts that are missing or not read."""
    plan = context.plan
    if not plan.complete:
        yield finding(Rule.INCOMPLETE, LeftOut())
    if is_newer_format(plan.format):
        yield finding(Rule.FORMAT_UNKNOWN, NewerFormat(plan.format))
    if plan.unknown_members:
        yield finding(Rule.FORMAT_UNKNOWN, UnknownMembers(plan.unknown_members))
    shown = context.filler.resolver.by_address
    for change in plan.unread:
        # `uses` reports roles in the text of an object, also if the text is not read.
        is_said = change.kind is UnreadKind.unparsed and change.address in shown
        if change.kind in _UNREAD and not is_said:
            rule, level = _UNREAD[change.kind]
            level = Level.WARNING if change.opens else level
            means = EVERY if change.kind is UnreadKind.plugin else None
            argument, place = ", ".join(change.arguments), change.address
            yield finding(rule, change, place, attribute=argument, level=level, means=means)
    for resource in context.filler.resources:
        yield from _unnamed(resource)


def _unnamed(resource: Resource) -> Iterator[Finding]:
    """Yield add-ons and Helm releases that may be the plugin, because their name is unknown."""
    argument = _NAMES.get(resource.type)
    if argument is None or resource.actions in _STAYS:
        return
    if isinstance(one(resource, argument, Side.AFTER), Unknown | Sensitive):
        rule, evidence = Rule.UNREAD_RESOURCE, MaybePlugin(argument)
        yield finding(rule, evidence, resource.address, attribute=argument, means=EVERY)
