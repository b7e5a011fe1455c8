"""Comparisons as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from vpc_cni_iam.account.doubts import is_complete
from vpc_cni_iam.comparing.answer import NotRead, RefusedPolicy, example
from vpc_cni_iam.comparing.compare import PolicyComparison
from vpc_cni_iam.inputs.report import incomplete_text, skipped_lines
from vpc_cni_iam.policy import report
from vpc_cni_iam.policy.diff import (
    NOUNS,
    ConditionChange,
    Difference,
    ElementChange,
    StatementAdded,
    StatementChanged,
    StatementRemoved,
    VersionChanged,
)
from vpc_cni_iam.policy.document import Condition, Statement
from vpc_cni_iam.policy.proof.answer import (
    Answer,
    NewAccess,
    NoNewAccess,
    NotProven,
    StatementPlace,
)

Sign = Literal["", "+", "-", "~"]
Tone = Literal["plain", "bold", "good", "warn", "bad", "added", "removed"]
_PROVEN = "no new access (proven)"


class Line(Struct, frozen=True):
    """A line of a report."""

    text: str
    sign: Sign = ""
    depth: int = 0  # the level of indentation
    tone: Tone = "plain"


def comparison_lines(comparison: PolicyComparison) -> Iterator[Line]:
    """Yield how two policies differ: the verdict, the differences, then the example or reason."""
    old, new, answer = comparison.old, comparison.new, comparison.answer
    yield Line(f"{old.title} to {new.title}: {_verdict(answer)}", tone="bold")
    for difference in comparison.differences:
        yield from _difference_lines(difference)
    if not comparison.differences:
        complete = is_complete((*old.skipped, *new.skipped))
        yield Line(f"No differences{'' if complete else ' in what was read'}.")
    for side in (old, new):
        yield from (Line(f"{side.title}: {text}") for text in skipped_lines(side.skipped))
    for place in comparison.removed_denies:
        yield Line(removed_deny_text(place), tone="warn")
    match answer:
        case NewAccess():
            yield Line(report.answer_text(answer), tone="bad")
        case NotProven():
            yield Line(_not_proven_text(answer), tone="warn")


def _verdict(answer: Answer) -> str:
    match answer:
        case NoNewAccess():
            return _PROVEN
        case NewAccess():
            return "new access"
    return "not proven"


def _difference_lines(difference: Difference) -> Iterator[Line]:
    match difference:
        case VersionChanged(old, new):
            yield Line("document", "~")
            yield from _both(f"Version {old}", f"Version {new}")
        case StatementRemoved(index, statement):
            yield from _whole(index, statement, "-", "removed")
        case StatementAdded(index, statement):
            yield from _whole(index, statement, "+", "added")
        case StatementChanged(index, old_statement, _, elements):
            yield Line(report.statement_name(index, old_statement), "~")
            for element in elements:
                yield from _element_lines(element)


def _whole(index: int, statement: Statement, sign: Sign, tone: Tone) -> Iterator[Line]:
    effect, *conditions = report.described(statement)
    yield Line(f"statement {index + 1} {effect}", sign, tone=tone)
    yield from (Line(condition, sign, 1, tone) for condition in conditions)


def _element_lines(element: ElementChange) -> Iterator[Line]:
    if isinstance(element, ConditionChange):
        yield from _both(*map(_condition, (element.old, element.new)))
        return
    noun = NOUNS[element.element]
    for value in element.removed:
        yield Line(f"{noun} {report.value_text(element, value)}", "-", 1, "removed")
    for value in element.added:
        yield Line(f"{noun} {report.value_text(element, value)}", "+", 1, "added")


def _condition(condition: Condition | None) -> str:
    return "" if condition is None else f"condition {report.condition_text(condition)}"


def _both(old: str, new: str) -> Iterator[Line]:
    """Yield an old and a new text; one of them may be empty."""
    if old:
        yield Line(old, "-", 1, "removed")
    if new:
        yield Line(new, "+", 1, "added")


def removed_deny_text(place: StatementPlace) -> str:
    """Return the note about a Deny that the new policy does not repeat in full."""
    return (
        f"note: statement {place.index + 1} of the old policy {report.describe(place.statement)}; "
        f"the new policy does not deny all of this. If another policy of the identity allows it, "
        f"it is now allowed"
    )


def reason_text(answer: NotProven) -> str:
    """Return why nothing is proven about inputs."""
    match answer.evidence:
        case NotRead(parts):
            return incomplete_text(parts)
        case RefusedPolicy(place, problem):
            return f"{place}: {problem}"
    return report.not_proven_text(answer)


def _not_proven_text(answer: NotProven) -> str:
    text = f"not proven: {reason_text(answer)}"
    if (shown := example(answer)) is None:
        return text
    return f"{text}; what was read newly allows, for instance {report.example_text(shown)}"
