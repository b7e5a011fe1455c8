"""The roles of the plugin of which a plan names no cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.plugin.identity import Identity, in_order
from vpc_cni_iam.plugin.principals import filled
from vpc_cni_iam.plugin.trust import Caller, RoleTrust
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.review.account.iam_resource import IamResource, InPlan
from vpc_cni_iam.review.account.plugin.policy import is_of_plugin
from vpc_cni_iam.review.account.plugin.state import PluginIdentity, PluginState
from vpc_cni_iam.review.context import Context, fact
from vpc_cni_iam.review.diff.role_access import RoleAccess, role_comparison
from vpc_cni_iam.review.diff.trust.roles import names_plugin, trust_of


class TrustLost(Struct, frozen=True):
    """aws-node can no longer assume a role whose trust policy changes."""

    role: IamResource
    ways: tuple[Identity, ...]
    is_certain: bool = True  # False: a condition decides it that the review does not know
    plugin: PluginState = PluginState()  # without a name of a cluster for aws-node of any


def access_of(
    context: Context, role: IamResource, identity: PluginIdentity, side: Side
) -> RoleAccess:
    """Return what aws-node may do by one of the roles of an identity."""
    limits = identity.session_policies
    return role_comparison(context).of(role, side, limits, is_certain=len(limits) == 1)


@fact
def service_account_roles(context: Context) -> Mapping[IamResource, frozenset[Identity]]:
    """Return the roles of aws-node's service account, with its identities after the plan."""
    roles: dict[IamResource, frozenset[Identity]] = {}
    for plugin in context.plugins:
        for state in plugin.states:
            identity = state.identity
            kinds = {identity.kind} if state is plugin.after else set()
            for role in identity.assumed if identity.kind.is_of_service_account else ():
                roles[role] = roles.get(role, frozenset()) | kinds
    return roles


def roles_of_plugin(context: Context) -> Iterator[IamResource]:
    """Yield who has policies of the plugin, or trusts it, but for the roles of known clusters."""
    of_clusters = own_roles(context) | node_roles(context)
    for owner in context.accounts.principals:
        if owner in of_clusters or owner in context.accounts.deleted:
            continue
        if has_plugin_policy(context, owner) or is_named(context, owner):
            yield owner


@fact
def own_roles(context: Context) -> frozenset[IamResource]:
    """Return the roles of aws-node in the clusters of a plan, on either side."""
    states = (state for plugin in context.plugins for state in plugin.states)
    return frozenset(role for state in states for role in state.identity.chain)


@fact
def node_roles(context: Context) -> frozenset[IamResource]:
    """Return the roles of nodes in the clusters of a plan, on either side."""
    states = (state for plugin in context.plugins for state in plugin.states)
    return frozenset(role for state in states for role in state.node_roles)


def is_plugins(context: Context, role: IamResource) -> bool:
    """Say whether a role is aws-node's: it has it, is named by its trust, or has its policies."""
    trusts = filter(None, (trust_of(context, role, side) for side in Side))
    is_known = role in service_account_roles(context) or has_plugin_policy(context, role)
    return is_known or any(map(names_plugin, trusts))


def may_be_plugins(context: Context, owner: IamResource) -> bool:
    """Say whether aws-node may have a principal's permissions after, as far as is known."""
    return callers(context, owner, Side.AFTER) != {}


def has_plugin_policy(context: Context, owner: IamResource) -> bool:
    """Say whether a principal has a policy of the plugin on either side."""
    sides = context.accounts.sides
    return any(is_of_plugin(g) for account in sides for g in account.policies(owner).values())


def is_named(context: Context, owner: IamResource) -> bool:
    """Say whether a role with policies is for the plugin's service account by its trust policy."""
    trust = trust_of(context, owner, Side.AFTER)
    has_any = any(account.policies(owner) for account in context.accounts.sides)
    return trust is not None and has_any and names_plugin(trust)


def address_of(context: Context, owner: IamResource) -> str:
    """Return the address of a principal; of one that is not in the plan, that of what it has."""
    if isinstance(owner, InPlan):
        return owner.address
    sides = (account.policies(owner).values() for account in reversed(context.accounts.sides))
    return next((grant.address for grants in sides for grant in grants), "")


def callers(context: Context, owner: IamResource, side: Side) -> Mapping[Caller, bool] | None:
    """Return with which identities aws-node may assume a role, each with whether that is certain.

    None where the plan does not show it.
    """
    trust = trust_of(context, owner, side)
    if trust is None:
        return None
    try:
        return RoleTrust(filled(trust), "arn:aws:iam:::role/example").callers()
    except InputError:
        return None


def is_of_nodes(context: Context, owner: IamResource, *, alone: bool) -> bool:
    """Say whether nodes can assume a role; `alone` is whether aws-node cannot by itself."""
    identities = {caller.identity for caller in callers(context, owner, Side.AFTER) or ()}
    return Identity.node_role in identities and not (alone and len(identities) > 1)


@fact
def trust_lost(context: Context) -> Mapping[IamResource, TrustLost]:
    """Return the roles of no known cluster that aws-node can, or may, no longer assume."""
    known = own_roles(context) | node_roles(context) | context.accounts.deleted
    every: dict[IamResource, TrustLost] = {}
    for owner in context.accounts.after.grants:
        before, after = (trust_of(context, owner, side) for side in Side)
        if before is None or after is None or before == after or owner in known:
            continue
        if names_plugin(before) or has_plugin_policy(context, owner):
            ways, is_certain = _ways_lost(owner, context)
            if ways:
                every[owner] = TrustLost(owner, ways, is_certain)
    return every


def _ways_lost(owner: IamResource, context: Context) -> tuple[tuple[Identity, ...], bool]:
    """Return by what aws-node can no longer assume a role, and whether that is certain."""
    old, new = (callers(context, owner, side) for side in Side)
    ways = in_order(caller.identity for caller in old or ())
    # One way may take the place of another one; another cluster's provider does not.
    if not old or new is None or any(caller.identity not in ways for caller in new):
        return (), False
    if old.keys().isdisjoint(new):
        return ways, True
    return (ways if any(old.values()) and not any(new.values()) else ()), False
