"""Which roles the plugin and its metrics helper have in clusters, and the plugin's settings.

The metrics helper, cni-metrics-helper, is a program of its own beside the plugin.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.audit.judge import ClusterPlace, FamilyAudit, PluginRole
from vpc_cni_iam.catalog.credentials import Credentials
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.plugin_version import LATEST, PluginVersion
from vpc_cni_iam.catalog.known_documents import KnownDocument, recognise
from vpc_cni_iam.coverage.analysis.cover import cover
from vpc_cni_iam.coverage.names import names_in
from vpc_cni_iam.coverage.repair import DeniedAction
from vpc_cni_iam.coverage.simulate.scenarios import find
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs import daemonset
from vpc_cni_iam.inputs.aws import eks
from vpc_cni_iam.inputs.aws.eks import ClusterDetail, ClusterDetailKind
from vpc_cni_iam.inputs.daemonset import Deployment
from vpc_cni_iam.inputs.skipped import Reason, Skipped

_DESCRIBE = "aws eks describe-addon, describe-pod-identity-association or describe-nodegroup"
_NAME = "metrics-helper"
_ASSOCIATION = ClusterDetailKind.association
# Which role a pod of several gets: the SDK's default chain of credentials, in which the link of EKS
# Pod Identity replaces that of IRSA.
_ORDER = {
    _ASSOCIATION: 0,
    ClusterDetailKind.addon: 1,
    ClusterDetailKind.pod: 1,
    ClusterDetailKind.node_group: 2,
}


class ClusterUse(Struct, frozen=True):
    """A cluster whose plugin has a role."""

    cluster: str
    version: str  # the plugin's version there, empty if it is not known
    # What says so: an add-on, an association of EKS Pod Identity, a node group, or a pod.
    by: ClusterDetailKind
    # The file that says how the plugin is configured there, empty if none does.
    configuration: str = ""
    # What the role means for the plugin there, with the defaults if its configuration is not known,
    # and then of the IP families that the role is for the worst; None if that is not known.
    result: FamilyAudit | None = None
    # Whether its sessions have tags of EKS Pod Identity, where that gives them.
    session_tags: bool = True
    by_role: str = ""  # the role by way of which EKS Pod Identity assumes it, empty if directly
    # Whether aws-node has another role there: one of an association comes before one of IRSA, and
    # that before the one of its node.
    is_overridden: bool = False
    region: str = ""  # the Region of the cluster, empty if it is not known

    @property
    def has_tags(self) -> bool:
        """Whether the session of the role there is known to have the tags of EKS Pod Identity."""
        is_direct = self.by is ClusterDetailKind.association and not self.by_role
        return is_direct and self.session_tags


def configured_clusters(
    clusters: Iterable[ClusterDetail], deployments: Iterable[Deployment]
) -> tuple[list[ClusterDetail], dict[str, Deployment], list[Skipped]]:
    """Return the details of clusters, how the plugin is configured in each, and what is not known.

    A DaemonSet comes before the values of an add-on, which it has already.
    """
    every = list(clusters)
    refused: list[Skipped] = []
    configured: dict[str, Deployment] = {}
    for deployment in deployments:
        refused += deployment.unread
        environment = deployment.environment
        if not (cluster := environment.get("CLUSTER_NAME", "")):
            advice = "CLUSTER_NAME is not in it, so that its cluster is not known"
            refused.append(Skipped(deployment.source, Reason.not_read, advice))
            continue
        configured[cluster] = deployment
        if role := environment.get("AWS_ROLE_ARN"):  # of a pod, set by EKS for IRSA
            kind, version = ClusterDetailKind.pod, deployment.version
            every.append(ClusterDetail(kind, cluster, deployment.source, role, version))
    for detail in every:
        if detail.values and detail.cluster not in configured:
            try:
                configured[detail.cluster] = daemonset.values(
                    detail.values, detail.source, detail.cluster, detail.version
                )
            except InputError as error:
                name = f"add-on of {detail.cluster}"
                refused.append(Skipped(name, Reason.not_read, str(error)))
    return every, configured, refused


def uses(
    arn: str, service_account: str, clusters: Iterable[ClusterDetail]
) -> tuple[ClusterUse, ...]:
    """Return the clusters in which a service account has a role."""
    every = list(clusters)
    first: dict[str, int] = {}
    for c in every:
        if c.service_account == service_account and (c.role or c.kind is _ASSOCIATION):
            first[c.cluster] = min(first.get(c.cluster, len(_ORDER)), _ORDER[c.kind])
    regions = {c.cluster: c.region for c in every if c.region}
    versions = {
        c.cluster: str(PluginVersion.parse(c.version) or c.version) for c in every if c.version
    }
    return tuple(
        ClusterUse(
            c.cluster,
            versions.get(c.cluster, ""),
            c.kind,
            session_tags=c.session_tags,
            by_role=c.by_role,
            region=regions.get(c.cluster, ""),
            is_overridden=first[c.cluster] < _ORDER[c.kind],
        )
        for c in every
        if (c.role, c.service_account) == (arn, service_account)
    )


def unknown_roles(
    clusters: Iterable[ClusterDetail],
    configured: Mapping[str, Deployment],
    used: Collection[str],
    absent: Collection[str],
) -> Iterator[Skipped]:
    """Yield what is not known about the roles of clusters.

    `used` are the clusters of which a role was read, and `absent` the ARNs of roles that the input
    does not have.
    """
    every = list(clusters)
    named = {(c.cluster, c.service_account) for c in every if c.role and c.kind is _ASSOCIATION}
    sources = {c.cluster: c.source for c in every if c.service_account == eks.PLUGIN}
    sources |= {cluster: deployment.source for cluster, deployment in configured.items()}
    for detail in every:
        kind = "association" if detail.kind is _ASSOCIATION else detail.kind
        name = f"{kind} of {detail.service_account} in {detail.cluster}"
        if detail.session_policy:
            advice = "its session policy limits the role, and is not read; check both with coverage"
            yield Skipped(name, Reason.not_read, f"{advice} --boundary")
        if detail.role in absent:
            yield Skipped(name, Reason.not_read, f"its role {detail.role} is not in the input")
            sources.pop(detail.cluster, None)
        elif not detail.role_known and (detail.cluster, detail.service_account) not in named:
            advice = "its role is not named; add aws eks describe-pod-identity-association"
            yield Skipped(name, Reason.not_read, advice)
            sources.pop(detail.cluster, None)
    for cluster, source in sources.items():
        if cluster not in used:
            advice = f"no role of the input is known to be of cluster {cluster}; add what"
            yield Skipped(source, Reason.not_read, f"{advice} {_DESCRIBE} prints")


class MetricsHelperRole(Struct, frozen=True):
    """A role that cni-metrics-helper alone can get, or has in a cluster."""

    role: str  # its ARN
    # How cni-metrics-helper alone could get it; empty if others could as well.
    credentials: tuple[Credentials, ...]
    clusters: tuple[ClusterUse, ...]  # the clusters in which it has the role
    # Its calls that are denied, or may be, at the version that was asked for; at the newest one,
    # if the other is older than the program.
    denied: tuple[DeniedAction, ...]
    equal_to: tuple[KnownDocument, ...]  # the published documents that one of its policies equals
    undecided: tuple[str, ...]  # what is not known about it


def judge_metrics_helper(
    arn: str,
    credentials: tuple[Credentials, ...],
    clusters: tuple[ClusterUse, ...],
    role: PluginRole,
    undecided: tuple[str, ...],
) -> MetricsHelperRole:
    """Return what a role of cni-metrics-helper is denied."""
    setting = replace(role.settings("ipv4", ClusterPlace())[0], features=(_NAME,))
    scenarios = find((_NAME,))
    if not scenarios[0].arises(setting):
        setting = setting.at(known_versions.find(LATEST))
    denied = cover(role.policies, setting, scenarios, role.limits).denied()
    return MetricsHelperRole(
        arn,
        credentials,
        clusters,
        tuple(
            DeniedAction(c.template.action, s.name, c.breaks, undecided=c.undecided)
            for s, c in denied
        ),
        tuple(known for p in role.policies for known in recognise(p, names_in([p]))),
        undecided,
    )
