"""Which service accounts get a role by EKS Pod Identity, other than that of the plugin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vpc_cni_iam.catalog.trust import SERVICE_ACCOUNT
from vpc_cni_iam.inputs.plan.reader import Resource
from vpc_cni_iam.review.account.attribute_value import flagged
from vpc_cni_iam.review.account.binding import action_of
from vpc_cni_iam.review.account.plugin import ASSOCIATION, is_for_plugin
from vpc_cni_iam.review.account.plugin_config import is_plugin
from vpc_cni_iam.review.account.rebuild import referred
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.findings import Finding, rule
from vpc_cni_iam.review.make_finding import finding

rule(
    "service-account-role",
    "warning",
    "new-access any-change",
    "A service account gets a role that is there, by EKS Pod Identity.",
    "Every pod that runs with the service account can do what the role may do. Of a role that the "
    "plan makes, its policies are findings.",
)
_ADDON = "aws_eks_addon"
_BLOCK = "pod_identity_association"
_ARGUMENTS = ("cluster_name", "namespace", "service_account", "role_arn", "target_role_arn")


def check(context: Context) -> Iterator[Finding]:
    """Yield associations that give a service account a role that it did not have."""
    for resource in context.plan.resources:
        if resource.drift or resource.mode != "managed" or resource.deposed:
            continue
        if action_of(resource) not in ("create", "update", "replace"):
            continue
        if resource.type == ASSOCIATION:
            yield from _association(resource, context)
        elif resource.type == _ADDON:
            yield from _addon(resource, context)


def _association(resource: Resource, context: Context) -> Iterator[Finding]:
    before, after = resource.before or {}, resource.after or {}
    if is_for_plugin(after) or not any(
        before.get(name) != after.get(name) or flagged(resource.unknown, name)
        for name in _ARGUMENTS
    ):
        return
    target = after.get("target_role_arn") or flagged(resource.unknown, "target_role_arn")
    role = _role(resource, ("target_role_arn" if target else "role_arn",), after, context)
    if role not in context.created:
        namespace, account = after.get("namespace"), after.get("service_account")
        who = f"service account {namespace}/{account}"
        if not (namespace and account):
            who = "a service account known after apply"
        yield _finding(resource, who, role, context)


def _addon(resource: Resource, context: Context) -> Iterator[Finding]:
    before, after = (
        value if isinstance(value, list) else []
        for value in ((side or {}).get(_BLOCK) for side in (resource.before, resource.after))
    )
    for place, block in enumerate(after):
        unknown = flagged(resource.unknown, _BLOCK, place, "role_arn")
        if not isinstance(block, Mapping) or (block in before and not unknown):
            continue
        account = block.get("service_account")
        if is_plugin(resource) and account in (None, SERVICE_ACCOUNT):
            continue
        role = _role(resource, (_BLOCK, str(place), "role_arn"), block, context)
        if role not in context.created:
            who = f"service account {account} of the add-on "
            who += str((resource.after or {}).get("addon_name"))
            yield _finding(resource, who, role, context)


def _role(
    resource: Resource, path: tuple[str, ...], values: Mapping[str, Any], context: Context
) -> str:
    """Return the address of a role in the plan, else its ARN or what is known of it."""
    arn = values.get(path[-1])
    if isinstance(arn, str):
        return context.owners.role_of(resource, path, arn)
    resolution = context.references.resolve(resource, path)
    for reference in resolution.resources:
        role = context.references.find(resource, reference, resolution)
        if role is not None and role.type == "aws_iam_role":
            return role.address
    return ", ".join(referred(resolution)) or "a role known after apply"


def _finding(resource: Resource, who: str, role: str, context: Context) -> Finding:
    return finding(
        "service-account-role",
        f"{who} gets {role} by EKS Pod Identity",
        address=resource.address,
        place=context.places.get(resource.address),
    )
