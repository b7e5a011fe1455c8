"""What is wrong with the policies of the plugin's roles, and of the roles of nodes."""

from __future__ import annotations

from collections.abc import Collection, Iterator

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
from vpc_cni_iam.review.account.plugin.policy import concerns_plugin
from vpc_cni_iam.review.account.plugin.state import ClusterPlugin, PluginState
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.needs import PluginNeeds, RoleNeeds, written_at
from vpc_cni_iam.review.diff.other_places import OtherPlace, other_places
from vpc_cni_iam.review.diff.plugin_answers import is_deleted
from vpc_cni_iam.review.diff.plugin_roles import (
    callers,
    has_plugin_policy,
    is_of_nodes,
    roles_of_clusters,
)
from vpc_cni_iam.review.diff.trust.flaws import flaws
from vpc_cni_iam.review.diff.trust.roles import lets_plugin, names_plugin, trust_of
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
    is_known: bool  # False: the plan does not say who can assume the role
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
    is_certain: bool  # False: a condition decides that the plan does not
    cluster: EksCluster | None = None  # None for aws-node of any cluster


def check(context: Context) -> Iterator[Finding]:
    """Yield what is wrong with roles of the plugin and of nodes."""
    for needs in context.plugin_needs:
        if needs.cluster is not None and not is_deleted(needs.cluster):
            for role in needs.roles:
                yield from _elsewhere(role, needs, context)
    roles = _Roles(_node_roles(context), tuple(_own_roles(context)))
    for owner in context.accounts.after.grants:
        if owner not in context.accounts.deleted:
            yield from _managed(owner, roles, context)
    for plugin in context.plugins:
        yield from _refused(plugin, context)
    of_clusters = roles_of_clusters(context)
    for owner in context.accounts.after.grants:
        if owner not in of_clusters and owner not in context.accounts.deleted:
            yield from _kept_out(owner, context)
    yield from _controller(context)


def _elsewhere(role: RoleNeeds, needs: PluginNeeds, context: Context) -> Iterator[Finding]:
    """Yield for which other place the policies of a role of aws-node are."""
    before, after = (account.policies(role.role) for account in context.accounts.sides)
    for place in other_places(after.values(), needs.after):
        stays = not (role.is_changed and before != after)
        # Of a policy that is new, what aws-node cannot call in its cluster or VPC is said.
        if stays or not place.kind.decides_calls:
            evidence = PolicyElsewhere(role.role, place, stays)
            level = Level.NOTE if stays else Level.WARNING
            yield finding(
                Rule.POLICY_ELSEWHERE,
                evidence,
                address_of(role.role),
                subject=role.role,
                level=level,
            )


class _Roles(Struct, frozen=True):
    """The roles of nodes in clusters, and the plugin's others."""

    nodes: frozenset[IamResource]
    own: tuple[IamResource, ...]


def _managed(owner: IamResource, roles: _Roles, context: Context) -> Iterator[Finding]:
    """Yield that AmazonEKS_CNI_Policy is beside a scoped policy, or on a role of nodes."""
    before, after = (account.policies(owner) for account in context.accounts.sides)
    managed = [key for key, grant in after.items() if _is_of_aws(grant, CNI_POLICY)]
    if not managed:
        return
    others = {
        key: grant
        for key, grant in after.items()
        if key not in managed and any(map(concerns_plugin, known_policies([grant])))
    }
    answer = _undone(known_policies(others.values()), context) if others else NoNewAccess()
    if isinstance(answer, NoNewAccess):
        was_attached = all(key in before for key in managed)
        evidence, level = _on_nodes(owner, roles, context, was_attached=was_attached)
    else:
        both = (*managed, *others)
        stays = all(k in before and before[k].content == after[k].content for k in both)
        places = tuple(map(written_at, others.values()))
        evidence = ManagedBeside(owner, places, isinstance(answer, NewAccess), stays)
        level = Level.NOTE if stays else Level.ERROR
    if evidence is not None:
        address = address_of(owner) or after[managed[0]].address
        yield finding(Rule.MANAGED_ATTACHED, evidence, address, subject=owner, level=level)


def _on_nodes(
    owner: IamResource, roles: _Roles, context: Context, *, was_attached: bool
) -> tuple[ManagedBeside | ManagedOnNodes | None, Level]:
    """Return what the managed policy is on the role of nodes; None on another role."""
    is_shown = trust_of(context, owner, Side.AFTER) is not None
    is_known = owner in roles.nodes or is_of_nodes(context, owner, alone=False)
    if not is_known and (is_shown or not _is_role(owner, context)):
        return None, Level.NOTE
    own = tuple(role for role in roles.own if role != owner)
    stays = was_attached and not _gets(own, context)
    level = Level.WARNING if is_known and not stays else Level.NOTE
    return ManagedOnNodes(owner, is_known, own, stays), level


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


def _node_roles(context: Context) -> frozenset[IamResource]:
    states = (state for plugin in context.plugins for state in plugin.states)
    return frozenset(role for state in states for role in state.node_roles)


def _own_roles(context: Context) -> list[IamResource]:
    """Return the roles that the plugin has after, and nodes have not."""
    nodes = _node_roles(context)
    roles = dict.fromkeys(role.role for needs in context.plugin_needs for role in needs.roles)
    return [
        role
        for role in roles
        if role not in nodes
        and not is_of_nodes(context, role, alone=False)
        and _is_role(role, context)
    ]


