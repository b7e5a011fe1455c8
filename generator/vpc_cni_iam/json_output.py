"""JSON that commands print."""

from __future__ import annotations

import json
from dataclasses import fields
from functools import cache
from typing import Any

from vpc_cni_iam.policy.document import Policy, to_json


def dumps(value: object, indent: int | None = 2) -> str:
    """Return a value as JSON text, in ASCII, so that no terminal obeys what is in it."""
    return json.dumps(value, indent=indent, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Policy):
        return to_json(value)
    return {name: getattr(value, name) for name in _members(type(value))}  # type: ignore[arg-type]


@cache
def _members(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))
