"""JSON Schemas of what commands print, made from the dataclasses that they print."""

from __future__ import annotations

from typing import Any

import msgspec

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema(kind: type, title: str) -> dict[str, Any]:
    """Return the schema of a dataclass as JSON holds it: every member, and no other.

    A definition is described by the first line of its docstring.
    """
    _, definitions = msgspec.json.schema_components([kind], ref_template="#/$defs/{name}")
    for definition in definitions.values():
        if "description" in definition:
            definition["description"] = definition["description"].partition("\n")[0]
        if members := definition.get("properties"):
            definition |= {"required": list(members), "additionalProperties": False}
    root = definitions.pop(kind.__name__)
    return {"$schema": DIALECT, **root, "title": title, "$defs": definitions}
