"""What a plan does not show, and what is not read of it."""

from __future__ import annotations

from collections.abc import Iterator

from vpc_cni_iam.errors import first_of
from vpc_cni_iam.inputs.plan.kinds import is_newer_format
from vpc_cni_iam.inputs.plan.unread import UnreadChange, UnreadKind
from vpc_cni_iam.review.account.attribute_value import side
from vpc_cni_iam.review.account.binding import action_of
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.findings import MEANINGS, Finding, Level, rule
from vpc_cni_iam.review.make_finding import finding

rule(
    "unseen",
    "note",
    "",
    "The plan does not say which inline policies a new role has, or which role a resource uses.",
    "A plan shows a new role with a dynamic `inline_policy` block that is only known after apply "
    "in the same way as a role without one. `--source` tells them apart, for modules of the same "
    "repository; make such policies resources of their own. An argument that is known after apply "
    "is taken to name the role or other resource that it refers to, since a plan does not say what "
    "a function makes of it. `--source` does, where the reference stands in the resource itself.",
)
rule(
    "incomplete",
    "note",
    "any-change",
    "The plan leaves something out, since it was made for targets, or puts it off.",
    "What is left out is not reviewed. Review the next plan, too.",
)
rule(
    "ambiguous-principal",
    "warning",
    "new-access coverage-lost any-change",
    "A name stands for roles, users or groups in several accounts, and nothing tells which.",
    "What names it counts for each of them. A reference, such as `aws_iam_role.NAME.name`, or the "
    "same provider alias tells them apart.",
)
rule(
    "unread-resource",
    "warning",
    "new-access any-change",
    "A resource changes that is about access, and that is not read.",
    "Look at these in the plan: resources of the provider `awscc`, of Identity Center, Control "
    "Tower, IAM Roles Anywhere and Lake Formation, policies, policy types, moved accounts and "
    "delegated administrators of an organization, credentials of IAM users, SAML providers, types "
    "of IAM that this release does not know, identity pools of Cognito, grants of KMS keys, "
    "capabilities and identity providers of EKS, CloudFormation stacks with capabilities, another "
    "role or a template that is about access or at a URL, products of Service Catalog, IAM by "
    "Cloud Control, calls of functions, roles of Vault, and clusters of eksctl. In Kubernetes, "
    "these are roles, role bindings, `aws-auth`, another role of Karpenter's nodes, and objects "
    "by which Crossplane, ACK or Cluster API change IAM or EKS. Other objects and charts that "
    "name the plugin, such as an application of Argo CD or a HelmRelease of Flux, count for "
    "coverage-lost, too.",
)
rule(
    "unread-command",
    "note",
    "new-access any-change",
    "A provisioner or an action runs commands, which are not read.",
    "A provisioner such as `local-exec`, of a resource that is made, replaced or deleted, and an "
    "action such as `local_command` can do whatever the credentials of `terraform apply` allow. A "
    "plan says that they run, not what they do.",
)
rule(
    "unread-resource-policy",
    "note",
    "new-access any-change",
    "A policy of a resource changes, and is not read.",
    "Policies of buckets, keys, queues, topics, repositories, secrets and other resources, and "
    "permissions of functions, let principals do something with the resource, whatever their own "
    "policies say. Only policies of principals are reviewed. It is a warning where the policy "
    "newly allows every principal, without a condition.",
)
# What looks alike, since it names no address, is shown together.
_UNREAD = {
    UnreadKind.access: ("unread-resource", "{address} is about access and is not read"),
    UnreadKind.plugin: ("unread-resource", "{address} names the plugin and is not read"),
    UnreadKind.later: ("unread-resource", "An object of Kubernetes is known after apply"),
    UnreadKind.unparsed: ("unread-resource", "An object of Kubernetes is not YAML that is read"),
    UnreadKind.command: ("unread-command", "Commands ({runs}) run that are not read"),
    UnreadKind.resource_policy: (
        "unread-resource-policy",
        "The policy of a resource changes and is not read",
    ),
}
# By which argument a type may be the plugin.
_NAMES = {"aws_eks_addon": "addon_name", "helm_release": "chart"}
_OPENS = "The policy of a resource newly allows every principal, without a condition"
rule(
    "plan-format-unknown",
    "note",
    "",
    "The plan has a newer format than the ones that are known, or members that are not known.",
    "Formats 0.1 to 1.2 are known. A newer 1.x only adds members, which are not read.",
)


def check(context: Context) -> Iterator[Finding]:
    """Yield what is not read, or not told apart."""
    plan = context.plan
    if context.unseen:
        many = f"{context.unseen} new roles" if context.unseen > 1 else "A new role"
        message = f"{many} may have inline policies of a dynamic block, which a plan does not show"
        yield finding("unseen", f"{message}; --source can check that")
    if assumed := context.owners.assumed:
        address = min(assumed)
        more = f" (and {len(assumed) - 1} more like it)" if len(assumed) > 1 else ""
        message = f"{address} refers to {assumed[address]}{more}, which counts as used: "
        message += "the value is known after apply"
        message += "" if context.places.get(address) else "; --source can check that"
        yield finding("unseen", message, means=("new-access",))
    if not plan.complete:
        yield finding("incomplete", "The plan leaves something out, or puts it off")
    if is_newer_format(plan.format):
        message = f"The plan has format {plan.format}; what it adds to 1.2 is not read"
        yield finding("plan-format-unknown", message)
    if plan.unknown_members:
        message = f"The plan has {first_of(plan.unknown_members)}, which is not known and not read"
        yield finding("plan-format-unknown", message)
    unchanged = {r.address for r in plan.resources if action_of(r) == "no-op"}
    for (address, name), addresses in sorted(context.owners.ambiguous.items()):
        message = f"{name!r} may be {' or '.join(addresses)}; it counts for each of them"
        stays = unchanged.issuperset((address, *addresses))
        level: Level | None = "note" if stays else None
        yield finding("ambiguous-principal", message, address, level=level)
    yield from map(_not_read, (u for u in plan.unread if u.kind in _UNREAD))
    yield from _unnamed(context)


def _not_read(unread: UnreadChange) -> Finding:
    rule_id, message = _UNREAD[unread.kind]
    level: Level | None = "note" if unread.kind is UnreadKind.later else None
    if unread.opens:
        message, level = _OPENS, "warning"
    message = message.format(address=unread.address, runs=", ".join(unread.runs))
    message = f"{message}; the plan does: {', '.join(unread.actions)}"
    means = MEANINGS if unread.kind is UnreadKind.plugin else None
    return finding(rule_id, message, unread.address, level=level, means=means)


def _unnamed(context: Context) -> Iterator[Finding]:
    """Yield add-ons and Helm releases of which it is not known whether they are the plugin."""
    for resource in context.plan.resources:
        argument = _NAMES.get(resource.type, "")
        if not argument or action_of(resource) not in ("create", "update", "replace"):
            continue
        name = side(resource, argument, after=True)
        if name.unknown or name.hidden:
            message = f"{resource.address} may be the plugin: its {argument} is not known"
            yield finding("unread-resource", message, resource.address, means=MEANINGS)
