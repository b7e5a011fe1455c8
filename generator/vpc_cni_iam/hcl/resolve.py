"""Reads policy documents from HCL blocks, with the values of a module's names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl.evaluate import domain
from vpc_cni_iam.hcl.evaluate.domain import (
    ExpressionError,
    HclValue,
    Unevaluated,
    UnknownError,
)
from vpc_cni_iam.hcl.evaluate.expressions import Evaluator
from vpc_cni_iam.hcl.evaluate.repetition import pairs
from vpc_cni_iam.hcl.syntax import Block, FunctionCall, List, Node, Reference, Span, Text
from vpc_cni_iam.policy.document import (
    NOT_EVERYONE,
    VERSION,
    VERSIONS,
    Condition,
    Effect,
    Policy,
    Principal,
    Statement,
    are_principals,
)
from vpc_cni_iam.policy.parse import UNKNOWN_STRUCTURE
from vpc_cni_iam.policy.template import Hole, HoleKind, PolicyText, change, folded, holes, join

_STATEMENT = ("sid", "effect", "actions", "not_actions", "resources", "not_resources")
JOINS = ("source_policy_documents", "override_policy_documents")
_DOCUMENT = ("provider", "version", "policy_id", *JOINS)
# The arguments that decide how many instances it has.
_INSTANCES = ("count", "for_each")

_Known = TypeVar("_Known")


class JoinedDocuments(Struct, frozen=True):
    """The documents that a data source joins: JSON, or references to it."""

    # The documents that its own statements override.
    sources: tuple[str | Unevaluated, ...] = ()
    # The documents that override its own statements.
    overrides: tuple[str | Unevaluated, ...] = ()


class ResolvedDocument(Struct, frozen=True):
    """A policy document data source as read."""

    name: str  # its name; with the key of the instance if there are several
    policy: Policy  # its policy, with references resolved
    # The argument and expression of each list of documents that the engine would join; empty if
    # none.
    joins: tuple[tuple[str, Node], ...]
    place: Span
    # The lists that its dynamic blocks repeat; `policy` has one possible result.
    repeats: tuple[Node, ...] = ()
    # Why it is unknown whether it exists (`policy` is the one if it does); empty if known.
    doubt: str = ""
    # The documents that the engine joins to it, if known.
    joined: JoinedDocuments = JoinedDocuments()


@contextmanager
def _refused(node: Node, what: str = "") -> Iterator[None]:
    """Refuse an expression without a value, at its place."""
    try:
        yield
    except ExpressionError as error:
        raise node.span.refuse(f"{what}{error}") from None


def is_document(block: Block) -> bool:
    """Return whether a block is the data source of a policy document."""
    return block.type == "data" and block.labels[:1] == ("aws_iam_policy_document",)


def read_documents(
    block: Block, evaluator: Evaluator, *, with_holes: bool = False
) -> tuple[ResolvedDocument, ...]:
    """Return the instances of a data source, possibly none.

    With `with_holes`, a text, or a list of texts, that only an engine knows is a hole. Raises
    `InputError` with the line if something else cannot be known without an engine.
    """
    read = partial(_document, with_holes=with_holes)
    repeat = next((a for a in _INSTANCES if a in block.attributes), None)
    if repeat is None:
        return (read(block, evaluator),)
    number = block.attributes[repeat]
    if evaluator.scope.holes:
        raise _needs_engine(f"argument {repeat!r} of a policy document", number.span)
    with _refused(number):
        instances, unknown = evaluator.possible_instances(block)
    doubt = f"{number.span.place}: {_Reader(evaluator).why(unknown)}" if unknown else ""
    documents = (
        read(block, inner, "" if [*instances] == ["[0]"] else key)
        for key, inner in instances.items()
    )
    return tuple(replace(document, doubt=doubt) for document in documents)


def _document(
    block: Block, evaluator: Evaluator, key: str = "", *, with_holes: bool
) -> ResolvedDocument:
    return _Reader(evaluator, with_holes=with_holes).document(block, f"{block.labels[1]}{key}")


def text_of(node: Node, evaluator: Evaluator) -> PolicyText:
    """Return the text of an expression; raises `InputError` if it is null or unknown."""
    with _refused(node):
        value = _Reader(evaluator).value(node)
    if value is None:
        raise node.span.refuse("is null")
    if not evaluator.scope.lists.isdisjoint(holes([value])):
        raise _needs_engine("a list whose items are not known", node.span)
    return value


def _needs_engine(what: str, span: Span) -> InputError:
    return span.refuse(f"{what} cannot be read without an engine")


class _Reader:
    def __init__(self, evaluator: Evaluator, *, with_holes: bool = False) -> None:
        self.evaluator = evaluator
        self.holes = evaluator.scope.holes
        self.with_holes = with_holes

    def why(self, unknown: Unevaluated) -> str:
        """Return why something is unknown, and what a user can do."""
        advice = "" if self.holes else unknown.advice
        return f"{unknown}; {advice}" if advice else str(unknown)

    def document(self, block: Block, name: str) -> ResolvedDocument:
        for known in block.attributes:
            if known not in (*_DOCUMENT, *_INSTANCES):
                what = f"argument {known!r} of a policy document"
                raise _needs_engine(what, block.attributes[known].span)
        version = self.word(block, "version", VERSION)
        if version not in VERSIONS:
            problem = f"version {version} is none of {' and '.join(VERSIONS)}"
            raise block.span.refuse(problem)
        joins, joined = [], JoinedDocuments()
        for argument, which in zip(JOINS, ("sources", "overrides"), strict=True):
            node = block.attributes.get(argument)
            if node is None:
                continue
            with _refused(node):
                value = self.evaluator.evaluate(node)
            if value in ((), None):
                continue
            if (texts := self.joined(value)) is None:
                joins.append((argument, node))
            else:
                joined = replace(joined, **{which: texts})
        statements = []
        for reader, inner in self.blocks(block):
            if inner.type == "statement":
                statements.append(self.variables(inner, reader.statement(inner), version))
            elif inner.type != "lifecycle":
                raise _needs_engine(f"block {inner.type!r}", inner.span)
        policy = Policy(tuple(statements), version, self.text(block, "policy_id", ""))
        repeats = tuple(_repeats(block))
        return ResolvedDocument(name, policy, tuple(joins), block.span, repeats, joined=joined)

    def joined(self, value: HclValue) -> tuple[str | Unevaluated, ...] | None:
        """Return the joined documents; None if only an engine knows them."""
        if self.holes or not isinstance(value, tuple):
            return None
        known = tuple(
            item
            for item in value
            if (isinstance(item, str) and item) or (isinstance(item, Unevaluated) and item.is_text)
        )
        return known if len(known) == len(value) else None

    def blocks(self, block: Block) -> Iterator[tuple[_Reader, Block]]:
        """Yield the blocks inside a block, each with the reader that knows its iterator's value."""
        for inner in block.blocks:
            if inner.type != "dynamic":
                yield self, inner
                continue
            name = inner.labels[0] if len(inner.labels) == 1 else None
            arguments, parts = dict(inner.attributes), [b.type for b in inner.blocks]
            node, iterator = arguments.pop("for_each", None), arguments.pop("iterator", None)
            if name is None or node is None or arguments or parts != ["content"]:
                raise _needs_engine("block 'dynamic'", inner.span)
            named = iterator.path if isinstance(iterator, Reference) else name
            content = replace(inner.blocks[0], type=name)
            with _refused(node, "block 'dynamic' cannot be read without an engine: "):
                repeated = pairs(self.known(self.evaluator.evaluate(node)))
            for key, value in repeated:
                names = {named: {"key": key, "value": value}}
                inner_evaluator = self.evaluator.with_names(names)
                yield _Reader(inner_evaluator, with_holes=self.with_holes), content

    def statement(self, block: Block) -> Statement:
        self.only(block, _STATEMENT)
        effect: Effect = "Deny" if self.word(block, "effect", "Allow") == "Deny" else "Allow"
        if self.word(block, "effect", "Allow") != effect:
            raise block.span.refuse("effect must be Allow or Deny")
        conditions: list[Condition] = []
        principals: list[Principal] = []
        not_principals: list[Principal] = []
        for reader, inner in self.blocks(block):
            if inner.type == "condition":
                self.only(inner, ("test", "variable", "values"))
                test, variable = reader.word(inner, "test"), reader.text(inner, "variable")
                conditions.append(Condition(test, variable, reader.texts(inner, "values")))
            elif inner.type in ("principals", "not_principals"):
                self.only(inner, ("type", "identifiers"))
                names = reader.texts(inner, "identifiers")
                principal = Principal(reader.word(inner, "type"), names)
                (principals if inner.type == "principals" else not_principals).append(principal)
            else:
                raise _needs_engine(f"block {inner.type!r}", inner.span)
        if not all(map(are_principals, (tuple(principals), tuple(not_principals)))):
            raise block.span.refuse(NOT_EVERYONE)
        merged = _merged(conditions)
        if len({(c.operator, folded(c.key)) for c in merged}) < len(merged):
            problem = "has a condition key twice; case does not matter in keys"
            raise block.span.refuse(problem)
        statement = Statement(
            effect=effect,
            actions=self.texts(block, "actions"),
            not_actions=self.texts(block, "not_actions"),
            resources=self.texts(block, "resources"),
            not_resources=self.texts(block, "not_resources"),
            conditions=merged,
            principals=tuple(principals),
            not_principals=tuple(not_principals),
            sid=self.text(block, "sid", ""),
        )
        # The list allows what its items allow, so one item stands for all.
        others = replace(statement, resources=()) if effect == "Allow" else statement
        if not self.evaluator.scope.lists.isdisjoint(holes(others.texts())):
            problem = "an unknown list is only possible in the resources of an Allow"
            raise _needs_engine(problem, block.span)
        return statement

    def variables(self, block: Block, statement: Statement, version: str) -> Statement:
        """Return the statement with ``&{`` replaced by ``${``, as the provider does.

        The provider does this in resources, principals and condition values, and refuses it in the
        version without policy variables.
        """
        changed = statement.map_texts(
            lambda text: change(text, lambda part: part.replace("&{", "${"))
        )
        changed = replace(
            changed,
            conditions=tuple(
                replace(c, key=before.key)
                for c, before in zip(changed.conditions, statement.conditions, strict=True)
            ),
        )
        if changed != statement and version != VERSION:
            raise block.span.refuse(f"the provider refuses &{{ in version {version}")
        return changed

    def only(self, block: Block, known: tuple[str, ...]) -> None:
        for name, node in block.attributes.items():
            if name not in known:
                problem = f"unknown argument {name!r} in block {block.type!r}"
                raise node.span.refuse(problem)

    def word(self, block: Block, name: str, default: str | None = None) -> str:
        """Return a text on which the structure of the policy depends."""
        text = self.text(block, name, default)
        if isinstance(text, str):
            return text
        problem = f"{text} {UNKNOWN_STRUCTURE}"
        raise block.attributes[name].span.refuse(problem)

    def text(self, block: Block, name: str, default: str | None = None) -> PolicyText:
        if name not in block.attributes:
            if default is None:
                raise block.span.refuse(f"block {block.type!r} has no {name!r}")
            return default
        node = block.attributes[name]
        with _refused(node):
            value = self.value(node)
        if value is None:
            if default is None:
                raise node.span.refuse(f"{name!r} is null")
            return default
        return value

    def texts(self, block: Block, name: str) -> tuple[PolicyText, ...]:
        if name not in block.attributes:
            return ()
        node = block.attributes[name]
        with _refused(node):
            return tuple(value for value in self.items(node, name) if value is not None)

    def items(self, node: Node, name: str) -> Iterator[PolicyText | None]:
        """Yield the texts of a list, None for null."""
        if (self.holes or self.with_holes) and isinstance(node, List):
            yield from map(self.value, node.items)
            return
        value = self.evaluator.evaluate(node)
        if isinstance(value, Unevaluated) and self.holes:
            match node:
                case FunctionCall(name="flatten", arguments=(List(items=(only,)),)):
                    node = only
            if not isinstance(node, Text | FunctionCall):
                yield self.value(node)  # a name, maybe of a list
                return
        if isinstance(value, Unevaluated) and self.with_holes:
            yield _hole(value)
            return
        if not isinstance(value := self.known(value), tuple):
            problem = f"{name!r} is not a list that can be read without an engine"
            raise UnknownError(problem)
        yield from map(self.converted, value)

    def value(self, node: Node) -> PolicyText | None:
        """Return the text of a node; None for null; raises `ExpressionError` if unknown."""
        value = self.evaluator.evaluate(node)
        if self.with_holes and isinstance(value, Unevaluated) and isinstance(node, Text):
            parts = (p if isinstance(p, str) else self.value(p) for p in node.parts)
            return join(part or "" for part in parts)
        if isinstance(value, Unevaluated) and value.text is None and self.evaluator.is_hole(node):
            return join([Hole(HoleKind.UNKNOWN, node.span.code)])
        return self.converted(value)

    def converted(self, value: HclValue) -> PolicyText | None:
        """Return a value as text, None for null."""
        if value is None:
            return None
        result = domain.text(value)
        if isinstance(result, Unevaluated) and result.text is not None:
            return result.text
        if isinstance(result, Unevaluated) and self.with_holes:
            return _hole(result)
        return self.known(result)

    def known(self, value: _Known | Unevaluated) -> _Known:
        """Return a known value; raises `UnknownError` for an unknown one."""
        if isinstance(value, Unevaluated):
            raise UnknownError(self.why(value))
        return value


def _hole(unknown: Unevaluated) -> PolicyText:
    return join([Hole(HoleKind.UNKNOWN, unknown.code)])


def _repeats(block: Block) -> Iterator[Node]:
    for inner in block.blocks:
        if inner.type == "dynamic" and "for_each" in inner.attributes:
            yield inner.attributes["for_each"]
        yield from _repeats(inner)


def _merged(conditions: list[Condition]) -> tuple[Condition, ...]:
    """Join conditions with the same operator and key, as the provider does: any value matches."""
    merged: dict[tuple[str, PolicyText], Condition] = {}
    for c in conditions:
        before = merged.get((c.operator, c.key))
        values = (*before.values, *c.values) if before else c.values
        merged[c.operator, c.key] = Condition(c.operator, c.key, values)
    return tuple(merged.values())
