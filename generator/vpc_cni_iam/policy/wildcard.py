"""The only matcher of ``*`` and ``?`` in this project.

Each run of literal text and ``?`` between two stars is placed at the first possible position and
never moved: an atomic group of `re` does that. It is exact, because the star after it matches
everything in between. The time is at most the product of the lengths of pattern and text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from functools import cached_property, lru_cache
from itertools import takewhile

from msgspec import Struct


class Wild(Enum):
    """A wildcard: ``*`` is any run of characters, maybe empty; ``?`` is exactly one."""

    RUN = "*"
    ONE = "?"


_ANYTHING = ".*"


class Wildcard(Struct, frozen=True, dict=True):
    """A compiled pattern."""

    prefix: str  # the text before the first wildcard
    rest: str  # a regular expression for what follows

    @classmethod
    def of(cls, parts: Iterable[str | Wild]) -> Wildcard:
        """Return the matcher of a pattern."""
        listed = list(parts)
        literal = [*takewhile(lambda part: isinstance(part, str), listed)]
        runs = [""]
        for part in listed[len(literal) :]:
            if part is Wild.RUN:
                runs.append("")
            else:
                runs[-1] += "." if isinstance(part, Wild) else re.escape(part)
        head, *middle = runs
        tail = f"{_ANYTHING}{middle.pop()}" if middle else ""
        rest = head + "".join(f"(?>.*?{run})" for run in middle if run) + tail
        return cls("".join(map(str, literal)), rest)

    @property
    def everything(self) -> bool:
        """Whether it matches any text."""
        return self.prefix == "" and self.rest == _ANYTHING

    def matches(self, text: str) -> bool:
        """Return whether a whole text matches."""
        if not text.startswith(self.prefix):
            return False
        if self.rest in ("", _ANYTHING):  # most patterns: this needs no regular expression
            return bool(self.rest) or len(text) == len(self.prefix)
        return self._compiled.fullmatch(text, len(self.prefix)) is not None

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.rest, re.DOTALL)


@lru_cache(maxsize=4096)
def _read(pattern: str, wildcards: str) -> Wildcard:
    pieces = re.split(f"([{wildcards}])", pattern)
    return Wildcard.of(Wild(piece) if n % 2 else piece for n, piece in enumerate(pieces))


def matches(pattern: str, text: str, *, wildcards: str = "*?") -> bool:
    """Return whether a pattern matches a text, with case; it has no variables."""
    return _read(pattern, wildcards).matches(text)
