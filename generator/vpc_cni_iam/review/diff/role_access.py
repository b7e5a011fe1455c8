"""What roles allow within their limits, and whether some allow more than those they replace."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from vpc_cni_iam.inputs.plan.arguments import ROLE, Part
from vpc_cni_iam.inputs.plan.values import value_at
from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Known, Sensitive, Unknown
from vpc_cni_iam.review.account.documents import Content, Document
from vpc_cni_iam.review.account.fill import Filler
from vpc_cni_iam.review.account.grants import Grant, GrantKey
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
    """What a role allows on one side, and what of it the plan does not show."""

    role: IamResource
    grants: Mapping[GrantKey, Grant]
    limits: tuple[Content, ...]  # its boundary, and session policies
    sessions: tuple[Content, ...]
    permissions: Permissions
    open_limits: frozenset[Hashable]  # those that limit it, and are not known
    is_in_plan: bool
    version: str = ""  # of the launch template that stands for it

    @property
    def open_policies(self) -> frozenset[Content]:
        """The policies of which nothing is known."""
        return frozenset(grant.content for grant in self.grants.values() if grant.is_open)

    @property
    def is_shown(self) -> bool:
        """Whether the plan shows all that it allows."""
        return self.is_in_plan and not (self.open_policies or self.open_limits)


NO_ROLE = RoleAccess(
    Unresolved("", Side.BEFORE, ROLE), {}, (), (), Permissions(()), frozenset(), is_in_plan=True
)


class RoleComparison:
    """Compares roles that take each other's place."""

    def __init__(self, filler: Filler, proofs: Proofs, place: Place) -> None:
        self._filler, self._accounts = filler, filler.accounts
        self._proofs, self._place = proofs, place

    def of(
        self,
        role: IamResource,
        side: Side,
        sessions: Collection[Content] = (),
        *,
        is_certain: bool = True,
        version: str = "",
    ) -> RoleAccess:
        """Return what a role allows on a side.

        Args:
            role: The role.
            side: The side.
            sessions: The session policies that may limit it.
            is_certain: Whether all of them do.
            version: That of the launch template which names the role, if the plan has no more.
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
            isinstance(role, InPlan) and not version,
            version,
        )

    def compare(self, old: RoleAccess, new: RoleAccess) -> Answer:
        """Say whether a role allows more than another one."""
        is_same = (old.role, old.version) == (new.role, new.version)
        if is_same and self.limits_more(old.sessions, new.sessions):
            return NoNewAccess()
        # A limit that is not known makes any role allow less.
        same_open = old.open_policies == new.open_policies and old.open_limits <= new.open_limits
        if not (old.is_in_plan and new.is_in_plan and same_open):
            return NOT_SHOWN
        answer = self._proofs.compare(old.permissions, new.permissions)
        if old.open_policies:
            # They may allow what only a Deny of the old role kept it from.
            denied_less = self._proofs.without_denies(old.permissions, new.permissions)
            if not isinstance(denied_less, NoNewAccess):
                return NOT_SHOWN
        is_open = new.open_limits or new.open_policies
        if isinstance(answer, NewAccess):
            return NOT_SHOWN if is_open else answer
        return answer if self._is_tagged_alike(old, new) else NOT_SHOWN

    def _is_tagged_alike(self, old: RoleAccess, new: RoleAccess) -> bool:
        """Say whether roles have the same tags, of those that their policies ask for."""
        asked = asked_tags((*old.permissions.every, *new.permissions.every))
        asked = {tag for tag in asked if not tag.startswith(OF_SESSIONS)}
        if not asked or old is NO_ROLE or old.role == new.role:
            return True
        before, after = (self._tags(old.role, Side.BEFORE), self._tags(new.role, Side.AFTER))
        if before is None or after is None:
            return False
        return all(before.get(tag) == after.get(tag) for tag in asked)

    def _tags(self, role: IamResource, side: Side) -> Mapping[str, Any] | None:
        """Return the tags of a role by key in lower case, as IAM compares it; None if not known."""
        if not isinstance(role, InPlan):
            return None
        tags: dict[str, Any] = {}
        resource = self._filler.resolver.by_address[role.address]
        for name in ("tags", "tags_all"):
            match value_at(resource, (name,), side):
                case Known(dict() as values):
                    tags |= {str(key).lower(): value for key, value in values.items()}
                case Unknown() | Sensitive() | Known():
                    return None
        return tags

    def limits_more(self, old: Collection[Content], new: Collection[Content]) -> bool:
        """Say whether session policies limit any role at least as much as others."""
        if not old or (set(old) == set(new) and len({*old}) == 1):
            return True
        policies = [[s.policy for s in each if isinstance(s, Document)] for each in (old, new)]
        if not all(len(each) == len(s) == 1 for each, s in zip(policies, (old, new), strict=True)):
            return False
        return isinstance(self._proofs.prove(*policies), NoNewAccess)

    def gained(
        self, old: Collection[RoleAccess], new: Collection[RoleAccess], answer: NewAccess
    ) -> Gained:
        """Return what roles newly allow in the place of others."""
        changes = (*_changes(old, is_before=True), *_changes(new, is_before=False))
        if [each.role for each in old] == [each.role for each in new]:
            # Of roles that stay, a session policy lets through more.
            changes = tuple(_of_sessions(old, new)) or _changes(new, is_before=False)
        limits = (
            GrantChange(_SESSION, Grant(each.role, _SESSION, limit, ""), None)
            for each in (*old, *new)
            for limit in each.limits
        )
        every = (*changes, *_changes(new, is_before=False), *limits)  # which may have secrets
        replaced = Compared(every, _union(old), _union(new))
        return gained(replaced, changes, answer, self._proofs, self._place)

    def reach(self, roles: Iterable[IamResource]) -> Reach:
        """Return how far roles reach after the plan, that of them that reaches farthest."""
        after = self._accounts.after
        return max((reach(permissions(after, role)) for role in roles), default=Reach.LIMITED)


def _changes(roles: Iterable[RoleAccess], *, is_before: bool) -> tuple[GrantChange, ...]:
    grants = [item for role in roles for item in role.grants.items()]
    return tuple(
        GrantChange(k, g if is_before else None, None if is_before else g) for k, g in grants
    )


def _of_sessions(old: Iterable[RoleAccess], new: Iterable[RoleAccess]) -> Iterator[GrantChange]:
    for before, after in zip(old, new, strict=True):
        if before.sessions and after.sessions:
            pair = before.sessions[0], after.sessions[0]
            grants = (Grant(after.role, _SESSION, content, "") for content in pair)
            yield GrantChange(_SESSION, *grants)


def _union(roles: Collection[RoleAccess]) -> Permissions:
    """Return what roles allow together, within its limits if there is but one."""
    if len(roles) == 1:
        return next(iter(roles)).permissions
    return Permissions(tuple(policy for role in roles for policy in role.permissions.policies))


@fact
def role_comparison(context: Context) -> RoleComparison:
    """Return what compares roles that take each other's place."""
    return RoleComparison(context.filler, context.proofs, context.place)
