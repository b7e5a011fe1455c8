"""What keeps the nodes of a cluster from their role, or pods on them from theirs.

Sources: Amazon EKS User Guide, "Amazon EKS node IAM role" and "Set up the Amazon EKS Pod Identity
Agent"; Amazon EC2 User Guide, "IAM roles for Amazon EC2".
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.inputs.plan.arguments import NODE_GROUP
from vpc_cni_iam.plugin.cluster import EksCluster
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.review.account.iam_resource import IamResource, Named, Unresolved
from vpc_cni_iam.review.account.plugin.state import ClusterPlugin, PluginIdentity
from vpc_cni_iam.review.account.uses import UseKind
from vpc_cni_iam.review.context import Context, fact
from vpc_cni_iam.review.diff.permissions import permissions
from vpc_cni_iam.review.diff.plugin.assuming import is_trusted
from vpc_cni_iam.review.diff.plugin.roles import has_plugin_policy
from vpc_cni_iam.review.diff.uses import use_changes

AGENT_ACTION = "eks-auth:AssumeRoleForPodIdentity"


class NodeLoss(Enum):
    """What nodes lose."""

    REFUSED = "refused"  # EC2 cannot assume their role
    AGENT_DENIED = "agent denied"  # their role does not allow what the agent of Pod Identity calls
    NO_ROLE = "no role"  # what launches them no longer gives them one


class NodesLost(Struct, frozen=True):
    """Nodes that newly have no role, or whose role newly does not do for aws-node."""

    loss: NodeLoss
    role: IamResource
    cluster: EksCluster = EksCluster()  # without a name where the plan does not say it
    workload: str = ""  # what no longer gives instances the role


@fact
def nodes_lost(context: Context) -> tuple[NodesLost, ...]:
    """Return what a plan takes from nodes, or newly does not give them."""
    return tuple(_nodes_lost(context))


def _nodes_lost(context: Context) -> Iterator[NodesLost]:
    for plugin in (p for p in context.plugins if not p.is_deleted):
        after, cluster = plugin.after, plugin.after.cluster
        assumed = [r for r in after.identity.assumed if not isinstance(r, Unresolved)]
        is_served = after.identity.kind is Identity.pod_identity and bool(assumed)
        for role in sorted(after.node_roles, key=str):
            if _is_refused(role, plugin, context):
                yield NodesLost(NodeLoss.REFUSED, role, cluster)
            if is_served and _is_denied(role, plugin, context):
                yield NodesLost(NodeLoss.AGENT_DENIED, role, cluster)
    if any(plugin.after.identity.kind.is_of_service_account for plugin in context.plugins):
        return
    for change in use_changes(context):
        is_gone = change.kind is UseKind.INSTANCES and not change.after
        for old in change.before if is_gone and change.resource_type != NODE_GROUP else ():
            if has_plugin_policy(context, old):
                yield NodesLost(NodeLoss.NO_ROLE, old, workload=change.workload)


def _is_refused(role: IamResource, plugin: ClusterPlugin, context: Context) -> bool:
    """Say whether EC2 newly cannot assume a role of nodes; else aws-node's own role says it."""
    if plugin.after.identity.kind is Identity.node_role and role in plugin.before.node_roles:
        return False
    old, new = (_lets_nodes(role, plugin, side, context) for side in Side)
    return new is False and (old is not False or role not in plugin.before.node_roles)


def _lets_nodes(
    role: IamResource, plugin: ClusterPlugin, side: Side, context: Context
) -> bool | None:
    identity = PluginIdentity(Identity.node_role, frozenset({role}))
    before, after = (replace(state, identity=identity) for state in plugin.states)
    return is_trusted(replace(plugin, before=before, after=after), role, side, context)


def _is_denied(role: IamResource, plugin: ClusterPlugin, context: Context) -> bool:
    """Say whether a role of nodes newly does not allow what the agent of Pod Identity calls."""
    before = plugin.before
    had = before.identity.kind is Identity.pod_identity and role in before.node_roles
    old, new = (_may_serve_pods(role, side, context) for side in Side)
    # Of a role that is not in the plan, other policies are not shown.
    is_known = not isinstance(role, Named) or old
    return not new and bool(old or not had) and is_known


def _may_serve_pods(role: IamResource, side: Side, context: Context) -> bool:
    """Say whether a role allows what the agent calls, as far as is known, for some cluster."""
    account = context.accounts.sides[side is Side.AFTER]
    allowed = permissions(account, role)
    is_open = any(grant.is_open for grant in account.policies(role).values())
    layers = [(allowed.policies, is_open), *((limit, False) for limit in allowed.limits)]
    return all(is_open or _allows(layer) for layer, is_open in layers) and not any(
        s.effect == "Deny" and s.is_about(AGENT_ACTION) and not s.conditions and "*" in s.resources
        for policy in allowed.every
        for s in policy.statements
    )


def _allows(policies: tuple[Policy, ...]) -> bool:
    statements = (s for policy in policies for s in policy.only("Allow").statements)
    return any(statement.is_about(AGENT_ACTION) for statement in statements)
