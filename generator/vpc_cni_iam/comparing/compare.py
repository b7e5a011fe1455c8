"""Compares two policies of one identity: the differences, and new access."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.account.choice import choose_policies
from vpc_cni_iam.account.doubts import NotKnown, Reason
from vpc_cni_iam.comparing.answer import InputReason, RefusedPolicy, of_what_was_read
from vpc_cni_iam.coverage.subject import Opener, take, without_boundaries
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.diff import Difference, differences
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import Answer, NoNewAccess, NotProven, StatementPlace
from vpc_cni_iam.policy.proof.beside import removed_denies


class ComparedPolicy(Struct, frozen=True):
    """One of two policies."""

    title: str  # a description in one line
    policy: Policy  # the statements of all selected policies
    skipped: tuple[NotKnown, ...] = ()  # parts of the input that were not read
    # The ARNs or addresses of the boundaries of its principal; None if the input names neither.
    boundaries: frozenset[str] | None = None


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
    there = opener.account(target)
    nameless = [o.name for o in there.policies] == [""]
    chosen = take(there, choose_policies(there, () if nameless else documents))
    policies = [o.policy for o in chosen.opened]
    versions = {policy.version for policy in policies}
    if len(versions) > 1:
        problem = "the chosen policies have different Versions, so they are not one policy"
        raise InputError(there.source, "", problem)
    policy = Policy(tuple(s for p in policies for s in p.statements), versions.pop())
    limits = [part.name for part in chosen.skipped if part.reason is Reason.not_applied]
    limits += [document.name for limit in chosen.access.limits for document in limit]
    has_owner = bool(chosen.access.principal)
    skipped = without_boundaries(chosen.skipped)
    named = frozenset(limits)
    return ComparedPolicy(chosen.title, policy, skipped, named if named or has_owner else None)


def _lost_boundaries(old: ComparedPolicy, new: ComparedPolicy) -> Iterator[NotKnown]:
    """Yield the boundaries that the old principal has, and the new one may not have."""
    if new.boundaries is not None:
        detail = "this permissions boundary limits the old policies, and maybe not the new ones"
        for name in sorted((old.boundaries or frozenset()) - new.boundaries):
            yield NotKnown(name, Reason.overrides, detail)


def compare(old: ComparedPolicy, new: ComparedPolicy) -> PolicyComparison:
    """Return the differences of two policies, and whether the new one allows anything new."""
    new = replace(new, skipped=(*new.skipped, *_lost_boundaries(old, new)))
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
