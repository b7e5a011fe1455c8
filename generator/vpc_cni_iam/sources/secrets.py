"""The values that a plan marks sensitive, so that nothing that is written shows one.

A provider repeats what it was given: a name in an ARN, an argument in the JSON of a document. Marks
do not follow there, so that the values themselves are looked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Raw, Struct

from vpc_cni_iam.sources.configuration import Module
from vpc_cni_iam.sources.json_stream import Reader

_NOTHING = Raw(b"null")
# One value in a set marks all of it: with a condition's values what it compares, and how.
_BESIDE = ("test", "variable", "type")
_MARKS = (b'"before_sensitive"', b'"after_sensitive"')


class _Hiding(Struct):
    """The parts of a change that say what is sensitive, and of what."""

    before: Raw = _NOTHING
    after: Raw = _NOTHING
    before_sensitive: Raw = _NOTHING
    after_sensitive: Raw = _NOTHING


def marked(values: Any, marks: Any) -> Iterator[str]:
    """Yield the values that are marked, as texts.

    Args:
        values: Attributes, as a plan has them.
        marks: Their marks, such as ``before_sensitive``.
    """
    pending = [(values, marks)]
    while pending:
        value, mark = pending.pop()
        if mark is True:
            yield from leaves(value)
        elif isinstance(mark, Mapping) and isinstance(value, Mapping):
            pending += [(value.get(name), inner) for name, inner in mark.items()]
        elif isinstance(mark, list) and isinstance(value, list):
            pending += zip(value, mark, strict=False)


def alike(text: str) -> str:
    """Return JSON as any provider may write it anew, and another text as it is.

    Args:
        text: The text.
    """
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except (ValueError, RecursionError):
        return text


def leaves(value: Any) -> Iterator[str]:
    """Yield the texts and numbers in a value, but for what only stands beside such.

    Args:
        value: A value of JSON.
    """
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, Mapping):
            pending += [inner for name, inner in one.items() if name not in _BESIDE]
        elif isinstance(one, list):
            pending += one
        elif isinstance(one, str | int | float) and not isinstance(one, bool):
            yield str(one)


def of_change(change: Raw, reader: Reader) -> Iterator[str]:
    """Yield what is marked in a change that is not read otherwise, and seldom is anything.

    Args:
        change: Its text.
        reader: Decodes it.
    """
    text = bytes(change)
    places = [place for place in map(text.rfind, _MARKS) if place >= 0]
    if not places or b"true" not in text[min(places) :]:
        return
    found = reader.decoded(change, _Hiding)
    for values, marks in (
        (found.before, found.before_sensitive),
        (found.after, found.after_sensitive),
    ):
        yield from of_values(values, marks, reader)


def of_values(values: Raw, marks: Raw, reader: Reader) -> Iterator[str]:
    """Yield what is marked in values.

    Args:
        values: The text of the values.
        marks: The text of their marks.
        reader: Decodes them.
    """
    if b"true" in bytes(marks):
        yield from marked(reader.decoded(values, object), reader.decoded(marks, object))


def of_variables(values: Mapping[str, Any], root: Module) -> Iterator[str]:
    """Yield the values of sensitive variables, of the root module and of those that it calls.

    Args:
        values: The values of the root module's variables.
        root: The root module.
    """
    for name in root.secrets:
        yield from leaves(values.get(name))
    pending = [root]
    while pending:
        module = pending.pop()
        pending += module.calls.values()
        for name, default in module.secrets.items():
            yield from leaves(default)
            given = module.arguments.get(name)
            if isinstance(given, Mapping):
                yield from leaves(given.get("constant_value"))
