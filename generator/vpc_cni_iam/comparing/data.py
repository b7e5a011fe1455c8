"""The JSON of ``compare``."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal

from msgspec import Struct

from vpc_cni_iam.account.doubts import NotKnown
from vpc_cni_iam.comparing.answer import example
from vpc_cni_iam.comparing.compare import PolicyComparison
from vpc_cni_iam.comparing.report import reason_text
from vpc_cni_iam.policy.diff import (
    Change,
    Difference,
    ElementChange,
    StatementAdded,
    StatementChanged,
    StatementRemoved,
    ValuesChange,
)
from vpc_cni_iam.policy.document import Condition, Policy, Statement, StatementDocument, to_json
from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.policy.template import PolicyText


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


class RequestData(Struct, frozen=True):
    """An example request."""

    action: str
    resource: str
    principal: str  # the caller, for a trust policy; otherwise empty
    context: dict[str, list[str]]  # the values of condition keys
    # The parts that AWS may not have: ``action``, ``resource`` and condition keys that only match
    # patterns of the policies; ``resource type`` if the action is on other resources.
    made_up: list[str]


class ReasonData(Struct, frozen=True):
    """Why nothing is proven."""

    kind: str  # such as ``too complex``
    text: str  # the same in a sentence


class ElementData(Struct, frozen=True):
    """The difference of one element of a statement."""

    element: str  # such as ``Action``, or ``Condition``
    key: str  # the condition key, or the type of principals; otherwise empty
    # The values that only one statement has; for a condition, all values.
    old: tuple[str, ...]
    new: tuple[str, ...]
    old_operator: str = ""  # of a condition in the old statement
    new_operator: str = ""  # of a condition in the new statement


class DifferenceData(Struct, frozen=True):
    """The difference of a statement, or of the document's Version."""

    change: Change
    # Its number from 1: in the new policy if it is added, otherwise in the old one. None for the
    # Version.
    statement: int | None
    old: StatementDocument | None  # the statement of the old policy
    new: StatementDocument | None  # the statement of the new policy
    elements: tuple[ElementData, ...]  # the elements of a changed statement that differ


class RemovedDenyData(Struct, frozen=True):
    """A Deny of the old policy that the new one does not repeat."""

    statement: int  # its number in the old policy, from 1
    document: StatementDocument


class ComparisonData(Struct, frozen=True, kw_only=True):
    """The differences of two policies."""

    format: Literal[1] = 1
    old: str  # a description of the old policy in one line
    new: str  # a description of the new policy in one line
    verdict: CompareVerdict
    example: RequestData | None  # a request that is newly allowed by what was read
    reason: ReasonData | None  # why nothing is proven
    removed_denies: tuple[RemovedDenyData, ...]  # only if there is no new access
    differences: tuple[DifferenceData, ...]
    old_skipped: tuple[NotKnown, ...]  # parts of the old input that were not read
    new_skipped: tuple[NotKnown, ...]  # parts of the new input that were not read


def comparison_data(comparison: PolicyComparison) -> ComparisonData:
    """Return a comparison as plain data."""
    answer = comparison.answer
    return ComparisonData(
        old=comparison.old.title,
        new=comparison.new.title,
        verdict=_VERDICTS[type(answer)],
        example=_request(answer),
        reason=_reason(answer),
        removed_denies=tuple(
            RemovedDenyData(place.index + 1, _statement(place.statement))
            for place in comparison.removed_denies
        ),
        differences=tuple(map(_difference, comparison.differences)),
        old_skipped=comparison.old.skipped,
        new_skipped=comparison.new.skipped,
    )


def _request(answer: Answer) -> RequestData | None:
    if (shown := example(answer)) is None:
        return None
    context = {
        key: [value] if isinstance(value, str) else list(value)
        for key, value in sorted(shown.request.context.items())
    }
    made_up = [part.key or part.part.value for part in shown.made_up]
    request = shown.request
    return RequestData(request.action, request.resource, request.principal, context, made_up)


def _reason(answer: Answer) -> ReasonData | None:
    if not isinstance(answer, NotProven):
        return None
    return ReasonData(answer.reason, reason_text(answer))


def _difference(difference: Difference) -> DifferenceData:
    match difference:
        case StatementAdded(index, statement):
            return DifferenceData(Change.added, index + 1, None, _statement(statement), ())
        case StatementRemoved(index, statement):
            return DifferenceData(Change.removed, index + 1, _statement(statement), None, ())
        case StatementChanged(index, old, new, elements):
            data = tuple(map(_element, elements))
            return DifferenceData(Change.changed, index + 1, _statement(old), _statement(new), data)
    version = ElementData("Version", "", (difference.old,), (difference.new,))
    return DifferenceData(Change.changed, None, None, None, (version,))


def _element(element: ElementChange) -> ElementData:
    if isinstance(element, ValuesChange):
        removed, added = _texts(element.removed), _texts(element.added)
        return ElementData(element.element, element.principal_type, removed, added)
    none = Condition("", "", ())
    old, new = element.old or none, element.new or none
    key = str(new.key or old.key)
    values = _texts(old.values), _texts(new.values)
    return ElementData("Condition", key, *values, old.operator, new.operator)


def _texts(values: Iterable[PolicyText]) -> tuple[str, ...]:
    return tuple(map(str, values))


def _statement(statement: Statement) -> StatementDocument:
    document: StatementDocument = to_json(Policy((statement,)))["Statement"][0]
    return document
