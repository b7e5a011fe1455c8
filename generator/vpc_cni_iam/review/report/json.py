"""A review as JSON, and the schema of it; both are made from the dataclasses alone."""

from __future__ import annotations

import json
import types
from dataclasses import fields, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from vpc_cni_iam.policy.document import Policy, to_json
from vpc_cni_iam.review.findings import Review
from vpc_cni_iam.review.report_formats import Setting

FORMAT = 1


def write(review: Review, _setting: Setting) -> str:
    """Return a review in this format."""
    return report(review)


def report(review: Review) -> str:
    """Return a review as JSON text; it is ASCII, so that no terminal obeys what is in it."""
    members = [("format", FORMAT), *((f.name, getattr(review, f.name)) for f in fields(review))]
    return "{\n" + ",\n".join(_member(name, value) for name, value in members) + "\n}\n"


def _member(name: str, value: Any) -> str:
    """Return a member of the report, of a list item by item: a plan may have thousands."""
    lead = f"  {json.dumps(name)}: "
    if not isinstance(value, tuple) or not value:
        return lead + _indented(value, 2)
    items = ",\n".join(f"    {_indented(item, 4)}" for item in value)
    return f"{lead}[\n{items}\n  ]"


def _indented(value: Any, by: int) -> str:
    text = json.dumps(plain(value), indent=2)
    return text.replace("\n", "\n" + " " * by)


def plain(value: Any) -> Any:
    """Return dataclasses, and what is in them, as `json.dumps` takes it."""
    if isinstance(value, Policy):
        return to_json(value)
    if is_dataclass(value):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, tuple):
        return [plain(v) for v in value]
    return value


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a report."""
    definitions: dict[str, Any] = {}
    _of(Review, definitions)
    root = definitions.pop("Review")
    root["properties"] = {"format": {"const": FORMAT}, **root["properties"]}
    root["required"] = ["format", *root["required"]]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What vpc-cni-iam review prints with --format json",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def _of(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a type; that of a dataclass is put among the definitions."""
    if kind is Policy:
        return {"type": "object", "description": "A policy document, as IAM takes it."}
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_of(a, definitions) for a in arguments]}
    if origin is tuple:
        return _array(arguments, definitions)
    names = {str: "string", int: "integer", bool: "boolean", types.NoneType: "null"}
    return {"type": names[kind]} if kind in names else _object(kind, definitions)


def _array(arguments: tuple[Any, ...], definitions: dict[str, Any]) -> dict[str, Any]:
    if arguments[1:] == (Ellipsis,):
        return {"type": "array", "items": _of(arguments[0], definitions)}
    items = [_of(a, definitions) for a in arguments]
    return {"type": "array", "prefixItems": items, "items": False, "minItems": len(items)}


def _object(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    name = kind.__name__
    if name not in definitions:
        definitions[name] = {}
        hints = get_type_hints(kind)
        members = {f.name: _of(hints[f.name], definitions) for f in fields(kind)}
        definitions[name] = {
            "type": "object",
            "description": (kind.__doc__ or "").strip().split("\n")[0],
            "properties": members,
            "required": list(members),
            "additionalProperties": False,
        }
    return {"$ref": f"#/$defs/{name}"}
