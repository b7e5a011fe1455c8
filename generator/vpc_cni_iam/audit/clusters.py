"""Which roles the plugin and its metrics helper have in clusters, and the plugin's settings.

The metrics helper, cni-metrics-helper, is a separate program.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.account.doubts import NotKnown, Reason
from vpc_cni_iam.audit.judge import PluginRole, RoleResult
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.plugin_version import LATEST, PluginVersion
from vpc_cni_iam.catalog.known_documents import KnownDocument, recognise
from vpc_cni_iam.coverage.analysis.cover import cover
from vpc_cni_iam.coverage.analysis.denied import DeniedAction
from vpc_cni_iam.coverage.judge.verdict import Verdict
from vpc_cni_iam.coverage.names import names_in
from vpc_cni_iam.coverage.simulate.scenarios import find
from vpc_cni_iam.errors import InputError, Message
from vpc_cni_iam.inputs import daemonset
from vpc_cni_iam.inputs.aws import eks
from vpc_cni_iam.inputs.aws.eks import ClusterDetail
from vpc_cni_iam.inputs.kubernetes.lists import PluginPod
from vpc_cni_iam.plugin.cluster import ANY_CLUSTER, EksCluster
from vpc_cni_iam.plugin.identity import Identity, counting
from vpc_cni_iam.plugin.settings import PluginSettings
from vpc_cni_iam.policy.value import ABSENT, Known

_DESCRIBE = "aws eks describe-addon, describe-pod-identity-association or describe-nodegroup"
_NAME = "metrics-helper"


class ClusterUse(Struct, frozen=True):
    """A cluster whose plugin has a role."""

    cluster: str
    version: str  # the plugin's version there, empty if it is not known
    by: Identity  # how it gets the role
    # The file with the plugin's configuration there, empty if there is none.
    configuration: str = ""
    # The role's result in the cluster; None if it is not known. If the plugin's configuration is
    # not known, this is the worst result of the role's IP families, with default settings.
    result: RoleResult | None = None
    # Whether EKS Pod Identity, if it is used, tags the sessions.
    session_tags: bool = True
    by_role: str = ""  # the role through which EKS Pod Identity assumes it, empty if directly
    # Whether aws-node has another role there, from an identity that takes precedence.
    is_overridden: bool = False
    region: str = ""  # the Region of the cluster, empty if it is not known
    account: str = ""  # the ID of the cluster's account, likewise
    issuer: str = ""  # the issuer of the cluster's tokens, likewise
    node_roles: tuple[str, ...] = ()  # the ARNs of the roles of its node groups in the input
    # The worst verdict at the plugin versions of its pods; None without pods.
    running: Verdict | None = None

    @property
    def where(self) -> EksCluster:
        """The cluster, with its Region and account."""
        return EksCluster(self.cluster, self.region, self.account)

    @property
    def with_issuer(self) -> EksCluster:
        """The cluster with its issuer, if it is known."""
        return replace(self.where, issuer=Known(self.issuer) if self.issuer else ABSENT)

    @property
    def has_tags(self) -> bool:
        """Whether the role's sessions there are known to have the tags of EKS Pod Identity."""
        return self.by.has_session_tags and not self.by_role and self.session_tags


def not_read(name: str, detail: Message) -> NotKnown:
    """Return a part of the input about which not everything is known."""
    return NotKnown(name, Reason.not_read, detail)


def configured_clusters(
    clusters: Iterable[ClusterDetail],
    every_settings: Iterable[PluginSettings],
    pods: Iterable[PluginPod] = (),
) -> tuple[list[ClusterDetail], dict[EksCluster, PluginSettings], list[NotKnown]]:
    """Return the details of clusters, the plugin's settings in each, and what is not known.

    A DaemonSet takes precedence over the values of an add-on, because it contains them.
    """
    every = _placed(clusters)
    refused: list[NotKnown] = []
    configured: dict[EksCluster, PluginSettings] = {}
    # Settings with a Region come first: a DaemonSet without one may belong to the same cluster.
    for settings in sorted(every_settings, key=lambda s: not s.region):
        refused += daemonset.unread(settings)
        own = EksCluster(settings.cluster_name, settings.region)
        if not own.name:
            advice = "it has no CLUSTER_NAME, so its cluster is not known"
            refused.append(not_read(settings.file, advice))
            continue
        same = alike(own, (d.cluster for d in every if not d.is_listed))
        cluster = same[0] if len(same) == 1 else own
        if len(same) > 1:
            advice = f"the input has {len(same)} clusters named {own.name}; check one at a time"
            refused.append(not_read(settings.file, advice))
            continue
        if not configured.setdefault(cluster, settings).acts_like(settings):
            advice = f"cluster {own.name} has two different configurations; remove one of them"
            refused.append(not_read(settings.file, advice))
        if role := settings.role:
            file, version = settings.file, settings.version
            every.append(ClusterDetail(Identity.irsa, cluster, file, role, version))
    for detail in every:
        if detail.values and detail.cluster not in configured:
            try:
                settings = daemonset.addon(
                    detail.values, detail.source, detail.cluster.name, detail.version
                )
            except InputError as error:
                refused.append(not_read(f"add-on of {detail.cluster.name}", str(error)))
            else:
                configured[detail.cluster] = settings
                refused += daemonset.unread(settings)
    every += dict.fromkeys(running(pods, every))
    return every, configured, refused


