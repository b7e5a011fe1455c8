"""Simulates the plugin on one node: its calls in order, and their effects.

A scenario runs on a node. Later requests depend on its state: the tags of interfaces, which
interfaces exist, and whether ipamd still runs. After a denied CreateTags, an interface keeps its
tags. A denied request that ends ipamd does not end the run, but later calls are marked as not
reached, so that one run shows every missing permission.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.facts.requests import (
    CLUSTER,
    CREATED_AT,
    INSTANCE,
    OWNER,
    request_templates,
    tag_keys,
)
from vpc_cni_iam.coverage.simulate.requests import (
    Group,
    NodeInterface,
    Subnet,
)
from vpc_cni_iam.coverage.simulate.send import NODE, Answers, Sender
from vpc_cni_iam.coverage.simulate.settings import RequestSetting

PRIMARY = "primary interface"
TRUNK = "trunk interface"
_CREATED = "2026-01-01T00:00:00Z"
_GROUPS_ANYWAY_BEFORE = PluginVersion("v1.22.1")  # v1.22.1 finds groups by custom networking
_TAGS_AFTER_ATTACH = PluginVersion("v1.6.0")  # v1.5.7:pkg/awsutils/awsutils.go AllocENI tags first
# Versions at which requests change for a reason that the catalog's ranges do not have.
CHANGES = (_TAGS_AFTER_ATTACH, _GROUPS_ANYWAY_BEFORE)


class SimulatedNode(Sender):
    """A node on which the plugin runs."""

    def __init__(
        self, setting: RequestSetting, policies: Answers, *, undecided_allowed: bool = False
    ) -> None:
        super().__init__(setting, policies, undecided_allowed=undecided_allowed)
        names = setting.names
        self.subnet = Subnet(names.subnet_id, names.vpc_owner_id, names.vpc_id)
        self.keys = tag_keys(setting.version, cluster_name=setting.plugin.has_cluster_name)
        groups = (names.security_group_id, names.other_security_group_id)
        self.groups = tuple(map(self.group, groups))

    def group(self, identifier: str | None) -> Group:
        """Return a security group of the node's account in its VPC."""
        names = self.setting.names
        return Group(identifier, names.account_id, names.vpc_id, names.vpc_owner_id)

    def interface(
        self, name: str, tags: Mapping[str, str] | None = None, subnet: Subnet | None = None
    ) -> NodeInterface:
        """Return an interface in the node's subnet or another."""
        account, place = self.setting.names.account_id, subnet or self.subnet
        primary_tags = dict(self.setting.primary_tags) if name == PRIMARY else {}
        return NodeInterface(name, account, place, primary_tags | dict(tags or {}))

    def managed_tags(self) -> dict[str, str]:
        """Return the tags that the plugin sets on every interface that it manages."""
        values = {INSTANCE: NODE, CLUSTER: self.setting.names.cluster_name}
        values[OWNER] = "amazon-vpc-cni"
        tags = {key: values[key] for key in self.keys.managed}
        return tags | (dict(self.setting.plugin.additional_tags) if self.keys.additional else {})

    def on_creation(self) -> dict[str, str]:
        """Return the tags in the request for a new interface."""
        values = self.managed_tags() | {CREATED_AT: _CREATED}
        if self.keys.additional_created:
            return values
        return {key: values[key] for key in self.keys.created}

    def born(self) -> dict[str, str]:
        """Return the tags of an interface that this version created before."""
        return self.managed_tags() | self.on_creation()

    # What the plugin does, in the order of ipamd's start and of its loops.

    def start(self, *interfaces: NodeInterface) -> None:
        """Start ipamd with the attached interfaces; the first is the primary one.

        They are managed interfaces, and trunks, which have a name that says so. Source: nodeInit,
        v1.23.2:pkg/ipamd/ipamd.go:459-676.
        """
        setting, plugin = self.setting, self.setting.plugin
        self.starting = True
        for template in request_templates().values():
            if template.at_start:
                self.send(template.name)
        if not plugin.imds_only or setting.mode == "ipv6":
            self.send("describe-interfaces")
        if plugin.subnet_discovery:
            self.send("check-subnets")
        for eni in self._managed(interfaces):
            if not is_trunk(eni):
                if plugin.provisioning:
                    self.tag(eni)
                self.send("assign-ipv6", eni)
        if plugin.provisioning:
            if plugin.subnet_discovery and (
                not plugin.custom_networking or setting.version < _GROUPS_ANYWAY_BEFORE
            ):
                self.send("describe-security-groups")
            self.regroup(*interfaces)
        if setting.hyperpod:
            self.send("caller-identity")
        if not plugin.custom_networking:
            self.assign(interfaces[0])
        self.starting = False

    def regroup(self, *interfaces: NodeInterface) -> None:
        """Give interfaces the security groups of the primary interface, which is the first.

        Source: RefreshSGIDs, v1.23.0:pkg/awsutils/awsutils.go:663-690; at start, and after each
        change of those groups, for all managed interfaces and trunks.
        """
        if self.setting.plugin.provisioning and not self.setting.plugin.custom_networking:
            for eni in self._managed(interfaces):
                self.send("set-groups", eni)

    def _managed(self, interfaces: Sequence[NodeInterface]) -> Sequence[NodeInterface]:
        """Return the interfaces without a primary one that is not for pods.

        Source: v1.23.0:pkg/ipamd/ipamd.go:501-522, in IPv6 only.
        """
        setting = self.setting
        excluded = setting.mode == "ipv6" and "excluded-primary-subnet" in setting.features
        return interfaces[1:] if excluded else interfaces

    def tag(self, eni: NodeInterface) -> None:
        """Write missing or wrong tags on a managed interface that is not a trunk.

        Source: TagENI, v1.23.0:pkg/awsutils/awsutils.go:1367-1399; no call if all tags are right.
        """
        if missing := self._missing(eni):
            self.write("tag-managed", eni, missing)

    def _missing(self, eni: NodeInterface) -> dict[str, str]:
        return {k: v for k, v in self.managed_tags().items() if eni.tags.get(k) != v}

    def assign(self, eni: NodeInterface) -> None:
        """Give an interface addresses or prefixes for pods."""
        if self.setting.plugin.provisioning:
            self.send("assign-ipv4", eni)

    def unassign(self, eni: NodeInterface) -> None:
        """Remove unused addresses or prefixes from an interface."""
        if self.setting.plugin.provisioning:
            self.send("unassign-ipv4", eni)

    def grow(self, subnet: Subnet | None = None) -> NodeInterface | None:
        """Create, attach and set up another interface, in the node's subnet or another one.

        Source: AllocENI, v1.23.0:pkg/awsutils/awsutils.go:960-1003. The interface does not exist if
        its creation was denied; None if the plugin creates none.
        """
        plugin = self.setting.plugin
        if not plugin.provisioning or self.call_range("create") is None:
            return None
        if not plugin.custom_networking:
            name = "describe-subnets" if plugin.subnet_discovery else "describe-subnets-anyway"
            self.send(name)
        place, tags = subnet or self.subnet, self.on_creation()
        eni = self.interface("new interface", tags, place)
        checks = self.requests.create_interface(place, self.groups, tags)
        eni.exists = bool(self.sent("create", eni.name, checks))
        tags_first = self.setting.version < _TAGS_AFTER_ATTACH
        if tags_first:
            self._tag_created(eni)
        if self.setting.hyperpod:
            self.send("attach-by-sagemaker", eni)
        else:
            self.send("describe-instances", eni)
            self.send("attach", eni)
        if not tags_first:
            self._tag_created(eni)
        self.send("set-delete-on-termination", eni)
        if plugin.subnet_discovery:
            self.send("check-subnet-of-new", eni)
        self.send("assign-ipv6", eni)
        self.assign(eni)
        return eni

    def _tag_created(self, eni: NodeInterface) -> None:
        if missing := self._missing(eni):
            self.write("tag-created", eni, missing)

    def free(self, eni: NodeInterface) -> None:
        """Detach and delete an interface that no pod uses."""
        if self.setting.plugin.provisioning:
            self.send("detach", eni)
            self.send("delete", eni)

    def clean_up(self, eni: NodeInterface) -> None:
        """Find a leaked interface of another node, as often as it takes to delete it.

        Source: getLeakedENIs, v1.23.0:pkg/awsutils/awsutils.go:2344-2420: an interface without a
        date gets one, and a later pass deletes it; with CLUSTER_NAME, only the cluster's interfaces
        are found.
        """
        if not self.setting.plugin.provisioning or not self.setting.plugin.leak_cleanup:
            return
        if CREATED_AT not in eni.tags and self.call_range("tag-leaked") is not None:
            self.write("tag-leaked", eni, {CREATED_AT: _CREATED})
            if CREATED_AT not in eni.tags:
                return
        self.send("delete-leaked", eni)

    def publish_metrics(self) -> None:
        """Send the calls of cni-metrics-helper."""
        for name in ("describe-tags", "put-metric-data"):
            self.sent(name, "", self.requests.by_metrics_helper(request_templates()[name].action))

    def log_network_policies(self) -> None:
        """Send the calls of the network policy agent to CloudWatch Logs, if its logs are in use.

        Source: aws-network-policy-agent v1.4.3:pkg/aws/cloud.go:101-114 and
        pkg/ebpf/events/events.go:121-148, 187-197, 293-325.
        """
        named = self.send("describe-cluster-tag")
        cluster = self.setting.names.cluster_name
        group = f"/aws/eks/{cluster}/cluster" if named else "/aws/k8s-cluster/cluster"
        on = f"log group {group}"
        on_groups = self.requests.on_log_groups("logs:DescribeLogGroups")
        self.sent("describe-log-groups", "", (on_groups,))
        on_group = self.requests.on_log_group("logs:CreateLogGroup", group)
        self.sent("create-log-group", on, (on_group,))
        for name in ("create-log-stream", "put-log-events"):
            action = request_templates()[name].action
            self.sent(name, on, (self.requests.on_log_stream(action, group),))


def is_trunk(eni: NodeInterface) -> bool:
    """Return whether an interface is the trunk, which the plugin never tags."""
    return eni.name == TRUNK
