"""Builds the syntax tree of an HCL file from python-hcl2's parse tree.

hcl2's dicts are not used, because they keep escapes and templates as text. A heredoc is one piece
in the parse tree, and parsed here. `vpc_cni_iam.hcl.repair` does what python-hcl2 does not do.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec.structs import replace

from vpc_cni_iam.errors import InputError, Message
from vpc_cni_iam.hcl import repair
from vpc_cni_iam.hcl.literals import normalised, unescape
from vpc_cni_iam.hcl.syntax import (
    SPACES,
    Block,
    Code,
    CodeKind,
    Conditional,
    Constant,
    File,
    FunctionCall,
    Heredoc,
    List,
    Node,
    Object,
    Operation,
    Reference,
    Span,
    Text,
)
from vpc_cni_iam.texts.nesting import check_hcl

if TYPE_CHECKING:
    from collections.abc import Callable

    from lark import Token, Tree

    Branch = Tree[Token]

_Node = TypeVar("_Node", bound=Node)

# Why only an engine can read the code of a template.
ONLY_AN_ENGINE: Mapping[CodeKind, Message] = {
    CodeKind.directive: "has a template directive (%{), which only an engine can follow",
    CodeKind.stripped: "has template strip markers (~), which this reader does not know",
}
_DEEP = "nests too deeply to be read"
_ESCAPE = re.compile(r"([$%])\1\{")
_PATH = re.compile(r"[\w-]+(\.[\w-]+)*")
_WORD = re.compile(r"[\w-]+")
_TEMPLATE = re.compile(r"[$%]\{")
_LONE_RETURN = re.compile(r"\r(?!\n)")
# Categories of characters that may join the space before them, and more such characters.
_JOINING = ("Mn", "Me", "Mc", "Cf")
_JOINING_TOO = "\uff9e\uff9f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
_NEWLINE = "\n"
# The number of labels of blocks at the top of a file; an engine refuses others.
_LABELS = {"resource": 2, "data": 2, "variable": 1, "output": 1, "module": 1}
# `verify` reads a file twice: the latest trees of short texts are cached (120 bytes a character).
_SHORT = 1 << 15
_short_tree = lru_cache(maxsize=4)(repair.tree)


def parse(text: str, source: str, *, strict: bool = False) -> File:
    """Return the syntax tree of an HCL file; raises `InputError` with the line and column.

    `strict` also refuses labels with templates, line ends in strings, and lone carriage returns.
    """
    check_hcl(text, source)
    if strict and (lone := _LONE_RETURN.search(text)):
        place = f"line {text.count(_NEWLINE, 0, lone.start()) + 1}"
        raise InputError(source, place, "has a carriage return that does not end a line")
    body = _parse_tree(text, source)
    builder = _Builder(text, source, strict=strict)
    try:
        attributes, blocks = builder.body(body)
    except RecursionError:
        raise InputError(source, "", _DEEP) from None
    for block in blocks:
        if (number := len(block.labels)) != (needed := _LABELS.get(block.type, number)):
            raise block.span.refuse(f"has {number} labels after {block.type}, instead of {needed}")
    return File(source, text, attributes, blocks)


@lru_cache(maxsize=1024)
def expression(code: str) -> Node | None:
    """Return one expression as a node; None if the code is not one expression."""
    try:
        file = parse(f"x=(\n{code}\n)\n", "")
    except InputError:
        return None
    node = file.attributes.get("x")
    if len(file.attributes) > 1 or file.blocks or node is None:
        return None
    # Otherwise the code closes the added parenthesis and opens another one.
    whole = node.in_parentheses and node.outer.code == file.text[2:-1]
    return node if whole else None


def _parse_tree(text: str, source: str) -> Branch:
    """Return python-hcl2's tree of a file's body."""
    from lark.exceptions import UnexpectedInput, VisitError

    try:
        tree = _short_tree(text) if len(text) <= _SHORT else repair.tree(text)
        (body,) = _branches(tree)
    except UnexpectedInput as error:
        place = f"line {error.line}, column {error.column}" if error.line > 0 else "end of file"
        problem = "is not valid HCL; terraform fmt shows more"
        start = repair.unclosed_string(text)
        if start is not None and (error.pos_in_stream is None or start <= error.pos_in_stream):
            # The parser stops later, often at the next quote.
            line = text.count(_NEWLINE, 0, start) + 1
            place = f"line {line}, column {start - text.rfind(_NEWLINE, 0, start)}"
            problem = "is not valid HCL: the string that starts here has no closing quote"
        raise InputError(source, place, problem) from None
    except (VisitError, RecursionError):
        raise InputError(source, "", _DEEP) from None
    return body


def _branches(tree: Branch) -> list[Branch]:
    return [child for child in tree.children if not isinstance(child, str)]


def _end(tree: Branch) -> int:
    """Return the end of the last token that is neither a comment nor a line's end."""
    for child in reversed(tree.children):
        if isinstance(child, str):
            if child.type != repair.LINE:
                return child.end_pos or 0
        elif child.data != repair.LINES and child.children:
            return _end(child)
    return tree.meta.end_pos


