"""Permissions boundaries that are removed, replaced or widened."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from msgspec.structs import replace

from vpc_cni_iam.inputs.plan.account.grants import known_policies
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource, InPlan
from vpc_cni_iam.levels import Level
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess
from vpc_cni_iam.review.checks.no_new_access import ACCESS_REMOVED
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.harm import GainedPart, scope
from vpc_cni_iam.review.diff.permissions import Permissions
from vpc_cni_iam.review.diff.principals import GrantChange, PrincipalChange, principal_changes
from vpc_cni_iam.review.findings import AboutPrincipals, Finding, Saying, finding, says, together
from vpc_cni_iam.review.rules import GAINS, Rule, Topic
from vpc_cni_iam.review.texts.access import also, example_lines, part_text
from vpc_cni_iam.review.texts.names import conjugate, name_of, names_of

BOUNDARY_WEAKENED = Rule(
    "boundary-weakened",
    (Level.ERROR, Topic.ACCESS, GAINS),
    summary="A permissions boundary is removed, replaced or widened.",
    help="A permissions boundary limits what policies can allow. Permissions that the old boundary blocked can take effect, also those that policies of resources allow. Keep the boundary, or replace it with one that allows nothing more and has the same Deny statements.",
    fix="Keep the boundary. To replace it, use one that allows nothing that the old one does not.",
)


class BoundaryChanged(AboutPrincipals, frozen=True):
    """The permissions boundary of principals changes."""

    before: IamResource | None
    after: IamResource | None
    parts: tuple[GainedPart, ...]  # the statements that may allow more
    example: NewAccess | None  # a request that is newly allowed

    @property
    def same(self) -> Self:
        """Without the example, which may differ although the statements are the same."""
        return replace(self, owners=(), example=None)


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
            return BOUNDARY_WEAKENED, Level.WARNING
        return ACCESS_REMOVED, Level.NOTE
    is_hidden = new and new.is_open and not isinstance(change.access, NewAccess)
    return BOUNDARY_WEAKENED, Level.WARNING if is_hidden else Level.ERROR


@says(BoundaryChanged)
def _boundary_text(finding: Finding, change: BoundaryChanged) -> Saying:
    who, details = names_of(change.owners), list[str]()
    old, new = (name_of(side) if side else "" for side in (change.before, change.after))
    if finding.level is Level.NOTE:
        return Saying(f"{new}, the permissions boundary of {who}, allows no more than before")
    parts = list(map(part_text, change.parts))
    if not new:
        message = f"{who} {conjugate('lose', change.owners)} the permissions boundary {old}"
        fix = f"Set permissions_boundary of {finding.address} to {old}"
    elif old == new and parts and finding.level is Level.WARNING:  # it denies less
        message = f"{old} is the permissions boundary of {who}, which can now {parts[0]}"
        details, fix = also(parts[1:], is_first=False), f"Keep the Deny in {old}"
    elif old == new and parts:
        message = f"{who} can now {parts[0]}, where a policy allows it"
        message += f": {old} is the permissions boundary, and allows more"
        details, fix = also(parts[1:], is_first=False), f"Narrow {old}"
    else:
        message = (
            f"{who} {conjugate('get', change.owners)} the permissions boundary {new} in place "
        )
        message += f"of {old}, which may limit less"
        details, fix = also(parts, is_first=True), f"Keep {old}, or narrow {new}"
    return Saying(message, (*details, *example_lines(change.example)), fix)
