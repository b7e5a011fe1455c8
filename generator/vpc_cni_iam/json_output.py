"""JSON that commands print."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

from vpc_cni_iam.policy.document import Policy, to_json


def dumps(value: object, indent: int | None = 2) -> str:
    """Return a value as JSON text, in ASCII, so that no terminal obeys what is in it."""
    return json.dumps(value, indent=indent, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Policy):
        return to_json(value)
    if names := members(value):
        return {name: getattr(value, name) for name in names}
    raise TypeError(f"JSON has no {type(value).__name__}")


def members(value: object) -> tuple[str, ...]:
    """Return the names of the fields of a dataclass or a struct of msgspec, none of another."""
    return _members(type(value))  # type: ignore[arg-type]


@cache
def _members(kind: type) -> tuple[str, ...]:
    names: tuple[str, ...] = getattr(kind, "__struct_fields__", ())
    return names or tuple(f.name for f in (fields(kind) if is_dataclass(kind) else ()))
