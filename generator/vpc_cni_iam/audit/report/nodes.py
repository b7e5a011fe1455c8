"""Whether the permissions of the plugin can be taken off the roles of nodes, in lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vpc_cni_iam.audit.grants import GrantingPolicy
from vpc_cni_iam.audit.node_roles import NodeAnswer, NodeReason
from vpc_cni_iam.audit.node_roles import NodeReasonKind as Kind
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.inputs.kubernetes.lists import GET_BOTH

_RESTART = "`kubectl rollout restart daemonset aws-node -n kube-system`"
_CLUSTER = "cluster {cluster}: "
_WORDS = {
    Kind.no_other_role: _CLUSTER
    + "pods {names} have no other credentials than the role of their nodes",
    Kind.not_restarted: (
        _CLUSTER
        + "pods {names} still use the role of their nodes; the cluster gives aws-node another "
        "role, which pods get when they start"
    ),
    Kind.maybe_not_restarted: (
        _CLUSTER
        + "pods {names} still use the role of their nodes, and which one that is is not known; the "
        "cluster gives aws-node another role, which pods get when they start"
    ),
    Kind.role_breaks: _CLUSTER
    + "aws-node does not work with its role {role}, see vpc-cni-iam audit",
    Kind.same_role: _CLUSTER + "aws-node has this role itself",
    Kind.no_cluster: "no cluster of the input is known to have nodes with it",
    Kind.no_list: "the list of clusters is missing: aws eks list-clusters, of each Region",
    Kind.not_listed_whole: "nothing but the name is known of clusters: {names}",
    Kind.no_pods: (
        f"{_CLUSTER}the pods of aws-node are missing: {GET_BOTH}; if no node of the cluster runs "
        "aws-node, leave the cluster out of the input"
    ),
    Kind.no_nodes: f"{_CLUSTER}nodes are missing, such as {{names}}: {GET_BOTH}",
    Kind.no_pod_on_node: f"no pod of aws-node is known on {{names}}: {GET_BOTH}",
    Kind.nodes_ambiguous: (
        f"nodes {{names}} may be of several clusters; give pods and nodes together: {GET_BOTH}"
    ),
    Kind.no_node_of_group: f"{_CLUSTER}no node of the node groups {{names}} is there: {GET_BOTH}",
    Kind.cluster_unnamed: "pods {names} have no CLUSTER_NAME, so their cluster is not known",
    Kind.cluster_ambiguous: "pods {names} may be of several clusters of one name",
    Kind.unclear_credentials: (
        _CLUSTER + "the environment of pods {names} does not say where credentials come from"
    ),
    Kind.other_identity: (
        _CLUSTER
        + "pods {names} have another role than the cluster gives aws-node; they started before "
        "it did"
    ),
    Kind.unnamed_association: (
        _CLUSTER + "pods {names} use EKS Pod Identity, and their association is missing: aws eks "
        "describe-pod-identity-association"
    ),
    Kind.addon_without_role: (
        _CLUSTER
        + "pods {names} have a role by IRSA, and the add-on names none, so an update of the "
        "add-on may remove it"
    ),
    Kind.role_absent: _CLUSTER + "{role} is not in the input",
    Kind.role_unknown: (
        _CLUSTER + "whether aws-node works with its role {role} is not known, see vpc-cni-iam audit"
    ),
    Kind.nodes_of_unknown_role: (
        _CLUSTER + "aws-node uses the role of nodes, and that of {names} is not known: aws eks "
        "describe-nodegroup prints it for nodes of managed node groups alone"
    ),
    Kind.unread: "something is not read, see below",
}
_CHANGES = {
    Kind.no_other_role: (
        "give aws-node of cluster {cluster} its own role, by EKS Pod Identity or IRSA: "
        "`vpc-cni-iam generate --kind role`"
    ),
    Kind.not_restarted: f"restart aws-node of cluster {{cluster}}: {_RESTART}",
    Kind.maybe_not_restarted: f"restart aws-node of cluster {{cluster}}: {_RESTART}",
    Kind.other_identity: f"restart aws-node of cluster {{cluster}}: {_RESTART}",
    Kind.addon_without_role: "give the add-on of cluster {cluster} its role",
    Kind.same_role: "give aws-node of cluster {cluster} another role than its nodes",
    Kind.role_breaks: "mend {role}: vpc-cni-iam audit says how",
}
_SHOWN = 3


def reason(evidence: NodeReason) -> str:
    """Return why permissions cannot be taken off, as a sentence."""
    return _filled(_WORDS[evidence.kind], evidence)


def changes(
    answer: NodeAnswer, reasons: Iterable[NodeReason], policies: Iterable[GrantingPolicy]
) -> Iterator[str]:
    """Yield what to do."""
    if answer is not NodeAnswer.safe:
        for evidence in reasons:
            if evidence.kind in _CHANGES:
                yield _filled(_CHANGES[evidence.kind], evidence)
        return
    for policy in policies:
        if policy.is_only_for_plugin:
            verb = "detach" if policy.is_attached else "delete the inline policy"
            yield f"{verb} {policy.name}"
        else:
            actions = ", ".join(policy.actions)
            yield f"remove from {policy.name} what no other program on the nodes needs: {actions}"


def _filled(words: str, evidence: NodeReason) -> str:
    names = first_of(evidence.names, _SHOWN) if evidence.names else ""
    return words.format(cluster=evidence.cluster, names=names, role=evidence.role)
