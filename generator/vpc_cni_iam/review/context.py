"""What the checks of a review look at: the account of a plan before and after."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from vpc_cni_iam.inputs.plan.reader import Plan
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.review.account.collect import PlanPolicies
from vpc_cni_iam.review.account.effective import EffectivePolicies
from vpc_cni_iam.review.account.owners import Owners
from vpc_cni_iam.review.account.plugin import ClusterPlugin
from vpc_cni_iam.review.diff.changes import Change, Place, PrincipalChange
from vpc_cni_iam.review.diff.coverage import ReviewTarget
from vpc_cni_iam.review.diff.plugin import ClusterChange


class Context(Struct, frozen=True):
    """Everything that a check may look at."""

    plan: Plan
    policies: PlanPolicies  # its policies, and who has them
    effective: EffectivePolicies  # what each role, user and group has before and after
    changes: tuple[Change, ...]  # what the plan does to each policy
    principals: Mapping[str, PrincipalChange]  # roles, users and groups by name
    # The plugin in each cluster: what the plan says of it, and what comes of it.
    clusters: tuple[tuple[ClusterPlugin, ClusterChange], ...]
    places: Mapping[str, Place | None]  # where resources are written, by address
    target: ReviewTarget  # for what the user asks
    budget: Budget  # what the proofs of the review may cost
    created: frozenset[str]  # the addresses of roles, users and groups that the plan creates
    unseen: int  # how many new roles may have inline policies that the plan does not show

    @property
    def owners(self) -> Owners:
        """Its roles, users and groups."""
        return self.policies.owners
