"""Which identities a role's trust policy allows, and why aws-node of a cluster cannot assume it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.account.access import RoleAccess
from vpc_cni_iam.account.assuming import refusals
from vpc_cni_iam.account.doubts import NotInInput, NotKnown
from vpc_cni_iam.account.grants import Use
from vpc_cni_iam.audit.clusters import ClusterUse
from vpc_cni_iam.catalog.facts.calls import program_of
from vpc_cni_iam.catalog.facts.node_needs import AGENT_ACTION
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.trust import POD_IDENTITY_SINCE
from vpc_cni_iam.coverage.analysis.excess import granted
from vpc_cni_iam.coverage.simulate.send import Answers, Limits
from vpc_cni_iam.errors import Message
from vpc_cni_iam.plugin import trust as trusts
from vpc_cni_iam.plugin.cluster import ANY_CLUSTER, cluster_arn
from vpc_cni_iam.plugin.identity import Identity, in_order
from vpc_cni_iam.plugin.mending import (
    TrustFault,
    TrustRepair,
    fault_of_pods,
    is_meant_for_plugin,
    repairs_of,
)
from vpc_cni_iam.plugin.trust import RoleTrust, ServiceAccount
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.evaluate import Request
from vpc_cni_iam.policy.matching.variables import UNKNOWN
from vpc_cni_iam.policy.report import undecided_text

_HELPER = ServiceAccount(trusts.AWS_NODE.namespace, program_of("metrics-helper").service_account)


class ObstacleKind(Enum):
    """Why aws-node cannot assume a role, or why that is not known."""

    never_met = "conditions that are never met", True
    no_tag_session = "sts:TagSession is not allowed", True
    tags_required = "session tags are required", True
    mendable = "an element of the trust policy does not match aws-node", True
    identity = "the identity is not trusted", True
    issuer = "the cluster's issuer is not trusted", True
    cluster = "the cluster is not trusted", True
    first_role = "the role that must assume it is not trusted", True
    first_role_policies = "the policies of that role do not allow it", True
    node_role = "the policies of the node role do not allow EKS Pod Identity", True
    old_version = "the plugin cannot use EKS Pod Identity", True
    anyone = "the principal is *", False
    unread_trust = "the trust policy is not read", False
    absent = "a policy is not in the input", False
    absent_first_role = "the role that must assume it is not in the input", False
    absent_node_role = "the node role is not in the input", False
    unread_policy = "a policy is not read", False
    first_role_undecided = "the policies of that role are not decided", False
    node_role_undecided = "the policies of the node role are not decided", False
    node_role_region = "its policies are for a Region, and the cluster's is not known", False

    @property
    def is_certain(self) -> bool:
        """Whether aws-node cannot assume the role; else, this is not known."""
        _, is_certain = self.value
        return is_certain


_MENDABLE = ObstacleKind.mendable
_FAULTS: Mapping[TrustFault | None, ObstacleKind] = {
    TrustFault.tag_session: ObstacleKind.no_tag_session,
    TrustFault.session_tags: ObstacleKind.tags_required,
}


class Obstacle(Struct, frozen=True):
    """Why aws-node cannot assume a role, with the data that its kind uses."""

    kind: ObstacleKind
    cluster: str = ""
    identity: Identity = Identity.unknown  # what aws-node has there
    action: str = ""
    on: str = ""  # the ARN of the role to assume or of a policy, or a file
    problem: Message = ""  # the message of the reader or evaluator
    tags: bool = False  # whether the session needs tags
    of: str = ""  # the ARN of the role, if another role is the obstacle
    repair: TrustRepair | None = None  # what to change in the trust policy


def obstacle_of_doubt(doubt: NotKnown) -> Obstacle:
    """Return why it is not known what a role may do."""
    if isinstance(doubt, NotInInput):
        return Obstacle(ObstacleKind.absent, on=doubt.name)
    return Obstacle(ObstacleKind.unread_policy, on=doubt.name, problem=doubt.detail)


class TrustAudit(Struct, frozen=True):
    """Which identities a trust policy allows; none if it was not read."""

    trust: RoleTrust | None = None
    identities: tuple[Identity, ...] = ()  # how aws-node could get the role; empty if it cannot
    # The identities whose conditions can be met; conditions of the others never are.
    allowed: frozenset[Identity] = frozenset()
    for_plugin: bool = False  # whether aws-node can get it and another service account cannot
    # How cni-metrics-helper could get the role; empty if another service account can, too.
    metrics_helper: tuple[Identity, ...] = ()
    issuers: tuple[str, ...] = ()  # the issuers whose tokens it accepts from aws-node (IRSA)
    undecided: Obstacle | None = None  # why aws-node may have further ways to get it
    is_meant: bool = False  # whether it requires tokens of aws-node by name
    repairs: tuple[TrustRepair, ...] = ()  # what to change so that it accepts these tokens

    @property
    def is_broken(self) -> bool:
        """Whether it is meant for aws-node, but aws-node cannot assume the role."""
        return self.is_meant and not self.identities

    @property
    def problem(self) -> Message:
        """Why the trust policy was not read, empty if it was."""
        return self.undecided.problem if self.undecided else ""


def audit_trust(policy: Policy, role: str) -> TrustAudit:
    """Return which identities a role's trust policy allows; `role` is its ARN.

    Raises `InputError` for a policy that cannot be evaluated.
    """
    trust = RoleTrust(policy, role)
    trust.check()
    callers, others = trust.meant_for(), trust.meant_for(trusts.STRANGER)
    possible = {c.identity for c in callers}
    allowed = frozenset(c.identity for c in trust.callers())
    helper = {c.identity for c in trust.meant_for(_HELPER)}
    # A provider other than EKS is the plugin's only if the policy requires aws-node by name.
    unnamed = {c.identity for c in others if c.issuer and trusts.EKS_ISSUER not in c.principal}
    own = {i for i in Identity if i.is_of_service_account} - {c.identity for c in others}
    return TrustAudit(
        trust,
        in_order((possible & allowed or possible) - unnamed),
        allowed,
        bool(possible & own),
        in_order(helper & own - possible),
        tuple(dict.fromkeys(c.issuer for c in callers if c.issuer)),
        Obstacle(ObstacleKind.anyone) if trust.is_open else None,
        is_meant_for_plugin(policy),
        repairs_of(policy, role),
    )


def obstacles_of(audit: TrustAudit, uses: Sequence[ClusterUse]) -> list[Obstacle]:
    """Return why aws-node cannot assume a role, or what is not known about it."""
    known = [o for use in uses if not use.is_overridden for o in _in_cluster(audit, use)]
    if not uses and audit.identities:
        if audit.allowed.isdisjoint(audit.identities):
            known = [Obstacle(_fault_of_pods(audit, tags=True) or ObstacleKind.never_met)]
    elif not uses and audit.is_meant:
        repairs = [Obstacle(ObstacleKind.mendable, repair=repair) for repair in audit.repairs]
        known = repairs or [Obstacle(ObstacleKind.never_met)]
    return [audit.undecided] if known and audit.undecided else known


def of_version(
    audit: TrustAudit, uses: Sequence[ClusterUse], version: PluginVersion
) -> Iterator[Obstacle]:
    """Yield that a plugin version cannot use EKS Pod Identity, if aws-node has the role with it."""
    pods = Identity.pod_identity
    ways = {use.by for use in uses if not use.is_overridden}
    if version < POD_IDENTITY_SINCE and (pods in ways if uses else audit.identities == (pods,)):
        yield Obstacle(ObstacleKind.old_version, on=str(version))


def _fault_of_pods(audit: TrustAudit, *, tags: bool) -> ObstacleKind | None:
    """Return why EKS Pod Identity cannot assume a role for aws-node of any cluster."""
    if audit.trust and Identity.pod_identity in audit.identities:
        return _FAULTS.get(fault_of_pods(audit.trust, ANY_CLUSTER, tags=tags))
    return None


def _in_cluster(audit: TrustAudit, use: ClusterUse) -> Iterator[Obstacle]:
    trust, cluster, tags = audit.trust, use.with_issuer, use.session_tags
    obstacle = Obstacle(ObstacleKind.identity, use.cluster, use.by, tags=tags)
    if use.by_role:
        if not trust or trust.lets_role(use.by_role, cluster, tags=tags) is False:
            yield replace(obstacle, kind=ObstacleKind.first_role, on=use.by_role)
    elif trust and trust.lets(use.by, cluster, tags=tags) is not False:
        return
    elif use.by is Identity.irsa and use.by in audit.allowed:
        yield replace(obstacle, kind=ObstacleKind.issuer, on=", ".join(audit.issuers))
    elif use.by is Identity.irsa and audit.repairs:
        yield from (replace(obstacle, kind=_MENDABLE, repair=r) for r in audit.repairs)
    elif use.by is Identity.pod_identity:
        is_other = any(c.identity is use.by for c in trust.callers(tags=tags)) if trust else False
        kind = ObstacleKind.cluster if is_other else _fault_of_pods(audit, tags=tags)
        yield replace(obstacle, kind=kind or ObstacleKind.identity)
    else:
        yield obstacle


def obstacle_of_node(
    use: ClusterUse, role: str, policies: Sequence[Policy], limits: Limits
) -> Obstacle | None:
    """Return why the EKS Pod Identity agent on nodes gets no credentials, or may get none.

    `role` is the ARN of the node role, which has the policies and limits.
    """
    arn = cluster_arn(use.where, role)
    request = Request(AGENT_ACTION, arn, may_have=lambda key: UNKNOWN)
    decision = Answers(policies, limits).evaluate(request)
    obstacle = Obstacle(ObstacleKind.node_role, use.cluster, use.by, AGENT_ACTION, arn, of=role)
    if decision.allowed:
        return None
    if decision.undecided:
        problem = undecided_text(decision.undecided)
        return replace(obstacle, kind=ObstacleKind.node_role_undecided, problem=problem)
    # If the Region of the cluster is not known, the ARN has an example.
    if use.region or not granted(policies).evaluate(replace(request, resource="*")).allowed:
        return obstacle
    return replace(obstacle, kind=ObstacleKind.node_role_region)


def obstacles_of_first(
    use: ClusterUse, audit: TrustAudit, role: str, first: RoleAccess
) -> Iterator[Obstacle]:
    """Yield why the policies of a first role do not allow it to assume another, or may not.

    `role` is the ARN of the other role, and `audit` is its trust.
    """
    target = RoleAccess(role, (), trust=audit.trust.policy if audit.trust else None, arn=role)
    by = Use(role, use.by, cluster=use.where, tags=use.session_tags)
    for refusal in refusals(replace(first, arn=use.by_role), target, by):
        kind = ObstacleKind.first_role_undecided
        if refusal.is_denied:
            kind = ObstacleKind.first_role_policies
        problem = undecided_text(refusal.undecided)
        yield Obstacle(kind, action=refusal.action, on=role, problem=problem)
