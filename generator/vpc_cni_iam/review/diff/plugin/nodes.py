"""Whether node roles and cluster roles still allow what pods with the plugin need.

Sources: Amazon EKS User Guide, "Amazon EKS node IAM role", "Set up the Amazon EKS Pod Identity
Agent" and "Assign security groups to individual Pods"; Amazon EC2 User Guide, "IAM roles for Amazon
EC2".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.documents import RESOURCE_CONTROLLER, managed_policy
from vpc_cni_iam.catalog.facts.node_needs import OF_EACH_NODE, NodeNeed
from vpc_cni_iam.coverage.judge.nodes import NodeDenial, has_policy_of_eks, node_denials
from vpc_cni_iam.coverage.judge.verdict import Verdict
from vpc_cni_iam.inputs.plan.account.grants import known_policies
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource, InPlan, Named, Unresolved
from vpc_cni_iam.inputs.plan.arguments import NODE_GROUP, ROLE, TEMPLATE
from vpc_cni_iam.inputs.plan.plugin.policy import is_of_aws
from vpc_cni_iam.inputs.plan.plugin.state import ClusterPlugin, PluginIdentity, PluginState
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.values import read, scalar
from vpc_cni_iam.plugin.cluster import ANY_CLUSTER, EksCluster
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.policy.proof.answer import NoNewAccess
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Known
from vpc_cni_iam.review.context import Context, facts
from vpc_cni_iam.review.diff.plugin.identity import is_trusted
from vpc_cni_iam.review.diff.plugin.node_roles import node_role_changes
from vpc_cni_iam.review.diff.plugin.roles import (
    access_of,
    has_plugin_policy,
    is_of_nodes,
    roles_of_plugin,
)


class NodeLoss(Enum):
    """What nodes lose, besides what their role does not allow."""

    REFUSED = "refused"  # EC2 cannot assume their role
    NO_ROLE = "no role"  # the resource that launches them no longer gives them a role


class NodesLost(Struct, frozen=True):
    """Nodes that have no role, or a role that is not sufficient for aws-node."""

    loss: NodeLoss | NodeNeed
    role: IamResource
    cluster: EksCluster = EksCluster()  # without a name if the plan does not show it
    workload: str = ""  # the resource that no longer gives instances the role
    actions: tuple[str, ...] = ()  # what the role does not allow
    verdict: Verdict = Verdict.fails  # or unknown
    is_as_before: bool = False


class MetadataClosed(Struct, frozen=True):
    """Nodes of a group newly have no instance metadata, which ipamd reads at start.

    Source: aws/amazon-vpc-cni-k8s, pkg/awsutils: ipamd reads the instance ID from the metadata.
    """

    group: str
    template: str


class ControllerMissing(Struct, frozen=True):
    """A cluster's role does not allow what security groups for pods need, which are enabled."""

    role: IamResource
    clusters: tuple[EksCluster, ...]  # those that enable them
    is_removed: bool  # whether the plan removes it
    address: str = ""  # of the attachment that the plan removes


@facts
def nodes_lost(context: Context) -> Iterator[NodesLost]:
    """Yield what nodes lack after a plan."""
    for plugin in (p for p in context.plugins if not p.is_deleted):
        yield from _of_cluster(plugin, context)
    for role in roles_of_plugin(context):
        sides = (access_of(context, role, PluginIdentity(), side).in_account for side in Side)
        is_of_eks = any(map(has_policy_of_eks, sides))
        if is_of_eks and is_of_nodes(context, role, alone=True):
            yield from _denied(context, role, [role], OF_EACH_NODE)
    for change in node_role_changes(context):
        is_gone = not change.after and change.resource_type != NODE_GROUP
        for old in change.before if is_gone else ():
            if has_plugin_policy(context, old):
                yield NodesLost(NodeLoss.NO_ROLE, old, workload=change.address)


def _of_cluster(plugin: ClusterPlugin, context: Context) -> Iterator[NodesLost]:
    before, after = plugin.states
    assumed = [r for r in after.identity.assumed if not isinstance(r, Unresolved)]
    is_served = after.identity.kind is Identity.pod_identity and bool(assumed)
    for role in sorted(after.node_roles, key=str):
        if _is_refused(role, plugin, context):
            yield NodesLost(NodeLoss.REFUSED, role, after.cluster)
        had = [role] if role in before.node_roles else before.node_roles
        if is_served:
            own = had if before.identity.kind is Identity.pod_identity else ()
            yield from _denied(context, role, own, (NodeNeed.agent,), after.cluster)
        yield from _denied(context, role, had, OF_EACH_NODE, after.cluster)


