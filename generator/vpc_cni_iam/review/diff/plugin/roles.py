"""The roles of the plugin for which a plan names no cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource, InPlan
from vpc_cni_iam.inputs.plan.arguments import ASSOCIATION, ROLE_ANNOTATION
from vpc_cni_iam.inputs.plan.plugin.policy import is_of_plugin
from vpc_cni_iam.inputs.plan.plugin.state import PluginIdentity, PluginState
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.plugin.identity import Identity, in_order, is_role_arn
from vpc_cni_iam.plugin.mending import is_meant_for_plugin
from vpc_cni_iam.plugin.principals import filled
from vpc_cni_iam.plugin.trust import NODES, PODS, STRANGER, Caller, RoleTrust
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.template import Side, known
from vpc_cni_iam.review.context import Context, fact
from vpc_cni_iam.review.diff.role_access import RolePermissions, role_access
from vpc_cni_iam.review.diff.trust.roles import names_plugin, trust_of


class TrustLost(Struct, frozen=True):
    """aws-node can no longer assume a role whose trust policy changes."""

    role: IamResource
    ways: tuple[Identity, ...]
    is_certain: bool = True  # False: it depends on a condition that the review does not know
    # without a cluster name if it is for aws-node of any cluster
    plugin: PluginState = PluginState()


def access_of(
    context: Context, role: IamResource, identity: PluginIdentity, side: Side
) -> RolePermissions:
    """Return what aws-node can do with one of the roles of an identity."""
    limits = identity.session_policies
    return role_access(context, role, side, limits, is_certain=len(limits) == 1)


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
    """Yield roles with policies of the plugin, or that trust it, except those of known clusters."""
    of_clusters = own_roles(context) | node_roles(context)
    for owner in context.accounts.principals:
        if owner in of_clusters or owner in context.accounts.deleted:
            continue
        may_have = any(callers(context, owner, side) != {} for side in Side)
        is_own = may_have and has_plugin_policy(context, owner)
        if is_own or is_named(context, owner) or is_refused(context, owner, Side.AFTER):
            yield owner


@fact
def own_roles(context: Context) -> frozenset[IamResource]:
    """Return the roles of aws-node in the clusters of a plan, on either side."""
    states = (state for plugin in context.plugins for state in plugin.states)
    return frozenset(role for state in states for role in state.identity.chain)


@fact
def only_identities(context: Context) -> frozenset[str]:
    """Return the addresses of resources that are read, as they only give aws-node its identity."""
    states = (state for plugin in context.plugins for state in plugin.states)
    addresses = {address for state in states for address in state.identity.addresses}
    named = [r for r in context.reader.resources if r.address in addresses]
    return frozenset(r.address for r in named if r.type == ASSOCIATION or _annotates_role(r))


def _annotates_role(resource: Resource) -> bool:
    sides = [side.get("annotations") or {} for side in (resource.before, resource.after) if side]
    is_only = all({*annotations} == {ROLE_ANNOTATION} for annotations in sides)
    return is_only and resource.type.startswith("kubernetes_annotations")


@fact
def node_roles(context: Context) -> frozenset[IamResource]:
    """Return the node roles in the clusters of a plan, on either side."""
    states = (state for plugin in context.plugins for state in plugin.states)
    return frozenset(role for state in states for role in state.node_roles)


def is_plugins(context: Context, role: IamResource) -> bool:
    """Return whether a role is aws-node's: it uses it, the role trusts it, or has its policies."""
    trusts = filter(None, (trust_of(context, role, side) for side in Side))
    is_known = role in service_account_roles(context) or has_plugin_policy(context, role)
    return is_known or any(map(names_plugin, trusts))


def may_be_plugins(context: Context, owner: IamResource) -> bool:
    """Return whether aws-node may have a principal's permissions after the plan."""
    return callers(context, owner, Side.AFTER) != {}


def has_plugin_policy(context: Context, owner: IamResource) -> bool:
    """Return whether a principal has a policy of the plugin on either side."""
    sides = context.accounts.sides
    return any(is_of_plugin(g) for account in sides for g in account.policies(owner).values())


