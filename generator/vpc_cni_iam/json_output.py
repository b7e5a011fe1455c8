"""JSON that commands print."""

from __future__ import annotations

import json
from enum import Enum
from typing import Any

import msgspec

from vpc_cni_iam.policy.document import Policy, Statement, statement_json, to_json
from vpc_cni_iam.policy.template import Template


def dumps(value: object, indent: int | None = 2) -> str:
    """Return a value as ASCII JSON text, which cannot control a terminal."""
    text = json.dumps(value, default=_plain)
    if indent is None:
        return text
    try:
        # The same as json's indentation, which is not in C, and ten times as fast.
        return msgspec.json.format(text.encode(), indent=indent).decode()
    except msgspec.DecodeError:  # half of a surrogate pair
        return json.dumps(value, indent=indent, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Policy):
        return to_json(value)
    if isinstance(value, Statement):
        return statement_json(value)
    if isinstance(value, Template):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if names := members(value):
        config = value.__struct_config__
        kind = {} if config.tag is None else {config.tag_field: config.tag}
        return {**kind, **{name: getattr(value, name) for name in names}}
    raise TypeError(f"JSON has no {type(value).__name__}")


def members(value: object) -> tuple[str, ...]:
    """Return the member names of a value; empty for a text, a number or a list."""
    names: tuple[str, ...] = getattr(value, "__struct_fields__", ())
    return names
