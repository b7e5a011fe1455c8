"""Two policies of one identity, wherever they come from: how they differ, and new access."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from vpc_cni_iam.coverage.subject import Opener, take
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.skipped import Skipped, incomplete, is_complete, without_boundaries
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.review.diff import semantic
from vpc_cni_iam.review.diff.proofs import DENY_REMOVED, deny_removed, new_access
from vpc_cni_iam.review.diff.verdicts import Access, Line


class ComparedPolicy(Struct, frozen=True):
    """One of two policies."""

    title: str  # what it is, in a line
    policy: Policy  # the policy; the statements of all that were chosen
    skipped: tuple[Skipped, ...]  # what else the input holds, which no verdict may ignore


class Between(Struct, frozen=True, kw_only=True):
    """How two policies differ."""

    format: Literal[1] = 1
    old: str  # what the one before is, in a line
    new: str  # the same of the one after
    lines: tuple[Line, ...]  # the semantic difference, gains first
    access: Access  # whether the new one allows anything that the old one does not
    old_skipped: tuple[Skipped, ...]  # what the input of the one before holds besides
    new_skipped: tuple[Skipped, ...]  # the same of the one after


def side(target: str, documents: Iterable[str], opener: Opener) -> ComparedPolicy:
    """Return the policy of a path, or ``-``, if the evaluator takes it.

    `documents` has the names of the policies to take; an input with one that has no name needs
    none.
    """
    there = opener.policies_of(target)
    nameless = [o.name for o in there.policies] == [""]
    chosen = take(there, () if nameless else documents)
    policies = [o.policy for o in chosen.opened]
    versions = {policy.version for policy in policies}
    if len(versions) > 1:
        problem = "the chosen policies differ in their Version, and are not one policy"
        raise InputError(there.source, "", problem)
    policy = Policy(tuple(s for p in policies for s in p.statements), versions.pop())
    return ComparedPolicy(chosen.title, policy, without_boundaries(chosen.skipped))


def between(old: ComparedPolicy, new: ComparedPolicy) -> Between:
    """Return how two policies differ, and whether the new one allows anything new.

    As in the review of a plan, a Deny that goes is no proof: other policies of the identity may
    allow what it held back.
    """
    budget = Budget()
    access = new_access([old.policy], [new.policy], budget.part(budget.steps // 2))
    denies_less = deny_removed([old.policy], [new.policy], budget.part(budget.steps // 2))
    if access.verdict == "no new access" and denies_less:
        access = Access("not proven", reason=DENY_REMOVED)
    skipped = (*old.skipped, *new.skipped)
    if not is_complete(skipped):
        access = Access("not proven", access.witness, incomplete(skipped))
    lines = semantic.lines(old.policy, new.policy, budget, alone=False)
    return Between(
        old=old.title,
        new=new.title,
        lines=lines,
        access=access,
        old_skipped=old.skipped,
        new_skipped=new.skipped,
    )
