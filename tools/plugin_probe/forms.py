"""Recognises the catalog's request form of an agent's request.

The steps in `calls.json` of the catalog are the ways in which the plugin sends an action. A denial
of one form shows what that form alone breaks.
"""

from __future__ import annotations

from collections.abc import Sequence

from tools.plugin_probe.cloud import INSTANCE, Cloud
from tools.plugin_probe.query import Form, numbered
from vpc_cni_iam.catalog.facts import requests
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion

# Actions after which the agent has checked the subnet of the node's first interface.
_BEGINS_POOL = {"ec2:AssignPrivateIpAddresses", "ec2:AssignIpv6Addresses"}
# Before it, subnets are described only to choose that of a new interface.
_CHECKS_SUBNETS = PluginVersion.of("v1.22.0")
_ATTACH = "ec2:AttachNetworkInterface", "sagemaker:AttachClusterNodeNetworkInterface"


def form_name(
    cloud: Cloud, action: str, form: Form, earlier: Sequence[str], version: PluginVersion
) -> str:
    """Return the name of a request's form, empty for an action that the catalog lacks.

    Args:
        cloud: The state of the account.
        action: The action.
        form: The request's parameters.
        earlier: The actions and forms of the requests before that were allowed, in order.
        version: The version of the agent.
    """
    if action == "ec2:ModifyNetworkInterfaceAttribute":
        return "set-groups" if numbered(form, "SecurityGroupId") else "set-delete-on-termination"
    if action == "ec2:CreateTags":
        (identifier,) = numbered(form, "ResourceId")
        interface = cloud.interfaces.get(identifier)
        return "tag-managed" if interface and interface.attachment else "tag-leaked"
    if action == "ec2:DeleteNetworkInterface":
        interface = cloud.interfaces.get(form["NetworkInterfaceId"])
        owner = interface.tags.get(requests.INSTANCE) if interface else None
        return "delete-leaked" if owner not in (None, INSTANCE) else "delete"
    if action == "ec2:DescribeSubnets":
        return _subnets(earlier) if version >= _CHECKS_SUBNETS else "describe-subnets"
    return next((f.name for f in requests.request_templates().values() if f.action == action), "")


def _subnets(earlier: Sequence[str]) -> str:
    """Return the form of a DescribeSubnets, all of which look the same, by what came before."""
    last = next((name for name in reversed(earlier) if name in _MARKS), "")
    if last in _ATTACH:
        return "check-subnet-of-new"
    return "describe-subnets" if last else "check-subnets"


_MARKS = {*_BEGINS_POOL, *_ATTACH, "check-subnet-of-new"}
