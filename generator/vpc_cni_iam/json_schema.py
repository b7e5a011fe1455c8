"""JSON Schemas of commands' output, generated from the types of the values."""

from __future__ import annotations

import json
import re
from operator import methodcaller
from typing import Any

import msgspec

from vpc_cni_iam.policy.document import Policy, PolicyDocument, Statement, StatementDocument
from vpc_cni_iam.policy.template import Template

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# What json_output writes otherwise than as the type's members.
_WRITTEN: dict[Any, Any] = {Policy: PolicyDocument, Statement: StatementDocument}
_TEXT = {"type": "string", "description": "A text with unknown parts, each written as ${place}."}
_REFERENCE = re.compile(r'"#/\$defs/([^"]+)"')


def schema(title: str, *kinds: Any) -> dict[str, Any]:
    """Return the schema of JSON with one of the types: all members, and no others.

    A definition is described by the first line of its docstring.
    """
    components, definitions = msgspec.json.schema_components(
        [*kinds, *_WRITTEN, *_WRITTEN.values(), Template],
        ref_template="#/$defs/{name}",
        schema_hook=methodcaller("json_schema"),
    )
    names = [*map(_name, components)]
    roots, written, text = names[: len(kinds)], names[len(kinds) : -1], names[-1]
    for name, other in zip(written[: len(_WRITTEN)], written[len(_WRITTEN) :], strict=True):
        definitions[name] = definitions[other]
    definitions[text] = dict(_TEXT)
    for definition in definitions.values():
        definition.pop("title", None)  # its name in `$defs` says it
        if "description" in definition:
            definition["description"] = definition["description"].partition("\n")[0]
        if "properties" in definition:
            _close(definition)
    root = definitions[roots[0]]
    if len(roots) > 1:
        root = {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in roots]}
    used = {name: definitions[name] for name in sorted(_reachable(root, definitions))}
    whole = {"$schema": DIALECT, **root, "title": title, **({"$defs": used} if used else {})}
    return _with_short_names(whole)


def _name(reference: dict[str, Any]) -> str:
    name: str = reference["$ref"]
    return name.rpartition("/")[2]


def _close(definition: dict[str, Any]) -> None:
    """Require the members that are always printed, and allow no other."""
    required = set(definition.get("required", ()))
    for name, member in definition["properties"].items():
        if "default" in member:  # a default in Python; the member is always printed
            del member["default"]
            required.add(name)
    definition["required"] = [name for name in definition["properties"] if name in required]
    definition["additionalProperties"] = False


def _reachable(root: dict[str, Any], definitions: dict[str, Any]) -> set[str]:
    names: set[str] = set()
    added = set(_REFERENCE.findall(json.dumps(root)))
    while added:
        names |= added
        parts = json.dumps([definitions[name] for name in added])
        added = set(_REFERENCE.findall(parts)) - names
    return names


def _with_short_names(whole: dict[str, Any]) -> dict[str, Any]:
    """Remove the module that msgspec adds to a repeated name of a definition."""
    text = json.dumps(whole)
    for name in whole.get("$defs", ()):
        text = text.replace(name, name.rpartition(".")[2])
    shortened: dict[str, Any] = json.loads(text)
    return shortened
