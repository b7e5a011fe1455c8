"""What the plugin can no longer call, or cannot call, with the roles of aws-node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from itertools import product

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.inputs.plan.arguments import (
    NODE_GROUP,
    POLICY,
    PROFILE,
    ROLE_USES,
    Part,
    is_of_instances,
)
from vpc_cni_iam.inputs.plan.reader import Resource
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.review.account.grants import Grant
from vpc_cni_iam.review.account.iam_resource import IamResource, InPlan
from vpc_cni_iam.review.account.plugin.state import PluginIdentity
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.plugin.answers import is_deleted, other_roles
from vpc_cni_iam.review.diff.plugin.calls import MissingCall, by_action, lost_calls
from vpc_cni_iam.review.diff.plugin.needs import PluginNeeds, RoleNeeds, written_at
from vpc_cni_iam.review.diff.plugin.other_places import OtherPlace, other_places
from vpc_cni_iam.review.diff.plugin.roles import has_plugin_policy
from vpc_cni_iam.review.findings import Finding, finding
from vpc_cni_iam.review.rules import Level, Rule, at_most, most_severe


class DenialCause(Enum):
    """Why the plugin cannot call something."""

    LOST = "lost"  # its policies allowed it before
    MISSING = "missing"  # the plugin has another version, setup or identity after
    LACKING = "lacking"  # a new role does not allow it
    AS_BEFORE = "as before"


class DeniedCalls(Struct, frozen=True):
    """What the plugin cannot call with a role."""

    cause: DenialCause
    version: PluginVersion
    mode: Mode
    identity: Identity
    role: IamResource
    calls: tuple[MissingCall, ...]
    open: tuple[str, ...]  # the policies of which nothing is known, which may allow it
    others: tuple[IamResource, ...]  # roles that aws-node may have in place of this one
    elsewhere: tuple[OtherPlace, ...]  # new policies of the role that are for another place
    denied_by: str  # the policy or limit that denies the first call; empty if none allows it
    policy: str  # the plugin's policy; empty for none
    is_removed: bool  # whether the role no longer has that policy


class LimitNotShown(Struct, frozen=True):
    """A role of the plugin gets a permissions boundary of which nothing is known."""

    role: IamResource
    limit: str


_OWN = (Identity.pod_identity, Identity.irsa)
_RULES = {
    DenialCause.LOST: (Rule.COVERAGE_LOST, Level.ERROR),
    DenialCause.MISSING: (Rule.PERMISSION_MISSING, Level.ERROR),
    DenialCause.LACKING: (Rule.COVERAGE_LACKING, Level.WARNING),
}
# What was missing before, too: by whether the plugin runs otherwise after.
_AS_BEFORE = {
    True: (Rule.PERMISSION_MISSING, Level.WARNING),
    False: (Rule.COVERAGE_LACKING, Level.NOTE),
}


def check(context: Context) -> Iterator[Finding]:
    """Yield the calls of the plugin that its roles do not allow."""
    for needs in context.plugin_needs:
        if needs.cluster is not None and is_deleted(needs.cluster):
            continue
        for role in needs.roles:
            yield from _of_role(role, needs, context)
            yield from _of_limit(role, context)
    if not any(plugin.after.identity.kind in _OWN for plugin in context.plugins):
        yield from _of_instances(context)


def _of_role(role: RoleNeeds, needs: PluginNeeds, context: Context) -> Iterator[Finding]:
    yield from _lost(role, needs, context)
    missing = by_action(role.missing or ())
    lost = {call.action for call in role.lost}
    newly = {call.action: call for call in by_action(role.newly) if call.action not in lost}
    places = tuple(_new_places(role, needs, context))
    if places:  # what a policy for another place does not allow is of the plan's making
        newly |= {c.action: c for c in missing if c.is_fatal and c.action not in lost}
    if needs.cluster is not None and (needs.is_changed or places):
        yield from _found(DenialCause.MISSING, newly.values(), role, needs, context, places)
    else:
        newly = {}
    old = [c for c in missing if c.is_fatal and c.action not in lost and c.action not in newly]
    if cause := _of_rest(role, needs, context):
        yield from _found(cause, old, role, needs, context)


def _of_rest(role: RoleNeeds, needs: PluginNeeds, context: Context) -> DenialCause | None:
    """Return as what a call counts that is neither lost nor newly missing; None for nothing."""
    if needs.is_changed:
        return DenialCause.AS_BEFORE
    if not (role.is_changed and has_plugin_policy(context, role.role)):
        return None
    if not context.accounts.before.policies(role.role):
        return DenialCause.LACKING
    # A policy alone, or beside others that are not known, need not be all that a role has.
    is_all = not (role.open or _is_policy(role.role, context))
    return DenialCause.AS_BEFORE if is_all else None


def _is_policy(owner: IamResource, context: Context) -> bool:
    by_address = context.filler.resolver.by_address
    return isinstance(owner, InPlan) and by_address[owner.address].type == POLICY


def _lost(role: RoleNeeds, needs: PluginNeeds, context: Context) -> Iterator[Finding]:
    """Yield what is lost, by level: what fails and what only does less are two findings."""
    for level in reversed(Level):
        calls = [call for call in by_action(role.lost) if call.level is level]
        yield from _found(DenialCause.LOST, calls, role, needs, context)


def _found(
    cause: DenialCause,
    calls: Iterable[MissingCall],
    role: RoleNeeds,
    needs: PluginNeeds,
    context: Context,
    places: tuple[OtherPlace, ...] = (),
) -> Iterator[Finding]:
    calls = tuple(calls)
    is_new = role.role in context.accounts.created
    if is_new:  # what a part that is known after apply decides, the answer says
        calls = tuple(call for call in calls if not call.is_later)
    if not calls:
        return
    others = _others(role, calls, needs, context)
    by = next((c.denied_by for c in calls if c.denied_by is not None), None)
    evidence = DeniedCalls(
        cause,
        needs.after.version,
        needs.mode,
        needs.cluster.after.identity.kind if needs.cluster else Identity.unknown,
        role.role,
        calls,
        tuple(map(written_at, role.open)),
        others,
        places,
        role.places[by] if by is not None and by < len(role.places) else "",
        role.policy,
        bool(role.policy) and role.policy not in role.places,
    )
    rule, level = _rule(cause, calls, needs)
    # A Deny, or a boundary, counts whatever other policies allow.
    is_certain = any(call.level is Level.ERROR and call.denied_by is not None for call in calls)
    if others or (role.open and not is_certain):
        level = at_most(level, Level.WARNING)
    yield finding(rule, evidence, _address(role, context), subject=role.role, level=level)


def _others(
    role: RoleNeeds, calls: tuple[MissingCall, ...], needs: PluginNeeds, context: Context
) -> tuple[IamResource, ...]:
    """Return the roles that aws-node may have in place of one, and that may allow its calls."""
    if needs.cluster is None:
        return other_roles(context, role.role)
    identity = needs.cluster.after.identity
    if not identity.is_one_of_several:
        return ()
    denied = {call.action for call in calls}
    lacking = (r.role for r in needs.roles if denied <= {call.action for call in r.missing or ()})
    return tuple(sorted(identity.roles - {role.role, *lacking}, key=str))


def _rule(
    cause: DenialCause, calls: Iterable[MissingCall], needs: PluginNeeds
) -> tuple[Rule, Level]:
    """Return the rule and the level of calls, by why the plugin cannot send them."""
    rule, limit = _RULES.get(cause) or _AS_BEFORE[needs.is_changed]
    return rule, at_most(most_severe(call.level for call in calls), limit)


def _new_places(role: RoleNeeds, needs: PluginNeeds, context: Context) -> Iterator[OtherPlace]:
    """Yield for which other place new policies of aws-node's role are."""
    before, after = (account.policies(role.role) for account in context.accounts.sides)
    for key, grant in after.items():
        if needs.cluster is not None and not _is_same(before.get(key), grant):
            places = other_places([grant], needs.after)
            yield from (each for each in places if each.kind.decides_calls)


