"""Every pair of conditions on one key, of a few operators and values that lie close together."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from smt.pairs import EVERYTHING, policy
from smt.request import Document

_ORDERS = ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
_FORMS = ("", "ForAllValues:", "ForAnyValue:")
# By key: operators, values, set operators, suffixes.
_CHOICES: dict[str, tuple[tuple[Any, ...], ...]] = {
    "aws:SourceIp": (
        ("IpAddress", "NotIpAddress"),
        ("0.0.0.0/0", "0.0.0.0/1", "10.0.0.0/8", "10.1.2.3", "::/0", "::/1", "::a01:203"),
        ("",),
        ("", "IfExists"),
    ),
    "s3:max-keys": (tuple("Numeric" + o for o in _ORDERS), ("1", "2", "2.0"), ("",), ("",)),
    "aws:CurrentTime": (
        tuple("Date" + o for o in _ORDERS),
        ("2020-01-01T00:00:00Z", "2020-01-01T01:00:00+01:00", "1577836801"),
        ("",),
        ("",),
    ),
    "aws:username": (
        ("StringEquals", "StringNotEquals", "StringLike"),
        ("a", "${aws:username}", "${aws:userid}"),
        ("", "ForAnyValue:"),
        ("", "IfExists"),
    ),
    "aws:TagKeys": (
        ("StringEquals", "StringNotLike"),
        ("a", ["a", "b"], "*", ""),
        _FORMS,
        ("", "IfExists"),
    ),
    "aws:RequestTag/a": (
        ("StringEquals", "StringNotLike"),
        ("a", ["a", "b"], "*", ""),
        _FORMS,
        ("", "IfExists"),
    ),
    "example:Unknown": (
        ("ArnLike", "ArnNotEquals"),
        ("arn:aws:a:b:c:d",),
        _FORMS,
        ("", "IfExists"),
    ),
}


def condition_pairs() -> Iterator[tuple[Document, Document]]:
    """Yield pairs of policies, old and new: Allow statements with a condition, or Deny ones."""
    for key, choices in _CHOICES.items():
        conditions = [
            {f"{form}{operator}{suffix}": {key: value}}
            for operator, value, form, suffix in product(*choices)
        ]
        conditions += [{form + "Null": {key: v}} for form in choices[2] for v in ("true", "false")]
        for number, (left, right) in enumerate(product(conditions, repeat=2)):
            effect = "Allow" if number % 2 else "Deny"
            others = [EVERYTHING] if effect == "Deny" else []
            old, new = (
                policy([{**EVERYTHING, "Effect": effect, "Condition": block}, *others])
                for block in (left, right)
            )
            yield old, new
