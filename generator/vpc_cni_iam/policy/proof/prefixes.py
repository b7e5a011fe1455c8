"""Finds patterns, among many, that can match the same text as another pattern."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator


class PrefixIndex:
    """An index of numbers by a pattern's literal prefix; a number may have several."""

    def __init__(self, prefixes: Iterable[tuple[str, int]]) -> None:
        self._numbers: dict[str, list[int]] = {}
        for prefix, number in prefixes:
            self._numbers.setdefault(prefix, []).append(number)
        self._sorted = sorted(self._numbers)
        self._lengths = sorted(set(map(len, self._numbers)))

    def within(self, prefix: str) -> Iterator[int]:
        """Yield the numbers of patterns that a text with a prefix may match."""
        for length in self._lengths:
            if length > len(prefix):
                return
            yield from self._numbers.get(prefix[:length], ())

    def meeting(self, prefix: str) -> set[int]:
        """Return the numbers of patterns that match, or may match, some text with a prefix."""
        numbers = set(self.within(prefix))
        for position in range(bisect_left(self._sorted, prefix), len(self._sorted)):
            if not self._sorted[position].startswith(prefix):
                break
            numbers.update(self._numbers[self._sorted[position]])
        return numbers
