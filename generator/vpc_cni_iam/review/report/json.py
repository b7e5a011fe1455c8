"""A review as JSON, and the schema of it; both are made from the dataclasses alone."""

from __future__ import annotations

import json
import types
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from vpc_cni_iam.policy.document import Policy, to_json
from vpc_cni_iam.review.findings import Review
from vpc_cni_iam.review.members import members
from vpc_cni_iam.review.report_formats import Setting

FORMAT = 1


def write(review: Review, setting: Setting) -> str:
    """Return a review in this format."""
    return "".join(pieces(review, setting))


def pieces(review: Review, _setting: Setting) -> Iterator[str]:
    """Yield a review in this format; it is ASCII, so that no terminal obeys what is in it."""
    lead = "{\n"
    for name, value in (("format", FORMAT), *((f, getattr(review, f)) for f in members(review))):
        yield f"{lead}  {json.dumps(name)}: "
        yield from _member(value)
        lead = ",\n"
    yield "\n}\n"


def report(review: Review) -> str:
    """Return a review as JSON text."""
    return write(review, Setting())


def _member(value: Any) -> Iterator[str]:
    """Yield a member of the report, of a list item by item: a plan may have thousands."""
    if not isinstance(value, tuple) or not value:
        yield _indented(value, 2)
        return
    lead = "[\n    "
    for item in value:
        yield lead + _indented(item, 4)
        lead = ",\n    "
    yield "\n  ]"


def _indented(value: Any, by: int) -> str:
    document = plain(value)
    try:
        # Like json's own indentation, which is not written in C, and ten times as fast.
        text = msgspec.json.format(json.dumps(document).encode(), indent=2).decode()
    except msgspec.DecodeError:  # half of a surrogate pair
        text = json.dumps(document, indent=2)
    return text.replace("\n", "\n" + " " * by)


def plain(value: Any) -> Any:
    """Return dataclasses, and what is in them, as `json.dumps` takes it."""
    if isinstance(value, Policy):
        return to_json(value)
    if isinstance(value, tuple):
        return [plain(v) for v in value]
    names = members(value)
    return {name: plain(getattr(value, name)) for name in names} if names else value


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
