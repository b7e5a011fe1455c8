"""What a plan does to the policies of each principal: one proof over all of them."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from vpc_cni_iam.inputs.plan.arguments import Part
from vpc_cni_iam.policy.proof.answer import Answer, NoNewAccess
from vpc_cni_iam.reviewing.account.grants import Accounts, Grant, GrantKey
from vpc_cni_iam.reviewing.account.iam_resource import IamResource
from vpc_cni_iam.reviewing.diff.permissions import Permissions, Proofs, permissions
from vpc_cni_iam.reviewing.diff.reach import Reach, reach


class GrantChange(Struct, frozen=True):
    """A grant that is added, removed, or gets other content."""

    key: GrantKey
    before: Grant | None
    after: Grant | None


class PrincipalChange(Struct, frozen=True):
    """What becomes of the policies of one principal, within its boundary."""

    owner: IamResource
    is_new: bool
    is_deleted: bool
    grants: tuple[GrantChange, ...]
    boundary: GrantChange | None  # None where it stays
    before: Permissions
    after: Permissions
    access: Answer  # whether the known policies allow more
    denied_less: Answer  # whether a Deny is gone that may have kept others from something
    reach_before: Reach
    reach_after: Reach

    @property
    def opened(self) -> tuple[Grant, ...]:
        """What is added or changes, and of which nothing is known."""
        return tuple(c.after for c in self.grants if c.after and c.after.is_open)

    @property
    def vanished(self) -> tuple[Grant, ...]:
        """What is removed, and of which nothing was known: it may have had a Deny."""
        return tuple(c.before for c in self.grants if c.before and c.before.is_open and not c.after)


def principal_changes(accounts: Accounts, proofs: Proofs) -> Iterator[PrincipalChange]:
    """Yield the principals whose policies or boundary change."""
    for owner in accounts.principals:
        old, new = (side.policies(owner) for side in accounts.sides)
        grants = tuple(_differing(old, new))
        limits = [side.one(owner, Part.BOUNDARY) for side in accounts.sides]
        boundary = _change(GrantKey(Part.BOUNDARY), *limits)
        if grants or boundary:
            yield _principal(owner, grants, boundary, accounts, proofs)


def _differing(old: dict[GrantKey, Grant], new: dict[GrantKey, Grant]) -> Iterator[GrantChange]:
    for key in dict.fromkeys((*old, *new)):
        if change := _change(key, old.get(key), new.get(key)):
            yield change


def _change(key: GrantKey, before: Grant | None, after: Grant | None) -> GrantChange | None:
    contents = [grant.content if grant else None for grant in (before, after)]
    return GrantChange(key, before, after) if contents[0] != contents[1] else None


def _principal(
    owner: IamResource,
    grants: tuple[GrantChange, ...],
    boundary: GrantChange | None,
    accounts: Accounts,
    proofs: Proofs,
) -> PrincipalChange:
    before, after = (permissions(side, owner) for side in accounts.sides)
    is_new, is_deleted = owner in accounts.created, owner in accounts.deleted
    access: Answer = NoNewAccess() if is_deleted else proofs.compare(before, after)
    denied_less: Answer = NoNewAccess()
    if not (is_new or is_deleted) and isinstance(access, NoNewAccess):
        denied_less = proofs.without_denies(before, after)
    reaches = (Reach.LIMITED,) * 2 if is_deleted else (reach(before), reach(after))
    return PrincipalChange(
        owner, is_new, is_deleted, grants, boundary, before, after, access, denied_less, *reaches
    )
