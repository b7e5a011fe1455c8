"""Which role nodes have: by node groups, launch templates and instance profiles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from vpc_cni_iam.inputs.plan.reader import Resource
from vpc_cni_iam.review.account.attribute_value import flagged
from vpc_cni_iam.review.account.binding import action_of
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.coverage import concerns_plugin, coverage_change
from vpc_cni_iam.review.diff.proofs import new_access, without_example
from vpc_cni_iam.review.diff.verdicts import Access
from vpc_cni_iam.review.findings import Finding, Level, rule
from vpc_cni_iam.review.make_finding import coverage_findings, example_text, finding

rule(
    "node-role-changed",
    "warning",
    "new-access coverage-lost any-change",
    "Nodes get another role.",
    "Pods that reach the instance metadata have the node role, and so has aws-node where it has "
    "no role of its own. It is an error where the role may do something that the one before could "
    "not, and a note where it may do nothing more. A new instance profile with a role that was "
    "there gives it to instances, too.",
)
_CARRIERS = ("aws_eks_node_group", "aws_launch_template", "aws_iam_instance_profile")


def check(context: Context) -> Iterator[Finding]:
    """Yield nodes that get another role."""
    for resource in context.plan.resources:
        if resource.type not in _CARRIERS or resource.drift or resource.mode != "managed":
            continue
        if resource.before is None:
            yield from _new_profile(resource, context)
            continue
        if action_of(resource) not in ("update", "replace"):
            continue
        old, new = (_role(resource, context, after=after) for after in (False, True))
        if old != new and (old or new):
            yield _finding(resource, old or "no role", new or "no role", context)
            if resource.type != "aws_eks_node_group":  # of which the cluster is known
                yield from _missing(resource, old, new, context)


def _new_profile(resource: Resource, context: Context) -> Iterator[Finding]:
    """Yield that a new instance profile gives instances a role that was there."""
    if resource.type != "aws_iam_instance_profile" or action_of(resource) != "create":
        return
    role = _role(resource, context, after=True)
    if role and role not in context.created:
        message = f"{resource.address} is new: instances with this profile have {role}"
        place = context.places.get(resource.address)
        yield finding("node-role-changed", message, address=resource.address, place=place)


def _finding(resource: Resource, old: str, new: str, context: Context) -> Finding:
    access = _access(old, new, context)
    message = f"{resource.address} gives nodes {new} in place of {old}"
    level: Level | None = None
    details: tuple[str, ...] = ()
    if access.verdict == "new access":
        message, level = f"{message}, which allows more", "error"
        details = (f"example: {example_text(access.witness)}",) if access.witness else ()
    elif access.verdict == "no new access":
        message, level = f"{message}, which allows nothing more", "note"
    else:
        message = f"{message}; whether that allows more is not known: {access.reason}"
    place = context.places.get(resource.address)
    return finding(
        "node-role-changed",
        message,
        address=resource.address,
        details=details,
        place=place,
        level=level,
    )


def _missing(resource: Resource, old: str, new: str, context: Context) -> Iterator[Finding]:
    """Yield what aws-node can no longer do with the role of nodes, where it has no other."""
    own = {change.after.kind for _, change in context.clusters}
    before, after = (context.effective.by_principal.get(role) for role in (old, new))
    if own & {"irsa", "pod-identity"} or before is None or after is None:
        return
    policies, others = (
        tuple(read.judged for read in side.values() if read.judged)
        for side in (before.before, after.after)
    )
    if not any(map(concerns_plugin, policies)):
        return
    coverage = coverage_change(policies, others, context.target)
    unknown = tuple(name for name, read in after.after.items() if not read.in_full)
    if coverage:
        place = context.places.get(resource.address)
        where = (resource.address, "", place)
        unsure = bool(unknown)
        lost = coverage_findings(coverage, *where, new=False, unknown=unknown, unsure=unsure)
        yield from islice(lost, 1)  # the gravest is enough


def _access(old: str, new: str, context: Context) -> Access:
    before, after = (context.effective.by_principal.get(role) for role in (old, new))
    if before is None or after is None:
        missing = old if before is None else new
        return Access("unknown", reason=f"the plan does not show the policies of {missing}")
    reads = (*before.before.values(), *after.after.values())
    if not all(read.in_full for read in reads):
        return Access("unknown", reason="the plan does not show all of their policies")
    policies, others = (
        [read.judged for read in side.values() if read.judged]
        for side in (before.before, after.after)
    )
    part = context.budget.answer()
    access = new_access(policies, others, part)
    return without_example(access) if any(read.has_secrets for read in reads) else access


def _role(resource: Resource, context: Context, *, after: bool) -> str:
    """Return the role of nodes: its address, else its name or what is known of it."""
    values = (resource.after if after else resource.before) or {}
    owners = context.owners
    if resource.type == "aws_eks_node_group":
        arn = values.get("node_role_arn")
        if isinstance(arn, str):
            return owners.role_of(resource, ("node_role_arn",), arn)
        return _referred(resource, ("node_role_arn",), context)
    if resource.type == "aws_iam_instance_profile":
        name = values.get("role")
        if isinstance(name, str) and name:
            addresses = owners.addresses(resource, ("role",), "role", name, after=after)
            return " or ".join(addresses) or f"role {name}"
        unknown = after and flagged(resource.unknown, "role")
        return _referred(resource, ("role",), context) if unknown else ""
    return _profile(values, resource, context)


def _profile(values: Mapping[str, Any], resource: Resource, context: Context) -> str:
    """Return the role of the instance profile of a launch template."""
    blocks = values.get("iam_instance_profile")
    block = blocks[0] if isinstance(blocks, list) and blocks else {}
    if not isinstance(block, Mapping):
        return ""
    name = block.get("name") or str(block.get("arn") or "").rpartition("/")[2]
    if not name:
        return _referred(resource, ("iam_instance_profile", "0", "name"), context) if blocks else ""
    for profile in context.plan.resources:
        if profile.type == "aws_iam_instance_profile" and not profile.drift:
            for after in (True, False):
                known = (profile.after if after else profile.before) or {}
                if known.get("name") == name:
                    return _role(profile, context, after=after)
    return f"the role of instance profile {name}"


def _referred(resource: Resource, path: tuple[str, ...], context: Context) -> str:
    references = context.references
    resolution = references.resolve(resource, path)
    for reference in resolution.resources:
        target = references.find(resource, reference, resolution)
        if target is not None and target.type == "aws_iam_role":
            return target.address
        if target is not None and target.type == "aws_iam_instance_profile":
            return _role(target, context, after=True)
    return "a role known after apply"
