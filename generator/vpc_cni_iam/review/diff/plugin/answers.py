"""Answers whether aws-node works after the plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum, StrEnum
from functools import partial
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.node_needs import NodeNeed
from vpc_cni_iam.coverage.judge.verdict import Verdict
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource
from vpc_cni_iam.inputs.plan.plugin.state import ClusterPlugin, lacks_plugin
from vpc_cni_iam.inputs.plan.values import one
from vpc_cni_iam.plugin.cluster import EksCluster
from vpc_cni_iam.plugin.mending import TrustFault
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Absent, Unknown
from vpc_cni_iam.review.context import Context, fact
from vpc_cni_iam.review.diff.plugin.calls import MissingCall
from vpc_cni_iam.review.diff.plugin.identity import (
    IdentityEvent,
    can_assume,
    fault_of,
    identity_loss,
    is_less_trusted,
    is_trusted,
    own_loss,
)
from vpc_cni_iam.review.diff.plugin.judged import VersionSource
from vpc_cni_iam.review.diff.plugin.needs import (
    PluginNeeds,
    RoleNeeds,
    instance_needs,
    needs_of_role,
    needs_of_roles,
    other_roles,
    plugin_needs,
    role_calls,
)
from vpc_cni_iam.review.diff.plugin.nodes import (
    NodeLoss,
    controllers_missing,
    metadata_closed,
    nodes_lost,
)
from vpc_cni_iam.review.diff.plugin.roles import is_named, is_refused, may_be_plugins, trust_lost
from vpc_cni_iam.review.diff.trust.providers import roles_without_provider
from vpc_cni_iam.review.diff.trust.roles import trust_of


class AnswerReason(StrEnum):
    """Why aws-node does not work, or why the plan does not show it, besides the events."""

    REMOVED = "removed"  # the plan removes the plugin
    MISSING = "missing"  # its role does not allow calls
    FAMILY = "family"  # its version does not support the IP family
    FAMILY_LATER = "family later"  # the IP family of the cluster is known after apply
    VERSION = "version"  # a version that the plan may install fails, or is not known
    TRUST = "trust"  # a condition decides whether its role trusts it
    IDENTITY = "identity"  # the plan does not show its role
    OWNER = "owner"  # the plan does not show which role has a policy
    ROLE = "role"  # the plan does not have its role
    POLICY = "policy"  # a policy that the plan does not show may allow the missing calls
    MAY_DENY = "may deny"  # a policy that the plan does not show may deny calls
    OTHER_PLAN = "other plan"  # another plan may allow a new role the missing calls
    AMBIGUOUS = "ambiguous"  # a policy may belong to another role with the name
    LIMIT = "limit"  # the plan does not show a boundary or session policy
    ORGANIZATION = "organization"  # policies of the organization change
    LATER = "later"  # parts of its policies are known after apply
    UNDECIDED = "undecided"  # conditions, or the Region, decide
    # the cluster's role does not allow what security groups for pods need
    CONTROLLER = "controller"
    NODES = "nodes"  # a policy that the plan does not show may let nodes join
    METADATA = "metadata"  # its nodes have no instance metadata
    REFUSED = "refused"  # a policy is not valid
    FOREIGN = "foreign"  # its settings give it other credentials, or another image
    SETTINGS = "settings"  # its settings are not read
    SEVERAL = "several"  # several resources install it, and each overwrites the others


class NodePart(Enum):
    """What the nodes of a cluster need besides permissions."""

    PLUGIN = "plugin"
    AGENT = "agent"  # of EKS Pod Identity


# An event of its identity or nodes, or what a cluster lacks, is a reason, too.
AnswerCause: TypeAlias = AnswerReason | IdentityEvent | NodeLoss | NodeNeed | NodePart


class PluginAnswer(Struct, frozen=True):
    """Whether aws-node works in a cluster, or with a role for which the plan names no cluster."""

    needs: PluginNeeds
    verdict: Verdict
    reason: AnswerCause | None  # None if it works
    is_as_before: bool = False  # whether it also failed before
    fault: TrustFault | None = None  # why it cannot assume its role, if the trust policy says it


_NETWORK, _FAMILY = "kubernetes_network_config", "ip_family"  # of a cluster
# A verdict, its reason, and whether it was the same before.
_Doubt: TypeAlias = tuple[Verdict, AnswerCause, bool]


@fact
def plugin_answers(context: Context) -> tuple[PluginAnswer, ...]:
    """Return whether aws-node works after the plan, in each cluster or with each of its roles.

    There is no answer for a node role if aws-node has its own role.
    """
    needs = [*(n for n in plugin_needs(context) if n.is_of_cluster), *_of_lone_roles(context)]
    judged = {role for each in needs for role in each.plugin.after.identity.roles}
    # For some roles it is only known that aws-node can or may no longer assume them.
    lost = {*trust_lost(context)} | roles_without_provider(context)
    lost |= {lost.role for lost in nodes_lost(context) if lost.workload}
    needs += (needs_of_role(context, role) for role in sorted(lost - judged, key=str))
    answers = tuple(filter(None, (answer(each, context) for each in needs)))
    # A change outside of the configuration that stays is not "as before".
    failed = {
        _owner(each)
        for each in (plugin_answers(context.drift) if context.drift else ())
        if each.verdict is Verdict.fails and not each.is_as_before
    }
    return tuple(
        replace(each, is_as_before=each.is_as_before and _owner(each) not in failed)
        for each in answers
    )


def _of_lone_roles(context: Context) -> list[PluginNeeds]:
    """Return the needs of each role without a known cluster, if aws-node has no other role."""
    new = {pair[1]: needs for pair, (_, needs) in instance_needs(context).items()}
    every = {needs.roles[0].role: needs for needs in needs_of_roles(context)} | new
    for old, _ in instance_needs(context):  # there is no answer for roles that nodes no longer have
        every.pop(old, None)
    alone = {r: n for r, n in every.items() if not other_roles(context, n, n.roles[0])}
    own = may_be_plugins, is_named, partial(is_refused, side=Side.AFTER)
    return [n for r, n in alone.items() if any(is_own(context, r) for is_own in own)]


def _owner(answer: PluginAnswer) -> tuple[EksCluster, frozenset[IamResource]]:
    return answer.needs.plugin.after.cluster, answer.needs.plugin.after.identity.roles


def answer(needs: PluginNeeds, context: Context) -> PluginAnswer | None:
    """Return the answer for a cluster or role; None if aws-node does not run after the plan."""
    after = needs.plugin.after
    if needs.plugin.is_deleted or (after.has_only_auto_mode and not after.installer):
        return None
    reasons = _of_cluster if needs.is_of_cluster else _of_trust
    doubts = [*reasons(needs, context), *_of_nodes(needs, context)]
    doubts += [own for role in needs.roles if (own := _of_role(role, needs))]
    grants = (grant for role in needs.roles for grant in role.access.grants.values())
    if any(map(context.accounts.is_ambiguous, grants)):
        doubts.append((Verdict.unknown, AnswerReason.AMBIGUOUS, False))
    if any("aws_organizations_policy" in change.address for change in context.plan.unread):
        doubts.append((Verdict.unknown, AnswerReason.ORGANIZATION, False))
    worst = max(doubts, key=lambda d: (d[0].rank, not d[2]), default=(Verdict.works, None, False))
    answer = PluginAnswer(needs, *worst)
    if answer.reason is not IdentityEvent.NOT_TRUSTED:
        return answer
    plugin, chain = needs.plugin, sorted(after.identity.chain, key=str)
    open_roles = {r for r in chain if is_trusted(plugin, r, Side.AFTER, context) is not True}
    open_roles |= roles_without_provider(context)
    faults = (fault_of(plugin, role, context) for role in chain if role in open_roles)
    return replace(answer, fault=next(filter(None, faults), None))


def _of_cluster(needs: PluginNeeds, context: Context) -> Iterator[_Doubt]:
    """Yield what aws-node of a cluster lacks besides permissions."""
    plugin = needs.plugin
    after = plugin.after
    if plugin.is_removed:
        yield Verdict.fails, AnswerReason.REMOVED, False
    loss = identity_loss(context, plugin)
    if loss and loss.event is not IdentityEvent.NOT_NAMED:
        yield Verdict.fails, loss.event, False
    if not loss and (event := own_loss(context, after)):
        yield Verdict.fails, event, True
    are_unknown: Mapping[AnswerCause, object] = {
        NodePart.PLUGIN: plugin.resource and lacks_plugin(plugin.resource, context.plugins),
        NodePart.AGENT: plugin.has_agent is None,
        AnswerReason.SEVERAL: len(plugin.installers) > 1,
        AnswerReason.FOREIGN: after.setup.foreign,
        AnswerReason.SETTINGS: after.setup.has_unread,
        AnswerReason.FAMILY_LATER: _is_family_later(needs, context),
        AnswerReason.VERSION: _is_version_open(needs, context),
        AnswerReason.ROLE: needs.not_shown,
        AnswerReason.IDENTITY: not after.identity.roles,
    }
    yield from ((Verdict.unknown, why, False) for why, is_one in are_unknown.items() if is_one)
    yield from _of_chain(plugin, context)
    if any(after.cluster in missing.clusters for missing in controllers_missing(context)):
        yield Verdict.degraded, AnswerReason.CONTROLLER, False


def _is_family_later(needs: PluginNeeds, context: Context) -> bool:
    """Return whether the plan sets the IP family of the cluster, and does not show it."""
    cluster = needs.plugin.resource
    if cluster is None or context.options.mode or needs.plugin.after.mode:
        return False
    configuration, where = context.reader.plan.configuration, (cluster.module, cluster.block)
    is_set = configuration.expression(*where, _NETWORK, "0", _FAMILY) is not None
    return is_set and isinstance(one(cluster, f"{_NETWORK}.*.{_FAMILY}", Side.AFTER), Unknown)


def _is_version_open(needs: PluginNeeds, context: Context) -> bool:
    """Return whether a version that the plan may install does not work as the assumed one does.

    A version that is known after apply may be any of the newest minor versions.
    """
    setup = needs.plugin.after.setup
    if needs.source is not VersionSource.ASSUMED or isinstance(setup.version, Absent):
        return False
    if name := setup.settings.version:  # the catalog does not have it
        return known_versions.stand_in(name) is None
    others = [replace(needs.after, version=version) for version in known_versions.recent()]
    calls = ((r, role_calls(context, r.access, o, Side.AFTER)) for r in needs.roles for o in others)
    return any(role.verdict is not each.verdict for role, each in calls)


def _of_chain(plugin: ClusterPlugin, context: Context) -> Iterator[_Doubt]:
    """Yield roles that aws-node of a cluster cannot assume, or that the plan does not show."""
    before, after = plugin.states
    for role in after.identity.chain:
        assumes = can_assume(plugin, role, Side.AFTER, context)
        is_refused, is_target = assumes is False, role not in after.identity.assumed
        is_open = assumes is None and (is_target or not is_named(context, role))
        if is_refused or role in roles_without_provider(context):
            was_refused = can_assume(plugin, role, Side.BEFORE, context) is False
            is_as_before = is_refused and was_refused and role in before.identity.chain
            yield Verdict.fails, IdentityEvent.NOT_TRUSTED, is_as_before
        elif is_open or is_less_trusted(plugin, role, context):
            yield Verdict.unknown, AnswerReason.TRUST, False


def _of_nodes(needs: PluginNeeds, context: Context) -> Iterator[_Doubt]:
    """Yield what nodes lack."""
    after = needs.plugin.after
    if any(closed.group in after.node_groups for closed in metadata_closed(context)):
        yield Verdict.fails, AnswerReason.METADATA, False
    for lost in nodes_lost(context):
        roles = after.node_roles if needs.is_of_cluster else after.identity.roles
        if lost.role in roles and (lost.cluster == after.cluster or not needs.is_of_cluster):
            reason = lost.loss if lost.verdict is Verdict.fails else AnswerReason.NODES
            yield lost.verdict, reason, lost.is_as_before


def _of_trust(needs: PluginNeeds, context: Context) -> Iterator[_Doubt]:
    """Yield a role without a known cluster that aws-node cannot or may not assume."""
    for role in needs.plugin.after.identity.roles:
        lost = trust_lost(context).get(role)
        if (lost and lost.is_certain) or role in roles_without_provider(context):
            yield Verdict.fails, IdentityEvent.NOT_TRUSTED, False
        elif lost:
            yield Verdict.unknown, AnswerReason.TRUST, False
        elif is_refused(context, role, Side.AFTER):
            yield Verdict.fails, IdentityEvent.NOT_TRUSTED, is_refused(context, role, Side.BEFORE)
        elif trust_of(context, role, Side.AFTER) is None and not needs.roles[0].is_policy:
            yield Verdict.unknown, AnswerReason.TRUST, False


def _of_role(role: RoleNeeds, needs: PluginNeeds) -> _Doubt | None:
    """Return the doubt about a role's permissions; None if they are sufficient."""
    if role.is_policy:
        return Verdict.unknown, AnswerReason.OWNER, False
    fatal = [call for call in role.missing if call.is_fatal and not call.switch]
    if any(call.is_certain for call in fatal) and needs.others(role):
        return Verdict.unknown, AnswerReason.IDENTITY, False
    if role.verdict is Verdict.works:
        return None
    if role.verdict is Verdict.unknown:
        return role.verdict, _not_shown(role, fatal), False
    reason = AnswerReason.MISSING if role.missing else AnswerReason.FAMILY
    return role.verdict, reason, role.fails_as_before


def _not_shown(role: RoleNeeds, fatal: Sequence[MissingCall]) -> AnswerReason:
    """Return what decides about a role and is not in the plan, with the fatal calls it denies."""
    if role.is_refused:
        return AnswerReason.REFUSED
    if any(call.is_certain for call in fatal):
        return AnswerReason.POLICY if role.open_grants else AnswerReason.OTHER_PLAN
    if fatal:
        return AnswerReason.LATER if fatal[0].is_later else AnswerReason.UNDECIDED
    return AnswerReason.LIMIT if role.access.open_limits else AnswerReason.MAY_DENY
