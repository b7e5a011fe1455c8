"""Finds the lines of blocks in HCL text, without parsing what is in them.

Only what can hide a brace is told apart: strings with their templates, heredocs and comments. So
it is quick, and reads files that `vpc_cni_iam.hcl.read` refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*|//[^\n]*|/\*.*?(?:\*/|\Z))
    |(?P<heredoc><<-?(?P<mark>[\w-]+)[ \t]*\r?\n)
    |(?P<quote>")
    |(?P<open>\{)
    |(?P<close>\})
    |(?P<line>\n)
    |(?P<word>[\w-]+)
    |(?P<other>[^\s"{}\#/<\w-]+|.)""",
    re.VERBOSE | re.DOTALL,
)
_IN_QUOTE = re.compile(
    r"""\\.|\$\$\{|%%\{|(?P<template>[$%]\{)|(?P<end>["\n])|[^\\"$%\n]+|.""", re.DOTALL
)
_DEPTH = 200


@dataclass(frozen=True, slots=True)
class Located:
    """A block at the top of a file.

    Args:
        type: Such as ``resource``.
        labels: Its labels.
        line: The line it starts at, from 1.
        end: The line it ends at.
    """

    type: str
    labels: tuple[str, ...]
    line: int
    end: int


def locate(text: str) -> Iterator[Located]:
    """Yield the blocks at the top of a file, in order.

    Args:
        text: The text of the file.
    """
    depth, place, header = 0, 0, list[str]()
    start, newlines = 0, _Lines(text)
    while place < len(text):
        match = _TOKEN.match(text, place)
        assert match is not None  # noqa: S101 - the last alternative takes any character
        here, place = place, match.end()
        kind = match.lastgroup if match.lastgroup != "mark" else "heredoc"
        if kind == "heredoc":
            place = _heredoc_end(text, place, match["mark"])
        elif kind == "quote":
            place = _quote_end(text, place)
        if kind == "open":
            depth += 1
        elif kind == "close":
            depth -= 1
            if depth == 0 and header:
                yield Located(header[0], tuple(header[1:]), newlines.at(start), newlines.at(here))
                header = []
        elif depth == 0 and kind in ("word", "quote"):
            start = start if header else here
            header.append(text[here:place].strip('"'))
        elif depth == 0 and kind in ("line", "other") and match[0].strip(" \t\r") != "":
            header = []


class _Lines:
    """Counts lines as places go forward."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._seen = {0: 1}

    def at(self, place: int) -> int:
        last = max(p for p in self._seen if p <= place)
        line = self._seen[last] + self._text.count("\n", last, place)
        self._seen = {last: self._seen[last], place: line}
        return line


def _heredoc_end(text: str, place: int, mark: str) -> int:
    match = re.compile(rf"^[ \t]*{re.escape(mark)}[ \t]*\r?$", re.MULTILINE).search(text, place)
    return match.end() if match else len(text)


def _quote_end(text: str, place: int, depth: int = 0) -> int:
    """Return the place after a string that starts before a place; a line's end ends it, too."""
    while place < len(text):
        match = _IN_QUOTE.match(text, place)
        assert match is not None  # noqa: S101 - the last alternative takes any character
        if match["end"]:
            return match.end() if match["end"] == '"' else match.start()
        place = match.end()
        if match["template"] and depth < _DEPTH:
            place = _template_end(text, place, depth + 1)
    return place


def _template_end(text: str, place: int, depth: int) -> int:
    braces = 1
    while place < len(text):
        sign = text[place]
        place += 1
        if sign == '"':
            place = _quote_end(text, place, depth)
        elif sign in "{}":
            braces += 1 if sign == "{" else -1
            if not braces:
                return place
    return place
