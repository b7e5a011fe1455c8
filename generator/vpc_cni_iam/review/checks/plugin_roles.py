"""What is wrong with the policies of the plugin's roles, and of the roles of nodes."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.documents import CNI_POLICY, RESOURCE_CONTROLLER, managed_policy
from vpc_cni_iam.inputs.plan.arguments import ROLE
from vpc_cni_iam.plugin.cluster import EksCluster
from vpc_cni_iam.plugin.identity import Identity, in_order
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess
from vpc_cni_iam.policy.template import Side, known
from vpc_cni_iam.review.account.grants import Grant, known_policies
from vpc_cni_iam.review.account.iam_resource import IamResource, InPlan, Named
from vpc_cni_iam.review.account.plugin.policy import is_of_plugin
from vpc_cni_iam.review.account.plugin.state import ClusterPlugin, PluginState
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.plugin.answers import is_less_trusted, is_trusted
from vpc_cni_iam.review.diff.plugin.needs import PluginNeeds, RoleNeeds, written_at
from vpc_cni_iam.review.diff.plugin.other_places import OtherPlace, other_places
from vpc_cni_iam.review.diff.plugin.roles import (
    address_of,
    callers,
    has_plugin_policy,
    is_of_nodes,
    roles_of_clusters,
)
from vpc_cni_iam.review.diff.trust.flaws import flaws
from vpc_cni_iam.review.diff.trust.roles import names_plugin, trust_of
from vpc_cni_iam.review.findings import Finding, finding
from vpc_cni_iam.review.rules import Level, Rule


class PolicyElsewhere(Struct, frozen=True):
    """The policies of aws-node's role are for another place than the one where it runs."""

    role: IamResource
    place: OtherPlace
    stays: bool


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


class ControllerMissing(Struct, frozen=True):
    """The role of a cluster lacks what security groups for pods need, which are switched on."""

    role: IamResource
    clusters: tuple[EksCluster, ...]  # those that switch them on
    is_removed: bool  # whether the plan takes it away


class TrustLost(Struct, frozen=True):
    """aws-node can no longer assume a role whose trust policy changes."""

    role: IamResource
    ways: tuple[Identity, ...]
    cluster: EksCluster = EksCluster()  # without a name for aws-node of any cluster
    is_certain: bool = True  # False: a condition decides it that the review does not know


# By whether it is certain that aws-node can no longer assume its role.
_LEVELS = {True: Level.ERROR, False: Level.WARNING}


def check(context: Context) -> Iterator[Finding]:
    """Yield what is wrong with roles of the plugin and of nodes."""
    for needs in context.plugin_needs:
        if needs.is_of_cluster and not needs.plugin.is_deleted:
            for role in needs.roles:
                yield from _elsewhere(role, needs, context)
    roles = _roles(context)
    of_clusters = roles_of_clusters(context)
    for owner in context.accounts.after.grants:
        if owner not in context.accounts.deleted:
            yield from _managed(owner, roles, context)
            if owner not in of_clusters:
                yield from _kept_out(owner, context)
    for plugin in context.plugins:
        yield from _refused(plugin, context)
    yield from _controller(context)


def _elsewhere(role: RoleNeeds, needs: PluginNeeds, context: Context) -> Iterator[Finding]:
    """Yield for which other place the policies of a role of aws-node are."""
    before, after = (account.policies(role.role) for account in context.accounts.sides)
    for place in other_places(after.values(), needs.after):
        stays = not (role.is_changed and before != after)
        # Of a policy that is new, what aws-node cannot call in its cluster or VPC is said.
        if stays or not place.kind.decides_calls:
            evidence = PolicyElsewhere(role.role, place, stays)
            address, level = address_of(context, role.role), Level.NOTE if stays else Level.WARNING
            yield finding(Rule.POLICY_ELSEWHERE, evidence, address, subject=role.role, level=level)


class _RolesOfPlan(Struct, frozen=True):
    """The roles of nodes in clusters, and those that the plugin has and nodes have not."""

    nodes: frozenset[IamResource]
    own: tuple[IamResource, ...]
    are_new: bool  # whether the plan makes one of its own, or gives one to aws-node


