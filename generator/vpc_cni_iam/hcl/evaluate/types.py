"""Converts values to the types that variables declare."""

from __future__ import annotations

from vpc_cni_iam.hcl.evaluate.domain import (
    EvaluationError,
    UndecidedError,
    Unknown,
    Value,
    kind,
    one_type,
)
from vpc_cni_iam.hcl.evaluate.expressions import Evaluator
from vpc_cni_iam.hcl.evaluate.functions import FUNCTIONS, to_set
from vpc_cni_iam.hcl.evaluate.scope import ValueScope
from vpc_cni_iam.hcl.syntax import FunctionCall, List, Node, Object, Reference, Text

_SCALARS = {"string": "tostring", "number": "tonumber", "bool": "tobool"}


def convert(value: Value, constraint: Node | None) -> Value:
    """Return a value as a type, such as ``list(string)``, has it; None is any type.

    Raises `EvaluationError` if it cannot be converted, `UndecidedError` for an unknown type.
    """
    if value is None or isinstance(value, Unknown) or constraint in (None, Reference("any")):
        return value
    match constraint:
        case Reference(path="string" | "number" | "bool" as name):
            if isinstance(value, tuple | dict):
                raise EvaluationError(f"is a {kind(value)}, not a {name}")
            return FUNCTIONS[_SCALARS[name]].call(value)
        case FunctionCall(name=name, arguments=(inner,)) if name in _COLLECTIONS:
            return _COLLECTIONS[name](value, inner)
    raise UndecidedError


def _list(value: Value, inner: Node) -> Value:
    return _of_one_type(tuple(convert(item, inner) for item in _items(value, "list")), inner)


def _set(value: Value, inner: Node) -> Value:
    return to_set(tuple(convert(item, inner) for item in _items(value, "set")))


def _map(value: Value, inner: Node) -> Value:
    fields = {key: convert(item, inner) for key, item in _fields(value, "map").items()}
    _of_one_type(tuple(fields.values()), inner)
    return fields


def _tuple(value: Value, types: Node) -> Value:
    items, parts = _items(value, "tuple"), types.items if isinstance(types, List) else ()
    if len(items) != len(parts):
        raise EvaluationError(f"has {len(items)} items, not {len(parts)}")
    return tuple(convert(item, inner) for item, inner in zip(items, parts, strict=True))


def _of_one_type(items: tuple[Value, ...], inner: Node) -> tuple[Value, ...]:
    if inner == Reference("any"):
        one_type(items)
    return items


def _items(value: Value, name: str) -> tuple[Value, ...]:
    if not isinstance(value, tuple):
        raise EvaluationError(f"is a {kind(value)}, not a {name}")
    return tuple(value)


def _fields(value: Value, name: str) -> dict[str, Value]:
    if not isinstance(value, dict):
        raise EvaluationError(f"is a {kind(value)}, not a {name}")
    return value


def _object(value: Value, types: Node) -> Value:
    if not isinstance(types, Object):
        raise UndecidedError
    known = _fields(value, "object")
    fields: dict[str, Value] = {}
    for key, constraint in types.fields:
        if not isinstance(key, Text) or key.plain is None:
            raise UndecidedError
        name, inner, default = key.plain, constraint, None
        match constraint:
            case FunctionCall(name="optional", arguments=(inner, *defaults)):
                default = Evaluator(ValueScope()).evaluate(defaults[0]) if defaults else None
            case _ if name not in known:
                raise EvaluationError(f"has no attribute {name!r}")
        item = known.get(name)
        fields[name] = convert(default if item is None else item, inner)
    return fields


_COLLECTIONS = {"list": _list, "set": _set, "map": _map, "tuple": _tuple, "object": _object}
