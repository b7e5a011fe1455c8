"""The HCL functions that are evaluated, as a table; the results of others are unknown.

Popular modules use these for their policies. Each takes and returns values. It raises
`EvaluationError` only if every engine refuses the arguments, and `UndecidedError` if the result may
differ from an engine's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from vpc_cni_iam.hcl.evaluate.domain import (
    EvaluationError,
    HclValue,
    Set,
    UndecidedError,
    Unevaluated,
    flag,
    items,
    kind,
    number,
    one_type,
    same_kind,
    scalar_kinds,
    text,
    unknown_in,
)
from vpc_cni_iam.policy.template import Hole, HoleKind, Template, join


def _sequence(value: HclValue) -> tuple[HclValue, ...]:
    """Return the items of a list, in order."""
    if value is None:
        raise EvaluationError("null where a list is needed")
    if not isinstance(value, tuple) or isinstance(value, Set):
        raise UndecidedError
    return value


def _collection(value: HclValue) -> tuple[HclValue, ...]:
    """Return the items of a list or set."""
    return tuple(value) if isinstance(value, Set) else _sequence(value)


def _map(value: HclValue) -> dict[str, HclValue]:
    if not isinstance(value, dict):
        raise UndecidedError
    return value


def _text(value: HclValue) -> str:
    result = text(value)
    if isinstance(result, Unevaluated):
        raise UndecidedError
    return result


def _whole_number(value: HclValue) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise UndecidedError


def to_set(value: HclValue) -> Set:
    """Return a list of texts as a set."""
    values = _collection(value)
    if scalar_kinds(*values) <= {"string"} and all(isinstance(v, str) for v in values):
        return Set(sorted({str(v) for v in values}))
    raise UndecidedError


def convert_scalar(value: HclValue, name: str) -> HclValue:
    """Return a scalar as a string, number or bool, by the name of that type."""
    if value is None or kind(value) == name:
        return value
    if name == "string":
        return _text(value)
    if name == "bool":
        return flag(value)
    if isinstance(value, str):
        if not (value.isascii() and value.removeprefix("-").isdecimal()):
            raise UndecidedError
        return number(value)
    raise EvaluationError(f"{kind(value)} where a number is needed")


def is_not_empty(value: Unevaluated) -> bool:
    """Return whether an unknown value is certainly a text that is not empty.

    A user's value for a module's variable is assumed not to be empty.
    """
    parts = value.text.parts if value.text is not None else ()
    return value.is_text or any(
        isinstance(part, str) or part.kind is HoleKind.PARAMETER for part in parts
    )


def _coalesce(*values: HclValue) -> HclValue:
    kinds = scalar_kinds(*values)
    if any(isinstance(value, tuple | dict) for value in values):
        raise UndecidedError
    for value in values:
        if isinstance(value, Unevaluated):
            return value if is_not_empty(value) and kinds <= {"string"} else value.computed
        if value is None or value == "":
            continue
        if kind(value) != "string" and not all(kind(v) == kind(value) for v in values):
            raise UndecidedError  # engines may convert it
        return value
    raise EvaluationError("coalesce has no argument that is not null and not empty")


def _joined(first: HclValue, *others: HclValue) -> tuple[HclValue, ...]:
    """Return the items of lists; engines may convert items to one type, unless all are texts."""
    values = (first, *others)
    lists = [_sequence(value) for value in values]
    if not scalar_kinds(*values) <= {"string"}:
        if not all(lists):
            raise UndecidedError
        same_kind(*values)
    return tuple(item for items_ in lists for item in items_)


def _flatten(value: HclValue) -> HclValue:
    def inside(value: HclValue) -> Iterator[HclValue]:
        for item in items(value):
            if isinstance(item, tuple):
                yield from inside(item)
            else:
                yield item

    _collection(value)
    flat = tuple(inside(value))
    for item in flat:
        if isinstance(item, Unevaluated) and not item.is_text and item.text is None:
            return item.computed  # it may be a list of any length
    return flat


def _distinct(value: HclValue) -> HclValue:
    values = _sequence(value)
    same_kind(*values)
    if any(isinstance(v, tuple | dict) for v in values):
        raise UndecidedError
    return tuple(dict.fromkeys(values))


def _compact(value: HclValue) -> HclValue:
    values = _collection(value)
    for item in values:
        if isinstance(item, Unevaluated) and not is_not_empty(item):
            return item.computed  # it may be empty
    texts = (
        item if item is None or isinstance(item, Unevaluated) else _text(item) for item in values
    )
    return tuple(item for item in texts if item)


def _merge(*values: HclValue) -> HclValue:
    maps = [_map(value) for value in values if value is not None]
    return {name: item for fields in maps for name, item in fields.items()}


def _lookup(value: HclValue, key: HclValue, *default: HclValue) -> HclValue:
    known = _map(value)
    name = _text(key)
    if name in known:
        return known[name]
    if not default:
        raise EvaluationError(f"lookup finds no {name!r}")
    if default == (None,):
        return None
    try:
        one_type(known.values())
    except UndecidedError:
        return default[0]  # it is an object, since a map has values of one type
    if not known and not scalar_kinds(*default) <= {"string"}:
        raise UndecidedError  # it gets the type of the map's values
    one_type((*known.values(), *default))
    return default[0]


def _length(value: HclValue) -> HclValue:
    if isinstance(value, str):
        if not value.isascii():
            raise UndecidedError
    elif not isinstance(value, tuple | dict):
        raise EvaluationError(f"length of {kind(value)}")
    return len(value)


def _element(value: HclValue, index: HclValue) -> HclValue:
    values, place = _sequence(value), _whole_number(index)
    if not values:
        raise EvaluationError("element of an empty list")
    if place < 0:
        raise UndecidedError  # refused by older engines
    return values[place % len(values)]


def _split(separator: HclValue, value: HclValue) -> HclValue:
    mark = _text(separator)
    if not mark:
        raise UndecidedError
    return tuple(_text(value).split(mark))


def _join(separator: HclValue, *values: HclValue) -> HclValue:
    return _text(separator).join(_text(item) for value in values for item in _collection(value))


def _format(template: HclValue, *values: HclValue) -> HclValue:
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
        if not isinstance(value, str if verb != "d" else int) or isinstance(value, bool):
            raise UndecidedError
        pieces.append(_text(value) + rest)
    if left:
        raise EvaluationError("format has more values than verbs")
    return "".join(pieces)


def _formatlist(template: HclValue, *values: HclValue) -> HclValue:
    lengths = {len(v) for v in values if isinstance(v, tuple)}
    if len(lengths) != 1 or template is None:
        raise UndecidedError
    _text(template)
    return tuple(
        _format(template, *(_collection(v)[n] if isinstance(v, tuple) else v for v in values))
        for n in range(lengths.pop())
    )


def _replace(value: HclValue, old: HclValue, new: HclValue) -> HclValue:
    before = _text(old)
    if not before or (before.startswith("/") and before.endswith("/")):
        raise UndecidedError  # a regular expression of Go's
    return _text(value).replace(before, _text(new))


def _contains(value: HclValue, item: HclValue) -> HclValue:
    values = _collection(value)
    if item is None or any(isinstance(v, tuple | dict) for v in (item, *values)):
        raise UndecidedError
    same_kind(*values, item)
    return item in values


def _one(value: HclValue) -> HclValue:
    values = _collection(value)
    if len(values) > 1:
        raise EvaluationError("one of a list of several items")
    return values[0] if values else None


def _json(value: HclValue) -> HclValue:
    encoded = join(_encoded(value))
    return encoded if isinstance(encoded, str) else Unevaluated("jsonencode(...)", "", encoded)


def _encoded(value: HclValue) -> Iterator[str | Hole]:
    """Yield the parts of a value's JSON; a text with holes keeps them."""
    match value:
        case Unevaluated(text=Template(parts=parts)):
            yield '"'
            yield from (part if isinstance(part, Hole) else _quoted(part)[1:-1] for part in parts)
            yield '"'
        case dict():
            for number, name in enumerate(sorted(value)):
                yield f"{',' if number else '{'}{_quoted(name)}:"
                yield from _encoded(value[name])
            yield "}" if value else "{}"
        case tuple():
            for number, item in enumerate(value):
                yield "," if number else "["
                yield from _encoded(item)
            yield "]" if value else "[]"
        case _:
            yield _quoted(value)


