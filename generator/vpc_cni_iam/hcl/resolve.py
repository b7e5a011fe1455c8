"""Reads policy documents out of HCL blocks, with given values for variables and locals."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl.syntax import (
    Block,
    Conditional,
    Constant,
    FunctionCall,
    Heredoc,
    List,
    Node,
    Operation,
    Reference,
    Text,
)
from vpc_cni_iam.policy.document import (
    VERSION,
    VERSIONS,
    Condition,
    Effect,
    Policy,
    Principal,
    Statement,
)

_STATEMENT = ("sid", "effect", "actions", "not_actions", "resources", "not_resources")
_JOINS = ("source_policy_documents", "override_policy_documents")
_DOCUMENT = ("provider", "version", "policy_id", *_JOINS)
# How often it is there; each document of a data source so repeated reads the same.
_INSTANCES = ("count", "for_each")
_MAX_DEPTH = 50
# Locals that name each other twice would double with every step.
_MAX_NODES = 10_000
_INDEX = re.compile(r"[0-9]{1,18}")
# A name with attributes and indices, and nothing that an engine would compute.
REFERENCE = re.compile(r'[a-zA-Z_][\w-]*(\.[\w*-]+|\[(\d+|\*|"[^"\\$%]*")\])+')


@dataclass(frozen=True, slots=True)
class ResolvedDocument:
    """A policy document data source as read.

    Args:
        policy: Its policy, with references resolved.
        joins: The argument and expression of each list of documents that the engine would join
            to it; empty if none.
        repeats: The lists that its dynamic blocks repeat, of which `policy` has one reading.
    """

    name: str
    policy: Policy
    joins: tuple[tuple[str, Node], ...]
    line: int
    repeats: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class ValueScope:
    """The values of names.

    Args:
        values: Texts by reference, such as ``var.partition``; None for null.
        nodes: Expressions by reference, for locals.
        keep: Returns the text of a reference to anything else; without it, such a reference
            is refused.
    """

    values: Mapping[str, str | None] = field(default_factory=dict)
    nodes: Mapping[str, Node] = field(default_factory=dict)
    keep: Callable[[str], str] | None = None


class _UnresolvedError(Exception):
    """An expression that cannot be known without an engine."""


def documents(
    blocks: Iterable[Block], source: str, scope: ValueScope
) -> tuple[ResolvedDocument, ...]:
    """Return the ``aws_iam_policy_document`` data sources of a file.

    Raises:
        InputError: A document that cannot be known without an engine, with the line.
    """
    reader = _Reader(source, scope)
    return tuple(
        reader.document(b)
        for b in blocks
        if b.type == "data" and b.labels[:1] == ("aws_iam_policy_document",)
    )


def text(code: str, scope: ValueScope) -> str | None:
    """Return the text of a reference; None for null, or if only an engine knows it.

    Args:
        code: Such as ``local.name``.
    """
    try:
        return _Reader("", scope).value(Reference(code))
    except _UnresolvedError:
        return None


class _Reader:
    def __init__(self, source: str, scope: ValueScope) -> None:
        self.source = source
        self.scope = scope
        self.nodes = 0

    def refuse(self, line: int, problem: str) -> InputError:
        return InputError(self.source, f"line {line}", problem)

    def document(self, block: Block) -> ResolvedDocument:
        name = block.labels[1] if len(block.labels) > 1 else ""
        for known in block.attributes:
            if known not in _DOCUMENT and not (known in _INSTANCES and self.scope.keep):
                raise self.refuse(
                    block.attributes[known].span.line,
                    f"argument {known!r} of a policy document cannot be read without an engine",
                )
        version = self.text(block, "version", VERSION)
        if version not in VERSIONS:
            problem = f"version {version} is none of {' and '.join(VERSIONS)}"
            raise self.refuse(block.span.line, problem)
        joins = []
        for argument in _JOINS:
            if argument in block.attributes and block.attributes[argument] != List(()):
                joins.append((argument, block.attributes[argument]))
        statements = []
        for reader, inner in self.blocks(block):
            if inner.type == "statement":
                statements.append(self.variables(inner, reader.statement(inner), version))
            elif inner.type != "lifecycle":
                raise self.refuse(
                    inner.span.line, f"block {inner.type!r} cannot be read without an engine"
                )
        policy = Policy(tuple(statements), version, self.text(block, "policy_id", ""))
        return ResolvedDocument(name, policy, tuple(joins), block.span.line, tuple(_repeats(block)))

    def blocks(self, block: Block) -> Iterator[tuple[_Reader, Block]]:
        """Yield the blocks inside a block, each with the reader that knows its iterator's value."""
        for inner in block.blocks:
            if inner.type != "dynamic" or self.scope.keep:
                yield self, inner
                continue
            (name,), line = inner.labels, inner.span.line
            if set(inner.attributes) != {"for_each"} or [b.type for b in inner.blocks] != [
                "content"
            ]:
                raise self.refuse(line, "block 'dynamic' cannot be read without an engine")
            content = replace(inner.blocks[0], type=name)
            try:
                items = self.items(inner.attributes["for_each"])
            except _UnresolvedError:
                problem = "block 'dynamic' cannot be read without an engine"
                raise self.refuse(line, problem) from None
            for item in items:
                values = {**self.scope.values, f"{name}.value": item}
                yield _Reader(self.source, replace(self.scope, values=values)), content

    def items(self, node: Node) -> list[str | None]:
        """Return the items of a list that is written out, chosen by a flag, or ``value[*]``."""
        match node:
            case Operation(
                rule="full_splat_expr_term",
                parts=(Node() as inner, Operation(rule="full_splat", parts=("[*]",))),
            ):
                value = self.value(inner)
                return [] if value is None else [value]
            case List(items=items):
                return [self.value(item) for item in items]
            case Conditional(condition=condition, options=(first, second)):
                return self.items(first if self.holds(condition) else second)
        raise _UnresolvedError(_show(node))

    def holds(self, node: Node) -> bool:
        """Say whether a condition is true: a flag, or a comparison with null."""
        match node:
            case Operation(
                rule="binary_op",
                parts=(
                    Node() as inner,
                    Operation(
                        rule="binary_term",
                        parts=(
                            Operation(rule="binary_operator", parts=("==" | "!=" as operator,)),
                            Constant(code="null"),
                        ),
                    ),
                ),
            ):
                return (self.value(inner) is None) == (operator == "==")
        if (flag := self.value(node)) not in ("true", "false"):
            raise _UnresolvedError(_show(node))
        return flag == "true"

    def statement(self, block: Block) -> Statement:
        self.only(block, _STATEMENT)
        effect: Effect = "Deny" if self.text(block, "effect", "Allow") == "Deny" else "Allow"
        if self.text(block, "effect", "Allow") != effect:
            raise self.refuse(block.span.line, "effect must be Allow or Deny")
        conditions: list[Condition] = []
        principals: list[Principal] = []
        not_principals: list[Principal] = []
        for reader, inner in self.blocks(block):
            if inner.type == "condition":
                self.only(inner, ("test", "variable", "values"))
                conditions.append(
                    Condition(
                        reader.text(inner, "test"),
                        reader.text(inner, "variable"),
                        reader.texts(inner, "values"),
                    )
                )
            elif inner.type in ("principals", "not_principals"):
                self.only(inner, ("type", "identifiers"))
                names = reader.texts(inner, "identifiers")
                principal = Principal(reader.text(inner, "type"), names)
                (principals if inner.type == "principals" else not_principals).append(principal)
            else:
                raise self.refuse(
                    inner.span.line, f"block {inner.type!r} cannot be read without an engine"
                )
        return Statement(
            effect=effect,
            actions=self.texts(block, "actions"),
            not_actions=self.texts(block, "not_actions"),
            resources=self.texts(block, "resources"),
            not_resources=self.texts(block, "not_resources"),
            conditions=_merged(conditions),
            principals=tuple(principals),
            not_principals=tuple(not_principals),
            sid=self.text(block, "sid", ""),
        )

    def variables(self, block: Block, statement: Statement, version: str) -> Statement:
        """Return the statement with ``&{`` read as the provider reads it, for ``${``.

        It does so in resources, principals and condition values, and refuses it in the version
        that has no policy variables.
        """
        changed = statement.map_strings(lambda text: text.replace("&{", "${"))
        changed = replace(
            changed,
            conditions=tuple(
                replace(c, key=before.key)
                for c, before in zip(changed.conditions, statement.conditions, strict=True)
            ),
        )
        if changed != statement and version != VERSION:
            raise self.refuse(block.span.line, f"the provider refuses &{{ in version {version}")
        return changed

    def only(self, block: Block, known: tuple[str, ...]) -> None:
        for name, node in block.attributes.items():
            if name not in known:
                problem = f"unknown argument {name!r} in block {block.type!r}"
                raise self.refuse(node.span.line, problem)

    def text(self, block: Block, name: str, default: str | None = None) -> str:
        if name not in block.attributes:
            if default is None:
                raise self.refuse(block.span.line, f"block {block.type!r} has no {name!r}")
            return default
        node = block.attributes[name]
        line = node.span.line
        try:
            value = self.value(node)
        except _UnresolvedError as error:
            raise self.refuse(line, f"{error} cannot be known without an engine") from None
        if value is None:
            if default is None:
                raise self.refuse(line, f"{name!r} is null")
            return default
        return value

    def texts(self, block: Block, name: str) -> tuple[str, ...]:
        if name not in block.attributes:
            return ()
        node = block.attributes[name]
        line = node.span.line
        if isinstance(node, Reference):
            node = self.scope.nodes.get(node.path, node)
        items = node.items if isinstance(node, List) else None
        if self.scope.keep:
            match node:
                case FunctionCall(name="flatten", arguments=(List(items=(only,)),)) if _is_name(
                    only
                ):
                    items = (only,)
                case _ if _is_name(node):
                    items = (node,)
        if items is None:
            raise self.refuse(line, f"{name!r} is not a list that can be read without an engine")
        try:
            values = [self.value(item) for item in items]
        except _UnresolvedError as error:
            raise self.refuse(line, f"{error} cannot be known without an engine") from None
        return tuple(v for v in values if v is not None)

    def value(self, node: Node, depth: int = 0) -> str | None:
        """Return the text of a node, None for null.

        Raises:
            _UnresolvedError: It cannot be known.
        """
        self.count(depth)
        match node:
            case Heredoc():
                if node.plain is None:
                    raise _UnresolvedError(node.span.code)
                return node.plain
            case Text(parts=parts):
                return "".join(self.piece(part, depth + 1) for part in parts)
            case Constant(code="null"):
                return None
            case Constant(code="true" | "false" as code):
                return code
            case Reference(path=path):
                return self.reference(path, depth)
            case FunctionCall(name="coalesce", arguments=arguments):
                values = (self.value(argument, depth + 1) for argument in arguments)
                return next((value for value in values if value), None)
            case FunctionCall(name="element"):
                return self.element(node, depth + 1)
            case Conditional(condition=condition, options=(first, second)) if not self.scope.keep:
                return self.value(first if self.holds(condition) else second, depth + 1)
        return self.kept(_show(node))

    def count(self, depth: int) -> None:
        """Refuse a value that takes too many nodes, or nests too deeply."""
        self.nodes = 1 if depth == 0 else self.nodes + 1
        if depth > _MAX_DEPTH:
            raise _UnresolvedError("a local that refers to itself")
        if self.nodes > _MAX_NODES:
            raise _UnresolvedError(f"a text of more than {_MAX_NODES:,} parts")

    def piece(self, part: str | Node, depth: int) -> str:
        text = part if isinstance(part, str) else self.value(part, depth)
        if text is None:
            raise _UnresolvedError("null in a string")
        return text

    def reference(self, path: str, depth: int) -> str | None:
        if path in self.scope.values:
            return self.scope.values[path]
        if path in self.scope.nodes:
            return self.value(self.scope.nodes[path], depth + 1)
        return self.kept(path)

    def kept(self, code: str) -> str:
        if self.scope.keep is None or not REFERENCE.fullmatch(code):
            raise _UnresolvedError(code)
        return self.scope.keep(code)

    def element(self, node: FunctionCall, depth: int) -> str:
        """Return the value of ``element(split(separator, text), number)``."""
        match node.arguments:
            case (FunctionCall(name="split", arguments=(separator, text)), Constant(code=number)):
                mark, whole = self.value(separator, depth), self.value(text, depth)
                if mark and whole is not None and _INDEX.fullmatch(number):
                    pieces = whole.split(mark)
                    return pieces[int(number) % len(pieces)]
        raise _UnresolvedError(_show(node))


def _repeats(block: Block) -> Iterator[Node]:
    for inner in block.blocks:
        if inner.type == "dynamic" and "for_each" in inner.attributes:
            yield inner.attributes["for_each"]
        yield from _repeats(inner)


def _merged(conditions: list[Condition]) -> tuple[Condition, ...]:
    """Join conditions of one operator and key, as the provider does: any of all values fits."""
    merged: dict[tuple[str, str], Condition] = {}
    for c in conditions:
        before = merged.get((c.operator, c.key))
        values = (*before.values, *c.values) if before else c.values
        merged[c.operator, c.key] = Condition(c.operator, c.key, values)
    return tuple(merged.values())


def _is_name(node: Node) -> bool:
    """Say whether an expression may be a list: it is no text and has no value here."""
    return not isinstance(node, Text | List | FunctionCall)


def _show(node: Node) -> str:
    if isinstance(node, FunctionCall):
        return f"{node.name}(...)"
    return "a list" if isinstance(node, List) else node.span.code
