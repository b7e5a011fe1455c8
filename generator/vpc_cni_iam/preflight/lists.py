"""The subnets and security groups that a cluster's nodes use, for a policy that lists them."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from vpc_cni_iam.preflight.eni_configs import EniConfig
from vpc_cni_iam.preflight.nodes import NodeCandidate


class NodeLists(Struct, frozen=True):
    """The values of the variables of a narrowed module."""

    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]
    not_read: tuple[str, ...]  # the nodes without a described interface
    has_eni_configs: bool  # whether ENIConfigs were read


def node_lists(
    nodes: Iterable[NodeCandidate], eni_configs: Iterable[EniConfig] | None
) -> NodeLists:
    """Return what nodes and ENIConfigs use; `eni_configs` is None without a file of them."""
    subnets, groups, not_read = set[str](), set[str](), []
    for node in nodes:
        instance = node.instance
        own = {interface.subnet for interface in node.interfaces}
        own |= {*instance.subnets} if instance else set()
        subnets |= own
        groups |= {group for interface in node.interfaces for group in interface.security_groups}
        groups |= {*instance.security_groups} if instance else set()
        if not own - {""}:
            not_read.append(node.id)
    for config in eni_configs or ():
        subnets.add(config.subnet)
        groups |= {*config.security_groups}
    return NodeLists(
        tuple(sorted(subnets - {""})),
        tuple(sorted(groups - {""})),
        tuple(not_read),
        eni_configs is not None,
    )
