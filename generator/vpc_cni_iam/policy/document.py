"""The policy model: frozen dataclasses, read from and printed as IAM's JSON.

The grammar is that of the IAM User Guide, "Grammar of the IAM JSON policy language".
Order is kept everywhere, so that a document prints as its author wrote it; what order and
list-or-scalar do not mean is for `vpc_cni_iam.policy.normalise` to say.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from vpc_cni_iam.errors import InputError

Effect = Literal["Allow", "Deny"]
VERSION = "2012-10-17"
VERSIONS = ("2008-10-17", "2012-10-17")
PRINCIPAL_TYPES = ("AWS", "Service", "Federated", "CanonicalUser")
ANYONE = "*"


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator on one condition key, true if any of the values matches.

    Args:
        operator: As written, such as ``StringEquals`` or ``ForAllValues:StringLikeIfExists``.
        key: The condition key, such as ``aws:RequestTag/team``.
        values: The values, as the strings IAM compares.
    """

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Principal:
    """Principals of one type.

    Args:
        type: ``AWS``, ``Service``, ``Federated``, ``CanonicalUser``; or ``*`` for the scalar form.
        identifiers: ARNs, account ids, service names; ``("*",)`` for the scalar form.
    """

    type: str
    identifiers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. Empty tuples stand for absent elements."""

    effect: Effect = "Allow"
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    principals: tuple[Principal, ...] = ()
    not_principals: tuple[Principal, ...] = ()
    sid: str = ""

    def map_strings(self, change: Callable[[str], str]) -> Statement:
        """Return the statement with ``change`` applied to all but its actions.

        Args:
            change: From the text of one resource, principal, condition key or value to its new
                text.
        """

        def changed(principals: tuple[Principal, ...]) -> tuple[Principal, ...]:
            return tuple(Principal(p.type, tuple(map(change, p.identifiers))) for p in principals)

        return replace(
            self,
            resources=tuple(map(change, self.resources)),
            not_resources=tuple(map(change, self.not_resources)),
            conditions=tuple(
                Condition(c.operator, change(c.key), tuple(map(change, c.values)))
                for c in self.conditions
            ),
            principals=changed(self.principals),
            not_principals=changed(self.not_principals),
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy document.

    Args:
        statements: In the order of the document.
        version: ``2012-10-17``, or ``2008-10-17`` (which an absent Version means).
        id: The document's Id, empty if it has none.
    """

    statements: tuple[Statement, ...]
    version: str = VERSION
    id: str = ""

    def map_strings(self, change: Callable[[str], str]) -> Policy:
        """Return the policy with ``change`` applied to every statement's strings.

        Args:
            change: As for `Statement.map_strings`.
        """
        return replace(self, statements=tuple(s.map_strings(change) for s in self.statements))

    def actions(self) -> tuple[str, ...]:
        """Return the actions of the Allow statements, in order, each once."""
        named = (a for s in self.statements if s.effect == "Allow" for a in s.actions)
        return tuple(dict.fromkeys(named))


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


def to_json(policy: Policy) -> dict[str, Any]:
    """Return the policy as the JSON object that IAM takes.

    One value is written as a scalar and several as a list, which IAM reads alike.

    Args:
        policy: The policy to print.
    """
    document: dict[str, Any] = {"Version": policy.version}
    if policy.id:
        document["Id"] = policy.id
    document["Statement"] = [_statement_json(s) for s in policy.statements]
    return document


def dumps(policy: Policy, indent: int | None = 2) -> str:
    """Return the JSON text of a policy, ending in a newline if indented.

    Args:
        policy: The policy to print.
        indent: Spaces of one level; None for the compact form whose length IAM's limits count.
    """
    if indent is None:
        return json.dumps(to_json(policy), separators=(",", ":"))
    return json.dumps(to_json(policy), indent=indent) + "\n"


def _statement_json(statement: Statement) -> dict[str, Any]:
    result: dict[str, Any] = {}
    if statement.sid:
        result["Sid"] = statement.sid
    result["Effect"] = statement.effect
    for name, principals in (
        ("Principal", statement.principals),
        ("NotPrincipal", statement.not_principals),
    ):
        if principals:
            result[name] = _principal_json(principals)
    for name, values in (
        ("Action", statement.actions),
        ("NotAction", statement.not_actions),
        ("Resource", statement.resources),
        ("NotResource", statement.not_resources),
    ):
        if values:
            result[name] = _one_or_many(values)
    if statement.conditions:
        conditions: dict[str, dict[str, Any]] = {}
        for c in statement.conditions:
            conditions.setdefault(c.operator, {})[c.key] = _one_or_many(c.values)
        result["Condition"] = conditions
    return result


def _principal_json(principals: tuple[Principal, ...]) -> str | dict[str, Any]:
    if principals[0].type == ANYONE:
        return ANYONE
    return {p.type: _one_or_many(p.identifiers) for p in principals}


def _one_or_many(values: tuple[str, ...]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)
