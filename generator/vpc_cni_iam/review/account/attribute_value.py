"""The values of a resource on the two sides of its change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vpc_cni_iam.inputs.plan.reader import Resource

LISTS = ("managed_policy_arns", "policy_arns", "policy_names", "roles", "users", "groups")


@dataclass(frozen=True, slots=True)
class AttributeValue:
    """A value on one side of a change.

    Args:
        value: The value, None if it is not there or not known.
        unknown: Whether it is only known after apply.
        hidden: Whether the plan marks it sensitive.
    """

    value: Any = None
    unknown: bool = False
    hidden: bool = False


ABSENT = AttributeValue()
UNKNOWN = "(known after apply)"


def side(resource: Resource, name: str, *, after: bool) -> AttributeValue:
    """Return an attribute on one side of a resource's change.

    Args:
        resource: The resource.
        name: The attribute.
        after: Which side.
    """
    values = resource.after if after else resource.before
    if values is None:
        # Of what is put off, a plan may know nothing but that it comes.
        return AttributeValue(None, True) if after and resource.unknown is True else ABSENT
    hidden = flagged(resource.hidden_after if after else resource.hidden_before, name)
    if after and flagged(resource.unknown, name):
        return AttributeValue(None, True, hidden)
    return AttributeValue(values.get(name), False, hidden)


def flagged(marks: Any, *path: str | int) -> bool:
    """Say whether a mark, such as of ``after_unknown``, is on a place or on anything in it.

    Args:
        marks: The marks.
        path: The place.
    """
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
    """Return the names that an argument has, and whether it is a list of them.

    Args:
        resource: The resource.
        name: The argument.
        after: Which side of its change.
    """
    value = ((resource.after if after else resource.before) or {}).get(name)
    found = value if isinstance(value, list) else [value]
    return [one for one in found if isinstance(one, str)], name in LISTS
