"""What keeps its meaning under another address or ID, and principals that get another ARN or ID."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from msgspec import Struct

from vpc_cni_iam.inputs.plan.arguments import (
    GRANTS,
    LISTS,
    NODE_GROUP,
    POLICY,
    PRINCIPALS,
    ROLE,
    USER,
)
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.values import one, text
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Known, Value
from vpc_cni_iam.review.account.cluster_access import cluster_rights
from vpc_cni_iam.review.account.iam_resource import IamResource, InPlan
from vpc_cni_iam.review.account.resolve import is_replaced
from vpc_cni_iam.review.context import Context, fact
from vpc_cni_iam.review.diff.plugin.roles import is_named
from vpc_cni_iam.review.findings import Finding, finding
from vpc_cni_iam.review.rules import Level, Rule

_MANAGED = {*GRANTS, *PRINCIPALS, POLICY}


class Handling(Enum):
    """What a plan does to a resource, besides changing what it says."""

    IMPORTED = "imported"
    MOVED = "moved"
    FORGOTTEN = "removed from the state only"
    REPLACED = "replaced"
    GIVEN_BEFORE = "gives what is there already"
    LIST_ENDED = "an exclusive list is deleted or forgotten"


class Handled(Struct, frozen=True):
    """A plan does something to a resource that need not change what it says."""

    handling: Handling
    other: str = ""  # the ID by which it is imported, the address that it had


class ArnChanged(Struct, frozen=True):
    """A principal gets another ARN."""

    before: str
    after: str  # empty where it is known after apply
    is_node: bool
    is_plugin: bool


class NewId(Struct, frozen=True):
    """A principal is deleted and created again under its name: it has another ID."""

    before: str  # the address that it had
    arn: str
    is_node: bool


def check(context: Context) -> Iterator[Finding]:
    """Yield what is imported, moved, forgotten or replaced, and what ARN or ID that changes."""
    for resource in context.filler.resources:
        if resource.type in _MANAGED:
            yield from _notes(resource, context)
    changing = [r for r in context.filler.resources if r.type in (ROLE, USER)]
    changing = [r for r in changing if {"delete", "update"} & {*r.actions}]
    if changing:
        nodes, plugins = set(_node_roles(context)), set(_plugin_roles(context))
        for resource in changing:
            role = InPlan(resource.address)
            is_node, is_plugin = role in nodes, role in plugins
            yield from _identity(resource, context, is_node=is_node, is_plugin=is_plugin)


def _notes(resource: Resource, context: Context) -> Iterator[Finding]:
    is_list = any(argument.part in LISTS for argument in GRANTS.get(resource.type, ()))
    is_ended = resource.after is None and not resource.unknown
    evidence: list[Handled] = []
    if resource.imported:
        evidence.append(Handled(Handling.IMPORTED, resource.imported))
    if resource.moved_from:
        evidence.append(Handled(Handling.MOVED, resource.moved_from))
    if is_list and is_ended:
        evidence.append(Handled(Handling.LIST_ENDED))
    elif "forget" in resource.actions:
        evidence.append(Handled(Handling.FORGOTTEN))
    if is_replaced(resource):
        evidence.append(Handled(Handling.REPLACED))
    if resource.before is None and not (is_ended or is_list or resource.type in PRINCIPALS):
        evidence += _created(resource, context)
    for each in evidence:
        yield finding(Rule.MOVED, each, resource.address)


def _created(resource: Resource, context: Context) -> Iterator[Handled]:
    """Yield that a resource that is created changes nothing of what is there."""
    accounts, filler = context.accounts, context.filler
    grants = tuple(filler.grants(resource, Side.AFTER))
    contents = [accounts.before.content(grant.owner, grant.key) for grant in grants]
    if grants and contents == [grant.content for grant in grants]:
        yield Handled(Handling.GIVEN_BEFORE)


def _identity(
    resource: Resource, context: Context, *, is_node: bool, is_plugin: bool
) -> Iterator[Finding]:
    """Yield that a principal gets another ARN, or another ID under the same one."""
    resolver, accounts = context.filler.resolver, context.accounts
    subject = InPlan(resource.address)
    successor = resolver.by_address[accounts.successors.get(subject, resource.address)]
    if resource.before is None or successor.after is None:
        return
    before, after = _arn(resource, Side.BEFORE), _arn(successor, Side.AFTER, resource)
    if _name(resource, Side.BEFORE) != _name(successor, Side.AFTER):
        yield finding(
            Rule.ARN_CHANGED,
            ArnChanged(before, after, is_node, is_plugin),
            successor.address,
            subject=subject,
            level=Level.ERROR if is_node or is_plugin else Level.WARNING,
        )
    elif subject in accounts.replaced:
        is_broken = is_node and subject not in _with_new_entry(context)
        yield finding(
            Rule.ARN_CHANGED,
            NewId(resource.address, before, is_node),
            successor.address,
            subject=subject,
            level=Level.ERROR if is_broken else Level.WARNING,
        )


def _name(resource: Resource, side: Side) -> tuple[str, Value]:
    """Return the path and the name of a principal."""
    return text(resource, "path", side) or "/", one(resource, "name", side)


def _arn(resource: Resource, side: Side, before: Resource | None = None) -> str:
    """Return the ARN of a principal; empty where it is known after apply, or not shown."""
    arn = text(resource, "arn", side)
    path, name = _name(resource, side)
    noun = resource.type.removeprefix("aws_iam_")
    prefix, noun_follows, _ = text(before or resource, "arn", Side.BEFORE).partition(f":{noun}/")
    if before is None or not (isinstance(name, Known) and noun_follows):
        return arn
    return f"{prefix}:{noun}{path}{name.value}"


def _node_roles(context: Context) -> Iterator[IamResource]:
    """Yield the roles of nodes on either side."""
    filler = context.filler
    for plugin in context.plugins:
        for state in plugin.states:
            yield from state.node_roles
    for resource in (r for r in filler.resources if r.type == NODE_GROUP):
        for side in Side:
            yield from filler.named_by(resource, "node_role_arn", ROLE, side)


def _plugin_roles(context: Context) -> Iterator[IamResource]:
    """Yield the roles of aws-node on either side."""
    for plugin in context.plugins:
        for state in plugin.states:
            yield from (*state.identity.roles, *state.identity.first_roles)
    yield from (owner for owner in context.accounts.principals if is_named(context, owner))


@fact
def _with_new_entry(context: Context) -> frozenset[IamResource]:
    """Return the principals whose access entry in a cluster the plan creates, or replaces."""
    by_address = context.filler.resolver.by_address
    return frozenset(
        right.principal
        for right in cluster_rights(context.filler, Side.AFTER)
        if right.is_entry and "create" in by_address[right.address].actions
    )
