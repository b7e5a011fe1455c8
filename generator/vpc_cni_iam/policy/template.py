"""Text with unknown parts.

A known text is a ``str``. A text with a hole is a `Template`. Two are equal only if all their parts
are equal: an unknown part equals only itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import TypeAlias

from msgspec import Struct


class HoleKind(Enum):
    """Why a part of a text is not known."""

    PARAMETER = "parameter"  # a user chooses it: a catalog's name, or a module's variable
    UNKNOWN = "unknown"  # only an engine knows it, now or after apply
    SENSITIVE = "sensitive"  # it is known, but must not be shown


class Side(Enum):
    """The side of a change on which a place has a value."""

    BEFORE = "before"
    AFTER = "after"


class Hole(Struct, frozen=True):
    """An unknown part: any text, maybe with wildcards and policy variables.

    Args:
        place: The source of the value: a parameter, an argument of one resource instance, or the
            mark of a secret. A place has one value on each side, so equal holes have equal values.
        side: None for a value that does not change.
    """

    kind: HoleKind
    place: str
    side: Side | None = None


class Template(Struct, frozen=True, cache_hash=True):
    """A text with at least one hole; made by `join`, so that equal texts have equal parts."""

    parts: tuple[str | Hole, ...]

    def __str__(self) -> str:
        """Return it for people, with ``${place}`` for each hole."""
        return "".join(p if isinstance(p, str) else f"${{{p.place}}}" for p in self.parts)


PolicyText: TypeAlias = str | Template  # a text without a hole is a ``str``


def join(pieces: Iterable[PolicyText | Hole]) -> PolicyText:
    """Return pieces as one text."""
    parts: list[str | Hole] = []
    for piece in pieces:
        for part in piece.parts if isinstance(piece, Template) else (piece,):
            if isinstance(part, str) and parts and isinstance(parts[-1], str):
                parts[-1] += part
            elif part:
                parts.append(part)
    if all(isinstance(part, str) for part in parts):
        return "".join(map(str, parts))
    return Template(tuple(parts))


def parts_of(text: PolicyText) -> tuple[str | Hole, ...]:
    """Return the parts of a text."""
    return text.parts if isinstance(text, Template) else (text,)


def holes(texts: Iterable[PolicyText]) -> Iterator[Hole]:
    """Yield the holes of texts."""
    for text in texts:
        if isinstance(text, Template):
            yield from (part for part in text.parts if isinstance(part, Hole))


def known(texts: Iterable[PolicyText]) -> tuple[str, ...]:
    """Return the texts that have no hole."""
    return tuple(text for text in texts if isinstance(text, str))


def fill(text: PolicyText, value: Callable[[Hole], PolicyText | Hole]) -> PolicyText:
    """Return a text with values in its holes."""
    if isinstance(text, str):
        return text
    return join(value(part) if isinstance(part, Hole) else part for part in text.parts)


def change(text: PolicyText, literal: Callable[[str], str]) -> PolicyText:
    """Return a text with its literal parts changed."""
    return join(literal(p) if isinstance(p, str) else p for p in parts_of(text))


def folded(text: PolicyText) -> PolicyText:
    """Return a text in lower case; the case of a hole is also unknown."""
    return change(text, str.lower)
