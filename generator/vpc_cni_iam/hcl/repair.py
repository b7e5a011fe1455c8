"""Parses HCL with python-hcl2, and does what python-hcl2 does not do.

docs/development/python-hcl2.md lists the faults; each has a test in `tests/hcl/test_repair.py`.

- It reads everything from ``$${`` to the next ``}`` as one token, also quotes, so ``"$${"``
  swallows the code after it. Both escapes are masked with text of the same length.
- It does not read names with letters outside ASCII, ``${~ x ~}``, a line break directly inside
  ``${}`` in a string, or an operator after an operator, such as ``!!var.x``. If it refuses a file,
  a corrected grammar parses it; its tables are computed only then.
- It accepts line breaks that engines refuse, such as none in ``a = 1 b = 2``. So does this module.
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
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from lark import Lark, Token, Tree

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
# python-hcl2's names for a line break or a comment, and for several of them.
LINE, LINES = "NL_OR_COMMENT", "new_line_or_comment"
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
