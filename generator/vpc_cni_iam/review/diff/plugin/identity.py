"""What a plan does to the identity of aws-node in a cluster."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from enum import Enum

from msgspec import Struct

from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.plugin.trust import AWS_NODE, ServiceAccount
from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Unknown
from vpc_cni_iam.review.account.iam_resource import IamResource, InPlan
from vpc_cni_iam.review.account.plugin.state import ClusterPlugin, PluginIdentity
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.harm import GainedPart, beyond_plugin
from vpc_cni_iam.review.diff.plugin.assuming import (
    can_assume,
    had_role,
    is_less_trusted,
    is_trusted,
)
from vpc_cni_iam.review.diff.plugin.roles import access_of
from vpc_cni_iam.review.diff.reach import Reach, reach
from vpc_cni_iam.review.diff.role_access import NOT_SHOWN, RoleAccess, role_comparison
from vpc_cni_iam.review.diff.trust.providers import has_new_issuer


class IdentityEvent(Enum):
    """What happens to the identity of aws-node."""

    ROLE_GONE = "role gone"  # its role is deleted, or gets another ARN
    AGENT_REMOVED = "agent removed"  # nothing serves the credentials of its association
    OTHER_ISSUER = "other issuer"  # the cluster gets a new one, and the role trusts another
    NOT_NAMED = "not named"  # the plan no longer names any
    NOT_TRUSTED = "not trusted"  # the role does not trust aws-node, or its first role
    NOT_ALLOWED = "not allowed"  # its first role may not assume the target role
    MORE = "more"  # it may do more than before
    NO_MORE = "no more"  # it may not: proven
    NOT_SHOWN = "not shown"  # the plan does not show whether it may
    FIRST_SHOWN = "first shown"  # the plan does not show what it had before


class IdentityGain(Struct, frozen=True):
    """What aws-node may newly do by another identity."""

    reach: Reach  # how far its roles reach, if that is further than before
    parts: tuple[GainedPart, ...] = ()  # the most harmful first
    beyond: tuple[str, ...] = ()  # what the plugin never calls
    example: NewAccess | None = None  # None where it could tell a secret


class IdentityChange(Struct, frozen=True):
    """What happens to the identity of aws-node in a cluster."""

    event: IdentityEvent
    before: PluginIdentity
    after: PluginIdentity
    gain: IdentityGain | None = None
    roles: tuple[IamResource, ...] = ()  # the roles that the event is about
    source: str = ""  # the resource that it comes from, where that is another
    account: ServiceAccount = AWS_NODE  # of its pods


def identity_change(context: Context, plugin: ClusterPlugin) -> IdentityChange | None:
    """Return what happens to the identity of aws-node in a cluster, if anything does."""
    old, new = plugin.before.identity, plugin.after.identity
    if plugin.is_deleted:
        return None
    if lost := identity_loss(context, plugin):
        return lost
    is_unknown = new.kind is Identity.unknown
    # That the values of an installer are not read is a finding of its own.
    may_have = old.kind.is_of_service_account and {*new.addresses} - {plugin.after.installer}
    if old.is_same(new) or (is_unknown and not may_have):
        return None
    is_first = old.kind is Identity.unknown
    if new.kind is Identity.node_role and (is_first or old.kind is Identity.node_role):
        return None  # what the role of nodes becomes is said of the nodes
    event, gain = (IdentityEvent.NOT_SHOWN, None) if is_unknown else _gain(context, old, new)
    if is_first and event is IdentityEvent.NOT_SHOWN:
        if _is_of_new_cluster(context, plugin):
            return None
        if all(has.is_shown for has in _of_roles(context, new, Side.AFTER)):
            event = IdentityEvent.FIRST_SHOWN
    return IdentityChange(event, old, new, gain)


def _gain(
    context: Context, old: PluginIdentity, new: PluginIdentity
) -> tuple[IdentityEvent, IdentityGain | None]:
    """Return what aws-node may do more by other roles, or by other session policies."""
    match _access(context, old, new):
        case NoNewAccess():
            return IdentityEvent.NO_MORE, None
        case NewAccess() as answer:
            return IdentityEvent.MORE, _gained(context, old, new, answer)
    # Whatever it had besides, a role that was there may reach further than all that is known.
    before = (reach(has.permissions) for has in _of_roles(context, old, Side.BEFORE))
    after = (
        reach(has.permissions)
        for has in _of_roles(context, new, Side.AFTER)
        if not (has.open_limits or has.role in context.accounts.created)
    )
    reaches = max(after, default=Reach.LIMITED)
    if reaches > max(before, default=Reach.LIMITED):
        return IdentityEvent.MORE, IdentityGain(reaches)
    return IdentityEvent.NOT_SHOWN, None


def _is_of_new_cluster(context: Context, plugin: ClusterPlugin) -> bool:
    """Say whether the plan makes the cluster, or is likely to do so."""
    are_new = plugin.after.identity.roles <= context.accounts.created
    is_likely = are_new and not plugin.before.installer and has_new_issuer(context)
    return not plugin.stays or is_likely


def identity_loss(context: Context, plugin: ClusterPlugin) -> IdentityChange | None:
    """Return why aws-node can no longer assume its role; None where nothing says so."""
    old, new = plugin.before.identity, plugin.after.identity
    if loss := next(_losses(context, plugin), None):
        event, roles, source = loss
        account = plugin.after.setup.account
        return IdentityChange(event, old, new, None, _sorted(roles), source, account)
    return None


def _losses(
    context: Context, plugin: ClusterPlugin
) -> Iterator[tuple[IdentityEvent, Collection[IamResource], str]]:
    """Yield why aws-node can no longer assume roles, with what it comes from if that is another."""
    old, new = plugin.before.identity, plugin.after.identity
    if new.lost_roles:
        yield IdentityEvent.ROLE_GONE, new.lost_roles, ""
    if new.kind is Identity.pod_identity and _loses_agent(plugin):
        yield IdentityEvent.AGENT_REMOVED, new.roles, plugin.before.agent
    for role in _sorted(new.chain) if new.kind.is_of_service_account else ():
        if event := _refusal(context, plugin, role):
            own = [role] if event is IdentityEvent.OTHER_ISSUER else []
            about = new.first_roles if event is IdentityEvent.NOT_ALLOWED else own
            yield event, [role], next((r.address for r in about if isinstance(r, InPlan)), "")
    if new.kind is Identity.unknown and old.kind.is_of_service_account and not new.addresses:
        yield IdentityEvent.NOT_NAMED, (), ""


def _loses_agent(plugin: ClusterPlugin) -> bool:
    before, after = plugin.states
    is_removed = bool(before.agent) and not after.agent and not before.agent_stays_on_removal
    has_own_agent = after.is_auto_mode and not after.node_groups  # on each node of Auto Mode
    return is_removed and not has_own_agent


def _refusal(context: Context, plugin: ClusterPlugin, role: IamResource) -> IdentityEvent | None:
    """Return why aws-node newly cannot assume a role; None if it can, or could not before.

    Another trust policy of a role that it has already has a finding of its own, and so have session
    tags that are switched off.
    """
    before, after = (state.identity for state in plugin.states)
    is_new = not had_role(plugin, role)
    could = is_new or can_assume(plugin, role, Side.BEFORE, context) is not False
    if not could or can_assume(plugin, role, Side.AFTER, context) is not False:
        return None
    if is_trusted(plugin, role, Side.AFTER, context) is not False:
        return IdentityEvent.NOT_ALLOWED
    has_same_tags = before.has_session_tags == after.has_session_tags
    if not is_new and (is_less_trusted(plugin, role, context) or not has_same_tags):
        return None
    is_new_issuer = after.kind is Identity.irsa and isinstance(plugin.cluster.issuer, Unknown)
    return IdentityEvent.OTHER_ISSUER if is_new_issuer else IdentityEvent.NOT_TRUSTED


def _sorted(roles: Iterable[IamResource]) -> tuple[IamResource, ...]:
    """Return roles in the order of their names."""
    return tuple(sorted(roles, key=str))


def _of_roles(context: Context, identity: PluginIdentity, side: Side) -> list[RoleAccess]:
    """Return what aws-node may do by each of its roles."""
    return [access_of(context, role, identity, side) for role in _sorted(identity.roles)]


def _access(context: Context, old: PluginIdentity, new: PluginIdentity) -> Answer:
    """Say whether aws-node may do more by another identity, or by other session policies.

    Nodes may have several roles, and aws-node had one of them.
    """
    roles = role_comparison(context)
    if old.roles == new.roles and roles.limits_more(old.session_policies, new.session_policies):
        return NoNewAccess()
    before, after = _of_roles(context, old, Side.BEFORE), _of_roles(context, new, Side.AFTER)
    # A limit that is not known may also hold back what the plugin needs.
    rows = [
        [
            roles.compare(had, has) if had.open_limits == has.open_limits else NOT_SHOWN
            for had in before
        ]
        for has in after
    ]
    every = [answer for row in rows for answer in row]
    if before and all(isinstance(answer, NoNewAccess) for answer in every):
        return NoNewAccess()
    for row in rows:
        if row and all(isinstance(answer, NewAccess) for answer in row):
            return row[0]
    return next((answer for answer in every if isinstance(answer, NotProven)), NOT_SHOWN)


def _gained(
    context: Context, old: PluginIdentity, new: PluginIdentity, answer: NewAccess
) -> IdentityGain:
    """Return what the roles after allow that those before do not."""
    before, after = _of_roles(context, old, Side.BEFORE), _of_roles(context, new, Side.AFTER)
    more = role_comparison(context).gained(before, after, answer)
    reaches = [max(reach(role.permissions) for role in side) for side in (before, after)]
    return IdentityGain(
        reaches[1] if reaches[1] > reaches[0] else Reach.LIMITED,
        more.parts,
        beyond_plugin(more.parts),
        more.example,
    )
