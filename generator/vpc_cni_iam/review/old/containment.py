"""Which permissions contain which. Actions, resources and conditions are proven separately."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from msgspec.structs import replace

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.matching.patterns import ARN_PARTS
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.prefixes import PrefixIndex
from vpc_cni_iam.policy.template import Text, change, known, parts_of
from vpc_cni_iam.review.old.answers import Proven, no_new_access
from vpc_cni_iam.review.old.permissions import Permission

# The elements of a statement that decide together, with their values.
_Part: TypeAlias = tuple[tuple[str, Any], ...]
_PARTS = (("actions", "not_actions"), ("resources", "not_resources"), ("conditions",))
_CAN_LEAVE_NOTHING = ("not_actions", "not_resources", "conditions")
_STEPS_OF_A_PAIR = 20
_ANYTHING = Statement(actions=("*",), resources=("*",))


def contains(container: Permission, permission: Permission, budget: Budget) -> bool:
    """Say whether a container allows or denies all that a permission does, whatever the effect.

    Where the budget ends, the answer is no.
    """
    if budget.steps < 0 or (container.effect, container.principals) != (
        permission.effect,
        permission.principals,
    ):
        return False
    for wide, narrow in (
        (container.action.lower(), permission.action.lower()),
        (container.resource, permission.resource),
    ):
        # What has no wildcard and excepts nothing contains itself alone.
        if wide != narrow and not wide.startswith("all but ") and not {"*", "?"} & {*wide}:
            return False
    steps = _STEPS_OF_A_PAIR + container.statement.size + permission.statement.size
    return budget.affords(steps) and _holds(_is_contained, budget, permission.bare, container.bare)


class Containers:
    """Permissions that may contain others, found without trying all."""

    def __init__(self, permissions: Iterable[Permission], budget: Budget) -> None:
        self._permissions, self._budget = list(permissions), budget
        begins = [_begins(permission.statement) for permission in self._permissions]
        self._by_action = PrefixIndex((begin, n) for n, (begin, _) in enumerate(begins))
        self._by_resource = PrefixIndex((begin, n) for n, (_, begin) in enumerate(begins))

    def of(self, permission: Permission) -> Iterator[Permission]:
        """Yield those that contain a permission."""
        if not self._permissions or self._budget.steps < _STEPS_OF_A_PAIR:
            return
        # What begins with more than the other contains only a part of it.
        action, resource = _begins(permission.statement)
        numbers = {*self._by_action.within(action)}
        others = {*self._by_resource.within(resource)}
        if not self._budget.affords(_STEPS_OF_A_PAIR + len(numbers) + len(others)):
            return
        numbers &= others
        can_be_nothing = any(getattr(permission.bare, name) for name in _CAN_LEAVE_NOTHING)
        if can_be_nothing and _holds(_is_nothing, self._budget, permission.bare):
            numbers = {*range(len(self._permissions))}
        for number in sorted(numbers):
            if contains(self._permissions[number], permission, self._budget):
                yield self._permissions[number]


@lru_cache(4096)
def _begins(statement: Statement) -> tuple[str, str]:
    """Return what all actions of a permission begin with, in lower case, and all its resources."""
    action = _literal_start(statement.actions).lower()
    resource = _literal_start(statement.resources)
    if resource.count(":") < ARN_PARTS - 1:
        resource += ":*"  # so is one completed that is too short
    return _WILD.split(action, 1)[0], _WILD.split(resource, 1)[0] if statement.resources else ""


def _literal_start(texts: tuple[Text, ...]) -> str:
    first = parts_of(next(iter(texts), ""))
    return first[0] + "*" * (len(first) > 1) if isinstance(first[0], str) else "*"


def _holds(question: Callable[..., bool], budget: Budget, *statements: Statement) -> bool:
    """Say whether something holds of statements, whatever their variables are filled with."""
    try:
        return all(question(budget, *filled) for filled in _filled(*statements))
    except InputError:
        return False


def _is_contained(budget: Budget, narrow: Statement, wide: Statement) -> bool:
    """Say whether one statement is within one other: each of its parts is, or it is of nothing."""
    pairs = zip(_parts(narrow), _parts(wide), strict=True)
    return all(_proven(budget, *pair) for pair in pairs) or _is_nothing(budget, narrow)


def _is_nothing(budget: Budget, statement: Statement) -> bool:
    """Say whether nothing can be as a statement says, so that anything contains it."""
    return any(
        _proven(budget, part)
        for part in _parts(statement)
        if any(values for name, values in part if name in _CAN_LEAVE_NOTHING)
    )


def _parts(statement: Statement) -> list[_Part]:
    return [tuple((name, getattr(statement, name)) for name in names) for names in _PARTS]


def _proven(budget: Budget, narrow: _Part, *wide: _Part) -> bool:
    """Say whether a part is of nothing that others are not of."""

    def proven() -> bool:
        old, new = _alone(*wide), _alone(narrow)
        answer = no_new_access(old, new, budget.share(), examples=False)
        return isinstance(answer, Proven)

    return budget.remember(("contained", narrow, wide), proven)


def _alone(*parts: _Part) -> list[Policy]:
    # The older version has no policy variables: what is filled in is text like any other.
    statements = tuple(replace(_ANYTHING, **dict(part)) for part in parts)
    return [Policy(statements, version="2008-10-17")]


def _filled(*statements: Statement) -> Iterator[list[Statement]]:
    """Yield statements with their variables, a module's or IAM's, filled in different ways.

    What holds of all is taken to hold whatever they are filled with: text that is in no pattern,
    of one character and of several, one of which has a case, and for a module's a wildcard.
    """
    names = sorted({name for s in statements for text in known(s.texts()) for name in _NAMES(text)})
    if not names:
        yield [*statements]
        return
    # A text of its own for each: control characters, which stand in no policy.
    letters = {name: chr(1 + n % 31) * (1 + n // 31) for n, name in enumerate(names)}
    fillings = [letters, {name: f"{letter}K" for name, letter in letters.items()}]
    if wild := {name: "*" for name in names if ":" not in name}:
        fillings.append(letters | wild)
    for filling in fillings:
        yield [_fill(s, filling) for s in statements]


_WILD = re.compile(r"[*?]|\$\{")
_VARIABLE = re.compile(r"\$\{[^}]*\}")
_NAMES = _VARIABLE.findall


def _fill(statement: Statement, values: Mapping[str, str]) -> Statement:
    return statement.map_texts(
        lambda text: change(text, lambda part: _VARIABLE.sub(lambda m: values[m[0]], part))
    )
