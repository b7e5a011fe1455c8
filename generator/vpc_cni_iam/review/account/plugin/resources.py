"""Recognizes resources that set up the plugin, or give aws-node its role."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vpc_cni_iam.inputs.plan.arguments import ADDON, ASSOCIATION, CHART
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.unread import is_plugins_chart
from vpc_cni_iam.inputs.plan.values import one, read, text, values_of
from vpc_cni_iam.plugin.trust import AWS_NODE, ServiceAccount
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import ABSENT, Known
from vpc_cni_iam.review.account.resolve import name_in

_PLUGIN = "vpc-cni"
IN_CLUSTER = ("namespace", "service_account")  # the arguments that name an association's account
# Where a Kubernetes object has its metadata, by the prefix of its resource type.
_METADATA: Mapping[str, str] = {
    "kubernetes_service_account": "metadata.*",
    "kubernetes_annotations": "metadata.*",
    "kubernetes_manifest": "manifest.metadata",
    "kubectl_manifest": "yaml_body.{}.**.metadata",
}


def is_for_plugin(resource: Resource, side: Side) -> bool:
    """Return whether a resource sets up the plugin on a side, or gives aws-node its role."""
    return installs_plugin(resource, side) or names_account(resource, AWS_NODE, side)


def installs_plugin(resource: Resource, side: Side) -> bool:
    """Return whether a resource installs the plugin on a side."""
    if resource.type == CHART:  # a chart with another name may be a copy
        is_there = values_of(resource, side) is not None
        return is_there and any(is_plugins_chart(values_of(resource, each)) for each in Side)
    return resource.type == ADDON and _name(resource, "addon_name", side) == _PLUGIN


def names_account(resource: Resource, account: ServiceAccount, side: Side) -> bool:
    """Return whether a resource is a service account on a side, or associates a role with it."""
    names = account.namespace, account.name
    if resource.type == ASSOCIATION:
        return tuple(name_in(one(resource, each, side)) for each in IN_CLUSTER) == names
    return any(
        isinstance(metadata, dict) and (metadata.get("namespace"), metadata.get("name")) == names
        for metadata in _metadata(resource, side)
    )


def may_be_account(kind: str) -> bool:
    """Return whether resources of a type may be service accounts of Kubernetes."""
    return kind.startswith(tuple(_METADATA))


def _name(resource: Resource, argument: str, side: Side) -> str:
    """Return a name; if a side does not show it, that of the other side."""
    value = one(resource, argument, side)
    others = (text(resource, argument, other) for other in Side if value != ABSENT)
    return name_in(value) or next(filter(None, others), "")


def _metadata(resource: Resource, side: Side) -> Iterator[Any]:
    for prefix, path in _METADATA.items():
        if resource.type.startswith(prefix):
            values = (placed.value for placed in read(resource, path, side))
            yield from (value.value for value in values if isinstance(value, Known))
