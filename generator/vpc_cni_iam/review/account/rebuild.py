"""Rebuilds a policy that is known after apply from the data source that it refers to.

A data source that is read at apply has its arguments in the plan. What is not known of them is a
hole of its place: a plan says to what an expression refers, and not what it makes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import reduce
from typing import Any

from msgspec import Struct

from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.values import Path, marks_in, place_of, value_at
from vpc_cni_iam.policy.document import (
    VERSION,
    VERSIONS,
    Condition,
    Policy,
    Principal,
    Statement,
)
from vpc_cni_iam.policy.template import Hole, HoleKind, Side, Text, join
from vpc_cni_iam.policy.value import Known, Sensitive, Unknown
from vpc_cni_iam.review.account.documents import Content, Document, Invalid
from vpc_cni_iam.review.account.resolve import Resolver

DOCUMENT = "aws_iam_policy_document"
_DEPTH = 20
# In the order in which the provider joins them; the statements come between the two pairs.
_JOINED = (
    *("source_json", "source_policy_documents"),
    *("override_json", "override_policy_documents"),
)
_OVERRIDES = 2


def is_unknown_as_a_whole(resource: Resource, path: Path) -> bool:
    """Say whether nothing is known of a list of blocks, not even how many there are."""
    return reduce(marks_in, path, resource.unknown) is True


def only_document(resource: Resource, path: Path, resolver: Resolver) -> Resource | None:
    """Return the data source that an argument refers to, if it refers to nothing else."""
    written = _written_at(resource, path, resolver)
    instances, resolution = resolver.references(resource, written)
    is_only = len(instances) == len(resolution.resources) == 1 and not resolution.open
    return instances[0] if is_only and instances[0].type == DOCUMENT else None


def _written_at(resource: Resource, path: Path, resolver: Resolver) -> Path:
    """Return where the configuration has an argument; an empty path where that is not known.

    A plan sorts the blocks of a set, and a configuration leaves out dynamic blocks.
    """
    argument, *rest = map(str, path or ("",))
    expression, where = resolver.plan.configuration.expression, (resource.module, resource.block)
    blocks = expression(*where, argument)
    if not isinstance(blocks, list):
        return path
    name = value_at(resource, (*path[:2], "name"), Side.AFTER)
    if not (rest and isinstance(name, Known)):
        return ()
    names = [expression(*where, argument, str(i), "name") for i in range(len(blocks))]
    written = [each.get("constant_value") if isinstance(each, Mapping) else None for each in names]
    positions = [i for i, constant in enumerate(written) if constant == name.value]
    items = (resource.after or {}).get(argument)
    if written == [None] and isinstance(items, list) and len(items) == 1:
        positions = [0]
    return (argument, positions[0], *rest[1:]) if len(positions) == 1 else ()


def rebuilt(
    source: Resource,
    unknown: Unknown,
    resolver: Resolver,
    parsed: Callable[[str], Document | Invalid],
) -> Content:
    """Return the policy that a data source will have; `unknown` where too little is known."""
    return _Rebuilder(resolver, parsed, unknown).document(source)


class _Rebuilder(Struct, frozen=True):
    """Rebuilds one policy; `unknown` is what it is where that fails."""

    resolver: Resolver
    parsed: Callable[[str], Document | Invalid]
    unknown: Unknown

    def document(self, source: Resource, depth: int = 0) -> Content:
        match value_at(source, ("json",), Side.AFTER):
            case Known(str(text)):
                return self.parsed(text)
            case Sensitive() as secret:
                return secret
        values = source.after
        statements = value_at(source, ("statement",), Side.AFTER)
        if values is None or isinstance(statements, Sensitive) or depth > _DEPTH:
            return self.unknown
        merged: list[Statement] = []
        for number, argument in enumerate(_JOINED):
            if number == _OVERRIDES:
                _merge(merged, _Statements(source).all())
            joined = self._joined(source, argument, depth)
            if joined is None:
                return self.unknown
            _merge(merged, joined)
        if is_unknown_as_a_whole(source, ("statement",)):
            return self.unknown
        version = values.get("version")
        return Document(Policy(tuple(merged), version if version in VERSIONS else VERSION))

    def _joined(self, source: Resource, argument: str, depth: int) -> list[Statement] | None:
        """Return the statements of what an argument joins; None where they are not known."""
        value = value_at(source, (argument,), Side.AFTER)
        values = source.after or {}
        listed = values.get(argument)
        texts = listed if isinstance(listed, list) else [listed] if listed else []
        if isinstance(value, Sensitive):
            return None
        if isinstance(value, Unknown) and not texts:
            texts = [None]
        statements: list[Statement] = []
        instances, resolution = self.resolver.references(source, (argument,))
        # Of a list that is not known, a plan does not say that its items are its references.
        in_order = len(instances) == len(resolution.resources) == len(texts) and not resolution.open
        for number, text in enumerate(texts):
            content: Content = self.unknown
            if isinstance(text, str):
                content = self.parsed(text)
            elif in_order and instances[number].type == DOCUMENT:
                content = self.document(instances[number], depth + 1)
            if not isinstance(content, Document) or content.masked is not None:
                return None
            _merge(statements, content.policy.statements)
        return statements


def _merge(statements: list[Statement], more: Iterable[Statement]) -> None:
    """Add statements as the provider does: of two with one Sid the later stands."""
    for statement in more:
        same = [i for i, s in enumerate(statements) if s.sid and s.sid == statement.sid]
        if same:
            statements[same[0]] = statement
        else:
            statements.append(statement)


class _Statements(Struct, frozen=True):
    """The statements of a data source that is read at apply."""

    source: Resource

    def all(self) -> Iterator[Statement]:
        for place, block in self._blocks(self.source.after or {}, (), "statement"):
            yield self._statement(block, place)

    def _statement(self, block: Mapping[str, Any], at: Path) -> Statement:
        effect = self._text(block, at, "effect")
        return Statement(
            # What may be a Deny is none: that counts against the change.
            effect="Deny" if effect == "Deny" else "Allow",
            sid=str(block.get("sid") or ""),
            actions=self._texts(block, at, "actions"),
            not_actions=self._texts(block, at, "not_actions"),
            resources=self._texts(block, at, "resources"),
            not_resources=self._texts(block, at, "not_resources"),
            principals=self._principals(block, at, "principals"),
            not_principals=self._principals(block, at, "not_principals"),
            conditions=self._conditions(block, at),
        )

    def _conditions(self, block: Mapping[str, Any], at: Path) -> tuple[Condition, ...]:
        if is_unknown_as_a_whole(self.source, (*at, "condition")):
            hole = self._hole((*at, "condition"))
            return (Condition("StringEquals", hole, (hole,)),)
        return tuple(
            Condition(
                str(inner.get("test") or "StringEquals"),
                self._text(inner, place, "variable"),
                self._texts(inner, place, "values"),
            )
            for place, inner in self._blocks(block, at, "condition")
        )

    def _principals(self, block: Mapping[str, Any], at: Path, name: str) -> tuple[Principal, ...]:
        if is_unknown_as_a_whole(self.source, (*at, name)):
            return (Principal("AWS", (self._hole((*at, name)),)),)
        return tuple(
            Principal(str(inner.get("type") or "AWS"), self._texts(inner, place, "identifiers"))
            for place, inner in self._blocks(block, at, name)
        )

    def _blocks(
        self, block: Mapping[str, Any], at: Path, name: str
    ) -> Iterator[tuple[Path, Mapping[str, Any]]]:
        inner = block.get(name)
        if isinstance(inner, list):
            for number, value in enumerate(inner):
                if isinstance(value, Mapping):
                    yield (*at, name, number), value

    def _text(self, block: Mapping[str, Any], at: Path, name: str) -> Text:
        if self._is_open(at, name):
            return self._hole((*at, name))
        text = block.get(name)
        return text if isinstance(text, str) else ""

    def _texts(self, block: Mapping[str, Any], at: Path, name: str) -> tuple[Text, ...]:
        values = block.get(name)
        if not isinstance(values, list):
            return (self._hole((*at, name)),) if self._is_open(at, name) else ()
        return tuple(
            str(value)
            if isinstance(value_at(self.source, (*at, name, number), Side.AFTER), Known)
            else self._hole((*at, name, number))
            for number, value in enumerate(values)
        )

    def _is_open(self, at: Path, name: str) -> bool:
        value = value_at(self.source, (*at, name), Side.AFTER)
        return isinstance(value, Unknown | Sensitive)

    def _hole(self, path: Path) -> Text:
        return join([Hole(HoleKind.UNKNOWN, place_of(self.source, path), Side.AFTER)])
