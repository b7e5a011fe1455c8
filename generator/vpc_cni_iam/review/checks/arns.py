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
from vpc_cni_iam.review.findings import Finding, Saying, finding, says
from vpc_cni_iam.review.rules import LOSES, Rule, Topic

ARN_CHANGED = Rule(
    "arn-changed",
    (Level.WARNING, Topic.ACCESS, LOSES),
    summary="A role or policy is replaced and gets a new ARN.",
    help="Its name or path changes, so references to the old ARN outside of the plan no longer work: an annotation, `aws-auth`, an access entry, or another stack. It is an error for aws-node's role and for a node role. A replaced role also gets a new ID, even under the same name: create trust policies and access entries that name it again. Change every use of the old ARN in the same apply, or keep the name and the path.",
    fix="Change every use of the old ARN in the same apply, or keep the name and the path of the role.",
)


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
        ARN_CHANGED,
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


@says(IdentityChanged)
def _identity_text(finding: Finding, change: IdentityChanged) -> Saying:
    address = finding.address
    who = f"{address}, a node role," if change.is_node else address
    who = f"{address}, a role of aws-node," if change.is_plugin else who
    if change.is_renamed:
        before = change.before or "an ARN that the plan does not show"
        after = change.after or "an ARN that is known after apply"
        message = f"{who} gets a new ARN: {before} becomes {after}. References to the old ARN "
        fix = f"Keep the name and path of {address}, or update all references to its ARN"
        return Saying(f"{message}outside of the plan no longer work", fix=fix)
    moved = "" if change.address == address else f" instead of {change.address}"
    same = f"with the ARN {change.before}" if change.before else "under its name"
    message = f"{address} is created again{moved} {same} and a new ID. Trust policies and access "
    fix = "Write a moved block" if moved else ""
    if change.is_node:
        fix = f"{fix or 'Keep the role'}, or replace the access entry of the role in this plan"
    return Saying(f"{message}entries that name it are broken until they are created again", fix=fix)
