"""Reads HCL with python-hcl2 into a small tree of our own.

The parse tree is used and not hcl2's dicts, since those keep escapes and templates as text. One
fault of hcl2's grammar is read around: it takes everything from ``$${`` to the next ``}`` for
one token, quotes included, so that ``"$${"`` swallows the code after it. Both escapes are
replaced by characters that the text does not hold before it is parsed, as many as they have, so
that every place stays where it is; and put back after.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl.literals import unescape
from vpc_cni_iam.texts.nesting import check_hcl

if TYPE_CHECKING:
    from lark import Token, Tree

    Branch = Tree[Token]


@dataclass(frozen=True, slots=True)
class Reference:
    """A dotted name such as ``var.cluster_name``."""

    path: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function call."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Quoted:
    """A quoted string or heredoc; its parts are text and interpolated nodes."""

    parts: tuple[str | Node, ...]


@dataclass(frozen=True, slots=True)
class Other:
    """Any other expression, as its source text."""

    code: str


Node: TypeAlias = "Reference | Call | Quoted | Other | tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Block:
    """A block as read.

    Args:
        type: Such as ``data``.
        labels: Such as ``("aws_iam_policy_document", "ipv4")``.
        line: The line it starts at, from 1.
        attributes: By name; each with its line.
        blocks: The blocks inside, in order.
    """

    type: str
    labels: tuple[str, ...]
    line: int
    attributes: Mapping[str, tuple[Node, int]]
    blocks: tuple[Block, ...]


@dataclass(slots=True)
class Context:
    """The text that is parsed, and what stands in it for the two escapes.

    Args:
        text: As it is parsed; as long as the text of the file.
        escapes: What each of the marks in it means.
    """

    text: str
    escapes: dict[str, str] = field(default_factory=dict)

    def plain(self, text: str) -> str:
        """Return what a piece of the parsed text means.

        Args:
            text: The piece, such as one part of a quoted string.
        """
        for mark, meant in self.escapes.items():
            text = text.replace(mark, meant)
        return text


def parse(text: str, source: str) -> tuple[Block, ...]:
    """Return the blocks of an HCL file.

    Args:
        text: The text of the file.
        source: The file name that errors name.

    Raises:
        InputError: Not HCL; with the line and column.
    """
    tree, context = parse_tree(text, source)
    try:
        _, blocks = _body(tree, context, source)
    except RecursionError:
        raise InputError(source, "", "nests too deeply to be read") from None
    return blocks


def parse_tree(text: str, source: str) -> tuple[Branch, Context]:
    """Return the parse tree of an HCL file's body, whose places are those of the text.

    Args:
        text: The text of the file.
        source: The file name that errors name.

    Raises:
        InputError: Not HCL; with the line and column.
    """
    from lark.exceptions import UnexpectedInput, VisitError

    from vpc_cni_iam.hcl.grammar import tree as parsed

    check_hcl(text, source)

    context = _mask(text)
    try:
        tree = parsed(context.text)
    except UnexpectedInput as error:
        place = f"line {error.line}, column {error.column}" if error.line > 0 else "end of file"
        if "${~" in text or "~}" in text:
            problem = "holds template strip markers (~), which this reader does not know"
            raise InputError(source, place, problem) from None
        raise InputError(source, place, "is not valid HCL; terraform fmt shows more") from None
    except (VisitError, RecursionError):
        raise InputError(source, "", "nests too deeply to be read") from None
    return branches(tree)[0], context


def _mask(text: str) -> Context:
    free = (chr(c) for c in range(0xE000, 0xF8FF) if chr(c) not in text)
    context = Context(text)
    for escape, meant in (("$${", "${"), ("%%{", "%{")):
        if escape in text:
            mark = next(free) * len(escape)
            context.escapes[mark] = meant
            context.text = context.text.replace(escape, mark)
    return context


def branches(tree: Branch) -> list[Branch]:
    """Return the children of a node of the parse tree that are no tokens.

    Args:
        tree: The node.
    """
    return [c for c in tree.children if not isinstance(c, str)]


def _body(
    tree: Branch, context: Context, source: str
) -> tuple[dict[str, tuple[Node, int]], tuple[Block, ...]]:
    attributes: dict[str, tuple[Node, int]] = {}
    blocks = []
    for child in branches(tree):
        if child.data == "attribute":
            name, *_, value = child.children
            key = "".join(map(str, name.children))  # type: ignore[union-attr]
            if key in attributes:
                place = f"line {child.meta.line}"
                raise InputError(source, place, f"the argument {key!r} is set twice")
            attributes[key] = (_node(value, context, source), child.meta.line)  # type: ignore[arg-type]
        elif child.data == "block":
            blocks.append(_block(child, context, source))
    return attributes, tuple(blocks)


def _block(tree: Branch, context: Context, source: str) -> Block:
    names = []
    body: tuple[dict[str, tuple[Node, int]], tuple[Block, ...]] = ({}, ())
    for child in branches(tree):
        if child.data == "body":
            body = _body(child, context, source)
        elif child.data == "string":
            quoted = _quoted(child, context, source)
            names.append("".join(p for p in quoted.parts if isinstance(p, str)))
        elif child.data != "new_line_or_comment":
            names.append("".join(map(str, child.children)))
    return Block(names[0], tuple(names[1:]), tree.meta.line, *body)


def _node(tree: Branch, context: Context, source: str) -> Node:
    if tree.data == "expr_term":
        inner = [c for c in branches(tree) if c.data != "new_line_or_comment"]
        if len(inner) == 1:
            return _node(inner[0], context, source)
    if tree.data == "string":
        return _quoted(tree, context, source)
    if tree.data in ("heredoc_template", "heredoc_template_trim"):
        return _heredoc(tree, context, source)
    if tree.data == "tuple":
        items = (c for c in branches(tree) if c.data != "new_line_or_comment")
        return tuple(_node(c, context, source) for c in items)
    if tree.data == "function_call":
        return _call(tree, context, source)
    if tree.data in ("identifier", "get_attr_expr_term"):
        code = _code(tree, context)
        if re.fullmatch(r"[\w-]+(\.[\w-]+)*", code, re.ASCII):
            return Reference(code)
    return Other(_code(tree, context))


def _call(tree: Branch, context: Context, source: str) -> Node:
    name, *rest = branches(tree)
    arguments = [c for c in rest if c.data == "arguments"]
    if "..." in _tokens(tree) or any("..." in _tokens(a) for a in arguments):
        return Other(_code(tree, context))
    given = [c for a in arguments for c in branches(a) if c.data != "new_line_or_comment"]
    return Call("".join(map(str, name.children)), tuple(_node(c, context, source) for c in given))


def _tokens(tree: Branch) -> Iterator[str]:
    return (str(c) for c in tree.children if isinstance(c, str))


def _quoted(tree: Branch, context: Context, source: str) -> Quoted:
    parts: list[str | Node] = []
    for part in branches(tree):
        for piece in part.children:
            if isinstance(piece, str):
                try:
                    parts.append(context.plain(unescape(str(piece))))
                except ValueError as error:
                    place = f"line {part.meta.line}"
                    raise InputError(source, place, f"{error} in a quoted string") from None
            elif piece.data == "interpolation":
                (inner,) = branches(piece)
                parts.append(_node(inner, context, source))
            else:
                parts.append(Other(_code(piece, context)))
    return Quoted(tuple(parts))


def _heredoc(tree: Branch, context: Context, source: str) -> Node:
    """Read a heredoc without templates; one with templates stays as its source text."""
    text = str(tree.children[0]).replace("\r\n", "\n")
    first, *lines = text.rstrip("\n").split("\n")
    body = lines[:-1]
    if any("${" in line or "%{" in line for line in body):
        return Other(_code(tree, context))
    if first.startswith("<<-"):
        depth = min((len(x) - len(x.lstrip(" ")) for x in body if x.strip()), default=0)
        body = [x[depth:] for x in body]
    return Quoted(("".join(context.plain(x) + "\n" for x in body),))


def _code(tree: Branch, context: Context) -> str:
    code = context.text[tree.meta.start_pos : tree.meta.end_pos]
    for mark, meant in context.escapes.items():
        code = code.replace(mark, meant[0] + meant)
    return code
