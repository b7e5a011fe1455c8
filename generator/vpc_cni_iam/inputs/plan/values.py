"""The values of a resource's arguments, before or after its change.

`read` reads the paths of `vpc_cni_iam.inputs.plan.arguments`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import reduce
from typing import Any, TypeAlias

from msgspec import Struct

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.secrets import Secrets, holds_mark, is_mark
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import ABSENT, Known, Sensitive, Unknown, Value

Path: TypeAlias = tuple[str | int, ...]


def value_at(resource: Resource, path: Path, side: Side) -> Value:
    """Return the value at a place in a resource's arguments, such as ``("policy",)``.

    It is unknown or sensitive if any part is.
    """
    reader = _PathReader(resource, side, _NO_SECRETS)
    return reader.value(reduce(_Node.at, path, reader.root), path)


class PlacedValue(Struct, frozen=True):
    """A value with its place in the resource's arguments."""

    path: Path
    value: Value


_NO_SECRETS = Secrets()


def place_of(resource: Resource, path: Path) -> str:
    """Return the place of an argument as text: the address and the path."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return f"{resource.address}{''.join(steps)}"


def values_of(resource: Resource, side: Side) -> Mapping[str, Any] | None:
    """Return the attributes before or after; None if the resource does not exist."""
    return resource.after if side is Side.AFTER else resource.before


def read(
    resource: Resource, path: str, side: Side, secrets: Secrets | None = None
) -> Iterator[PlacedValue]:
    """Yield the values at a path, each with its place; an unknown list is one unknown value.

    Args:
        secrets: The plan's secrets, to read sensitive texts.
    """
    values = values_of(resource, side)
    if values is None:
        if side is Side.AFTER and resource.unknown is True:  # it is deferred to a later plan
            yield PlacedValue((path,), Unknown(place_of(resource, (path,)), side))
        return
    reader = _PathReader(resource, side, secrets or _NO_SECRETS)
    yield from reader.walk(reader.root, path.split("."), ())


def one(resource: Resource, path: str, side: Side) -> Value:
    """Return the value at a path with at most one value; `Absent` for none."""
    return next((placed.value for placed in read(resource, path, side)), ABSENT)


def scalar(resource: Resource, path: str, side: Side) -> Value:
    """Return the text, number or boolean at a path with at most one value; see `scalars`."""
    return next(scalars(resource, path, side), ABSENT)


def scalars(resource: Resource, path: str, side: Side) -> Iterator[Value]:
    """Yield the texts, numbers and booleans at a path; a value of another type is unknown."""
    for placed in read(resource, path, side):
        is_odd = isinstance(placed.value, Known) and isinstance(placed.value.value, list | dict)
        yield Unknown(place_of(resource, placed.path), side) if is_odd else placed.value


def text(resource: Resource, path: str, side: Side) -> str:
    """Return the text at a path; empty if none is known."""
    value = one(resource, path, side)
    return value.value if isinstance(value, Known) and isinstance(value.value, str) else ""


class _Node(Struct, frozen=True):
    """A part of a resource's attributes, with its unknown and sensitive marks."""

    value: Any
    unknown: Any
    hidden: Any
    is_restored: bool = False  # whether it is in a sensitive text, without a mark itself
    is_folded: bool = False  # whether its names are of JSON, where case does not matter

    def at(self, step: str | int) -> _Node:
        value, marks = member(self.value, step), marks_in(self.unknown, step)
        if value is None and self.is_folded and isinstance(self.value, Mapping):
            names = (n for n in self.value if str(n).lower() == str(step).lower())
            value = next((self.value[name] for name in names), None)
        hidden = marks_in(self.hidden, step)
        return _Node(value, marks, hidden, self.is_restored, self.is_folded)

    def items(self) -> Iterator[tuple[str | int, _Node]]:
        if isinstance(self.value, Mapping):
            yield from ((key, self.at(key)) for key in self.value)
        elif isinstance(self.value, list):
            yield from ((number, self.at(number)) for number in range(len(self.value)))


