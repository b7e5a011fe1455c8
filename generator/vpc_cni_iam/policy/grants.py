"""A policy taken apart into grants of one action on one resource, and which contains which."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate
from typing import TypeAlias

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy import normalise
from vpc_cni_iam.policy.access import Proven, no_new_access
from vpc_cni_iam.policy.compare import condition_text, principals_text
from vpc_cni_iam.policy.document import Policy, Statement

# What is the same for grants of one meaning that are spelled alike.
Key: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """One action on one resource, as a statement allows or denies it.

    Args:
        statement: The statement, of this action and resource alone and without its Sid.
        action: The action, or in words all but those of a NotAction.
        resource: The resource, the same way; ``itself`` in a policy without resources.
        conditions: The statement's conditions, normalised.
        principals: Its principals, normalised.
        who: The principals in words, such as `` by AWS 111122223333``, or empty.
        words: The conditions in words, each after `` if ``.
    """

    statement: Statement
    action: str
    resource: str
    conditions: frozenset[tuple[str, str, frozenset[str]]]
    principals: normalise.Normal
    who: str
    words: str

    @property
    def effect(self) -> str:
        """Allow or Deny."""
        return self.statement.effect

    @property
    def key(self) -> Key:
        """What is the same for grants of one meaning that are spelled alike."""
        return (self.effect, self.action.lower(), self.resource, self.conditions, self.principals)

    @property
    def action_begin(self) -> str:
        """What all its actions begin with, in lower case."""
        begin = self.action.lower().partition("*")[0].partition("?")[0]
        return begin if self.statement.actions else ""

    @property
    def resource_begin(self) -> str:
        """What all its resources begin with."""
        begin = _OPEN.split(self.resource, maxsplit=1)[0]
        return begin if self.statement.resources else ""

    @property
    def line(self) -> tuple[str, str]:
        """The action, and the rest of what it says."""
        return self.action, f"on {self.resource}{self.who}{self.words}"


def grants(policy: Policy) -> dict[Key, Grant]:
    """Return the grants of a policy by their keys.

    Args:
        policy: The policy.
    """
    return {grant.key: grant for statement in policy.statements for grant in _of(statement)}


def _of(statement: Statement) -> Iterable[Grant]:
    # What is all but some things is one thing: each exception taken by itself would be wrong.
    excepted = ", ".join(sorted(statement.not_actions))
    actions = statement.actions or ((f"all but {excepted}",) if excepted else ())
    kept_out = ", ".join(sorted(statement.not_resources))
    resources = statement.resources or ((f"all but {kept_out}",) if kept_out else ())
    words = "".join(f" if {condition_text(c)}" for c in statement.conditions)
    who = principals_text(statement)
    principals = normalise.statement(statement)[-2:]  # type: ignore[index]
    for action in actions:
        for resource in resources or ("itself",):
            yield Grant(
                replace(
                    statement,
                    actions=(action,) if statement.actions else (),
                    resources=(resource,) if statement.resources else (),
                    sid="",
                ),
                action,
                resource,
                normalise.conditions(statement),
                principals,
                f" by {who}" if who else "",
                words,
            )


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
    # An ARN that is too short is completed, beginning with a colon.
    begins = other.resource_begin.startswith(one.resource_begin.rstrip(":"))
    if not begins and not _is_of_nothing(other.statement):
        return False
    return _proven(_bare(other.statement), _bare(one.statement))


class Containers:
    """Grants that may contain others, found without trying all.

    Args:
        grants: The grants.
    """

    def __init__(self, grants: Iterable[Grant]) -> None:
        self._by_begin: dict[str, list[Grant]] = {}
        for grant in grants:
            self._by_begin.setdefault(grant.action_begin, []).append(grant)

    def of(self, grant: Grant) -> Iterator[Grant]:
        """Yield those that contain a grant.

        Args:
            grant: The grant.
        """
        # What begins with more than the other contains only a part of it.
        begins: Iterable[str] = accumulate(grant.action_begin, initial="")
        if self._by_begin and _is_of_nothing(grant.statement):
            begins = self._by_begin
        for begin in begins:
            yield from (one for one in self._by_begin.get(begin, ()) if contains(one, grant))


def _is_of_nothing(statement: Statement) -> bool:
    """Say whether nothing can be as a statement says, so that anything contains it."""
    if statement.not_actions or statement.not_resources:
        return _proven(_bare(statement))
    anything = Statement(actions=("*",), resources=("*",), conditions=statement.conditions)
    return bool(statement.conditions) and _proven(anything)


def _bare(statement: Statement) -> Statement:
    """Return a statement as one that allows what the other is about, to whomever has it."""
    resources = statement.resources or (() if statement.not_resources else ("*",))
    return replace(statement, effect="Allow", resources=resources, principals=(), not_principals=())


@lru_cache(maxsize=4096)
def _proven(narrow: Statement, *wide: Statement) -> bool:
    # The older version has no policy variables: what is filled in is text like any other.
    try:
        return all(
            isinstance(no_new_access([_old(*others)], [_old(one)]), Proven)
            for one, *others in _filled(narrow, *wide)
        )
    except InputError:
        return False


def _old(*statements: Statement) -> Policy:
    return Policy(statements, version="2008-10-17")


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
_OPEN = re.compile(rf"[*?]|{_VARIABLE.pattern}")


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
