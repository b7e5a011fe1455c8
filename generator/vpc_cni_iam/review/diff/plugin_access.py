"""What aws-node may do by its identity, and what it newly may by another one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec import Struct

from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import ABSENT
from vpc_cni_iam.review.account.documents import Content
from vpc_cni_iam.review.account.iam_resource import IamResource
from vpc_cni_iam.review.account.plugin.state import PluginIdentity
from vpc_cni_iam.review.diff.harm import GainedPart, beyond_plugin
from vpc_cni_iam.review.diff.reach import Reach, reach
from vpc_cni_iam.review.diff.role_access import NOT_SHOWN, RoleAccess

if TYPE_CHECKING:
    from vpc_cni_iam.review.context import Context


class IdentityGain(Struct, frozen=True):
    """What aws-node may newly do by another identity."""

    reach: Reach  # how far its roles reach, if that is further than before
    parts: tuple[GainedPart, ...] = ()  # the most harmful first
    beyond: tuple[str, ...] = ()  # what the plugin never calls
    example: NewAccess | None = None  # None where it could tell a secret


def sorted_roles(roles: Iterable[IamResource]) -> tuple[IamResource, ...]:
    """Return roles in the order of their names."""
    return tuple(sorted(roles, key=str))


def of_roles(context: Context, identity: PluginIdentity, side: Side) -> list[RoleAccess]:
    """Return what aws-node may do by each of its roles."""
    sessions = _sessions(identity)
    # AWS does not say whether a session policy limits the target role of an association.
    is_certain = len(sessions) == 1 and not identity.first_roles
    return [
        context.role_comparison.of(role, side, sessions, is_certain=is_certain)
        for role in sorted_roles(identity.roles)
    ]


def _sessions(identity: PluginIdentity) -> set[Content]:
    """Return the session policies of an identity, and what stands for associations without one."""
    contents = {content for _, content in identity.sessions}
    of_all = len(identity.sessions) == len(identity.addresses)
    return contents if of_all or not contents else {*contents, ABSENT}


def identity_access(context: Context, old: PluginIdentity, new: PluginIdentity) -> Answer:
    """Say whether aws-node may do more by another identity, or by other session policies.

    Nodes may have several roles, and aws-node had one of them.
    """
    roles = context.role_comparison
    if old.roles == new.roles and roles.limits_more(_sessions(old), _sessions(new)):
        return NoNewAccess()
    before, after = of_roles(context, old, Side.BEFORE), of_roles(context, new, Side.AFTER)
    # A limit that is not known may also hold back what the plugin needs.
    rows = [
        [
            roles.compare(had, has) if had.open_limits == has.open_limits else NOT_SHOWN
            for had in before
        ]
        for has in after
    ]
    every = [answer for row in rows for answer in row]
    if before and all(isinstance(answer, NoNewAccess) for answer in every):
        return NoNewAccess()
    for row in rows:
        if row and all(isinstance(answer, NewAccess) for answer in row):
            return row[0]
    return next((answer for answer in every if isinstance(answer, NotProven)), NOT_SHOWN)


def identity_gain(
    context: Context, old: PluginIdentity, new: PluginIdentity, answer: NewAccess
) -> IdentityGain:
    """Return what the roles after allow that those before do not."""
    before, after = of_roles(context, old, Side.BEFORE), of_roles(context, new, Side.AFTER)
    more = context.role_comparison.gained(before, after, answer)
    reaches = [max(reach(role.permissions) for role in side) for side in (before, after)]
    return IdentityGain(
        reaches[1] if reaches[1] > reaches[0] else Reach.LIMITED,
        more.parts,
        beyond_plugin(more.parts),
        more.example,
    )