def _quoted(value: HclValue) -> str:
    """Return the JSON of a scalar in the form of engines."""
    encoded = json.dumps(value, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        encoded = encoded.replace(character, f"\\u{ord(character):04x}")
    return encoded


FUNCTIONS: dict[str, Callable[..., HclValue]] = {
    "coalesce": _coalesce,
    "compact": _compact,
    "concat": _joined,
    "contains": _contains,
    "distinct": _distinct,
    "element": _element,
    "flatten": _flatten,
    "format": _format,
    "formatlist": _formatlist,
    "join": _join,
    "jsonencode": _json,
    "length": _length,
    "lookup": _lookup,
    "merge": _merge,
    "one": _one,
    "replace": _replace,
    "split": _split,
    "toset": lambda v: None if v is None else to_set(v),
}
# They need the number and keys of their arguments' items, but not their values.
_OF_ITEMS = {
    *("compact", "concat", "element", "flatten", "length", "lookup", "merge", "one"),
}


def missing_argument(name: str, argument: HclValue) -> Unevaluated | None:
    """Return the unknown part of an argument that a function needs; None if it knows enough."""
    if name in _OF_ITEMS:
        return argument if isinstance(argument, Unevaluated) else None
    if name == "jsonencode":
        return _without_text(argument)
    return None if name == "coalesce" else unknown_in(argument)


def _without_text(value: HclValue) -> Unevaluated | None:
    """Return the first unknown part of a value that is not a text with holes."""
    if isinstance(value, Unevaluated):
        return value if value.text is None else None
    return next((part for item in items(value) if (part := _without_text(item))), None)
