"""What keeps its meaning under another address or ID, and principals that get another ARN or ID."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from vpc_cni_iam.inputs.plan.arguments import (
    GRANTS,
    LISTS,
    NODE_GROUP,
    POLICY,
    ROLE,
    USER,
)
from vpc_cni_iam.inputs.plan.reader import Resource
from vpc_cni_iam.inputs.plan.values import one, text
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Known, Value
from vpc_cni_iam.reviewing.account.iam_resource import IamResource, InPlan
from vpc_cni_iam.reviewing.context import Context
from vpc_cni_iam.reviewing.diff.plugin_roles import is_named
from vpc_cni_iam.reviewing.findings import Finding, finding
from vpc_cni_iam.reviewing.rules import Level, Rule

_MANAGED = (*GRANTS, POLICY)
_ENTRY = "aws_eks_access_entry"


class Imported(Struct, frozen=True):
    """A resource is imported."""

    id: str


class Moved(Struct, frozen=True):
    """A resource has another address than before."""

    before: str


class Forgotten(Struct, frozen=True):
    """A resource is removed from the state only."""

    is_list: bool  # an exclusive list, of which IAM knows nothing


class Replaced(Struct, frozen=True):
    """A resource is replaced."""


class ListRemoved(Struct, frozen=True):
    """An exclusive list is deleted: nothing is removed because of it any longer."""


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
            yield from _notes(resource)
    for resource in context.filler.resources:
        if resource.type in (ROLE, USER):
            yield from _identity(resource, context)


def _notes(resource: Resource) -> Iterator[Finding]:
    is_list = any(argument.part in LISTS for argument in GRANTS.get(resource.type, ()))
    evidence: list[Struct] = []
    if resource.imported:
        evidence.append(Imported(resource.imported))
    if resource.moved_from:
        evidence.append(Moved(resource.moved_from))
    if "forget" in resource.actions:
        evidence.append(Forgotten(is_list))
    if {"create", "delete"} <= {*resource.actions}:
        evidence.append(Replaced())
    if is_list and resource.actions == ("delete",):
        evidence.append(ListRemoved())
    for each in evidence:
        yield finding(Rule.MOVED, each, resource.address)


def _identity(resource: Resource, context: Context) -> Iterator[Finding]:
    """Yield that a principal gets another ARN, or another ID under the same one."""
    resolver, accounts = context.filler.resolver, context.accounts
    subject = InPlan(resource.address)
    successor = resolver.by_address[accounts.successors.get(subject, resource.address)]
    if resource.before is None or successor.after is None or resource.actions == ("no-op",):
        return
    is_node = resource.type == ROLE and _is_node_role(subject, context)
    before, after = _arn(resource, Side.BEFORE), _arn(successor, Side.AFTER, resource)
    if _name(resource, Side.BEFORE) != _name(successor, Side.AFTER):
        is_plugin = resource.type == ROLE and _is_role_of_plugin(subject, context)
        yield finding(
            Rule.ARN_CHANGED,
            ArnChanged(before, after, is_node, is_plugin),
            successor.address,
            subject=subject,
            level=Level.ERROR if is_node or is_plugin else Level.WARNING,
        )
    elif subject in accounts.replaced:
        is_broken = is_node and not _has_new_entry(subject, context)
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
    prefix, found, _ = text(before or resource, "arn", Side.BEFORE).partition(f":{noun}/")
    if before is None or not (isinstance(name, Known) and found):
        return arn
    return f"{prefix}:{noun}{path}{name.value}"


def _is_node_role(role: IamResource, context: Context) -> bool:
    filler = context.filler
    return any(
        filler.owner(named) == role
        for resource in filler.resources
        if resource.type == NODE_GROUP
        for side in Side
        for named in filler.resolver.named_by(resource, "node_role_arn", ROLE, side)
    )


def _is_role_of_plugin(role: IamResource, context: Context) -> bool:
    identities = (state.identity for plugin in context.plugins for state in plugin.states)
    has_it = any(role in (*own.roles, *own.first_roles) for own in identities)
    return has_it or is_named(context, role)


def _has_new_entry(role: IamResource, context: Context) -> bool:
    """Say whether the plan creates the access entry of a role, or replaces it."""
    filler = context.filler
    return any(
        filler.owner(named) == role
        for resource in filler.plan.resources
        if resource.type == _ENTRY and "create" in resource.actions
        for named in filler.resolver.named_by(resource, "principal_arn", ROLE, Side.AFTER)
    )
