"""Changes of the policies of each principal, with one proof over all of them."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from vpc_cni_iam.account.grants import GrantPart
from vpc_cni_iam.inputs.plan.account.grants import (
    Accounts,
    GrantKey,
    PlanAccount,
    PlanGrant,
    have_secrets,
)
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource, Unresolved
from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.review.context import Context, fact, facts
from vpc_cni_iam.review.diff.permissions import Permissions, Proofs, may_deny, permissions
from vpc_cni_iam.review.diff.reach import Reach, farther, reach

_BOUNDARY = GrantKey(GrantPart.BOUNDARY)


class GrantChange(Struct, frozen=True):
    """A grant that is added or removed, or whose content changes."""

    key: GrantKey
    before: PlanGrant | None
    after: PlanGrant | None


class Compared(Struct, frozen=True):
    """The permissions before and after: of a principal, or of a role and its replacement."""

    grants: tuple[GrantChange, ...]
    before: Permissions
    after: Permissions
    has_secrets: bool  # whether a policy has sensitive values, also one that does not change


class PrincipalChange(Compared, frozen=True):
    """Changes of the policies of one principal, within its boundary."""

    owner: IamResource
    is_new: bool
    is_deleted: bool
    boundary: GrantChange | None  # None if it does not change
    access: Answer  # whether the known policies allow more
    denied_less: Answer  # whether a Deny is removed that may have blocked others
    further: Reach  # how far it reaches now; only if that is further than before

    def example(self, answer: Answer) -> NewAccess | None:
        """Return the example of an answer, None if it could show a sensitive value."""
        return answer if isinstance(answer, NewAccess) and not self.has_secrets else None

    @property
    def opened(self) -> tuple[PlanGrant, ...]:
        """The grants that are added or change, with unknown content."""
        return tuple(c.after for c in self.grants if c.after and c.after.is_open)

    @property
    def vanished(self) -> tuple[PlanGrant, ...]:
        """The unknown grants that are removed or become known: they may have had a Deny."""
        return tuple(
            c.before
            for c in self.grants
            if c.before and c.before.is_open and not (c.after and c.after.is_open)
        )


@facts
def principal_changes(context: Context) -> Iterator[PrincipalChange]:
    """Yield the changes of the policies and the boundary of each principal."""
    accounts, proofs = context.accounts, context.proofs
    for owner in accounts.principals:
        yield from _changes_of(owner, accounts, accounts.after, proofs)


@fact
def changed_principals(context: Context) -> frozenset[IamResource]:
    """Return the principals whose policies or boundary change."""
    return frozenset(change.owner for change in principal_changes(context))


@facts
def kept_changes(context: Context) -> Iterator[PrincipalChange]:
    """Yield the principals that change if everything that conflicts keep exists in the end."""
    accounts, after = context.accounts, context.accounts.kept
    for owner in after.grants:
        yield from _changes_of(owner, accounts, after, context.proofs)


def _changes_of(
    owner: IamResource, accounts: Accounts, after: PlanAccount, proofs: Proofs
) -> Iterator[PrincipalChange]:
    sides = accounts.before, after
    old, new = (side.policies(owner) for side in sides)
    grants = tuple(filter(None, (_change(k, old.get(k), new.get(k)) for k in {**old, **new})))
    limits = tuple(side.one(owner, GrantPart.BOUNDARY) for side in sides)
    boundary = _change(_BOUNDARY, *limits)
    if not (grants or boundary):
        return
    before, later, access = _proven(_pairs(owner, accounts, after, grants), proofs)
    denied_less: Answer = NoNewAccess()
    # A created or replaced principal has no policies that the plan does not show.
    if isinstance(access, NoNewAccess) and owner not in accounts.created | accounts.replaced:
        denied_less = proofs.without_denies(before, later)
    # A principal whose place is known after apply may be new.
    is_unresolved = isinstance(owner, Unresolved) and owner.side is Side.AFTER
    yield PrincipalChange(
        grants=grants,
        before=before,
        after=later,
        has_secrets=have_secrets((*old.values(), *new.values(), *limits)),
        owner=owner,
        is_new=owner in accounts.created or is_unresolved,
        is_deleted=owner in accounts.deleted,
        boundary=boundary,
        access=access,
        denied_less=denied_less,
        further=farther(reach(before), reach(later)),
    )


def _proven(
    pairs: Iterator[tuple[Permissions, Permissions]], proofs: Proofs
) -> tuple[Permissions, Permissions, Answer]:
    """Return the first permissions that may allow more than before, or the first of all."""
    every = [(*pair, proofs.compare(*pair)) for pair in pairs]
    return next((each for each in every if not isinstance(each[2], NoNewAccess)), every[0])


def _pairs(
    owner: IamResource, accounts: Accounts, after: PlanAccount, changes: tuple[GrantChange, ...]
) -> Iterator[tuple[Permissions, Permissions]]:
    """Yield the permissions to compare: all, then those that are certainly the owner's.

    A grant that may belong to another principal with the name hides no change: neither one that
    stays, nor one that the owner may have had, nor a new Deny.
    """
    yield permissions(accounts.before, owner), permissions(after, owner)
    if not (changes and accounts.ambiguous):
        return
    changed = {change.key for change in changes}
    old, new = (
        {key: g for key, g in side.policies(owner).items() if accounts.is_ambiguous(g)}
        for side in (accounts.before, after)
    )
    # What a resource changes is of one owner.
    same = {g.address for g in old.values()} & {g.address for g in new.values()}
    stays = new.keys() - changed
    gone = {k for k, g in old.items() if not (g.address in same or may_deny(g))}
    denying = {k for k, g in new.items() if g.address not in same and may_deny(g)}
    if stays or gone or denying:
        before, later = stays | gone, stays | denying
        yield permissions(accounts.before, owner, before), permissions(after, owner, later)


def _change(key: GrantKey, before: PlanGrant | None, after: PlanGrant | None) -> GrantChange | None:
    """Return the change of a grant; another boundary is a change, even with the same document."""
    is_other = bool(before and after and before.document and before.policy != after.policy)
    is_other &= key == _BOUNDARY
    if is_other or (before and before.content) != (after and after.content):
        return GrantChange(key, before, after)
    return None
