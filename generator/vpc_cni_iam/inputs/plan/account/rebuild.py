"""Rebuilds a policy that is known after apply from the data source that it refers to.

A data source that is read at apply has its arguments in the plan. Its unknown values become holes:
a plan says what an expression refers to, not what it computes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import reduce
from typing import Any

from msgspec import Struct

from vpc_cni_iam.inputs.plan.account.documents import Invalid, PlanContent, PlanPolicy
from vpc_cni_iam.inputs.plan.account.resolve import Resolver
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.values import Path, marks_in, place_of, value_at
from vpc_cni_iam.policy.document import VERSION, VERSIONS, Condition, Policy, Principal, Statement
from vpc_cni_iam.policy.template import Hole, HoleKind, PolicyText, Side, join
from vpc_cni_iam.policy.value import Known, Sensitive, Unknown

DOCUMENT = "aws_iam_policy_document"
_DEPTH = 20
# In the order in which the provider joins them; the statements are between the two pairs.
_JOINED = (
    *("source_json", "source_policy_documents"),
    *("override_json", "override_policy_documents"),
)
_OVERRIDES = 2


def is_unknown_as_a_whole(resource: Resource, path: Path) -> bool:
    """Return whether a list of blocks is unknown, including its length."""
    return reduce(marks_in, path, resource.unknown) is True


def only_document(resource: Resource, path: Path, resolver: Resolver) -> Resource | None:
    """Return the data source that an argument refers to, if it refers to nothing else.

    A plan sorts the blocks of a set, and a configuration leaves out dynamic blocks, so the block of
    an argument is unknown if there are several.
    """
    argument = str(path[0]) if path else ""
    written = resolver.plan.configuration.expression(resource.module, resource.block, argument)
    if isinstance(written, list):
        items = (resource.after or {}).get(argument)
        if not (len(written) == 1 and isinstance(items, list) and len(items) == 1):
            return None
    instances, resolution = resolver.references(resource, path)
    is_only = len(instances) == len(resolution.resources) == 1 and not resolution.open
    return instances[0] if is_only and instances[0].type == DOCUMENT else None


def rebuilt(
    source: Resource,
    unknown: Unknown,
    resolver: Resolver,
    parsed: Callable[[str], PlanPolicy | Invalid],
    depth: int = 0,
) -> PlanContent:
    """Return the policy that a data source will have; `unknown` if too little is known."""
    match value_at(source, ("json",), Side.AFTER):
        case Known(str(text)):
            return parsed(text)
        case Sensitive() as secret:
            return secret
    values, path = source.after or {}, ("statement",)
    is_hidden = isinstance(value_at(source, path, Side.AFTER), Sensitive)
    if is_hidden or source.after is None or depth > _DEPTH or is_unknown_as_a_whole(source, path):
        return unknown
    merged: list[Statement] = []
    for number, argument in enumerate(_JOINED):
        if number == _OVERRIDES:
            _merge(merged, _statements(source))
        for content in _joined(source, argument, unknown, resolver, parsed, depth):
            if not isinstance(content, PlanPolicy) or content.masked is not None:
                return unknown
            _merge(merged, content.policy.statements)
    version = values.get("version")
    return PlanPolicy(Policy(tuple(merged), version if version in VERSIONS else VERSION))


def _joined(
    source: Resource,
    argument: str,
    unknown: Unknown,
    resolver: Resolver,
    parsed: Callable[[str], PlanPolicy | Invalid],
    depth: int,
) -> Iterator[PlanContent]:
    """Yield the documents that an argument joins."""
    value, listed = value_at(source, (argument,), Side.AFTER), (source.after or {}).get(argument)
    texts = listed if isinstance(listed, list) else [listed] if listed else []
    if isinstance(value, Unknown | Sensitive) and not texts:
        texts = [None]
    instances, resolution = resolver.references(source, (argument,))
    # If a list is unknown, its items may differ from its references.
    in_order = len(instances) == len(resolution.resources) == len(texts) and not resolution.open
    for number, text in enumerate(texts):
        if isinstance(value, Sensitive):
            yield unknown
        elif isinstance(text, str):
            yield parsed(text)
        elif in_order and instances[number].type == DOCUMENT:
            yield rebuilt(instances[number], unknown, resolver, parsed, depth + 1)
        else:
            yield unknown


def _merge(statements: list[Statement], more: Iterable[Statement]) -> None:
    """Add statements as the provider does: of two with one Sid, the later one is used."""
    for statement in more:
        same = [i for i, s in enumerate(statements) if s.sid and s.sid == statement.sid]
        if same:
            statements[same[0]] = statement
        else:
            statements.append(statement)


def _statements(source: Resource) -> Iterator[Statement]:
    """Yield the statements of a data source that is read at apply."""
    for block in _blocks(_Block(source, source.after or {}, ()), "statement"):
        # An unknown effect is taken as Allow, which counts against the change.
        yield Statement(
            effect="Deny" if block.text("effect") == "Deny" else "Allow",
            sid=str(block.values.get("sid") or ""),
            actions=block.texts("actions"),
            not_actions=block.texts("not_actions"),
            resources=block.texts("resources"),
            not_resources=block.texts("not_resources"),
            principals=_principals(block, "principals"),
            not_principals=_principals(block, "not_principals"),
            conditions=_conditions(block),
        )


def _conditions(block: _Block) -> tuple[Condition, ...]:
    if block.is_unknown("condition"):
        hole = block.hole("condition")
        return (Condition("StringEquals", hole, (hole,)),)
    return tuple(
        Condition(
            str(inner.values.get("test") or "StringEquals"),
            inner.text("variable"),
            inner.texts("values"),
        )
        for inner in _blocks(block, "condition")
    )


def _principals(block: _Block, name: str) -> tuple[Principal, ...]:
    if block.is_unknown(name):
        return (Principal("AWS", (block.hole(name),)),)
    return tuple(
        Principal(str(inner.values.get("type") or "AWS"), inner.texts("identifiers"))
        for inner in _blocks(block, name)
    )


def _blocks(outer: _Block, name: str) -> Iterator[_Block]:
    inner = outer.values.get(name)
    for number, values in enumerate(inner if isinstance(inner, list) else ()):
        if isinstance(values, Mapping):
            yield _Block(outer.source, values, (*outer.at, name, number))


class _Block(Struct, frozen=True):
    """A block of a data source, and its place."""

    source: Resource
    values: Mapping[str, Any]
    at: Path

    def is_unknown(self, name: str) -> bool:
        return is_unknown_as_a_whole(self.source, (*self.at, name))

    def text(self, name: str) -> PolicyText:
        if self._is_open(name):
            return self.hole(name)
        text = self.values.get(name)
        return text if isinstance(text, str) else ""

    def texts(self, name: str) -> tuple[PolicyText, ...]:
        values = self.values.get(name)
        if not isinstance(values, list):
            return (self.hole(name),) if self._is_open(name) else ()
        # The provider writes ``${`` instead of ``&{``.
        return tuple(
            self.hole(name, number)
            if self._is_open(name, number)
            else str(value).replace("&{", "${")
            for number, value in enumerate(values)
        )

    def _is_open(self, *steps: str | int) -> bool:
        return isinstance(
            value_at(self.source, (*self.at, *steps), Side.AFTER), Unknown | Sensitive
        )

    def hole(self, *steps: str | int) -> PolicyText:
        place = place_of(self.source, (*self.at, *steps))
        return join([Hole(HoleKind.UNKNOWN, place, Side.AFTER)])
