"""Results of indices, attributes and operators."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from itertools import product
from textwrap import shorten
from typing import Any

from vpc_cni_iam.hcl.evaluate.domain import (
    MOST_NUMBER,
    EvaluationError,
    HclValue,
    Set,
    UndecidedError,
    Unevaluated,
    advice,
    items,
    kind,
    scalar_kinds,
    text,
    unknown_in,
)
from vpc_cni_iam.hcl.evaluate.functions import convert_scalar, is_not_empty
from vpc_cni_iam.hcl.syntax import (
    Constant,
    FunctionCall,
    List,
    Node,
    Object,
    Operation,
    Reference,
    Text,
)

_WIDTH = 100

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def attribute(value: HclValue, name: str) -> HclValue:
    """Return an attribute of an object, or an item of a list by its number."""
    match value:
        case Unevaluated():
            if value.attributes is None:
                return value.computed
            code = f"{value.code}.{name}"
            return value.attributes.get(name, Unevaluated(code, value.advice or advice(code)))
        case dict():
            if name not in value:
                raise EvaluationError(f"there is no attribute {name!r}")
            return value[name]
        case tuple() if name.isdecimal():
            return item(value, int(name))
    raise EvaluationError(f"attribute {name!r} of {kind(value)}")


def item(value: HclValue, index: HclValue) -> HclValue:
    """Return the item at an index."""
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
    place = convert_scalar(index, "number")
    if not isinstance(place, int) or not 0 <= place < len(value):
        raise EvaluationError(f"there is no item {place}")
    return value[place]


def equal(left: HclValue, right: HclValue) -> bool | Unevaluated:
    """Return whether two values are equal; equal values have the same type."""
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


def computed(left: HclValue, sign: str, right: HclValue) -> HclValue:
    """Return the result of an operator on two numbers; only whole numbers are computed."""
    for value in (left, right):
        if isinstance(value, Unevaluated):
            return value.computed
        if isinstance(value, bool) or not isinstance(value, int) or sign not in _OPERATORS:
            raise UndecidedError
    result: int = _OPERATORS[sign](left, right)
    if abs(result) > MOST_NUMBER:
        raise UndecidedError
    return result


def may_fail(value: HclValue) -> Unevaluated | None:
    """Return a part of a value that an engine may refuse; None if there is none."""
    if isinstance(value, Unevaluated):
        return None if value.is_text or value.text is not None else value
    return next((part for item in items(value) if (part := may_fail(item))), None)


def is_path(node: Node) -> bool:
    """Return whether an expression is a name with attributes and indices, or its length.

    An engine refuses it only if an attribute or item is missing: it converts nothing.
    """
    match node:
        case Reference():
            return True
        case Operation(rule="get_attr_expr_term", parts=(Node() as inner, _)):
            return is_path(inner)
        case Operation(
            rule="index_expr_term",
            parts=(Node() as inner, Operation(rule="braces_index", parts=(_, Node() as index, _))),
        ):
            return is_path(inner) and (isinstance(index, Constant | Text) or is_path(index))
        case List(items=(only,)) | FunctionCall(name="length", arguments=(only,)):
            return is_path(only)
    return isinstance(node, Text) and node.plain is not None


def check_options(value: HclValue, other: HclValue, other_node: Node) -> None:
    """Raise `UndecidedError` if an engine may convert the chosen option of a conditional.

    An engine converts both options to one type; `other` is the option that is not chosen.
    """
    if _shape(value) == _shape(other):
        return
    if other_node != Constant("null") and _may_become_set(value, other):
        raise UndecidedError
    kinds = scalar_kinds(value)
    if kinds <= {"string"}:
        return
    alone = other_node in (List(()), Object(()), Constant("null"))
    same = scalar_kinds(other) == kinds and unknown_in(other) is None and not _has_empty(other)
    if len(kinds) > 1 or not (alone or same):
        raise UndecidedError


def _shape(value: HclValue) -> object:
    """Return the type of a value, with the types of its parts."""
    if isinstance(value, dict):
        return {name: _shape(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return [kind(value), *map(_shape, value)]
    return kind(value)


def _may_become_set(value: HclValue, other: HclValue) -> bool:
    """Return whether one option has a list where the other may have a set, or vice versa.

    Null and unknown values may be sets.
    """
    pairs: Iterable[tuple[HclValue, HclValue]] = ()
    match value, other:
        case dict(), dict() if value.keys() == other.keys():
            pairs = ((value[name], other[name]) for name in value)
        case (dict(), dict()) | (tuple(), tuple()) if _is_set(value) == _is_set(other):
            pairs = product(_nested(value), _nested(other))
        case tuple(), tuple():
            return bool(value) and (other != () or _is_set(other))
        case tuple(), None | Unevaluated():
            return len(value) > 1 and [*value] != sorted({*map(str, value)})
    return any(_may_become_set(item, part) for item, part in pairs)


def _is_set(value: HclValue) -> bool:
    return isinstance(value, Set)


def _nested(value: HclValue) -> list[HclValue]:
    """Return the items of a value that are neither texts nor numbers; nested lists are few."""
    return [item for item in items(value) if not isinstance(item, str | int)]


def _has_empty(value: HclValue) -> bool:
    """Return whether a value contains an empty list or map, whose items may have any type."""
    is_empty = isinstance(value, tuple | dict) and not value
    return is_empty or any(map(_has_empty, items(value)))


def sign_and_operand(term: Node) -> tuple[str, Node]:
    """Return the operator and the operand of one part of a chained operation."""
    match term:
        case Operation(parts=(Operation(parts=(str() as sign, *_)), Node() as operand)):
            return sign, operand
    raise UndecidedError


def shown(node: Node) -> str:
    """Return an expression as one line, for reasons."""
    if isinstance(node, FunctionCall):
        return f"{node.name}(...)"
    return "a list" if isinstance(node, List) else shorten(node.span.code, _WIDTH)
