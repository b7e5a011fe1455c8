"""The values of a resource's arguments on either side of its change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import ABSENT, Known, Sensitive, Unknown, Value

if TYPE_CHECKING:
    from vpc_cni_iam.inputs.plan.reader import Resource

Path: TypeAlias = tuple[str | int, ...]


def value_at(resource: Resource, path: Path, side: Side) -> Value:
    """Return the value at a place in a resource's arguments, such as ``("policy",)``.

    It is unknown or sensitive if anything in it is.
    """
    after = side is Side.AFTER
    values: Any = resource.after if after else resource.before
    unknown: Any = resource.unknown if after else False
    hidden: Any = resource.hidden_after if after else resource.hidden_before
    for step in path:
        values, unknown, hidden = _step(values, step), _mark(unknown, step), _mark(hidden, step)
    if _is_marked(unknown):
        later = Unknown(f"{resource.address}.{'.'.join(map(str, path))}", side)
        return Sensitive(later) if _is_marked(hidden) else later
    if values is None:
        return ABSENT
    # The reader of plans puts a mark in the place of each secret.
    return Sensitive(str(values)) if _is_marked(hidden) else Known(values)


def _step(values: Any, step: str | int) -> Any:
    if isinstance(values, Mapping):
        return values.get(step)
    is_item = isinstance(values, list) and isinstance(step, int) and step < len(values)
    return values[step] if is_item else None


def _mark(marks: Any, step: str | int) -> Any:
    """Return the mark of a part, such as in ``after_unknown``; the whole marks each part."""
    return True if marks is True else _step(marks, step)


def _is_marked(marks: Any) -> bool:
    if isinstance(marks, Mapping):
        return any(map(_is_marked, marks.values()))
    return any(map(_is_marked, marks)) if isinstance(marks, list) else marks is True
