"""Checks the line breaks of an HCL file, which python-hcl2 reads more leniently than an engine.

python-hcl2 accepts ``a = 1 b = 2`` on one line, and an operator that begins a line. Source: the
HCL native syntax specification. A line break ends an argument, a block and an element of an
object; inside parentheses, brackets and templates it counts as a space.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from vpc_cni_iam.errors import InputError

if TYPE_CHECKING:
    from lark import Token, Tree

    Leaf: TypeAlias = Token | Tree[Token]

# Inside these a line break is a space, from their opening bracket on.
_OPENINGS = {
    "expr_term": "(",
    "tuple": "[",
    "function_call": "(",
    "braces_index": "[",
    "for_tuple_expr": "[",
    "for_object_expr": "{",
}
# What python-hcl2 calls a line break or a comment, and several of them.
LINE, LINES = "NL_OR_COMMENT", "new_line_or_comment"
_TEMPLATES = ("string", "interpolation")
_HEREDOCS = ("heredoc_template", "heredoc_template_trim")
_GAP = re.compile(r"/\*.*?\*/|(?:#|//)[^\n]*|\n", re.DOTALL)
_MISSING = "a line break is missing before this"
_MISPLACED = "the line before this is not finished, and HCL ends an argument at its line's end"


def check(tree: Tree[Token], text: str, source: str) -> None:
    """Raise `InputError` for line breaks that an engine refuses."""
    _Checker(text, source).span(tree, free=False)


class _Part(Struct, frozen=True):
    """A child of a node: its word or rule, where it stands, and whether lines may break after."""

    word: str
    start: int
    end: int
    free: bool


class _Checker:
    def __init__(self, text: str, source: str) -> None:
        self.text, self.source = text, source

    def broken(self, start: int, end: int) -> bool:
        """Whether the text between two tokens has a line break."""
        gap = self.text[start:end]
        return "\n" in gap and any(m[0] == "\n" for m in _GAP.finditer(gap))

    def refuse(self, position: int, problem: str) -> InputError:
        line = self.text.count("\n", 0, position) + 1
        return InputError(self.source, f"line {line}", problem)

    def span(self, leaf: Leaf, *, free: bool) -> tuple[int, int] | None:
        """Check the parts of a node, and return where its first token starts and its last ends."""
        if isinstance(leaf, str):
            empty = leaf.type == LINE
            return None if empty else (leaf.start_pos or 0, leaf.end_pos or 0)
        if leaf.data == LINES:
            return None
        if leaf.data in _HEREDOCS:
            start = leaf.meta.start_pos
            return start, start + len(self.text[start : leaf.meta.end_pos].rstrip())
        parts = list(self.parts(leaf, free=free))
        if leaf.data == "body":
            for before, after in pairwise(parts):
                if not self.broken(before.end, after.start):
                    raise self.refuse(after.start, _MISSING)
        elif leaf.data == "block":
            self.block(leaf, parts)
        else:
            for before, after in pairwise(parts):
                self.pair(before, after, in_object=leaf.data == "object")
        return (parts[0].start, parts[-1].end) if parts else None

    def parts(self, tree: Tree[Token], *, free: bool) -> Iterator[_Part]:
        """Check the children of a node and yield those that are not empty."""
        opening = _OPENINGS.get(tree.data)
        # An object ends what its surroundings allow, since a line break separates its elements.
        inside = tree.data in _TEMPLATES or (free and tree.data != "object")
        for child in tree.children:
            span = self.span(child, free=inside)
            if span is not None:
                word = str(child).strip() if isinstance(child, str) else str(child.data)
                inside = inside or word == opening
                yield _Part(word, *span, free=inside)

    def pair(self, before: _Part, after: _Part, *, in_object: bool) -> None:
        """Check the text between two parts of an expression."""
        broken = self.broken(before.end, after.start)
        if in_object and before.word == after.word and not broken:  # two elements
            raise self.refuse(after.start, _MISSING)
        allowed = after.word != "," if in_object else before.free
        if broken and not allowed:
            raise self.refuse(after.start, _MISPLACED)

    def block(self, tree: Tree[Token], parts: Sequence[_Part]) -> None:
        """Check a block: on one line it holds one argument at most."""
        opening = next(place for place, part in enumerate(parts) if part.word == "{")
        for before, after in pairwise(parts[: opening + 1]):
            if self.broken(before.end, after.start):
                raise self.refuse(after.start, _MISPLACED)
        if len(parts) == opening + 2:  # it is empty
            return
        start, body, end = parts[opening:]
        items = [c.data for c in tree.children[-2].children if not isinstance(c, str)]  # type: ignore[union-attr]
        alone = [i for i in items if i != LINES] == ["attribute"]
        first, last = self.broken(start.end, body.start), self.broken(body.end, end.start)
        if not first and not alone:
            raise self.refuse(body.start, _MISSING)
        if first != last:
            raise self.refuse(end.start, _MISSING if first else _MISPLACED)
