"""The JSON of ``compare``: the comparison, with its answer as an example or a reason."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from msgspec import Struct

from vpc_cni_iam.account.doubts import NotKnown
from vpc_cni_iam.comparing.answer import example
from vpc_cni_iam.comparing.compare import PolicyComparison
from vpc_cni_iam.comparing.report import reason_text
from vpc_cni_iam.policy.diff import Difference
from vpc_cni_iam.policy.proof.answer import (
    Answer,
    NewAccess,
    NoNewAccess,
    NotProven,
    StatementPlace,
)


class CompareVerdict(StrEnum):
    """Whether the new policy allows anything that the old one does not."""

    no_new_access = "no new access"
    new_access = "new access"
    not_proven = "not proven"


_VERDICTS: dict[type[Answer], CompareVerdict] = {
    NoNewAccess: CompareVerdict.no_new_access,
    NewAccess: CompareVerdict.new_access,
    NotProven: CompareVerdict.not_proven,
}


class ShownRequest(Struct, frozen=True):
    """An example request."""

    action: str
    resource: str
    principal: str  # the caller, for a trust policy; otherwise empty
    context: dict[str, tuple[str, ...]]  # the values of condition keys
    # The parts that AWS may not have: ``action``, ``resource`` and condition keys that only match
    # patterns of the policies; ``resource type`` if the action is on other resources.
    made_up: tuple[str, ...]


class ShownReason(Struct, frozen=True):
    """Why nothing is proven."""

    kind: str  # such as ``too complex``
    text: str  # the same in a sentence


class ShownComparison(Struct, frozen=True, kw_only=True):
    """The differences of two policies."""

    format: Literal[1] = 1
    old: str  # a description of the old policy in one line
    new: str  # a description of the new policy in one line
    verdict: CompareVerdict
    example: ShownRequest | None  # a request that is newly allowed by what was read
    reason: ShownReason | None  # why nothing is proven
    removed_denies: tuple[StatementPlace, ...]  # only if there is no new access
    differences: tuple[Difference, ...]
    old_skipped: tuple[NotKnown, ...]  # parts of the old input that were not read
    new_skipped: tuple[NotKnown, ...]  # parts of the new input that were not read


def shown(comparison: PolicyComparison) -> ShownComparison:
    """Return a comparison as `compare` prints it."""
    answer = comparison.answer
    return ShownComparison(
        old=comparison.old.title,
        new=comparison.new.title,
        verdict=_VERDICTS[type(answer)],
        example=_request(answer),
        reason=_reason(answer),
        removed_denies=comparison.removed_denies,
        differences=comparison.differences,
        old_skipped=comparison.old.skipped,
        new_skipped=comparison.new.skipped,
    )


def _request(answer: Answer) -> ShownRequest | None:
    if (new := example(answer)) is None:
        return None
    request, made_up = new.request, tuple(part.key or part.part.value for part in new.made_up)
    context = {
        key: (value,) if isinstance(value, str) else tuple(value)
        for key, value in sorted(request.context.items())
    }
    return ShownRequest(request.action, request.resource, request.principal, context, made_up)


def _reason(answer: Answer) -> ShownReason | None:
    if not isinstance(answer, NotProven):
        return None
    return ShownReason(answer.reason, reason_text(answer))
