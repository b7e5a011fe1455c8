"""What is attached beside something else, removed by an exclusive list, or contradicted."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.documents import CNI_POLICY, managed_policy
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.review.account.collect import is_managed
from vpc_cni_iam.review.account.effective import PrincipalPolicies
from vpc_cni_iam.review.account.plugin_policy import concerns_plugin
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff import trust
from vpc_cni_iam.review.diff.changes import PrincipalChange
from vpc_cni_iam.review.diff.proofs import new_access
from vpc_cni_iam.review.diff.verdicts import Verdict
from vpc_cni_iam.review.findings import Finding, Level, Meaning, rule
from vpc_cni_iam.review.make_finding import finding, may_gain_access
from vpc_cni_iam.review.old.credentials import NODES

rule(
    "managed-policy-attached",
    "warning",
    "",
    "AmazonEKS_CNI_Policy is still attached to the node role.",
    "Every pod on the node that reaches the instance metadata has it, whatever the plugin's "
    "own role is scoped to. Once the plugin has a role of its own, detach it from the node "
    "role. Beside a scoped policy on one role it undoes the scoping, and is an error; beside a "
    "generic one it undoes nothing. Where the "
    "plan leaves all of that as it is, it is a note.",
)
rule(
    "exclusive-removes",
    "warning",
    "any-change",
    "An exclusive resource removes an inline policy or an attachment that it no longer names.",
    "At apply, the role loses each policy that the list does not name, also those made elsewhere.",
)
rule(
    "conflict",
    "warning",
    "any-change",
    "One resource removes a policy or attachment that another one keeps, or makes.",
    "IAM knows one attachment of a policy to a role, and one inline policy of a name: who "
    "takes it away takes it from every resource that made it. Use a `moved` block where a "
    "resource has only another address. A role that is replaced comes back without what the "
    "plan leaves alone; name it by `aws_iam_role.NAME.id`, which is only known after apply, so "
    "that the plan makes that anew, too.",
)


def check(context: Context) -> Iterator[Finding]:
    """Yield what is wrong with what is attached, and what is removed though it is to stay."""
    for name, principal in context.principals.items():
        yield from _managed(principal, context.effective.by_principal[name], context)
    yield from _removals(context)


def _managed(
    principal: PrincipalChange, has: PrincipalPolicies, context: Context
) -> Iterator[Finding]:
    managed = [key for key in has.after if is_managed(key)]
    others = {
        key: read.judged
        for key, read in has.after.items()
        if key not in managed and read.judged and concerns_plugin(read.judged)
    }
    verdict = _undoes(list(others.values()), context) if managed and others else "no new access"
    if verdict != "no new access":
        stays = all(has.before.get(key) == has.after[key] for key in (*managed, *others))
        undoes = "undoes" if verdict == "new access" else "may undo"
        yield finding(
            "managed-policy-attached",
            f"{CNI_POLICY} is attached to {principal.name} beside {', '.join(others)}, "
            f"which it {undoes}{', as before' if stays else ''}",
            principal.name,
            level="note" if stays else "error",
        )
    elif managed and principal.type == "role":
        yield from _on_nodes(principal, has, managed, context)


def _undoes(others: list[Policy], context: Context) -> Verdict:
    """Say whether the managed policy allows an action of others where they do not allow it."""
    allowing = [s for policy in others for s in policy.statements if s.effect == "Allow"]
    shared = [
        replace(statement, actions=actions)
        for statement in managed_policy().statements
        if (actions := tuple(a for a in statement.actions if any(s.is_about(a) for s in allowing)))
    ]
    together = [*others, Policy(tuple(shared))]
    return new_access(others, together, context.budget.answer()).verdict


def _on_nodes(
    principal: PrincipalChange, has: PrincipalPolicies, managed: list[str], context: Context
) -> Iterator[Finding]:
    """Yield that the managed policy is on a role of nodes, or may be."""
    text = f"{CNI_POLICY} is attached to {principal.name}, "
    level: Level | None = None
    scoped = [
        other.name
        for other in context.principals.values()
        if other.concerns_plugin
        and not _is_node_role(other.name, context.effective.by_principal[other.name], context)
    ]
    if _is_node_role(principal.name, has, context):
        text += "the role of nodes"
        if scoped:
            text += f", though the plugin has its own: {first_of(sorted(scoped), 1)}"
        if all(key in has.before for key in managed) and not _gets_own_role(scoped, context):
            text += ", as before"
            level = "note"
    elif has.trust is None or has.trust.state.policy is None:
        text += "which may be the role of nodes: the plan does not say who may assume it"
        level = "note"
    else:
        return
    yield finding("managed-policy-attached", text, principal.name, level=level)


def _gets_own_role(scoped: list[str], context: Context) -> bool:
    """Say whether the plan makes a role for the plugin, or gives it to aws-node."""
    identities = any(
        change.identity_changes and set(change.after.roles) & set(scoped)
        for _, change in context.clusters
    )
    return identities or not context.created.isdisjoint(scoped)


def _is_node_role(name: str, has: PrincipalPolicies, context: Context) -> bool:
    owners = context.owners
    if name in {role for _, role in owners.roles("aws_eks_node_group", "node_role_arn")}:
        return True
    trusted = has.trust.judged if has.trust else None
    return bool(trusted and trust.trusts_service(trusted, NODES))


def _removals(context: Context) -> Iterator[Finding]:
    for removal in context.effective.removals:
        resource = removal.item.slot.resource
        owner = context.principals.get(removal.owner)
        means: list[Meaning] = ["any-change"]
        if owner and owner.concerns_plugin:
            means.append("coverage-lost")
        if removal.denies or may_gain_access(owner):
            means.append("new-access")
        yield finding(
            removal.rule,
            removal.message,
            resource.address,
            attribute=removal.item.slot.attribute,
            means=tuple(means),
        )
