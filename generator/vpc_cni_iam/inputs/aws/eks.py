"""Reads the role of the plugin or its metrics helper in a cluster from output of ``aws eks``.

The shapes are those of the EKS API reference: DescribeAddon, DescribePodIdentityAssociation,
ListPodIdentityAssociations, DescribeNodegroup, DescribeCluster and ListClusters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import DecodeError, Struct
from msgspec.json import Decoder
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.plugin.cluster import EksCluster, cluster_of
from vpc_cni_iam.plugin.identity import Identity, is_role_arn

PLUGIN, METRICS_HELPER = "aws-node", "cni-metrics-helper"
_ADDON, _NAMESPACE = "vpc-cni", "kube-system"


class ClusterDetail(Struct, frozen=True):
    """A file's facts about a cluster's plugin."""

    identity: Identity  # the identity of the plugin that it is about
    cluster: EksCluster
    source: str
    role: str = ""  # the ARN of the role; empty if none, or not in the file
    version: str = ""  # the plugin's version with EKS's build; empty if not in the file
    role_known: bool = True  # whether the file has the role, or says that there is none
    values: str = ""  # the configuration values of an add-on; empty for other files
    service_account: str = PLUGIN  # the service account with the role
    session_policy: bool = False  # whether an association has a session policy
    session_tags: bool = True  # whether sessions of an association have tags
    by_role: str = ""  # the role from which EKS Pod Identity assumes it; empty if directly
    issuer: str = ""  # the issuer of the cluster's tokens, without https://, or empty
    mode: Mode | None = None  # the IP family of the cluster, if the file has it
    node_group: str = ""  # the name of the node group that has the role
    has_nodes: bool = False  # whether the node group has nodes, or may have them
    # Whether it is the identity of a running pod, not of the cluster's settings.
    is_running: bool = False
    # Whether it only says that the cluster exists.
    is_listed: bool = False


class _Addon(Struct, rename="camel"):
    addon_name: str
    cluster_name: str
    addon_version: str = ""
    addon_arn: str = ""
    service_account_role_arn: str = ""
    pod_identity_associations: list[str] | None = None
    configuration_values: str = ""


class _Association(Struct, rename="camel"):
    cluster_name: str
    namespace: str
    service_account: str
    association_arn: str = ""
    role_arn: str = ""
    target_role_arn: str | None = None
    policy: str | None = None
    disable_session_tags: bool | None = None


class _Scaling(Struct, rename="camel", frozen=True):
    desired_size: int = 1  # a group whose size is not in the input may have nodes


class _Nodegroup(Struct, rename="camel"):
    cluster_name: str
    node_role: str
    nodegroup_name: str = ""
    nodegroup_arn: str = ""
    scaling_config: _Scaling = _Scaling()


class _Oidc(Struct):
    issuer: str = ""


class _ClusterIdentity(Struct):
    oidc: _Oidc | None = None


class _Network(Struct, rename="camel"):
    ip_family: Mode | None = None


class _Cluster(Struct, rename="camel"):
    name: str
    arn: str = ""
    identity: _ClusterIdentity | None = None
    kubernetes_network_config: _Network | None = None


def _addon(addon: _Addon, source: str) -> ClusterDetail | None:
    if addon.addon_name != _ADDON:
        return None
    # Its association takes precedence over the role for IRSA; the answer has only the ARN.
    associated = bool(addon.pod_identity_associations)
    return ClusterDetail(
        Identity.pod_identity if associated else Identity.irsa,
        cluster_of(addon.cluster_name, addon.addon_arn),
        source,
        "" if associated else addon.service_account_role_arn,
        addon.addon_version,
        role_known=not associated,
        values=addon.configuration_values or "{}",
    )


def _association(association: _Association, source: str) -> ClusterDetail | None:
    account = association.service_account
    if association.namespace != _NAMESPACE or account not in (PLUGIN, METRICS_HELPER):
        return None
    # EKS Pod Identity assumes the target role from the other one; pods get its credentials.
    role = association.target_role_arn or association.role_arn
    return ClusterDetail(
        Identity.pod_identity,
        cluster_of(association.cluster_name, association.association_arn),
        source,
        role,
        role_known=bool(role),
        service_account=account,
        session_policy=bool(association.policy),
        session_tags=not association.disable_session_tags,
        by_role=association.role_arn if association.target_role_arn else "",
    )


def _node_group(group: _Nodegroup, source: str) -> ClusterDetail:
    return ClusterDetail(
        Identity.node_role,
        cluster_of(group.cluster_name, group.nodegroup_arn),
        source,
        group.node_role,
        node_group=group.nodegroup_name,
        has_nodes=group.scaling_config.desired_size > 0,
    )


def _cluster(cluster: _Cluster, source: str) -> ClusterDetail:
    own = cluster_of(cluster.name, cluster.arn)
    oidc = cluster.identity and cluster.identity.oidc
    issuer = oidc.issuer.removeprefix("https://") if oidc else ""
    mode = (cluster.kubernetes_network_config or _Network()).ip_family
    of_cluster = ClusterDetail(Identity.unknown, own, source, service_account="")
    return replace(of_cluster, issuer=issuer, mode=mode)


def _listed(name: str, source: str) -> ClusterDetail:
    own = EksCluster(name)
    return ClusterDetail(Identity.unknown, own, source, service_account="", is_listed=True)


# By the member of the answer.
KINDS: dict[str, tuple[Any, Callable[[Any, str], ClusterDetail | None]]] = {
    "addon": (_Addon, _addon),
    "association": (_Association, _association),
    "associations": (list[_Association], _association),
    "nodegroup": (_Nodegroup, _node_group),
    "cluster": (_Cluster, _cluster),
    "clusters": (list[str], _listed),
}


def read(member: str, text: bytes, source: str) -> list[ClusterDetail]:
    """Return the facts about the plugin in an answer of EKS; empty for other service accounts.

    `member` is the name of the answer's member in `KINDS`.
    """
    shape, detail = KINDS[member]
    try:
        value = Decoder(shape).decode(text)
    except (DecodeError, UnicodeDecodeError) as error:
        raise InputError(source, f"$.{member}", f"is not as aws eks prints it: {error}") from None
    details = (detail(v, source) for v in (value if isinstance(value, list) else [value]))
    known = [each for each in details if each is not None]
    for role in (role for each in known for role in (each.role, each.by_role)):
        if role and not is_role_arn(role):
            raise InputError(source, f"$.{member}", f"{role[:80]!r} is not the ARN of a role")
    return known
