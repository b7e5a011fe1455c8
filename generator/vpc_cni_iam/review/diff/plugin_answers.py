"""The answer to the question: does aws-node work after the plan?"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.plugin.cluster import EksCluster
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.review.account.grants import Grant
from vpc_cni_iam.review.account.iam_resource import IamResource
from vpc_cni_iam.review.account.plugin.state import ClusterPlugin
from vpc_cni_iam.review.diff.calls import MissingCall, by_action
from vpc_cni_iam.review.diff.needs import PluginNeeds, RoleNeeds, VersionSource
from vpc_cni_iam.review.diff.plugin_roles import PluginFacts, is_of_nodes
from vpc_cni_iam.review.diff.trust.roles import lets_plugin, trust_of
from vpc_cni_iam.review.rules import Level


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
    IDENTITY = "identity"  # the plan does not say which role it has
    ROLE = "role"  # the plan does not have its role
    POLICY = "policy"  # the plan does not show a policy that may allow what is missing
    LIMIT = "limit"  # the plan does not show a boundary or session policy
    LATER = "later"  # parts of its policies are known after apply
    UNDECIDED = "undecided"  # conditions, or the Region, decide
    CONFLICT = "conflict"  # one resource removes a policy, and another one keeps it
    REFUSED = "refused"  # a policy is not valid


class PluginAnswer(Struct, frozen=True):
    """Whether aws-node works in a cluster, or with a role of which the plan names no cluster."""

    cluster: EksCluster | None  # None for a role of the plugin
    address: str  # of the cluster in the plan; may be empty
    verdict: AnswerVerdict
    reason: AnswerReason | None  # None where it works
    version: PluginVersion
    source: VersionSource
    version_before: str  # as the plan has it; empty where it names none
    version_after: str
    mode: Mode
    identity: Identity
    identity_before: Identity
    roles: tuple[IamResource, ...]
    roles_before: tuple[IamResource, ...]
    missing: tuple[MissingCall, ...] = ()
    open: tuple[Grant, ...] = ()  # policies of which nothing is known, which may allow or deny


class AnswerFacts(PluginFacts, Protocol):
    """What has the plugin's own roles besides."""

    @property
    def roles_of_pods(self) -> tuple[IamResource, ...]:
        """The plugin's roles that aws-node has by itself, of which the plan names no cluster."""


def answer(needs: PluginNeeds, context: AnswerFacts) -> PluginAnswer | None:
    """Return the answer of a cluster or a role; None where aws-node does not run after."""
    cluster = needs.cluster
    if cluster is None and other_roles(context, needs.roles[0].role):
        return None  # what nodes may do is no answer where aws-node has a role of its own
    verdict, reason = _verdict(needs, context)
    if cluster is None:
        (role,) = needs.roles
        return PluginAnswer(
            None,
            "",
            verdict,
            reason,
            needs.after.version,
            needs.source,
            "",
            "",
            needs.mode,
            Identity.unknown,
            Identity.unknown,
            (role.role,),
            (role.role,),
            by_action(role.missing or ()),
            role.open,
        )
    if is_deleted(cluster) or _needs_none(cluster):
        return None
    before, after = cluster.states
    missing = (call for role in needs.roles for call in role.missing or ())
    return PluginAnswer(
        after.cluster,
        cluster.address,
        verdict,
        reason,
        needs.after.version,
        needs.source,
        before.setup.settings.version,
        after.setup.settings.version,
        needs.mode,
        after.identity.kind,
        before.identity.kind,
        tuple(sorted(after.identity.roles, key=str)),
        tuple(sorted(before.identity.roles, key=str)),
        by_action(missing),
        tuple(grant for role in needs.roles for grant in role.open),
    )


def other_roles(context: AnswerFacts, role: IamResource) -> tuple[IamResource, ...]:
    """Return the roles of the plugin, of which aws-node may have one and not that of its nodes."""
    return context.roles_of_pods if is_of_nodes(context, role, alone=True) else ()


def _needs_none(cluster: ClusterPlugin) -> bool:
    """Say whether the plugin is removed from a cluster whose nodes are all of EKS Auto Mode."""
    after = cluster.after
    return not after.installer and after.is_auto_mode and not after.node_groups


def is_deleted(cluster: ClusterPlugin) -> bool:
    """Say whether the plan deletes a cluster."""
    resource = cluster.resource
    return resource is not None and resource.after is None and "delete" in resource.actions


def _verdict(needs: PluginNeeds, context: AnswerFacts) -> tuple[AnswerVerdict, AnswerReason | None]:
    """Return the worst verdict of the roles, with its reason."""
    of_roles = list(dict.fromkeys(map(_of_role, needs.roles)))
    if len(of_roles) > 1 and needs.cluster and needs.cluster.after.identity.is_one_of_several:
        of_roles = [(AnswerVerdict.NOT_SHOWN, AnswerReason.IDENTITY)]
    verdicts = [*_of_cluster(needs, context), *of_roles]
    order = list(AnswerVerdict)
    return min(verdicts, key=lambda pair: order.index(pair[0]), default=(AnswerVerdict.WORKS, None))


def _of_cluster(
    needs: PluginNeeds, context: AnswerFacts
) -> Iterator[tuple[AnswerVerdict, AnswerReason | None]]:
    cluster = needs.cluster
    if cluster is None:
        return
    before, after = cluster.states
    if before.installer and not after.installer and not before.stays_on_removal:
        yield AnswerVerdict.FAILS, AnswerReason.REMOVED
    if after.identity.lost_roles:
        yield AnswerVerdict.FAILS, AnswerReason.ROLE_DELETED
    elif needs.not_shown:
        yield AnswerVerdict.NOT_SHOWN, AnswerReason.ROLE
    if not after.identity.roles:
        yield AnswerVerdict.NOT_SHOWN, AnswerReason.IDENTITY
    trusts = [trust_of(context, role, Side.AFTER) for role in after.identity.assumed]
    tags = after.identity.has_session_tags
    if any(policy and lets_plugin(policy, after, tags=tags) is False for policy in trusts):
        yield AnswerVerdict.FAILS, AnswerReason.NOT_TRUSTED


def _of_role(role: RoleNeeds) -> tuple[AnswerVerdict, AnswerReason | None]:
    if role.missing is None:
        return AnswerVerdict.NOT_SHOWN, AnswerReason.REFUSED
    fatal = [call for call in role.missing if call.is_fatal]
    certain = [call for call in fatal if call.level is Level.ERROR]
    by_deny = [call for call in certain if call.denied_by is not None]
    if by_deny or (certain and not role.open):
        return AnswerVerdict.FAILS, AnswerReason.MISSING
    if fatal:
        return AnswerVerdict.NOT_SHOWN, AnswerReason.POLICY if certain else _doubt(fatal[0])
    if role.open_limits:
        return AnswerVerdict.NOT_SHOWN, AnswerReason.LIMIT
    degraded = any(call.level is not Level.NOTE for call in role.missing)
    return (
        (AnswerVerdict.DEGRADED, AnswerReason.MISSING) if degraded else (AnswerVerdict.WORKS, None)
    )


def _doubt(call: MissingCall) -> AnswerReason:
    """Return why it is not certain that a call is denied."""
    if call.is_contested:
        return AnswerReason.CONFLICT
    return AnswerReason.LATER if call.is_later else AnswerReason.UNDECIDED