def _roles(context: Context) -> _RolesOfPlan:
    states = [plugin.states for plugin in context.plugins]
    nodes = frozenset(role for pair in states for state in pair for role in state.node_roles)
    roles = dict.fromkeys(role.role for needs in context.plugin_needs for role in needs.roles)
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
    managed = [key for key, grant in after.items() if _is_of_aws(grant, CNI_POLICY)]
    if not managed:
        return
    others = {k: grant for k, grant in after.items() if k not in managed and is_of_plugin(grant)}
    answer = _undone(known_policies(others.values()), context) if others else NoNewAccess()
    evidence: ManagedBeside | ManagedOnNodes
    if not isinstance(answer, NoNewAccess):
        both = (*managed, *others)
        stays = all(k in before and before[k].content == after[k].content for k in both)
        places = tuple(map(written_at, others.values()))
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


def _is_of_aws(grant: Grant, name: str) -> bool:
    policy = grant.policy
    if not isinstance(policy, Named) or policy.account != "aws":
        return False
    return policy.name.endswith(f":policy/{name}")


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
    for role in () if plugin.is_deleted else sorted(after.identity.assumed, key=str):
        if is_less_trusted(plugin, role, context):
            is_certain = is_trusted(plugin, role, Side.AFTER, context) is False
            evidence = TrustLost(role, (after.identity.kind,), after.cluster, is_certain)
            address, level = address_of(context, role), _LEVELS[is_certain]
            yield finding(Rule.COVERAGE_LOST, evidence, address, subject=role, level=level)


def _kept_out(owner: IamResource, context: Context) -> Iterator[Finding]:
    """Yield that aws-node can, or may, no longer assume a role of the plugin."""
    before, after = (trust_of(context, owner, side) for side in Side)
    if before is None or after is None or before == after:
        return
    if not (names_plugin(before) or has_plugin_policy(context, owner)):
        return
    ways, is_certain = _ways_lost(owner, context)
    # That tokens have another issuer is a finding of its own.
    is_said = is_certain and any(f.rule is Rule.IRSA_ISSUER for f in flaws(after, for_plugin=True))
    if ways and not is_said:
        evidence, level = TrustLost(owner, ways, is_certain=is_certain), _LEVELS[is_certain]
        address = address_of(context, owner)
        yield finding(Rule.COVERAGE_LOST, evidence, address, subject=owner, level=level)


def _ways_lost(owner: IamResource, context: Context) -> tuple[tuple[Identity, ...], bool]:
    """Return by what aws-node can no longer assume a role, and whether that is certain."""
    old, new = (callers(context, owner, side) for side in Side)
    ways = in_order(caller.identity for caller in old or ())
    # One way may take the place of another one; another cluster's provider does not.
    if not old or new is None or any(caller.identity not in ways for caller in new):
        return (), False
    if not old & new:
        return ways, True
    certain = [callers(context, owner, side, certain=True) for side in Side]
    return (ways if certain[0] and not certain[1] else ()), False


def _controller(context: Context) -> Iterator[Finding]:
    """Yield which roles of clusters lack what security groups for pods need."""
    switched = [p for p in context.plugins if _is_on(p.after) and not p.is_deleted]
    clusters = tuple(plugin.after.cluster for plugin in switched)
    after = context.accounts.after
    for owner, grants in context.accounts.before.grants.items() if switched else ():
        gone = [g for key, g in grants.items() if key not in after.of(owner)]
        removed = [g for g in gone if _is_of_aws(g, RESOURCE_CONTROLLER)]
        if removed and owner not in context.accounts.deleted and _lacks(owner, context):
            evidence = ControllerMissing(owner, clusters, is_removed=True)
            yield _of_controller(Rule.COVERAGE_LOST, evidence, removed[0].address)
    for plugin in switched:
        if plugin.resource is None or _is_on(plugin.before):
            continue
        for owner in context.filler.named_by(plugin.resource, "role_arn", ROLE, Side.AFTER):
            if after.policies(owner) and _lacks(owner, context):
                evidence = ControllerMissing(owner, (plugin.after.cluster,), is_removed=False)
                yield _of_controller(Rule.PERMISSION_MISSING, evidence, address_of(context, owner))


def _of_controller(rule: Rule, evidence: ControllerMissing, address: str) -> Finding:
    return finding(rule, evidence, address, subject=evidence.role, level=Level.WARNING)


def _lacks(owner: IamResource, context: Context) -> bool:
    """Say whether the policies of a cluster's role do not allow what the controller does."""
    grants = context.accounts.after.policies(owner).values()
    policies = known_policies(grants)
    added = (*policies, managed_policy(RESOURCE_CONTROLLER))
    is_covered = isinstance(context.proofs.prove(policies, added), NoNewAccess)
    return not (is_covered or any(grant.is_open for grant in grants))


def _is_on(state: PluginState) -> bool:
    return state.setup.settings.is_on("ENABLE_POD_ENI")
