"""How two policies differ: added, removed and changed statements, with their elements.

It compares the documents, except for differences without a meaning to IAM
(`vpc_cni_iam.policy.normalise`). `vpc_cni_iam.policy.proof` decides whether a policy allows more.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import chain
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.policy import normalise
from vpc_cni_iam.policy.document import (
    PRINCIPAL_ELEMENTS,
    TEXT_ELEMENTS,
    Condition,
    Policy,
    Statement,
    identifiers_by_type,
)
from vpc_cni_iam.policy.template import PolicyText, folded

# The most statements that each one is compared with: those with the most actions in common. So the
# work stays in proportion to the policies.
_CANDIDATES = 32
# An action, with the effect and whether it is in NotAction.
_Action: TypeAlias = tuple[str, bool, PolicyText]
# The noun for the values of an element.
NOUNS = {
    "Action": "action",
    "NotAction": "excepted action",
    "Resource": "resource",
    "NotResource": "excepted resource",
    "Principal": "principal",
    "NotPrincipal": "excepted principal",
}


class Change(StrEnum):
    """How a part of a policy or module changed."""

    added = "added"
    removed = "removed"
    changed = "changed"


class ValuesChange(Struct, frozen=True, tag_field="kind", tag="values"):
    """The values of an element that are in only one of two statements."""

    element: str  # such as ``Action``
    removed: tuple[PolicyText, ...]
    added: tuple[PolicyText, ...]
    principal_type: str = ""  # such as ``AWS``; only for Principal and NotPrincipal


class ConditionChange(Struct, frozen=True, tag_field="kind", tag="condition"):
    """A condition that two statements have in different forms, or that only one has."""

    old: Condition | None
    new: Condition | None


ElementChange: TypeAlias = ValuesChange | ConditionChange


class VersionChanged(Struct, frozen=True, tag_field="change", tag="version"):
    """The documents have different versions."""

    old: str
    new: str


class StatementAdded(Struct, frozen=True, tag_field="change", tag="added"):
    """A statement that only the new policy has."""

    index: int  # its position there, from 0
    statement: Statement


class StatementRemoved(Struct, frozen=True, tag_field="change", tag="removed"):
    """A statement that only the old policy has."""

    index: int  # its position there, from 0
    statement: Statement


class StatementChanged(Struct, frozen=True, tag_field="change", tag="changed"):
    """A statement of the old policy, and the most similar new one."""

    index: int  # the position of the old one, from 0
    old: Statement
    new: Statement
    elements: tuple[ElementChange, ...]


Difference: TypeAlias = VersionChanged | StatementChanged | StatementRemoved | StatementAdded


def differences(old: Policy, new: Policy) -> tuple[Difference, ...]:
    """Return how a new policy differs from an old one; empty if they mean the same to IAM.

    Statements are in the order of the old policy, then those that only the new policy has.
    """
    version = VersionChanged(old.version, new.version) if old.version != new.version else None
    left, right = _unmatched(old.statements, new.statements)
    pairs = _pairs(left, right)
    added = right.keys() - set(pairs.values())
    return (
        *((version,) if version else ()),
        *(
            StatementChanged(index, s, right[pairs[index]], _elements(s, right[pairs[index]]))
            if index in pairs
            else StatementRemoved(index, s)
            for index, s in left.items()
        ),
        *(StatementAdded(index, right[index]) for index in sorted(added)),
    )


def _unmatched(
    old: Sequence[Statement], new: Sequence[Statement]
) -> tuple[dict[int, Statement], dict[int, Statement]]:
    """Return the statements of each policy without an equal in the other, by position."""
    equals: dict[normalise.Normal, deque[int]] = {}
    for index, statement in enumerate(new):
        equals.setdefault(normalise.statement(statement), deque()).append(index)
    left = {}
    for index, statement in enumerate(old):
        if indexes := equals.get(normalise.statement(statement)):
            indexes.popleft()
        else:
            left[index] = statement
    return left, {index: new[index] for index in sorted(chain.from_iterable(equals.values()))}


class _Features(Struct, frozen=True):
    """The features in which two statements are compared."""

    actions: frozenset[_Action]
    resources: frozenset[PolicyText]
    conditions: frozenset[tuple[str, PolicyText, frozenset[PolicyText]]]

    @classmethod
    def of(cls, statement: Statement) -> _Features:
        actions = {(statement.effect, False, folded(action)) for action in statement.actions}
        actions |= {(statement.effect, True, folded(action)) for action in statement.not_actions}
        resources = frozenset(map(folded, statement.resources))
        return cls(frozenset(actions), resources, normalise.conditions(statement))

    def likeness(self, other: _Features) -> int:
        """Return a number that grows with what the two have in common."""
        details = len(self.resources & other.resources) + len(self.conditions & other.conditions)
        return 2 * len(self.actions & other.actions) + 3 * details


def _pairs(old: Mapping[int, Statement], new: Mapping[int, Statement]) -> dict[int, int]:
    """Pair the positions of statements with an action in common, the most similar first."""
    features = {index: _Features.of(statement) for index, statement in new.items()}
    by_action: dict[_Action, list[int]] = {}
    for index, others in features.items():
        for action in others.actions:
            by_action.setdefault(action, []).append(index)
    scored = []
    for index, statement in old.items():
        own = _Features.of(statement)
        for other in _candidates(index, own, by_action):
            scored.append((-own.likeness(features[other]), index, other))
    pairs: dict[int, int] = {}
    paired: set[int] = set()
    for _, index, other in sorted(scored):
        if index not in pairs and other not in paired:
            pairs[index] = other
            paired.add(other)
    return pairs


def _candidates(
    index: int, own: _Features, by_action: Mapping[_Action, Sequence[int]]
) -> Iterator[int]:
    """Yield the statements with the most actions in common, the nearest positions first."""
    shared: Counter[int] = Counter()
    for action in own.actions:
        indexes = by_action.get(action, ())
        if len(indexes) > _CANDIDATES:
            near = bisect_left(indexes, index) - _CANDIDATES // 2
            near = max(0, min(near, len(indexes) - _CANDIDATES))
            indexes = indexes[near : near + _CANDIDATES]
        shared.update(indexes)
    ranked = sorted(shared, key=lambda other: (-shared[other], abs(other - index), other))
    yield from ranked[:_CANDIDATES]


def _elements(old: Statement, new: Statement) -> tuple[ElementChange, ...]:
    return (*_texts(old, new), *_principals(old, new), *_conditions(old, new))


def _texts(old: Statement, new: Statement) -> Iterator[ValuesChange]:
    for element, field in TEXT_ELEMENTS.items():
        fold = folded if element.endswith("Action") else None
        yield from _values(element, getattr(old, field), getattr(new, field), fold)


def _principals(old: Statement, new: Statement) -> Iterator[ValuesChange]:
    for element, field in PRINCIPAL_ELEMENTS.items():
        before, after = (identifiers_by_type(getattr(side, field)) for side in (old, new))
        for kind in dict.fromkeys((*before, *after)):
            for change in _values(element, before.get(kind, ()), after.get(kind, ())):
                yield replace(change, principal_type=kind)


def _values(
    element: str,
    old: Sequence[PolicyText],
    new: Sequence[PolicyText],
    fold: Callable[[PolicyText], PolicyText] | None = None,
) -> Iterator[ValuesChange]:
    same = fold or (lambda text: text)
    before, after = set(map(same, old)), set(map(same, new))
    removed = tuple(value for value in old if same(value) not in after)
    added = tuple(value for value in new if same(value) not in before)
    if removed or added:
        yield ValuesChange(element, removed, added)


def _conditions(old: Statement, new: Statement) -> Iterator[ConditionChange]:
    """Yield the conditions that differ; conditions on the same key are paired in order."""
    before, after = (
        {(c.operator, folded(c.key)): c for c in side.conditions} for side in (old, new)
    )
    waiting: dict[PolicyText, deque[Condition]] = {}
    for name, condition in after.items():
        if name not in before:
            waiting.setdefault(name[1], deque()).append(condition)
    for name, condition in before.items():
        others = waiting.get(name[1])
        twin = after.get(name) or (others.popleft() if others else None)
        if twin is None or twin.operator != condition.operator or _other_values(condition, twin):
            yield ConditionChange(condition, twin)
    for others in waiting.values():
        yield from (ConditionChange(None, condition) for condition in others)


def _other_values(condition: Condition, other: Condition) -> bool:
    return set(condition.values) != set(other.values)