@facts
def metadata_closed(context: Context) -> Iterator[MetadataClosed]:
    """Yield the node groups whose launch template newly disables the instance metadata."""
    path, closed = "metadata_options.*.http_endpoint", Known("disabled")
    groups = (r for r in context.reader.resources if r.type == NODE_GROUP and r.after is not None)
    for group in groups:
        old, new = (
            [t for t in _templates(group, side, context) if scalar(t, path, side) == closed]
            for side in Side
        )
        yield from (MetadataClosed(group.address, t.address) for t in new if not old)


def _templates(group: Resource, side: Side, context: Context) -> Iterator[Resource]:
    """Yield the launch templates of the plan that a node group names."""
    for placed in read(group, "launch_template.*", side):
        for template in context.node_roles.named(group, placed, TEMPLATE, side):
            if isinstance(template, InPlan):
                yield context.reader.resolver.by_address[template.address]


def _is_refused(role: IamResource, plugin: ClusterPlugin, context: Context) -> bool:
    """Return whether EC2 newly cannot assume a node role; not if the role is also aws-node's."""
    identity = PluginIdentity(Identity.node_role, frozenset({role}))
    before, after = (replace(state, identity=identity) for state in plugin.states)
    nodes = replace(plugin, before=before, after=after)
    old, new = (is_trusted(nodes, role, side, context) for side in Side)
    is_own = all(state.identity.kind is Identity.node_role for state in plugin.states)
    return new is False and not (role in plugin.before.node_roles and (is_own or old is False))


def _denied(
    context: Context,
    role: IamResource,
    before: Iterable[IamResource],
    needs: Sequence[NodeNeed],
    cluster: EksCluster = ANY_CLUSTER,
) -> Iterator[NodesLost]:
    """Yield what nodes cannot do with their role; `before`: the roles that they had."""

    def denials(each: IamResource, side: Side) -> dict[NodeNeed, NodeDenial]:
        access = access_of(context, each, PluginIdentity(), side).in_account
        return {d.need: d for d in node_denials(access, needs, is_of_eks=True)}

    lacked, had = [denials(each, Side.BEFORE) for each in before], denials(role, Side.BEFORE)
    for need, denial in denials(role, Side.AFTER).items():
        # If the role is not in the plan, it may have other policies.
        if need not in had or not isinstance(role, Named):
            is_old = bool(lacked) and all(need in each for each in lacked)
            yield NodesLost(need, role, cluster, "", denial.actions, denial.verdict, is_old)


@facts
def controllers_missing(context: Context) -> Iterator[ControllerMissing]:
    """Yield the cluster roles that do not allow what the controller needs after the plan."""
    switched = [p for p in context.plugins if _is_on(p.after) and not p.is_deleted]
    clusters = tuple(plugin.after.cluster for plugin in switched)
    after = context.accounts.after
    for owner, grants in context.accounts.before.grants.items() if switched else ():
        gone = [g for key, g in grants.items() if key not in after.of(owner)]
        removed = [g for g in gone if is_of_aws(g, RESOURCE_CONTROLLER)]
        if removed and owner not in context.accounts.deleted and _lacks(owner, context):
            yield ControllerMissing(owner, clusters, True, removed[0].address)
    for plugin in switched:
        if plugin.resource is None or _is_on(plugin.before):
            continue
        for owner in context.reader.named_by(plugin.resource, "role_arn", ROLE, Side.AFTER):
            if after.policies(owner) and _lacks(owner, context):
                yield ControllerMissing(owner, (plugin.after.cluster,), False)


def _lacks(owner: IamResource, context: Context) -> bool:
    """Return whether the policies of a cluster's role do not allow the controller's calls."""
    grants = context.accounts.after.policies(owner).values()
    policies = known_policies(grants)
    added = (*policies, managed_policy(RESOURCE_CONTROLLER))
    is_covered = isinstance(context.proofs.prove(policies, added), NoNewAccess)
    return not (is_covered or any(grant.is_open for grant in grants))


def _is_on(state: PluginState) -> bool:
    return state.setup.settings.is_on("ENABLE_POD_ENI")
