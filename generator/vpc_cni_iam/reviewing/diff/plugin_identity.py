"""What a plan does to the identity of aws-node in a cluster."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct

from vpc_cni_iam.inputs.plan.arguments import Part
from vpc_cni_iam.inputs.plan.secrets import is_mark
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.reviewing.account.documents import Content, Document
from vpc_cni_iam.reviewing.account.iam_resource import IamResource, InPlan, Unresolved
from vpc_cni_iam.reviewing.account.plugin_state import ClusterPlugin, PluginIdentity
from vpc_cni_iam.reviewing.diff.permissions import Open, Permissions, permissions
from vpc_cni_iam.reviewing.diff.reach import Reach, reach
from vpc_cni_iam.reviewing.diff.trust import lets_plugin, names_plugin, trust_of

if TYPE_CHECKING:
    from vpc_cni_iam.reviewing.context import Context

_NOT_SHOWN = NotProven(Open.NOT_SHOWN)


class IdentityEvent(Enum):
    """What happens to the identity of aws-node."""

    ROLE_GONE = "role gone"  # its role is deleted, or gets another ARN
    AGENT_REMOVED = "agent removed"  # nothing serves the credentials of its association
    OTHER_ISSUER = "other issuer"  # the cluster is replaced, and the role trusts the one before
    NOT_NAMED = "not named"  # the plan no longer names any
    NOT_TRUSTED = "not trusted"  # the role does not trust aws-node
    BROAD = "broad"  # it gets a role that may do anything, or change IAM permissions
    MORE = "more"  # it may do more than before
    NO_MORE = "no more"  # it may not: proven
    NOT_SHOWN = "not shown"  # the plan does not show whether it may
    FIRST_SHOWN = "first shown"  # the plan does not show what it had before


class IdentityChange(Struct, frozen=True):
    """What happens to the identity of aws-node in a cluster."""

    event: IdentityEvent
    before: PluginIdentity
    after: PluginIdentity
    access: Answer | None = None  # whether aws-node may do more, where both are known
    roles: tuple[IamResource, ...] = ()  # the roles that the event is about
    source: str = ""  # the resource that it comes from, where that is another


def same_identity(old: PluginIdentity, new: PluginIdentity) -> bool:
    """Say whether aws-node has the same roles in the same way, within the same sessions."""
    sessions = ({content for _, content in identity.sessions} for identity in (old, new))
    same_roles = _known_as(old.roles) == _known_as(new.roles)
    return old.kind is new.kind and same_roles and next(sessions) == next(sessions)


def identity_change(context: Context, plugin: ClusterPlugin) -> IdentityChange | None:
    """Return what happens to the identity of aws-node in a cluster; None for nothing."""
    old, new = plugin.before.identity, plugin.after.identity
    if plugin.is_deleted:
        return None
    if lost := _loss(context, plugin):
        return lost
    if same_identity(old, new) or new.kind is Identity.unknown:
        return None
    if new.kind is Identity.node_role and old.kind in (Identity.node_role, Identity.unknown):
        return None  # what the role of nodes becomes is said of the nodes
    if old.kind is Identity.unknown:
        return _first(context, plugin)
    access = identity_access(context, old, new)
    event = {NoNewAccess: IdentityEvent.NO_MORE, NewAccess: IdentityEvent.MORE}.get(type(access))
    if event is None and _is_broader(context, old, new):
        event = IdentityEvent.BROAD
    return IdentityChange(event or IdentityEvent.NOT_SHOWN, old, new, access)


def _loss(context: Context, plugin: ClusterPlugin) -> IdentityChange | None:
    """Return why aws-node can no longer assume its role; None where nothing says so."""
    old, new = plugin.before.identity, plugin.after.identity
    event, roles, source = None, new.lost_roles, ""
    if roles:
        event = IdentityEvent.ROLE_GONE
    elif new.kind is Identity.pod_identity and _loses_agent(plugin):
        event, source = IdentityEvent.AGENT_REMOVED, plugin.before.agent
    elif plugin.is_replaced and (roles := frozenset(_of_other_issuer(context, new))):
        event = IdentityEvent.OTHER_ISSUER
        source = next((r.address for r in _sorted(roles) if isinstance(r, InPlan)), "")
    elif roles := frozenset(_refusing(context, plugin)):
        event = IdentityEvent.NOT_TRUSTED
    elif new.kind is Identity.unknown and old.kind.is_of_service_account and not new.addresses:
        event = IdentityEvent.NOT_NAMED
    return IdentityChange(event, old, new, None, _sorted(roles), source) if event else None


def identity_access(context: Context, old: PluginIdentity, new: PluginIdentity) -> Answer:
    """Say whether aws-node may do more by another identity, or by other session policies."""
    same_roles = _known_as(old.roles) == _known_as(new.roles)
    if same_roles and _is_limited_more(context, old, new):
        return NoNewAccess()
    before = _of_roles(context, old, Side.BEFORE)
    rows = [
        [_compare(context, had, has) for had in before]
        for has in _of_roles(context, new, Side.AFTER)
    ]
    return _together(rows) if before else _NOT_SHOWN


def _together(rows: list[list[Answer]]) -> Answer:
    """Return what answers come to: a row for each new role, with one for each role before.

    Nodes may have several roles, and aws-node had one of them.
    """
    every = [answer for row in rows for answer in row]
    if all(isinstance(answer, NoNewAccess) for answer in every):
        return NoNewAccess()
    for row in rows:
        if all(isinstance(answer, NewAccess) for answer in row):
            return row[0]
    return next((answer for answer in every if isinstance(answer, NotProven)), _NOT_SHOWN)


def _is_limited_more(context: Context, old: PluginIdentity, new: PluginIdentity) -> bool:
    """Say whether the session policies of the same roles allow nothing more, by themselves."""
    if not old.sessions:
        return True
    before, after = (_session_policies(identity) for identity in (old, new))
    if not (before and after):
        return False
    sides = (Permissions(policies) for policies in (before, after))
    return isinstance(context.proofs.compare(*sides), NoNewAccess)


class _RoleAccess(Struct, frozen=True):
    """What aws-node may do by a role, and what of it is not known."""

    permissions: Permissions
    is_shown: bool  # whether the plan has the role
    open_policies: frozenset[Content]
    open_limits: frozenset[Hashable]


def _of_roles(context: Context, identity: PluginIdentity, side: Side) -> list[_RoleAccess]:
    return [_role_access(context, identity, role, side) for role in _sorted(identity.roles)]


def _role_access(
    context: Context, identity: PluginIdentity, role: IamResource, side: Side
) -> _RoleAccess:
    account = context.accounts.after if side is Side.AFTER else context.accounts.before
    sessions = _session_policies(identity)
    boundary = account.one(role, Part.BOUNDARY)
    open_limits: list[Hashable] = [boundary.content] if boundary and boundary.is_open else []
    if sessions is None:
        open_limits += [content for _, content in identity.sessions]
    policies = account.policies(role).values()
    return _RoleAccess(
        permissions(account, role, sessions or ()),
        isinstance(role, InPlan),
        frozenset(grant.content for grant in policies if grant.is_open),
        frozenset(open_limits),
    )


def _session_policies(identity: PluginIdentity) -> tuple[Policy, ...] | None:
    """Return the session policies that limit what aws-node may do; None where that is not known.

    AWS does not say whether the one of an association with a target role limits that role.
    """
    contents = {content for _, content in identity.sessions}
    if not contents:
        return ()
    of_all = len(identity.sessions) == len(identity.addresses)
    (content, *others) = contents
    if others or identity.first_roles or not of_all or not isinstance(content, Document):
        return None
    return (content.policy,)


def _compare(context: Context, old: _RoleAccess, new: _RoleAccess) -> Answer:
    is_shown = old.is_shown and new.is_shown
    same_open = (old.open_policies, old.open_limits) == (new.open_policies, new.open_limits)
    if not (is_shown and same_open):
        return _NOT_SHOWN
    answer = context.proofs.compare(old.permissions, new.permissions)
    if old.open_policies:
        # They may allow what only a Deny of the old role kept it from.
        denied_less = context.proofs.without_denies(old.permissions, new.permissions)
        if not isinstance(denied_less, NoNewAccess):
            return _NOT_SHOWN
    is_maybe = new.open_limits or new.open_policies
    return _NOT_SHOWN if isinstance(answer, NewAccess) and is_maybe else answer


def _first(context: Context, plugin: ClusterPlugin) -> IdentityChange | None:
    """Return what an identity is of which the plan does not show the one before."""
    old, new = plugin.before.identity, plugin.after.identity
    are_new = new.roles <= context.accounts.created and not plugin.before.installer
    is_broad = _is_broader(context, old, new)
    if not is_broad and (not plugin.stays or (are_new and context.has_new_issuer)):
        return None  # the cluster is new, or likely to be
    every = _of_roles(context, new, Side.AFTER)
    is_shown = all(has.is_shown and not (has.open_policies or has.open_limits) for has in every)
    if is_broad:
        event = IdentityEvent.BROAD
    elif is_shown:
        event = IdentityEvent.FIRST_SHOWN
    else:
        event = IdentityEvent.NOT_SHOWN
    return IdentityChange(event, old, new)


def _is_broader(context: Context, old: PluginIdentity, new: PluginIdentity) -> bool:
    """Say whether aws-node gets a role that was there and reaches further than the known ones."""
    existing = new.roles - context.accounts.created
    before = _of_roles(context, old, Side.BEFORE)
    after = [_role_access(context, new, role, Side.AFTER) for role in existing]
    reached = max((reach(has.permissions) for has in before), default=Reach.LIMITED)
    return any(reach(has.permissions) > reached for has in after if not has.open_limits)


def _loses_agent(plugin: ClusterPlugin) -> bool:
    before, after = plugin.states
    is_removed = bool(before.agent) and not after.agent and not before.agent_stays_on_removal
    has_own_agent = after.is_auto_mode and not after.node_groups  # on each node of Auto Mode
    return is_removed and not has_own_agent


def _of_other_issuer(context: Context, identity: PluginIdentity) -> Iterator[IamResource]:
    """Yield the roles whose trust policy names the issuer of the cluster that is replaced."""
    if identity.kind is not Identity.irsa:
        return
    for role in _sorted(identity.assumed):
        before, after = (trust_of(context, role, side) for side in Side)
        if after is not None and before == after and names_plugin(after):
            yield role


def _refusing(context: Context, plugin: ClusterPlugin) -> Iterator[IamResource]:
    """Yield the roles that aws-node newly gets, and that the plan shows not to trust it.

    A role that it has already and whose trust policy changes has a finding about that policy.
    """
    new = plugin.after.identity
    if new.kind.is_of_service_account and not same_identity(plugin.before.identity, new):
        for role in _sorted(new.assumed):
            trust = trust_of(context, role, Side.AFTER)
            if trust and lets_plugin(trust, plugin.after, tags=new.has_session_tags) is False:
                yield role


def _known_as(roles: Iterable[IamResource]) -> set[Hashable]:
    """Return roles so that one secret names one role on both sides."""
    return {
        role.place if isinstance(role, Unresolved) and is_mark(role.place) else role
        for role in roles
    }


def _sorted(roles: Iterable[IamResource]) -> tuple[IamResource, ...]:
    return tuple(sorted(roles, key=str))
