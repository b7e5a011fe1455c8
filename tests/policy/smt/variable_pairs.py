"""Pairs of policies with policy variables: homes of users, and tags that must be equal."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any

from smt.pairs import EVERYTHING, STRINGS, policy
from smt.request import Document

_KEYS = ("aws:PrincipalTag/team", "aws:ResourceTag/team", "aws:RequestTag/team", "aws:username")
_TEXTS = ("a", "b", "ab", "", "${*}", "a${?}")
_PATTERNS = ("a*", "*", "?*", "*b")
_HOME = "arn:aws:s3:::home/"


def variable_pairs(seed: int, count: int) -> Iterator[tuple[Document, Document]]:
    """Yield pairs of policies, old and new.

    Args:
        seed: Of the sample.
        count: How many.
    """
    random = Random(seed)
    for _ in range(count):
        homes = random.random() < 0.6
        old = [_statement(random, homes=homes) for _ in range(random.choice((1, 1, 2)))]
        new = deepcopy(old)
        for _ in range(random.choice((1, 1, 2))):
            _change(random, random.choice(new), _statement(random, homes=homes))
        if random.random() < 0.4:
            old.append(EVERYTHING)
            new.append(EVERYTHING)
        yield policy(old), policy(new)


def _statement(random: Random, *, homes: bool) -> Document:
    statement: dict[str, Any] = {
        "Effect": random.choice(("Allow", "Allow", "Deny")),
        "Action": "s3:GetObject",
        "Resource": "*",
    }
    if homes:
        del statement["Resource"]
        element = random.choice(("Resource", "Resource", "NotResource"))
        statement[element] = [_HOME + _home(random) for _ in range(random.choice((1, 1, 2)))]
    if not homes or random.random() < 0.5:
        statement["Condition"] = _conditions(random)
    return statement


def _home(random: Random) -> str:
    return random.choice(
        ("*", "a/*", "a*", "{0}", "{0}/*", "{0}*", "*/{0}", "a{0}", "{0}{1}")
    ).format(_variable(random), _variable(random))


def _variable(random: Random) -> str:
    default = random.choice(("", "", "", ", 'a'"))
    return f"${{{random.choice(_KEYS)}{default}}}"


def _conditions(random: Random) -> Document:
    block: dict[str, dict[str, list[str]]] = {}
    for _ in range(random.choice((1, 2, 2, 3))):
        key = random.choice(_KEYS)
        if random.random() < 0.1:
            block.setdefault("Null", {})[key] = [random.choice(("true", "false"))]
            continue
        prefix = random.choice(("", "", "", "", "ForAllValues:", "ForAnyValue:"))
        name = random.choice(STRINGS[:4])
        values = [*_TEXTS[:4], *(_variable(random) for _ in range(4)), "a" + _variable(random)]
        if "Like" in name:
            values += [*_TEXTS[4:], *_PATTERNS, _variable(random) + "*", "*" + _variable(random)]
        chosen = random.sample(values, random.choice((1, 1, 1, 2)))
        block.setdefault(prefix + name + random.choice(("", "", "", "IfExists")), {})[key] = chosen
    return block


def _change(random: Random, statement: Document, other: Document) -> None:
    """Take one part of a statement from another one, or add or drop conditions."""
    part = random.choice(("Effect", "Resource", "Condition", "more", "less"))
    block = statement.setdefault("Condition", {})
    if part == "Effect":
        statement["Effect"] = other["Effect"]
    elif part == "Resource":
        for name in ("Resource", "NotResource"):
            statement.pop(name, None)
            if name in other:
                statement[name] = other[name]
    elif part == "Condition":
        statement["Condition"] = other.get("Condition", {})
    elif part == "more":
        for operator, asked in other.get("Condition", {}).items():
            block.setdefault(operator, {}).update(asked)
    elif block:
        del block[random.choice(list(block))]