def _address(role: RoleNeeds, context: Context) -> str:
    """Return the address of a role; of one that is not in the plan, that of what it has."""
    if isinstance(role.role, InPlan):
        return role.role.address
    sides = (account.policies(role.role).values() for account in reversed(context.accounts.sides))
    return next((grant.address for grants in sides for grant in grants), "")


def _of_limit(role: RoleNeeds, context: Context) -> Iterator[Finding]:
    """Yield that a role of the plugin comes under a boundary of which nothing is known."""
    before, after = (account.one(role.role, Part.BOUNDARY) for account in context.accounts.sides)
    if after is None or not after.is_open or not context.accounts.before.policies(role.role):
        return
    if not _is_same(before, after):
        evidence = LimitNotShown(role.role, written_at(after))
        address, level = _address(role, context), Level.WARNING
        yield finding(Rule.COVERAGE_LOST, evidence, address, subject=role.role, level=level)


def _of_instances(context: Context) -> Iterator[Finding]:
    """Yield what aws-node loses with another role of instances that no cluster of the plan has."""
    seen: set[tuple[IamResource, IamResource]] = set()
    for resource in sorted(context.filler.resources, key=lambda r: r.type != PROFILE):
        if resource.type not in ROLE_USES or resource.type == NODE_GROUP:
            continue
        if not is_of_instances(resource.type) or not (resource.before and resource.after):
            continue
        old, new = (set(_roles(resource, context, side)) for side in Side)
        for pair in product(sorted(old - new, key=str), sorted(new - old, key=str)):
            if pair not in seen and has_plugin_policy(context, pair[0]):
                seen.add(pair)
                yield from _of_pair(*pair, resource.address, context)


def _of_pair(
    old: IamResource, new: IamResource, address: str, context: Context
) -> Iterator[Finding]:
    if new not in context.accounts.after.grants and new not in context.accounts.created:
        return
    finder = context.needs_finder
    needs = finder.of_role(new)
    calls = finder.calls(new, PluginIdentity(), needs.after, Side.AFTER)
    had = finder.calls(old, PluginIdentity(), needs.after, Side.BEFORE)
    if calls is not None:
        role = replace(needs.roles[0], lost=lost_calls(calls, had))
        for each in _lost(role, needs, context):
            yield replace(each, address=address)


def _roles(resource: Resource, context: Context, side: Side) -> Iterator[IamResource]:
    """Yield the roles of instances of a resource."""
    resolver = context.filler.resolver
    for role in resolver.roles_behind(InPlan(resource.address), resource.type, side):
        yield context.filler.owner(role)


def _is_same(before: Grant | None, after: Grant) -> bool:
    return before is not None and before.content == after.content
