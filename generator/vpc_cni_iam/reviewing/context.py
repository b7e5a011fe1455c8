"""What the checks of a review look at; each part is worked out once, when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from vpc_cni_iam.inputs.plan.reader import Plan, Resource
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.reviewing.account.cluster_access import access_entries
from vpc_cni_iam.reviewing.account.fill import Filler
from vpc_cni_iam.reviewing.account.grants import Accounts
from vpc_cni_iam.reviewing.account.iam_resource import IamResource
from vpc_cni_iam.reviewing.account.uses import Uses
from vpc_cni_iam.reviewing.diff.permissions import Proofs
from vpc_cni_iam.reviewing.diff.principals import PrincipalChange, principal_changes
from vpc_cni_iam.reviewing.diff.uses import RoleAccess, UseChange, use_changes
from vpc_cni_iam.reviewing.options import Options


class Context:
    """A plan as two accounts, and how they differ."""

    def __init__(self, plan: Plan, options: Options) -> None:
        self.plan, self.options = plan, options
        self.filler = Filler(plan)
        self.proofs = Proofs(Budget.of_many(len(self.filler.resources), self._characters()))

    def _characters(self) -> int:
        values = (
            v for r in self.filler.resources for s in (r.before, r.after) if s for v in s.values()
        )
        return sum(len(value) for value in values if isinstance(value, str))

    @property
    def accounts(self) -> Accounts:
        """The accounts before and after."""
        return self.filler.accounts

    @cached_property
    def _access_entries(self) -> Mapping[Side, Mapping[IamResource, tuple[Resource, ...]]]:
        return {side: access_entries(self.filler, side) for side in Side}

    def access_entries_of(self, role: IamResource, side: Side) -> tuple[Resource, ...]:
        """Return the access entries by which a role has access to a cluster on a side."""
        return self._access_entries[side].get(self.filler.owner(role), ())

    @cached_property
    def uses(self) -> Uses:
        """The roles that workloads and service accounts use."""
        return Uses(self.filler)

    @cached_property
    def role_access(self) -> RoleAccess:
        """How roles compare that take each other's place."""
        return RoleAccess(self.filler, self.proofs)

    @cached_property
    def use_changes(self) -> tuple[UseChange, ...]:
        """The workloads and service accounts whose roles change."""
        return tuple(use_changes(self.filler, self.uses, self.role_access))

    @cached_property
    def principals(self) -> tuple[PrincipalChange, ...]:
        """The principals whose policies change."""
        return tuple(principal_changes(self.accounts, self.proofs))
