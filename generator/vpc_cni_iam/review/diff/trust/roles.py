"""The trust policies of the roles of a plan."""

from __future__ import annotations

from vpc_cni_iam.account.grants import GrantPart
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource
from vpc_cni_iam.plugin import trust
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.review.context import Context


def trust_of(context: Context, role: IamResource, side: Side) -> Policy | None:
    """Return the trust policy of a role, also with holes; None if the plan does not show it."""
    grant = context.accounts.on(side).one(role, GrantPart.TRUST)
    return grant.document.policy if grant and grant.document else None


def names_plugin(policy: Policy) -> bool:
    """Return whether a trust policy names the plugin's service account."""
    return not trust.is_too_large(policy) and trust.names_plugin(policy)
