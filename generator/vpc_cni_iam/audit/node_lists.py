"""Which nodes are those of which cluster: nothing in a node names it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from vpc_cni_iam.inputs.kubernetes.lists import ClusterNode, PluginPod
from vpc_cni_iam.plugin.cluster import EksCluster


class PlacedNodes(Struct, frozen=True):
    """Nodes by their clusters."""

    by_cluster: Mapping[EksCluster, Sequence[ClusterNode]]
    without_pod: tuple[str, ...]  # the names of nodes on which no pod of aws-node runs
    ambiguous: tuple[str, ...]  # the names of nodes that may be of several clusters


def place(
    nodes: Iterable[ClusterNode], pods: Mapping[EksCluster, Sequence[PluginPod]]
) -> PlacedNodes:
    """Return the nodes of clusters, by their pods.

    A list of both has the nodes of the cluster of its pods. A node of another list is of the
    cluster that has a pod on a node of its name; several clusters may have nodes of one name.
    """
    owners: dict[str, set[EksCluster]] = {}
    for cluster, own in pods.items():
        for pod in own:
            owners.setdefault(pod.source, set()).add(cluster)
    by_cluster: dict[EksCluster, list[ClusterNode]] = {cluster: [] for cluster in pods}
    rest: dict[str, list[ClusterNode]] = {}
    whole: set[str] = set()
    # A list can be given twice.
    for node in {(node.uid or node.source, node.name): node for node in nodes}.values():
        match [*owners.get(node.source, ())]:
            case [cluster]:
                by_cluster[cluster].append(node)
                whole.add(node.source)
            case _:
                rest.setdefault(node.name, []).append(node)
    with_pod = {cluster: {pod.node for pod in own} for cluster, own in pods.items()}
    lost = [
        node.name
        for cluster, placed in by_cluster.items()
        for node in placed
        if node.has_plugin and node.name not in with_pod[cluster]
    ]
    # The nodes of pods in a list of both are in that list.
    sought = {
        cluster: sorted({pod.node for pod in own if pod.node and pod.source not in whole})
        for cluster, own in pods.items()
    }
    clusters_on = Counter(name for names in sought.values() for name in names)
    for cluster, names in sought.items():
        by_cluster[cluster] += [node for name in names for node in rest.get(name, ())]
    for name, named in rest.items():
        if not clusters_on[name] and any(node.has_plugin for node in named):
            lost.append(name)
    several = (n for n, number in clusters_on.items() if max(number, len(rest.get(n, ()))) > 1)
    return PlacedNodes(by_cluster, tuple(sorted(lost)), tuple(sorted(several)))
