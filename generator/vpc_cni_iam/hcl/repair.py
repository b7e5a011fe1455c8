"""Parses HCL with python-hcl2, and does what python-hcl2 does not do.

docs/development/python-hcl2.md lists the faults; each has a test in `tests/hcl/test_repair.py`.

- It reads everything from ``$${`` to the next ``}`` as one token, also quotes, so ``"$${"``
  swallows the code after it. Both escapes are masked with text of the same length.
- It does not read names with letters outside ASCII, ``${~ x ~}``, a line break directly inside
  ``${}`` in a string, or an operator after an operator, such as ``!!var.x``. If it refuses a file,
  a corrected grammar parses it; its tables are computed only then.
- It accepts ``a = 1 b = 2`` on one line, and an operator at the start of a line. `check_lines` does
  not. Source: the HCL native syntax specification. A line break ends an argument, a block and an
  element of an object; inside parentheses, brackets and templates it is a space.
- It keeps its tables in its own folder. If that is not writable, as in an image or a system's
  site-packages, each run would compute them again, which takes over a second. Then they are written
  into the user's cache folder, if there is one. Loading them runs code in the file (lark uses
  pickle), as Python does with its ``__pycache__``; so a folder that others can write is not used.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from vpc_cni_iam.errors import InputError

if TYPE_CHECKING:
    from lark import Lark, Token, Tree

    Leaf: TypeAlias = Token | Tree[Token]

_ESCAPES = re.compile(r"\$\$\{|%%\{")
# No code contains it.
_MASK = "\ue000\ue000\ue000"
# Parts of python-hcl2's grammar, and what they should be.
CORRECTIONS = {
    "NAME : /[a-zA-Z_][a-zA-Z0-9_-]*/": r"NAME : /[^\W\d][\w-]*/",
    "(MINUS | NOT) expr_term": "(MINUS | NOT) unary_expr",
    "INTERP_START expression RBRACE": (
        "INTERP_START STRIP_MARKER? new_line_or_comment? expression "
        "new_line_or_comment? STRIP_MARKER? RBRACE"
    ),
}
_TOKEN = re.compile(
    r"""(?P<comment>\#|//)|(?P<long>/\*)
    |<<-?(?P<heredoc>[\w.-]+)[ \t]*\r?\n
    |(?P<quote>")|(?P<open>\{)|(?P<close>\})""",
    re.VERBOSE,
)
_IN_STRING = re.compile(r'\\.|\$\$\{|%%\{|(?P<template>[$%]\{)|(?P<end>["\n])', re.DOTALL)
_DEPTH = 200
_HEADER = re.compile(rf"(?P<line>\n)|(?P<word>[\w-]+)|{_TOKEN.pattern}|(?P<other>\S)", re.VERBOSE)
# Inside these, from their opening bracket on, a line break is a space.
_OPENINGS = {
    "expr_term": "(",
    "tuple": "[",
    "function_call": "(",
    "braces_index": "[",
    "for_tuple_expr": "[",
    "for_object_expr": "{",
}
# python-hcl2's names for a line break or a comment, and for several of them.
LINE, LINES = "NL_OR_COMMENT", "new_line_or_comment"
_TEMPLATES = ("string", "interpolation")
_HEREDOCS = ("heredoc_template", "heredoc_template_trim")
_GAP = re.compile(r"/\*.*?\*/|(?:#|//)[^\n]*|\n", re.DOTALL)
_MISSING = "a line break is missing before this"
_MISPLACED = "the line before this is not finished, and HCL ends an argument at its line's end"
_folders: list[Path] = []


def keep_tables_in(folder: Path | None) -> None:
    """Set the folder for the tables; without it and without python-hcl2's, nothing is cached."""
    _folders[:] = [] if folder is None else [folder]


def tree(text: str) -> Tree[Token]:
    """Return the parse tree of an HCL file, or raise lark's `LarkError`."""
    import hcl2.parser
    from hcl2.api import parses_to_tree
    from lark.exceptions import UnexpectedInput

    # Read when the first text is parsed. Without this name, python-hcl2 is slow but correct.
    own = getattr(hcl2.parser, "PARSER_FILE", Path())
    writable = own.exists() or os.access(own.parent, os.W_OK)
    folder = next(filter(usable, () if writable else _folders), None)
    if folder is not None:
        hcl2.parser.PARSER_FILE = folder / f"hcl2.{sys.implementation.cache_tag}.bin"
    parsed: Tree[Token]
    try:
        parsed = parses_to_tree(masked(text))
    except UnexpectedInput:
        parsed = _corrected().parse(f"{masked(text)}\n")
    return parsed


def masked(text: str) -> str:
    """Return a text without the escapes of templates."""
    return _ESCAPES.sub(_MASK, text)


@lru_cache(maxsize=1)
def _corrected() -> Lark:
    """Return a parser for the corrected grammar; without cached tables, this takes a second."""
    import hcl2
    from hcl2.postlexer import PostLexer
    from lark import Lark

    folder = next(filter(usable, _folders), None)
    tables = folder / f"hcl2-corrected.{sys.implementation.cache_tag}.bin" if folder else None
    grammar = Path(hcl2.__file__).with_name("hcl2.lark").read_text("utf-8")
    for part, correct in CORRECTIONS.items():
        grammar = grammar.replace(part, correct)
    return Lark(
        grammar,
        parser="lalr",
        cache=str(tables) if tables else False,
        propagate_positions=True,
        postlex=PostLexer(),
    )


def usable(folder: Path) -> bool:
    """Create a folder if necessary; return whether only its user can write it."""
    with suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
        others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        return status.st_uid == os.geteuid() and not others and os.access(folder, os.W_OK)
    return False


def check_lines(tree: Tree[Token], text: str, source: str) -> None:
    """Raise `InputError` for line breaks that an engine refuses."""
    _Checker(text, source).span(tree, free=False)


class _Part(Struct, frozen=True):
    """A child of a node: its word or rule, its place, and whether a line may break after it."""

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
        """Check the parts of a node; return the start of its first token and its end."""
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
        # In an object, a line break separates elements, whatever is around it.
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
        """Check a block: on one line, it has at most one argument."""
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


def closing_brace(text: str, place: int, end: int, depth: int = 0) -> int | None:
    """Return the place of the brace that closes the one before a place; None if there is none."""
    braces = 1
    while match := _TOKEN.search(text, place, end):
        place = match.end()
        if match["open"]:
            braces += 1
        elif match["close"]:
            braces -= 1
            if braces == 0:
                return match.start()
        else:
            place = _after(match, end, depth)
    return None


def unclosed_string(text: str) -> int | None:
    """Return the place of the first quote whose string does not end on its line, or None."""
    place = 0
    while match := _TOKEN.search(text, place):
        place = match.end()
        if not match["open"] and not match["close"]:
            place = _after(match, len(text))
        if match["quote"] and (place == match.end() or text[place - 1] != '"'):
            return match.start()
    return None


def _after(match: re.Match[str], end: int, depth: int = 0) -> int:
    """Return the place after a comment, heredoc or string that starts with a `_TOKEN`."""
    text, place = match.string, match.end()
    if match["quote"]:
        return _after_string(text, place, end, depth)
    if mark := match["heredoc"]:
        closing = re.compile(rf"^[ \t]*{re.escape(mark)}[ \t]*\r?$", re.MULTILINE)
        last = closing.search(text, place, end)
        return last.end() if last else end
    mark = "*/" if match["long"] else "\n"
    start = text.find(mark, place, end)
    if start < 0:
        return end
    return start + len(mark) if match["long"] else start


def _after_string(text: str, place: int, end: int, depth: int) -> int:
    """Return the place after a string that starts before a place; a line's end also ends it."""
    while match := _IN_STRING.search(text, place, end):
        if match["end"]:
            return match.end() if match["end"] == '"' else match.start()
        place = match.end()
        if match["template"] and depth < _DEPTH:
            closing = closing_brace(text, place, end, depth + 1)
            place = end if closing is None else closing + 1
    return end


class Located(Struct, frozen=True):
    """A block at the top of a file."""

    type: str  # such as ``resource``
    labels: tuple[str, ...]
    line: int  # the line it starts at, from 1
    end: int  # the line it ends at


def locate(text: str) -> Iterator[Located]:
    """Yield the blocks at the top of a file, in order."""
    place, start, header = 0, 0, list[str]()
    line, counted = 1, 0
    while match := _HEADER.search(text, place):
        place = match.end()
        if match["open"]:
            closing = closing_brace(text, place, len(text))
            if closing is None:
                return
            place = closing + 1
            if header:
                line += text.count("\n", counted, start)
                end = line + text.count("\n", start, closing)
                yield Located(header[0], tuple(header[1:]), line, end)
                counted = start
            header = []
        elif match["word"] or match["quote"]:
            place = _after(match, len(text)) if match["quote"] else place
            start = start if header else match.start()
            header.append(text[match.start() : place].strip('"'))
        elif match["line"] or match["close"] or match["other"]:
            header = []
        else:
            place = _after(match, len(text))
