"""Lines about whether the permissions of the plugin can be removed from node roles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vpc_cni_iam.audit.grants import GrantingPolicy
from vpc_cni_iam.audit.node_roles import NodeAnswer, NodeReason
from vpc_cni_iam.audit.node_roles import NodeReasonKind as Why
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.inputs.kubernetes.lists import GET_BOTH

_RESTART = (
    "restart aws-node of cluster {cluster}: "
    "`kubectl rollout restart daemonset aws-node -n kube-system`"
)
_WORDS = {
    Why.no_other_role: "pods {names} use the node role",
    Why.not_restarted: (
        "pods {names} still use the node role; the cluster gives aws-node another role, which pods "
        "get when they start"
    ),
    Why.maybe_not_restarted: (
        "pods {names} still use a node role, and it is not known which; the cluster gives aws-node "
        "another role, which pods get when they start"
    ),
    Why.role_breaks: "aws-node does not work with its role {role}; see vpc-cni-iam audit",
    Why.same_role: "aws-node has this role itself",
    Why.no_cluster: "no cluster in the input is known to have nodes with this role",
    Why.no_list: "the list of clusters is missing; add aws eks list-clusters for each Region",
    Why.not_listed_whole: "only the name of these clusters is known: {names}",
    Why.no_pods: (
        f"the pods of aws-node are missing: {GET_BOTH}; if no node of the cluster runs aws-node, "
        "leave the cluster out of the input"
    ),
    Why.no_nodes: f"nodes are missing, such as {{names}}: {GET_BOTH}",
    Why.no_pod_on_node: f"no pod of aws-node is known on {{names}}: {GET_BOTH}",
    Why.nodes_ambiguous: (
        f"nodes {{names}} may belong to several clusters; list pods and nodes together: {GET_BOTH}"
    ),
    Why.no_node_of_group: f"node groups {{names}} have no node in the input: {GET_BOTH}",
    Why.cluster_unnamed: "pods {names} have no CLUSTER_NAME, so their cluster is not known",
    Why.cluster_ambiguous: "pods {names} may belong to several clusters with the same name",
    Why.unclear_credentials: (
        "the environment of pods {names} does not show the source of their credentials"
    ),
    Why.other_identity: (
        "pods {names} have another role than the cluster gives aws-node; they started before the "
        "change"
    ),
    Why.unnamed_association: (
        "pods {names} use EKS Pod Identity, but their association is missing; add aws eks "
        "describe-pod-identity-association"
    ),
    Why.addon_without_role: (
        "pods {names} have a role with IRSA, but the add-on names none, so an update of the add-on "
        "may remove it"
    ),
    Why.role_absent: "{role} is not in the input",
    Why.role_unknown: (
        "it is not known whether aws-node works with its role {role}; see vpc-cni-iam audit"
    ),
    Why.nodes_of_unknown_role: (
        "aws-node uses the node role, and the role of nodes {names} is not known; aws eks "
        "describe-nodegroup shows it, for managed node groups only"
    ),
    Why.unread: "something was not read; see below",
}
_CHANGES = {
    Why.no_other_role: (
        "give aws-node of cluster {cluster} its own role with EKS Pod Identity or IRSA: "
        "`vpc-cni-iam generate --kind role`"
    ),
    **dict.fromkeys(
        (
            Why.not_restarted,
            Why.maybe_not_restarted,
            Why.other_identity,
        ),
        _RESTART,
    ),
    Why.addon_without_role: "set the role in the add-on of cluster {cluster}",
    Why.same_role: "give aws-node of cluster {cluster} another role than its nodes",
    Why.role_breaks: "fix {role}; vpc-cni-iam audit says how",
}
_SHOWN = 3


def reason(evidence: NodeReason) -> str:
    """Return why permissions cannot be removed, as a sentence."""
    words = _filled(_WORDS[evidence.kind], evidence)
    return f"cluster {evidence.cluster}: {words}" if evidence.cluster else words


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
            yield f"remove from {policy.name} if no other program on the nodes needs it: {actions}"


def _filled(words: str, evidence: NodeReason) -> str:
    names = first_of(evidence.names, _SHOWN) if evidence.names else ""
    return words.format(cluster=evidence.cluster, names=names, role=evidence.role)
