"""Reads the pods of aws-node and a cluster's nodes from output of ``kubectl get -o json``.

Sources: Amazon EKS User Guide, "IAM roles for service accounts", "EKS Pod Identity" and "Managed
node groups" (labels of nodes); the order of AWS SDK for Go v2, config/resolve_credentials.go.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from vpc_cni_iam.inputs.daemonset import image_tag
from vpc_cni_iam.plugin.cluster import EksCluster
from vpc_cni_iam.plugin.identity import Identity, is_role_arn

GET_BOTH = "kubectl get nodes,pods -n kube-system -o json"
_NAME, _NAMESPACE = "aws-node", "kube-system"
_ROLE, _TOKEN = "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"
_AGENT, _AGENT_URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials"
_AGENT_IPV6 = "http://[fd00:ec2::23]/v1/credentials"
# Credentials that take precedence over a service account's, or replace them.
_OTHERS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
)
_GROUP, _COMPUTE = "eks.amazonaws.com/nodegroup", "eks.amazonaws.com/compute-type"
# Fargate nodes, EKS Auto Mode nodes and nodes outside AWS have no pod of aws-node.
_WITHOUT_PLUGIN = ("fargate", "auto", "hybrid")
_OS, _WINDOWS = "kubernetes.io/os", "windows"
_ENDED = ("Succeeded", "Failed")


class PluginPod(Struct, frozen=True):
    """A running pod of aws-node."""

    name: str
    node: str  # the name of its node; empty if not scheduled yet
    cluster: EksCluster  # the name in its environment
    identity: Identity  # the source of its credentials; unknown if not in the object
    role: str  # the ARN of its IRSA role; empty for another identity
    version: str  # the tag of its image
    source: str  # the list that it is in, of one cluster


class ClusterNode(Struct, frozen=True):
    """A node of a cluster."""

    name: str
    group: str  # the managed node group; empty if none
    uid: str  # distinguishes it from a node with the same name in another cluster
    has_plugin: bool  # whether it is a node on which aws-node runs
    source: str  # the list that it is in, of one cluster


class _Variable(Struct, rename="camel"):
    name: str
    value: str = ""


class _Container(Struct, rename="camel"):
    name: str
    image: str = ""
    env: list[_Variable] = []
    env_from: list[object] = []


class _Metadata(Struct, frozen=True):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    labels: dict[str, str] = {}


class _Spec(Struct, rename="camel", frozen=True):
    containers: list[_Container] = []
    node_name: str = ""


class _Status(Struct, frozen=True):
    phase: str = ""


class KubernetesObject(Struct):
    """An item of a list; members that pods and nodes do not have are empty."""

    kind: str = ""
    metadata: _Metadata = _Metadata()
    spec: _Spec = _Spec()
    status: _Status = _Status()


class ListMetadata(
    Struct, rename={"after": "continue", "remaining": "remainingItemCount"}, frozen=True
):
    """A list's metadata, with whether more items follow."""

    after: str = ""
    remaining: int | None = None

    @property
    def is_continued(self) -> bool:
        """Whether more items follow in another list."""
        return bool(self.after or self.remaining)


def pod_of(item: KubernetesObject, source: str) -> PluginPod | None:
    """Return an item of a list as a pod of aws-node; None for another item."""
    container = next((c for c in item.spec.containers if c.name == _NAME), None)
    is_other = item.kind != "Pod" or item.metadata.namespace not in (_NAMESPACE, "")
    if is_other or container is None or item.status.phase in _ENDED:
        return None
    environment = {v.name: v.value for v in container.env}
    identity = _identity(container, environment)
    return PluginPod(
        item.metadata.name,
        item.spec.node_name,
        EksCluster(environment.get("CLUSTER_NAME", ""), environment.get("AWS_REGION", "")),
        identity,
        environment.get(_ROLE, "") if identity is Identity.irsa else "",
        image_tag(container.image),
        source,
    )


def _identity(container: _Container, environment: Mapping[str, str]) -> Identity:
    """Return the source of a container's credentials."""
    has_agent, has_token = _AGENT in environment, _TOKEN in environment or _ROLE in environment
    if container.env_from or any(n in environment for n in _OTHERS) or (has_agent and has_token):
        return Identity.unknown
    if has_agent:
        is_own = environment[_AGENT] in (_AGENT_URI, _AGENT_IPV6)
        return Identity.pod_identity if is_own else Identity.unknown
    if has_token:
        is_whole = is_role_arn(environment.get(_ROLE, "")) and environment.get(_TOKEN)
        return Identity.irsa if is_whole else Identity.unknown
    return Identity.node_role


def node_of(item: KubernetesObject, source: str) -> ClusterNode | None:
    """Return an item of a list as a node; None for another item."""
    if item.kind != "Node":
        return None
    labels = item.metadata.labels
    has_none = labels.get(_COMPUTE) in _WITHOUT_PLUGIN or labels.get(_OS) == _WINDOWS
    own = item.metadata
    return ClusterNode(own.name, labels.get(_GROUP, ""), own.uid, not has_none, source)
