"""What an HCL file says apart from its layout, in a form that can be compared part by part.

Two expressions of equal form are the same to an engine. The form leaves out comments, line ends,
white space, the commas of lists and objects, the order of an object's elements, and whether an
object's key is quoted; a string that is one interpolation is that expression.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl import newlines
from vpc_cni_iam.hcl.literals import unescape
from vpc_cni_iam.hcl.read import Context, branches, parse, parse_tree

if TYPE_CHECKING:
    from lark import Token, Tree

    Branch = Tree[Token]

Form: TypeAlias = "tuple[str | Form, ...]"
# A quoted text without templates is this and its text; a list is this and its items.
TEXT, LIST = "text", "list"
_OBJECT = "object"
# What is one word, or text whose meaning depends on its layout, so that it equals only itself.
_WHOLE = {
    **dict.fromkeys(("identifier", "keyword", "literal_value"), "name"),
    **dict.fromkeys(("heredoc_template", "heredoc_template_trim"), "heredoc"),
}
_SEPARATED = {"tuple": LIST, "object": _OBJECT, "arguments": "arguments"}
_MARKS = ("[", "]", "{", "}", ",")
_LINES = "new_line_or_comment"
_NEWLINE = "\n"
_LONE_RETURN = re.compile(r"\r(?!\n)")


@dataclass(frozen=True, slots=True)
class ArgumentForm:
    """One argument of a block.

    Args:
        form: Its expression in the form that can be compared.
        code: Its expression as it stands in the file.
        line: The line it starts at, from 1.
    """

    form: Form
    code: str
    line: int


@dataclass(frozen=True, slots=True)
class BlockForm:
    """A block.

    Args:
        type: Such as ``data``.
        labels: Such as ``("aws_iam_policy_document", "ipv4")``.
        line: The line it starts at, from 1.
        arguments: By name.
        blocks: The blocks inside, in order.
    """

    type: str
    labels: tuple[str, ...]
    line: int
    arguments: Mapping[str, ArgumentForm]
    blocks: tuple[BlockForm, ...]


def structure(text: str, source: str) -> BlockForm:
    """Return what an HCL file says, as a block without a type whose blocks are the file's.

    Args:
        text: The text of the file.
        source: The file name that errors name.

    Raises:
        InputError: Not HCL; with the line.
    """
    if lone := _LONE_RETURN.search(text):
        place = f"line {text.count(_NEWLINE, 0, lone.start()) + 1}"
        raise InputError(source, place, "holds a carriage return that ends no line")
    parse(text, source)  # refuses an argument that is set twice
    tree, context = parse_tree(text, source)
    try:
        newlines.check(tree, context, source)
        return _Reader(context, source).block("", (), 1, tree)
    except RecursionError:
        raise InputError(source, "", "nests too deeply to be read") from None


class _Reader:
    def __init__(self, context: Context, source: str) -> None:
        self.context, self.source = context, source

    def code(self, tree: Branch | Token) -> str:
        """Return the source text of a node."""
        start = tree.start_pos if isinstance(tree, str) else tree.meta.start_pos
        end = tree.end_pos if isinstance(tree, str) else tree.meta.end_pos
        code = self.context.text[start:end].strip()
        for mark, meant in self.context.escapes.items():
            code = code.replace(mark, meant[0] + meant)
        return code

    def block(self, kind: str, labels: tuple[str, ...], line: int, body: Branch) -> BlockForm:
        arguments, blocks = {}, []
        for child in branches(body):
            if child.data == "attribute":
                name, *_, value = child.children
                argument = ArgumentForm(self.form(value), self.code(value), child.meta.line)
                arguments[self.code(name)] = argument
            elif child.data == "block":
                head = [c for c in branches(child) if c.data not in ("body", _LINES)]
                names = [self.code(head[0]), *(self.label(c) for c in head[1:])]
                (inner,) = (c for c in branches(child) if c.data == "body")
                blocks.append(self.block(names[0], tuple(names[1:]), child.meta.line, inner))
        return BlockForm(kind, labels, line, arguments, tuple(blocks))

    def label(self, tree: Branch) -> str:
        if tree.data != "string":
            return self.code(tree)
        match self.string(tree):
            case ("text", str(text)):
                return text
        raise InputError(self.source, f"line {tree.meta.line}", "a label of a block is a template")

    def form(self, tree: Branch | Token) -> Form:
        if isinstance(tree, str):
            return ("token", self.code(tree))
        if tree.data == "string":
            return self.string(tree)
        if tree.data in _WHOLE:
            return (_WHOLE[tree.data], self.code(tree))
        children = [c for c in tree.children if not self.is_layout(c)]
        if tree.data == "expr_term" and len(children) == 1:
            return self.form(children[0])
        kind, parts = str(tree.data), children
        if tree.data in _SEPARATED:
            kind = _SEPARATED[tree.data]
            parts = [c for c in children if not (isinstance(c, str) and c in _MARKS)]
        forms = [self.element(c) if kind == _OBJECT else self.form(c) for c in parts]
        return (kind, *(sorted(forms, key=repr) if kind == _OBJECT else forms))

    def is_layout(self, leaf: Branch | Token) -> bool:
        if isinstance(leaf, str):
            return leaf.type == "NL_OR_COMMENT"
        return leaf.data == _LINES

    def element(self, tree: Branch | Token) -> Form:
        key, _, value = tree.children  # type: ignore[union-attr]
        form = self.form(key.children[0])  # type: ignore[union-attr]
        return ((TEXT, form[1]) if form[0] == "name" else form, self.form(value))

    def string(self, tree: Branch) -> Form:
        parts: list[str | Form] = []
        for piece in self.pieces(tree):
            if isinstance(piece, str) and parts and isinstance(parts[-1], str):
                parts[-1] += piece
            else:
                parts.append(piece)
        if len(parts) == 1 and not isinstance(parts[0], str):
            return parts[0]
        if all(isinstance(p, str) for p in parts):
            return (TEXT, "".join(map(str, parts)))
        return ("template", *parts)

    def pieces(self, tree: Branch) -> Iterator[str | Form]:
        for part in branches(tree):
            for piece in part.children:
                if not isinstance(piece, str):
                    (inner,) = branches(piece) if piece.data == "interpolation" else (piece,)
                    yield self.form(inner)
                    continue
                place = f"line {part.meta.line}"
                if "\n" in piece:
                    raise InputError(self.source, place, "a quoted string goes over several lines")
                try:
                    yield self.context.plain(unescape(str(piece)))
                except ValueError as error:
                    raise InputError(self.source, place, f"{error} in a quoted string") from None
