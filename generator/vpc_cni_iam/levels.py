"""How severe a finding or a risk is: the same three words in every command."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Level(StrEnum):
    """The severity of a finding, the lowest first."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """Its place in the order, from 0."""
        return _LEVELS.index(self)


_LEVELS = tuple(Level)


def most_severe(levels: Iterable[Level]) -> Level:
    """Return the most severe level; a note if there is none."""
    return max(levels, key=_LEVELS.index, default=Level.NOTE)


def at_most(level: Level, limit: Level) -> Level:
    """Return a level, but at most the limit."""
    return min(level, limit, key=_LEVELS.index)
