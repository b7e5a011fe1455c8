"""The answer to the question: does aws-node work after the plan?"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.review.diff.plugin.assuming import can_assume, is_less_trusted
from vpc_cni_iam.review.diff.plugin.calls import MissingCall
from vpc_cni_iam.review.diff.plugin.needs import PluginNeeds, RoleNeeds
from vpc_cni_iam.review.rules import Level

if TYPE_CHECKING:
    from vpc_cni_iam.review.context import Context


class AnswerVerdict(StrEnum):
    """Whether aws-node works after the plan, the worst first."""

    FAILS = "fails"
    NOT_SHOWN = "not shown"
    DEGRADED = "degraded"
    WORKS = "works"


class AnswerReason(StrEnum):
    """Why it does not work, or the plan does not show it."""

    REMOVED = "removed"  # the plan removes the plugin
    ROLE_DELETED = "role deleted"
    NOT_TRUSTED = "not trusted"  # the trust policy of its role does not trust it
    MISSING = "missing"  # its role does not allow calls
    TRUST = "trust"  # a condition decides whether its role trusts it
    IDENTITY = "identity"  # the plan does not say which role it has
    OWNER = "owner"  # the plan does not say which role has a policy
    ROLE = "role"  # the plan does not have its role
    POLICY = "policy"  # the plan does not show a policy that may allow what is missing
    LIMIT = "limit"  # the plan does not show a boundary or session policy
    LATER = "later"  # parts of its policies are known after apply
    UNDECIDED = "undecided"  # conditions, or the Region, decide
    CONTROLLER = "controller"  # the cluster's role lacks what security groups for pods need
    CONFLICT = "conflict"  # one resource removes a policy, and another one keeps it
    REFUSED = "refused"  # a policy is not valid


class PluginAnswer(Struct, frozen=True):
    """Whether aws-node works in a cluster, or with a role of which the plan names no cluster."""

    needs: PluginNeeds
    verdict: AnswerVerdict
    reason: AnswerReason | None  # None where it works
    is_as_before: bool = False  # whether it failed before as well


def answer(needs: PluginNeeds, context: Context) -> PluginAnswer | None:
    """Return the answer of a cluster or a role; None where aws-node does not run after."""
    after = needs.plugin.after
    is_without_nodes = not after.installer and after.is_auto_mode and not after.node_groups
    if needs.plugin.is_deleted or is_without_nodes:
        return None
    pairs = [*_of_cluster(needs, context)] if needs.is_of_cluster else []
    pairs += [pair for role in needs.roles if (pair := _of_role(role, needs))]
    order = list(AnswerVerdict)
    works = AnswerVerdict.WORKS, None
    verdict, reason = min(pairs, key=lambda pair: order.index(pair[0]), default=works)
    is_as_before = verdict is AnswerVerdict.FAILS and _failed_before(needs, reason, context)
    return PluginAnswer(needs, verdict, reason, is_as_before)


def _failed_before(needs: PluginNeeds, reason: AnswerReason | None, context: Context) -> bool:
    """Say whether aws-node failed before as it does after, as far as the plan shows."""
    if reason is AnswerReason.NOT_TRUSTED:
        trusted = (
            can_assume(needs.plugin, role, Side.BEFORE, context)
            for role in needs.plugin.after.identity.chain
        )
        return not needs.is_changed and False in trusted
    before = context.accounts.before
    return reason is AnswerReason.MISSING and not (
        needs.is_changed
        or any(call.is_fatal for role in needs.roles for call in role.lost)
        or any(role.is_changed and not before.policies(role.role) for role in needs.roles)
    )


def _of_cluster(
    needs: PluginNeeds, context: Context
) -> Iterator[tuple[AnswerVerdict, AnswerReason]]:
    before, after = needs.plugin.states
    if before.installer and not after.installer and not before.stays_on_removal:
        yield AnswerVerdict.FAILS, AnswerReason.REMOVED
    if after.identity.lost_roles:
        yield AnswerVerdict.FAILS, AnswerReason.ROLE_DELETED
    elif needs.not_shown:
        yield AnswerVerdict.NOT_SHOWN, AnswerReason.ROLE
    if not after.identity.roles:
        yield AnswerVerdict.NOT_SHOWN, AnswerReason.IDENTITY
    for role in after.identity.chain:
        is_target = role not in after.identity.assumed
        assumes = can_assume(needs.plugin, role, Side.AFTER, context)
        if assumes is False:
            yield AnswerVerdict.FAILS, AnswerReason.NOT_TRUSTED
        elif (is_target and assumes is None) or is_less_trusted(needs.plugin, role, context):
            yield AnswerVerdict.NOT_SHOWN, AnswerReason.TRUST


def _of_role(role: RoleNeeds, needs: PluginNeeds) -> tuple[AnswerVerdict, AnswerReason] | None:
    if role.missing is None:
        return AnswerVerdict.NOT_SHOWN, AnswerReason.REFUSED
    if role.is_policy:
        return AnswerVerdict.NOT_SHOWN, AnswerReason.OWNER
    # What is called only with a setting that the plan does not show is no part of the answer.
    calls = tuple(call for call in role.missing if not call.switch)
    return _of_calls(calls, role, is_only=not needs.others(role))


def _of_calls(
    calls: tuple[MissingCall, ...], role: RoleNeeds, *, is_only: bool
) -> tuple[AnswerVerdict, AnswerReason] | None:
    fatal = [call for call in calls if call.is_fatal]
    certain = [call for call in fatal if call.level is Level.ERROR]
    by_deny = [call for call in certain if call.denied_by is not None]
    if certain and not is_only:
        return AnswerVerdict.NOT_SHOWN, AnswerReason.IDENTITY
    if by_deny or (certain and not role.open):
        return AnswerVerdict.FAILS, AnswerReason.MISSING
    if fatal:
        return AnswerVerdict.NOT_SHOWN, AnswerReason.POLICY if certain else _doubt(fatal[0])
    if role.open_limits:
        return AnswerVerdict.NOT_SHOWN, AnswerReason.LIMIT
    is_degraded = any(call.level is not Level.NOTE for call in calls)
    return (AnswerVerdict.DEGRADED, AnswerReason.MISSING) if is_degraded else None


def _doubt(call: MissingCall) -> AnswerReason:
    """Return why it is not certain that a call is denied."""
    if call.is_contested:
        return AnswerReason.CONFLICT
    return AnswerReason.LATER if call.is_later else AnswerReason.UNDECIDED
