"""What the plugin's requests depend on: its settings, names and node."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct, field
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts import calls
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.plugin.settings import PluginSettings

# The values that neither the user nor the policy names.
EXAMPLE = {
    "cluster_name": "example",
    "vpc_id": "vpc-0123456789abcdef0",
    "partition": "aws",
    "region": "eu-west-1",
    "account_id": "111122223333",
    "hyperpod_cluster_id": "example01234",
}


class Names(Struct, frozen=True):
    """The names in the ARNs and tags of the requests."""

    cluster_name: str = EXAMPLE["cluster_name"]  # the cluster, as CLUSTER_NAME has it
    vpc_id: str | None = None  # of the nodes; None if it is unknown
    partition: str = EXAMPLE["partition"]
    region: str = EXAMPLE["region"]
    account_id: str = EXAMPLE["account_id"]  # the account of the nodes
    vpc_owner_id: str = EXAMPLE["account_id"]  # the account that owns the VPC and its subnets
    owner_known: bool = False  # whether the user or the policy names the VPC's owner
    # The nodes' SageMaker HyperPod cluster, if they have one.
    hyperpod_cluster_id: str = EXAMPLE["hyperpod_cluster_id"]
    # Of nodes; None if it is unknown.
    subnet_id: str | None = None
    eni_config_subnet_id: str | None = None  # of pods, with custom networking
    security_group_id: str | None = None
    other_security_group_id: str | None = None  # a node has two
    # The parameters with a list in the policies, such as ``subnet_ids``.
    listed: frozenset[str] = frozenset()


class RequestSetting(Struct, frozen=True):
    """Everything that a version's requests depend on."""

    version: PluginVersion
    mode: Mode = "ipv4"
    features: tuple[str, ...] = ()
    names: Names = field(default_factory=Names)
    plugin: PluginSettings = PluginSettings()
    session_tags: bool = True  # whether the role has the session tags of EKS Pod Identity
    principal_tags: Mapping[str, str] | None = None  # the tags of the role; None for unknown ones
    # Whether the node's instance has the tag ``kubernetes.io/cluster/<name>=owned``.
    instance_tagged: bool = True
    hyperpod: bool = False  # whether the node is one of a SageMaker HyperPod cluster
    # Tags that are on the primary interfaces of nodes from their creation.
    primary_tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def with_example_vpc(self) -> RequestSetting:
        """Return the setting with an example for an unknown VPC."""
        vpc_id = self.names.vpc_id or EXAMPLE["vpc_id"]
        return replace(self, names=replace(self.names, vpc_id=vpc_id))

    def configured(self, plugin: PluginSettings) -> RequestSetting:
        """Return the setting with other settings of the plugin.

        Raises `InputError` for a value that the plugin does not accept, and `UsageError` for a
        feature that the version does not have.
        """
        plugin = plugin.read_by(self.version)
        features = calls.check_features((*self.features, *plugin.features_in_use), self.version)
        names = self.names
        if plugin.cluster_name:
            names = replace(names, cluster_name=plugin.cluster_name)
        return replace(self, plugin=plugin, names=names, features=features)

    def with_environment(self, **variables: str) -> RequestSetting:
        """Return the setting with other values of some of the plugin's variables."""
        return replace(self, plugin=self.plugin.overridden(PluginSettings(environment=variables)))

    def at(self, version: PluginVersion) -> RequestSetting:
        """Return the setting at another version, without what it does not have or read."""
        features = tuple(f for f in self.features if calls.feature_since(f) <= version)
        plugin = self.plugin.read_by(version)
        return replace(self, version=version, features=features, plugin=plugin)
