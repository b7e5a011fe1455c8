"""Reads policy documents from JSON; every error names the source and the place in it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from vpc_cni_iam.errors import InputError, first_of
from vpc_cni_iam.policy.document import (
    ANYONE,
    EVERYONE,
    PRINCIPAL_ELEMENTS,
    PRINCIPAL_TYPES,
    TEXT_ELEMENTS,
    VERSIONS,
    Condition,
    Policy,
    Principal,
    Statement,
    effect_problem,
)
from vpc_cni_iam.policy.strict_json import Number, load_json
from vpc_cni_iam.policy.template import PolicyText, Template, folded, holes, join

UNKNOWN_STRUCTURE = "decides the structure; only an engine can know it"


def loads(text: PolicyText, source: str) -> Policy:
    """Read a policy document from JSON text.

    Raises:
        InputError: Not JSON, a duplicate key, or not a policy; with the JSON path.
    """
    return parse(load_template(text, source), source)


def load_template(text: PolicyText, source: str) -> object:
    """Decode JSON text whose strings may have holes.

    Raises:
        InputError: Not JSON, or a text in it that looks like one of its holes.
    """
    if isinstance(text, str):
        return load_json(text, source)
    # In the JSON, a hole is written as for people.
    written = {f"${{{hole.place}}}": hole for hole in holes([text])}
    pattern = re.compile("(" + "|".join(map(re.escape, sorted(written, key=len)[::-1])) + ")")
    decoded = load_json(
        "".join(p if isinstance(p, str) else json.dumps(str(join([p])))[1:-1] for p in text.parts),
        source,
    )
    number = 0

    def restored(value: object) -> object:
        nonlocal number
        if isinstance(value, dict):
            return {restored(key): restored(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return list(map(restored, value))
        if not isinstance(value, str):
            return value
        pieces = pattern.split(value)
        number += len(pieces) // 2
        return join(written.get(piece, piece) for piece in pieces)

    result = restored(decoded)
    if number != sum(1 for _ in holes([text])):
        problem = "is text in one place and a reference in another"
        raise InputError(source, "", f"{first_of(written)} {problem}")
    return result


def parse(value: object, source: str, place: str = "$") -> Policy:
    """Read a policy document from decoded JSON, whose texts may have holes.

    Args:
        place: Its JSON path in the file.
    """
    return _PolicyParser(source).policy(value, place)


class _PolicyParser:
    """Walks decoded JSON; every error names the source and the JSON path."""

    def __init__(self, source: str) -> None:
        self.source = source

    def refuse(self, path: str, problem: str) -> InputError:
        return InputError(self.source, path, problem)

    def check_known(self, value: object, path: str) -> None:
        """Refuse text with holes where it decides the structure."""
        if isinstance(value, Template):
            raise self.refuse(path, f"{value} {UNKNOWN_STRUCTURE}")

    def mapping(self, value: object, path: str, known: tuple[str, ...]) -> dict[str, Any]:
        value = self.json_object(value, path)
        for key in value:
            self.check_known(key, path)
            if key not in known:
                raise self.refuse(path, f"unknown element {str(key)!r}; {_hint(key, known)}")
        return value

    def policy(self, value: object, path: str) -> Policy:
        fields = self.mapping(value, path, ("Version", "Id", "Statement"))
        version = fields.get("Version", "2008-10-17")
        self.check_known(version, f"{path}.Version")
        if version not in VERSIONS:
            shown = repr(version) if isinstance(version, str) else _kind(version)
            raise self.refuse(f"{path}.Version", f"{shown} is none of {' and '.join(VERSIONS)}")
        if "Statement" not in fields:
            raise self.refuse(path, "has no Statement, so it is not a policy document")
        statements = fields["Statement"]
        if isinstance(statements, list):
            parsed = tuple(
                self.statement(s, f"{path}.Statement[{i}]") for i, s in enumerate(statements)
            )
        else:
            parsed = (self.statement(statements, f"{path}.Statement"),)
        return Policy(parsed, version, self.text(fields, "Id", path))

    def text(self, fields: Mapping[str, object], name: str, path: str) -> PolicyText:
        value = fields.get(name, "")
        if not isinstance(value, PolicyText):
            raise self.refuse(f"{path}.{name}", f"a string is expected, not {_kind(value)}")
        return value

    def statement(self, value: object, path: str) -> Statement:
        known = ("Sid", "Effect", *PRINCIPAL_ELEMENTS, *TEXT_ELEMENTS, "Condition")
        fields = self.mapping(value, path, known)
        effect = fields.get("Effect")
        self.check_known(effect, f"{path}.Effect")
        if effect not in ("Allow", "Deny"):
            raise self.refuse(f"{path}.Effect", effect_problem(effect))
        if ("Action" in fields) == ("NotAction" in fields):
            raise self.refuse(path, "needs either Action or NotAction")
        for element in ("Resource", "Principal"):
            if element in fields and f"Not{element}" in fields:
                raise self.refuse(path, f"has both {element} and Not{element}; IAM allows only one")
        elements: dict[str, Any] = {
            field: self.strings(fields[name], f"{path}.{name}")
            for name, field in TEXT_ELEMENTS.items()
            if name in fields
        }
        elements["conditions"] = self.conditions(fields.get("Condition", {}), f"{path}.Condition")
        elements |= {
            field: self.principals(fields[name], f"{path}.{name}")
            for name, field in PRINCIPAL_ELEMENTS.items()
            if name in fields
        }
        return Statement(effect, **elements, sid=self.text(fields, "Sid", path))

    def strings(self, value: object, path: str) -> tuple[PolicyText, ...]:
        items = value if isinstance(value, list) else [value]
        if not items:
            raise self.refuse(path, "is an empty list; name at least one value")
        for item in items:
            if not isinstance(item, PolicyText):
                raise self.refuse(path, f"strings are expected, not {_kind(item)}")
        return tuple(items)

    def principals(self, value: object, path: str) -> tuple[Principal, ...]:
        if value == ANYONE:
            return EVERYONE
        identifiers = self.mapping(value, path, PRINCIPAL_TYPES)
        if not identifiers:
            raise self.refuse(path, "is empty, which matches nobody; name a principal")
        # The provider renders a block without identifiers as an empty list, which means nobody.
        return tuple(
            Principal(kind, () if ids == [] else self.strings(ids, f"{path}.{kind}"))
            for kind, ids in identifiers.items()
        )

    def json_object(self, value: object, path: str) -> dict[str, Any]:
        self.check_known(value, path)
        if not isinstance(value, dict):
            raise self.refuse(path, f"an object is expected, not {_kind(value)}")
        return value

    def conditions(self, value: object, path: str) -> tuple[Condition, ...]:
        conditions = []
        for operator, keys in self.json_object(value, path).items():
            self.check_known(operator, path)
            self.json_object(keys, f"{path}.{operator}")
            if len(set(map(folded, keys))) < len(keys):
                problem = "has a condition key twice; case does not matter in keys"
                raise self.refuse(f"{path}.{operator}", problem)
            for key, values in keys.items():
                items = values if isinstance(values, list) else [values]
                texts = tuple(self.scalar(v, f"{path}.{operator}.{key}") for v in items)
                conditions.append(Condition(operator, key, texts))
        return tuple(conditions)

    def scalar(self, value: object, path: str) -> PolicyText:
        if isinstance(value, PolicyText):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, Number):
            return value.text
        if isinstance(value, int | float):  # decoded by a reader other than `load_json`
            return json.dumps(value)
        raise self.refuse(path, f"a string, number or boolean is expected, not {_kind(value)}")


def _hint(key: PolicyText, known: tuple[str, ...]) -> str:
    for name in known:
        if name.lower() == folded(key):
            return f"write {name}, since case matters to IAM here"
    return f"known are {', '.join(known)}"


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    return "null" if value is None else names.get(type(value), "a number")
