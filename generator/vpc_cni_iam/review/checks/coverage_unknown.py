"""Calls that the plugin may lose, because a plan does not show a limit or settings."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.account.grants import GrantPart
from vpc_cni_iam.catalog.facts.calls import calls as all_calls
from vpc_cni_iam.inputs.plan.account.grants import known_policies
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource
from vpc_cni_iam.levels import Level
from vpc_cni_iam.policy.document import Policy, statements_of
from vpc_cni_iam.policy.proof.answer import NoNewAccess
from vpc_cni_iam.review.checks.coverage import COVERAGE_LOST, of_role
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.plugin.needs import PluginNeeds, RoleNeeds, plugin_needs
from vpc_cni_iam.review.findings import Finding, Saying, says
from vpc_cni_iam.review.texts.names import name_of, several


class LimitNotShown(Struct, frozen=True):
    """A role of the plugin gets an unknown permissions boundary."""

    role: IamResource
    limit: str


class MayBeNeeded(Struct, frozen=True):
    """A role allows fewer calls of the plugin, which depend on settings that are not read."""

    role: IamResource
    actions: tuple[str, ...]


def check(context: Context) -> Iterator[Finding]:
    """Yield the roles of the plugin that may no longer allow its calls."""
    for needs in plugin_needs(context):
        for role in () if needs.plugin.is_deleted else needs.roles:
            yield from _of_limit(role, context)
            yield from _of_unread(role, needs, context)


def _of_limit(role: RoleNeeds, context: Context) -> Iterator[Finding]:
    """Yield roles of the plugin that get an unknown boundary."""
    before, after = (
        account.one(role.role, GrantPart.BOUNDARY) for account in context.accounts.sides
    )
    if after is None or not after.is_open or not context.accounts.before.policies(role.role):
        return
    if before is None or before.content != after.content:
        evidence = LimitNotShown(role.role, after.written_at)
        yield of_role(role.role, COVERAGE_LOST, evidence, context, Level.WARNING)


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
    yield of_role(role.role, COVERAGE_LOST, evidence, context, Level.WARNING)


@says(LimitNotShown)
def _limit_not_shown(_: Finding, limit: LimitNotShown) -> Saying:
    role = name_of(limit.role)
    message = f"{role} gets the permissions boundary {limit.limit}, which the plan does not show. "
    message += "The plugin may no longer call what it needs"
    return Saying(message, fix=f"Check that {limit.limit} allows what the plugin calls")


@says(MayBeNeeded)
def _may_be_needed(_: Finding, needed: MayBeNeeded) -> Saying:
    role, actions = name_of(needed.role), several(needed.actions)
    message = f"{role} no longer allows {actions}, which aws-node may call: its settings are not "
    return Saying(f"{message}read", fix=f"Check that aws-node does not need {actions}")
