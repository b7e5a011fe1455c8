"""Pairs of policies that differ in how they ask for a key: where proofs are easily wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from smt.request import Document

STRINGS = (
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
EVERYTHING: Document = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@dataclass(frozen=True)
class Pool:
    """What conditions on a key are made of."""

    operators: tuple[str, ...]
    values: tuple[str, ...]


_STRING_POOL = Pool(STRINGS, _TEXTS)
_NUMBERS = Pool(
    tuple("Numeric" + order for order in _ORDERS),
    ("0", "1", "2", "2.0", "10", "1e1", "-1", "1.5", "9.999"),
)
_DATES = Pool(
    tuple("Date" + order for order in _ORDERS),
    (
        "2020-01-01T00:00:00Z", "2020-01-01", "2020", "1577836800", "2021-06-01T02:00:00+02:00",
        "2021-06-01T00:00:00Z", "2021-06-01T00:00:00.5Z", "2021-06-01T00:00:01Z",
    ),
)  # fmt: skip
_ADDRESSES = Pool(
    ("IpAddress", "NotIpAddress"),
    (
        "0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "128.0.0.0/2", "10.0.0.0/8", "10.0.0.0/9",
        "10.128.0.0/9", "10.1.2.3", "10.1.2.2/31", "::/0", "::/1", "8000::/1", "2001:db8::/32",
        "2001:db8::1", "::ffff:10.0.0.0/104",
    ),
)  # fmt: skip
INTERVALS: Mapping[str, Pool] = {
    "s3:max-keys": _NUMBERS,
    "aws:CurrentTime": _DATES,
    "aws:SourceIp": _ADDRESSES,
    "example:SeveralNumbers": _NUMBERS,
    "example:SeveralAddresses": _ADDRESSES,
}
KEYS: Mapping[str, Pool] = {
    "aws:TagKeys": _STRING_POOL,
    "aws:RequestTag/team": _STRING_POOL,
    "aws:CalledVia": _STRING_POOL,
    "dynamodb:Attributes": _STRING_POOL,
    "iam:PassedToService": _STRING_POOL,
    "aws:PrincipalArn": Pool(
        _ARNS, (_ROLE + "a", _ROLE + "*", _ROLE + "?", "arn:aws:iam::*:role/a", "arn:*:*:*:*:*")
    ),
    "example:SeveralArns": Pool(
        _ARNS, (_ROLE + "a", _ROLE + "*", "arn:aws:iam::*:role/a", "arn:aws:iam::*:*")
    ),
    "aws:SecureTransport": Pool(("Bool", "StringEquals", "StringNotEquals"), ("true", "false")),
    **INTERVALS,
}


def pairs(
    seed: int, count: int, pools: Mapping[str, Pool] = KEYS
) -> Iterator[tuple[Document, Document]]:
    """Yield pairs of policies, old and new.

    Args:
        seed: Of the sample.
        count: How many.
        pools: What conditions are made of, by key.
    """
    random = Random(seed)
    for _ in range(count):
        keys = random.sample(list(pools), random.choice((1, 1, 1, 2)))
        old = [_statement(random, keys, pools) for _ in range(random.choice((1, 2, 2, 3)))]
        if random.random() < 0.6:
            old.append(EVERYTHING)
        new = list(old)
        for _ in range(random.choice((1, 1, 2))):
            place = random.randrange(len(new))
            new[place] = _changed(random, new[place], keys, pools)
        yield policy(old), policy(new)


def interval_pairs(seed: int, count: int) -> Iterator[tuple[Document, Document]]:
    """Yield pairs of policies about numbers, dates and IP addresses."""
    return pairs(seed, count, INTERVALS)


def policy(statements: list[Document]) -> Document:
    return {"Version": "2012-10-17", "Statement": statements}


def _statement(random: Random, keys: list[str], pools: Mapping[str, Pool]) -> Document:
    statement: dict[str, Any] = {
        "Effect": random.choice(("Allow", "Deny")),
        "Action": "ec2:CreateTags",
        "Resource": "*",
    }
    if random.random() < 0.2:
        home = "arn:aws:s3:::home/" + random.choice(("${aws:username}/*", "a/*", "*"))
        del statement["Resource"]
        statement[random.choice(("Resource", "NotResource"))] = home
    if random.random() < 0.1:
        del statement["Action"]
        statement["NotAction"] = random.choice(("s3:*", "ec2:Describe*"))
    block: dict[str, dict[str, Any]] = {}
    for key in random.choices(keys, k=random.choice((1, 1, 2, 2, 3))):
        operator, values = _condition(random, key, pools)
        block.setdefault(operator, {})[key] = values
    return {**statement, "Condition": block}


def _condition(random: Random, key: str, pools: Mapping[str, Pool]) -> tuple[str, list[str]]:
    """Return an operator and values for a key."""
    if random.random() < 0.15:
        prefix = random.choice(("", "", *_PREFIXES))
        return prefix + "Null", [random.choice(("true", "false"))]
    pool = pools[key]
    operator = random.choice(_PREFIXES) + random.choice(pool.operators)
    if random.random() < 0.2:
        operator += "IfExists"
    values = list(pool.values)
    if pool is _STRING_POOL and "IgnoreCase" not in operator:
        values += _VARIABLES
    return operator, random.sample(values, random.choice((1, 1, 2)))


def _changed(
    random: Random, statement: Document, keys: list[str], pools: Mapping[str, Pool]
) -> Document:
    """Return a statement that asks otherwise for one key, or for none."""
    block = statement.get("Condition")
    if not block or random.random() < 0.1:
        return _statement(random, keys, pools)
    operator = random.choice(list(block))
    key = random.choice(list(block[operator]))
    conditions = {name: dict(asked) for name, asked in block.items()}
    values = conditions[operator].pop(key)
    if random.random() < 0.9:
        changed, values_instead = _condition(random, key, pools)
        if random.random() < 0.3 and "Null" not in operator:  # in another form, the same values
            changed, values_instead = _other_form(random, operator), values
        conditions.setdefault(changed, {})[key] = values_instead
    return {**statement, "Condition": {name: asked for name, asked in conditions.items() if asked}}


def _other_form(random: Random, operator: str) -> str:
    bare = operator.removeprefix("ForAllValues:").removeprefix("ForAnyValue:")
    bare = bare.removesuffix("IfExists")
    return random.choice(_PREFIXES) + bare + random.choice(("", "", "IfExists"))
