"""Finds the cluster of each node, which the node itself does not name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from msgspec import Struct

from vpc_cni_iam.inputs.kubernetes.lists import ClusterNode, PluginPod
from vpc_cni_iam.plugin.cluster import EksCluster


class PlacedNodes(Struct, frozen=True):
    """Nodes by cluster."""

    by_cluster: Mapping[EksCluster, Sequence[ClusterNode]]
    without_pod: tuple[str, ...]  # the names of nodes on which no pod of aws-node runs
    ambiguous: tuple[str, ...]  # the names of nodes that may belong to several clusters


def place(
    nodes: Iterable[ClusterNode], pods: Mapping[EksCluster, Sequence[PluginPod]]
) -> PlacedNodes:
    """Return the nodes of clusters, from their pods.

    If a list has nodes and pods, its nodes belong to the cluster of its pods. A node in another
    list may belong to each cluster that has a pod on a node with this name.
    """
    by_cluster, rest, whole = _of_whole_lists(nodes, pods)
    # If a list has nodes and pods, it has the nodes of its pods.
    sought = {
        cluster: sorted({pod.node for pod in own if pod.node and pod.source not in whole})
        for cluster, own in pods.items()
    }
    clusters_on = Counter(chain.from_iterable(sought.values()))
    lost = [*_without_pod(by_cluster, pods)]
    for cluster, names in sought.items():
        by_cluster[cluster] += chain.from_iterable(rest.get(name, ()) for name in names)
    for name, named in rest.items():
        if not clusters_on[name] and any(node.has_plugin for node in named):
            lost.append(name)
    several = (n for n, number in clusters_on.items() if max(number, len(rest.get(n, ()))) > 1)
    return PlacedNodes(by_cluster, tuple(sorted(lost)), tuple(sorted(several)))


def _of_whole_lists(
    nodes: Iterable[ClusterNode], pods: Mapping[EksCluster, Sequence[PluginPod]]
) -> tuple[dict[EksCluster, list[ClusterNode]], dict[str, list[ClusterNode]], set[str]]:
    """Return nodes by cluster from lists with pods, other nodes by name, and those lists."""
    owners: dict[str, set[EksCluster]] = {}
    for cluster, pod in ((c, pod) for c, own in pods.items() for pod in own):
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
    return by_cluster, rest, whole


def _without_pod(
    by_cluster: Mapping[EksCluster, Sequence[ClusterNode]],
    pods: Mapping[EksCluster, Sequence[PluginPod]],
) -> Iterator[str]:
    """Yield the names of nodes on which no pod of their cluster runs."""
    for cluster, nodes in by_cluster.items():
        with_pod = {pod.node for pod in pods[cluster]}
        yield from (n.name for n in nodes if n.has_plugin and n.name not in with_pod)
