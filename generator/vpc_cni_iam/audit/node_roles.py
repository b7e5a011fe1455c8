"""Whether the permissions of the plugin can be removed from node roles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum, StrEnum
from functools import cached_property
from itertools import chain

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.audit.clusters import ClusterUse, alike
from vpc_cni_iam.audit.node_lists import place
from vpc_cni_iam.coverage.judge.verdict import Verdict
from vpc_cni_iam.inputs.aws import eks
from vpc_cni_iam.inputs.aws.eks import ClusterDetail
from vpc_cni_iam.inputs.kubernetes.lists import ClusterNode, PluginPod
from vpc_cni_iam.plugin.cluster import EksCluster
from vpc_cni_iam.plugin.identity import Identity, in_order


class NodeAnswer(StrEnum):
    """Whether the permissions can be removed, from best to worst."""

    safe = "safe"
    unknown = "not known"
    not_safe = "not safe"

    @property
    def rank(self) -> int:
        """Its position, from best to worst."""
        return list(NodeAnswer).index(self)


class NodeReasonKind(Enum):
    """Why removing the permissions is not safe, or not known to be safe."""

    # Not safe.
    no_other_role = "the cluster gives aws-node no other role"
    not_restarted = "pods have the node role, but the cluster gives them another"
    role_breaks = "the plugin does not work with the other role"
    same_role = "aws-node has the role itself"
    # Not known.
    no_cluster = "no cluster in the input has nodes with the role"
    no_list = "the list of clusters is not in the input"
    not_listed_whole = "a cluster of the list is not in the input"
    no_pods = "the pods of the cluster are not in the input"
    no_nodes = "nodes of the cluster are not in the input"
    no_pod_on_node = "a node has no pod of aws-node in the input"
    nodes_ambiguous = "nodes may belong to several clusters"
    no_node_of_group = "a node group has no node in the input"
    cluster_unnamed = "pods do not name their cluster"
    cluster_ambiguous = "pods name a cluster that may be one of several"
    unclear_credentials = "pods do not show the source of their credentials"
    other_identity = "pods have another identity than the cluster gives them"
    unnamed_association = "the association of the cluster is not in the input"
    addon_without_role = "pods have a role that the add-on does not name"
    role_absent = "the other role is not in the input"
    role_unknown = "it is not known whether the plugin works with the other role"
    maybe_not_restarted = "pods have the role of their nodes, which may be this one or another"
    nodes_of_unknown_role = "nodes may have this role or another"
    unread = "something is not read"

    @property
    def answer(self) -> NodeAnswer:
        """The answer that it leads to."""
        certain = (self.no_other_role, self.not_restarted, self.role_breaks, self.same_role)
        return NodeAnswer.not_safe if self in certain else NodeAnswer.unknown


class NodeReason(Struct, frozen=True):
    """Why the permissions cannot be removed, or why that is not known, with its data."""

    kind: NodeReasonKind
    cluster: str = ""
    names: tuple[str, ...] = ()  # the pods, nodes, groups or files in question
    role: str = ""  # the ARN of the other role


class OtherRole(Struct, frozen=True):
    """What the audit knows about a role of aws-node in a cluster."""

    breaks: bool  # whether aws-node cannot assume it
    is_undecided: bool  # whether something about it is not known
    uses: tuple[ClusterUse, ...]


class ClusterAnswer(Struct, frozen=True):
    """Whether aws-node of a cluster needs the node role."""

    cluster: EksCluster
    reasons: tuple[NodeReason, ...]  # why it does, or why that is not known
    other_roles: tuple[str, ...]  # the ARNs of the roles of aws-node
    groups: Mapping[str, str]  # the roles of its node groups
    # Its nodes with an unknown role.
    open_nodes: tuple[str, ...]
    pods: Mapping[str, str | None]  # the roles of the nodes of its pods; None if not known

    def has(self, role: str) -> bool | None:
        """Return whether nodes have a role; None if that is not known."""
        if role in self.groups.values():
            return True
        unseen = (NodeReasonKind.no_pods, NodeReasonKind.no_nodes)
        return None if self.open_nodes or any(r.kind in unseen for r in self.reasons) else False


class Evidence(Struct, dict=True):
    """What the input says about clusters and their pods and nodes."""

    details: Sequence[ClusterDetail]
    pods: Sequence[PluginPod]
    nodes: Sequence[ClusterNode]
    roles: Mapping[str, OtherRole]  # by ARN
    is_unread: bool  # whether a part of the input was not read

    def answer(self, role: str) -> tuple[NodeAnswer, list[ClusterAnswer], list[NodeReason]]:
        """Return whether permissions can be removed from a role, its clusters, and why not."""
        account = role.split(":")[4]
        answers, reasons = self._by_cluster
        own = [a for a in answers if a.cluster.account in ("", account)]
        concerned = [a for a in own if a.has(role) is not False]
        reasons = [*chain.from_iterable(_for_role(role, a) for a in concerned), *reasons]
        if unseen := self._unseen(a.cluster for a in own):
            reasons.append(NodeReason(NodeReasonKind.not_listed_whole, names=unseen))
        if not concerned:
            reasons.append(NodeReason(NodeReasonKind.no_cluster))
        reasons.sort(key=lambda reason: -reason.kind.answer.rank)
        verdict = reasons[0].kind.answer if reasons else NodeAnswer.safe
        return verdict, concerned, reasons

    @cached_property
    def _by_cluster(self) -> tuple[list[ClusterAnswer], list[NodeReason]]:
        """The answers for the clusters, and what the input lacks for all of them."""
        clusters = {d.cluster: list[PluginPod]() for d in self.details if not d.is_listed}
        lost: dict[NodeReasonKind, list[str]] = {
            NodeReasonKind.cluster_unnamed: [],
            NodeReasonKind.cluster_ambiguous: [],
        }
        for pod in self.pods:
            own, *others = alike(pod.cluster, clusters) or [pod.cluster]
            if not pod.cluster.name:
                lost[NodeReasonKind.cluster_unnamed].append(pod.name)
            elif others:
                lost[NodeReasonKind.cluster_ambiguous].append(pod.name)
            else:
                clusters.setdefault(own, []).append(pod)
        nodes = place(self.nodes, clusters)
        lost[NodeReasonKind.no_pod_on_node] = [*nodes.without_pod]
        lost[NodeReasonKind.nodes_ambiguous] = [*nodes.ambiguous]
        missing = [NodeReason(kind, names=tuple(names)) for kind, names in lost.items() if names]
        if not any(d.is_listed for d in self.details):
            missing.append(NodeReason(NodeReasonKind.no_list))
        if self.is_unread:
            missing.append(NodeReason(NodeReasonKind.unread))
        answers = [self._answer(c, pods, nodes.by_cluster[c]) for c, pods in clusters.items()]
        return answers, missing

    def _unseen(self, clusters: Iterable[EksCluster]) -> tuple[str, ...]:
        """Return the names of listed clusters about which the input has nothing else."""
        listed = Counter(d.cluster.name for d in self.details if d.is_listed)
        seen = Counter(cluster.name for cluster in clusters)
        return tuple(name for name, number in listed.items() if number > seen[name])

    def _answer(
        self, cluster: EksCluster, pods: Sequence[PluginPod], nodes: Sequence[ClusterNode]
    ) -> ClusterAnswer:
        """Return the answer for a cluster, from its pods and nodes."""
        own = [
            d for d in self.details if d.cluster == cluster and not (d.is_listed or d.is_running)
        ]
        of_nodes = [d for d in own if d.identity is Identity.node_role]
        groups = {d.node_group: d.role for d in of_nodes}
        expected = _given(own)
        reasons = [*_unseen(cluster, pods, nodes, of_nodes), *_of_pods(cluster, pods, expected)]
        roles = sorted({*expected.roles, *(pod.role for pod in pods if pod.role)})
        reasons += [r for role in roles if (r := self._of_role(cluster, role))]
        open_nodes = tuple(n.name for n in nodes if n.has_plugin and n.group not in groups)
        by_name = {n.name: groups.get(n.group) for n in nodes}
        of_pods = {pod.name: by_name.get(pod.node) for pod in pods}
        return ClusterAnswer(cluster, tuple(reasons), tuple(roles), groups, open_nodes, of_pods)

    def _of_role(self, cluster: EksCluster, name: str) -> NodeReason | None:
        """Return why aws-node may not work with a role in a cluster, None if it does."""
        role = self.roles.get(name)
        if role is None:
            return NodeReason(NodeReasonKind.role_absent, cluster.name, role=name)
        uses = [use for use in role.uses if use.where == cluster and not use.is_overridden]
        # Pods have the version of their image, which may not be the version to check.
        running = {use.running for use in uses}
        if role.breaks or (Verdict.fails in running and not role.is_undecided):
            return NodeReason(NodeReasonKind.role_breaks, cluster.name, role=name)
        if role.is_undecided or not running <= {Verdict.works, Verdict.degraded} or not running:
            return NodeReason(NodeReasonKind.role_unknown, cluster.name, role=name)
        return None


def _unseen(
    cluster: EksCluster,
    pods: Sequence[PluginPod],
    nodes: Sequence[ClusterNode],
    groups: Iterable[ClusterDetail],
) -> Iterator[NodeReason]:
    """Yield what the input lacks about a cluster."""
    absent = {pod.node for pod in pods if pod.node} - {node.name for node in nodes}
    idle = {d.node_group for d in groups if d.has_nodes} - {node.group for node in nodes}
    for kind, names in (
        (NodeReasonKind.no_pods, () if pods else (cluster.name,)),
        (NodeReasonKind.no_nodes, tuple(sorted(absent))),
        (NodeReasonKind.no_node_of_group, tuple(sorted(idle))),
    ):
        if names:
            yield NodeReason(kind, cluster.name, names)


class _Given(Struct, frozen=True):
    """The identity that a cluster gives aws-node."""

    identity: Identity  # none if the input does not say it
    roles: tuple[str, ...] = ()
    is_addon_without_role: bool = False


def _given(details: Iterable[ClusterDetail]) -> _Given:
    own = [d for d in details if d.service_account == eks.PLUGIN]
    own = [d for d in own if d.identity.is_of_service_account]
    with_role = [d for d in own if d.role or not d.role_known]
    first = next(iter(in_order(d.identity for d in with_role)), Identity.none)
    roles = tuple(d.role for d in with_role if d.identity is first and d.role)
    return _Given(first, roles, bool(own) and not with_role)


def _of_pods(
    cluster: EksCluster, pods: Sequence[PluginPod], expected: _Given
) -> Iterator[NodeReason]:
    """Yield why the credentials of pods do not prove that the node role is not needed."""
    has_given = expected.identity is not Identity.none
    has_association = expected.identity is Identity.pod_identity and expected.roles
    on_nodes = NodeReasonKind.not_restarted if has_given else NodeReasonKind.no_other_role

    def differs(pod: PluginPod) -> bool:
        is_other = pod.identity is not expected.identity or pod.role not in ("", *expected.roles)
        return has_given and pod.identity.is_of_service_account and is_other

    tests: dict[NodeReasonKind, Callable[[PluginPod], bool]] = {
        on_nodes: lambda pod: pod.identity is Identity.node_role,
        NodeReasonKind.unclear_credentials: lambda pod: pod.identity is Identity.unknown,
        NodeReasonKind.other_identity: differs,
        NodeReasonKind.unnamed_association: lambda pod: (
            pod.identity is Identity.pod_identity and not has_association
        ),
        NodeReasonKind.addon_without_role: lambda pod: (
            pod.identity is Identity.irsa and expected.is_addon_without_role
        ),
    }
    for kind, test in tests.items():
        if names := tuple(pod.name for pod in pods if test(pod)):
            yield NodeReason(kind, cluster.name, names)


def _for_role(role: str, answer: ClusterAnswer) -> Iterator[NodeReason]:
    """Yield why a cluster that has, or may have, a node role needs its permissions."""
    if role in answer.other_roles:
        yield NodeReason(NodeReasonKind.same_role, answer.cluster.name)
    for reason in answer.reasons:
        if reason.kind is NodeReasonKind.not_restarted:
            # Other pods have the role that the cluster gives them, whatever role their nodes have.
            yield from _not_restarted(role, answer, reason)
        elif answer.has(role) is None and reason.kind.answer is NodeAnswer.not_safe:
            # The cluster needs its node role, which may be another role.
            kind = NodeReasonKind.nodes_of_unknown_role
            yield NodeReason(kind, answer.cluster.name, answer.open_nodes)
        else:
            yield reason


def _not_restarted(role: str, answer: ClusterAnswer, reason: NodeReason) -> Iterator[NodeReason]:
    """Yield which pods have a role of nodes until they restart; else those that may have it."""
    own, unknown = (
        tuple(name for name in reason.names if answer.pods[name] == of) for of in (role, None)
    )
    if own:
        yield replace(reason, names=own)
    elif unknown:
        yield replace(reason, kind=NodeReasonKind.maybe_not_restarted, names=unknown)
