"""Patterns as small automata: items that consume one character, and loops for ``*``."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import cached_property, lru_cache
from typing import TypeAlias

from msgspec import Struct

from vpc_cni_iam.policy.matching.patterns import ARN_PARTS
from vpc_cni_iam.policy.matching.variables import Opaque, Part, Pattern, is_plain
from vpc_cni_iam.policy.wildcard import Wild

# Characters outside ASCII that equal a letter in some way to ignore case.
_NEARLY = {"i": "\u0130\u0131", "k": "\u212a", "s": "\u017f"}


class Characters(Enum):
    """The characters that a wildcard matches."""

    NONE = "none"
    PART = "any but a colon"
    ALL = "any"


class Atom(Struct, frozen=True):
    """A policy variable or a hole as one opaque letter: equal ones have equal values."""

    variable: Opaque
    folded: bool = False  # whether its value is compared without case


# One letter of the input: a character, or an atom.
Symbol: TypeAlias = str | Atom
# What takes one letter: any of these characters, a ``?``, or an atom.
Item: TypeAlias = str | Characters | Atom


class Glob(Struct, frozen=True, cache_hash=True, dict=True):
    """A pattern of n items; loops before, between and after them have the characters of ``*``."""

    items: tuple[Item, ...]  # each item matches one letter
    # One more than items: characters that can be skipped before the item, and at the end.
    loops: tuple[Characters, ...]

    @property
    def has_atoms(self) -> bool:
        """Whether there is a policy variable in the pattern."""
        return any(isinstance(item, Atom) for item in self.items)

    @cached_property
    def prefix(self) -> str:
        """The literal prefix of every match."""
        text = []
        for item, loop in zip(self.items, self.loops, strict=False):
            if loop is not Characters.NONE or not isinstance(item, str) or len(item) != 1:
                break
            text.append(item)
        return "".join(text)

    def matches(self, text: str) -> bool:
        """Return whether it matches a text; a variable in it matches nothing."""
        items, positions = (*self.items, Characters.NONE), {0}
        for letter in text:
            after = {p + 1 for p in positions if takes(items[p], letter)}
            positions = after | {p for p in positions if takes(self.loops[p], letter)}
            if not positions:
                return False
        return len(self.items) in positions


def takes(item: Item, symbol: Symbol) -> bool:
    """Return whether an item matches a letter."""
    if isinstance(item, str):
        return isinstance(symbol, str) and symbol in item
    if isinstance(item, Atom):
        return item == symbol
    return isinstance(symbol, str) and (
        item is Characters.ALL or (item is Characters.PART and symbol != ":")
    )


ANYTHING = Glob((), (Characters.ALL,))
EMPTY = Glob((), (Characters.NONE,))


@lru_cache(maxsize=4096)
def of(pattern: Pattern) -> Glob:
    """Return the automaton of a pattern whose wildcards match any character."""
    return _build([(part, Characters.ALL) for part in pattern])


def of_arn(pattern: Pattern, *, wide: bool) -> Glob | None:
    """Return the automaton of an ARN pattern of the condition operators.

    Wildcards in its first five parts do not cross a colon. The value of a variable or hole may have
    colons, so the text after it may be in the last part: a wide automaton assumes this, a narrow
    one does not. None for a narrow one that may have fewer than six parts.
    """
    parts: list[tuple[Part, Characters]] = []
    colons, open_part = 0, False
    for part in pattern:
        last = colons >= ARN_PARTS - 1 or (wide and open_part)
        parts.append((part, Characters.ALL if last else Characters.PART))
        colons += part.count(":") if isinstance(part, str) else 0
        open_part = open_part or isinstance(part, Opaque)
    if open_part and not wide and colons < ARN_PARTS - 1:
        return None
    return _build(parts)


def of_parts(pattern: Pattern) -> Glob:
    """Return the automaton of a pattern whose wildcards cross no colon."""
    return _build([(part, Characters.PART) for part in pattern])


def of_resource(pattern: Pattern, *, narrow: bool) -> Glob | None:
    """Return the automaton of a resource pattern.

    By the page "IAM JSON policy elements: Resource", a ``*`` at the end of an ARN's part crosses
    the colon; the page leaves others open. In the wide reading, all cross, as in the evaluator; in
    the narrow one, the others stay in their part. None for an incomplete ARN with a variable: it is
    not known which parts are missing.
    """
    colons = sum(part.count(":") for part in pattern if isinstance(part, str))
    if not is_plain(pattern) and colons < ARN_PARTS - 1:
        return None
    if not narrow or not is_ambiguous(pattern):
        return of(pattern)
    parts = _by_part(pattern)
    if parts is None:
        return None
    marked: list[tuple[Part, Characters]] = []
    for index, (part, last) in enumerate(parts):
        crosses = last or (part is Wild.RUN and _ends_part(pattern, index))
        marked.append((part, Characters.ALL if crosses else Characters.PART))
    return _build(marked)


def is_ambiguous(pattern: Pattern) -> bool:
    """Return whether the two readings of a resource differ."""
    colons = 0
    for index, part in enumerate(pattern):
        if colons >= ARN_PARTS - 1:
            return False
        if isinstance(part, str):
            colons += part.count(":")
        elif part is Wild.ONE or (part is Wild.RUN and not _ends_part(pattern, index)):
            return True
    return False


def of_folded(pattern: Pattern, *, wide: bool) -> Glob | None:
    """Return the automaton of a text without case; None if it has letters outside ASCII.

    A wide one matches texts that equal it in some way to ignore case, a narrow one in every way.
    """
    if not all(part.isascii() for part in pattern if isinstance(part, str)):
        return None
    like = _NEARLY if wide else {}
    return _build([(part, Characters.ALL) for part in pattern], fold=like)


def _ends_part(pattern: Pattern, index: int) -> bool:
    following = next((p for p in pattern[index:] if p is not Wild.RUN), ":")
    return isinstance(following, str) and following.startswith(":")


def _by_part(pattern: Pattern) -> list[tuple[Part, bool]] | None:
    """Return each piece and whether it is in the last part of the ARN.

    The beginning of a literal decides its part, even if it reaches into the last one: literals
    match the same in all parts.
    """
    pieces: list[tuple[Part, bool]] = []
    colons = 0
    for part in pattern:
        last = colons >= ARN_PARTS - 1
        if isinstance(part, Opaque) and not last:
            return None
        pieces.append((part, last))
        colons += part.count(":") if isinstance(part, str) else 0
    return pieces


def _build(
    parts: list[tuple[Part, Characters]],
    *,
    fold: Mapping[str, str] | None = None,
) -> Glob:
    """Build the automaton of parts; `fold` has the other characters that equal a letter."""
    items: list[Item] = []
    loops = [Characters.NONE]
    for part, characters in parts:
        if part is Wild.RUN:
            loops[-1] = characters
            continue
        if isinstance(part, str):
            new: list[Item] = [c if fold is None else _either_case(c, fold) for c in part]
        elif isinstance(part, Opaque):
            new = [Atom(part, fold is not None)]
        else:
            new = [characters]
        items += new
        loops += [Characters.NONE] * len(new)
    return Glob(tuple(items), tuple(loops))


def _either_case(letter: str, like: Mapping[str, str]) -> str:
    both = "".join(dict.fromkeys(letter.lower() + letter.upper()))
    return both + like.get(letter.lower(), "")
