"""aws-node in a cluster on one side of a plan: its settings and its identity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import StrEnum

from msgspec import Struct, field

from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.partitions import partition_of
from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.inputs.plan.account.documents import PlanContent
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.values import one
from vpc_cni_iam.plugin.cluster import EksCluster
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.plugin.settings import PluginSettings
from vpc_cni_iam.plugin.trust import AWS_NODE, ServiceAccount
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import ABSENT, Known, Value


class UnreadReason(StrEnum):
    """Why not all settings of the plugin are known."""

    LATER = "known after apply"
    SENSITIVE = "sensitive"
    NOT_PARSED = "not parsed"
    SETS_SEVERAL = "several in one block"
    ELSEWHERE = "in other objects"
    EARLIER_RELEASE = "kept from an earlier release"
    SEVERAL = "not the only ones: another resource installs it, too"


class PluginIdentity(Struct, frozen=True):
    """The source of aws-node's credentials, and its roles."""

    kind: Identity = Identity.unknown
    roles: frozenset[IamResource] = frozenset()  # the roles whose permissions it has
    first_roles: frozenset[IamResource] = frozenset()  # the roles that assume a target role
    addresses: tuple[str, ...] = ()  # the resources that name them
    # The session policies that limit the roles, each with its association.
    sessions: frozenset[tuple[str, PlanContent]] = frozenset()
    # The roles, first roles too, whose ARN no longer exists.
    lost_roles: frozenset[IamResource] = frozenset()
    has_session_tags: bool = True  # whether no association disables them
    # The values for roles that are not ARNs; pods get credentials only for ARNs.
    no_arns: tuple[str, ...] = ()

    @property
    def assumed(self) -> frozenset[IamResource]:
        """The roles that must trust aws-node."""
        return self.first_roles or self.roles

    @property
    def chain(self) -> frozenset[IamResource]:
        """All roles that are assumed, first roles too."""
        return self.first_roles | self.roles

    @property
    def session_policies(self) -> frozenset[PlanContent]:
        """The session policies that may limit its roles; `Absent` if there may be none.

        The session policy of an association with a target role limits the target role. Source:
        Amazon EKS User Guide, "Access AWS Resources using EKS Pod Identity Target IAM Roles".
        """
        contents = frozenset(content for _, content in self.sessions)
        of_all = len(self.sessions) == len(self.addresses)
        return contents if of_all or not contents else contents | {ABSENT}

    @property
    def is_one_of_several(self) -> bool:
        """Whether one argument gives aws-node a role, and the plan does not say which one.

        Several arguments may be for clusters that the plan does not tell apart.
        """
        is_one = self.kind.is_of_service_account and len(self.addresses) == 1
        return is_one and len(self.roles) > 1

    def is_same(self, other: PluginIdentity) -> bool:
        """Return whether another identity has the same roles and session policies."""
        limits, others = ({content for _, content in i.sessions} for i in (self, other))
        return (self.kind, self.roles, limits) == (other.kind, other.roles, others)


class PluginSetup(Struct, frozen=True):
    """The plugin's setup by an add-on or a Helm release."""

    settings: PluginSettings = PluginSettings()
    version: Value = ABSENT  # as the plan has it; `settings` has the plugin version, if it is one
    # Values that decide which code runs, and with which service account, such as another image.
    deciding: Mapping[str, Value] = field(default_factory=dict)
    others: Mapping[str, Value] = field(default_factory=dict)  # the other settings
    # Settings with credentials or an image that the review does not know: nothing is proven.
    foreign: tuple[str, ...] = ()
    not_read: UnreadReason | None = None  # why some settings are unknown
    account: ServiceAccount = AWS_NODE  # of its pods

    @property
    def has_unread(self) -> bool:
        """Whether settings in its own values are unknown, and not only those in other objects."""
        return self.not_read not in (None, UnreadReason.ELSEWHERE)


