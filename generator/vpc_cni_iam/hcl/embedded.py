"""Policies in an expression: a heredoc, a quoted string or ``jsonencode``.

Only an engine knows the value of a reference, so each expression with one is a hole in the policy's
texts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from decimal import Decimal

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl.parse import ONLY_AN_ENGINE, expression
from vpc_cni_iam.hcl.syntax import (
    REFERENCE,
    Code,
    Constant,
    FunctionCall,
    List,
    Node,
    Object,
    Operation,
    Span,
    Text,
)
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.parse import load_template, parse
from vpc_cni_iam.policy.strict_json import Number
from vpc_cni_iam.policy.template import Hole, HoleKind, PolicyText, join

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
# Engines print a number with up to this many digits as it is written.
_MOST_DIGITS = 150
_QUOTES = re.compile(r'\\.|"', re.DOTALL)


def is_document(value: Node) -> bool:
    """Return whether an expression writes out a JSON object, a policy or another."""
    if isinstance(value, FunctionCall):
        return value.name == "jsonencode" and _fields(value) is not None
    if not isinstance(value, Text) or not value.parts or not isinstance(value.parts[0], str):
        return False
    return value.parts[0].lstrip().startswith("{")


def has_statement(value: Node) -> bool:
    """Return whether an expression writes out an object that looks like a policy."""
    if not is_document(value):
        return False
    if isinstance(value, Text):
        return any(isinstance(p, str) and '"Statement"' in p for p in value.parts)
    fields = _fields(value)
    keys = [key for key, _ in fields.fields] if fields else []
    return any(isinstance(key, Text) and key.parts == ("Statement",) for key in keys)


def read(value: Node) -> Policy:
    """Return the policy in an expression for which `is_document` is true, with holes.

    Raises `InputError` if it is no policy, or if only an engine can know its structure.
    """
    try:
        if isinstance(value, FunctionCall):
            document = _encoded(value.arguments[0])
        else:
            assert isinstance(value, Text)  # noqa: S101 - is_document holds
            document = _decoded(value)
    except RecursionError:
        raise value.span.refuse("nests too deeply to be a policy") from None
    try:
        return parse(document, value.span.source)
    except InputError as error:
        place = f"line {value.span.line}, {error.place}"
        raise InputError(value.span.source, place, error.problem) from None


def _fields(value: Node) -> Object | None:
    """Return the object that is the only argument of a call."""
    match value:
        case FunctionCall(arguments=(Object() as only,)):
            return only
    return None


def _decoded(value: Text) -> object:
    """Decode JSON text, with holes for interpolations in its strings."""
    pieces: list[str | Hole] = []
    inside = False
    for part in value.parts:
        if isinstance(part, str):
            pieces.append(part)
            inside ^= len([q for q in _QUOTES.findall(part) if q == '"']) % 2 == 1
            continue
        code, place = part.full_code, part.span
        _check(part)
        if inside:
            pieces.append(_hole(code))
            continue
        match expression(part.code) if isinstance(part, Code) else part:
            case FunctionCall(name="jsonencode", arguments=(argument,)):
                pieces += ['"', _hole(argument.full_code), '"']
            case _:
                problem = f"{code} generates JSON that only an engine can know"
                raise place.refuse(problem)
    try:
        return load_template(join(pieces), value.span.source)
    except InputError as error:
        where = f"{error.place}: " if error.place else ""
        raise value.span.refuse(f"in its JSON, {where}{error.problem}") from None


def _encoded(value: Node) -> object:
    """Evaluate an argument of ``jsonencode``, with holes for its dynamic expressions."""
    match value:
        case Object(fields=fields):
            return _object(fields)
        case List(items=items):
            return [_encoded(item) for item in items]
        case Constant(code="true" | "false" | "null" as code):
            return json.loads(code)
        case Constant(code=code) if _NUMBER.fullmatch(code):
            return _number(code, value.span)
        case Operation(rule="unary_op") if _NUMBER.fullmatch(value.span.code):
            return _number(value.span.code, value.span)
    return _string(value)


def _object(fields: Iterable[tuple[Node, Node]]) -> dict[PolicyText, object]:
    decoded: dict[PolicyText, object] = {}
    for key, value in fields:
        name = _string(key)
        if name in decoded:
            problem = f"the key {str(name)!r} is there twice in one object"
            raise key.span.refuse(problem)
        decoded[name] = _encoded(value)
    return decoded


def _string(value: Node) -> PolicyText:
    if isinstance(value, Object | List):
        problem = "a name is expected here, not an object or a list"
        raise value.span.refuse(problem)
    if not isinstance(value, Text):
        code = value.span.code
        code = code if re.fullmatch(REFERENCE, code) else value.full_code
        return join([_hole(code)])
    texts: list[str | Hole] = []
    for part in value.parts:
        if isinstance(part, str):
            texts.append(part)
        else:
            _check(part)
            texts.append(_hole(part.full_code))
    return join(texts)


def _hole(code: str) -> Hole:
    return Hole(HoleKind.UNKNOWN, code)


def _number(code: str, place: Span) -> Number:
    """Return a number in the form of jsonencode."""
    try:
        number = Decimal(code)
        size = max(len(number.as_tuple().digits), abs(number.adjusted()))
    except ArithmeticError:
        size = _MOST_DIGITS + 1
    if size > _MOST_DIGITS:
        raise place.refuse("has a number that is too large")
    text = f"{number:f}"
    return Number(text.rstrip("0").rstrip(".") if "." in text else text)


def _check(part: Node) -> None:
    """Refuse code in a template that only an engine can read."""
    if isinstance(part, Code) and part.kind in ONLY_AN_ENGINE:
        raise part.span.refuse(ONLY_AN_ENGINE[part.kind])
