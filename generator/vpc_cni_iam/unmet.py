"""A condition because of which no statement allows a request, in words."""

from __future__ import annotations

from msgspec.structs import replace

from vpc_cni_iam.errors import first_of
from vpc_cni_iam.policy.document import Condition
from vpc_cni_iam.policy.evaluate import Request
from vpc_cni_iam.policy.report import condition_text

_VALUES = 3  # of a condition in a sentence


def limit_text(condition: Condition) -> str:
    """Return a condition in a sentence; of many values, the first."""
    more = len(condition.values) - _VALUES
    text = condition_text(replace(condition, values=condition.values[:_VALUES]))
    return f"{text} or {more} more" if more > 0 else text


def has_instead(condition: Condition, request: Request) -> tuple[tuple[str, str], ...]:
    """Return what a request has for the key of a condition, or for similar keys, such as tags."""
    key, values = str(condition.key).lower(), {k: v for k, v in request.context.items() if v}
    own = [k for k in values if k.lower() == key]
    kind, is_tag, _ = key.partition("/")
    similar = [k for k in sorted(values) if is_tag and k.lower().startswith(f"{kind}/")]
    return tuple(
        (k, v if isinstance(v := values[k], str) else ", ".join(v)) for k in own or similar
    )


def unmet_text(condition: Condition, has: tuple[tuple[str, str], ...]) -> str:
    """Return that a request does not meet a condition, and what it has instead."""
    return f"{limit_text(condition)} is not met, {instead_text(condition, has)}"


def instead_text(condition: Condition, has: tuple[tuple[str, str], ...]) -> str:
    """Return what a request has instead of what a condition requires."""
    values = first_of((f"{key} = {value}" for key, value in has), 1)
    return f"the request has {values or f'no {condition.key}'}"
