"""Rebuilds a policy that is only known after apply, as far as the plan goes.

A data source that is read at apply has its arguments in the plan, but for values that are not
known; a resource's argument has the names that it refers to. So a policy whose argument refers to
one policy document and nothing else is taken to be that document. The plan does not say what an
expression does with what it refers to: such a policy is never called known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.plan.configuration import Resolution
from vpc_cni_iam.inputs.plan.reader import Resource
from vpc_cni_iam.policy.document import (
    VERSION,
    VERSIONS,
    Condition,
    Policy,
    Principal,
    Statement,
)
from vpc_cni_iam.policy.parse import loads
from vpc_cni_iam.review.account.attribute_value import flagged
from vpc_cni_iam.review.account.references import References

_DOCUMENT = "data.aws_iam_policy_document."
_DEPTH = 20
# In the order in which the provider joins them; the statements come between the two pairs.
_JOINED = (
    "source_json",
    "source_policy_documents",
    "override_json",
    "override_policy_documents",
)


class Rebuilt(Struct, frozen=True):
    """A policy as far as it is known."""

    policy: Policy | None  # the policy, None if nothing of it is known
    holes: tuple[str, ...]  # what is not known, and what it refers to
    document: str = ""  # the address of the data source


class Rebuilder:
    """Rebuilds the policies of one plan."""

    def __init__(self, instances: References) -> None:
        self._instances = instances

    def rebuild(self, resource: Resource, path: tuple[str, ...]) -> Rebuilt:
        """Return the policy that an argument at a place of a resource's expressions will have."""
        resolution = self._instances.resolve(resource, path)
        documents = [r for r in resolution.resources if r[1].startswith(_DOCUMENT)]
        names = referred(resolution)
        only = len(documents) == len(resolution.resources) == 1 and not resolution.open
        document = self._instances.find(resource, documents[0], resolution) if only else None
        if document is None:
            why = f"refers to {', '.join(names)}" if names else "the plan does not say to what"
            return Rebuilt(None, (f"known after apply; {why}",))
        if text := (document.after or {}).get("json"):
            return _read(text, document)
        return self.document(document)

    def document(self, resource: Resource, depth: int = 0) -> Rebuilt:
        """Return the policy of a data source that is read at apply, to which `depth` others led."""
        values = resource.after or {}
        if flagged(resource.hidden_after):
            why = f"{resource.address} has sensitive values, which are not shown"
            return Rebuilt(None, (why,), resource.address)
        if resource.unknown is True or (
            isinstance(resource.unknown, Mapping) and resource.unknown.get("statement") is True
        ):
            why = f"statements of {resource.address} are known after apply"
            return Rebuilt(None, (why,), resource.address)
        holes: list[str] = []
        reader = _Statements(resource, self._instances, holes)
        statements: list[Statement] = []
        for argument in _JOINED:
            if argument == _JOINED[2]:
                statements = _merged(statements, reader.statements())
            joined_texts = values.get(argument)
            if joined_texts is None and flagged(resource.unknown, argument):
                joined_texts = [None]
            elif not isinstance(joined_texts, list):
                joined_texts = [joined_texts] if isinstance(joined_texts, str) else []
            for place, text in enumerate(joined_texts):
                joined = self._joined(resource, argument, place, text, depth, holes)
                statements = _merged(statements, joined)
        holes.insert(0, f"taken from {resource.address}, which is read at apply")
        version = values.get("version")
        policy = Policy(tuple(statements), version if version in VERSIONS else VERSION)
        return Rebuilt(policy, tuple(dict.fromkeys(holes)), resource.address)

    def _joined(
        self,
        resource: Resource,
        argument: str,
        place: int,
        text: Any,
        depth: int,
        holes: list[str],
    ) -> tuple[Statement, ...]:
        """Return the statements of a document that is joined to another."""
        listed = (resource.after or {}).get(argument)
        index = f"[{place}]" if isinstance(listed, list) else ""
        where = f"{argument}{index} of {resource.address}"
        if isinstance(text, str):
            try:
                return loads(text, where).statements
            except InputError as error:
                holes.append(str(error))
                return ()
        resolution = self._instances.resolve(resource, (argument,))
        documents = resolution.resources
        # Of a list that is not known, the plan does not say that it is its references.
        many = len(listed) if isinstance(listed, list) else int(argument.endswith("_json"))
        only = all(block.startswith(_DOCUMENT) for _, block, _ in documents) and not resolution.open
        document = None
        if documents and only and len(documents) == many and depth < _DEPTH:
            document = self._instances.find(resource, documents[place], resolution)
        if document is None:
            holes.append(f"{where}: known after apply: {', '.join(referred(resolution))}")
            return ()
        text = (document.after or {}).get("json")
        rebuilt = _read(text, document) if text else self.document(document, depth + 1)
        holes.extend(rebuilt.holes)
        return rebuilt.policy.statements if rebuilt.policy else ()


