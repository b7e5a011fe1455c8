"""What aws-node may do by its identity, and what it newly may by another one."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING

from msgspec import Struct

from vpc_cni_iam.inputs.plan.arguments import Part
from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Absent
from vpc_cni_iam.review.account.documents import Content, Document
from vpc_cni_iam.review.account.iam_resource import IamResource, InPlan
from vpc_cni_iam.review.account.plugin.state import PluginIdentity
from vpc_cni_iam.review.diff.harm import GainedPart, beyond_plugin, gained
from vpc_cni_iam.review.diff.permissions import Open, Permissions, permissions
from vpc_cni_iam.review.diff.principals import GrantChange, PrincipalChange
from vpc_cni_iam.review.diff.reach import Reach, reach

if TYPE_CHECKING:
    from vpc_cni_iam.review.context import Context

_NOT_SHOWN = NotProven(Open.NOT_SHOWN)


def sorted_roles(roles: Iterable[IamResource]) -> tuple[IamResource, ...]:
    """Return roles in the order of their names."""
    return tuple(sorted(roles, key=str))


class IdentityGain(Struct, frozen=True):
    """What aws-node may newly do by another identity."""

    reach: Reach  # how far its roles reach, if that is further than before
    parts: tuple[GainedPart, ...] = ()  # the most harmful first
    beyond: tuple[str, ...] = ()  # what the plugin never calls
    example: NewAccess | None = None  # None where it could tell a secret


def identity_access(context: Context, old: PluginIdentity, new: PluginIdentity) -> Answer:
    """Say whether aws-node may do more by another identity, or by other session policies."""
    same_roles = old.roles == new.roles
    if same_roles and _is_limited_more(context, old, new):
        return NoNewAccess()
    before = of_roles(context, old, Side.BEFORE)
    rows = [
        [_compare(context, had, has) for had in before]
        for has in of_roles(context, new, Side.AFTER)
    ]
    return _together(rows) if before else _NOT_SHOWN


def _together(rows: list[list[Answer]]) -> Answer:
    """Return what answers come to: a row for each new role, with one for each role before.

    Nodes may have several roles, and aws-node had one of them.
    """
    every = [answer for row in rows for answer in row]
    if all(isinstance(answer, NoNewAccess) for answer in every):
        return NoNewAccess()
    for row in rows:
        if all(isinstance(answer, NewAccess) for answer in row):
            return row[0]
    return next((answer for answer in every if isinstance(answer, NotProven)), _NOT_SHOWN)


def _is_limited_more(context: Context, old: PluginIdentity, new: PluginIdentity) -> bool:
    """Say whether the session policies of the same roles allow nothing more, by themselves."""
    if not old.sessions:
        return True
    if not (isinstance(old.session, Document) and isinstance(new.session, Document)):
        return False
    answer = context.proofs.prove([old.session.policy], [new.session.policy])
    return isinstance(answer, NoNewAccess)


class IdentityAccess(Struct, frozen=True):
    """What aws-node may do by a role, and what of it is not known."""

    role: IamResource
    permissions: Permissions
    is_in_plan: bool
    open_policies: frozenset[Content]
    open_limits: frozenset[Hashable]

    @property
    def is_shown(self) -> bool:
        """Whether the plan shows all that it allows."""
        return self.is_in_plan and not (self.open_policies or self.open_limits)


def of_roles(context: Context, identity: PluginIdentity, side: Side) -> list[IdentityAccess]:
    """Return what aws-node may do by each of its roles."""
    return [_of_role(context, identity, role, side) for role in sorted_roles(identity.roles)]


def _of_role(
    context: Context, identity: PluginIdentity, role: IamResource, side: Side
) -> IdentityAccess:
    account = context.accounts.after if side is Side.AFTER else context.accounts.before
    session = identity.session
    boundary = account.one(role, Part.BOUNDARY)
    open_limits: list[Hashable] = [boundary.content] if boundary and boundary.is_open else []
    if not isinstance(session, Absent | Document):
        open_limits += [content for _, content in identity.sessions]
    policies = account.policies(role).values()
    return IdentityAccess(
        role,
        permissions(account, role, [session.policy] if isinstance(session, Document) else []),
        isinstance(role, InPlan),
        frozenset(grant.content for grant in policies if grant.is_open),
        frozenset(open_limits),
    )


def _compare(context: Context, old: IdentityAccess, new: IdentityAccess) -> Answer:
    are_in_plan = old.is_in_plan and new.is_in_plan
    same_open = (old.open_policies, old.open_limits) == (new.open_policies, new.open_limits)
    if not (are_in_plan and same_open):
        return _NOT_SHOWN
    answer = context.proofs.compare(old.permissions, new.permissions)
    if old.open_policies:
        # They may allow what only a Deny of the old role kept it from.
        denied_less = context.proofs.without_denies(old.permissions, new.permissions)
        if not isinstance(denied_less, NoNewAccess):
            return _NOT_SHOWN
    is_maybe = new.open_limits or new.open_policies
    return _NOT_SHOWN if isinstance(answer, NewAccess) and is_maybe else answer


def identity_gain(
    context: Context, old: PluginIdentity, new: PluginIdentity, answer: NewAccess
) -> IdentityGain:
    """Return what the roles after allow that those before do not."""
    before, after = (
        _union(of_roles(context, identity, side))
        for identity, side in ((old, Side.BEFORE), (new, Side.AFTER))
    )
    grants = [
        [
            grant
            for role in sorted_roles(identity.roles)
            for grant in account.policies(role).values()
        ]
        for identity, account in zip((old, new), context.accounts.sides, strict=True)
    ]
    changes = (
        *(GrantChange(grant.key, grant, None) for grant in grants[0]),
        *(GrantChange(grant.key, None, grant) for grant in grants[1]),
    )
    reaches = [reach(permissions) for permissions in (before, after)]
    change = PrincipalChange(
        next(iter(sorted_roles(new.roles))),
        is_new=False,
        is_deleted=False,
        grants=changes,
        boundary=None,
        before=before,
        after=after,
        access=answer,
        denied_less=NoNewAccess(),
        reach_before=reaches[0],
        reach_after=reaches[1],
    )
    more = gained(change, changes, answer, context.proofs, context.place)
    return IdentityGain(
        reaches[1] if reaches[1] > reaches[0] else Reach.LIMITED,
        more.parts,
        beyond_plugin(more.parts),
        None if _limits_have_secrets(context, old, new) else more.example,
    )


def _union(roles: list[IdentityAccess]) -> Permissions:
    """Return what roles allow together, within its limits if there is but one."""
    if len(roles) == 1:
        return roles[0].permissions
    return Permissions(tuple(policy for has in roles for policy in has.permissions.policies))


def _limits_have_secrets(context: Context, old: PluginIdentity, new: PluginIdentity) -> bool:
    contents = [content for identity in (old, new) for _, content in identity.sessions]
    for account, identity in zip(context.accounts.sides, (old, new), strict=True):
        boundaries = (account.one(role, Part.BOUNDARY) for role in identity.roles)
        contents += [boundary.content for boundary in boundaries if boundary]
    return any(isinstance(each, Document) and each.masked is not None for each in contents)
