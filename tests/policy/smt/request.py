"""A request with unknown parts: what it asks for, and what its context keys hold.

Sources: "AWS global condition context keys" of the IAM User Guide (the value type of each), the
Service Authorization Reference (of other keys: ArrayOf types have several values), "Single-valued
vs. multivalued context keys".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from cvc5 import Kind as Operation

from smt.terms import Formula, Term, Terms
from smt.texts import UndecidedError, Variable

Document = dict[str, Any]
# Documented as single-valued; any other key may have several values here.
SINGLE_VALUED = frozenset(
    (
        "aws:currenttime", "aws:epochtime", "aws:multifactorauthage", "aws:sourceip",
        "aws:multifactorauthpresent", "aws:principalaccount", "aws:principalarn", "aws:username",
        "aws:principalorgid", "aws:principaltype", "aws:referer", "aws:requestedregion",
        "aws:securetransport", "aws:sourceaccount", "aws:sourcearn", "aws:sourcevpc",
        "aws:sourcevpce", "aws:tokenissuetime", "aws:useragent", "aws:userid", "aws:viaawsservice",
        "aws:vpcsourceip", "aws:resourceaccount", "aws:resourceorgid", "aws:principalisawsservice",
        "ec2:vpc", "ec2:region", "ec2:createaction", "ec2:createdate",
        "ec2-instance-connect:privateipaddress", "iam:passedtoservice", "iam:awsservicename",
        "iam:permissionsboundary", "s3:prefix", "s3:max-keys", "s3:delimiter", "kms:viaservice",
        "kms:grantisforawsresource", "sts:externalid",
    )
)  # fmt: skip
SINGLE_VALUED_PREFIXES = (
    "aws:requesttag/", "aws:resourcetag/", "aws:principaltag/", "ec2:resourcetag/",
    "iam:resourcetag/", "s3:existingobjecttag/",
)  # fmt: skip


class Type(Enum):
    """What the values of a key are."""

    TEXT = "text"
    ARN = "ARN"
    TRUTH = "boolean"
    NUMBER = "number"
    DATE = "date"
    ADDRESS = "IP address"
    BYTES = "bytes"


_SORTS = {Type.NUMBER: "Real", Type.DATE: "Real", Type.ADDRESS: "Integer"}
_ADDRESSES = 2**128


@dataclass
class Key:
    """A context key.

    Args:
        name: Its name in lower case.
        type: What its values are.
        count: How many values it has.
        values: Its values, of which the first ``count`` count.
        newer: For addresses, whether each is of IPv6.
        several: Whether it can have more than one value.
    """

    name: str
    type: Type
    count: Term
    values: tuple[Term, ...]
    newer: tuple[Term, ...]
    several: bool


@dataclass
class Readings:
    """What AWS leaves open, as unknowns: whoever solves the formula picks a reading.

    Args:
        plain: An operator without a set operator on several values: 0 never holds, 1 holds if it
            holds of one, 2 is the negation of that of the positive operator, if negated, 3 holds
            if it holds of the first, 4 is whatever it is, alike for the same condition.
        null: ``Null`` with a set operator on a key that may have several values: 0 is always true
            with ForAllValues and never with ForAnyValue, 1 is as without, 2 asks of each value,
            3 is whatever it is.
        empty: One empty text under a set operator: 0 is a value, 1 is no value, 2 is no value,
            for which IfExists holds.
        narrow: Whether a wildcard amid a segment of a resource stays in it.
    """

    plain: Term
    null: Term
    empty: Term
    narrow: Term


@dataclass
class Request:
    """An unknown request, and what must be so for it to be one."""

    terms: Terms
    most: int
    types: dict[str, Type]
    constraints: list[Formula] = field(default_factory=list)
    keys: dict[str, Key] = field(default_factory=dict)
    named: dict[str, Term] = field(default_factory=dict)

    def __post_init__(self) -> None:
        terms = self.terms
        self.action = terms.constant("action", "String")
        self.resource = terms.constant("resource", "String")
        word = terms.repeated(terms.letters("az", "09", "-"))
        start = terms.letters("az")
        self.require(
            terms.within(
                self.action, terms.sequence([start, word, terms.exactly(":"), start, word])
            )
        )
        self.require(
            terms.some((terms.equal(self.resource, terms.text("*")), self._is_arn(self.resource)))
        )
        self.readings = Readings(
            *(terms.constant(name, "Integer") for name in ("plain", "null", "empty")),
            terms.constant("narrow", "Boolean"),
        )
        for reading, most in (
            (self.readings.plain, 4), (self.readings.null, 3), (self.readings.empty, 2)
        ):  # fmt: skip
            self._between(reading, 0, most)

    def require(self, formula: Formula) -> None:
        self.constraints.append(formula)

    def key(self, name: str) -> Key:
        """Return a context key; the same one for every spelling of its name."""
        name = name.lower()
        if name not in self.keys:
            self.keys[name] = self._new(name)
        return self.keys[name]

    def free(self, name: str) -> Term:
        """Return a truth value that nothing is known of; the same one for a name."""
        if name not in self.named:
            self.named[name] = self.terms.constant(name, "Boolean")
        return self.named[name]

    def has(self, key: Key, number: int) -> Formula:
        """Return whether a key has a value of a number, from 0."""
        return self.terms.make(Operation.GT, key.count, self.terms.integer(number))

    def resolve(self, variable: Variable) -> tuple[Formula, Term]:
        """Return whether a policy variable has a value, and the value."""
        key, terms = self.key(variable.key), self.terms
        if key.type not in (Type.TEXT, Type.ARN, Type.TRUTH):
            raise UndecidedError(f"a variable of the key {key.name}, whose values are no texts")
        # A key of several values is no variable.
        self.require(terms.make(Operation.LEQ, key.count, terms.integer(1)))
        present, value = self.has(key, 0), key.values[0]
        if variable.default is None:
            return present, value
        return True, terms.make(Operation.ITE, present, value, terms.text(variable.default))

    def _new(self, name: str) -> Key:
        terms, of = self.terms, self.types.get(name, Type.TEXT)
        several = name not in SINGLE_VALUED and not name.startswith(SINGLE_VALUED_PREFIXES)
        count = terms.constant(f"{name} count", "Integer")
        self._between(count, 0, self.most if several else 1)
        numbers = range(self.most if several else 1)
        values = tuple(terms.constant(f"{name} {n}", _SORTS.get(of, "String")) for n in numbers)
        newer = tuple(terms.constant(f"{name} {n} is IPv6", "Boolean") for n in numbers)
        for value, is_newer in zip(values, newer, strict=True):
            if of is Type.ARN:
                self.require(self._is_arn(value))
            elif of is Type.TRUTH:
                truths = (terms.equal(value, terms.text(t)) for t in ("true", "false"))
                self.require(terms.some(truths))
            elif of is Type.BYTES:  # in hexadecimal, two digits a byte
                digit = terms.letters("09", "af")
                self.require(terms.within(value, terms.repeated(terms.sequence([digit, digit]))))
            elif of is Type.ADDRESS:
                self._between(value, 0, _ADDRESSES - 1)
                old = terms.make(Operation.LT, value, terms.integer(2**32))
                self.require(terms.some((is_newer, old)))
        return Key(name, of, count, values, newer, several)

    def _between(self, term: Term, least: int, most: int) -> None:
        self.require(self.terms.make(Operation.GEQ, term, self.terms.integer(least)))
        self.require(self.terms.make(Operation.LEQ, term, self.terms.integer(most)))

    def _is_arn(self, text: Term) -> Formula:
        terms = self.terms
        segment = [terms.exactly(":"), terms.repeated(terms.not_colon)]
        rest = [terms.exactly(":"), terms.repeated(terms.any_character)]
        return terms.within(text, terms.sequence([terms.exactly("arn"), *segment * 4, *rest]))
