"""What is wrong with the policies of the plugin's roles, and of the roles of nodes."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.documents import CNI_POLICY, managed_policy
from vpc_cni_iam.inputs.plan.arguments import ROLE
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess
from vpc_cni_iam.policy.template import Side, known
from vpc_cni_iam.review.account.grants import known_policies
from vpc_cni_iam.review.account.iam_resource import IamResource, InPlan, Named
from vpc_cni_iam.review.account.plugin.policy import is_of_aws, is_of_plugin
from vpc_cni_iam.review.account.plugin.state import ClusterPlugin
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.plugin.identity import is_less_trusted, is_trusted
from vpc_cni_iam.review.diff.plugin.needs import plugin_needs
from vpc_cni_iam.review.diff.plugin.nodes import controllers_missing
from vpc_cni_iam.review.diff.plugin.roles import (
    TrustLost,
    address_of,
    is_of_nodes,
    trust_lost,
)
from vpc_cni_iam.review.diff.trust.flaws import flaws
from vpc_cni_iam.review.diff.trust.roles import trust_of
from vpc_cni_iam.review.findings import Finding, finding
from vpc_cni_iam.review.rules import Level, Rule


class ManagedBeside(Struct, frozen=True):
    """AmazonEKS_CNI_Policy is on a role beside a scoped policy, which it undoes."""

    role: IamResource
    beside: tuple[str, ...]
    is_proven: bool
    stays: bool


class ManagedOnNodes(Struct, frozen=True):
    """AmazonEKS_CNI_Policy is on a role of nodes."""

    role: IamResource
    own_roles: tuple[IamResource, ...]  # the roles that the plugin has besides
    stays: bool


# By whether it is certain that aws-node can no longer assume its role.
_LEVELS = {True: Level.ERROR, False: Level.WARNING}


def check(context: Context) -> Iterator[Finding]:
    """Yield what is wrong with roles of the plugin and of nodes."""
    roles = _roles(context)
    for owner in context.accounts.after.grants:
        if owner not in context.accounts.deleted:
            yield from _managed(owner, roles, context)
    yield from _kept_out(context)
    for plugin in context.plugins:
        yield from _refused(plugin, context)
    yield from _controller(context)


class _RolesOfPlan(Struct, frozen=True):
    """The roles of nodes in clusters, and those that the plugin has and nodes have not."""

    nodes: frozenset[IamResource]
    own: tuple[IamResource, ...]
    are_new: bool  # whether the plan makes one of its own, or gives one to aws-node


def _roles(context: Context) -> _RolesOfPlan:
    states = [plugin.states for plugin in context.plugins]
    nodes = frozenset(role for pair in states for state in pair for role in state.node_roles)
    roles = dict.fromkeys(role.role for needs in plugin_needs(context) for role in needs.roles)
    own = tuple(
        role
        for role in roles
        if role not in nodes
        and not is_of_nodes(context, role, alone=False)
        and _is_role(role, context)
    )
    before, after = (
        {role for pair in states for role in pair[side].identity.roles} for side in (0, 1)
    )
    new = (after - before) | context.accounts.created
    return _RolesOfPlan(nodes, own, not new.isdisjoint(own))


def _managed(owner: IamResource, roles: _RolesOfPlan, context: Context) -> Iterator[Finding]:
    """Yield that AmazonEKS_CNI_Policy is beside a scoped policy, or on a role of nodes."""
    before, after = (account.policies(owner) for account in context.accounts.sides)
    managed = [key for key, grant in after.items() if is_of_aws(grant, CNI_POLICY)]
    if not managed:
        return
    others = {k: grant for k, grant in after.items() if k not in managed and is_of_plugin(grant)}
    answer = _undone(known_policies(others.values()), context) if others else NoNewAccess()
    evidence: ManagedBeside | ManagedOnNodes
    if not isinstance(answer, NoNewAccess):
        both = (*managed, *others)
        stays = all(k in before and before[k].content == after[k].content for k in both)
        places = tuple(grant.written_at for grant in others.values())
        evidence = ManagedBeside(owner, places, isinstance(answer, NewAccess), stays)
    elif owner in roles.nodes or is_of_nodes(context, owner, alone=False):
        stays = all(key in before for key in managed) and not roles.are_new
        evidence = ManagedOnNodes(owner, roles.own, stays)
    else:
        return
    level = Level.ERROR if isinstance(evidence, ManagedBeside) else Level.WARNING
    level = Level.NOTE if evidence.stays else level
    address = address_of(context, owner)
    yield finding(Rule.MANAGED_ATTACHED, evidence, address, subject=owner, level=level)


def _undone(others: tuple[Policy, ...], context: Context) -> Answer:
    """Say whether the managed policy allows an action of others where they do not allow it."""
    allowing = [s for policy in others for s in policy.statements if s.effect == "Allow"]
    shared = tuple(
        replace(statement, actions=actions)
        for statement in managed_policy().statements
        if (
            actions := tuple(
                a for a in known(statement.actions) if any(s.is_about(a) for s in allowing)
            )
        )
    )
    return context.proofs.prove(others, (*others, Policy(shared)))


def _is_role(owner: IamResource, context: Context) -> bool:
    if isinstance(owner, InPlan):
        return context.filler.resolver.by_address[owner.address].type == ROLE
    return isinstance(owner, Named) and owner.kind == ROLE


def _refused(plugin: ClusterPlugin, context: Context) -> Iterator[Finding]:
    """Yield that aws-node of a cluster can, or may, no longer assume the role that it keeps."""
    after = plugin.after
    for role in () if plugin.is_deleted else sorted(after.identity.chain, key=str):
        if is_less_trusted(plugin, role, context):
            is_certain = is_trusted(plugin, role, Side.AFTER, context) is False
            evidence = TrustLost(role, (after.identity.kind,), is_certain, after)
            address, level = address_of(context, role), _LEVELS[is_certain]
            yield finding(Rule.COVERAGE_LOST, evidence, address, subject=role, level=level)


def _kept_out(context: Context) -> Iterator[Finding]:
    """Yield that aws-node can, or may, no longer assume a role of the plugin."""
    for owner, lost in trust_lost(context).items():
        after = trust_of(context, owner, Side.AFTER)
        # That tokens have another issuer is a finding of its own.
        of_issuer = lost.is_certain and after and flaws(after, for_plugin=True)
        if not any(flaw.rule is Rule.IRSA_ISSUER for flaw in of_issuer or ()):
            address, level = address_of(context, owner), _LEVELS[lost.is_certain]
            yield finding(Rule.COVERAGE_LOST, lost, address, subject=owner, level=level)


def _controller(context: Context) -> Iterator[Finding]:
    """Yield which roles of clusters lack what security groups for pods need."""
    for missing in controllers_missing(context):
        rule = Rule.COVERAGE_LOST if missing.is_removed else Rule.PERMISSION_MISSING
        address = missing.address or address_of(context, missing.role)
        yield finding(rule, missing, address, subject=missing.role, level=Level.WARNING)