class _Builder:
    """Builds nodes from one parse tree."""

    def __init__(self, text: str, source: str, *, strict: bool) -> None:
        self.text, self.source, self.strict = text, source, strict

    def refuse(self, line: int, problem: str) -> InputError:
        return InputError(self.source, f"line {line}", problem)

    def span(self, tree: Branch) -> Span:
        return Span(self.text, tree.meta.start_pos, _end(tree), tree.meta.line, self.source)

    def parts(self, tree: Branch) -> list[Branch | Token]:
        """Return the children of a branch without comments and line ends."""
        return [
            child
            for child in tree.children
            if (child.type if isinstance(child, str) else child.data)
            not in (repair.LINE, repair.LINES)
        ]

    def trees(self, tree: Branch) -> list[Branch]:
        return [part for part in self.parts(tree) if not isinstance(part, str)]

    def word(self, leaf: Branch | Token) -> str:
        """Return the code of a token or a short branch, such as a name."""
        if isinstance(leaf, str):
            return self.text[leaf.start_pos : leaf.end_pos]
        return self.span(leaf).code

    def body(self, tree: Branch) -> tuple[dict[str, Node], tuple[Block, ...]]:
        attributes: dict[str, Node] = {}
        blocks = []
        for child in self.trees(tree):
            if child.data == "block":
                blocks.append(self.block(child))
                continue
            name, value = self.trees(child)
            key = self.word(name)
            if key in attributes:
                raise self.refuse(child.meta.line, f"the argument {key!r} is set twice")
            attributes[key] = self.node(value)
        return attributes, tuple(blocks)

    def block(self, tree: Branch) -> Block:
        kind, *labels, body = self.trees(tree)
        names = tuple(self.label(label) for label in labels)
        return Block(self.word(kind), names, *self.body(body), span=self.span(tree))

    def label(self, tree: Branch) -> str:
        if tree.data != "string":
            return self.word(tree)
        parts = self.template(tree)
        if self.strict and not all(isinstance(part, str) for part in parts):
            raise self.refuse(tree.meta.line, "a label of a block is a template")
        return "".join(part for part in parts if isinstance(part, str))

    def node(self, tree: Branch) -> Node:
        build = _BUILDERS.get(tree.data, _Builder.operation)
        return build(self, tree)

    def term(self, tree: Branch) -> Node:
        parts = self.parts(tree)
        (inner,) = (part for part in parts if not isinstance(part, str))
        node = self.node(inner)
        return replace(node, outer=self.span(tree), in_parentheses=True) if len(parts) > 1 else node

    def operation(self, tree: Branch) -> Node:
        parts = tuple(
            self.word(part) if isinstance(part, str) else self.node(part)
            for part in self.parts(tree)
        )
        return self.made(Operation, tree, str(tree.data), parts)

    def made(self, kind: type[_Node], tree: Branch, *values: Any) -> _Node:
        """Return a node of a kind with these values, at the place of a branch."""
        span = self.span(tree)
        return kind(*values, span=span, outer=span)

    def binary(self, tree: Branch) -> Node:
        """Return a chain of operators as one operation.

        The tree nests them to the left, and a long chain would nest too deeply.
        """
        whole, terms = tree, []
        while tree.data == "binary_op":
            tree, term = self.trees(tree)
            terms.append(self.node(term))
        parts = (self.node(tree), *reversed(terms))
        return self.made(Operation, whole, "binary_op", parts)

    def reference(self, tree: Branch) -> Node:
        code = self.word(tree)
        return self.made(Reference, tree, code) if _PATH.fullmatch(code) else self.operation(tree)

    def constant(self, tree: Branch) -> Node:
        return self.made(Constant, tree, self.word(tree))

    def list(self, tree: Branch) -> Node:
        return self.made(List, tree, tuple(map(self.node, self.trees(tree))))

    def object(self, tree: Branch) -> Node:
        return self.made(Object, tree, tuple(map(self.field, self.trees(tree))))

    def field(self, tree: Branch) -> tuple[Node, Node]:
        name, value = self.trees(tree)
        key = self.node(self.trees(name)[0])
        code = key.outer.code  # with parentheses or quotes, it is not a name
        if isinstance(key, Reference | Constant) and _WORD.fullmatch(code):
            key = Text((code,), span=key.span, outer=key.span)
        return key, self.node(value)

    def call(self, tree: Branch) -> Node:
        parts = self.parts(tree)
        opening = next(place for place, part in enumerate(parts) if part == "(")
        name = "".join(map(self.word, parts[:opening]))
        arguments = [a for a in parts[opening:] if not isinstance(a, str)]
        if any("..." in self.parts(a) for a in arguments):  # as in f(list...)
            return self.operation(tree)
        values = tuple(self.node(value) for a in arguments for value in self.trees(a))
        return self.made(FunctionCall, tree, name, values)

    def conditional(self, tree: Branch) -> Node:
        condition, first, second = map(self.node, self.trees(tree))
        return self.made(Conditional, tree, condition, (first, second))

    def string(self, tree: Branch) -> Node:
        parts = self.template(tree)
        match parts:
            case (Node() as only,) if not isinstance(only, Code):
                return replace(only, outer=self.span(tree))
        return self.made(Text, tree, parts)

    def template(self, tree: Branch) -> tuple[str | Node, ...]:
        """Return the parts of a quoted string."""
        parts: list[str | Node] = []
        for piece in (piece for part in _branches(tree) for piece in part.children):
            for part in self.piece(piece):
                if isinstance(part, str) and parts and isinstance(parts[-1], str):
                    parts[-1] += part
                else:
                    parts.append(part)
        return tuple(parts)

    def piece(self, piece: Branch | Token) -> tuple[str | Node, ...]:
        if isinstance(piece, str):
            return (self.plain(piece),)
        code = self.word(piece)
        if code.startswith("${~") or (piece.data == "interpolation" and code.endswith("~}")):
            return (self.made(Code, piece, code, CodeKind.stripped),)
        if piece.data == "interpolation":
            (inner,) = self.trees(piece)
            node = self.node(inner)
            # A string inside a string is also text.
            return node.parts if type(node) is Text else (node,)
        return (self.made(Code, piece, code, CodeKind.directive),)

    def plain(self, token: Token) -> str:
        line = token.line or 0
        if self.strict and "\n" in token:
            raise self.refuse(line, "a quoted string has several lines")
        try:
            return normalised(unescape(_ESCAPE.sub(r"\1{", self.word(token))))
        except ValueError as error:
            raise self.refuse(line, f"{error} in a quoted string") from None

    def heredoc(self, tree: Branch) -> Node:
        start, line = tree.meta.start_pos, tree.meta.line
        text = self.text[start : tree.meta.end_pos].rstrip()
        self.check_heredoc(text, line)
        span = Span(self.text, start, start + len(text), line, self.source)
        parts = tuple(self.heredoc_parts(text, span))
        return Heredoc(parts, text.startswith("<<-"), span=span, outer=span)

    def check_heredoc(self, text: str, line: int) -> None:
        """Refuse a heredoc that an engine may read differently: it knows more spaces."""
        opening, *rows, last = text.split("\n")
        name = opening.removeprefix("<<").removeprefix("-").strip()
        for number, row in enumerate(rows, line + 1):
            content = row.strip(SPACES)
            if content == name:
                raise self.refuse(number, f"has space after {name}, at the end of a heredoc")
            first = content[:1] or " "
            joins = unicodedata.category(first) in _JOINING or first in _JOINING_TOO
            if joins and opening.startswith("<<-"):
                raise self.refuse(number, "begins with a combining character; write it escaped")
        if last.strip(SPACES) != name:
            problem = (
                f"has a control character before {name}, which does not end a heredoc; remove it"
            )
            raise self.refuse(line + len(rows) + 1, problem)

    def heredoc_parts(self, text: str, heredoc: Span) -> Iterator[str | Node]:
        begin, end = text.index("\n") + 1, text.rindex("\n") + 1
        masked = repair.masked(text)
        while begin < end:
            opening = _TEMPLATE.search(masked, begin, end)
            literal = text[begin : opening.start() if opening else end]
            if literal:
                yield normalised(_ESCAPE.sub(r"\1{", literal))
            if opening is None:
                return
            row = heredoc.line + text.count("\n", 0, opening.start())
            closing = repair.closing_brace(text, opening.end(), end)
            if closing is None:
                raise self.refuse(row, "a template starts here that does not end")
            begin = closing + 1
            inner = text[opening.end() : closing]
            kind = CodeKind.expression
            if opening[0] == "%{":
                kind = CodeKind.directive
            elif inner.startswith("~") or inner.endswith("~"):
                kind = CodeKind.stripped
            inside = kind is CodeKind.expression
            # Space around an expression is not part of it.
            first = opening.end() + inner.index(inner.strip()) if inside else opening.start()
            length = len(inner.strip()) if inside else begin - first
            place = heredoc.start + first
            row += text.count("\n", opening.start(), first)
            span = Span(self.text, place, place + length, row, self.source)
            yield Code(span.code, kind, span=span, outer=span)


_BUILDERS: dict[str, Callable[[_Builder, Branch], Node]] = {
    "expr_term": _Builder.term,
    "string": _Builder.string,
    "heredoc_template": _Builder.heredoc,
    "heredoc_template_trim": _Builder.heredoc,
    "tuple": _Builder.list,
    "object": _Builder.object,
    "function_call": _Builder.call,
    "conditional": _Builder.conditional,
    "binary_op": _Builder.binary,
    "identifier": _Builder.reference,
    "get_attr_expr_term": _Builder.reference,
    "literal_value": _Builder.constant,
    "keyword": _Builder.constant,
    "int_lit": _Builder.constant,
    "float_lit": _Builder.constant,
}
