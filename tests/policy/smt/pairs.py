"""Pairs of policies that differ in how they ask for a key: where proofs are easily wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from smt.request import Document

_STRINGS = (
    "StringEquals", "StringNotEquals", "StringLike", "StringNotLike",
    "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase",
)  # fmt: skip
_ARNS = ("ArnLike", "ArnEquals", "ArnNotLike", "ArnNotEquals")
_ORDERS = (
    "Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"
)  # fmt: skip
_TEXTS = ("a", "b", "A", "ab", "a*", "*", "?*", "?", "*b", "")
_VARIABLES = ("${aws:username}", "a${aws:username}", "${aws:username}*", "${aws:username, 'a'}")
_ROLE = "arn:aws:iam::111122223333:role/"
_PREFIXES = ("", "", "ForAllValues:", "ForAnyValue:")


@dataclass(frozen=True)
class _Pool:
    operators: tuple[str, ...]
    values: tuple[str, ...]


_STRING_POOL = _Pool(_STRINGS, _TEXTS)
KEYS: Mapping[str, _Pool] = {
    "aws:TagKeys": _STRING_POOL,
    "aws:RequestTag/team": _STRING_POOL,
    "aws:CalledVia": _STRING_POOL,
    "dynamodb:Attributes": _STRING_POOL,
    "iam:PassedToService": _STRING_POOL,
    "aws:PrincipalArn": _Pool(
        _ARNS, (_ROLE + "a", _ROLE + "*", _ROLE + "?", "arn:aws:iam::*:role/a", "arn:*:*:*:*:*")
    ),
    "glue:ArnsOfRoles": _Pool(
        _ARNS, (_ROLE + "a", _ROLE + "*", "arn:aws:iam::*:role/a", "arn:aws:iam::*:*")
    ),
    "aws:SecureTransport": _Pool(("Bool", "StringEquals", "StringNotEquals"), ("true", "false")),
    "s3:max-keys": _Pool(tuple("Numeric" + o for o in _ORDERS), ("1", "2", "2.0", "10", "-1")),
    "aws:CurrentTime": _Pool(
        tuple("Date" + o for o in _ORDERS),
        ("2020-01-01T00:00:00Z", "2020-01-01", "2021-06-01T02:00:00+02:00", "2021-06-01T00:00:00Z"),
    ),
    "aws:SourceIp": _Pool(
        ("IpAddress", "NotIpAddress"),
        (
            "10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9", "10.1.2.3", "0.0.0.0/0", "::/0",
            "2001:db8::/32", "2001:db8::1",
        ),
    ),
    "s3:LocationsOfAddresses": _Pool(("IpAddress", "NotIpAddress"), ("10.0.0.0/8", "10.0.0.0/9")),
}  # fmt: skip


def pairs(seed: int, count: int) -> Iterator[tuple[Document, Document]]:
    """Yield pairs of policies, old and new."""
    random = Random(seed)
    for _ in range(count):
        keys = random.sample(list(KEYS), random.choice((1, 1, 1, 2)))
        old = [_statement(random, keys) for _ in range(random.choice((1, 2, 2, 3)))]
        if random.random() < 0.6:
            old.append({"Effect": "Allow", "Action": "*", "Resource": "*"})
        new = list(old)
        for _ in range(random.choice((1, 1, 2))):
            place = random.randrange(len(new))
            new[place] = _changed(random, new[place], keys)
        yield _policy(old), _policy(new)


_TAG = "aws:PrincipalTag/team"
_USER = "${aws:username}"
_COMPARED = ("aws:ResourceTag/team", "aws:RequestTag/team", _TAG, "s3:prefix")
_COMPARED_VALUES = (
    f"${{{_TAG}}}", f"${{{_TAG}, 'a'}}", _USER, "a" + _USER, _USER + "*", "*" + _USER,
    f"${{{_TAG}}}{_USER}", "${aws:ResourceTag/team}", "a", "ab", "a*", "*", "?*", "${*}", "a${?}",
)  # fmt: skip
_HOMES = tuple(
    "arn:aws:s3:::home/" + end
    for end in ("*", "a/*", "a*", _USER, _USER + "/*", _USER + "*", "*/" + _USER, f"${{{_TAG}}}/*")
)


def variable_pairs(seed: int, count: int) -> Iterator[tuple[Document, Document]]:
    """Yield pairs of policies whose resources and values have policy variables."""
    random = Random(seed)
    for _ in range(count):
        old = [_with_variables(random) for _ in range(random.choice((1, 1, 2)))]
        if random.random() < 0.4:
            old.append({"Effect": "Allow", "Action": "*", "Resource": "*"})
        new = list(old)
        for _ in range(random.choice((1, 1, 2))):
            place = random.randrange(len(new))
            fresh = _with_variables(random)
            part = random.choice(("Condition", "Resource", "NotResource", "Effect"))
            kept = {k: v for k, v in new[place].items() if part == "Effect" or k != part}
            if part.endswith("Resource"):
                kept = {k: v for k, v in kept.items() if not k.endswith("Resource")}
                kept |= {k: v for k, v in fresh.items() if k.endswith("Resource")}
            else:
                kept |= {part: fresh[part]} if part in fresh else {}
            new[place] = kept
        yield _policy(old), _policy(new)


def _with_variables(random: Random) -> Document:
    found: dict[str, Any] = {
        "Effect": random.choice(("Allow", "Deny")),
        "Action": "s3:GetObject",
        random.choice(("Resource", "Resource", "NotResource")): random.choice(("*", *_HOMES)),
    }
    if random.random() < 0.7:
        block: dict[str, dict[str, Any]] = {}
        for key in random.sample(_COMPARED, random.choice((1, 1, 2))):
            operator = random.choice(_STRINGS[:4]) + random.choice(("", "", "", "IfExists"))
            values = random.sample(_COMPARED_VALUES, random.choice((1, 1, 2)))
            if random.random() < 0.15:
                operator, values = "Null", [random.choice(("true", "false"))]
            block.setdefault(operator, {})[key] = values
        found["Condition"] = block
    return found


def _policy(statements: list[Document]) -> Document:
    return {"Version": "2012-10-17", "Statement": statements}


def _statement(random: Random, keys: list[str]) -> Document:
    found: dict[str, Any] = {
        "Effect": random.choice(("Allow", "Deny")),
        "Action": "ec2:CreateTags",
        "Resource": "*",
    }
    if random.random() < 0.2:
        home = "arn:aws:s3:::home/" + random.choice(("${aws:username}/*", "a/*", "*"))
        del found["Resource"]
        found[random.choice(("Resource", "NotResource"))] = home
    if random.random() < 0.1:
        del found["Action"]
        found["NotAction"] = random.choice(("s3:*", "ec2:Describe*"))
    block: dict[str, dict[str, Any]] = {}
    for key in random.choices(keys, k=random.choice((1, 1, 2))):
        operator, values = condition(random, key)
        block.setdefault(operator, {})[key] = values
    return {**found, "Condition": block}


def condition(random: Random, key: str) -> tuple[str, Any]:
    """Return an operator and values for a key."""
    if random.random() < 0.2:
        prefix = random.choice(("", "", *_PREFIXES))
        return prefix + "Null", random.choice(("true", "false"))
    pool = KEYS[key]
    operator = random.choice(_PREFIXES) + random.choice(pool.operators)
    if random.random() < 0.2:
        operator += "IfExists"
    values = list(pool.values)
    if pool is _STRING_POOL and "IgnoreCase" not in operator:
        values += _VARIABLES
    chosen = random.sample(values, random.choice((1, 1, 2)))
    return operator, chosen if len(chosen) > 1 else chosen[0]


def _changed(random: Random, statement: Document, keys: list[str]) -> Document:
    """Return a statement that asks otherwise for one key, or for none."""
    block = statement.get("Condition")
    if not block or random.random() < 0.1:
        return _statement(random, keys)
    operator = random.choice(list(block))
    key = random.choice(list(block[operator]))
    kept = {
        o: {k: v for k, v in ks.items() if (o, k) != (operator, key)} for o, ks in block.items()
    }
    kept = {o: ks for o, ks in kept.items() if ks}
    if random.random() < 0.9:
        changed, values = condition(random, key)
        if random.random() < 0.3 and "Null" not in operator:  # in another form, the same values
            changed, values = _other_form(random, operator), block[operator][key]
        kept.setdefault(changed, {})[key] = values
    return {**statement, "Condition": kept}


def _other_form(random: Random, operator: str) -> str:
    bare = operator.removeprefix("ForAllValues:").removeprefix("ForAnyValue:")
    bare = bare.removesuffix("IfExists")
    return random.choice(_PREFIXES) + bare + random.choice(("", "", "IfExists"))
