"""Reads policy documents from JSON; every refusal names the source and the place in it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.document import (
    ANYONE,
    PRINCIPAL_TYPES,
    VERSIONS,
    Condition,
    Policy,
    Principal,
    Statement,
)


def loads(text: str, source: str) -> Policy:
    """Read a policy document from JSON text.

    Args:
        text: The JSON text of a bare policy document.
        source: The file name that errors name.

    Raises:
        InputError: Not JSON, a duplicate key, or not a policy; with the JSON path.
    """
    return parse(load_json(text, source), source)


def load_json(text: str, source: str) -> object:
    """Read JSON strictly: no duplicate keys, no NaN, no bomb of nested brackets.

    Args:
        text: The JSON text.
        source: The file name that errors name.

    Raises:
        InputError: Not such JSON; with the line and column where the parser knows them.
    """

    def pairs(items: list[tuple[str, object]]) -> dict[str, object]:
        result: dict[str, object] = {}
        for key, value in items:
            if key in result:
                raise InputError(source, "", f"the key {key!r} stands twice in one object")
            result[key] = value
        return result

    def constant(name: str) -> object:
        raise InputError(source, "", f"{name} is not JSON")

    if text.startswith("\ufeff"):
        raise InputError(source, "line 1", "starts with a byte order mark; save it without one")
    if not text.strip():
        raise InputError(source, "", "is empty; a JSON policy document is expected")
    try:
        return json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise InputError(source, place, f"is not JSON: {error.msg}") from None
    except RecursionError:
        raise InputError(source, "", "nests too deeply to be a policy") from None
    except ValueError:  # Python reads no longer ones
        raise InputError(source, "", "holds a number of more than 4300 digits") from None


def parse(value: object, source: str) -> Policy:
    """Read a policy document from decoded JSON.

    Args:
        value: What `load_json` returns.
        source: The file name that errors name.

    Raises:
        InputError: Not a policy document; with the JSON path.
    """
    return _Reader(source).policy(value)


class _Reader:
    """Walks decoded JSON; every refusal names the source and the JSON path."""

    def __init__(self, source: str) -> None:
        self.source = source

    def refuse(self, path: str, problem: str) -> InputError:
        return InputError(self.source, path, problem)

    def mapping(self, value: object, path: str, known: Iterable[str]) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.refuse(path, f"an object is expected, not {_kind(value)}")
        known = tuple(known)
        for key in value:
            if key not in known:
                raise self.refuse(path, f"unknown element {key!r}; known are {', '.join(known)}")
        return value

    def policy(self, value: object) -> Policy:
        fields = self.mapping(value, "$", ("Version", "Id", "Statement"))
        version = fields.get("Version", "2008-10-17")
        if version not in VERSIONS:
            raise self.refuse("$.Version", f"{version!r} is none of {' and '.join(VERSIONS)}")
        if "Statement" not in fields:
            raise self.refuse("$", "has no Statement, so it is not a policy document")
        statements = fields["Statement"]
        if not isinstance(statements, list):
            return Policy((self.statement(statements, "$.Statement"),), version, self.id(fields))
        parsed = tuple(self.statement(s, f"$.Statement[{i}]") for i, s in enumerate(statements))
        return Policy(parsed, version, self.id(fields))

    def id(self, fields: Mapping[str, object]) -> str:
        value = fields.get("Id", "")
        if not isinstance(value, str):
            raise self.refuse("$.Id", f"a string is expected, not {_kind(value)}")
        return value

    def statement(self, value: object, path: str) -> Statement:
        known = ("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction")
        fields = self.mapping(value, path, (*known, "Resource", "NotResource", "Condition"))
        effect = fields.get("Effect")
        if effect not in ("Allow", "Deny"):
            raise self.refuse(f"{path}.Effect", "must be Allow or Deny, in this spelling")
        if ("Action" in fields) == ("NotAction" in fields):
            raise self.refuse(path, "needs either Action or NotAction, one of the two")
        for one, other in (("Resource", "NotResource"), ("Principal", "NotPrincipal")):
            if one in fields and other in fields:
                raise self.refuse(path, f"has both {one} and {other}; IAM takes one of the two")
        sid = fields.get("Sid", "")
        if not isinstance(sid, str):
            raise self.refuse(f"{path}.Sid", f"a string is expected, not {_kind(sid)}")

        def strings(name: str) -> tuple[str, ...]:
            if name not in fields:
                return ()
            return self.strings(fields[name], f"{path}.{name}")

        return Statement(
            effect=effect,
            actions=strings("Action"),
            not_actions=strings("NotAction"),
            resources=strings("Resource"),
            not_resources=strings("NotResource"),
            conditions=self.conditions(fields.get("Condition", {}), f"{path}.Condition"),
            principals=self.principals(fields.get("Principal"), f"{path}.Principal"),
            not_principals=self.principals(fields.get("NotPrincipal"), f"{path}.NotPrincipal"),
            sid=sid,
        )

    def strings(self, value: object, path: str) -> tuple[str, ...]:
        items = value if isinstance(value, list) else [value]
        if not items:
            raise self.refuse(path, "is an empty list, which matches nothing; name a value")
        for item in items:
            if not isinstance(item, str):
                raise self.refuse(path, f"strings are expected, not {_kind(item)}")
        return tuple(items)

    def principals(self, value: object, path: str) -> tuple[Principal, ...]:
        if value is None:
            return ()
        if value == ANYONE:
            return (Principal(ANYONE, (ANYONE,)),)
        fields = self.mapping(value, path, PRINCIPAL_TYPES)
        return tuple(
            Principal(kind, self.strings(ids, f"{path}.{kind}")) for kind, ids in fields.items()
        )

    def conditions(self, value: object, path: str) -> tuple[Condition, ...]:
        if not isinstance(value, dict):
            raise self.refuse(path, f"an object is expected, not {_kind(value)}")
        found = []
        for operator, keys in value.items():
            if not isinstance(keys, dict):
                raise self.refuse(f"{path}.{operator}", f"an object is expected, not {_kind(keys)}")
            if len({key.lower() for key in keys}) < len(keys):
                problem = "names a condition key twice; case does not tell keys apart"
                raise self.refuse(f"{path}.{operator}", problem)
            for key, values in keys.items():
                items = values if isinstance(values, list) else [values]
                texts = tuple(self.scalar(v, f"{path}.{operator}.{key}") for v in items)
                found.append(Condition(operator, key, texts))
        return tuple(found)

    def scalar(self, value: object, path: str) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, bool | int | float):
            return json.dumps(value)
        raise self.refuse(path, f"a string, number or boolean is expected, not {_kind(value)}")


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    return "null" if value is None else names.get(type(value), "a number")
