"""The functions of HCL that are evaluated, as a table; what is not in it is unknown.

Each takes and returns values. It raises `EvaluationError` only for what every engine refuses, and
`UndecidedError` for arguments whose result is not surely the same as an engine's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from enum import Enum

from msgspec import Struct

from vpc_cni_iam.hcl.evaluate.domain import (
    EvaluationError,
    Number,
    Set,
    UndecidedError,
    Unevaluated,
    Value,
    flag,
    is_typed_empty,
    items,
    kind,
    number,
    one_type,
    same_kind,
    scalar_kinds,
    text,
)
from vpc_cni_iam.policy.template import HoleKind

# Engines refuse a longer range.
_MOST_RANGE = 1024
_SPACE = " \t\n\v\f\r"


class ArgumentNeeds(Enum):
    """How much of its arguments a function must know."""

    all = "every part"
    top = "which items there are, and not what they are"
    nothing = "nothing"


class Function(Struct, frozen=True):
    """A function."""

    call: Callable[..., Value]  # its result for its arguments
    needs: ArgumentNeeds = ArgumentNeeds.all
    types: bool = False  # whether it refuses some types of null and of the items of an empty list


def _sequence(value: Value) -> tuple[Value, ...]:
    """Return the items of a list, in their order."""
    if value is None:
        raise EvaluationError("null where a list is needed")
    if not isinstance(value, tuple) or isinstance(value, Set):
        raise UndecidedError
    return value


def _collection(value: Value) -> tuple[Value, ...]:
    """Return the items of a list or set."""
    return tuple(value) if isinstance(value, Set) else _sequence(value)


def _map(value: Value) -> dict[str, Value]:
    if not isinstance(value, dict):
        raise UndecidedError
    return value


def _text(value: Value) -> str:
    result = text(value)
    if isinstance(result, Unevaluated):
        raise UndecidedError
    return result


def _ascii(value: Value) -> str:
    result = _text(value)
    if not result.isascii():
        raise UndecidedError
    return result


def _whole_number(value: Value) -> int:
    value = _to_number(value)
    if not isinstance(value, int):
        raise UndecidedError
    return value


def _or_null(convert: Callable[[Value], Value]) -> Callable[[Value], Value]:
    return lambda value: None if value is None else convert(value)


def to_set(value: Value) -> Set:
    """Return a list of scalars of one type as a set."""
    values = _collection(value)
    same_kind(*values)
    if all(isinstance(v, str) for v in values):
        return Set(sorted({v for v in values if isinstance(v, str)}))
    if all(kind(v) == "number" for v in values):
        return Set(sorted({v for v in values if isinstance(v, int | Decimal)}))
    raise UndecidedError


def _to_list(value: Value) -> Value:
    values = _collection(value)
    one_type(values)
    return values


def _to_map(value: Value) -> Value:
    fields = _map(value)
    one_type(fields.values())
    return fields


def _to_number(value: Value) -> Number | None:
    if value is None or kind(value) == "number":
        return value  # type: ignore[return-value] # which is a number
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
        return number(value)
    raise (
        UndecidedError
        if isinstance(value, str)
        else EvaluationError(f"{kind(value)} where a number is needed")
    )


def _flags(value: Value) -> Iterator[bool]:
    for item in _collection(value):
        if not isinstance(item, bool):
            raise UndecidedError
        yield item


def is_not_empty(value: Unevaluated) -> bool:
    """Say whether an unknown value is a text that is not empty, whatever it is.

    What a user passes for a variable of a module is taken not to be.
    """
    parts = value.text.parts if value.text is not None else ()
    return value.is_text or any(
        isinstance(part, str) or part.kind is HoleKind.PARAMETER for part in parts
    )


def _coalesce(*values: Value) -> Value:
    for place, value in enumerate(values):
        if isinstance(value, Unevaluated):
            others = {scalar_kinds(v) <= {"string"} for v in values if v is not None}
            if is_not_empty(value) and others == {True}:
                return value
            raise UndecidedError
        if value is None or value == "":
            continue
        if not isinstance(value, str):
            # Engines convert it if it stands beside a string.
            if any(isinstance(other, Unevaluated) for other in values[place:]):
                raise UndecidedError
            one_type(values)
        elif any(isinstance(other, tuple | dict) for other in values):
            raise UndecidedError
        return value
    raise EvaluationError("coalesce has no argument that is not null and not empty")


def _check_mergeable(values: tuple[Value, ...]) -> None:
    """Refuse collections whose items engines may convert to one type.

    They convert none where one collection has several, for it is a tuple or an object.
    """
    kinds = [scalar_kinds(value) for value in values]
    every = set().union(*kinds) | {"string" for value in values if is_typed_empty(value)}
    if all(len(names) <= 1 for names in kinds) and len(every) > 1:
        raise UndecidedError


def _coalesce_list(*values: Value) -> Value:
    _check_mergeable(values)
    if sequence := next(filter(None, [_sequence(value) for value in values]), None):
        return sequence
    raise EvaluationError("coalescelist has no list that is not empty")


def _concat(first: Value, *others: Value) -> Value:
    values = (first, *others)
    _check_mergeable(values)
    return tuple(item for value in values for item in _sequence(value))


def _flatten(value: Value) -> Value:
    def inside(value: Value) -> Iterator[Value]:
        for item in items(value):
            if isinstance(item, Unevaluated) and not item.is_text and item.text is None:
                raise UndecidedError  # it may be a list of any length
            if isinstance(item, tuple):
                yield from inside(item)
            else:
                yield item

    _collection(value)
    return tuple(inside(value))


def _distinct(value: Value) -> Value:
    values = _sequence(value)
    same_kind(*values)
    if any(isinstance(v, tuple | dict) for v in values):
        raise UndecidedError
    return tuple(dict.fromkeys(values))


def _compact(value: Value) -> Value:
    values = _collection(value)
    for item in values:
        if isinstance(item, Unevaluated) and not is_not_empty(item):
            return item.computed  # it may be empty
    texts = (
        item if item is None or isinstance(item, Unevaluated) else _text(item) for item in values
    )
    return tuple(item for item in texts if item)


def _merge(*values: Value) -> Value:
    _check_mergeable(values)
    return {k: v for value in values if value is not None for k, v in _map(value).items()}


def _lookup(value: Value, key: Value, *default: Value) -> Value:
    known = _map(value)
    name = _text(key)
    if name in known:
        return known[name]
    if not default:
        raise EvaluationError(f"lookup finds no {name!r}")
    try:
        one_type(known.values())
    except UndecidedError:
        return default[0]  # it is an object, for a map has values of one type
    if is_typed_empty(value) and not isinstance(default[0], str):
        raise UndecidedError  # it gets the type of the map's values
    one_type((*known.values(), *default))
    return default[0]


def _length(value: Value) -> Value:
    if isinstance(value, str):
        return len(_ascii(value))
    if not isinstance(value, tuple | dict):
        raise EvaluationError(f"length of {kind(value)}")
    return len(value)


def _element(value: Value, index: Value) -> Value:
    values, place = _sequence(value), _whole_number(index)
    if not values:
        raise EvaluationError("element of an empty list")
    if place < 0:
        raise UndecidedError  # refused by older engines
    return values[place % len(values)]


def _split(separator: Value, value: Value) -> Value:
    mark = _text(separator)
    if not mark:
        raise UndecidedError
    return tuple(_text(value).split(mark))


def _join(separator: Value, *values: Value) -> Value:
    return _text(separator).join(_text(item) for value in values for item in _collection(value))


def _format(template: Value, *values: Value) -> Value:
    pieces, left = [], list(values)
    parts = _text(template).split("%")
    pieces.append(parts.pop(0))
    while parts:
        part = parts.pop(0)
        if not part and parts:
            pieces.append("%" + parts.pop(0))
            continue
        verb, rest = part[:1], part[1:]
        if verb not in ("s", "v", "d") or not left:
            raise UndecidedError
        value = left.pop(0)
        if (
            value is None
            or (verb == "d" and (isinstance(value, bool) or not isinstance(value, int)))
            or (verb == "v" and not isinstance(value, str | int))
        ):
            raise UndecidedError
        pieces.append(_text(value) + rest)
    if left:
        raise EvaluationError("format has more values than verbs")
    return "".join(pieces)


def _formatlist(template: Value, *values: Value) -> Value:
    lengths = {len(v) for v in values if isinstance(v, tuple)}
    if len(lengths) != 1 or template is None:
        raise UndecidedError
    _text(template)
    return tuple(
        _format(template, *(_collection(v)[n] if isinstance(v, tuple) else v for v in values))
        for n in range(lengths.pop())
    )


def _replace(value: Value, old: Value, new: Value) -> Value:
    before = _text(old)
    if not before or (before.startswith("/") and before.endswith("/")):
        raise UndecidedError  # a regular expression of Go's
    return _text(value).replace(before, _text(new))


def _contains(value: Value, item: Value) -> Value:
    values = _collection(value)
    if item is None or any(isinstance(v, tuple | dict) for v in (item, *values)):
        raise UndecidedError
    same_kind(*values, item)
    return item in values


def _range(limit: Value, *others: Value) -> Value:
    if len(others) > 1:  # with a step
        raise UndecidedError
    start, end = (0, *map(_whole_number, (limit, *others)))[-2:]
    numbers = range(start, end, 1 if end >= start else -1)
    if len(numbers) > _MOST_RANGE:
        raise EvaluationError(f"range of more than {_MOST_RANGE:,} numbers")
    return tuple(numbers)


def _slice(value: Value, start: Value, end: Value) -> Value:
    values, first, last = _sequence(value), _whole_number(start), _whole_number(end)
    if not 0 <= first <= last <= len(values):
        raise EvaluationError("slice goes beyond its list")
    return values[first:last]


def _one(value: Value) -> Value:
    values = _collection(value)
    if len(values) > 1:
        raise EvaluationError("one of a list of several items")
    return values[0] if values else None


def _zipmap(keys: Value, values: Value) -> Value:
    names, held = _sequence(keys), _sequence(values)
    if len(names) != len(held):
        raise EvaluationError("zipmap of lists of different lengths")
    return dict(zip(map(_text, names), held, strict=True))


def _json(value: Value) -> Value:
    def plain(value: Value) -> object:
        if isinstance(value, dict):
            return {name: plain(inner) for name, inner in sorted(value.items())}
        if isinstance(value, tuple):
            return [plain(item) for item in value]
        return float(value) if isinstance(value, Decimal) else value

    encoded = json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        encoded = encoded.replace(character, f"\\u{ord(character):04x}")
    return encoded


def _set_operation(name: str) -> Callable[..., Value]:
    def operate(value: Value, *values: Value) -> Value:
        first, *others = (to_set(value) for value in (value, *values))
        if not scalar_kinds(value, *values) <= {"string"}:
            raise UndecidedError  # an empty list may be one of strings
        return to_set(tuple(getattr(set(first), name)(*others)))

    return operate


def _extreme(choose: Callable[..., int]) -> Callable[..., Value]:
    return lambda value, *values: choose(map(_whole_number, (value, *values)))


FUNCTIONS = {
    "alltrue": Function(lambda v: all([*_flags(v)]), types=True),
    "anytrue": Function(lambda v: any([*_flags(v)]), types=True),
    "coalesce": Function(_coalesce, ArgumentNeeds.nothing),
    "coalescelist": Function(_coalesce_list, ArgumentNeeds.top),
    "compact": Function(_compact, ArgumentNeeds.top, types=True),
    "concat": Function(_concat, ArgumentNeeds.top),
    "contains": Function(_contains),
    "distinct": Function(_distinct),
    "element": Function(_element, ArgumentNeeds.top),
    "endswith": Function(lambda v, end: _text(v).endswith(_text(end))),
    "flatten": Function(_flatten, ArgumentNeeds.top),
    "format": Function(_format),
    "formatlist": Function(_formatlist),
    "join": Function(_join, types=True),
    "jsonencode": Function(_json),
    "keys": Function(lambda v: tuple(sorted(_map(v))), ArgumentNeeds.top),
    "length": Function(_length, ArgumentNeeds.top),
    "lookup": Function(_lookup, ArgumentNeeds.top),
    "lower": Function(lambda v: _ascii(v).lower()),
    "max": Function(_extreme(max)),
    "merge": Function(_merge, ArgumentNeeds.top, types=True),
    "min": Function(_extreme(min)),
    "one": Function(_one, ArgumentNeeds.top, types=True),
    "range": Function(_range),
    "replace": Function(_replace),
    "reverse": Function(lambda v: _sequence(v)[::-1], ArgumentNeeds.top),
    "setintersection": Function(_set_operation("intersection"), types=True),
    "setsubtract": Function(_set_operation("difference"), types=True),
    "setunion": Function(_set_operation("union"), types=True),
    "slice": Function(_slice, ArgumentNeeds.top),
    "sort": Function(lambda v: tuple(sorted(map(_text, _collection(v)))), types=True),
    "split": Function(_split),
    "startswith": Function(lambda v, start: _text(v).startswith(_text(start))),
    "strcontains": Function(lambda v, part: _text(part) in _text(v)),
    "tobool": Function(_or_null(flag)),
    "tolist": Function(_or_null(_to_list)),
    "tomap": Function(_to_map, ArgumentNeeds.top),
    "tonumber": Function(_to_number),
    "toset": Function(_or_null(to_set)),
    "tostring": Function(_or_null(_text)),
    "trimprefix": Function(lambda v, start: _text(v).removeprefix(_text(start))),
    "trimspace": Function(lambda v: _ascii(v).strip(_SPACE)),
    "trimsuffix": Function(lambda v, end: _text(v).removesuffix(_text(end))),
    "upper": Function(lambda v: _ascii(v).upper()),
    "values": Function(
        lambda v: tuple(m[k] for m in [_map(v)] for k in sorted(m)), ArgumentNeeds.top
    ),
    "zipmap": Function(_zipmap, ArgumentNeeds.top, types=True),
}