def running(pods: Iterable[PluginPod], details: Iterable[ClusterDetail]) -> Iterator[ClusterDetail]:
    """Yield the role and version of pods, without duplicates and pods of an unknown cluster."""
    clusters = {d.cluster: None for d in details if not d.is_listed}
    for pod in pods:
        cluster, *others = alike(pod.cluster, clusters) or [pod.cluster]
        if cluster.name and not others:
            clusters[cluster] = None
            yield ClusterDetail(
                pod.identity,
                cluster,
                pod.source.rpartition(",")[0],
                pod.role,
                pod.version,
                is_running=True,
            )


def alike(cluster: EksCluster, others: Iterable[EksCluster]) -> list[EksCluster]:
    """Return the clusters that a cluster with a name, and maybe a Region, can be."""
    same = dict.fromkeys(c for c in others if c.name == cluster.name)
    return [c for c in same if not cluster.region or c.region in (cluster.region, "")]


def _placed(details: Iterable[ClusterDetail]) -> list[ClusterDetail]:
    """Return details. Those without a Region get the cluster with their name, if it is unique."""
    every = list(details)
    placed: dict[str, set[EksCluster]] = {}
    for cluster in (d.cluster for d in every if d.cluster.is_placed):
        placed.setdefault(cluster.name, set()).add(cluster)
    only = {name: cluster for name, (cluster, *more) in placed.items() if not more}
    return [
        d if d.cluster.is_placed else replace(d, cluster=only.get(d.cluster.name, d.cluster))
        for d in every
    ]


def uses(
    arn: str, service_account: str, clusters: Iterable[ClusterDetail]
) -> tuple[ClusterUse, ...]:
    """Return the clusters in which a service account has a role."""
    every = list(clusters)
    identities: dict[EksCluster, list[Identity]] = {}
    for c in every:
        if c.service_account == service_account and (c.role or not c.role_known):
            identities.setdefault(c.cluster, []).append(c.identity)
    versions = {
        c.cluster: str(PluginVersion.parse(c.version) or c.version) for c in every if c.version
    }
    issuers = {c.cluster: c.issuer for c in every if c.issuer}
    return tuple(
        ClusterUse(
            c.cluster.name,
            versions.get(c.cluster, ""),
            c.identity,
            session_tags=c.session_tags,
            by_role=c.by_role,
            region=c.cluster.region,
            account=c.cluster.account,
            is_overridden=counting(identities[c.cluster]) is not c.identity,
            issuer=issuers.get(c.cluster, ""),
            node_roles=tuple(sorted(node_roles(d for d in every if d.cluster == c.cluster))),
        )
        for c in every
        if (c.role, c.service_account) == (arn, service_account)
    )


def node_roles(clusters: Iterable[ClusterDetail]) -> set[str]:
    """Return the ARNs of the node roles of clusters."""
    return {c.role for c in clusters if c.identity is Identity.node_role and c.role}


def unknown_roles(
    clusters: Iterable[ClusterDetail],
    configured: Mapping[EksCluster, PluginSettings],
    used: Collection[EksCluster],
    absent: Collection[str],
) -> Iterator[NotKnown]:
    """Yield what is not known about the roles of clusters.

    `used` are the clusters with a role that was read. `absent` are the ARNs of roles that are not
    in the input.
    """
    every = list(clusters)
    pods = Identity.pod_identity
    named = {(c.cluster, c.service_account) for c in every if c.role and c.identity is pods}
    sources = {c.cluster: c.source for c in every if c.service_account == eks.PLUGIN}
    sources |= {cluster: settings.file for cluster, settings in configured.items()}
    for detail in every:
        name = f"{detail.identity} of {detail.service_account} in {detail.cluster.name}"
        if detail.session_policy:
            advice = "its session policy, which limits the role, was not read; check the role with"
            yield not_read(name, f"{advice} coverage --boundary --irsa")
        if detail.role in absent:
            yield not_read(name, f"its role {detail.role} is not in the input")
            sources.pop(detail.cluster, None)
        elif not detail.role_known and (detail.cluster, detail.service_account) not in named:
            advice = "it does not name its role; add aws eks describe-pod-identity-association"
            yield not_read(name, advice)
            sources.pop(detail.cluster, None)
    for cluster, source in sources.items():
        if cluster not in used:
            advice = f"no role in the input is known to belong to cluster {cluster.name}; add the"
            yield not_read(source, f"{advice} output of {_DESCRIBE}")


class MetricsHelperRole(Struct, frozen=True):
    """A role that only cni-metrics-helper can get, or that it has in a cluster."""

    role: str  # its ARN
    # How cni-metrics-helper could get it; empty if others could as well.
    credentials: tuple[Identity, ...]
    clusters: tuple[ClusterUse, ...]  # the clusters in which it has the role
    # Its calls that are or may be denied at the checked version, or at the newest version if the
    # checked one is older than the program.
    denied: tuple[DeniedAction, ...]
    equal_to: tuple[KnownDocument, ...]  # the published documents that equal one of its policies
    undecided: tuple[str, ...]  # what is not known about it


def judge_metrics_helper(
    arn: str,
    credentials: tuple[Identity, ...],
    clusters: tuple[ClusterUse, ...],
    role: PluginRole,
    undecided: tuple[str, ...],
) -> MetricsHelperRole:
    """Return the result for a role of cni-metrics-helper."""
    setting = replace(role.settings("ipv4", ANY_CLUSTER)[0], features=(_NAME,))
    scenarios = find((_NAME,))
    if not scenarios[0].arises(setting):
        setting = setting.at(known_versions.find(LATEST))
    regions = role.regions_to_check()
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
