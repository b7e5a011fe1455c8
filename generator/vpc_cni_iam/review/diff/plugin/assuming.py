"""Whether aws-node of a cluster can assume its roles.

The role of an association assumes its target role, if it has one: the target role has to trust it,
and its own policies have to allow it.
Source: Amazon EKS User Guide, "Access AWS Resources using EKS Pod Identity Target IAM Roles".
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.plan.values import text
from vpc_cni_iam.plugin import trust as trusts
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.plugin.trust import RoleTrust
from vpc_cni_iam.policy.evaluate import Request
from vpc_cni_iam.policy.matching.variables import UNKNOWN
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.review.account.iam_resource import IamResource, InPlan, Named
from vpc_cni_iam.review.account.plugin.state import ClusterPlugin, PluginState
from vpc_cni_iam.review.account.resolve import as_left
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.role_access import role_comparison
from vpc_cni_iam.review.diff.trust.roles import trust_of

_ASSUMES = trusts.ASSUME, trusts.TAG


def can_assume(
    plugin: ClusterPlugin, role: IamResource, side: Side, context: Context
) -> bool | None:
    """Say whether aws-node of a cluster can assume one of its roles; None if not decided."""
    answers = [each(plugin, role, side, context) for each in (is_trusted, is_allowed)]
    return False if False in answers else None if None in answers else True


def is_trusted(
    plugin: ClusterPlugin, role: IamResource, side: Side, context: Context
) -> bool | None:
    """Say whether a role trusts who assumes it for aws-node; None if not decided, or shown."""
    state, policy = _state(plugin, side), trust_of(context, role, side)
    identity, account = state.identity, state.setup.account
    if policy is None or trusts.is_too_large(policy) or identity.kind is Identity.unknown:
        return None
    trust, tags = RoleTrust(policy, _arn(role, side, context)), identity.has_session_tags
    try:
        if role in identity.assumed:
            return trust.lets(identity.kind, state.cluster, account, tags=tags)
        return _best(
            trust.lets_role(arn, state.cluster, account, tags=tags) if _is_whole(arn) else None
            for arn in (_arn(first, side, context) for first in identity.first_roles)
        )
    except InputError:
        return None


def is_allowed(
    plugin: ClusterPlugin, role: IamResource, side: Side, context: Context
) -> bool | None:
    """Say whether the policies of its first role let aws-node assume a target role."""
    state = _state(plugin, side)
    if role in state.identity.assumed:
        return True
    firsts = state.identity.first_roles
    return _best(_may_assume(first, role, state, side, context) for first in firsts)


def is_less_trusted(plugin: ClusterPlugin, role: IamResource, context: Context) -> bool:
    """Say whether another trust policy may keep aws-node of a cluster from a role that it has."""
    old, new = (trust_of(context, role, side) for side in Side)
    if not had_role(plugin, role) or old is None or new is None or old == new:
        return False
    was_trusted, stays_trusted = (is_trusted(plugin, role, side, context) for side in Side)
    is_refused = stays_trusted is False and was_trusted is not False
    is_open = stays_trusted is None and not new.holes()
    return is_refused or (is_open and was_trusted is True)


def had_role(plugin: ClusterPlugin, role: IamResource) -> bool:
    """Say whether aws-node of a cluster had a role before as it has it after."""
    before, after = (state.identity for state in plugin.states)
    return role in before.chain and before.kind is after.kind


def _may_assume(
    first: IamResource, target: IamResource, state: PluginState, side: Side, context: Context
) -> bool | None:
    """Say whether policies allow a role to assume another; None where the plan does not show it."""
    tags, policy = state.identity.has_session_tags, trust_of(context, target, side)
    own, arn = (_arn(role, side, context) for role in (first, target))
    alone = None if own.split(":")[4] == arn.split(":")[4] else False
    if policy:
        account = state.setup.account
        alone = RoleTrust(policy, arn).lets_named(own, state.cluster, account, tags=tags)
    access = role_comparison(context).of(first, side)
    known, others = access.permissions, [trusts.TO_NAMED] if alone else []
    permissions = replace(known, policies=(*known.policies, *others))
    requests = [Request(a, arn, may_have=lambda _: UNKNOWN) for a in _ASSUMES[: 1 + tags]]
    if all(map(permissions.allow, requests)) and not access.open_limits:
        return True
    is_shown = access.is_shown and alone is not None and _is_whole(arn)
    return False if is_shown and any(map(permissions.deny, requests)) else None


def _best(answers: Iterable[bool | None]) -> bool | None:
    every = set(answers)
    return True if True in every else None if None in every else False


def _state(plugin: ClusterPlugin, side: Side) -> PluginState:
    return plugin.after if side is Side.AFTER else plugin.before


def _arn(role: IamResource, side: Side, context: Context) -> str:
    """Return the ARN of a role; where the plan does not show it, one with its account alone."""
    account, resolver = "", context.filler.resolver
    match role:
        case InPlan(address):
            if side is Side.AFTER:
                address = context.accounts.successors.get(role, address)
            resource = as_left(resolver.by_address[address])
            if arn := text(resource, "arn", side):
                return arn
            account = resolver.account(resource)
        case Named(_, account, _, arn):
            if arn:
                return arn
    return f"arn::iam::{account}:"


def _is_whole(arn: str) -> bool:
    return not arn.endswith(":")
