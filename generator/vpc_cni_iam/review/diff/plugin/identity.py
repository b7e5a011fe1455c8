"""What a plan does to the identity of aws-node in a cluster, and whether it can assume its roles.

The role of an association assumes its target role, if it has one: the target role has to trust it,
and its own policies have to allow it.
Source: Amazon EKS User Guide, "Access AWS Resources using EKS Pod Identity Target IAM Roles".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.account import assuming
from vpc_cni_iam.account.access import RoleAccess
from vpc_cni_iam.account.doubts import NotKnown, Reason
from vpc_cni_iam.account.grants import Use
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.trust import POD_IDENTITY_SINCE
from vpc_cni_iam.coverage.judge.verdict import Verdict
from vpc_cni_iam.errors import InputError, first_of
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource, InPlan
from vpc_cni_iam.inputs.plan.plugin.state import ClusterPlugin, PluginIdentity, PluginState
from vpc_cni_iam.plugin import trust as trusts
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.plugin.mending import TrustFault, fault_of_pods, is_meant_for_plugin, repairs_of
from vpc_cni_iam.plugin.trust import AWS_NODE, RoleTrust, ServiceAccount
from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Unknown
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.harm import Gained
from vpc_cni_iam.review.diff.plugin.needs import PluginNeeds, role_calls
from vpc_cni_iam.review.diff.plugin.roles import access_of
from vpc_cni_iam.review.diff.published import is_within
from vpc_cni_iam.review.diff.reach import Reach, farther, reach
from vpc_cni_iam.review.diff.role_access import (
    NOT_SHOWN,
    RolePermissions,
    compare_roles,
    gained_by,
    limits_more,
    role_access,
)
from vpc_cni_iam.review.diff.trust.providers import has_new_issuer, roles_without_provider
from vpc_cni_iam.review.diff.trust.roles import trust_of


class IdentityEvent(Enum):
    """The changes of the identity of aws-node."""

    NO_ARN = "no ARN"  # the value for its role is not an ARN
    OLD_VERSION = "old version"  # its version does not support EKS Pod Identity
    ROLE_GONE = "role gone"  # its role is deleted, or gets another ARN
    AGENT_REMOVED = "agent removed"  # the agent that its association needs is removed
    OTHER_ISSUER = "other issuer"  # the cluster gets a new issuer that the role does not trust
    NOT_NAMED = "not named"  # the plan no longer names an identity
    NOT_TRUSTED = "not trusted"  # the role does not trust aws-node, or its first role
    NOT_ALLOWED = "not allowed"  # its first role may not assume the target role
    MORE = "more"  # it can do more than before
    REPAIRED = "repaired"  # it did not work, and gets roles with only the policies of the plugin
    NO_MORE = "no more"  # it can do nothing more: proven
    NOT_SHOWN = "not shown"  # the plan does not show whether it can do more
    FIRST_SHOWN = "first shown"  # the plan does not show the old identity


class IdentityChange(Struct, frozen=True):
    """A change of the identity of aws-node in a cluster."""

    event: IdentityEvent
    before: PluginIdentity
    after: PluginIdentity
    gain: Gained | None = None  # what it can newly do
    reach: Reach = Reach.LIMITED  # how far its roles reach; only if that is further than before
    roles: tuple[IamResource, ...] = ()  # the roles that the event is about
    source: str = ""  # the resource that causes it, if it is another one
    account: ServiceAccount = AWS_NODE  # of its pods


def identity_change(context: Context, needs: PluginNeeds) -> IdentityChange | None:
    """Return the change of the identity of aws-node in a cluster; None if there is none."""
    plugin = needs.plugin
    old, new = plugin.before.identity, plugin.after.identity
    if plugin.is_deleted:
        return None
    if lost := identity_loss(context, plugin):
        return lost
    is_unknown = new.kind is Identity.unknown
    # Unread values of an installer are reported separately.
    may_have = old.kind.is_of_service_account and {*new.addresses} - {plugin.after.installer}
    if old.is_same(new) or (is_unknown and not may_have):
        return None
    is_first = old.kind is Identity.unknown
    if new.kind is Identity.node_role and (is_first or old.kind is Identity.node_role):
        return None  # a changed node role is reported for the nodes
    before, after = _of_roles(context, old, Side.BEFORE), _of_roles(context, new, Side.AFTER)
    change = IdentityChange(IdentityEvent.NOT_SHOWN, old, new)
    if not is_unknown:
        change = _compared(context, change, before, after)
        change = _repaired(context, change, before, after, needs)
    if is_first and change.event is IdentityEvent.NOT_SHOWN:
        if _is_of_new_cluster(context, plugin):
            return None
        if all(has.is_shown for has in after):
            change = replace(change, event=IdentityEvent.FIRST_SHOWN)
    return change


def _is_of_new_cluster(context: Context, plugin: ClusterPlugin) -> bool:
    """Return whether the plan creates the cluster, or probably does."""
    roles = plugin.after.identity.roles
    are_new = roles <= context.accounts.created and not plugin.before.installer
    return not plugin.stays or (are_new and has_new_issuer(context))


def _compared(
    context: Context,
    change: IdentityChange,
    before: list[RolePermissions],
    after: list[RolePermissions],
) -> IdentityChange:
    """Return a change with what new roles or session policies allow aws-node in addition.

    Nodes may have several roles, and aws-node had one of them.
    """
    old, new = change.before, change.after
    is_limited = limits_more(context, old.session_policies, new.session_policies)
    rows = [[_more(context, had, has) for had in before] for has in after]
    is_proven = bool(before) and all(isinstance(a, NoNewAccess) for row in rows for a in row)
    if is_proven or (old.roles == new.roles and is_limited):
        return replace(change, event=IdentityEvent.NO_MORE)
    had_reach = _farthest(before)
    for row in rows:
        more = [answer for answer in row if isinstance(answer, NewAccess)]
        if 0 < len(more) == len(row):
            gain, has_reach = gained_by(context, before, after, more[0]), _farthest(after)
            is_more = replace(change, event=IdentityEvent.MORE, gain=gain)
            return replace(is_more, reach=farther(had_reach, has_reach))
    # An old role may have other policies, so it may reach further than the plan shows.
    created = context.accounts.created
    farthest = _farthest(r for r in after if not (r.open_limits or r.role in created))
    if farthest > had_reach:
        return replace(change, event=IdentityEvent.MORE, reach=farthest)
    return change


def _repaired(
    context: Context,
    change: IdentityChange,
    before: list[RolePermissions],
    after: list[RolePermissions],
    needs: PluginNeeds,
) -> IdentityChange:
    """Return a change, by whether aws-node works only with the new roles, which are its own."""
    had = {role_calls(context, role, needs.after, Side.BEFORE).verdict for role in before}
    is_own = all(is_within(grant) for role in after for grant in role.grants.values())
    works = all(role.verdict is Verdict.works for role in needs.roles)
    is_other = change.before.roles.isdisjoint(change.after.roles)
    is_repaired = is_other and is_own and works and had <= {Verdict.fails, Verdict.degraded}
    if is_repaired and change.event is IdentityEvent.MORE:
        return replace(change, event=IdentityEvent.REPAIRED)
    return change


def _more(context: Context, had: RolePermissions, has: RolePermissions) -> Answer:
    """Return whether a role allows more than another."""
    # An unknown limit may also block what the plugin needs.
    is_alike = had.open_limits == has.open_limits
    return compare_roles(context, had, has) if is_alike else NOT_SHOWN


def _farthest(roles: Iterable[RolePermissions]) -> Reach:
    return max((reach(role.permissions) for role in roles), default=Reach.LIMITED)


def _of_roles(context: Context, identity: PluginIdentity, side: Side) -> list[RolePermissions]:
    return [access_of(context, role, identity, side) for role in sorted(identity.roles, key=str)]


def identity_loss(context: Context, plugin: ClusterPlugin) -> IdentityChange | None:
    """Return why aws-node can no longer assume its role; None if it can."""
    return next(_losses(context, plugin), None)


def _losses(context: Context, plugin: ClusterPlugin) -> Iterator[IdentityChange]:
    old, new = plugin.before.identity, plugin.after.identity
    lost = partial(IdentityChange, before=old, after=new, account=plugin.after.setup.account)
    roles = tuple(sorted(new.roles, key=str))
    had_event, event = (own_loss(context, state) for state in plugin.states)
    if event and (event is not had_event or new.no_arns != old.no_arns):
        yield lost(event, roles=roles, source=first_of(new.no_arns) or plugin.after.installer)
    if new.lost_roles:
        yield lost(IdentityEvent.ROLE_GONE, roles=tuple(sorted(new.lost_roles, key=str)))
    if plugin.has_agent is False:
        yield lost(IdentityEvent.AGENT_REMOVED, roles=roles, source=plugin.before.agent)
    for role in sorted(new.chain, key=str) if new.kind.is_of_service_account else ():
        if event := _refusal(context, plugin, role):
            own = [role] if event is IdentityEvent.OTHER_ISSUER else []
            about = new.first_roles if event is IdentityEvent.NOT_ALLOWED else own
            source = next((r.address for r in about if isinstance(r, InPlan)), "")
            yield lost(event, roles=(role,), source=source)
    if new.kind is Identity.unknown and old.kind.is_of_service_account and not new.addresses:
        yield lost(IdentityEvent.NOT_NAMED)


def own_loss(context: Context, state: PluginState) -> IdentityEvent | None:
    """Return why aws-node gets no credentials on a side, by its own settings."""
    if state.identity.no_arns:
        return IdentityEvent.NO_ARN
    version = context.options.version or PluginVersion.parse(state.setup.settings.version)
    is_old = version is not None and version < POD_IDENTITY_SINCE
    is_by_pods = state.identity.kind is Identity.pod_identity
    return IdentityEvent.OLD_VERSION if is_old and is_by_pods else None


def _refusal(context: Context, plugin: ClusterPlugin, role: IamResource) -> IdentityEvent | None:
    """Return why aws-node newly cannot assume a role; None if it can, or could not before.

    A changed trust policy of the same role is reported separately.
    """
    after = plugin.after.identity
    is_new = not _had_role(plugin, role)
    could = is_new or can_assume(plugin, role, Side.BEFORE, context) is not False
    if not could or can_assume(plugin, role, Side.AFTER, context) is not False:
        return None
    if is_trusted(plugin, role, Side.AFTER, context) is not False:
        return IdentityEvent.NOT_ALLOWED
    if not is_new and is_less_trusted(plugin, role, context):
        return None
    is_new_issuer = after.kind is Identity.irsa and isinstance(plugin.cluster.issuer, Unknown)
    return IdentityEvent.OTHER_ISSUER if is_new_issuer else IdentityEvent.NOT_TRUSTED


def can_assume(
    plugin: ClusterPlugin, role: IamResource, side: Side, context: Context
) -> bool | None:
    """Return whether aws-node of a cluster can assume one of its roles; None if unknown."""
    answers, state = [is_trusted(plugin, role, side, context)], plugin.state(side)
    if role not in state.identity.assumed:
        target, use = _trusting(context, role, side), _use(state)
        firsts = (_assuming(context, each, side) for each in state.identity.first_roles)
        answers.append(trusts.best(assuming.may_assume(each, target, use) for each in firsts))
    return assuming.worst(answers)


def is_trusted(
    plugin: ClusterPlugin, role: IamResource, side: Side, context: Context
) -> bool | None:
    """Return whether a role trusts the principal that assumes it for aws-node; None if unknown."""
    state, access = plugin.state(side), _trusting(context, role, side)
    identity, use = state.identity, _use(state)
    if identity.kind is Identity.unknown:
        return None
    if role in identity.assumed:
        return assuming.is_trusted(access, use)
    firsts = (_trusting(context, first, side) for first in identity.first_roles)
    return trusts.best(assuming.is_trusted(access, use, first) for first in firsts)


def fault_of(plugin: ClusterPlugin, role: IamResource, context: Context) -> TrustFault | None:
    """Return why aws-node cannot assume its role after the plan, if its trust policy says it."""
    state, policy = plugin.after, trust_of(context, role, Side.AFTER)
    if role in roles_without_provider(context):
        return TrustFault.provider
    is_target, kind = role not in state.identity.assumed, state.identity.kind
    if is_target or kind is Identity.node_role:
        return TrustFault.first_role if is_target else TrustFault.nodes
    if policy is None or trusts.is_too_large(policy):
        return None
    if not kind.is_of_service_account:  # without a cluster, the trust policy decides
        kind = Identity.irsa if is_meant_for_plugin(policy) else Identity.pod_identity
    trust = RoleTrust(policy, context.reader.role_arn(role, Side.AFTER))
    try:
        if kind is Identity.irsa:
            return next((repair.fault for repair in repairs_of(policy, trust.role)), None)
        account, tags = state.setup.account, state.identity.has_session_tags
        return fault_of_pods(trust, state.cluster, account, tags=tags)
    except InputError:
        return None


def is_less_trusted(plugin: ClusterPlugin, role: IamResource, context: Context) -> bool:
    """Return whether a changed trust policy may keep aws-node of a cluster from its role.

    A part of it, or all of it, may be known after apply.
    """
    old, new = (trust_of(context, role, side) for side in Side)
    if not _had_role(plugin, role) or old is None or old == new:
        return False
    was_trusted, stays_trusted = (is_trusted(plugin, role, side, context) for side in Side)
    if stays_trusted is None:
        return was_trusted is True
    return not stays_trusted and was_trusted is not False


def _had_role(plugin: ClusterPlugin, role: IamResource) -> bool:
    """Return whether aws-node of a cluster had a role before in the same way as after."""
    before, after = (state.identity for state in plugin.states)
    return role in before.chain and before.kind is after.kind


def _use(state: PluginState) -> Use:
    """Return how aws-node uses its roles on a side."""
    own, tags = state.identity, state.identity.has_session_tags
    return Use("", own.kind, cluster=state.cluster, account=state.setup.account, tags=tags)


def _trusting(context: Context, role: IamResource, side: Side) -> RoleAccess:
    """Return a role with its trust policy."""
    trust, arn = trust_of(context, role, side), context.reader.role_arn(role, side)
    return RoleAccess(str(role), (), trust=trust, arn=arn)


def _assuming(context: Context, role: IamResource, side: Side) -> RoleAccess:
    """Return a role with what lets it assume others."""
    has, arn = role_access(context, role, side), context.reader.role_arn(role, side)
    elsewhere = () if has.is_in_plan else (NotKnown("", Reason.not_read, ""),)
    return replace(has.in_account, not_known=(*has.doubts, *elsewhere), arn=arn)
