"""Where braces and strings close in HCL text, and the lines of its blocks, without parsing it.

Only what can hide a brace is told apart: strings with their templates, heredocs and comments. So it
is quick, and reads files that `vpc_cni_iam.hcl.parse` refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

TOKEN = re.compile(
    r"""(?P<comment>\#|//)|(?P<long>/\*)
    |<<-?(?P<heredoc>[\w.-]+)[ \t]*\r?\n
    |(?P<quote>")|(?P<open>\{)|(?P<close>\})""",
    re.VERBOSE,
)
_IN_STRING = re.compile(r'\\.|\$\$\{|%%\{|(?P<template>[$%]\{)|(?P<end>["\n])', re.DOTALL)
_DEPTH = 200
_HEADER = re.compile(rf"(?P<line>\n)|(?P<word>[\w-]+)|{TOKEN.pattern}|(?P<other>\S)", re.VERBOSE)


def closing_brace(text: str, place: int, end: int, depth: int = 0) -> int | None:
    """Return the place of the brace that closes the one before a place; None if none does."""
    braces = 1
    while match := TOKEN.search(text, place, end):
        place = match.end()
        if match["open"]:
            braces += 1
        elif match["close"]:
            braces -= 1
            if braces == 0:
                return match.start()
        else:
            place = after(match, end, depth)
    return None


def unclosed_string(text: str) -> int | None:
    """Return the place of the first quote whose string does not end on a line; None without one."""
    place = 0
    while match := TOKEN.search(text, place):
        place = match.end()
        if not match["open"] and not match["close"]:
            place = after(match, len(text))
        if match["quote"] and (place == match.end() or text[place - 1] != '"'):
            return match.start()
    return None


def after(match: re.Match[str], end: int, depth: int = 0) -> int:
    """Return the place after a comment, heredoc or string that starts with a token of `TOKEN`."""
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
    """Return the place after a string that starts before a place; a line's end ends it, too."""
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
            place = after(match, len(text)) if match["quote"] else place
            start = start if header else match.start()
            header.append(text[match.start() : place].strip('"'))
        elif match["line"] or match["close"] or match["other"]:
            header = []
        else:
            place = after(match, len(text))