def referred(resolution: Resolution) -> list[str]:
    """Return the names that an expression refers to, as people write them."""
    named = [
        ".".join(part for part in (module, block, attribute) if part)
        for module, block, attribute in resolution.resources
    ]
    return [*named, *resolution.open]


def _read(text: str, document: Resource) -> Rebuilt:
    if flagged(document.hidden_after, "json"):
        return Rebuilt(None, (f"{document.address} is sensitive",), document.address)
    try:
        policy = loads(text, document.address)
    except InputError as error:
        return Rebuilt(None, (str(error),), document.address)
    return Rebuilt(policy, (f"taken from {document.address}",), document.address)


def _merged(statements: list[Statement], more: Iterable[Statement]) -> list[Statement]:
    """Join statements as the provider does: of two with one Sid the later stands."""
    merged = list(statements)
    for statement in more:
        same = [i for i, s in enumerate(merged) if s.sid and s.sid == statement.sid]
        if same:
            merged[same[0]] = statement
        else:
            merged.append(statement)
    return merged


class _Statements:
    """The statements of a data source that is read at apply."""

    def __init__(self, resource: Resource, instances: References, holes: list[str]) -> None:
        self.resource = resource
        self.instances = instances
        self.holes = holes

    def statements(self) -> Iterable[Statement]:
        blocks = (self.resource.after or {}).get("statement")
        for place, block in enumerate(blocks if isinstance(blocks, list) else ()):
            if isinstance(block, Mapping):
                yield self.statement(block, ("statement", place))

    def statement(self, block: Mapping[str, Any], at: tuple[str | int, ...]) -> Statement:
        statement = Statement(
            effect="Deny" if self.text(block, at, "effect") == "Deny" else "Allow",
            sid=self.text(block, at, "sid"),
            actions=self.texts(block, at, "actions"),
            not_actions=self.texts(block, at, "not_actions"),
            resources=self.texts(block, at, "resources"),
            not_resources=self.texts(block, at, "not_resources"),
            principals=self.principals(block, at, "principals"),
            not_principals=self.principals(block, at, "not_principals"),
        )
        conditions = tuple(
            Condition(
                self.text(inner, (*at, "condition", place), "test"),
                self.text(inner, (*at, "condition", place), "variable"),
                self.texts(inner, (*at, "condition", place), "values"),
            )
            for place, inner in self.blocks(block, at, "condition")
        )
        return replace(statement, conditions=conditions)

    def principals(
        self, block: Mapping[str, Any], at: tuple[str | int, ...], name: str
    ) -> tuple[Principal, ...]:
        return tuple(
            Principal(
                self.text(inner, (*at, name, place), "type"),
                self.texts(inner, (*at, name, place), "identifiers"),
            )
            for place, inner in self.blocks(block, at, name)
        )

    def blocks(
        self, block: Mapping[str, Any], at: tuple[str | int, ...], name: str
    ) -> Iterable[tuple[int, Mapping[str, Any]]]:
        inner = block.get(name)
        if not isinstance(inner, list):
            if flagged(self.resource.unknown, *at, name):
                self.hole((*at, name))
            return
        for place, value in enumerate(inner):
            if isinstance(value, Mapping):
                yield place, value

    def text(self, block: Mapping[str, Any], at: tuple[str | int, ...], name: str) -> str:
        if flagged(self.resource.unknown, *at, name):
            return self.hole((*at, name))
        value = block.get(name)
        return value if isinstance(value, str) else ""

    def texts(
        self, block: Mapping[str, Any], at: tuple[str | int, ...], name: str
    ) -> tuple[str, ...]:
        values = block.get(name)
        if not isinstance(values, list):
            unknown = flagged(self.resource.unknown, *at, name)
            return (self.hole((*at, name)),) if unknown else ()
        return tuple(
            self.hole((*at, name))
            if flagged(self.resource.unknown, *at, name, place)
            else str(value)
            for place, value in enumerate(values)
        )

    def hole(self, path: tuple[str | int, ...]) -> str:
        """Note a place that is not known; return what stands there instead."""
        names = ", ".join(referred(self.instances.resolve(self.resource, tuple(map(str, path)))))
        where = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".")
        self.holes.append(f"{where}: known after apply{f': {names}' if names else ''}")
        return f"(known after apply: {names})" if names else "(known after apply)"