class PluginState(Struct, frozen=True):
    """The plugin of one cluster on one side."""

    cluster: EksCluster = EksCluster()
    installer: str = ""  # the address of its add-on or release; empty if the plan has none
    setup: PluginSetup = PluginSetup()
    identity: PluginIdentity = PluginIdentity()
    mode: Mode | None = None  # the IP family of the cluster; None if the plan does not show it
    vpc_id: str = ""
    subnets: tuple[str, ...] = ()  # of the node groups, or of the cluster, by their IDs
    security_groups: tuple[str, ...] = ()  # of the cluster
    agent: str = ""  # the address of the add-on of the EKS Pod Identity Agent
    # whether EKS leaves the plugin running when its add-on is removed
    stays_on_removal: bool = False
    agent_stays_on_removal: bool = False
    node_roles: frozenset[IamResource] = frozenset()
    node_groups: tuple[str, ...] = ()  # the addresses of managed node groups
    is_auto_mode: bool = False  # whether EKS Auto Mode creates nodes, which need no aws-node

    def names(self) -> dict[str, str]:
        """Return the known names of its cluster, by parameter."""
        cluster = self.cluster
        names = {
            "cluster_name": cluster.name,
            "region": cluster.region,
            "account_id": cluster.account,
            "vpc_id": self.vpc_id,
            "partition": partition_of(cluster.region) if cluster.region else "",
        }
        own: Mapping[str, str] = {}
        with suppress(InputError, UsageError):  # a value that the plugin does not accept
            own = self.setup.settings.names()
        return {name: value for name, value in {**own, **names}.items() if value}

    @property
    def has_only_auto_mode(self) -> bool:
        """Whether EKS Auto Mode creates all nodes that the plan shows."""
        return self.is_auto_mode and not self.node_groups

    @property
    def node_subnets(self) -> tuple[str, ...]:
        """The subnets of its node groups, by their IDs."""
        return self.subnets if self.node_groups else ()


class ClusterPlugin(Struct, frozen=True):
    """aws-node in one cluster, before and after."""

    address: str  # of the cluster; empty if it is not in the plan
    before: PluginState
    after: PluginState
    resource: Resource | None = None  # the cluster; None if it is not in the plan
    # the addresses of all resources that install it after the plan
    installers: tuple[str, ...] = ()

    @property
    def states(self) -> tuple[PluginState, PluginState]:
        """The states before and after."""
        return self.before, self.after

    def state(self, side: Side) -> PluginState:
        """Return the state on one side."""
        return self.after if side is Side.AFTER else self.before

    @property
    def cluster(self) -> EksCluster:
        """The cluster after the plan, or before if it is deleted."""
        return self.after.cluster if self.after.cluster.name else self.before.cluster

    @property
    def stays(self) -> bool:
        """Whether the cluster exists before and after, according to the plan."""
        is_new = self.resource is not None and self.resource.before is None
        return not (is_new or self.is_replaced or self.is_deleted)

    @property
    def is_installed(self) -> bool:
        """Whether the plan installs the plugin, and does not show how it was installed before."""
        return bool(self.after.installer) and not self.before.installer

    @property
    def is_removed(self) -> bool:
        """Whether the plan removes the plugin, and nothing keeps it running or creates it again."""
        is_gone = bool(self.before.installer) and not self.after.installer
        comes = self.resource is not None and self.is_replaced and is_bootstrapped(self.resource)
        return is_gone and not (self.before.stays_on_removal or comes)

    @property
    def has_agent(self) -> bool | None:
        """Whether aws-node has the EKS Pod Identity Agent, if it needs one; None if not shown.

        False if the plan removes it, and None if aws-node starts to need one. Nodes of EKS Auto
        Mode have it. Source: Amazon EKS User Guide, "EKS Pod Identity Agent".
        """
        before, after = self.states
        needs, needed = (s.identity.kind is Identity.pod_identity for s in (after, before))
        if not needs or after.agent or after.has_only_auto_mode:
            return True
        if before.agent:
            return before.agent_stays_on_removal
        return True if needed and self.stays else None

    @property
    def is_replaced(self) -> bool:
        """Whether the plan replaces the cluster, so that it gets another OIDC issuer."""
        return self.resource is not None and self.resource.is_replaced

    @property
    def is_deleted(self) -> bool:
        """Whether the plan deletes the cluster."""
        return self.resource is not None and self.resource.after is None


def is_bootstrapped(cluster: Resource) -> bool:
    """Return whether EKS certainly installs the plugin with its defaults in a new cluster.

    Source: Amazon EKS API Reference, "CreateCluster", bootstrapSelfManagedAddons.
    """
    value = one(cluster, "bootstrap_self_managed_addons", Side.AFTER)
    return value in (ABSENT, Known(value=True))


def lacks_plugin(cluster: Resource, plugins: Sequence[ClusterPlugin]) -> bool:
    """Return whether neither EKS nor the plan installs the plugin in a new cluster.

    EKS installs it unless told otherwise; nodes of EKS Auto Mode have it.
    """
    if "create" not in cluster.actions or is_bootstrapped(cluster):
        return False
    # A release does not name its cluster.
    own = [p for p in plugins if p.address == cluster.address or not (p.address or p.cluster.name)]
    is_auto_mode = one(cluster, "compute_config.*.enabled", Side.AFTER) == Known(value=True)
    needs_none = is_auto_mode and not any(plugin.after.node_groups for plugin in own)
    return not (needs_none or any(state.installer for plugin in own for state in plugin.states))
