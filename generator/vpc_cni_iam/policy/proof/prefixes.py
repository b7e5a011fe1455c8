"""Finds patterns, among many, that can match the same text as another pattern."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from vpc_cni_iam.policy.proof.globs import Glob


class PrefixIndex:
    """An index of patterns by their literal prefix."""

    def __init__(self, globs: Sequence[Glob]) -> None:
        self._globs = globs
        self._numbers: dict[str, list[int]] = {}
        for number, glob in enumerate(globs):
            self._numbers.setdefault(glob.prefix, []).append(number)
        self._sorted = sorted(self._numbers)
        self._lengths = sorted(set(map(len, self._numbers)))

    def meeting(self, prefix: str) -> list[Glob]:
        """Return the patterns that match, or may match, some text with a prefix, in order."""
        shorter = (prefix[:length] for length in self._lengths if length < len(prefix))
        numbers = [n for begin in shorter for n in self._numbers.get(begin, ())]
        for position in range(bisect_left(self._sorted, prefix), len(self._sorted)):
            if not self._sorted[position].startswith(prefix):
                break
            numbers += self._numbers[self._sorted[position]]
        return [self._globs[number] for number in sorted(numbers)]
