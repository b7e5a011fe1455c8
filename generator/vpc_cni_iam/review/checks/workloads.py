"""Which roles instances and other workloads get."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from vpc_cni_iam.inputs.plan.addresses import without_keys
from vpc_cni_iam.inputs.plan.arguments import is_of_instances
from vpc_cni_iam.inputs.plan.reader import Resource
from vpc_cni_iam.inputs.plan.secrets import is_mark
from vpc_cni_iam.review.account.attribute_value import first_block, flagged
from vpc_cni_iam.review.account.binding import action_of
from vpc_cni_iam.review.account.owners import UNKNOWN_ROLE
from vpc_cni_iam.review.account.plugin_policy import concerns_plugin
from vpc_cni_iam.review.account.policy_state import ReadPolicy, judged_policies
from vpc_cni_iam.review.account.workloads import RoleUse, Workloads
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.coverage import coverage_change
from vpc_cni_iam.review.findings import Finding, Level, Meaning, rule
from vpc_cni_iam.review.gains import access_of_roles, more_text, not_shown, reach_of_role
from vpc_cni_iam.review.make_finding import coverage_findings, finding

rule(
    "node-role-changed",
    "warning",
    "new-access coverage-lost any-change",
    "Instances get another existing role.",
    "Pods that reach the instance metadata have the node role, and so has aws-node where it has "
    "no role of its own. It is an error where the role may do something that the one before could "
    "not, and a note where it may do nothing more. Node groups, instances, launch templates, Auto "
    "Scaling groups and fleets are followed to their instance profile. A launch template or an "
    "instance profile that the plan does not show is a warning.",
)
rule(
    "workload-role",
    "warning",
    "new-access any-change",
    "A function, a task or another workload gets another existing role.",
    "Anyone who writes its code can do what the role may do. It is an error where the role may do "
    "something that the one before could not, and a note where it may do nothing more. A role that "
    "the plan creates has no such finding; its policies have findings of their own. Where a "
    "type or an argument that is not known newly names a role, that is a note, and a warning where "
    "the role may do everything or change IAM permissions.",
)
rule(
    "instance-metadata-opened",
    "warning",
    "new-access any-change",
    "Pods can reach the metadata of the instances that they run on.",
    "A pod that reaches the instance metadata can use the node role. A hop limit of 1 with "
    "required tokens keeps pods from it, except those with `hostNetwork`.",
)
_OPTIONS = "metadata_options"
# Its arguments, and which values let pods reach the metadata.
_METADATA: Mapping[str, Callable[[Any], bool]] = {
    "http_endpoint": lambda value: value == "enabled",
    "http_put_response_hop_limit": lambda value: isinstance(value, int) and value > 1,
    "http_tokens": lambda value: value == "optional",
}
_NODE_GROUP = "aws_eks_node_group"


def check(context: Context) -> Iterator[Finding]:
    """Yield workloads that get another role, or come with a role that was there."""
    workloads = Workloads(context.plan, context.owners)
    resources = [r for r in context.plan.resources if not r.drift and not r.deposed]
    new = {resource.address for resource in resources if action_of(resource) == "create"}
    had: dict[str, set[str]] = {}
    for resource in resources:
        roles = {use.role for use in workloads.uses(resource, after=False)}
        had.setdefault(_alike(resource), set()).update(roles)
    for resource in resources:
        if action_of(resource) not in ("create", "update", "replace"):
            continue
        yield from _metadata(resource)
        before, after = (
            list(dict.fromkeys(workloads.uses(resource, after=later))) for later in (False, True)
        )
        if before:
            yield from _changes(resource, before, after, context)
            continue
        others = had[_alike(resource)]
        for use in after:
            # What comes with the plan is reviewed where it is made.
            if use.role not in context.created | others and use.named not in new:
                yield from _comes(resource, use, others, context)
    yield from _named_otherwise(resources, workloads, context)


def _named_otherwise(
    resources: list[Resource], workloads: Workloads, context: Context
) -> Iterator[Finding]:
    """Yield which roles are newly named by other types, and by arguments that are not known."""
    by_address = {resource.address: resource for resource in resources}
    addresses = {arn: [address] for address, arn in context.owners.role_arns.items()}
    for principal in context.principals.values():
        if principal.type == "role":
            addresses.setdefault(principal.label, []).append(principal.name)
    for unread, name in ((each, name) for each in context.plan.unread for name in each.roles):
        roles, resource = addresses.get(name, [name]), by_address.get(unread.address)
        if resource is None:
            yield _newly_named(unread.address, roles, "its type", context)
            continue
        used = {use.role for use in workloads.uses(resource, after=True)}
        if ":role/" in name and not used.intersection(roles):
            yield _newly_named(unread.address, roles, "the argument", context)


def _newly_named(address: str, roles: list[str], what: str, context: Context) -> Finding:
    reach = next(filter(None, (reach_of_role(role, context, newly=False) for role in roles)), "")
    message = f"{address} newly names {' or '.join(roles)}; what {what} does with a role is not "
    # The role could before, too.
    message += "known" + (f", and the role {reach}" if reach else "")
    level: Level | None = None if reach else "note"
    means: tuple[Meaning, ...] | None = None if reach else ("any-change",)
    return finding("workload-role", message, address, level=level, means=means)


def _metadata(resource: Resource) -> Iterator[Finding]:
    """Yield that instances answer pods that ask for credentials, and did not before."""
    if resource.before and (opened := list(_opened(resource))):
        message = f"{resource.address} lets pods reach the instance metadata: {', '.join(opened)}"
        yield finding("instance-metadata-opened", message, resource.address)


def _opened(resource: Resource) -> Iterator[str]:
    """Yield the arguments by which pods can reach the metadata, or may, since one is not shown."""
    old, new = (first_block(v, _OPTIONS) for v in (resource.before, resource.after))
    for name, opens in _METADATA.items():
        before, after = old.get(name), new.get(name)
        changes = before != after and opens(after)
        if after is None or is_mark(after):
            changes = before is not None and not opens(before) and before != after
        if changes:
            later = flagged(resource.unknown, _OPTIONS, 0, name)
            words = "known after apply" if later else after or "not set"
            yield f"{name} {before or 'not set'} -> {words}"


def _alike(resource: Resource) -> str:
    """Return what tells workloads of one block from others, and node groups from other types."""
    return resource.type if resource.type == _NODE_GROUP else without_keys(resource.address)


def _comes(
    resource: Resource, use: RoleUse, others: set[str], context: Context
) -> Iterator[Finding]:
    shown = [role for role in sorted(others) if not not_shown([role], context)]
    if access_of_roles(shown, [use.role], context).verdict == "no new access":
        return
    reach = reach_of_role(use.role, context)
    how = "is new and uses" if action_of(resource) == "create" else "now uses"
    message = f"{resource.address} {how} {use.role}" + (f", and {reach}" if reach else "")
    level: Level | None = "error" if reach else None
    if made := _may_be(resource, use, context):
        message, level = f"{message}; the plan makes {made} in this module", "note"
    yield _finding(resource, message, level=level)


def _changes(
    resource: Resource, before: list[RoleUse], after: list[RoleUse], context: Context
) -> Iterator[Finding]:
    """Yield that a workload gets another role, but for what changes where it names it."""
    same = {use.named for use in before} & {use.named for use in after} - {""}
    old, new = ([use for use in uses if use.named not in same] for uses in (before, after))
    old_roles, new_roles = ([use.role for use in uses] for uses in (old, new))
    if {*old_roles} == {*new_roles}:
        return
    access = access_of_roles(old_roles, new_roles, context)
    words = (" and ".join(roles) or "no role" for roles in (new_roles, old_roles))
    message = f"{resource.address} uses {' in place of '.join(words)}"
    more, details, level = more_text(access)
    if level is None:
        more, level = _unjudged(resource, new, old_roles, more, context)
    yield _finding(resource, f"{message}{more}", details, level)
    if (
        is_of_instances(resource.type) and resource.type != _NODE_GROUP
    ):  # of which the cluster is known
        yield from _missing(resource, old_roles, new_roles, context)


def _unjudged(
    resource: Resource, new: list[RoleUse], old: list[str], more: str, context: Context
) -> tuple[str, Level | None]:
    """Return what new roles are, of which it is not known whether they allow more."""
    for made in (_may_be(resource, use, context) for use in new):
        if made:
            return f"; the plan makes {made} in this module", "note"
    if not_shown(old, context):
        for reach in (reach_of_role(use.role, context) for use in new):
            if reach:
                return f"{more}; it {reach}", "error"
    return more, None


def _may_be(resource: Resource, use: RoleUse, context: Context) -> str:
    """Return what a role may come from that is only known after apply: what its module makes."""
    makes = (
        other.address
        for other in context.plan.resources
        if other.type == use.hidden and other.module == resource.module
        if "create" in other.actions
    )
    return next(makes, "") if use.role == UNKNOWN_ROLE else ""


def _finding(
    resource: Resource,
    message: str,
    details: tuple[str, ...] = (),
    level: Level | None = None,
) -> Finding:
    return finding(
        "node-role-changed" if is_of_instances(resource.type) else "workload-role",
        message,
        resource.address,
        details=details,
        level=level,
    )


def _missing(
    resource: Resource, old: list[str], new: list[str], context: Context
) -> Iterator[Finding]:
    """Yield what aws-node can no longer do with the role of nodes, where it has no other."""
    own = {change.after.kind for _, change in context.clusters}
    if own & {"irsa", "pod-identity"} or not_shown([*old, *new], context):
        return
    before, after = _reads(old, context, after=False), _reads(new, context, after=True)
    policies, others = judged_policies(*before.values()), judged_policies(*after.values())
    if not any(map(concerns_plugin, policies)):
        return
    coverage = coverage_change(policies, others, context.target)
    unknown = tuple(name for name, read in after.items() if not read.in_full)
    if coverage:
        address, unsure = resource.address, bool(unknown)
        lost = coverage_findings(coverage, address, new=False, unknown=unknown, unsure=unsure)
        yield from islice(lost, 1)  # the gravest is enough


def _reads(roles: list[str], context: Context, *, after: bool) -> dict[str, ReadPolicy]:
    """Return the policies of roles on one side."""
    principals = [context.effective.by_principal[role] for role in roles]
    return {k: r for has in principals for k, r in (has.after if after else has.before).items()}
