"""JSON that commands print."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from vpc_cni_iam.policy.document import Policy, to_json


def dumps(value: object) -> str:
    """Return a value as JSON text, in ASCII, so that no terminal obeys what is in it."""
    return json.dumps(value, indent=2, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Policy):
        return to_json(value)
    return {f.name: getattr(value, f.name) for f in fields(value)}