def _gets(roles: Collection[IamResource], context: Context) -> bool:
    """Say whether the plan makes a role for the plugin, or gives it to aws-node."""
    new_roles = {
        role
        for plugin in context.plugins
        if plugin.before.identity.roles != plugin.after.identity.roles
        for role in plugin.after.identity.roles
    }
    return any(role in new_roles or role in context.accounts.created for role in roles)


def _refused(plugin: ClusterPlugin, context: Context) -> Iterator[Finding]:
    """Yield that aws-node of a cluster can no longer assume the role that it keeps."""
    before, after = plugin.states
    kind, tags = after.identity.kind, after.identity.has_session_tags
    if is_deleted(plugin) or kind is not before.identity.kind:
        return
    for role in sorted(after.identity.assumed & before.identity.assumed, key=str):
        old, new = (trust_of(context, role, side) for side in Side)
        if old is None or new is None or old == new:
            continue
        was_let = lets_plugin(old, before, tags=before.identity.has_session_tags)
        is_let = lets_plugin(new, after, tags=tags)
        is_refused = is_let is False and was_let is not False
        if is_refused or (was_let and is_let is None and not new.holes()):
            yield _trust_lost(role, (kind,), is_certain=is_refused, cluster=after.cluster)


def _kept_out(owner: IamResource, context: Context) -> Iterator[Finding]:
    """Yield that aws-node can no longer assume a role of the plugin, or perhaps no longer."""
    trusts = [trust_of(context, owner, side) for side in Side]
    if trusts[0] is None or trusts[1] is None or trusts[0] == trusts[1]:
        return
    if not (names_plugin(trusts[0]) or has_plugin_policy(context, owner)):
        return
    ways, is_certain = _ways_lost(owner, context)
    # That tokens have another issuer is a finding of its own.
    if ways and not (
        is_certain
        and any(flaw.rule is Rule.IRSA_ISSUER for flaw in flaws(trusts[1], for_plugin=True))
    ):
        yield _trust_lost(owner, ways, is_certain=is_certain)


def _ways_lost(owner: IamResource, context: Context) -> tuple[tuple[Identity, ...], bool]:
    """Return by what aws-node can no longer assume a role, and whether that is certain."""
    old, new = (callers(context, owner, side) for side in Side)
    # One way may take the place of another one; another cluster's provider does not.
    ways = {caller.identity for caller in old or ()}
    if not old or new is None or any(caller.identity not in ways for caller in new):
        return (), False
    if not old & new:
        return in_order(ways), True
    certain = [callers(context, owner, side, certain=True) for side in Side]
    return (in_order(ways) if certain[0] and not certain[1] else ()), False


def _trust_lost(
    role: IamResource,
    ways: tuple[Identity, ...],
    *,
    is_certain: bool,
    cluster: EksCluster | None = None,
) -> Finding:
    evidence = TrustLost(role, ways, is_certain, cluster)
    level = Level.ERROR if is_certain else Level.WARNING
    return finding(Rule.COVERAGE_LOST, evidence, address_of(role), subject=role, level=level)


def _controller(context: Context) -> Iterator[Finding]:
    """Yield which roles of clusters lack what security groups for pods need."""
    switched = [p for p in context.plugins if _is_on(p.after) and not is_deleted(p)]
    clusters = tuple(plugin.after.cluster for plugin in switched)
    for owner, grants in context.accounts.before.grants.items() if switched else ():
        gone = [g for key, g in grants.items() if key not in context.accounts.after.of(owner)]
        removed = [g for g in gone if _is_of_aws(g, RESOURCE_CONTROLLER)]
        if removed and owner not in context.accounts.deleted and _lacks(owner, context):
            evidence = ControllerMissing(owner, clusters, is_removed=True)
            address, level = removed[0].address, Level.WARNING
            yield finding(Rule.COVERAGE_LOST, evidence, address, subject=owner, level=level)
    for plugin in switched:
        if plugin.resource is None or _is_on(plugin.before):
            continue
        named = context.filler.resolver.named_by(plugin.resource, "role_arn", ROLE, Side.AFTER)
        for owner in map(context.filler.owner, named):
            is_shown = bool(context.accounts.after.policies(owner))
            if is_shown and _lacks(owner, context):
                evidence = ControllerMissing(owner, (plugin.after.cluster,), is_removed=False)
                address, level = address_of(owner), Level.WARNING
                yield finding(
                    Rule.PERMISSION_MISSING, evidence, address, subject=owner, level=level
                )


def _lacks(owner: IamResource, context: Context) -> bool:
    """Say whether the policies of a cluster's role do not allow what the controller does."""
    grants = context.accounts.after.policies(owner).values()
    policies = known_policies(grants)
    added = (*policies, managed_policy(RESOURCE_CONTROLLER))
    is_covered = isinstance(context.proofs.prove(policies, added), NoNewAccess)
    return not (is_covered or any(grant.is_open for grant in grants))


def _is_on(state: PluginState) -> bool:
    return state.setup.settings.is_on("ENABLE_POD_ENI")


def address_of(owner: IamResource) -> str:
    """Return the address of a principal of the plan, empty for another."""
    return owner.address if isinstance(owner, InPlan) else ""
