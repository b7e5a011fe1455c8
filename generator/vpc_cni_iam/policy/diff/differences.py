"""How two policy documents differ, in words a reviewer reads without the JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vpc_cni_iam.policy import normalise
from vpc_cni_iam.policy.document import Condition, Policy, Statement
from vpc_cni_iam.policy.wording import condition_text, describe, principal_names


class DifferenceKind(StrEnum):
    """What is different, as seen from the document that is expected."""

    MISSING = "missing"
    ADDED = "added"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference of a document from the one it should equal.

    Args:
        kind: What is different.
        place: Where, such as ``statement 2 (ec2:CreateTags)``.
        text: What, such as ``action ec2:DescribeSubnets is missing``.
    """

    kind: DifferenceKind
    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


def differences(expected: Policy, actual: Policy) -> tuple[Difference, ...]:
    """Return how ``actual`` differs from ``expected`` in meaning; empty if IAM reads them alike.

    Statements are counted as in ``expected``, from 1; one that only ``actual`` has is counted
    as in ``actual``.
    """
    results: list[Difference] = []
    if expected.version != actual.version:
        text = f"Version is {actual.version}, expected {expected.version}"
        results.append(Difference(DifferenceKind.CHANGED, "document", text))
    left, right = _unmatched(expected.statements, actual.statements)
    for index, other in _pairs(expected.statements, left, actual.statements, right):
        place = f"statement {index + 1} ({_label(expected.statements[index])})"
        named = _changes(expected.statements[index], actual.statements[other])
        # The two are known to differ, so never nothing, whatever the words above do not cover.
        whole: list[tuple[DifferenceKind, str]] = [
            (DifferenceKind.CHANGED, f"differs: {describe(actual.statements[other])}")
        ]
        results.extend(Difference(kind, place, text) for kind, text in named or whole)
    for index in left:
        missing = expected.statements[index]
        place = f"statement {index + 1} ({_label(missing)})"
        results.append(
            Difference(DifferenceKind.MISSING, place, f"is missing: {describe(missing)}")
        )
    for other in right:
        extra = actual.statements[other]
        place = f"statement {other + 1} ({_label(extra)})"
        results.append(
            Difference(DifferenceKind.ADDED, place, f"is not expected: {describe(extra)}")
        )
    return tuple(results)


def _unmatched(
    expected: Sequence[Statement], actual: Sequence[Statement]
) -> tuple[list[int], list[int]]:
    """Return the positions on each side that have no equal partner on the other."""
    waiting: dict[normalise.Normal, list[int]] = {}
    for position, statement in enumerate(actual):
        waiting.setdefault(normalise.statement(statement), []).append(position)
    left = []
    for position, statement in enumerate(expected):
        partners = waiting.get(normalise.statement(statement))
        if partners:
            partners.pop(0)
        else:
            left.append(position)
    return left, sorted(p for partners in waiting.values() for p in partners)


def _pairs(
    expected: Sequence[Statement], left: list[int], actual: Sequence[Statement], right: list[int]
) -> list[tuple[int, int]]:
    """Pair what is most alike, and take the pairs out of ``left`` and ``right``."""
    scored = sorted(
        ((-_likeness(expected[i], actual[j]), i, j) for i in left for j in right),
    )
    pairs = []
    for score, i, j in scored:
        if score < 0 and i in left and j in right:
            left.remove(i)
            right.remove(j)
            pairs.append((i, j))
    return sorted(pairs)


def _likeness(expected: Statement, actual: Statement) -> int:
    """Return 0 for two statements that have no action in common, else more the more alike."""
    if expected.effect != actual.effect:
        return 0
    actions = _common(expected.actions, actual.actions) + _common(
        expected.not_actions, actual.not_actions
    )
    if not actions:
        return 0
    same = normalise.conditions(expected) & normalise.conditions(actual)
    return 2 * actions + 3 * _common(expected.resources, actual.resources) + 3 * len(same)


def _common(texts: Iterable[str], others: Iterable[str]) -> int:
    return len({v.lower() for v in texts} & {v.lower() for v in others})


def _changes(expected: Statement, actual: Statement) -> list[tuple[DifferenceKind, str]]:
    changes: list[tuple[DifferenceKind, str]] = []
    for noun, expected_values, actual_values in (
        ("action", expected.actions, actual.actions),
        ("excepted action", expected.not_actions, actual.not_actions),
        ("resource", expected.resources, actual.resources),
        ("excepted resource", expected.not_resources, actual.not_resources),
        (
            "principal",
            principal_names(expected.principals),
            principal_names(actual.principals),
        ),
        (
            "excepted principal",
            principal_names(expected.not_principals),
            principal_names(actual.not_principals),
        ),
    ):
        fold = str.lower if "action" in noun else str
        expected_names, actual_names = (
            {fold(v) for v in expected_values},
            {fold(v) for v in actual_values},
        )
        changes += [
            (DifferenceKind.MISSING, f"{noun} {v} is missing")
            for v in expected_values
            if fold(v) not in actual_names
        ]
        changes += [
            (DifferenceKind.ADDED, f"{noun} {v} is not expected")
            for v in actual_values
            if fold(v) not in expected_names
        ]
    return changes + _condition_changes(expected, actual)


def _condition_changes(expected: Statement, actual: Statement) -> list[tuple[DifferenceKind, str]]:
    def by_key(statement: Statement) -> dict[tuple[str, str], Condition]:
        return {(c.operator, c.key.lower()): c for c in statement.conditions}

    changes: list[tuple[DifferenceKind, str]] = []
    expected_conditions, actual_conditions = by_key(expected), by_key(actual)
    extra = [c for key, c in actual_conditions.items() if key not in expected_conditions]
    for key, condition in expected_conditions.items():
        twin = actual_conditions.get(key) or next(
            (c for c in extra if c.key.lower() == key[1]), None
        )
        if twin is None:
            changes.append(
                (DifferenceKind.MISSING, f"condition {condition_text(condition)} is missing")
            )
        elif twin.operator != condition.operator and set(twin.values) == set(condition.values):
            text = f"condition on {twin.key} tests {twin.operator}, expected {condition.operator}"
            changes.append((DifferenceKind.CHANGED, text))
        elif twin.operator != condition.operator or set(twin.values) != set(condition.values):
            text = f"condition is {condition_text(twin)}, expected {condition_text(condition)}"
            changes.append((DifferenceKind.CHANGED, text))
        if twin in extra:
            extra.remove(twin)
    changes += [
        (DifferenceKind.ADDED, f"condition {condition_text(c)} is not expected") for c in extra
    ]
    return changes


def _label(statement: Statement) -> str:
    named = statement.actions or tuple(f"not {a}" for a in statement.not_actions)
    more = f" and {len(named) - 1} more" if len(named) > 1 else ""
    return f"{named[0]}{more}" if named else "no action"
