"""Recognizes resources that set up the plugin, or give aws-node its role."""

from __future__ import annotations

from collections.abc import Iterator

from vpc_cni_iam.inputs.plan.account.resolve import name_in
from vpc_cni_iam.inputs.plan.arguments import (
    ADDON,
    ASSOCIATION,
    CHART,
    ROLE_ANNOTATION,
    SERVICE_ACCOUNTS,
)
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.unread import is_plugins_chart
from vpc_cni_iam.inputs.plan.values import PlacedValue, one, read, text, values_of
from vpc_cni_iam.plugin.trust import AWS_NODE, ServiceAccount
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import ABSENT

_PLUGIN = "vpc-cni"
IN_CLUSTER = ("namespace", "service_account")  # the arguments that name an association's account
_NAMES = ("namespace", "name")  # the same of a Kubernetes object, in its metadata
_ANNOTATION = ROLE_ANNOTATION.replace(".", "~")


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
        names == tuple(name_in(placed.value) for placed in each)
        for metadata, _ in _places(resource)
        for each in zip(*(read(resource, f"{metadata}.{n}", side) for n in _NAMES), strict=False)
    )


def annotated_roles(resource: Resource, side: Side) -> Iterator[PlacedValue]:
    """Yield the roles in the annotations of a service account."""
    for _, place in _places(resource):
        yield from read(resource, f"{place}.{_ANNOTATION}", side)


def may_be_account(kind: str) -> bool:
    """Return whether resources of a type may be service accounts of Kubernetes."""
    return kind.startswith(tuple(SERVICE_ACCOUNTS))


def _places(resource: Resource) -> Iterator[tuple[str, str]]:
    return (
        places for prefix, places in SERVICE_ACCOUNTS.items() if resource.type.startswith(prefix)
    )


def _name(resource: Resource, argument: str, side: Side) -> str:
    """Return a name; if a side does not show it, that of the other side."""
    value = one(resource, argument, side)
    others = (text(resource, argument, other) for other in Side if value != ABSENT)
    return name_in(value) or next(filter(None, others), "")
