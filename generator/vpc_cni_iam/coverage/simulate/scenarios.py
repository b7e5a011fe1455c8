"""The scenarios in which the plugin makes its calls, each on one simulated node.

The steps of their calls are in ``catalog/facts/data/calls.json``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.facts.requests import CLUSTER, INSTANCE, OWNER
from vpc_cni_iam.coverage.simulate.node import PRIMARY, TRUNK, SimulatedNode
from vpc_cni_iam.coverage.simulate.requests import NodeInterface, Subnet, Tags
from vpc_cni_iam.coverage.simulate.send import NODE
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.names import resolve
from vpc_cni_iam.plugin.settings import PluginSettings

_OTHER_NODE = "i-0fedcba9876543210"
_OTHER_ACCOUNT = "444455556666"
# No resource has these IDs, so that no policy names them.
_NEW_SUBNET, _NEW_GROUP = "subnet-new", "sg-new"
SECONDARY = "attached interface"
LEAKED = "leaked interface"
EXAMPLE_TAGS = {"example-team": "network"}
_NOT = "no-"  # before the name of a scenario that is left out
ORDINARY = "fresh-node"  # the scenario of every node


class Scenario(Struct, frozen=True):
    """A named scenario."""

    name: str  # for ``--scenario``
    summary: str  # a description in one line
    # The first version with it, by mode; modes without it are absent.
    since: dict[Mode, PluginVersion]
    run: Callable[[SimulatedNode], None]  # runs it on a node
    # Changes the setting first.
    prepare: Callable[[RequestSetting], RequestSetting] = lambda setting: setting
    # Whether a setting allows it.
    possible: Callable[[RequestSetting], bool] = lambda setting: True
    # Whether it is expected in a setting; otherwise it runs only by name.
    expected: Callable[[RequestSetting], bool] = lambda setting: True
    # The variable of the plugin that it needs: it is expected if this is on, or not shown.
    variable: str = ""
    named: bool = False  # whether a user named it: then it runs if it is possible

    def is_possible(self, setting: RequestSetting) -> bool:
        """Return whether this scenario is possible in a setting."""
        first = self.since.get(setting.mode)
        return first is not None and setting.version >= first and self.possible(setting)

    def arises(self, setting: RequestSetting) -> bool:
        """Return whether this scenario is run in a setting."""
        is_expected = self.named or (self._may_be_on(setting.plugin) and self.expected(setting))
        return self.is_possible(setting) and is_expected

    def _may_be_on(self, plugin: PluginSettings) -> bool:
        """Return whether its variable is on, or its value is not known."""
        is_open = plugin.has_more and self.variable not in plugin.environment
        is_known = not (is_open or self.variable in plugin.unread)
        return not self.variable or not is_known or plugin.is_on(self.variable)

    def by_name(self) -> Scenario:
        """Return the scenario for a user who names it: it runs if it is possible."""
        return replace(self, named=True)


def _fresh(node: SimulatedNode) -> None:
    primary = node.interface(PRIMARY)
    node.start(primary)
    grown = node.grow()
    if grown is not None:
        node.regroup(primary, grown)
    _free(node, grown)
    node.unassign(primary)
    node.log_network_policies()


def _primary_untagged(node: SimulatedNode) -> None:
    primary = node.interface(PRIMARY, {INSTANCE: NODE})
    node.start(primary)
    node.unassign(primary)


def _trunk(node: SimulatedNode) -> None:
    # The VPC resource controller creates and tags it, never the plugin.
    trunk = node.interface(TRUNK, {OWNER: "eks-vpc-resource-controller"})
    node.start(node.interface(PRIMARY, node.managed_tags()), trunk)


def _before_change(node: SimulatedNode) -> None:
    old = node.interface(SECONDARY, {INSTANCE: NODE})
    node.start(node.interface(PRIMARY, {INSTANCE: NODE}), old)
    node.assign(old)
    node.unassign(old)
    node.free(old)


def _custom_networking(node: SimulatedNode) -> None:
    _in_subnet(node, replace(node.subnet, id=node.setting.names.eni_config_subnet_id))


def _subnet_added(node: SimulatedNode) -> None:
    _in_subnet(node, replace(node.subnet, id=_NEW_SUBNET))


def _group_added(node: SimulatedNode) -> None:
    node.groups = (*node.groups, node.group(_NEW_GROUP))
    _fresh(node)


def _shared_subnet(node: SimulatedNode) -> None:
    _in_subnet(node, node.subnet)


def _in_subnet(node: SimulatedNode, subnet: Subnet) -> None:
    """Start, then create an interface in a subnet and free it."""
    node.start(node.interface(PRIMARY))
    _free(node, node.grow(subnet))


def _free(node: SimulatedNode, grown: NodeInterface | None) -> None:
    if grown is not None:
        node.unassign(grown)
        node.free(grown)


def _adds_key(node: SimulatedNode) -> None:
    attached, primary = (
        {k: v for k, v in tags.items() if k != OWNER} for tags in (node.born(), node.managed_tags())
    )
    _tagged_before(node, attached, primary)


def _corrected(node: SimulatedNode) -> None:
    wrong = {CLUSTER: f"{node.setting.names.cluster_name}-old"}
    _tagged_before(node, node.born() | wrong, node.managed_tags() | wrong)


def _additional_changed(node: SimulatedNode) -> None:
    changed = node.setting.plugin.additional_tags
    attached = {k: v for k, v in node.born().items() if k not in changed}
    _tagged_before(node, attached, node.managed_tags() | dict.fromkeys(changed, "before"))


def _tagged_before(node: SimulatedNode, attached: Tags, primary: Tags) -> None:
    """Start with interfaces that have tags from before a change, and free the attached one."""
    old = node.interface(SECONDARY, attached)
    node.start(node.interface(PRIMARY, primary), old)
    node.assign(old)
    node.free(old)


def _leaked(node: SimulatedNode) -> None:
    left = node.born() | {INSTANCE: _OTHER_NODE}
    node.clean_up(node.interface(LEAKED, left))
    undated = {k: v for k, v in left.items() if k in node.managed_tags()}
    node.clean_up(node.interface(f"{LEAKED} without a date", undated))


def _named(setting: RequestSetting) -> bool:
    return setting.plugin.has_cluster_name


def _may_be_shared(setting: RequestSetting) -> bool:
    return not setting.names.owner_known or _is_shared(setting)


def _is_shared(setting: RequestSetting) -> bool:
    return setting.names.vpc_owner_id != setting.names.account_id


def _never(setting: RequestSetting) -> bool:
    return False


def _shared(setting: RequestSetting) -> RequestSetting:
    names = setting.names
    owner = names.vpc_owner_id if _is_shared(setting) else _OTHER_ACCOUNT
    return replace(setting, names=replace(names, vpc_owner_id=owner))


def _tagged(setting: RequestSetting) -> RequestSetting:
    tags = dict(setting.plugin.additional_tags) or EXAMPLE_TAGS
    return setting.with_environment(ADDITIONAL_ENI_TAGS=json.dumps(tags))


def _from(ipv4: str, ipv6: str | None) -> dict[Mode, PluginVersion]:
    since: dict[Mode, PluginVersion] = {"ipv4": PluginVersion.of(ipv4)}
    return since | ({"ipv6": PluginVersion.of(ipv6)} if ipv6 else {})


# v1.8.0 is the first version that tags interfaces that it did not create.
SCENARIOS = (
    Scenario(
        ORDINARY,
        "a new node: its primary interface has none of the plugin's tags",
        _from("v1.0.0", "v1.10.0"),
        _fresh,
    ),
    Scenario(
        "hyperpod-node",
        "a new node of a SageMaker HyperPod cluster, on which SageMaker attaches the interfaces",
        _from("v1.23.2", "v1.23.2"),
        _fresh,
        lambda setting: replace(setting, hyperpod=True),
        possible=lambda setting: "hyperpod" in setting.features,
    ),
    Scenario(
        "primary-untagged",
        "a node from before CLUSTER_NAME was set: its primary interface lacks the cluster tag",
        _from("v1.8.0", "v1.10.0"),
        _primary_untagged,
        possible=_named,
    ),
    Scenario(
        "trunk-interface",
        "a node with a trunk interface, which the plugin never tags",
        _from("v1.7.2", "v1.20.0"),
        _trunk,
        variable="ENABLE_POD_ENI",
    ),
    Scenario(
        "interface-from-before",
        "an attached interface that was created before CLUSTER_NAME was set",
        _from("v1.8.0", "v1.20.0"),
        _before_change,
        possible=_named,
    ),
    Scenario(
        "custom-networking",
        "pods in a subnet of a secondary CIDR of the VPC",
        _from("v1.2.0", None),
        _custom_networking,
        lambda setting: setting.with_environment(AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG="true"),
        variable="AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG",
    ),
    Scenario(
        "shared-subnet",
        "a VPC and subnet that another account owns and shares: --set vpc-owner-id=ID names it",
        _from("v1.0.0", "v1.10.0"),
        _shared_subnet,
        _shared,
        _may_be_shared,
        _is_shared,
    ),
    Scenario(
        "upgrade-adds-tag",
        "an upgrade to a version that adds a tag key (eks:eni:owner, v1.19.4): only this is sent",
        _from("v1.19.4", "v1.19.4"),
        _adds_key,
        possible=_named,
    ),
    Scenario(
        "cluster-name-corrected",
        "CLUSTER_NAME is changed: interfaces have the tag of the old name, which is overwritten",
        _from("v1.8.0", "v1.10.0"),
        _corrected,
        possible=_named,
        expected=_never,
    ),
    Scenario(
        "additional-tags-changed",
        "ADDITIONAL_ENI_TAGS is changed: only new and changed tags are sent",
        _from("v1.8.0", "v1.10.0"),
        _additional_changed,
        _tagged,
        expected=_never,
    ),
    Scenario(
        "subnet-added",
        "subnet discovery chooses a subnet that was tagged later, and that no policy lists",
        _from("v1.18.0", None),
        _subnet_added,
        possible=lambda setting: (
            setting.plugin.subnet_discovery and "subnet_ids" in setting.names.listed
        ),
        expected=_never,
    ),
    Scenario(
        "security-group-added",
        "nodes get one more security group, which no policy lists",
        _from("v1.0.0", "v1.10.0"),
        _group_added,
        possible=lambda setting: "security_group_ids" in setting.names.listed,
        expected=_never,
    ),
    Scenario(
        "leaked-interface",
        "clean-up of detached interfaces that another node of the cluster left behind",
        _from("v1.6.0", "v1.10.0"),
        _leaked,
    ),
    Scenario(
        "metrics-helper",
        "cni-metrics-helper publishes its metrics to CloudWatch",
        _from("v1.5.0", "v1.10.0"),
        SimulatedNode.publish_metrics,
        possible=lambda setting: "metrics-helper" in setting.features,
    ),
)


def find(names: Iterable[str] = ()) -> tuple[Scenario, ...]:
    """Return the scenarios with these names, all without names; not those named ``no-NAME``."""
    known = [s.name for s in SCENARIOS]
    words = [*known, *(_NOT + name for name in known)]
    asked_for = {resolve(name, words, "scenario", "--scenario") for name in names}
    left_out = {name.removeprefix(_NOT) for name in asked_for if name.startswith(_NOT)}
    chosen = asked_for.intersection(known)
    asked = (s.by_name() for s in SCENARIOS if s.name in chosen) if chosen else SCENARIOS
    return tuple(s for s in asked if s.name not in left_out)


def not_expected(
    setting: RequestSetting, scenarios: Iterable[Scenario] = SCENARIOS
) -> tuple[Scenario, ...]:
    """Return the scenarios that are possible, but run only by name."""
    return tuple(s for s in scenarios if s.is_possible(setting) and not s.arises(setting))
