"""Finds the nodes of a cluster among instances, by their tags.

Sources of the tags: the Amazon EKS User Guide (managed node groups, ``eks:cluster-name``),
Karpenter's upgrade guide (``eks:eks-cluster-name``), eksctl, kops and the cluster autoscaler's
discovery tags, Kubernetes' own ``kubernetes.io/cluster/<name>``, and the plugin's tags.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

from msgspec import Struct

from vpc_cni_iam.catalog.facts.requests import CLUSTER, INSTANCE, KUBERNETES_CLUSTER
from vpc_cni_iam.inputs.aws.ec2 import Instance, Interface, Inventory

# The description of the plugin's interfaces: v1.23.0:pkg/awsutils/awsutils.go.
_DESCRIPTION = "aws-K8S-"
_BY_VALUE = (
    CLUSTER,
    "eks:cluster-name",
    "aws:eks:cluster-name",
    "eks:eks-cluster-name",
    "alpha.eksctl.io/cluster-name",
    "KubernetesCluster",
)
_BY_KEY = (KUBERNETES_CLUSTER, "k8s.io/cluster/", "k8s.io/cluster-autoscaler/")
# EC2 refuses all changes of their interfaces: whitepaper "Security Overview of Amazon EKS Auto
# Mode", EC2 managed instances.
_AUTO_MODE = "eks.amazonaws.com"
_NO_CLUSTER = ("enabled", "node-template")  # not cluster names, after k8s.io/cluster-autoscaler/


class NodeOwner(Enum):
    """Whose node an instance is, by its tags and those of its interfaces."""

    cluster = "the cluster"
    another = "another cluster"
    some = "some cluster"  # the plugin manages its interfaces
    auto_mode = "EKS Auto Mode"  # EKS manages it, and aws-node does not run on it
    unknown = "unknown"


class NodeCandidate(Struct, frozen=True):
    """An instance that may be a node, with its attached interfaces."""

    id: str
    instance: Instance | None  # the instance, None if it was not described
    interfaces: tuple[Interface, ...]  # its interfaces that were described
    owner: NodeOwner

    @property
    def is_node(self) -> bool:
        """Whether it is treated as a node of the cluster."""
        return self.owner in (NodeOwner.cluster, NodeOwner.some)

    @property
    def lacks_interfaces(self) -> bool:
        """Whether the input does not describe all interfaces of its instance."""
        described = {interface.id for interface in self.interfaces}
        own = self.instance.interfaces if self.instance else ()
        return self.instance is not None and not (described and described.issuperset(own))


def node_candidates(inventory: Inventory, cluster: str) -> tuple[NodeCandidate, ...]:
    """Return the described instances, and the instances with a described interface."""
    attached: dict[str, list[Interface]] = {}
    for interface in (inventory.interfaces or {}).values():
        if interface.instance and interface.type != "branch":
            attached.setdefault(interface.instance, []).append(interface)
    instances = inventory.instances or {}
    candidates = []
    for name in sorted({*instances, *attached}):
        instance, interfaces = instances.get(name), tuple(attached.get(name, ()))
        owner = _owner(instance, interfaces, cluster)
        candidates.append(NodeCandidate(name, instance, interfaces, owner))
    return tuple(candidates)


def is_plugins(interface: Interface) -> bool:
    """Return whether the plugin created or manages an interface."""
    return INSTANCE in interface.tags or interface.description.startswith(_DESCRIPTION)


def _owner(instance: Instance | None, interfaces: Sequence[Interface], cluster: str) -> NodeOwner:
    if any(r.operator == _AUTO_MODE for r in (*([instance] if instance else ()), *interfaces)):
        return NodeOwner.auto_mode
    clusters = set(_clusters(instance.tags)) if instance else set()
    clusters = clusters or {name for i in interfaces for name in _clusters(i.tags)}
    if clusters:
        return NodeOwner.cluster if cluster in clusters else NodeOwner.another
    return NodeOwner.some if any(map(is_plugins, interfaces)) else NodeOwner.unknown


def _clusters(tags: Mapping[str, str]) -> Iterable[str]:
    """Yield the clusters that tags name."""
    for key, value in tags.items():
        if key in _BY_VALUE and value:
            yield value
        for prefix in _BY_KEY:
            name = key[len(prefix) :]
            if key.lower().startswith(prefix) and name.partition("/")[0] not in ("", *_NO_CLUSTER):
                yield name
