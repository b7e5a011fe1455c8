"""Principals with new ARNs or IDs."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource, InPlan
from vpc_cni_iam.inputs.plan.arguments import ACCESS_ENTRY, ROLE, USER
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.values import one, text
from vpc_cni_iam.levels import Level
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Known, Value
from vpc_cni_iam.review.context import Context, fact
from vpc_cni_iam.review.diff.plugin.roles import is_named, node_roles, own_roles
from vpc_cni_iam.review.findings import Finding, finding
from vpc_cni_iam.review.rules import Rule


class IdentityChanged(Struct, frozen=True):
    """A principal gets another ARN, or is created again with the same name and another ID."""

    address: str  # its old address
    before: str  # its old ARN
    after: str  # its new ARN; empty if it is known after apply
    is_renamed: bool  # whether its ARN changes
    is_node: bool
    is_plugin: bool


def check(context: Context) -> Iterator[Finding]:
    """Yield principals with changed ARNs or IDs."""
    every = (*context.reader.resources, *context.reader.deposed)
    changing = [r for r in every if r.type in (ROLE, USER) and {"delete", "update"} & {*r.actions}]
    yield from (each for resource in changing for each in _identity(resource, context))


def _identity(resource: Resource, context: Context) -> Iterator[Finding]:
    """Yield principals that get another ARN, or another ID with the same ARN."""
    by_address, accounts = context.reader.resolver.by_address, context.accounts
    subject = InPlan(resource.address)
    successor = by_address.get(accounts.successors.get(subject, resource.address), resource)
    new_name = _name(successor, Side.AFTER)
    is_renamed = _name(resource, Side.BEFORE) != new_name
    if successor.after is None or not (is_renamed or subject in accounts.replaced):
        return
    before, after = text(resource, "arn", Side.BEFORE), text(successor, "arn", Side.AFTER)
    prefix, noun, _ = before.partition(f":{resource.type.removeprefix('aws_iam_')}/")
    if noun and isinstance(new_name[1], Known):
        after = f"{prefix}{noun[:-1]}{new_name[0]}{new_name[1].value}"
    is_node = subject in node_roles(context)
    is_plugin = subject in own_roles(context) or is_named(context, subject)
    is_grave = is_node or is_plugin
    if not is_renamed:
        is_grave = is_node and subject not in _with_new_entry(context)
    yield finding(
        Rule.ARN_CHANGED,
        IdentityChanged(resource.address, before, after, is_renamed, is_node, is_plugin),
        successor.address,
        subject=subject,
        level=Level.ERROR if is_grave else Level.WARNING,
    )


def _name(resource: Resource, side: Side) -> tuple[str, Value]:
    """Return the path and the name of a principal."""
    return text(resource, "path", side) or "/", one(resource, "name", side)


@fact
def _with_new_entry(context: Context) -> frozenset[IamResource]:
    """Return the principals with an access entry that the plan creates or replaces."""
    reader = context.reader
    entries = (r for r in reader.resources if r.type == ACCESS_ENTRY and "create" in r.actions)
    return frozenset(
        owner
        for entry in entries
        for owner in reader.named_by(entry, "principal_arn", ROLE, Side.AFTER)
    )
