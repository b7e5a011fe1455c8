"""Instances whose metadata pods can newly reach, and nodes without metadata."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct

from vpc_cni_iam.inputs.plan.arguments import NODE_GROUP, ROLE_USES, TEMPLATE
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.values import read, scalar
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import ABSENT, Known
from vpc_cni_iam.review.account.iam_resource import InPlan
from vpc_cni_iam.review.checks.plugin import SettingChange
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.findings import Finding, finding
from vpc_cni_iam.review.rules import Rule

_OPTIONS, _CLOSED = "metadata_options", Known("disabled")
# The arguments, and the values that let pods reach the metadata. A pod is one hop further away.
_OPENS: Mapping[str, Callable[[object], bool]] = {
    "http_endpoint": lambda value: value == "enabled",
    "http_put_response_hop_limit": lambda value: isinstance(value, int) and value > 1,
    "http_tokens": lambda value: value == "optional",
}


class MetadataOpened(Struct, frozen=True):
    """Pods can or may newly reach the metadata of instances, because of each of some options."""

    options: tuple[SettingChange, ...]
    template: str = ""  # the launch template with the options, if another one had others


class MetadataClosed(Struct, frozen=True):
    """Nodes no longer have instance metadata, which ipamd reads at start.

    Source: aws/amazon-vpc-cni-k8s, pkg/awsutils: ipamd reads the instance ID from the metadata.
    """

    template: str


def check(context: Context) -> Iterator[Finding]:
    """Yield the instances whose metadata pods can newly reach."""
    for resource in context.reader.resources:
        if resource.type == NODE_GROUP and resource.after is not None:
            yield from _closed(resource, context)
        if resource.before is None or resource.after is None or resource.type not in ROLE_USES:
            continue
        opened = [MetadataOpened(tuple(_opened([resource], resource)))]
        old, new = ([*launch_templates(resource, side, context)] for side in Side)
        opened += [
            MetadataOpened(tuple(_opened(old, template)), template.address)
            for template in new
            if template not in old
        ]
        for evidence in opened:
            if evidence.options:
                yield finding(Rule.METADATA, evidence, resource.address, attribute=_OPTIONS)


def _closed(group: Resource, context: Context) -> Iterator[Finding]:
    """Yield the launch template that takes the metadata from the nodes of a group."""
    path = f"{_OPTIONS}.*.http_endpoint"
    old, new = ([*launch_templates(group, side, context)] for side in Side)
    was_closed = any(scalar(each, path, Side.BEFORE) == _CLOSED for each in old)
    for template in new:
        if scalar(template, path, Side.AFTER) == _CLOSED and not was_closed:
            evidence = MetadataClosed(template.address)
            yield finding(Rule.IDENTITY_LOST, evidence, group.address, attribute=_OPTIONS)


def launch_templates(resource: Resource, side: Side, context: Context) -> Iterator[Resource]:
    """Yield the launch templates of the plan that a resource names."""
    for path in (p for p, kind in ROLE_USES[resource.type].items() if kind == TEMPLATE):
        for placed in read(resource, path, side):
            for template in context.uses.named(resource, placed, TEMPLATE, side):
                if isinstance(template, InPlan):
                    yield context.reader.resolver.by_address[template.address]


def _opened(before: list[Resource], after: Resource) -> Iterator[SettingChange]:
    for name, opens in _OPENS.items():
        path = f"{_OPTIONS}.*.{name}"
        old = next((scalar(resource, path, Side.BEFORE) for resource in before), ABSENT)
        new = scalar(after, path, Side.AFTER)
        was_open = isinstance(old, Known) and opens(old.value)
        # An option that is not set has a default, which may let pods in.
        is_open = opens(new.value) if isinstance(new, Known) else isinstance(old, Known)
        if old != new and is_open and not was_open:
            yield SettingChange(name, old, new)
