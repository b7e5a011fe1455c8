"""What indices, attributes and operators make of values."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from vpc_cni_iam.hcl.evaluate.domain import (
    MOST_NUMBER,
    EvaluationError,
    Set,
    UndecidedError,
    Unknown,
    Value,
    advice,
    items,
    kind,
    text,
)
from vpc_cni_iam.hcl.evaluate.functions import FUNCTIONS

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
        case Unknown():
            if value.attributes is not None and name in value.attributes:
                return value.attributes[name]
            code = f"{value.code}.{name}"
            return Unknown(code, value.advice or advice(code))
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
        if isinstance(part, Unknown):
            return part.without_sample
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


def equal(left: Value, right: Value) -> bool | Unknown:
    """Say whether two values are equal, which takes that they have one type."""
    for value, other in ((left, right), (right, left)):
        if isinstance(value, Unknown):
            known = value.is_text or value.sample is not None or value.attributes is not None
            if (other is None and known) or (other == "" and value.is_text):
                return False  # which it never is
            return value.without_sample
    if left is None or right is None:
        return left is right
    if isinstance(left, tuple | dict) or isinstance(right, tuple | dict):
        raise UndecidedError  # it depends on declared types
    return kind(left) == kind(right) and left == right


def computed(left: Value, sign: str, right: Value) -> Value:
    """Return what an operator makes of two numbers; only whole numbers are computed."""
    for value in (left, right):
        if isinstance(value, Unknown):
            return value.without_sample
        if isinstance(value, bool) or not isinstance(value, int) or sign not in _OPERATORS:
            raise UndecidedError
    result: int = _OPERATORS[sign](left, right)
    if abs(result) > MOST_NUMBER:
        raise UndecidedError
    return result


def shape(value: Value) -> object:
    """Return the type of a value with those of its parts."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return [kind(value), *map(shape, value)]
    return kind(value)


def sampled(value: Value) -> bool:
    """Say whether a sample is in a value."""
    if isinstance(value, Unknown):
        return value.sample is not None
    return any(sampled(part) for part in items(value))


def without_samples(value: Value) -> Value:
    """Return a value with the texts of its samples."""
    if isinstance(value, Unknown) and value.sample is not None:
        return value.sample
    if isinstance(value, tuple) and not isinstance(value, Set):
        return tuple(map(without_samples, value))
    return value


def as_samples(value: Value) -> Value:
    """Return a value whose texts are samples."""
    if isinstance(value, str):
        return Unknown("a sample", "", value)
    if isinstance(value, tuple):
        return tuple(map(as_samples, value))
    return value


def without_sample(value: Value) -> Value:
    """Return a value that is unknown if it is a sample."""
    return value.without_sample if isinstance(value, Unknown) else value


def may_fail(value: Value) -> Unknown | None:
    """Return a part of a value that an engine may refuse; None if there is none."""
    if isinstance(value, Unknown):
        return None if value.is_text or value.sample is not None else value
    return next((part for item in items(value) if (part := may_fail(item))), None)


def may_differ(value: Value, other: Value) -> bool:
    """Say whether two values may be of types that have none in common."""
    alike = all(isinstance(value, part) == isinstance(other, part) for part in (tuple, dict))
    return not alike or may_fail(other) is not None


def has_map(value: Value) -> bool:
    """Say whether a map or object is in a value."""
    return isinstance(value, dict) or any(has_map(part) for part in items(value))
