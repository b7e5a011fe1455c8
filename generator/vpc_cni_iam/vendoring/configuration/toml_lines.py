"""The lines of ``vpc-cni-iam.toml`` at which its tables and keys stand, for errors and pins."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TABLE = re.compile(r"\s*\[+\s*[\"']?([^\s\"'\].]+)")
# A table inside the module table above it, such as [[module.accept]].
_INNER = re.compile(r"\s*\[+\s*[\"']?[^\s\"'\].]+[\"']?\s*\.\s*[\"']?([^\s\"'\].]+)")
_KEY = re.compile(r"\s*[\"']?([^\s\"'=.]+)[\"']?\s*[.=]")


class TomlLineIndex:
    """The lines of a TOML text at which its tables and keys stand."""

    def __init__(self, text: str) -> None:
        self._tables: list[int] = []
        self._keys: dict[tuple[int | None, str], int] = {}
        number: int | None = None
        inside = False
        for line, words in _lines(text):
            if inner := _INNER.match(words):
                inside = True
                self._keys.setdefault((number, inner[1]), line)
            elif table := _TABLE.match(words):
                inside = False
                number = 0 if number is None else number + 1
                self._tables.append(line)
                self._keys.setdefault((None, table[1]), line)
            elif not inside and (key := _KEY.match(words)):
                self._keys.setdefault((number, key[1]), line)

    def table(self, number: int) -> int:
        """Return the line of the module table of a number, from 0."""
        return self._tables[number] if number < len(self._tables) else 1

    def key(self, number: int | None, key: str) -> int | None:
        """Return the line of a key, None if it has no line of its own; `number` None is the top."""
        return self._keys.get((number, key))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines of a TOML text that are not inside a multi-line string."""
    fence = ""
    for count, line in enumerate(text.split("\n"), 1):
        if not fence:
            yield count, line
        if not fence and line.lstrip().startswith("#"):
            continue
        for mark in ('"""', "'''"):
            if fence in ("", mark) and line.count(mark) % 2:
                fence = "" if fence else mark
