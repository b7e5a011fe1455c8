"""The condition operators by name.

Follows the IAM User Guide pages "IAM JSON policy elements: Condition operators" and, for the set
operators, "Single-valued vs. multivalued context keys".
"""

from __future__ import annotations

import operator as compare
import re
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from vpc_cni_iam.policy.matching.element_path import ElementPath


class Family(StrEnum):
    """The type of values that an operator compares, and the way."""

    STRING = "string"
    IGNORE_CASE = "string, ignoring case"
    LIKE = "string with wildcards"
    ARN = "ARN"
    NUMERIC = "number"
    DATE = "date"
    BOOL = "boolean"
    BINARY = "base64"
    IP = "IP address"
    NULL = "presence"


class SetOperator(StrEnum):
    """How an operator compares a key with several values."""

    NONE = ""
    ALL = "ForAllValues"
    ANY = "ForAnyValue"


TEXTS = (Family.STRING, Family.IGNORE_CASE, Family.LIKE, Family.ARN)
Order = Callable[[Decimal, Decimal], bool]


class Base(Struct, frozen=True):
    """An operator without set operator and ``IfExists``."""

    family: Family
    negated: bool = False  # whether it is true if no value matches
    # The comparison of numbers and dates: the request's value, then the policy's.
    order: Order = compare.eq


BASES = {
    "StringEquals": Base(Family.STRING),
    "StringNotEquals": Base(Family.STRING, negated=True),
    "StringEqualsIgnoreCase": Base(Family.IGNORE_CASE),
    "StringNotEqualsIgnoreCase": Base(Family.IGNORE_CASE, negated=True),
    "StringLike": Base(Family.LIKE),
    "StringNotLike": Base(Family.LIKE, negated=True),
    "ArnEquals": Base(Family.ARN),
    "ArnLike": Base(Family.ARN),
    "ArnNotEquals": Base(Family.ARN, negated=True),
    "ArnNotLike": Base(Family.ARN, negated=True),
    "Bool": Base(Family.BOOL),
    "BinaryEquals": Base(Family.BINARY),
    "IpAddress": Base(Family.IP),
    "NotIpAddress": Base(Family.IP, negated=True),
    "Null": Base(Family.NULL),
    **{
        kind + name: Base(family, negated, order)
        for kind, family in (("Numeric", Family.NUMERIC), ("Date", Family.DATE))
        for name, negated, order in (
            ("Equals", False, compare.eq),
            ("NotEquals", True, compare.eq),
            ("LessThan", False, compare.lt),
            ("LessThanEquals", False, compare.le),
            ("GreaterThan", False, compare.gt),
            ("GreaterThanEquals", False, compare.ge),
        )
    },
}

_NAME = re.compile(r"(?:(ForAllValues|ForAnyValue):)?(.*?)(IfExists)?")


class Operator(Struct, frozen=True):
    """An operator as a condition uses it."""

    base: Base
    quantifier: SetOperator = SetOperator.NONE
    if_exists: bool = False  # whether it is true if the request lacks the key


def is_operator(name: str) -> bool:
    """Return whether IAM has an operator with this name."""
    return _parts(name)[1] in BASES


def _parts(name: str) -> tuple[str | None, str, str | None]:
    """Return the set operator, the base and the suffix of an operator's name."""
    match = _NAME.fullmatch(name)
    return (match[1], match[2], match[3]) if match else (None, "", None)


def parse(name: str, place: ElementPath) -> Operator:
    """Return the operator with a name; raises `InputError` if IAM does not have it."""
    quantifier, bare, suffix = _parts(name)
    base = BASES.get(bare)
    if base is None:
        near = {known.lower(): known for known in BASES}.get(bare.lower())
        hint = f"; did you mean {near!r}?" if near else ""
        raise place.refuse(f"{name!r} is not a condition operator of IAM{hint}")
    if suffix and base.family is Family.NULL:
        raise place.refuse("Null tests whether the key exists and cannot end in IfExists")
    return Operator(base, SetOperator(quantifier or ""), bool(suffix))
