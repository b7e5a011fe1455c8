"""Which roles the plugin and its metrics helper have in clusters, and the plugin's settings.

The metrics helper, cni-metrics-helper, is a program of its own beside the plugin.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.audit.judge import ClusterPlace, PluginRole, RoleResult
from vpc_cni_iam.catalog.credentials import Credentials
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.plugin_version import LATEST, PluginVersion
from vpc_cni_iam.catalog.known_documents import KnownDocument, recognise
from vpc_cni_iam.coverage.analysis.cover import cover
from vpc_cni_iam.coverage.analysis.denied import DeniedAction
from vpc_cni_iam.coverage.deployment import VARIABLES
from vpc_cni_iam.coverage.names import names_in
from vpc_cni_iam.coverage.simulate.scenarios import find
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs import daemonset
from vpc_cni_iam.inputs.aws import eks
from vpc_cni_iam.inputs.aws.eks import ClusterDetail, ClusterDetailKind
from vpc_cni_iam.inputs.daemonset import Deployment
from vpc_cni_iam.inputs.skipped import Reason, Skipped

# The name of a cluster, its Region and account; these are empty if they are not known.
ClusterKey: TypeAlias = tuple[str, str, str]

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
    result: RoleResult | None = None
    # Whether its sessions have tags of EKS Pod Identity, where that gives them.
    session_tags: bool = True
    by_role: str = ""  # the role by way of which EKS Pod Identity assumes it, empty if directly
    # Whether aws-node has another role there: one of an association comes before one of IRSA, and
    # that before the one of its node.
    is_overridden: bool = False
    region: str = ""  # the Region of the cluster, empty if it is not known
    account: str = ""  # the ID of the account of the cluster, likewise

    @property
    def key(self) -> ClusterKey:
        """What tells the cluster from others of its name."""
        return self.cluster, self.region, self.account

    @property
    def has_tags(self) -> bool:
        """Whether the session of the role there is known to have the tags of EKS Pod Identity."""
        is_direct = self.by is ClusterDetailKind.association and not self.by_role
        return is_direct and self.session_tags


def configured_clusters(
    clusters: Iterable[ClusterDetail], deployments: Iterable[Deployment]
) -> tuple[list[ClusterDetail], dict[ClusterKey, Deployment], list[Skipped]]:
    """Return the details of clusters, how the plugin is configured in each, and what is not known.

    A DaemonSet comes before the values of an add-on, which it has already.
    """
    every = _placed(clusters)
    refused: list[Skipped] = []
    configured: dict[ClusterKey, Deployment] = {}
    # Those that name their Region first: a DaemonSet without one is of the same cluster.
    for deployment in sorted(deployments, key=lambda d: "AWS_REGION" not in d.environment):
        refused += deployment.unread
        environment = deployment.environment
        if not (cluster := environment.get("CLUSTER_NAME", "")):
            advice = "CLUSTER_NAME is not in it, so that its cluster is not known"
            refused.append(Skipped(deployment.source, Reason.not_read, advice))
            continue
        region = environment.get("AWS_REGION", "")  # of a pod, likewise set by EKS
        keys = {
            _key(c)
            for c in every
            if c.cluster == cluster and (not region or c.place[0] in (region, ""))
        }
        key = keys.pop() if len(keys) == 1 else (cluster, region, "")
        if keys:
            advice = f"the input has {len(keys)} clusters of the name {cluster}; give one of them"
            refused.append(Skipped(deployment.source, Reason.not_read, advice))
            continue
        if _settings(configured.setdefault(key, deployment)) != _settings(deployment):
            advice = f"another configuration of cluster {cluster} is given; give one of the two"
            refused.append(Skipped(deployment.source, Reason.not_read, advice))
        if role := environment.get("AWS_ROLE_ARN"):  # of a pod, set by EKS for IRSA
            kind, version = ClusterDetailKind.pod, deployment.version
            pod = ClusterDetail(kind, cluster, deployment.source, role, version, place=key[1:])
            every.append(pod)
    for detail in every:
        if detail.values and _key(detail) not in configured:
            try:
                configured[_key(detail)] = daemonset.values(
                    detail.values, detail.source, detail.cluster, detail.version
                )
            except InputError as error:
                name = f"add-on of {detail.cluster}"
                refused.append(Skipped(name, Reason.not_read, str(error)))
    return every, configured, refused


def _key(detail: ClusterDetail) -> ClusterKey:
    return detail.cluster, *detail.place


def _placed(details: Iterable[ClusterDetail]) -> list[ClusterDetail]:
    """Return details; those without a place have that of the only cluster of their name."""
    every = list(details)
    places: dict[str, set[tuple[str, str]]] = {}
    for detail in every:
        if any(detail.place):
            places.setdefault(detail.cluster, set()).add(detail.place)
    only = {cluster: place for cluster, (place, *more) in places.items() if not more}
    return [
        detail if any(detail.place) else replace(detail, place=only.get(detail.cluster, ("", "")))
        for detail in every
    ]


def _settings(deployment: Deployment) -> list[object]:
    return [deployment.sends_logs, *map(deployment.environment.get, VARIABLES)]


def uses(
    arn: str, service_account: str, clusters: Iterable[ClusterDetail]
) -> tuple[ClusterUse, ...]:
    """Return the clusters in which a service account has a role."""
    every = list(clusters)
    first: dict[ClusterKey, int] = {}
    for c in every:
        if c.service_account == service_account and (c.role or c.kind is _ASSOCIATION):
            first[_key(c)] = min(first.get(_key(c), len(_ORDER)), _ORDER[c.kind])
    versions = {
        _key(c): str(PluginVersion.parse(c.version) or c.version) for c in every if c.version
    }
    return tuple(
        ClusterUse(
            c.cluster,
            versions.get(_key(c), ""),
            c.kind,
            session_tags=c.session_tags,
            by_role=c.by_role,
            region=c.place[0],
            account=c.place[1],
            is_overridden=first[_key(c)] < _ORDER[c.kind],
        )
        for c in every
        if (c.role, c.service_account) == (arn, service_account)
    )


def unknown_roles(
    clusters: Iterable[ClusterDetail],
    configured: Mapping[ClusterKey, Deployment],
    used: Collection[ClusterKey],
    absent: Collection[str],
) -> Iterator[Skipped]:
    """Yield what is not known about the roles of clusters.

    `used` are the clusters of which a role was read, and `absent` the ARNs of roles that the input
    does not have.
    """
    every = list(clusters)
    named = {(_key(c), c.service_account) for c in every if c.role and c.kind is _ASSOCIATION}
    sources = {_key(c): c.source for c in every if c.service_account == eks.PLUGIN}
    sources |= {key: deployment.source for key, deployment in configured.items()}
    for detail in every:
        kind = "association" if detail.kind is _ASSOCIATION else detail.kind
        name = f"{kind} of {detail.service_account} in {detail.cluster}"
        if detail.session_policy:
            advice = "its session policy limits the role, and is not read; check both with coverage"
            yield Skipped(name, Reason.not_read, f"{advice} --boundary and --irsa")
        if detail.role in absent:
            yield Skipped(name, Reason.not_read, f"its role {detail.role} is not in the input")
            sources.pop(_key(detail), None)
        elif not detail.role_known and (_key(detail), detail.service_account) not in named:
            advice = "its role is not named; add aws eks describe-pod-identity-association"
            yield Skipped(name, Reason.not_read, advice)
            sources.pop(_key(detail), None)
    for key, source in sources.items():
        if key not in used:
            advice = f"no role of the input is known to be of cluster {key[0]}; add what"
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
    regions = role.regions_to_check(ClusterPlace())
    denied = cover(role.policies, setting, scenarios, role.limits, regions).denied()
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
