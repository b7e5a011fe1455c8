"""Compares two policies of one identity: the differences, and new access."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from vpc_cni_iam.comparing.answer import InputReason, RefusedPolicy, of_what_was_read
from vpc_cni_iam.coverage.subject import Opener, take
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.skipped import Skipped, without_boundaries
from vpc_cni_iam.policy.diff import Difference, differences
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import Answer, NoNewAccess, NotProven, StatementPlace
from vpc_cni_iam.policy.proof.beside import removed_denies


class ComparedPolicy(Struct, frozen=True):
    """One of two policies."""

    title: str  # a description in one line
    policy: Policy  # the statements of all selected policies
    skipped: tuple[Skipped, ...] = ()  # parts of the input that were not read


class PolicyComparison(Struct, frozen=True):
    """The differences of two policies, as if each were all policies of one identity."""

    old: ComparedPolicy
    new: ComparedPolicy
    differences: tuple[Difference, ...]
    answer: Answer  # whether the new policy allows anything that the old one does not
    # The old Deny statements that the new policy does not repeat, if there is no new access. Other
    # policies of the identity may allow what they denied.
    removed_denies: tuple[StatementPlace, ...]

    @property
    def proven(self) -> bool:
        """Whether it is proven that there is no new access."""
        return isinstance(self.answer, NoNewAccess)


def side(target: str, documents: Iterable[str], opener: Opener) -> ComparedPolicy:
    """Return the policy of a path, or ``-``, if the evaluator accepts it.

    `documents` has the names of the policies to select; an input with one policy without a name
    needs none.
    """
    there = opener.policies_of(target)
    nameless = [o.name for o in there.policies] == [""]
    chosen = take(there, () if nameless else documents)
    policies = [o.policy for o in chosen.opened]
    versions = {policy.version for policy in policies}
    if len(versions) > 1:
        problem = "the chosen policies have different Versions, so they are not one policy"
        raise InputError(there.source, "", problem)
    policy = Policy(tuple(s for p in policies for s in p.statements), versions.pop())
    return ComparedPolicy(chosen.title, policy, without_boundaries(chosen.skipped))


def compare(old: ComparedPolicy, new: ComparedPolicy) -> PolicyComparison:
    """Return the differences of two policies, and whether the new one allows anything new."""
    answer: Answer
    try:
        answer = no_new_access([old.policy], [new.policy])
    except InputError as error:
        refused = RefusedPolicy(error.place or error.source, error.problem)
        answer = NotProven(InputReason.refused, refused)
    proven = isinstance(answer, NoNewAccess)
    return PolicyComparison(
        old,
        new,
        differences(old.policy, new.policy),
        of_what_was_read(answer, (*old.skipped, *new.skipped)),
        removed_denies(old.policy, new.policy) if proven else (),
    )
