"""aws-node in a cluster on one side of a plan: its settings and its identity."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field

from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.inputs.plan.reader import Resource
from vpc_cni_iam.plugin.cluster import EksCluster
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.plugin.settings import PluginSettings
from vpc_cni_iam.reviewing.account.documents import Content
from vpc_cni_iam.reviewing.account.iam_resource import IamResource


class NotRead(StrEnum):
    """Why not all settings of the plugin are known."""

    LATER = "known after apply"
    SENSITIVE = "sensitive"
    NOT_PARSED = "not parsed"
    ELSEWHERE = "in other objects"
    EARLIER_RELEASE = "kept from an earlier release"


class PluginIdentity(Struct, frozen=True):
    """Where aws-node gets its credentials from, and by which roles."""

    kind: Identity = Identity.unknown
    roles: frozenset[IamResource] = frozenset()  # those whose permissions it has
    first_roles: frozenset[IamResource] = frozenset()  # assumed on the way to a target role
    addresses: tuple[str, ...] = ()  # the resources that say so
    # The session policies that limit the roles, each with the association that has it.
    sessions: frozenset[tuple[str, Content]] = frozenset()


class PluginSetup(Struct, frozen=True):
    """How an add-on or a Helm release sets up the plugin."""

    settings: PluginSettings = PluginSettings()
    # What decides which code runs, and as which service account, such as another image.
    deciding: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, str] = field(default_factory=dict)  # what else is set
    not_read: NotRead | None = None  # why not all of it is known


class PluginState(Struct, frozen=True):
    """The plugin of one cluster on one side."""

    cluster: EksCluster = EksCluster()
    installer: str = ""  # the address of its add-on or release; empty for none in the plan
    setup: PluginSetup = PluginSetup()
    identity: PluginIdentity = PluginIdentity()
    mode: Mode | None = None  # the IP family of the cluster; None where the plan does not say it
    vpc_id: str = ""
    agent: str = ""  # the address of the add-on of the EKS Pod Identity Agent
    stays_on_removal: bool = False  # whether EKS leaves the plugin when its add-on is removed
    agent_stays_on_removal: bool = False
    node_roles: frozenset[IamResource] = frozenset()


class ClusterPlugin(Struct, frozen=True):
    """aws-node in one cluster, before and after."""

    address: str  # of the cluster, empty where it is not in the plan
    before: PluginState
    after: PluginState
    resource: Resource | None = None  # the cluster, None where it is not in the plan

    @property
    def states(self) -> tuple[PluginState, PluginState]:
        """Before and after."""
        return self.before, self.after
