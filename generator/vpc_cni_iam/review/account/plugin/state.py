"""aws-node in a cluster on one side of a plan: its settings and its identity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum, StrEnum

from msgspec import Struct, field

from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.values import one
from vpc_cni_iam.plugin.cluster import EksCluster
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.plugin.settings import PluginSettings
from vpc_cni_iam.plugin.trust import AWS_NODE, ServiceAccount
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import ABSENT, Known, Value
from vpc_cni_iam.review.account.documents import Content
from vpc_cni_iam.review.account.iam_resource import IamResource


class UnreadReason(StrEnum):
    """Why not all settings of the plugin are known."""

    LATER = "known after apply"
    SENSITIVE = "sensitive"
    NOT_PARSED = "not parsed"
    SETS_SEVERAL = "several in one block"
    ELSEWHERE = "in other objects"
    EARLIER_RELEASE = "kept from an earlier release"


class PluginIdentity(Struct, frozen=True):
    """Where aws-node gets its credentials from, and with which roles."""

    kind: Identity = Identity.unknown
    roles: frozenset[IamResource] = frozenset()  # those whose permissions it has
    first_roles: frozenset[IamResource] = frozenset()  # assumed on the way to a target role
    addresses: tuple[str, ...] = ()  # the resources that say so
    # The session policies that limit the roles, each with the association that has it.
    sessions: frozenset[tuple[str, Content]] = frozenset()
    # Those of its roles, also on the way, whose ARN is none of a role any longer.
    lost_roles: frozenset[IamResource] = frozenset()
    has_session_tags: bool = True  # whether no association switches them off
    # What names a role and is no ARN, with which alone pods get credentials.
    no_arns: tuple[str, ...] = ()

    @property
    def assumed(self) -> frozenset[IamResource]:
        """The roles that have to trust aws-node."""
        return self.first_roles or self.roles

    @property
    def chain(self) -> frozenset[IamResource]:
        """All roles that are assumed, also by another one on the way."""
        return self.first_roles | self.roles

    @property
    def session_policies(self) -> frozenset[Content]:
        """The session policies that may limit its roles; `Absent` for what may have none.

        That of an association with a target role limits the target role. Source: Amazon EKS User
        Guide, "Access AWS Resources using EKS Pod Identity Target IAM Roles".
        """
        contents = frozenset(content for _, content in self.sessions)
        of_all = len(self.sessions) == len(self.addresses)
        return contents if of_all or not contents else contents | {ABSENT}

    @property
    def is_one_of_several(self) -> bool:
        """Whether one argument gives aws-node a role, and the plan does not say which of several.

        Several arguments may be about clusters that the plan does not tell apart.
        """
        is_one = self.kind.is_of_service_account and len(self.addresses) == 1
        return is_one and len(self.roles) > 1

    def is_same(self, other: PluginIdentity) -> bool:
        """Say whether another one is by the same roles, within the same session policies."""
        limits, others = ({content for _, content in i.sessions} for i in (self, other))
        return (self.kind, self.roles, limits) == (other.kind, other.roles, others)


class PluginSetup(Struct, frozen=True):
    """How an add-on or a Helm release sets up the plugin."""

    settings: PluginSettings = PluginSettings()
    version: Value = ABSENT  # as the plan has it; `settings` has that of the plugin, if it is one
    # What decides which code runs, and as which service account, such as another image.
    deciding: Mapping[str, Value] = field(default_factory=dict)
    others: Mapping[str, Value] = field(default_factory=dict)  # what else is set
    # By what it has credentials, or an image, that the review does not know: nothing is proven.
    foreign: tuple[str, ...] = ()
    not_read: UnreadReason | None = None  # why not all of it is known
    account: ServiceAccount = AWS_NODE  # as which its pods run


class PluginState(Struct, frozen=True):
    """The plugin of one cluster on one side."""

    cluster: EksCluster = EksCluster()
    installer: str = ""  # the address of its add-on or release; empty for none in the plan
    setup: PluginSetup = PluginSetup()
    identity: PluginIdentity = PluginIdentity()
    mode: Mode | None = None  # the IP family of the cluster; None where the plan does not say it
    vpc_id: str = ""
    subnets: tuple[str, ...] = ()  # of the node groups, or else of the cluster, by their IDs
    security_groups: tuple[str, ...] = ()  # of the cluster
    agent: str = ""  # the address of the add-on of the EKS Pod Identity Agent
    stays_on_removal: bool = False  # whether EKS leaves the plugin when its add-on is removed
    agent_stays_on_removal: bool = False
    node_roles: frozenset[IamResource] = frozenset()
    node_groups: tuple[str, ...] = ()  # the addresses of managed node groups
    is_auto_mode: bool = False  # whether EKS Auto Mode makes nodes, which need no aws-node

    @property
    def node_subnets(self) -> tuple[str, ...]:
        """The subnets of its node groups, by their IDs."""
        return self.subnets if self.node_groups else ()


class NodePart(Enum):
    """What nodes of a new cluster need."""

    PLUGIN = "plugin"
    AGENT = "agent"  # of EKS Pod Identity


class ClusterPlugin(Struct, frozen=True):
    """aws-node in one cluster, before and after."""

    address: str  # of the cluster, empty where it is not in the plan
    before: PluginState
    after: PluginState
    resource: Resource | None = None  # the cluster, None where it is not in the plan
    installers: tuple[str, ...] = ()  # the addresses of all that install it there after

    @property
    def states(self) -> tuple[PluginState, PluginState]:
        """Before and after."""
        return self.before, self.after

    def state(self, side: Side) -> PluginState:
        """Return it on one side."""
        return self.after if side is Side.AFTER else self.before

    @property
    def cluster(self) -> EksCluster:
        """The cluster as it is after, or was before."""
        return self.after.cluster if self.after.cluster.name else self.before.cluster

    @property
    def stays(self) -> bool:
        """Whether the cluster is there before and after, as far as the plan says."""
        is_new = self.resource is not None and self.resource.before is None
        return not (is_new or self.is_replaced or self.is_deleted)

    @property
    def is_removed(self) -> bool:
        """Whether the plan removes the plugin, and nothing leaves it running or makes it again."""
        is_gone = bool(self.before.installer) and not self.after.installer
        comes = self.resource is not None and self.is_replaced and is_bootstrapped(self.resource)
        return is_gone and not (self.before.stays_on_removal or comes)

    @property
    def loses_agent(self) -> bool:
        """Whether nothing serves the credentials of associations any longer."""
        before, after = self.states
        has_own_agent = after.is_auto_mode and not after.node_groups  # on each node of Auto Mode
        is_there = after.agent or has_own_agent or before.agent_stays_on_removal
        return bool(before.agent) and not is_there

    @property
    def is_replaced(self) -> bool:
        """Whether the plan replaces the cluster, so that it has another OIDC issuer."""
        return self.resource is not None and {"create", "delete"} <= {*self.resource.actions}

    @property
    def is_deleted(self) -> bool:
        """Whether the plan deletes the cluster, and does not only forget it."""
        cluster = self.resource
        return cluster is not None and cluster.after is None and "forget" not in cluster.actions


def is_bootstrapped(cluster: Resource) -> bool:
    """Say whether EKS installs the plugin in a cluster that is created, with its defaults.

    Source: Amazon EKS API Reference, "CreateCluster", bootstrapSelfManagedAddons.
    """
    return one(cluster, "bootstrap_self_managed_addons", Side.AFTER) != Known(value=False)


def missing_parts(cluster: Resource, plugins: Sequence[ClusterPlugin]) -> Iterator[NodePart]:
    """Yield what nodes of a cluster need that is created, and nothing in the plan installs.

    EKS installs the plugin unless told otherwise; nodes of EKS Auto Mode have both.
    Source: Amazon EKS User Guide, "EKS Pod Identity Agent" and "EKS Auto Mode".
    """
    own = [plugin for plugin in plugins if plugin.address == cluster.address]
    is_auto_mode = one(cluster, "compute_config.*.enabled", Side.AFTER) == Known(value=True)
    needs_none = is_auto_mode and not any(plugin.after.node_groups for plugin in own)
    if needs_none or "create" not in cluster.actions:
        return
    # A release names no cluster.
    possible = [*own, *(p for p in plugins if not (p.address or p.cluster.name))]
    installers = (state.installer for plugin in possible for state in plugin.states)
    if not (any(installers) or is_bootstrapped(cluster)):
        yield NodePart.PLUGIN
    for plugin in own:
        is_by_pods = plugin.after.identity.kind is Identity.pod_identity
        if is_by_pods and not any(state.agent for state in plugin.states):
            yield NodePart.AGENT
