"""Workloads and service accounts that get a role, or may get one that is not read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from vpc_cni_iam.inputs.plan.arguments import ADDON, CHART, CLUSTER, ROLE, is_annotated
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.unread import UnreadKind
from vpc_cni_iam.inputs.plan.values import value_at, values_of
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Sensitive, Unknown
from vpc_cni_iam.review.account.annotations import role_annotations
from vpc_cni_iam.review.account.iam_resource import IamResource
from vpc_cni_iam.review.account.plugin.resources import is_for_plugin
from vpc_cni_iam.review.account.uses import UseKind
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.reach import Reach
from vpc_cni_iam.review.diff.role_access import reach_of
from vpc_cni_iam.review.diff.uses import UseChange, use_changes
from vpc_cni_iam.review.findings import Finding, finding
from vpc_cni_iam.review.rules import CHANGES, LOSES, Level, Rule

_RULES: Mapping[UseKind, Rule] = {
    UseKind.INSTANCES: Rule.NODE_ROLE,
    UseKind.WORKLOAD: Rule.WORKLOAD_ROLE,
    UseKind.SERVICE_ACCOUNT: Rule.SERVICE_ACCOUNT_ROLE,
}
# The level, by the answer to whether the new role allows more.
_LEVELS: Mapping[type, Level] = {
    NewAccess: Level.ERROR,
    NotProven: Level.WARNING,
    NoNewAccess: Level.NOTE,
}
# The values of a chart or add-on, which may annotate service accounts.
_VALUES = {CHART: "values", ADDON: "configuration_values"}
WRITE_ONLY = "set_wo_revision"


class ServiceAccountRoleNotShown(Struct, frozen=True):
    """A resource may name the role of a service account in a way that is unknown or not read."""

    argument: str = ""  # with unknown values; empty for a form that is not read


class RoleNamed(Struct, frozen=True):
    """A resource newly names roles, and it is not known what it does with them."""

    roles: tuple[IamResource, ...]
    is_known_type: bool  # whether only the argument is unknown
    reach: Reach


def check(context: Context) -> Iterator[Finding]:
    """Yield the workloads and service accounts that get or may get a role."""
    for change in use_changes(context):
        yield _of_use(change)
    for resource in context.reader.resources:
        changes = not resource.is_unchanged and resource.after is not None
        if changes and is_annotated(resource.type) and not is_for_plugin(resource, Side.AFTER):
            yield from _not_shown(resource, context)
    yield from _named(context)


def _of_use(change: UseChange) -> Finding:
    level, means = _LEVELS[type(change.access)], _RULES[change.kind].means
    is_far = change.reach > Reach.LIMITED
    if change.is_lost:
        level = Level.ERROR if change.kind is UseKind.INSTANCES else Level.WARNING
        means = LOSES
    elif not change.before:
        # EKS manages the nodes of Auto Mode, and keeps pods on them from the instance metadata.
        level = Level.NOTE if change.resource_type == CLUSTER else Level.WARNING
    elif level is Level.NOTE:
        means = CHANGES
    if is_far and not (change.before and level is Level.NOTE):
        level = Level.ERROR
    return finding(
        _RULES[change.kind],
        change,
        change.workload,
        attribute=change.attribute,
        level=Level.NOTE if change.made_here else level,
        means=means,
    )


def _not_shown(resource: Resource, context: Context) -> Iterator[Finding]:
    """Yield resources with new values about a role that are unknown or not read."""
    argument = _VALUES.get(resource.type, "")
    values = value_at(resource, (argument,), Side.AFTER)
    is_later = isinstance(values.mark if isinstance(values, Sensitive) else values, Unknown)
    expression = context.plan.configuration.expression
    is_set = resource.type == CHART or expression(resource.module, resource.block, argument)
    revisions = [(values_of(resource, side) or {}).get(WRITE_ONLY) for side in Side]
    is_write_only = revisions[0] != revisions[1]
    if is_write_only or (argument and is_later and is_set):
        evidence = ServiceAccountRoleNotShown(WRITE_ONLY if is_write_only else argument)
        yield finding(Rule.SERVICE_ACCOUNT_ROLE, evidence, resource.address, level=Level.NOTE)
    old, new = (role_annotations(resource, side, context.plan.secrets) for side in Side)
    if new.not_read - old.not_read:
        yield finding(Rule.UNREAD_RESOURCE, ServiceAccountRoleNotShown(), resource.address)


def _named(context: Context) -> Iterator[Finding]:
    """Yield roles that other types and unknown arguments newly name."""
    namings = [unread for unread in context.plan.unread if unread.kind is UnreadKind.role]
    for unread in namings:
        is_known_type = unread.address in context.reader.resolver.by_address
        for name in unread.roles:
            roles = context.reader.resolver.by_name(ROLE, name)
            reach = reach_of(context, roles)
            level = Level.WARNING if reach > Reach.LIMITED else Level.NOTE
            means = CHANGES if level is Level.NOTE else None
            evidence = RoleNamed(roles, is_known_type, reach)
            yield finding(Rule.WORKLOAD_ROLE, evidence, unread.address, level=level, means=means)
