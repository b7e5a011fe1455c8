"""How two policy documents differ, in words a reviewer reads without the JSON."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import StrEnum

from msgspec import Struct

from vpc_cni_iam.policy import normalise
from vpc_cni_iam.policy.document import Condition, Policy, Statement
from vpc_cni_iam.policy.proof.budget import Budget, TooHardError
from vpc_cni_iam.policy.report import condition_text, describe, principal_names
from vpc_cni_iam.policy.template import Text, folded


class DifferenceKind(StrEnum):
    """What is different, as seen from the document that is expected."""

    MISSING = "missing"
    ADDED = "added"
    CHANGED = "changed"


class Difference(Struct, frozen=True):
    """One difference of a document from the one it should equal.

    Args:
        place: Where, such as ``statement 2 (ec2:CreateTags)``.
        text: What, such as ``action ec2:DescribeSubnets is missing``.
    """

    kind: DifferenceKind
    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


def differences(
    expected: Policy, actual: Policy, budget: Budget | None = None
) -> tuple[Difference, ...]:
    """Return how ``actual`` differs from ``expected`` in meaning; empty if IAM reads them alike.

    Statements are counted as in ``expected``, from 1; one that only ``actual`` has is counted
    as in ``actual``. Where the budget ends, statements are missing or added, not compared.
    """
    results: list[Difference] = []
    if expected.version != actual.version:
        text = f"Version is {actual.version}, expected {expected.version}"
        results.append(Difference(DifferenceKind.CHANGED, "document", text))
    left, right = _unmatched(expected.statements, actual.statements)
    pairs = _pairs(left, right, Budget() if budget is None else budget)
    for position, other in pairs.items():
        changes = _changes(left[position], right[other])
        # The two are known to differ, so never nothing, whatever the words above do not cover.
        whole = [(DifferenceKind.CHANGED, f"differs: {describe(right[other])}")]
        place = _place(position, left[position])
        results += [Difference(kind, place, text) for kind, text in changes or whole]
    results += [
        Difference(DifferenceKind.MISSING, _place(n, s), f"is missing: it {describe(s)}")
        for n, s in left.items()
        if n not in pairs
    ]
    paired = {*pairs.values()}
    results += [
        Difference(DifferenceKind.ADDED, _place(n, s), f"is added: it {describe(s)}")
        for n, s in right.items()
        if n not in paired
    ]
    return tuple(results)


def _unmatched(
    expected: Sequence[Statement], actual: Sequence[Statement]
) -> tuple[dict[int, Statement], dict[int, Statement]]:
    """Return the statements of each side that have no equal on the other, by position."""
    equals: dict[normalise.Normal, deque[int]] = {}
    for position, statement in enumerate(actual):
        equals.setdefault(normalise.statement(statement), deque()).append(position)
    left = {}
    for position, statement in enumerate(expected):
        positions = equals.get(normalise.statement(statement))
        if positions:
            positions.popleft()
        else:
            left[position] = statement
    rest = sorted(position for positions in equals.values() for position in positions)
    return left, {position: actual[position] for position in rest}


class _Features(Struct, frozen=True):
    """What makes two statements alike."""

    # Each action with the effect, and whether it is excepted.
    actions: frozenset[tuple[str, bool, Text]]
    resources: frozenset[Text]
    conditions: frozenset[tuple[str, Text, frozenset[Text]]]

    @classmethod
    def of(cls, statement: Statement) -> _Features:
        actions = {(statement.effect, False, folded(action)) for action in statement.actions}
        actions |= {(statement.effect, True, folded(action)) for action in statement.not_actions}
        resources = frozenset(map(folded, statement.resources))
        return cls(frozenset(actions), resources, normalise.conditions(statement))

    def likeness(self, other: _Features) -> int:
        """Return a number that is larger the more the two have in common."""
        details = len(self.resources & other.resources) + len(self.conditions & other.conditions)
        return 2 * len(self.actions & other.actions) + 3 * details

    @property
    def size(self) -> int:
        return len(self.actions) + len(self.resources) + len(self.conditions)


def _pairs(
    left: Mapping[int, Statement], right: Mapping[int, Statement], budget: Budget
) -> dict[int, int]:
    """Pair the positions of statements with an action in common, those most alike first."""
    features = {position: _Features.of(statement) for position, statement in right.items()}
    by_action: dict[tuple[str, bool, Text], list[int]] = {}
    for other, its in features.items():
        for action in its.actions:
            by_action.setdefault(action, []).append(other)
    scored: list[tuple[int, int, int]] = []
    with suppress(TooHardError):
        for position, statement in left.items():
            own = _Features.of(statement)
            sharing = [by_action[action] for action in own.actions if action in by_action]
            budget.spend(own.size + sum(map(len, sharing)))
            for other in set().union(*sharing):
                budget.spend(1 + min(own.size, features[other].size))
                scored.append((-own.likeness(features[other]), position, other))
    pairs: dict[int, int] = {}
    paired: set[int] = set()
    for _, position, other in sorted(scored):
        if position not in pairs and other not in paired:
            pairs[position] = other
            paired.add(other)
    return dict(sorted(pairs.items()))


def _changes(expected: Statement, actual: Statement) -> list[tuple[DifferenceKind, str]]:
    changes = []
    for noun, before, after in (
        ("action", expected.actions, actual.actions),
        ("excepted action", expected.not_actions, actual.not_actions),
        ("resource", expected.resources, actual.resources),
        ("excepted resource", expected.not_resources, actual.not_resources),
        ("principal", *map(principal_names, (expected.principals, actual.principals))),
        (
            "excepted principal",
            *map(principal_names, (expected.not_principals, actual.not_principals)),
        ),
    ):
        fold = folded if "action" in noun else lambda text: text
        for kind, names, others, problem in (
            (DifferenceKind.MISSING, before, after, "is missing"),
            (DifferenceKind.ADDED, after, before, "is added"),
        ):
            present = set(map(fold, others))
            changes += [(kind, f"{noun} {v} {problem}") for v in names if fold(v) not in present]
    return changes + _condition_changes(expected, actual)


def _condition_changes(expected: Statement, actual: Statement) -> list[tuple[DifferenceKind, str]]:
    def by_key(statement: Statement) -> dict[tuple[str, Text], Condition]:
        return {(c.operator, folded(c.key)): c for c in statement.conditions}

    changes = []
    conditions, others = by_key(expected), by_key(actual)
    extra = {key: condition for key, condition in others.items() if key not in conditions}
    # Those of one key stand in for each other, in their order.
    waiting: dict[Text, deque[tuple[str, Text]]] = {}
    for key in extra:
        waiting.setdefault(key[1], deque()).append(key)
    for key, condition in conditions.items():
        twin = others.get(key)
        if twin is None and waiting.get(key[1]):
            twin = extra.pop(waiting[key[1]].popleft())
        if twin is None:
            text = f"condition {condition_text(condition)} is missing"
            changes.append((DifferenceKind.MISSING, text))
        elif set(twin.values) != set(condition.values):
            text = f"condition is {condition_text(twin)}, expected {condition_text(condition)}"
            changes.append((DifferenceKind.CHANGED, text))
        elif twin.operator != condition.operator:
            text = f"condition on {twin.key} is {twin.operator}, expected {condition.operator}"
            changes.append((DifferenceKind.CHANGED, text))
    return changes + [
        (DifferenceKind.ADDED, f"condition {condition_text(c)} is added") for c in extra.values()
    ]


def _place(position: int, statement: Statement) -> str:
    named = statement.actions or tuple(f"not {a}" for a in statement.not_actions) or ("no action",)
    more = f" and {len(named) - 1} more" if len(named) > 1 else ""
    return f"statement {position + 1} ({named[0]}{more})"
