"""Whether there is a request that new policies allow and old ones do not, by cvc5.

Sources, of the IAM User Guide: "Policy evaluation logic" (an explicit Deny wins, then an Allow is
needed), "IAM JSON policy elements" of Action, NotAction, Resource, NotResource and Version.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import cvc5

from smt import conditions, documented, texts
from smt.request import Document, Key, Request, Type
from smt.terms import Formula, Term, Terms
from smt.texts import UndecidedError

MOST_VALUES = 2
# In cvc5's own steps, so that a slow machine decides the same: a second or less.
LIMIT = 100_000
_MILLISECONDS = 30_000  # for what cvc5 does without counting steps
Context = dict[str, str | tuple[str, ...]]


@dataclass(frozen=True)
class Refuted:
    """There is such a request.

    Args:
        action: Its action.
        resource: Its resource.
        context: Its context.
        readings: What was taken of each thing that AWS leaves open, by name.
    """

    action: str
    resource: str
    context: Context
    readings: Mapping[str, str]


@dataclass(frozen=True)
class Agreed:
    """There is none, of at most so many values for a key, in any reading."""


@dataclass(frozen=True)
class Undecided:
    """It is not known, and why."""

    reason: str


Verdict = Refuted | Agreed | Undecided


def judge(
    old: Sequence[Document],
    new: Sequence[Document],
    *,
    within: Sequence[Sequence[Document]] = (),
    old_within: Sequence[Sequence[Document]] | None = None,
    most: int = MOST_VALUES,
    limit: int = LIMIT,
) -> Verdict:
    """Return whether new policies allow a request that old ones do not.

    Args:
        old: The old policies of an identity, as JSON.
        new: The new ones.
        within: The limits, of which each must allow a request, too.
        old_within: The limits of the old policies, if they differ.
        most: How many values a key has at most.
        limit: What solving may cost, in steps of cvc5.
    """
    terms = Terms()
    try:
        limits = within if old_within is None else old_within
        before, after = [old, *limits], [new, *within]
        request = Request(terms, most, _types([p for layer in (*before, *after) for p in layer]))
        now, then = (
            terms.every([allowed(layer, request) for layer in layers]) for layers in (after, before)
        )
        question = terms.every((now, terms.no(then)))
        documented.require(request)
    except UndecidedError as error:
        return Undecided(str(error))
    return _solve(request, question, limit)


def outcomes(
    policies: Sequence[Document], action: str, resource: str, context: Mapping[str, object]
) -> frozenset[bool]:
    """Return whether policies allow a request, in the readings that are left open.

    Args:
        policies: The policies, as JSON.
        action: The action of the request.
        resource: Its resource.
        context: Its context; a list or tuple for several values.

    Returns:
        Each answer that a reading gives: none for a request that cannot be, such as one with two
        values for a key that has one, or with a value that is not of the key's type.
    """
    terms = Terms()
    request = Request(terms, MOST_VALUES, _types(policies))
    question = allowed(policies, request)
    documented.require(request)
    request.require(terms.equal(request.action, terms.text(action.lower())))
    request.require(terms.equal(request.resource, terms.text(resource)))
    values = {name.lower(): value for name, value in context.items()}
    for key in request.keys.values():
        present = values.get(key.name, ())
        several = present if isinstance(present, list | tuple) else (present,)
        request.require(terms.equal(key.count, terms.integer(len(several))))
        if len(several) > len(key.values):
            return frozenset()
        for number, text in enumerate(several):
            request.require(_is_value(request, key, number, str(text)))
    return frozenset(
        answer
        for answer, formula in ((True, question), (False, terms.no(question)))
        if not isinstance(_solve(request, formula, LIMIT), Agreed)
    )


def allowed(policies: Sequence[Document], request: Request) -> Formula:
    """Return whether policies allow a request: one Allow does and no Deny forbids."""
    terms = request.terms
    by_effect: dict[str, list[Formula]] = {"Allow": [], "Deny": []}
    for policy in policies:
        variables = policy.get("Version") == "2012-10-17"
        for statement in _list(policy.get("Statement", [])):
            applies = _applies(statement, request, variables=variables)
            by_effect[statement["Effect"]].append(applies)
    return terms.every((terms.some(by_effect["Allow"]), terms.no(terms.some(by_effect["Deny"]))))


def _applies(statement: Document, request: Request, *, variables: bool) -> Formula:
    if {"Principal", "NotPrincipal"} & statement.keys():
        raise UndecidedError("a Principal")
    terms = request.terms
    actions = terms.some(
        _action(text, request) for text in _list(statement.get("Action") or statement["NotAction"])
    )
    resources = terms.some(
        _resource(text, request, variables=variables)
        for text in _list(statement.get("Resource") or statement["NotResource"])
    )
    return terms.every(
        (
            terms.no(actions) if "NotAction" in statement else actions,
            terms.no(resources) if "NotResource" in statement else resources,
            conditions.all_of(statement.get("Condition", {}), request, variables=variables),
        )
    )


def _action(text: str, request: Request) -> Formula:
    if set(text) == {"*"}:
        return True
    parts = texts.split(text.lower(), variables=False, wildcards=True)
    return texts.like(request.terms, request.action, parts, request.resolve)


def _resource(text: str, request: Request, *, variables: bool) -> Formula:
    terms, narrow = request.terms, request.readings.narrow
    wide, within = texts.resource(
        terms, request.resource, text, request.resolve, variables=variables
    )
    if within is None:
        request.require(terms.no(narrow))
        return wide
    return wide if wide is within else terms.choose(narrow, within, wide)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _types(policies: Sequence[Document]) -> dict[str, Type]:
    """Return what the values of each key are, by the operators that compare them."""
    types_of_keys: dict[str, set[Type]] = {}
    for policy in policies:
        for statement in _list(policy.get("Statement", [])):
            for operator, name, _ in conditions.each(statement.get("Condition", {})):
                compared = conditions.type_of(operator)
                if compared is not None:
                    types_of_keys.setdefault(name.lower(), set()).add(compared)
    types = {}
    for name, several in types_of_keys.items():
        of = several - {Type.TEXT} or several  # a text operator compares ARNs and booleans, too
        if len(of) > 1 or (Type.TEXT in several and of & set(_NO_TEXTS)):
            raise UndecidedError(f"the key {name} is compared as {', '.join(t.value for t in of)}")
        (types[name],) = of
    return types


_NO_TEXTS = (Type.NUMBER, Type.DATE, Type.ADDRESS, Type.BYTES)


def _solve(request: Request, question: Formula, limit: int) -> Verdict:
    terms = request.terms
    question = terms.every((question, *request.constraints))
    if question is False:
        return Agreed()
    solver = cvc5.Solver(terms.manager)
    options = {
        "produce-models": "true",
        "strings-exp": "true",
        "rlimit-per": str(limit),
        "tlimit-per": str(_MILLISECONDS),
    }
    for name, value in options.items():
        solver.setOption(name, value)
    solver.setLogic("ALL")
    solver.assertFormula(terms.holds(question))
    result = solver.checkSat()
    if result.isUnsat():
        return Agreed()
    if not result.isSat():
        return Undecided("cvc5 gave up")
    return _model(request, solver)


def _model(request: Request, solver: cvc5.Solver) -> Refuted:
    def text(term: Term) -> str:
        return str(solver.getValue(term).getStringValue())

    def number(term: Term) -> int:
        return int(solver.getValue(term).getIntegerValue())

    context: Context = {}
    for key in request.keys.values():
        count = number(key.count)
        values = tuple(_value(key, position, solver) for position in range(count))
        if values:
            context[key.name] = values[0] if count == 1 else values
    readings = request.readings
    chosen = {
        "plain operator on several values": _PLAIN[number(readings.plain)],
        "Null with a set operator": _NULL[number(readings.null)],
        "one empty text under a set operator": _EMPTY[number(readings.empty)],
        "wildcard amid a segment of a resource": "stays in it"
        if solver.getValue(readings.narrow).getBooleanValue()
        else "matches colons",
    }
    return Refuted(text(request.action), text(request.resource), context, chosen)


_PLAIN = (
    "never holds",
    "holds if it does of one",
    "negates a match of one",
    "holds of the first",
    "is as it is",
)
_NULL = ("constant", "as without", "asks of each value", "is as it is")
_EMPTY = ("is a value", "is no value", "is no value, and IfExists holds")


def _value(key: Key, position: int, solver: cvc5.Solver) -> str:
    term = solver.getValue(key.values[position])
    if key.type is Type.NUMBER:
        return _decimal(Fraction(term.getRealValue()))
    if key.type is Type.DATE:
        since = Fraction(term.getRealValue())
        if since.denominator == 1 and abs(since) < 10**11:
            when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(since))
            return when.isoformat().replace("+00:00", "Z")
        return _decimal(since)
    if key.type is Type.ADDRESS:
        address = int(term.getIntegerValue())
        newer = solver.getValue(key.newer[position]).getBooleanValue()
        return str(IPv6Address(address) if newer else IPv4Address(address))
    if key.type is Type.BYTES:
        return base64.b64encode(bytes.fromhex(term.getStringValue())).decode()
    return str(term.getStringValue())


def _is_value(request: Request, key: Key, number: int, text: str) -> Formula:
    """Return whether a value of a key is the one that a text spells; false if it spells none."""
    terms, value = request.terms, key.values[number]
    try:
        if key.type is Type.ADDRESS:
            address = ip_address(text)
            newer = key.newer[number] if address.version == 6 else terms.no(key.newer[number])
            return terms.every((newer, terms.equal(value, terms.integer(int(address)))))
        if key.type is Type.BYTES:
            octets = base64.b64decode(text, validate=True).hex()
            return terms.equal(value, terms.text(octets))
        if key.type in (Type.NUMBER, Type.DATE):
            read = Fraction if key.type is Type.NUMBER else conditions.date
            return terms.equal(value, terms.real(read(text)))
    except ValueError:
        return False
    return terms.equal(value, terms.text(text))


def _decimal(number: Fraction) -> str:
    whole = number.limit_denominator(10**9)
    return str(whole.numerator) if whole.denominator == 1 else f"{float(whole):.9f}"
