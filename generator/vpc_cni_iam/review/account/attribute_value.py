"""The values of a resource on the two sides of its change."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from msgspec import Struct

from vpc_cni_iam.inputs.plan.reader import Resource

LISTS = ("managed_policy_arns", "policy_arns", "policy_names", "roles", "users", "groups")


class ValueState(Enum):
    """What a plan says of a value."""

    known = "known"
    unknown = "unknown"
    sensitive = "sensitive"
    absent = "absent"


class AttributeValue(Struct, frozen=True):
    """A value on one side of a change."""

    state: ValueState  # what the plan says of it
    value: Any = None  # the value if it is known, what stands for it if it is sensitive, else None

    @classmethod
    def of(cls, value: Any, *, unknown: bool = False, hidden: bool = False) -> AttributeValue:
        """Return a value as a plan has it and marks it: unknown until apply, or sensitive."""
        if hidden and (unknown or value is not None):
            return cls(ValueState.sensitive, None if unknown else value)
        if unknown:
            return cls(ValueState.unknown)
        return ABSENT if value is None else cls(ValueState.known, value)

    @property
    def unknown(self) -> bool:
        """Whether it is known after apply, sensitive or not."""
        later = self.state is ValueState.sensitive and self.value is None
        return later or self.state is ValueState.unknown

    @property
    def hidden(self) -> bool:
        """Whether it is sensitive."""
        return self.state is ValueState.sensitive


ABSENT = AttributeValue(ValueState.absent)
UNKNOWN = "(known after apply)"


def side(resource: Resource, name: str, *, after: bool) -> AttributeValue:
    """Return an attribute on one side of a resource's change."""
    values = resource.after if after else resource.before
    if values is None:
        # Of what is put off, a plan may know nothing but that it comes.
        return AttributeValue.of(None, unknown=after and resource.unknown is True)
    hidden = flagged(resource.hidden_after if after else resource.hidden_before, name)
    if after and flagged(resource.unknown, name):
        return AttributeValue.of(None, unknown=True, hidden=hidden)
    return AttributeValue.of(values.get(name), hidden=hidden)


def blocks(values: Mapping[str, Any] | None, name: str) -> list[Mapping[str, Any]]:
    """Return the nested blocks of a name."""
    items = (values or {}).get(name)
    return [b for b in items if isinstance(b, Mapping)] if isinstance(items, list) else []


def first_block(values: Mapping[str, Any] | None, name: str) -> Mapping[str, Any]:
    """Return the first nested block of a name, empty if there is none."""
    return next(iter(blocks(values, name)), {})


def flagged(marks: Any, *path: str | int) -> bool:
    """Say whether a mark, such as of ``after_unknown``, is on a place or on anything in it."""
    for name in path:
        if isinstance(marks, Mapping):
            marks = marks.get(str(name))
        elif isinstance(marks, list) and isinstance(name, int):
            marks = marks[name] if name < len(marks) else None
    return _any(marks)


def _any(marks: Any) -> bool:
    pending = [marks]
    while pending:
        mark = pending.pop()
        if mark is True:
            return True
        if isinstance(mark, Mapping):
            pending += mark.values()
        elif isinstance(mark, list):
            pending += mark
    return False


def listed(resource: Resource, name: str, *, after: bool) -> tuple[list[str], bool]:
    """Return the names that an argument has, and whether it is a list of them."""
    value = ((resource.after if after else resource.before) or {}).get(name)
    values = value if isinstance(value, list) else [value]
    return [item for item in values if isinstance(item, str)], name in LISTS
