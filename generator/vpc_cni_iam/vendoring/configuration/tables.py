"""The tables of ``vpc-cni-iam.toml``: their keys and types, and the JSON Schema."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.inspect import BoolType, ListType, Metadata, Type, type_info
from msgspec.json import schema_components

from vpc_cni_iam.catalog.facts import calls, documents, known_versions
from vpc_cni_iam.catalog.facts.plugin_version import EKS_BUILD
from vpc_cni_iam.catalog.narrowing import IdList
from vpc_cni_iam.catalog.options import ModuleKind
from vpc_cni_iam.catalog.selection import Additions
from vpc_cni_iam.catalog.variants import every
from vpc_cni_iam.errors import ConfigurationError
from vpc_cni_iam.names import unknown_name

Refuse = Callable[[str | None, str], ConfigurationError]
_SHOWN = 80
# The rule for editors; the catalog has the error message for a wrong tag key.
_TAG_KEY = Meta(
    extra_json_schema={
        "maxLength": 128,
        "pattern": "^(?!-)[0-9A-Za-z_.:/=+@-]( ?[0-9A-Za-z_.:/=+@-])*$",
    }
)
_HARDENED = {"required": ["harden"], "properties": {"harden": {"const": True}}}
# Which keys of a module's table require or exclude others.
_RELATIONS = Meta(
    extra_json_schema={
        "oneOf": [{"required": ["cni_version"]}, {"required": ["revision"]}],
        "dependentSchemas": dict.fromkeys(
            ("additional_tag_keys", "eni_claim_tag", "limit_to"), _HARDENED
        ),
        "if": _HARDENED,
        "then": {"required": ["cni_version"]},
    }
)


class ModuleTable(Struct, frozen=True, forbid_unknown_fields=True):
    """A module that sync writes."""

    path: Annotated[
        str,
        Meta(
            description="Directory of the module, relative to this file, with forward slashes.",
            extra_json_schema={"minLength": 1},
        ),
    ]
    kind: Annotated[str, Meta(description="The kind of module.")] = ModuleKind.policy.value
    variants: (
        Annotated[
            list[str],
            Meta(min_length=1, description="The policies; by default, upstream's three."),
        ]
        | UnsetType
    ) = UNSET
    cni_version: (
        Annotated[str, Meta(description="The plugin version that the policies must work with.")]
        | UnsetType
    ) = UNSET
    revision: (
        Annotated[str, Meta(description="The date of an upstream document to use unchanged.")]
        | UnsetType
    ) = UNSET
    features: Annotated[
        list[str], Meta(description="Optional features of the plugin whose calls to allow.")
    ] = []
    additions: Annotated[
        Additions,
        Meta(description="Calls that upstream's document lacks, to add: needed, none or all."),
    ] = Additions.needed
    harden: Annotated[
        bool,
        Meta(description="Whether to narrow scoped documents to the tags and VPC that are needed."),
    ] = False
    additional_tag_keys: (
        Annotated[
            list[Annotated[str, _TAG_KEY]],
            Meta(
                min_length=1,
                description="With harden: the keys of the plugin's ADDITIONAL_ENI_TAGS.",
                extra_json_schema={"maxItems": 46},
            ),
        ]
        | UnsetType
    ) = UNSET
    eni_claim_tag: (
        Annotated[
            str,
            Meta(
                description="With harden: KEY=VALUE of the tag that an interface must have to be "
                "claimed.",
                extra_json_schema={"pattern": "^[^=]+=.+$"},
            ),
        ]
        | UnsetType
    ) = UNSET
    limit_to: (
        Annotated[
            list[str],
            Meta(
                min_length=1,
                description="With harden: subnets or security-groups, to allow only listed ones, "
                "and no subnet that is tagged later for subnet discovery.",
            ),
        ]
        | UnsetType
    ) = UNSET


class Tables(Struct, frozen=True, forbid_unknown_fields=True):
    """Modules that vpc-cni-iam manages in a repository."""

    module: list[Annotated[ModuleTable, _RELATIONS]] = []


def convert(table: dict[str, Any], refuse: Refuse) -> ModuleTable:
    """Return the typed table of a module; `refuse` returns the error for a key's problem."""
    try:
        return msgspec.convert(table, ModuleTable)
    except msgspec.ValidationError:
        raise _refusal(table, refuse) from None


def _refusal(table: dict[str, Any], refuse: Refuse) -> ConfigurationError:
    """Return the first problem of a table, with its key and value, which `msgspec` leaves out."""
    fields = {field.name: field for field in msgspec.structs.fields(ModuleTable)}
    for key, value in table.items():
        if key not in fields:
            return refuse(key, unknown_name(key, fields, "key"))
        try:
            msgspec.convert(value, fields[key].type)
        except msgspec.ValidationError:
            expected = _words(type_info(fields[key].type))
            return refuse(key, f"{key} is {_shown(value)}, but must be {expected}")
    missing = next(n for n, field in fields.items() if field.required and n not in table)
    return refuse(None, f"this module has no {missing}")


def _shown(value: object) -> str:
    """Return a value similar to its TOML, cut for a message."""
    text = repr(value) if isinstance(value, str | list | dict) else str(value)
    text = text.lower() if isinstance(value, bool) else text
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _words(expected: Type) -> str:
    """Return the type that a value must have, in words."""
    match expected:
        case Metadata(type=inner):
            return _words(inner)
        case BoolType():
            return "true or false"
        case ListType(min_length=least):
            return "a list of strings" + (", at least one" if least else "")
        case _:
            return "a string"


def schema_text() -> str:
    """Return the JSON Schema of the file.

    It does not have the rules for paths, nor which variants and features work with which version.
    """
    _, components = schema_components([Tables], ref_template="#/$defs/{name}")
    keys = components["ModuleTable"]["properties"]
    keys["kind"]["enum"] = list(ModuleKind)
    keys["variants"]["items"]["enum"] = [v.name for v in every()]
    keys["revision"]["enum"] = [r.name for r in documents.revisions()]
    keys["features"]["items"]["enum"] = list(calls.features())
    keys["limit_to"]["items"]["enum"] = list(IdList)
    keys["cni_version"]["pattern"] = _release_pattern()
    top = components.pop("Tables") | {"title": "vpc-cni-iam.toml"}
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **top, "$defs": components}
    return json.dumps(schema, indent=2) + "\n"


def _release_pattern() -> str:
    names = [re.escape(str(r).removeprefix("v")) for r in known_versions.served()]
    return f"^(latest|v?({'|'.join([*names, known_versions.later_patches()])}){EKS_BUILD})$"