def is_named(context: Context, owner: IamResource) -> bool:
    """Return whether the trust policy of a role names the plugin's service account."""
    trust = trust_of(context, owner, Side.AFTER)
    has_any = any(account.policies(owner) for account in context.accounts.sides)
    return trust is not None and has_any and names_plugin(trust)


def address_of(context: Context, owner: IamResource) -> str:
    """Return the address of a principal; if it is not in the plan, that of its policies."""
    if isinstance(owner, InPlan):
        return owner.address
    sides = (account.policies(owner).values() for account in reversed(context.accounts.sides))
    return next((grant.address for grants in sides for grant in grants), "")


def is_only_of_plugin(context: Context, owner: IamResource) -> bool:
    """Return whether no other program than aws-node, and those of its nodes, may have a role.

    If the plan does not show the trust policy of aws-node's role, or of a node role, it is taken
    for one. A role of aws-node may trust another role, which assumes it for EKS Pod Identity.
    """
    shown, is_own = trust_of(context, owner, Side.AFTER), owner in own_roles(context)
    if shown is None:
        return is_own or owner in node_roles(context)
    policy = filled(shown)
    others = [
        name
        for statement in policy.only("Allow").statements
        for kind in (*statement.principals, *statement.not_principals)
        for name in known(kind.identifiers) or ("*",)
        if not (kind.type == "Service" and name.removesuffix(".cn") in (NODES, PODS))
        if not (is_own and kind.type == "AWS" and is_role_arn(name))
    ]
    return not others or _are_of_plugin(others, policy)


def _are_of_plugin(principals: Iterable[str], policy: Policy) -> bool:
    """Return whether principals are OIDC providers of which only tokens of aws-node are trusted."""
    try:
        trust = RoleTrust(policy, "arn:aws:iam:::role/example")
        named = {c.principal for c in trust.meant_for() - trust.meant_for(STRANGER)}
    except InputError:
        return False
    return named.issuperset(principals)


def callers(context: Context, owner: IamResource, side: Side) -> Mapping[Caller, bool] | None:
    """Return the identities with which aws-node may assume a role, and whether each is certain.

    None if the plan does not show it.
    """
    policy = trust_of(context, owner, side)
    try:
        return RoleTrust(filled(policy), "arn:aws:iam:::role/example").callers() if policy else None
    except InputError:
        return None


def is_refused(context: Context, owner: IamResource, side: Side) -> bool:
    """Return whether a trust policy is for aws-node, and aws-node can never assume the role."""
    policy = trust_of(context, owner, side)
    if policy is None or callers(context, owner, side) != {}:
        return False
    if is_meant_for_plugin(policy):
        return True
    principals = (p for s in policy.only("Allow").statements for p in s.principals)
    services = {n.removesuffix(".cn") for p in principals for n in known(p.identifiers)}
    is_own = has_plugin_policy(context, owner) or names_plugin(policy)
    return PODS in services and is_own


def is_of_nodes(context: Context, owner: IamResource, *, alone: bool) -> bool:
    """Return whether nodes can assume a role; with `alone`, aws-node itself must not be able to."""
    identities = {caller.identity for caller in callers(context, owner, Side.AFTER) or ()}
    return Identity.node_role in identities and not (alone and len(identities) > 1)


@fact
def trust_lost(context: Context) -> Mapping[IamResource, TrustLost]:
    """Return the roles without a known cluster that aws-node can or may no longer assume."""
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
    """Return the ways in which aws-node can no longer assume a role; whether that is certain."""
    old, new = (callers(context, owner, side) for side in Side)
    ways = in_order(caller.identity for caller in old or ())
    # One way may replace another; another cluster's provider does not.
    if not old or new is None or any(caller.identity not in ways for caller in new):
        return (), False
    if old.keys().isdisjoint(new):
        return ways, True
    return (ways if any(old.values()) and not any(new.values()) else ()), False
