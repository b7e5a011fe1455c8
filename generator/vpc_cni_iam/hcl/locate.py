"""Where the blocks and expressions of an HCL file stand, character by character.

`vpc_cni_iam.hcl.read` says what an expression means; this says where it is and what it is made
of, for code that reads policies out of expressions and that replaces them in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl.literals import unescape
from vpc_cni_iam.hcl.read import Context, branches, parse_tree
from vpc_cni_iam.hcl.template import heredoc

if TYPE_CHECKING:
    from lark import Tree

    from vpc_cni_iam.hcl.read import Branch


@dataclass(frozen=True, slots=True)
class Span:
    """A place in the text of a file.

    Args:
        start: Of its first character, from 0.
        end: After its last character.
        line: Its first line, from 1.
    """

    start: int
    end: int
    line: int


@dataclass(frozen=True, slots=True)
class Code(Span):
    """An expression that is none of the others, as its source text."""

    code: str


@dataclass(frozen=True, slots=True)
class Choice(Code):
    """A conditional, with the two expressions that it chooses between."""

    options: tuple[Value, Value]


@dataclass(frozen=True, slots=True)
class Text(Span):
    """A quoted string or heredoc; its parts are text and interpolated code."""

    parts: tuple[str | Code, ...]


@dataclass(frozen=True, slots=True)
class Items(Span):
    """A list such as ``[1, 2]``."""

    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Fields(Span):
    """An object such as ``{ a = 1 }``; its keys are texts, or code in parentheses."""

    fields: tuple[tuple[Value, Value], ...]


@dataclass(frozen=True, slots=True)
class Called(Span):
    """A function call, whose source text is kept too."""

    name: str
    arguments: tuple[Value, ...]
    code: str


Value: TypeAlias = "Code | Text | Items | Fields | Called"


@dataclass(frozen=True, slots=True)
class Block(Span):
    """A block; its attributes are by name."""

    type: str
    labels: tuple[str, ...]
    attributes: Mapping[str, Value]
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Comment(Span):
    """A comment, as it is written."""

    text: str


@dataclass(frozen=True, slots=True)
class File:
    """A file as located.

    Args:
        source: The file name that errors name.
        text: Its text, which all places count in.
        blocks: Its blocks in order.
        comments: Its comments in order, save a few inside expressions.
    """

    source: str
    text: str
    blocks: tuple[Block, ...]
    comments: tuple[Comment, ...]


def locate(text: str, source: str) -> File:
    """Return what stands where in an HCL file.

    Args:
        text: The text of the file.
        source: The file name that errors name.

    Raises:
        InputError: Not HCL; with the line and column.
    """
    tree, context = parse_tree(text, source)
    try:
        _, blocks = _Locator(context, source).body(tree)
        return File(source, text, blocks, tuple(_comments(tree, context)))
    except RecursionError:
        raise InputError(source, "", "nests too deeply to be read") from None


def _comments(tree: Tree, context: Context) -> Iterator[Comment]:  # type: ignore[type-arg]
    for token in tree.scan_values(lambda t: getattr(t, "type", "") == "NL_OR_COMMENT"):
        text = _source(context, token.start_pos, token.end_pos).rstrip()
        if text.startswith(("#", "//", "/*")):
            yield Comment(token.start_pos, token.start_pos + len(text), token.line, text)


def _source(context: Context, start: int, end: int) -> str:
    code = context.text[start:end]
    for mark, meant in context.escapes.items():
        code = code.replace(mark, meant[0] + meant)
    return code


def _end(tree: Branch) -> int:
    """Return where the last token stands that is neither a comment nor a line's end."""
    for child in reversed(tree.children):
        if isinstance(child, str):
            return child.end_pos or 0
        if child.data != "new_line_or_comment" and child.children:
            return _end(child)
    return tree.meta.end_pos


