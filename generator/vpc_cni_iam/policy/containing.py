"""Which grants contain which, exactly: proven, of actions, resources and conditions apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import accumulate
from typing import Any, TypeAlias

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.access import Proven, no_new_access
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.grants import Grant

# The elements of a statement that decide together, with their values.
_Part: TypeAlias = tuple[tuple[str, Any], ...]
_PARTS = (("actions", "not_actions"), ("resources", "not_resources"), ("conditions",))
_CAN_LEAVE_NOTHING = ("not_actions", "not_resources", "conditions")
_ANYTHING = Statement(actions=("*",), resources=("*",))


def contains(one: Grant, other: Grant) -> bool:
    """Say whether one grant is of all that another is, whatever the effect of both.

    Args:
        one: The one that may contain.
        other: The one that may be contained.
    """
    if (one.effect, one.principals) != (other.effect, other.principals):
        return False
    for wide, narrow in (
        (one.action.lower(), other.action.lower()),
        (one.resource, other.resource),
    ):
        # What has no wildcard and excepts nothing contains itself alone.
        if wide != narrow and not wide.startswith("all but ") and not {"*", "?"} & {*wide}:
            return False
    return _holds(_is_contained, _bare(other.statement), _bare(one.statement))


class Containers:
    """Grants that may contain others, found without trying all.

    Args:
        grants: The grants.
    """

    def __init__(self, grants: Iterable[Grant]) -> None:
        self._by_begin: dict[str, list[Grant]] = {}
        for grant in grants:
            self._by_begin.setdefault(_begin(grant), []).append(grant)

    def of(self, grant: Grant) -> Iterator[Grant]:
        """Yield those that contain a grant.

        Args:
            grant: The grant.
        """
        if not self._by_begin:
            return
        # What begins with more than the other contains only a part of it.
        begins: Iterable[str] = accumulate(_begin(grant), initial="")
        if _holds(_is_nothing, _bare(grant.statement)):
            begins = self._by_begin
        for begin in begins:
            yield from (one for one in self._by_begin.get(begin, ()) if contains(one, grant))


def _begin(grant: Grant) -> str:
    """Return what all actions of a grant begin with, in lower case."""
    begin = grant.action.lower().partition("*")[0].partition("?")[0]
    return begin if grant.statement.actions else ""


def _holds(said: Callable[..., bool], *statements: Statement) -> bool:
    """Say whether something holds of statements, whatever their variables are filled with."""
    try:
        return all(said(*filled) for filled in _filled(*statements))
    except InputError:
        return False


def _is_contained(narrow: Statement, wide: Statement) -> bool:
    """Say whether one statement is within one other: each of its parts is, or it is of nothing."""
    # All parts are looked at, so that a bad one is refused in any case.
    each = [_proven(*pair) for pair in zip(_parts(narrow), _parts(wide), strict=True)]
    return all(each) or _is_nothing(narrow)


def _is_nothing(statement: Statement) -> bool:
    """Say whether nothing can be as a statement says, so that anything contains it."""
    return any(
        _proven(part)
        for part in _parts(statement)
        if any(values for name, values in part if name in _CAN_LEAVE_NOTHING)
    )


def _parts(statement: Statement) -> list[_Part]:
    return [tuple((name, getattr(statement, name)) for name in names) for names in _PARTS]


def _bare(statement: Statement) -> Statement:
    """Return a statement as one that allows what the other is about, to whomever has it."""
    resources = statement.resources or (() if statement.not_resources else ("*",))
    return replace(statement, effect="Allow", resources=resources, principals=(), not_principals=())


@lru_cache(maxsize=4096)
def _proven(narrow: _Part, *wide: _Part) -> bool:
    """Say whether a part is of nothing that others are not of."""
    return isinstance(no_new_access(_alone(*wide), _alone(narrow)), Proven)


def _alone(*parts: _Part) -> list[Policy]:
    # The older version has no policy variables: what is filled in is text like any other.
    statements = tuple(replace(_ANYTHING, **dict(part)) for part in parts)
    return [Policy(statements, version="2008-10-17")]


def _filled(*statements: Statement) -> Iterator[list[Statement]]:
    """Yield statements with their variables, a module's or IAM's, filled in different ways.

    What holds of all is taken to hold whatever they are filled with: text that is in no pattern,
    of one character and of several, one of which has a case, and for a module's a wildcard.
    """
    names = sorted({name for s in statements for text in _texts(s) for name in _NAMES(text)})
    letters = {name: _letter(number) for number, name in enumerate(names)}
    yield [_fill(s, letters) for s in statements]
    if names:
        longer = {name: f"{letter}K" for name, letter in letters.items()}
        yield [_fill(s, longer) for s in statements]
    if wild := {name: "*" for name in names if ":" not in name}:
        yield [_fill(s, letters | wild) for s in statements]


_VARIABLE = re.compile(r"\$\{[^}]*\}")
_NAMES = _VARIABLE.findall


def _letter(number: int) -> str:
    """Return a text of its own for a number: control characters, which stand in no policy."""
    return chr(1 + number % 31) * (1 + number // 31)


def _texts(statement: Statement) -> Iterator[str]:
    yield from (*statement.resources, *statement.not_resources)
    for condition in statement.conditions:
        yield from (condition.key, *condition.values)


def _fill(statement: Statement, values: Mapping[str, str]) -> Statement:
    def fill(*texts: str) -> tuple[str, ...]:
        return tuple(_VARIABLE.sub(lambda found: values[found[0]], text) for text in texts)

    return replace(
        statement,
        resources=fill(*statement.resources),
        not_resources=fill(*statement.not_resources),
        conditions=tuple(
            replace(c, key=fill(c.key)[0], values=fill(*c.values)) for c in statement.conditions
        ),
    )
