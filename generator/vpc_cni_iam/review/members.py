"""The members of a dataclass, remembered: reports and renamings look at many objects of few."""

from __future__ import annotations

from dataclasses import fields, is_dataclass

_names: dict[type, tuple[str, ...]] = {}


def members(value: object) -> tuple[str, ...]:
    """Return the names of a dataclass's fields, none of anything else."""
    kind = type(value)
    if kind not in _names:
        names = fields(kind) if is_dataclass(kind) else ()
        _names[kind] = tuple(field.name for field in names)
    return _names[kind]
