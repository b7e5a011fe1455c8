"""Who gets permissions in a cluster: by access entries and the access policies of EKS."""

from __future__ import annotations

from collections.abc import Iterator

from vpc_cni_iam.inputs.plan.reader import Resource
from vpc_cni_iam.review.account.attribute_value import flagged
from vpc_cni_iam.review.account.binding import action_of
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.findings import Finding, Level, rule
from vpc_cni_iam.review.make_finding import finding

rule(
    "cluster-access-widened",
    "warning",
    "new-access any-change",
    "A principal gets permissions in a cluster.",
    "An access policy of EKS gives an IAM principal permissions in Kubernetes. Who administers a "
    "cluster can run pods with any of its service accounts, and so with the role of aws-node; "
    "that is an error.",
)
_ASSOCIATION, _ENTRY = "aws_eks_access_policy_association", "aws_eks_access_entry"
_ADMIN = ("AmazonEKSClusterAdminPolicy", "AmazonEKSAdminPolicy")
_ARGUMENTS = {
    _ASSOCIATION: ("principal_arn", "policy_arn", "access_scope"),
    _ENTRY: ("principal_arn", "kubernetes_groups", "type"),
}


def check(context: Context) -> Iterator[Finding]:
    """Yield access policies and entries that come or change."""
    for resource in context.plan.resources:
        if resource.type not in _ARGUMENTS or resource.drift or resource.mode != "managed":
            continue
        action = action_of(resource)
        place = context.places.get(resource.address)
        if resource.after is None and action == "delete":
            message = f"{resource.address} is deleted: the principal loses permissions in a cluster"
            yield finding("access-removed", message, address=resource.address, place=place)
        elif action in ("create", "update", "replace") and _differs(resource):
            level, message = _widened(resource, context)
            yield finding(
                "cluster-access-widened",
                message,
                address=resource.address,
                place=place,
                level=level,
            )


def _differs(resource: Resource) -> bool:
    before, after = resource.before or {}, resource.after or {}
    groups = bool(after.get("kubernetes_groups")) or flagged(resource.unknown, "kubernetes_groups")
    if resource.type == _ENTRY and resource.before is None and not groups:
        return False  # without groups an entry gives nothing: associations do
    return any(
        before.get(name) != after.get(name) or flagged(resource.unknown, name)
        for name in _ARGUMENTS[resource.type]
    )


def _widened(resource: Resource, context: Context) -> tuple[Level | None, str]:
    values = resource.after or {}
    owners = context.owners
    arn = values.get("principal_arn")
    who = str(arn) if isinstance(arn, str) else "a principal known after apply"
    for source, role in owners.roles(resource.type, "principal_arn"):
        who = role if source is resource else who
    if resource.type == _ENTRY:
        groups = values.get("kubernetes_groups")
        named = ", ".join(map(str, groups)) if isinstance(groups, list) else "known after apply"
        return None, f"{who} gets the Kubernetes groups {named}"
    policy = str(values.get("policy_arn") or "an access policy known after apply")
    name = policy.rpartition("/")[2]
    scopes = values.get("access_scope")
    scope = scopes[0] if isinstance(scopes, list) and scopes else {}
    namespaces = scope.get("namespaces") if isinstance(scope, dict) else None
    where = f"in {', '.join(map(str, namespaces))}" if namespaces else "in the whole cluster"
    return "error" if name in _ADMIN else None, f"{who} gets {name} {where}"
