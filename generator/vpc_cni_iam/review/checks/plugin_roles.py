"""Roles of the plugin and of nodes: what they should not have, and who cannot assume them."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from vpc_cni_iam.catalog.facts.documents import CNI_POLICY, managed_policy
from vpc_cni_iam.inputs.plan.account.grants import known_policies
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource
from vpc_cni_iam.levels import Level
from vpc_cni_iam.plugin.mending import TrustFault
from vpc_cni_iam.policy.document import Policy, statements_of
from vpc_cni_iam.policy.proof.answer import Answer, NoNewAccess
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.review.checks.coverage import of_role
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.plugin.answers import plugin_answers
from vpc_cni_iam.review.diff.plugin.identity import IdentityEvent, is_less_trusted, is_trusted
from vpc_cni_iam.review.diff.plugin.nodes import controllers_missing
from vpc_cni_iam.review.diff.plugin.roles import TrustLost, is_of_nodes, node_roles, trust_lost
from vpc_cni_iam.review.diff.trust.providers import roles_without_provider
from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.plugin.policy import is_of_aws, is_of_plugin
from vpc_cni_iam.review.rules import Rule


class ManagedAttached(Struct, frozen=True):
    """AmazonEKS_CNI_Policy is on a role with a scoped policy, or on a node role."""

    role: IamResource
    beside: tuple[str, ...] = ()


class RoleRefused(Struct, frozen=True):
    """aws-node can never assume a role that is for aws-node, in no cluster."""

    role: IamResource
    fault: TrustFault | None


def check(context: Context) -> Iterator[Finding]:
    """Yield what is wrong with the plugin's roles and node roles, besides denied calls."""
    for owner in context.accounts.after.grants:
        if owner not in context.accounts.deleted:
            yield from _managed(owner, context)
    for lost in _not_trusted(context):
        level = Level.ERROR if lost.is_certain else Level.WARNING
        yield of_role(lost.role, Rule.COVERAGE_LOST, lost, context, level)
    for answer in plugin_answers(context):
        is_lone = not answer.needs.is_of_cluster and answer.reason is IdentityEvent.NOT_TRUSTED
        for role in answer.needs.plugin.after.identity.roles if is_lone else ():
            is_said = role in {*trust_lost(context)} | roles_without_provider(context)
            if not (answer.is_as_before or is_said):
                yield of_role(role, Rule.IDENTITY_LOST, RoleRefused(role, answer.fault), context)
    for missing in controllers_missing(context):
        rule = Rule.COVERAGE_LOST if missing.is_removed else Rule.PERMISSION_MISSING
        yield of_role(missing.role, rule, missing, context, Level.WARNING, missing.address)


def _managed(owner: IamResource, context: Context) -> Iterator[Finding]:
    """Yield roles with AmazonEKS_CNI_Policy and a scoped policy, and node roles with it."""
    before, after = (account.policies(owner) for account in context.accounts.sides)
    managed = [key for key, grant in after.items() if is_of_aws(grant, CNI_POLICY)]
    if not managed:
        return
    others = {k: grant for k, grant in after.items() if k not in managed and is_of_plugin(grant)}
    answer = _undone(known_policies(others.values()), context) if others else NoNewAccess()
    if not isinstance(answer, NoNewAccess):
        both = (*managed, *others)
        stays = all(k in before and before[k].content == after[k].content for k in both)
        evidence = ManagedAttached(owner, tuple(grant.written_at for grant in others.values()))
        level = Level.NOTE if stays else Level.ERROR
    elif owner in node_roles(context) or is_of_nodes(context, owner, alone=False):
        # Until pods have rolled to a role of their own, aws-node needs it.
        evidence, level = ManagedAttached(owner), Level.NOTE
    else:
        return
    yield of_role(owner, Rule.MANAGED_ATTACHED, evidence, context, level)


def _undone(others: tuple[Policy, ...], context: Context) -> Answer:
    """Return whether the managed policy allows an action of other policies where they do not."""
    allows = statements_of(others, "Allow")
    shared = managed_policy().with_actions(lambda action: any(s.is_about(action) for s in allows))
    return context.proofs.prove(others, (*others, shared))


def _not_trusted(context: Context) -> Iterator[TrustLost]:
    """Yield the roles that aws-node can or may no longer assume."""
    for plugin in (p for p in context.plugins if not p.is_deleted):
        for role in sorted(plugin.after.identity.chain, key=str):
            if is_less_trusted(plugin, role, context):
                is_certain = is_trusted(plugin, role, Side.AFTER, context) is False
                yield TrustLost(role, (plugin.after.identity.kind,), is_certain, plugin.after)
    yield from trust_lost(context).values()
