"""Condition operators as AWS documents them, in every reading that is left open.

Sources, of the IAM User Guide: "IAM JSON policy elements: Condition operators", "Conditions with
multiple context keys or values", "Single-valued vs. multivalued context keys", "IAM policy
validation check reference" (Null with qualifier).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from ipaddress import ip_network

from cvc5 import Kind

from smt import texts
from smt.request import Document, Key, Request, Type
from smt.terms import Formula, Term
from smt.texts import UndecidedError

_EXACT, _FOLDED, _LIKE = "exact", "folded", "like"
_TEXT_OPERATORS = {
    "StringEquals": _EXACT, "StringNotEquals": _EXACT,
    "StringEqualsIgnoreCase": _FOLDED, "StringNotEqualsIgnoreCase": _FOLDED,
    "StringLike": _LIKE, "StringNotLike": _LIKE,
}  # fmt: skip
_ARN_OPERATORS = ("ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike")
_ORDERS = {
    "Equals": Kind.EQUAL, "NotEquals": Kind.EQUAL, "LessThan": Kind.LT,
    "LessThanEquals": Kind.LEQ, "GreaterThan": Kind.GT, "GreaterThanEquals": Kind.GEQ,
}  # fmt: skip
_NAME = re.compile(r"(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def type_of(operator: str) -> Type | None:
    """Return what an operator compares; None for ``Null``, which compares nothing."""
    base = _parse(operator)[1]
    if base == "Null":
        return None
    if base in _TEXT_OPERATORS:
        return Type.TEXT
    if base in _ARN_OPERATORS:
        return Type.ARN
    for prefix, value_type in (("Numeric", Type.NUMBER), ("Date", Type.DATE)):
        if base.startswith(prefix) and base.removeprefix(prefix) in _ORDERS:
            return value_type
    others = {
        "Bool": Type.TRUTH,
        "IpAddress": Type.ADDRESS,
        "NotIpAddress": Type.ADDRESS,
        "BinaryEquals": Type.BYTES,
    }
    if base not in others:
        raise UndecidedError(f"the operator {operator}")
    return others[base]


def _parse(operator: str) -> tuple[str, str, bool]:
    match = _NAME.fullmatch(operator)
    if match is None:
        raise UndecidedError(f"the operator {operator}")
    return match[1] or "", match[2], match[3] is not None


def all_of(block: Document, request: Request, *, variables: bool) -> Formula:
    """Return whether every condition of a Condition block holds of a request."""
    return request.terms.every(
        _holds(operator, request.key(name), _values(values), request, variables=variables)
        for operator, name, values in each(block)
    )


def each(block: Document) -> Iterator[tuple[str, str, object]]:
    """Yield operator, key and values of each condition."""
    for operator, keys in block.items():
        for name, values in keys.items():
            yield operator, name, values


def _values(values: object) -> list[str]:
    texts_ = []
    for value in values if isinstance(values, list) else [values]:
        texts_.append(str(value).lower() if isinstance(value, bool) else str(value))
    return texts_


def _holds(
    operator: str, key: Key, values: list[str], request: Request, *, variables: bool
) -> Formula:
    quantifier, base, if_exists = _parse(operator)
    same = base.replace("ArnEquals", "ArnLike").replace("ArnNotEquals", "ArnNotLike")
    free = request.free(f"{quantifier}:{same} {key.name} {sorted(values)}")
    if base == "Null":
        truths = {value.lower() == "true" for value in values}
        return _null(quantifier, key, truths, free, request)
    negated = "Not" in base
    terms = request.terms
    matches = [
        terms.some(
            _matches(base, key, number, value, request, variables=variables) for value in values
        )
        for number in range(len(key.values))
    ]
    outcomes = [terms.no(match) if negated else match for match in matches]
    if quantifier:
        return _set(quantifier, key, outcomes, request, if_exists=if_exists)
    return _plain(key, matches, outcomes, free, request, negated=negated, if_exists=if_exists)


def _plain(
    key: Key,
    matches: list[Formula],
    outcomes: list[Formula],
    free: Term,
    request: Request,
    *,
    negated: bool,
    if_exists: bool,
) -> Formula:
    """Return whether an operator without a set operator holds.

    A key that is absent does not match: the condition is false, true for a negated operator, and
    true with IfExists.
    """
    terms = request.terms
    present, several = request.has(key, 0), False
    single = outcomes[0]
    if len(outcomes) > 1:
        several = request.has(key, 1)
        some_match = terms.some(
            terms.every((request.has(key, number), match)) for number, match in enumerate(matches)
        )
        some_hold = terms.some(
            terms.every((request.has(key, number), hold)) for number, hold in enumerate(outcomes)
        )
        readings = [
            False,
            some_hold,
            terms.no(some_match) if negated else some_match,
            outcomes[0],
            free,
        ]
        chosen = terms.some(
            terms.every((terms.equal(request.readings.plain, terms.integer(number)), reading))
            for number, reading in enumerate(readings)
        )
        single = terms.choose(several, chosen, single)
    return terms.choose(present, single, negated or if_exists)


def _set(
    quantifier: str, key: Key, outcomes: list[Formula], request: Request, *, if_exists: bool
) -> Formula:
    """Return whether an operator holds of every value, or of one.

    Without any value, ForAllValues is true and ForAnyValue is false.
    """
    terms = request.terms
    every = quantifier == "ForAllValues"
    absent = every or if_exists
    if every:
        matched = terms.every(
            terms.some((terms.no(request.has(key, number)), outcome))
            for number, outcome in enumerate(outcomes)
        )
    else:
        matched = terms.some(
            terms.every((request.has(key, number), outcome))
            for number, outcome in enumerate(outcomes)
        )
    if key.type is Type.TEXT:
        several = request.has(key, 1) if len(outcomes) > 1 else False
        empty = terms.every((terms.no(several), terms.equal(key.values[0], terms.text(""))))
        reading = request.readings.empty
        none = terms.some(
            terms.every((terms.equal(reading, terms.integer(number)), outcome))
            for number, outcome in enumerate((matched, every, absent))
        )
        matched = terms.choose(empty, none, matched)
    return terms.choose(request.has(key, 0), matched, absent)


def _null(quantifier: str, key: Key, truths: set[bool], free: Term, request: Request) -> Formula:
    """Return whether ``Null`` holds: true asks for an absent key, false for one that is there."""
    terms = request.terms
    plain = terms.choose(request.has(key, 0), False in truths, True in truths)
    if not quantifier:
        return plain
    every = quantifier == "ForAllValues"
    if not key.several:
        return every
    each_value = terms.choose(request.has(key, 0), False in truths, every)
    return terms.some(
        terms.every((terms.equal(request.readings.null, terms.integer(number)), reading))
        for number, reading in enumerate((every, plain, each_value, free))
    )


def _matches(
    base: str, key: Key, number: int, text: str, request: Request, *, variables: bool
) -> Formula:
    """Return whether one value of a request matches one of a policy, negation aside."""
    value, terms = key.values[number], request.terms
    if base in _TEXT_OPERATORS or base in _ARN_OPERATORS:
        return _matches_text(base, value, text, request, variables=variables)
    if base == "Bool":
        return terms.equal(value, terms.text(text.lower()))
    if base in ("IpAddress", "NotIpAddress"):
        return _in_network(value, key.newer[number], text, request)
    if base == "BinaryEquals":
        return terms.equal(value, terms.text(base64.b64decode(text).hex()))
    prefix, read = ("Date", date) if base.startswith("Date") else ("Numeric", Fraction)
    return terms.make(_ORDERS[base.removeprefix(prefix)], value, terms.real(read(text)))


def _matches_text(
    base: str, value: Term, text: str, request: Request, *, variables: bool
) -> Formula:
    how = _TEXT_OPERATORS.get(base)
    parts = texts.split(text, variables=variables, wildcards=how in (None, _LIKE))
    if how is None:
        return texts.arn(request.terms, value, parts, request.resolve)
    if how != _FOLDED:
        return texts.like(request.terms, value, parts, request.resolve)
    if texts.variables_of(parts):
        raise UndecidedError("a variable where case does not matter")
    return request.terms.within(value, request.terms.either_case("".join(map(str, parts))))


def _in_network(value: Term, newer: Term, text: str, request: Request) -> Formula:
    terms, network = request.terms, ip_network(text, strict=False)
    first, last = int(network.network_address), int(network.broadcast_address)
    return terms.every(
        (
            newer if network.version == 6 else terms.no(newer),
            terms.make(Kind.GEQ, value, terms.integer(first)),
            terms.make(Kind.LEQ, value, terms.integer(last)),
        )
    )


def date(text: str) -> Fraction:
    """Return a date as seconds since 1970: ISO 8601, or those seconds themselves."""
    if re.fullmatch(r"-?\d{5,}(\.\d+)?", text):
        return Fraction(text)
    if re.fullmatch(r"\d{4}(-\d\d)?", text):
        text += "-01-01"[3 * (len(text) > 4) :]
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return Fraction((moment - _EPOCH) // timedelta(microseconds=1), 10**6)
