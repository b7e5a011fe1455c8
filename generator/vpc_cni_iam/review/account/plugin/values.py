"""The values of a chart, put together as Helm does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.plan.secrets import is_mark
from vpc_cni_iam.inputs.plan.values import PlacedValue
from vpc_cni_iam.policy.strict_json import Number, load_json
from vpc_cni_iam.policy.value import Known, Sensitive, Value

_REMEMBERED = 64  # texts: both sides of a resource have the same ones as a rule


@lru_cache(_REMEMBERED)
def mapping_of(text: str) -> Mapping[str, Any] | None:
    """Return the object of a text of JSON or YAML; None where it is not one."""
    try:
        documents = [load_json(text, "")] if text.strip() else []
    except InputError:
        from vpc_cni_iam.inputs.yaml_text import load_yaml  # noqa: PLC0415 - few plans have YAML

        try:
            documents = load_yaml(text, "")
        except InputError:
            return None
    if not documents:
        return {}
    return documents[0] if len(documents) == 1 and isinstance(documents[0], dict) else None


def merge(values: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Put values over others as Helm does: object by object, and null takes away."""
    for key, value in more.items():
        if isinstance(value, Mapping):
            below = values.get(key)
            if not isinstance(below, dict):
                below = values[key] = {}
            merge(below, value)
        elif value is None:
            values.pop(key, None)
        else:
            values[key] = value


def without_later(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values without those that are known after apply, which have their places."""
    return {
        key: without_later(value) if isinstance(value, Mapping) else value
        for key, value in values.items()
        if not isinstance(value, PlacedValue)
    }


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Value]]:
    """Yield the values that are no objects, by path."""
    match value:
        case Mapping():
            for key, inner in value.items():
                yield from leaves(inner, f"{path}.{key}" if path else str(key))
        case PlacedValue(_, later):
            yield path, later
        case _:
            text = _text(value)
            yield path, Sensitive(text) if is_mark(text) else Known(text)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Number):
        return value.text
    return value if isinstance(value, str) else json.dumps(value, default=_text)