class _PathReader(Struct, frozen=True):
    """Reads paths of a resource before or after its change."""

    resource: Resource
    side: Side
    secrets: Secrets

    @property
    def root(self) -> _Node:
        """All attributes."""
        after = self.side is Side.AFTER
        hidden = self.resource.hidden_after if after else self.resource.hidden_before
        values = values_of(self.resource, self.side)
        return _Node(values, self.resource.unknown if after else None, hidden)

    def walk(self, node: _Node, steps: list[str], path: Path) -> Iterator[PlacedValue]:
        if node.unknown is True or not steps:
            yield PlacedValue(path, self.value(node, path))
            return
        step, rest = steps[0].replace("~", "."), steps[1:]
        if step == "*":
            yield from self._each(node, rest, path)
        elif step == "**":
            yield from self._anywhere(node, rest, path)
        elif step == "{}":
            yield from self._inside(node, rest, path)
        elif "=" in step:
            name, _, end = step.partition("=")
            marks = marks_in(node.unknown, name)
            text = str(self.secrets.judged(member(node.value, name)))
            # A secret in the text may be a part of the value.
            if marks is True or text.endswith(end) or holds_mark(text):
                yield from self.walk(node, rest, path)
        elif self._is_odd(node, Mapping):
            yield PlacedValue(path, Unknown(place_of(self.resource, path), self.side))
        else:
            yield from self.walk(node.at(step), rest, (*path, step))

    def _inside(self, node: _Node, rest: list[str], path: Path) -> Iterator[PlacedValue]:
        """Continue in a text of JSON or YAML; for an unknown secret, return its mark."""
        text = self.secrets.judged(node.value)
        is_restored = node.is_restored or is_mark(node.value)
        if is_mark(text):
            yield PlacedValue(path, self.value(node, path))
        else:
            inner = _Node(decoded(text), None, None, is_restored, is_folded=True)
            yield from self.walk(inner, rest, path)

    def _each(self, node: _Node, rest: list[str], path: Path) -> Iterator[PlacedValue]:
        if isinstance(node.value, list):
            for number, item in node.items():
                yield from self.walk(item, rest, (*path, number))
        elif _is_marked(node.unknown):
            yield PlacedValue(path, self.value(node, path))
        elif self._is_odd(node, list):
            yield PlacedValue(path, Unknown(place_of(self.resource, path), self.side))

    def _is_odd(self, node: _Node, expected: type) -> bool:
        """Return whether a value's type is not that of the table; a text may be anything."""
        is_none = node.value is None or node.value == ""
        return not (is_none or node.is_folded or isinstance(node.value, expected))

    def _anywhere(self, node: _Node, rest: list[str], path: Path) -> Iterator[PlacedValue]:
        name = rest[0].replace("~", ".")
        for key, inner in node.items():
            if key == name:
                yield from self.walk(inner, rest[1:], (*path, key))
            else:
                yield from self._anywhere(inner, rest, (*path, key))

    def value(self, node: _Node, path: Path) -> Value:
        if _is_marked(node.unknown):
            later = Unknown(place_of(self.resource, path), self.side)
            return Sensitive(later) if _is_marked(node.hidden) else later
        if node.value is None or node.value == "":
            return ABSENT
        if node.is_restored:
            return Sensitive(self.secrets.mark_of(node.value))
        # The reader of plans replaces each secret by a mark.
        is_hidden = _is_marked(node.hidden) or is_mark(node.value)
        return Sensitive(str(node.value)) if is_hidden else Known(node.value)


def decoded(value: Any) -> Any:
    """Return the value of JSON or YAML text, with documents as a list; None for other text."""
    if not isinstance(value, str):
        return None
    with suppress(ValueError, RecursionError):
        return json.loads(value)
    from vpc_cni_iam.inputs.yaml_text import load_yaml  # noqa: PLC0415 - few plans have YAML

    with suppress(InputError):
        return load_yaml(value, "")
    return None


def member(values: Any, step: str | int) -> Any:
    """Return a member of an object or an item of a list; None if there is none."""
    if isinstance(values, Mapping):
        return values.get(step)
    is_item = isinstance(values, list) and isinstance(step, int) and step < len(values)
    return values[step] if is_item else None


def marks_in(marks: Any, step: str | int) -> Any:
    """Return the mark of a part, such as in ``after_unknown``; a mark of the whole applies."""
    return True if marks is True else member(marks, step)


def _is_marked(marks: Any) -> bool:
    if isinstance(marks, Mapping):
        return any(map(_is_marked, marks.values()))
    return any(map(_is_marked, marks)) if isinstance(marks, list) else marks is True
