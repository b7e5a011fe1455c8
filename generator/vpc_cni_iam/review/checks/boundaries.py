"""Permissions boundaries that are removed, replaced or widened."""

from __future__ import annotations

from collections.abc import Iterator

from vpc_cni_iam.inputs.plan.account.grants import known_policies
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource, InPlan
from vpc_cni_iam.levels import Level
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.harm import GainedPart, scope
from vpc_cni_iam.review.diff.permissions import Permissions
from vpc_cni_iam.review.diff.principals import GrantChange, PrincipalChange, principal_changes
from vpc_cni_iam.review.findings import AboutPrincipals, Finding, finding, together
from vpc_cni_iam.review.rules import Rule


class BoundaryChanged(AboutPrincipals, frozen=True):
    """The permissions boundary of principals changes."""

    before: IamResource | None
    after: IamResource | None
    parts: tuple[GainedPart, ...]  # the statements that may allow more
    example: NewAccess | None  # a request that is newly allowed


def check(context: Context) -> Iterator[Finding]:
    """Yield the changes of permissions boundaries."""
    return together(
        _boundary(change, change.boundary, context)
        for change in principal_changes(context)
        if change.boundary and not (change.is_new or change.is_deleted)
    )


def _boundary(change: PrincipalChange, boundary: GrantChange, context: Context) -> Finding:
    old, new = boundary.before, boundary.after
    evidence = BoundaryChanged(
        (change.owner,),
        old.policy if old else None,
        new.policy if new else None,
        scope([boundary]),
        change.example(change.access),
    )
    rule, level = _rule(change, boundary, context)
    grant = new or old
    assert grant is not None  # noqa: S101 - a change has a side
    address, attribute = grant.address, grant.attribute
    if isinstance(grant.policy, InPlan) and old and new and old.policy == new.policy:
        address, attribute = grant.policy.address, "policy"
    elif new is None:
        address = context.accounts.successors.get(change.owner, address)
    return finding(rule, evidence, address, attribute=attribute, subject=change.owner, level=level)


def _rule(change: PrincipalChange, boundary: GrantChange, context: Context) -> tuple[Rule, Level]:
    old, new = boundary.before, boundary.after
    known = known_policies(grant for grant in (old, new) if grant)
    sides, proofs = [Permissions((policy,)) for policy in known], context.proofs
    is_known = bool(sides[1:])
    if old is None or (is_known and isinstance(proofs.compare(*sides), NoNewAccess)):
        # A policy of a resource may allow what only a Deny of the boundary denied.
        answers = (change.denied_less, proofs.without_denies(*sides)) if is_known else ()
        if answers and not any(isinstance(answer, NoNewAccess) for answer in answers):
            return Rule.BOUNDARY_WEAKENED, Level.WARNING
        return Rule.ACCESS_REMOVED, Level.NOTE
    is_hidden = new and new.is_open and not isinstance(change.access, NewAccess)
    return Rule.BOUNDARY_WEAKENED, Level.WARNING if is_hidden else Level.ERROR
