"""Who gets permissions in a cluster: by access entries and the access policies of EKS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vpc_cni_iam.inputs.plan.reader import Resource
from vpc_cni_iam.review.account.attribute_value import first_block, flagged
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
    "that is an error. With another authentication mode other principals count: access entries, "
    "those of the ConfigMap `aws-auth`, or both. Who creates a cluster may administer it.",
)
_ASSOCIATION, _ENTRY = "aws_eks_access_policy_association", "aws_eks_access_entry"
# Of entries of another type, EKS makes the principal a node of the cluster.
_STANDARD = "STANDARD"
_ADMIN = ("AmazonEKSClusterAdminPolicy", "AmazonEKSAdminPolicy")
_CLUSTER = "aws_eks_cluster"
# Of `access_config`: what is so where it is not set, and what a change means.
_AUTHENTICATION = {
    "authentication_mode": ("CONFIG_MAP", "other principals count from then on"),
    "bootstrap_cluster_creator_admin_permissions": (True, "who creates it administers it"),
}
_ARGUMENTS = {
    _ASSOCIATION: ("cluster_name", "principal_arn", "policy_arn", "access_scope"),
    _ENTRY: ("cluster_name", "principal_arn", "kubernetes_groups", "type", "user_name"),
}


def check(context: Context) -> Iterator[Finding]:
    """Yield access policies, entries and authentication modes that come or change."""
    for resource in context.plan.resources:
        if resource.drift or resource.mode != "managed":
            continue
        action = action_of(resource)
        if resource.type == _CLUSTER:
            yield from _authentication(resource, context)
        elif resource.type in _ARGUMENTS and action == "delete":
            yield _removed(resource, context)
        elif resource.type in _ARGUMENTS and action != "forget" and _differs(resource):
            level, message = _widened(resource, context)
            yield finding("cluster-access-widened", message, resource.address, level=level)


def _removed(resource: Resource, context: Context) -> Finding:
    message = f"{resource.address} is deleted: the principal loses permissions in a cluster"
    level: Level | None = None
    before = resource.before or {}
    principal = str(before.get("principal_arn"))
    who = context.owners.role_of(resource, ("principal_arn",), principal)
    goes = {who, before.get("cluster_name")} & _deleted(context)
    if (before.get("type") or _STANDARD) != _STANDARD and not goes:
        message = f"{resource.address} is deleted: nodes with {who} can no longer join the cluster"
        level = "warning"
    return finding("access-removed", message, resource.address, level=level)


def _deleted(context: Context) -> set[object]:
    """Return the addresses and names of what the plan deletes."""
    gone = [r for r in context.plan.resources if action_of(r) == "delete"]
    return {r.address for r in gone} | {(r.before or {}).get("name") for r in gone}


def _authentication(cluster: Resource, context: Context) -> Iterator[Finding]:
    """Yield that others are let into a cluster than before."""
    if cluster.before is None or cluster.after is None:
        return
    old, new = (first_block(values, "access_config") for values in (cluster.before, cluster.after))
    configuration, later = context.plan.configuration, flagged(cluster.unknown, "access_config")
    for name, (default, means) in _AUTHENTICATION.items():
        before, after = old.get(name, default), new.get(name, default)
        path = "access_config", "0", name
        # Where it is not set, it is computed.
        if (
            later
            and name not in new
            and configuration.expression(cluster.module, cluster.block, *path)
        ):
            after = "a value known after apply"
        if before != after and after is not False:
            message = f"{cluster.address} changes {name} from {_text(before)} to {_text(after)}"
            yield finding(
                "cluster-access-widened", f"{message}: {means}", cluster.address, attribute=name
            )


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _differs(resource: Resource) -> bool:
    before, after = resource.before or {}, resource.after or {}
    if resource.type == _ENTRY and not any(_rights(side) for side in (before, after)):
        # Associations give something to such an entry.
        return flagged(resource.unknown, "kubernetes_groups")
    computed = ("user_name",)  # where the configuration does not set it
    return any(
        before.get(name) != after.get(name)
        if not flagged(resource.unknown, name)
        else name not in computed
        for name in _ARGUMENTS[resource.type]
    )


def _rights(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what an access entry gives its principal by itself, in words."""
    words = []
    if groups := entry.get("kubernetes_groups"):
        words.append(f"the Kubernetes groups {', '.join(map(str, groups))}")
    if (kind := entry.get("type") or _STANDARD) != _STANDARD:
        words.append(f"what a node has, by the type {kind}")
    if name := entry.get("user_name"):
        words.append(f"the user name {name}")
    return tuple(words)


def _widened(resource: Resource, context: Context) -> tuple[Level | None, str]:
    values = resource.after or {}
    owners = context.owners
    arn = values.get("principal_arn")
    who = str(arn) if isinstance(arn, str) else "a principal known after apply"
    for source, role in owners.roles(resource.type, "principal_arn"):
        who = role if source is resource else who
    if resource.type == _ENTRY:
        rights = list(_rights(values))
        if flagged(resource.unknown, "kubernetes_groups"):
            rights.append("Kubernetes groups known after apply")
        return None, f"{who} gets {' and '.join(rights) or 'an access entry that gives nothing'}"
    policy = str(values.get("policy_arn") or "an access policy known after apply")
    name = policy.rpartition("/")[2]
    namespaces = first_block(values, "access_scope").get("namespaces")
    where = f"in {', '.join(map(str, namespaces))}" if namespaces else "in the whole cluster"
    return "error" if name in _ADMIN else None, f"{who} gets {name} {where}"
