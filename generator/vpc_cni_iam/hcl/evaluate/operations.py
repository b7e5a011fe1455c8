"""What indices, attributes and operators make of values."""

from __future__ import annotations

import operator
from collections.abc import Callable
from textwrap import shorten
from typing import Any

from vpc_cni_iam.hcl.evaluate.domain import (
    MOST_NUMBER,
    EvaluationError,
    Set,
    UndecidedError,
    Unevaluated,
    Value,
    advice,
    is_typed_empty,
    items,
    kind,
    one_type,
    scalar_kinds,
    text,
    unknown_in,
)
from vpc_cni_iam.hcl.evaluate.functions import FUNCTIONS, is_not_empty
from vpc_cni_iam.hcl.syntax import FunctionCall, List, Node, Operation

_WIDTH = 100

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def attribute(value: Value, name: str) -> Value:
    """Return an attribute of an object, or an item of a list by its number."""
    match value:
        case Unevaluated():
            if value.attributes is not None and name in value.attributes:
                return value.attributes[name]
            code = f"{value.code}.{name}"
            return Unevaluated(code, value.advice or advice(code))
        case dict():
            if name not in value:
                raise EvaluationError(f"there is no attribute {name!r}")
            return value[name]
        case tuple() if name.isdecimal():
            return item(value, int(name))
    raise EvaluationError(f"attribute {name!r} of {kind(value)}")


def item(value: Value, index: Value) -> Value:
    """Return what an index leads to."""
    for part in (value, index):
        if isinstance(part, Unevaluated):
            return part.computed
    if isinstance(value, dict):
        name = text(index)
        if name not in value:
            raise EvaluationError(f"there is no key {name!r}")
        return value[str(name)]
    if not isinstance(value, tuple) or isinstance(value, Set):
        raise EvaluationError(f"index of {kind(value)}")
    place = FUNCTIONS["tonumber"].call(index)
    if not isinstance(place, int) or not 0 <= place < len(value):
        raise EvaluationError(f"there is no item {place}")
    return value[place]


def equal(left: Value, right: Value) -> bool | Unevaluated:
    """Say whether two values are equal, which takes that they have one type."""
    for value, other in ((left, right), (right, left)):
        if isinstance(value, Unevaluated):
            known = value.is_text or value.text is not None or value.attributes is not None
            if (other is None and known) or (other == "" and is_not_empty(value)):
                return False  # which it never is
            return value.computed
    if left is None or right is None:
        return left is right
    if isinstance(left, tuple | dict) or isinstance(right, tuple | dict):
        raise UndecidedError  # it depends on declared types
    return kind(left) == kind(right) and left == right


def computed(left: Value, sign: str, right: Value) -> Value:
    """Return what an operator makes of two numbers; only whole numbers are computed."""
    for value in (left, right):
        if isinstance(value, Unevaluated):
            return value.computed
        if isinstance(value, bool) or not isinstance(value, int) or sign not in _OPERATORS:
            raise UndecidedError
    result: int = _OPERATORS[sign](left, right)
    if abs(result) > MOST_NUMBER:
        raise UndecidedError
    return result


def shape(value: Value) -> object:
    """Return the type of a value with those of its parts; one of its own for items of none."""
    if is_typed_empty(value):
        return object()
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return [kind(value), *map(shape, value)]
    return kind(value)


def may_fail(value: Value) -> Unevaluated | None:
    """Return a part of a value that an engine may refuse; None if there is none."""
    if isinstance(value, Unevaluated):
        return None if value.is_text or value.text is not None else value
    return next((part for item in items(value) if (part := may_fail(item))), None)


def whole(value: Value, *, in_try: bool) -> Value:
    """Return a value of parts; in `try`, it is unknown if an engine may refuse one of them."""
    return (may_fail(value) if in_try else None) or value


def check_options(value: Value, other: Value, *, in_try: bool) -> None:
    """Raise `UndecidedError` if an engine may convert an option of a condition to another value.

    It does so for one type of both. In `try`, another value counts if it refuses them.
    """
    if shape(value) == shape(other):
        return
    refused = in_try and not _have_common_type(value, other)
    as_set = _becomes_other(value, other) or (
        isinstance(other, Unevaluated) and _is_unlike_set(value)
    )
    if refused or as_set:
        raise UndecidedError
    kinds = scalar_kinds(value)
    if not kinds <= {"string"}:
        as_map = len(kinds) > 1 and _has_map(other)
        as_map |= _has_typed_empty(other)
        converted = kinds not in (set(), scalar_kinds(value, other))
        if as_map or converted or unknown_in(other):
            raise UndecidedError
        one_type((value, other))


def _have_common_type(*values: Value) -> bool:
    """Say whether values surely have types that an engine converts to one."""
    values = tuple(value for value in values if value is not None)
    if may_fail(values):
        return False
    for part in (dict, tuple):
        of_part = [value for value in values if isinstance(value, part)]
        if of_part:
            inner = [item for value in of_part for item in items(value)]
            empty = sum(map(is_typed_empty, of_part))
            if None in inner or (empty and (inner or empty > 1)):
                return False
            return len(of_part) == len(values) and _have_common_type(*inner)
    return len({kind(value) for value in values} - {"string"}) <= 1


def _becomes_other(value: Value, other: Value) -> bool:
    """Say whether a condition's options make a set of a tuple, or a list of a set."""
    differ = isinstance(value, Set) != isinstance(other, Set) and bool(value)
    return differ and (other != () or isinstance(other, Set))


def _is_unlike_set(value: Value) -> bool:
    """Say whether a list has another order, or more items, than a set of the same."""
    several = isinstance(value, tuple) and len(value) > 1
    return several and [*items(value)] != sorted({*map(str, items(value))})


def _has_typed_empty(value: Value) -> bool:
    return is_typed_empty(value) or any(map(_has_typed_empty, items(value)))


def _has_map(value: Value) -> bool:
    """Say whether a map or object is in a value."""
    return isinstance(value, dict) or any(_has_map(part) for part in items(value))


def sign_and_operand(term: Node) -> tuple[str, Node]:
    """Return the operator and the operand of a part of an operation that has several."""
    match term:
        case Operation(parts=(Operation(parts=(str() as sign, *_)), Node() as operand)):
            return sign, operand
    raise UndecidedError


def shown(node: Node) -> str:
    """Return an expression as reasons name it, in a line."""
    if isinstance(node, FunctionCall):
        return f"{node.name}(...)"
    return "a list" if isinstance(node, List) else shorten(node.span.code, _WIDTH)
