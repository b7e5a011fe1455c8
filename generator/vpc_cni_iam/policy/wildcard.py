"""The only matcher of ``*`` and ``?`` in this project.

Each run of literal text and ``?`` between two stars is placed at the first possible position and
never moved. That is exact, because the star after it matches everything in between. The time is at
most the product of the lengths of pattern and text.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from functools import lru_cache
from typing import TypeAlias

from msgspec import Struct


class Wild(Enum):
    """A wildcard: ``*`` is any run of characters, maybe empty; ``?`` is exactly one."""

    RUN = "*"
    ONE = "?"


# The part between two stars: only text, or text and ``?`` with its length.
_Run: TypeAlias = "str | tuple[tuple[str | Wild, ...], int]"


class Wildcard(Struct, frozen=True):
    """A compiled pattern."""

    head: _Run  # the prefix of every match
    middle: tuple[_Run, ...] | None  # the following runs, in order; None if the head is everything
    tail: _Run  # the suffix of every match

    @classmethod
    def of(cls, parts: Iterable[str | Wild]) -> Wildcard:
        """Return the matcher of a pattern."""
        runs: list[list[str | Wild]] = [[]]
        for part in parts:
            if part is Wild.RUN:
                runs.append([])
            elif part:
                runs[-1].append(part)
        head, *rest = map(_run, runs)
        if not rest:
            return cls(head, None, "")
        return cls(head, tuple(run for run in rest[:-1] if run), rest[-1])

    @property
    def everything(self) -> bool:
        """Whether it matches any text."""
        return self.head == self.tail == "" and self.middle == ()

    def matches(self, text: str) -> bool:
        """Return whether a whole text matches."""
        if not _stands(self.head, text, 0):
            return False
        position, end = _length(self.head), len(text)
        if self.middle is None:
            return position == end
        end -= _length(self.tail)
        if end < position or not _stands(self.tail, text, end):
            return False
        for run in self.middle:
            position = _after(run, text, position, end)
            if position < 0:
                return False
        return True


def _run(parts: list[str | Wild]) -> _Run:
    texts = [part for part in parts if isinstance(part, str)]
    if len(texts) == len(parts):
        return "".join(texts)
    return tuple(parts), sum(map(len, texts)) + len(parts) - len(texts)


def _length(run: _Run) -> int:
    return len(run) if isinstance(run, str) else run[1]


def _stands(run: _Run, text: str, position: int) -> bool:
    """Return whether a run is at a position."""
    if isinstance(run, str):
        return text.startswith(run, position)
    if position + run[1] > len(text):
        return False
    for part in run[0]:
        if isinstance(part, Wild):
            position += 1
        elif text.startswith(part, position):
            position += len(part)
        else:
            return False
    return True


def _after(run: _Run, text: str, position: int, end: int) -> int:
    """Return the end of the first occurrence of a run between two positions; -1 for none."""
    if isinstance(run, str):
        begin = text.find(run, position, end)
        return begin if begin < 0 else begin + len(run)
    for begin in range(position, end - run[1] + 1):
        if _stands(run, text, begin):
            return begin + run[1]
    return -1


@lru_cache(maxsize=4096)
def _read(pattern: str, wildcards: str) -> Wildcard:
    parts: list[str | Wild] = [""]
    for letter in pattern:
        if letter in wildcards:
            parts += [Wild(letter), ""]
        else:
            parts[-1] = f"{parts[-1]}{letter}"
    return Wildcard.of(parts)


def matches(pattern: str, text: str, *, wildcards: str = "*?") -> bool:
    """Return whether a pattern matches a text, with case; it has no variables."""
    return _read(pattern, wildcards).matches(text)
