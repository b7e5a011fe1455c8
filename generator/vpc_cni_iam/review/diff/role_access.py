"""What roles allow within their limits, and whether a role allows more than the one it replaces."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.account.access import RoleAccess
from vpc_cni_iam.account.doubts import NotKnown, Reason
from vpc_cni_iam.account.grants import Document, GrantPart
from vpc_cni_iam.inputs.plan.account.documents import PlanContent, PlanPolicy
from vpc_cni_iam.inputs.plan.account.grants import GrantKey, PlanGrant, have_secrets
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource, InPlan
from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Unknown
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.harm import Gained, gained
from vpc_cni_iam.review.diff.permissions import Open, Permissions, may_deny, permissions
from vpc_cni_iam.review.diff.principal_tags import OF_SESSIONS, asked_tags
from vpc_cni_iam.review.diff.principals import Compared, GrantChange
from vpc_cni_iam.review.diff.reach import Reach, reach

NOT_SHOWN = NotProven(Open.NOT_SHOWN)


class RolePermissions(Struct, frozen=True):
    """What a role allows on one side, and what the plan does not show."""

    role: IamResource
    grants: Mapping[GrantKey, PlanGrant]
    boundary: PlanGrant | None
    sessions: tuple[PlanContent, ...]  # the session policies that may limit it
    permissions: Permissions
    open_limits: frozenset[Hashable]  # the unknown limits

    @property
    def is_in_plan(self) -> bool:
        """Whether the plan has the role, so that it shows its policies."""
        return isinstance(self.role, InPlan)

    @property
    def has_secrets(self) -> bool:
        """Whether a policy or limit has sensitive values, which are checked and never shown."""
        documents = (content for content in self.sessions if isinstance(content, PlanPolicy))
        is_session = any(document.masked is not None for document in documents)
        return is_session or have_secrets((*self.grants.values(), self.boundary))

    @property
    def open_policies(self) -> frozenset[PlanContent]:
        """The policies with unknown content."""
        return frozenset(grant.content for grant in self.grants.values() if grant.is_open)

    @property
    def is_shown(self) -> bool:
        """Whether the plan shows all that the role allows."""
        return self.is_in_plan and not (self.open_policies or self.open_limits)

    @property
    def doubts(self) -> tuple[NotKnown, ...]:
        """What is not known about it; the reason of an answer says it in words."""
        unknown = [g.written_at for g in self.grants.values() if g.is_open]
        limits = [NotKnown("", Reason.not_applied, "")] if self.open_limits else []
        return (*(NotKnown(name, Reason.not_read, "") for name in unknown), *limits)

    @property
    def in_account(self) -> RoleAccess:
        """What it has, as `coverage` judges it."""
        named = [g.written_at for g in self.grants.values() if g.document]
        policies = tuple(map(Document, named, self.permissions.policies))
        limits = (tuple(Document("", p) for p in limit) for limit in self.permissions.limits)
        return RoleAccess(str(self.role), policies, tuple(limits), self.doubts)


NO_ROLE = RolePermissions(InPlan(""), {}, None, (), Permissions(()), frozenset())


def role_access(
    context: Context,
    role: IamResource,
    side: Side,
    sessions: Collection[PlanContent] = (),
    *,
    is_certain: bool = True,
) -> RolePermissions:
    """Return what a role allows on a side.

    Args:
        context: The plan.
        role: The role.
        side: The side.
        sessions: The session policies that may limit it.
        is_certain: Whether all of them do.
    """
    account = context.accounts.on(side)
    boundary, grants = account.one(role, GrantPart.BOUNDARY), account.policies(role)
    doubtful = _doubtful(context, grants) if side is Side.AFTER else set[GrantKey]()
    known = [each.policy for each in sessions if isinstance(each, PlanPolicy) and is_certain]
    open_limits: list[Hashable] = [boundary.content] if boundary and boundary.is_open else []
    open_limits += [s for s in sessions if not (is_certain and isinstance(s, PlanPolicy))]
    unknown = {k: Unknown(f"{g.address}.{g.attribute}", side) for k, g in grants.items()}
    return RolePermissions(
        role,
        {k: replace(g, content=unknown[k]) if k in doubtful else g for k, g in grants.items()},
        boundary,
        tuple(sessions),
        permissions(account, role, doubtful, sessions=known),
        frozenset(open_limits),
    )


def _doubtful(context: Context, grants: Mapping[GrantKey, PlanGrant]) -> set[GrantKey]:
    """Return the new grants that may belong to another role with the name, but no Deny."""
    accounts, is_changed = context.accounts, context.reader.resolver.is_changed
    ambiguous = {key: g for key, g in grants.items() if accounts.is_ambiguous(g)}
    return {k for k, g in ambiguous.items() if is_changed(g.address) and not may_deny(g)}


def compare_roles(context: Context, old: RolePermissions, new: RolePermissions) -> Answer:
    """Return whether a role allows more than another one."""
    if old.role == new.role and limits_more(context, old.sessions, new.sessions):
        return NoNewAccess()
    # With an unknown limit, a role allows at most what its policies do.
    same_open = old.open_policies == new.open_policies and old.open_limits <= new.open_limits
    if not (old.is_in_plan and new.is_in_plan and same_open):
        return NOT_SHOWN
    answer = context.proofs.compare(old.permissions, new.permissions)
    if old.open_policies:
        # Other policies may allow what a Deny of the old role blocked.
        denied_less = context.proofs.without_denies(old.permissions, new.permissions)
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


def limits_more(
    context: Context, old: Collection[PlanContent], new: Collection[PlanContent]
) -> bool:
    """Return whether session policies limit any role at least as much as others."""
    if not old or (set(old) == set(new) and len({*old}) == 1):
        return True
    policies = [[s.policy for s in each if isinstance(s, PlanPolicy)] for each in (old, new)]
    if not all(len(each) == len(s) == 1 for each, s in zip(policies, (old, new), strict=True)):
        return False
    return isinstance(context.proofs.prove(*policies), NoNewAccess)


def gained_by(
    context: Context,
    old: Collection[RolePermissions],
    new: Collection[RolePermissions],
    answer: NewAccess,
) -> Gained:
    """Return what roles newly allow instead of others."""
    before = [GrantChange(k, g, None) for role in old for k, g in role.grants.items()]
    after = [GrantChange(k, None, g) for role in new for k, g in role.grants.items()]
    # For the same roles, a session policy allows more.
    is_same = [each.role for each in old] == [each.role for each in new]
    changes = after if is_same else [*before, *after]
    has_secrets = any(role.has_secrets for role in (*old, *new))
    replaced = Compared((*before, *after), _union(old), _union(new), has_secrets)
    return gained(replaced, changes, answer, context.proofs, context.place)


def reach_of(context: Context, roles: Iterable[IamResource]) -> Reach:
    """Return the farthest reach of roles after the plan."""
    after = context.accounts.after
    return max((reach(permissions(after, role)) for role in roles), default=Reach.LIMITED)


def _union(roles: Collection[RolePermissions]) -> Permissions:
    """Return what roles allow together; with the limits if there is only one role."""
    if len(roles) == 1:
        return next(iter(roles)).permissions
    return Permissions(tuple(policy for role in roles for policy in role.permissions.policies))
