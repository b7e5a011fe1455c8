"""The trust policies of the roles of a plan, and whether aws-node can assume them."""

from __future__ import annotations

from typing import Protocol

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.plan.arguments import Part
from vpc_cni_iam.plugin import trust
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.plugin.trust import RoleTrust
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.review.account.documents import Document
from vpc_cni_iam.review.account.grants import Accounts
from vpc_cni_iam.review.account.iam_resource import IamResource
from vpc_cni_iam.review.account.plugin.state import PluginState


class HasAccounts(Protocol):
    """What has the accounts of a plan, as the context of a review does."""

    @property
    def accounts(self) -> Accounts:
        """The accounts before and after."""


def trust_of(context: HasAccounts, role: IamResource, side: Side) -> Policy | None:
    """Return the trust policy of a role; None where the plan does not show it.

    It may have holes, by which `lets_plugin` may be open.
    """
    account = context.accounts.after if side is Side.AFTER else context.accounts.before
    grant = account.one(role, Part.TRUST)
    return grant.content.policy if grant and isinstance(grant.content, Document) else None


def lets_plugin(policy: Policy, state: PluginState, *, tags: bool = True) -> bool | None:
    """Say whether aws-node of a cluster can assume a role of its own; None if not decided.

    Args:
        tags: Whether its sessions of EKS Pod Identity have tags.
    """
    identity = state.identity.kind
    if identity in (Identity.none, Identity.unknown) or trust.is_too_large(policy):
        return None
    try:
        of_account = RoleTrust(policy, f"arn::iam::{state.cluster.account}:")
        return of_account.lets(identity, state.cluster, tags=tags)
    except InputError:
        return None


def names_plugin(policy: Policy) -> bool:
    """Say whether a trust policy is for the plugin's service account by its name."""
    try:
        return not trust.is_too_large(policy) and trust.names_plugin(policy)
    except InputError:
        return False
