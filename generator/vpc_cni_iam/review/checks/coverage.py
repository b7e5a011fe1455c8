"""Calls of the plugin that the roles of aws-node no longer allow, or do not allow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.account.grants import GrantPart
from vpc_cni_iam.catalog.facts.calls import calls as all_calls
from vpc_cni_iam.inputs.plan.account.grants import known_policies
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource
from vpc_cni_iam.levels import Level, at_most, most_severe
from vpc_cni_iam.policy.document import Policy, statements_of
from vpc_cni_iam.policy.proof.answer import NoNewAccess
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.plugin.calls import MissingCall, by_action
from vpc_cni_iam.review.diff.plugin.judged import OtherPlace
from vpc_cni_iam.review.diff.plugin.needs import (
    PluginNeeds,
    RoleNeeds,
    instance_needs,
    other_roles,
    plugin_needs,
)
from vpc_cni_iam.review.diff.plugin.nodes import metadata_closed, nodes_lost
from vpc_cni_iam.review.diff.plugin.roles import address_of, has_plugin_policy
from vpc_cni_iam.review.findings import Finding, finding
from vpc_cni_iam.review.rules import Rule


class DenialCause(Enum):
    """Why a call of the plugin is denied."""

    LOST = "lost"  # its policies allowed the call before
    MISSING = "missing"  # the version, setup or identity of the plugin changes
    STILL_MISSING = "still missing"  # the same, but the call was denied before, too
    LACKING = "lacking"  # a new role does not allow it
    AS_BEFORE = "as before"


class DeniedCalls(Struct, frozen=True):
    """The calls of the plugin that a role does not allow."""

    cause: DenialCause
    needs: PluginNeeds
    role: RoleNeeds
    calls: tuple[MissingCall, ...]
    open: tuple[str, ...]  # the unknown policies, which may allow them
    others: tuple[IamResource, ...]  # roles that aws-node may have instead of this one

    @property
    def elsewhere(self) -> tuple[OtherPlace, ...]:
        """New policies of the role that are for another cluster, VPC, Region or account."""
        return self.role.elsewhere if self.cause is DenialCause.MISSING else ()


class LimitNotShown(Struct, frozen=True):
    """A role of the plugin gets an unknown permissions boundary."""

    role: IamResource
    limit: str


# The rule and the highest severity for each cause.
_RULES = {
    DenialCause.LOST: (Rule.COVERAGE_LOST, Level.ERROR),
    DenialCause.MISSING: (Rule.PERMISSION_MISSING, Level.ERROR),
    DenialCause.STILL_MISSING: (Rule.PERMISSION_MISSING, Level.WARNING),
    DenialCause.LACKING: (Rule.COVERAGE_LACKING, Level.WARNING),
    DenialCause.AS_BEFORE: (Rule.COVERAGE_LACKING, Level.NOTE),
}


class MayBeNeeded(Struct, frozen=True):
    """A role allows fewer calls of the plugin, which depend on settings that are not read."""

    role: IamResource
    actions: tuple[str, ...]


def check(context: Context) -> Iterator[Finding]:
    """Yield the calls of the plugin that its roles do not allow."""
    for needs in plugin_needs(context):
        for role in () if needs.plugin.is_deleted else needs.roles:
            yield from _of_role(role, needs, context)
            yield from _of_limit(role, context)
            yield from _of_unread(role, needs, context)
    yield from _of_instances(context)
    for closed in metadata_closed(context):
        yield finding(Rule.IDENTITY_LOST, closed, closed.group, attribute="launch_template")
    for lost in nodes_lost(context):
        yield of_role(lost.role, Rule.IDENTITY_LOST, lost, context, address=lost.workload)


def of_role(
    role: IamResource,
    rule: Rule,
    evidence: Struct,
    context: Context,
    level: Level | None = None,
    address: str = "",
) -> Finding:
    """Return a finding about a role of aws-node or of nodes, at its address by default."""
    where = address or address_of(context, role)
    return finding(rule, evidence, where, subject=role, level=level)


def _of_role(role: RoleNeeds, needs: PluginNeeds, context: Context) -> Iterator[Finding]:
    lost = {call.action for call in role.lost}
    missing = [call for call in by_action(role.missing) if call.action not in lost]
    newly = {call.action: call for call in by_action(role.newly) if call.action not in lost}
    if role.elsewhere:  # the plan causes what a policy for another place does not allow
        newly |= {call.action: call for call in missing if call.is_fatal}
    old = [call for call in missing if call.is_fatal and call.action not in newly]
    by_cause = {DenialCause.LOST: by_action(role.lost), DenialCause.MISSING: newly.values()}
    if cause := _of_rest(role, needs, context):
        by_cause[cause] = old
    for cause, calls in by_cause.items():
        yield from _denied(cause, calls, role, needs, context)


def _of_rest(role: RoleNeeds, needs: PluginNeeds, context: Context) -> DenialCause | None:
    """Return why a call is reported that is neither lost nor newly missing; None if it is not."""
    if needs.is_changed:
        return DenialCause.STILL_MISSING
    has_own = role.is_changed and has_plugin_policy(context, role.role)
    if role.is_first and (has_own or role.newly_fails):
        return DenialCause.LACKING
    if not has_own:
        return None
    # A policy alone, or with unknown ones, need not be all policies of the role.
    return None if role.open_grants or role.is_policy else DenialCause.AS_BEFORE


def _denied(
    cause: DenialCause,
    calls: Iterable[MissingCall],
    role: RoleNeeds,
    needs: PluginNeeds,
    context: Context,
) -> Iterator[Finding]:
    # For a new role, the answer says what depends on values that are known after apply.
    is_new = role.role in context.accounts.created
    calls = tuple(call for call in calls if not (is_new and call.is_later))
    if not calls:
        return
    others = other_roles(context, needs, role)
    # A Deny or a boundary applies, whatever other policies allow.
    is_certain = any(call.level is Level.ERROR and call.denied_by is not None for call in calls)
    may_allow = () if is_certain else tuple(grant.written_at for grant in role.open_grants)
    rule, limit = _RULES[cause]
    if cause is DenialCause.LACKING and role.newly_fails:
        limit = Level.ERROR  # the answer is that aws-node fails
    limit = at_most(limit, Level.WARNING) if others or may_allow else limit
    level = at_most(most_severe(call.level for call in calls), limit)
    evidence = DeniedCalls(cause, needs, role, calls, may_allow, others)
    yield of_role(role.role, rule, evidence, context, level)


def _of_limit(role: RoleNeeds, context: Context) -> Iterator[Finding]:
    """Yield roles of the plugin that get an unknown boundary."""
    before, after = (
        account.one(role.role, GrantPart.BOUNDARY) for account in context.accounts.sides
    )
    if after is None or not after.is_open or not context.accounts.before.policies(role.role):
        return
    if before is None or before.content != after.content:
        evidence = LimitNotShown(role.role, after.written_at)
        yield of_role(role.role, Rule.COVERAGE_LOST, evidence, context, Level.WARNING)


def _of_unread(role: RoleNeeds, needs: PluginNeeds, context: Context) -> Iterator[Finding]:
    """Yield the calls that a role no longer allows, and that unread settings may enable."""
    if not needs.plugin.after.setup.has_unread:
        return
    before, after = (
        known_policies(account.policies(role.role).values()) for account in context.accounts.sides
    )
    calls = {call.action for call in all_calls()} - {call.action for call in role.lost}
    called = tuple(
        replace(statement, actions=tuple(sorted(filter(statement.is_about, calls))), not_actions=())
        for statement in statements_of(before, "Allow")
    )
    of_plugin = Policy(tuple(statement for statement in called if statement.actions))
    if isinstance(context.proofs.prove(after, [of_plugin]), NoNewAccess):
        return
    has = {call for call in calls if any(s.is_about(call) for s in statements_of(after, "Allow"))}
    had = {action for statement in of_plugin.statements for action in map(str, statement.actions)}
    evidence = MayBeNeeded(role.role, tuple(sorted(had - has or had)))
    yield of_role(role.role, Rule.COVERAGE_LOST, evidence, context, Level.WARNING)


def _of_instances(context: Context) -> Iterator[Finding]:
    """Yield what aws-node loses with another role of instances, without a cluster in the plan."""
    for workload, needs in instance_needs(context).values():
        (role,) = needs.roles
        for lost in _denied(DenialCause.LOST, by_action(role.newly), role, needs, context):
            yield replace(lost, address=workload)