class _Locator:
    def __init__(self, context: Context, source: str) -> None:
        self.context = context
        self.source = source

    def body(self, tree: Branch) -> tuple[dict[str, Value], tuple[Block, ...]]:
        attributes: dict[str, Value] = {}
        blocks = []
        for child in branches(tree):
            if child.data == "attribute":
                name, *_, value = branches(child)
                key = "".join(map(str, name.children))
                if key in attributes:
                    problem = f"the argument {key!r} is set twice"
                    raise InputError(self.source, f"line {child.meta.line}", problem)
                attributes[key] = self.value(value)
            elif child.data == "block":
                blocks.append(self.block(child))
        return attributes, tuple(blocks)

    def block(self, tree: Branch) -> Block:
        names = []
        attributes: dict[str, Value] = {}
        blocks: tuple[Block, ...] = ()
        for child in branches(tree):
            if child.data == "body":
                attributes, blocks = self.body(child)
            elif child.data == "string":
                parts = self.string(child).parts
                names.append("".join(p for p in parts if isinstance(p, str)))
            elif child.data != "new_line_or_comment":
                names.append("".join(map(str, child.children)))
        meta = tree.meta
        place = (meta.start_pos, meta.end_pos, meta.line)
        return Block(*place, names[0], tuple(names[1:]), attributes, blocks)

    def value(self, tree: Branch) -> Value:
        inner = [c for c in branches(tree) if c.data != "new_line_or_comment"]
        if tree.data == "expr_term" and len(inner) == 1:
            found = self.value(inner[0])
            bare = len(inner) == len([c for c in tree.children if c is not None])
            if bare:
                return found
            outer = self.code(tree)  # in parentheses
            if isinstance(found, Choice):
                return replace(found, start=outer.start, end=outer.end, code=outer.code)
            if isinstance(found, Code | Called):
                return outer
            return replace(found, start=outer.start, end=outer.end, line=outer.line)
        start, end, line = tree.meta.start_pos, _end(tree), tree.meta.line
        match tree.data:
            case "string":
                return self.string(tree)
            case "heredoc_template" | "heredoc_template_trim":
                return self.heredoc(tree)
            case "tuple":
                return Items(start, end, line, tuple(map(self.value, inner)))
            case "object":
                return Fields(start, end, line, tuple(self.field(c) for c in inner))
            case "function_call":
                return self.call(tree)
            case "conditional":
                code, (_, *options) = self.code(tree), inner
                first, second = map(self.value, options)
                return Choice(start, end, line, code.code, (first, second))
        return self.code(tree)

    def code(self, tree: Branch) -> Code:
        start, end = tree.meta.start_pos, _end(tree)
        return Code(start, end, tree.meta.line, _source(self.context, start, end))

    def field(self, tree: Branch) -> tuple[Value, Value]:
        name, value = branches(tree)
        (key,) = branches(name)
        found = self.value(key)
        if isinstance(found, Code) and re.fullmatch(r"[\w-]+", found.code):
            found = Text(found.start, found.end, found.line, (found.code,))
        return found, self.value(value)

    def call(self, tree: Branch) -> Value:
        whole = self.code(tree)
        name, *rest = branches(tree)
        lists = [c for c in rest if c.data == "arguments"]
        if any("..." in map(str, c.children) for c in (tree, *lists)):  # as in f(list...)
            return whole
        given = [a for c in lists for a in branches(c)]
        arguments = tuple(self.value(a) for a in given if a.data != "new_line_or_comment")
        called = "".join(map(str, name.children))
        return Called(whole.start, whole.end, whole.line, called, arguments, whole.code)

    def string(self, tree: Branch) -> Text:
        parts: list[str | Code] = []
        for part in branches(tree):
            for piece in part.children:
                if isinstance(piece, str):
                    parts.append(self.plain(str(piece), part.meta.line))
                elif piece.data == "interpolation":
                    (inner,) = (b for b in branches(piece) if b.data != "new_line_or_comment")
                    found = self.value(inner)
                    parts += found.parts if isinstance(found, Text) else [self.code(inner)]
                else:
                    parts.append(self.code(piece))
        return Text(tree.meta.start_pos, tree.meta.end_pos, tree.meta.line, tuple(parts))

    def plain(self, text: str, line: int) -> str:
        try:
            return self.context.plain(unescape(text))
        except ValueError as error:
            raise InputError(self.source, f"line {line}", f"{error} in a quoted string") from None

    def heredoc(self, tree: Branch) -> Text:
        start, line = tree.meta.start_pos, tree.meta.line
        text = str(tree.children[0]).rstrip()
        parts: list[str | Code] = []
        for piece, place, code in heredoc(text, self.source, line):
            number = line + text.count("\n", 0, place)
            if code:
                at = start + place
                meant = _source(self.context, at, at + len(piece))
                parts.append(Code(at, at + len(piece), number, meant))
            else:
                parts.append(self.context.plain(piece))
        return Text(start, start + len(text), line, tuple(parts))
