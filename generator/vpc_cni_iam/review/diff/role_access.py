"""What roles allow within their limits, and whether a role allows more than the one it replaces."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping

from msgspec import Struct

from vpc_cni_iam.inputs.plan.arguments import ROLE, Part
from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.review.account.documents import Content, Document
from vpc_cni_iam.review.account.grants import Accounts, Grant, GrantKey, have_secrets
from vpc_cni_iam.review.account.iam_resource import IamResource, InPlan, Place, Unresolved
from vpc_cni_iam.review.context import Context, fact
from vpc_cni_iam.review.diff.harm import Gained, gained
from vpc_cni_iam.review.diff.permissions import Open, Permissions, Proofs, permissions
from vpc_cni_iam.review.diff.principal_tags import OF_SESSIONS, asked_tags
from vpc_cni_iam.review.diff.principals import Compared, GrantChange
from vpc_cni_iam.review.diff.reach import Reach, reach

NOT_SHOWN = NotProven(Open.NOT_SHOWN)
_SESSION = GrantKey(Part.PERMISSIONS, "session policy")


class RoleAccess(Struct, frozen=True):
    """What a role allows on one side, and what the plan does not show."""

    role: IamResource
    grants: Mapping[GrantKey, Grant]
    limits: tuple[Content, ...]  # its boundary, and session policies
    sessions: tuple[Content, ...]
    permissions: Permissions
    open_limits: frozenset[Hashable]  # the unknown limits
    is_in_plan: bool

    @property
    def open_policies(self) -> frozenset[Content]:
        """The policies with unknown content."""
        return frozenset(grant.content for grant in self.grants.values() if grant.is_open)

    @property
    def is_shown(self) -> bool:
        """Whether the plan shows all that the role allows."""
        return self.is_in_plan and not (self.open_policies or self.open_limits)


NO_ROLE = RoleAccess(
    Unresolved("", Side.BEFORE, ROLE), {}, (), (), Permissions(()), frozenset(), is_in_plan=True
)


class RoleComparison:
    """Compares roles that replace each other."""

    def __init__(self, accounts: Accounts, proofs: Proofs, place: Place) -> None:
        self._accounts, self._proofs, self._place = accounts, proofs, place

    def of(
        self,
        role: IamResource,
        side: Side,
        sessions: Collection[Content] = (),
        *,
        is_certain: bool = True,
    ) -> RoleAccess:
        """Return what a role allows on a side.

        Args:
            role: The role.
            side: The side.
            sessions: The session policies that may limit it.
            is_certain: Whether all of them do.
        """
        account = self._accounts.sides[side is Side.AFTER]
        boundary = account.one(role, Part.BOUNDARY)
        known = [each.policy for each in sessions if isinstance(each, Document) and is_certain]
        open_limits: list[Hashable] = [boundary.content] if boundary and boundary.is_open else []
        open_limits += [s for s in sessions if not (is_certain and isinstance(s, Document))]
        return RoleAccess(
            role,
            account.policies(role),
            (*([boundary.content] if boundary else ()), *sessions),
            tuple(sessions),
            permissions(account, role, known),
            frozenset(open_limits),
            isinstance(role, InPlan),
        )

    def compare(self, old: RoleAccess, new: RoleAccess) -> Answer:
        """Return whether a role allows more than another one."""
        if old.role == new.role and self.limits_more(old.sessions, new.sessions):
            return NoNewAccess()
        # With an unknown limit, a role allows at most what its policies do.
        same_open = old.open_policies == new.open_policies and old.open_limits <= new.open_limits
        if not (old.is_in_plan and new.is_in_plan and same_open):
            return NOT_SHOWN
        answer = self._proofs.compare(old.permissions, new.permissions)
        if old.open_policies:
            # Other policies may allow what a Deny of the old role blocked.
            denied_less = self._proofs.without_denies(old.permissions, new.permissions)
            if not isinstance(denied_less, NoNewAccess):
                return NOT_SHOWN
        is_open = new.open_limits or new.open_policies
        if isinstance(answer, NewAccess):
            return NOT_SHOWN if is_open else answer
        # Each role has separate tags; sessions of both get the tags of their cluster.
        asked = asked_tags((*old.permissions.every, *new.permissions.every))
        is_same = old.role == new.role or old is NO_ROLE
        by_tags = any(not tag.startswith(OF_SESSIONS) for tag in asked)
        return answer if is_same or not by_tags else NOT_SHOWN

    def limits_more(self, old: Collection[Content], new: Collection[Content]) -> bool:
        """Return whether session policies limit any role at least as much as others."""
        if not old or (set(old) == set(new) and len({*old}) == 1):
            return True
        policies = [[s.policy for s in each if isinstance(s, Document)] for each in (old, new)]
        if not all(len(each) == len(s) == 1 for each, s in zip(policies, (old, new), strict=True)):
            return False
        return isinstance(self._proofs.prove(*policies), NoNewAccess)

    def gained(
        self, old: Collection[RoleAccess], new: Collection[RoleAccess], answer: NewAccess
    ) -> Gained:
        """Return what roles newly allow instead of others."""
        before = [GrantChange(k, g, None) for role in old for k, g in role.grants.items()]
        after = [GrantChange(k, None, g) for role in new for k, g in role.grants.items()]
        limits = [
            GrantChange(_SESSION, Grant(role.role, _SESSION, limit, ""), None)
            for role in (*old, *new)
            for limit in role.limits
        ]
        # For the same roles, a session policy allows more.
        is_same = [each.role for each in old] == [each.role for each in new]
        changes = after if is_same else [*before, *after]
        every = (*before, *after, *limits)
        secrets = have_secrets(grant for change in every for grant in (change.before, change.after))
        replaced = Compared(every, _union(old), _union(new), secrets)
        return gained(replaced, changes, answer, self._proofs, self._place)

    def reach(self, roles: Iterable[IamResource]) -> Reach:
        """Return the farthest reach of roles after the plan."""
        after = self._accounts.after
        return max((reach(permissions(after, role)) for role in roles), default=Reach.LIMITED)


def _union(roles: Collection[RoleAccess]) -> Permissions:
    """Return what roles allow together; with the limits if there is only one role."""
    if len(roles) == 1:
        return next(iter(roles)).permissions
    return Permissions(tuple(policy for role in roles for policy in role.permissions.policies))


@fact
def role_comparison(context: Context) -> RoleComparison:
    """Return the object that compares roles of the plan."""
    return RoleComparison(context.accounts, context.proofs, context.place)
