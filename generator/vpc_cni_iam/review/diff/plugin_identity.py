"""What a plan does to the identity of aws-node in a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct

from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.review.account.iam_resource import IamResource, InPlan
from vpc_cni_iam.review.account.plugin.state import ClusterPlugin, PluginIdentity
from vpc_cni_iam.review.diff.plugin_access import (
    IdentityGain,
    identity_access,
    identity_gain,
    of_roles,
    sorted_roles,
)
from vpc_cni_iam.review.diff.reach import Reach, reach
from vpc_cni_iam.review.diff.trust import lets_plugin, names_plugin, trust_of

if TYPE_CHECKING:
    from vpc_cni_iam.review.context import Context


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
    gain: IdentityGain | None = None
    roles: tuple[IamResource, ...] = ()  # the roles that the event is about
    source: str = ""  # the resource that it comes from, where that is another


def identity_change(context: Context, plugin: ClusterPlugin) -> IdentityChange | None:
    """Return what happens to the identity of aws-node in a cluster; None for nothing."""
    old, new = plugin.before.identity, plugin.after.identity
    if plugin.is_deleted:
        return None
    if lost := _loss(context, plugin):
        return lost
    if old.is_same(new) or new.kind is Identity.unknown:
        return None
    if new.kind is Identity.node_role and old.kind in (Identity.node_role, Identity.unknown):
        return None  # what the role of nodes becomes is said of the nodes
    is_first = old.kind is Identity.unknown
    return _first(context, plugin) if is_first else _of_others(context, old, new)


def _of_others(context: Context, old: PluginIdentity, new: PluginIdentity) -> IdentityChange:
    """Return what other roles, or other session policies, mean for what aws-node may do."""
    event, gain = IdentityEvent.NOT_SHOWN, None
    match identity_access(context, old, new):
        case NoNewAccess():
            event = IdentityEvent.NO_MORE
        case NewAccess() as answer:
            event, gain = IdentityEvent.MORE, identity_gain(context, old, new, answer)
        case _ if broad := _broad(context, old, new):
            return broad
    return IdentityChange(event, old, new, gain)


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
        source = next((r.address for r in sorted_roles(roles) if isinstance(r, InPlan)), "")
    elif roles := frozenset(_refusing(context, plugin)):
        event = IdentityEvent.NOT_TRUSTED
    elif new.kind is Identity.unknown and old.kind.is_of_service_account and not new.addresses:
        event = IdentityEvent.NOT_NAMED
    return IdentityChange(event, old, new, None, sorted_roles(roles), source) if event else None


def _first(context: Context, plugin: ClusterPlugin) -> IdentityChange | None:
    """Return what an identity is of which the plan does not show the one before."""
    old, new = plugin.before.identity, plugin.after.identity
    are_new = new.roles <= context.accounts.created and not plugin.before.installer
    if broad := _broad(context, old, new):
        return broad
    if not plugin.stays or (are_new and context.has_new_issuer):
        return None  # the cluster is new, or likely to be
    is_shown = all(has.is_shown for has in of_roles(context, new, Side.AFTER))
    event = IdentityEvent.FIRST_SHOWN if is_shown else IdentityEvent.NOT_SHOWN
    return IdentityChange(event, old, new)


def _broad(context: Context, old: PluginIdentity, new: PluginIdentity) -> IdentityChange | None:
    """Return the change, if aws-node gets a role that was there and reaches further than known."""
    before, after = (
        of_roles(context, identity, side)
        for identity, side in ((old, Side.BEFORE), (new, Side.AFTER))
    )
    reached = max((reach(has.permissions) for has in before), default=Reach.LIMITED)
    existing = (has for has in after if has.role not in context.accounts.created)
    reaches = (reach(has.permissions) for has in existing if not has.open_limits)
    reach_after = max(reaches, default=Reach.LIMITED)
    if reach_after <= reached:
        return None
    return IdentityChange(IdentityEvent.BROAD, old, new, IdentityGain(reach_after))


def _loses_agent(plugin: ClusterPlugin) -> bool:
    before, after = plugin.states
    is_removed = bool(before.agent) and not after.agent and not before.agent_stays_on_removal
    has_own_agent = after.is_auto_mode and not after.node_groups  # on each node of Auto Mode
    return is_removed and not has_own_agent


def _of_other_issuer(context: Context, identity: PluginIdentity) -> Iterator[IamResource]:
    """Yield the roles whose trust policy names the issuer of the cluster that is replaced."""
    if identity.kind is not Identity.irsa:
        return
    for role in sorted_roles(identity.assumed):
        before, after = (trust_of(context, role, side) for side in Side)
        if after is not None and before == after and names_plugin(after):
            yield role


def _refusing(context: Context, plugin: ClusterPlugin) -> Iterator[IamResource]:
    """Yield the roles that aws-node newly gets, and that the plan shows not to trust it.

    A role that it has already and whose trust policy changes has a finding about that policy.
    """
    new = plugin.after.identity
    if new.kind.is_of_service_account and not plugin.before.identity.is_same(new):
        for role in sorted_roles(new.assumed):
            trust = trust_of(context, role, Side.AFTER)
            if trust and lets_plugin(trust, plugin.after, tags=new.has_session_tags) is False:
                yield role
