"""Clusters whose role lacks what security groups for pods need, which are switched on.

Source: Amazon EKS User Guide, "Assign security groups to individual Pods".
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from vpc_cni_iam.catalog.facts.documents import RESOURCE_CONTROLLER, managed_policy
from vpc_cni_iam.inputs.plan.arguments import ROLE
from vpc_cni_iam.plugin.cluster import EksCluster
from vpc_cni_iam.policy.proof.answer import NoNewAccess
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.review.account.grants import known_policies
from vpc_cni_iam.review.account.iam_resource import IamResource
from vpc_cni_iam.review.account.plugin.policy import is_of_aws
from vpc_cni_iam.review.account.plugin.state import PluginState
from vpc_cni_iam.review.context import Context, fact


class ControllerMissing(Struct, frozen=True):
    """The role of a cluster lacks what security groups for pods need, which are switched on."""

    role: IamResource
    clusters: tuple[EksCluster, ...]  # those that switch them on
    is_removed: bool  # whether the plan takes it away
    address: str = ""  # of the attachment that the plan removes


@fact
def controllers_missing(context: Context) -> tuple[ControllerMissing, ...]:
    """Return the roles of clusters that the plan leaves without what the controller needs."""
    return tuple(_controllers_missing(context))


def _controllers_missing(context: Context) -> Iterator[ControllerMissing]:
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
        for owner in context.filler.named_by(plugin.resource, "role_arn", ROLE, Side.AFTER):
            if after.policies(owner) and _lacks(owner, context):
                yield ControllerMissing(owner, (plugin.after.cluster,), False)


def _lacks(owner: IamResource, context: Context) -> bool:
    """Say whether the policies of a cluster's role do not allow what the controller does."""
    grants = context.accounts.after.policies(owner).values()
    policies = known_policies(grants)
    added = (*policies, managed_policy(RESOURCE_CONTROLLER))
    is_covered = isinstance(context.proofs.prove(policies, added), NoNewAccess)
    return not (is_covered or any(grant.is_open for grant in grants))


def _is_on(state: PluginState) -> bool:
    return state.setup.settings.is_on("ENABLE_POD_ENI")
