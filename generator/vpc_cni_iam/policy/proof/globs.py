"""Patterns as automata: items that consume one letter, and loops for ``*``."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import cached_property, lru_cache
from typing import TypeAlias

from msgspec import Struct

from vpc_cni_iam.policy.matching.patterns import ARN_PARTS
from vpc_cni_iam.policy.matching.variables import (
    KeyValues,
    Opaque,
    Pattern,
    PolicyVariable,
    TextPart,
    is_plain,
)
from vpc_cni_iam.policy.wildcard import Wild

# Characters outside ASCII that equal a letter in some way to ignore case.
_NEARLY = {"i": "\u0130\u0131", "k": "\u212a", "s": "\u017f"}


class Characters(Enum):
    """The characters that a wildcard matches."""

    NONE = "none"
    PART = "any but a colon"
    ALL = "any"


class Atom(Struct, frozen=True):
    """A policy variable or a hole as one opaque letter: equal ones have equal values.

    AWSEC2VssSnapshotPolicy compares an ARN that ends with ``${ec2:InstanceId}``.
    """

    variable: Opaque
    folded: bool  # whether its value is compared without case

    def reads(self, other: Atom) -> bool:
        """Return whether it matches another atom, whatever the value of that is.

        A variable with a default has the value of the same variable without one: a pattern with the
        latter matches only if the request has the key. The other way round, the value may be the
        default. The IAM User Guide has an example with `aws:PrincipalTag/team`.
        """
        mine, its = self.variable, other.variable
        return self == other or (
            isinstance(mine, PolicyVariable)
            and self.folded == other.folded
            and its == PolicyVariable(mine.key)
        )


# What takes one letter: any of these characters, a ``?``, or an atom.
Item: TypeAlias = str | Characters | Atom


class Glob(Struct, frozen=True, cache_hash=True, dict=True):
    """A pattern of n items; loops before, between and after them have the characters of ``*``."""

    items: tuple[Item, ...]  # each item matches one letter
    # One more than items: characters that can be skipped before the item, and at the end.
    loops: tuple[Characters, ...]

    @cached_property
    def has_atoms(self) -> bool:
        """Whether there is a policy variable or a hole in the pattern."""
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

    @cached_property
    def text(self) -> str | None:
        """The only text that it matches; None if there may be others."""
        is_literal = len(self.prefix) == len(self.items) and self.loops[-1] is Characters.NONE
        return self.prefix if is_literal else None

    @cached_property
    def relaxed(self) -> Glob:
        """The pattern with ``*`` instead of each atom."""
        return self._with({}) if self.has_atoms else self

    def filled(self, values: KeyValues) -> Glob | None:
        """Return the pattern for values of its variables; None if one has no value."""
        letters: dict[Atom, list[Item]] = {}
        for atom in (item for item in self.items if isinstance(item, Atom)):
            if (text := _value(atom.variable, values)) is None:
                return None
            letters[atom] = [_either_case(c, wide=False) if atom.folded else c for c in text]
        return self._with(letters) if letters else self

    def _with(self, letters: Mapping[Atom, list[Item]]) -> Glob:
        """Return the pattern with letters instead of atoms, and ``*`` for an atom without any."""
        items: list[Item] = []
        loops = [self.loops[0]]
        for item, loop in zip(self.items, self.loops[1:], strict=True):
            if isinstance(item, Atom) and item not in letters:
                loops[-1] = Characters.ALL
                continue
            own = letters[item] if isinstance(item, Atom) else [item]
            items += own
            loops += [Characters.NONE] * len(own)
            loops[-1] = loops[-1] if loop is Characters.NONE else loop
        return Glob(tuple(items), tuple(loops))

    def may_meet(self, other: Glob) -> bool:
        """Return whether some text may match both, by their prefixes."""
        return self.prefix.startswith(other.prefix) or other.prefix.startswith(self.prefix)


ANYTHING = Glob((), (Characters.ALL,))
# Every text with at least one letter.
SOMETHING = Glob((Characters.ALL,), (Characters.NONE, Characters.ALL))


def _value(variable: Opaque, values: KeyValues) -> str | None:
    if not isinstance(variable, PolicyVariable):
        return None
    value = values.get(variable.key)
    return value if isinstance(value, str) else variable.default


@lru_cache(maxsize=4096)
def of(pattern: Pattern) -> Glob:
    """Return the automaton of a pattern whose wildcards match any character."""
    return _build([(part, Characters.ALL) for part in pattern])


def of_parts(pattern: Pattern) -> Glob:
    """Return the automaton of a pattern whose wildcards cross no colon."""
    return _build([(part, Characters.PART) for part in pattern])


def of_arn(pattern: Pattern, *, wide: bool) -> Glob | None:
    """Return the automaton of an ARN pattern of the condition operators.

    Wildcards in its first five parts do not cross a colon. The value of a variable or hole may have
    colons, so the text after it may be in the last part: a wide automaton assumes this, a narrow
    one does not. None for a narrow one that may have fewer than six parts.
    AWSEC2VssSnapshotPolicy now has ArnLike instead of StringLike.
    """
    parts: list[tuple[TextPart, Characters]] = []
    colons, is_open = 0, False
    for part in pattern:
        last = colons >= ARN_PARTS - 1 or (wide and is_open)
        parts.append((part, Characters.ALL if last else Characters.PART))
        colons += part.count(":") if isinstance(part, str) else 0
        is_open = is_open or isinstance(part, Opaque)
    if is_open and not wide and colons < ARN_PARTS - 1:
        return None
    return _build(parts)


def of_resource(pattern: Pattern, *, narrow: bool) -> Glob | None:
    """Return the automaton of a resource pattern.

    By the page "IAM JSON policy elements: Resource", a ``*`` at the end of an ARN's part crosses
    the colon; the page leaves others open. In the wide reading, all cross, as in the evaluator. In
    the narrow one, the result is None if there are others: no known policy has one. It is also None
    for an incomplete ARN with a variable: it is not known which parts are missing.
    AWSCodeCommitPowerUser is about ``user/${aws:username}``.
    """
    colons = sum(part.count(":") for part in pattern if isinstance(part, str))
    if not is_plain(pattern) and colons < ARN_PARTS - 1:
        return None
    return None if narrow and is_ambiguous(pattern) else of(pattern)


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
    AWSAppFabricServiceRolePolicy compares a tag with StringEqualsIgnoreCase.
    """
    if not all(part.isascii() for part in pattern if isinstance(part, str)):
        return None
    return _build([(part, Characters.ALL) for part in pattern], fold=True, wide=wide)


def _ends_part(pattern: Pattern, index: int) -> bool:
    following = next((p for p in pattern[index:] if p is not Wild.RUN), ":")
    return isinstance(following, str) and following.startswith(":")


def _build(
    parts: list[tuple[TextPart, Characters]], *, fold: bool = False, wide: bool = False
) -> Glob:
    items: list[Item] = []
    loops = [Characters.NONE]
    for part, characters in parts:
        if part is Wild.RUN:
            loops[-1] = characters
            continue
        if isinstance(part, str):
            new: list[Item] = [_either_case(c, wide=wide) if fold else c for c in part]
        else:
            new = [Atom(part, fold) if isinstance(part, Opaque) else characters]
        items += new
        loops += [Characters.NONE] * len(new)
    return Glob(tuple(items), tuple(loops))


def _either_case(letter: str, *, wide: bool) -> str:
    both = "".join(dict.fromkeys(letter.lower() + letter.upper()))
    return both + (_NEARLY.get(letter.lower(), "") if wide else "")
