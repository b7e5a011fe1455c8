"""Questions about the languages of patterns, answered by walking their product automaton.

The walk goes breadth first over sets of positions in all patterns at once, so it is exact: for
every way in which a word can match or miss each pattern it finds a word, a shortest one. All
characters that no pattern names behave alike; one of them stands for all.

Policy variables are letters of their own. A word over characters and variables stands for all
words that come of it when the variables take values. The patterns that *make* words make
characters from their wildcards; the patterns that *read* words may skip a variable with a ``*``,
but not with a ``?`` and not with a wildcard that stops at colons. So what is read for certain is
read whatever the values are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from os.path import commonprefix
from typing import TypeAlias

from msgspec import Struct, field

from vpc_cni_iam.policy.matching.variables import HolePattern, Opaque
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.globs import Atom, Characters, Glob, Item, Symbol, takes

Word: TypeAlias = tuple[Symbol, ...]
Positions: TypeAlias = frozenset[int]
_Link: TypeAlias = tuple["_Link | None", Symbol] | None

_LIKELY = "xyz0123456789-_qw"
_PRIVATE = 0xE000
# What it takes to set up a walk, and to follow one letter, besides what each position takes.
_STEPS_OF_A_WALK = 50
_STEPS_OF_A_LETTER = 10


class WordClass(Struct, frozen=True):
    """One way in which words match."""

    word: Word  # a shortest word that matches so
    accepted: frozenset[int]  # the positions of the reading patterns that match it for certain
    # Whether a pattern that is not in ``accepted`` misses it for certain, which is not so where a
    # variable is involved.
    certain: bool


def text(word: Word, values: Mapping[str, str] | None = None) -> str:
    """Return a word as text; a variable without a value by its key has its default or is ``x``.

    So is a hole.
    """
    known = values or {}
    return "".join(s if isinstance(s, str) else _value(s.variable, known) for s in word)


def _value(opaque: Opaque, known: Mapping[str, str]) -> str:
    if isinstance(opaque, HolePattern):
        return "x"
    return known.get(opaque.key, opaque.default or "x")


class _Machine(Struct):
    """All patterns laid out one after the other; a position is an index into the layout."""

    makers: int
    items: list[Item | None] = field(default_factory=list)
    loops: list[Characters] = field(default_factory=list)
    owner: list[int] = field(default_factory=list)
    start: list[int] = field(default_factory=list)
    other: str = ""

    @classmethod
    def of(cls, groups: Sequence[Sequence[Glob]], readers: Sequence[Glob], begin: int) -> _Machine:
        """Return the machine, with every pattern started after its first letters.

        `begin` is how many letters are the same in all patterns.
        """
        machine = cls(len(groups))
        for number, glob in [
            *((n, g) for n, group in enumerate(groups) for g in group),
            *enumerate(readers, len(groups)),
        ]:
            machine.start.append(len(machine.items) + begin)
            machine.items += [*glob.items, None]
            machine.loops += glob.loops
            machine.owner += [number] * (len(glob.items) + 1)
        named = {c for item in machine.items if isinstance(item, str) for c in item}
        likely = (c for c in (*_LIKELY, *map(chr, range(_PRIVATE, _PRIVATE + len(named) + 1))))
        machine.other = next(c for c in likely if c not in named)
        return machine

    def step(self, positions: Positions, symbol: Symbol) -> Positions:
        after = set()
        for position in positions:
            item, loop = self.items[position], self.loops[position]
            if item is not None and takes(item, symbol):
                after.add(position + 1)
            if loop is not Characters.NONE and (
                takes(loop, symbol)
                if isinstance(symbol, str)
                else loop is Characters.ALL and self.owner[position] >= self.makers
            ):
                after.add(position)
        return frozenset(after)

    def symbols(self, makers: Positions, readers: Positions) -> Iterator[Symbol]:
        """Yield one letter of each kind that the positions tell apart and the makers make."""
        own = {item for p in makers if (item := self.items[p]) is not None}
        if all(isinstance(item, str) for item in own) and all(
            self.loops[p] is Characters.NONE for p in makers
        ):
            yield from sorted({c for item in own if isinstance(item, str) for c in item})
            return
        yield self.other
        named = (self.items[p] for p in makers | readers)
        yield from sorted({":", *(c for item in named if isinstance(item, str) for c in item)})
        yield from sorted((i for i in own if isinstance(i, Atom)), key=repr)

    def ends(self, positions: Positions) -> set[int]:
        return {self.owner[p] for p in positions if self.items[p] is None}


def word_classes(
    groups: Sequence[Sequence[Glob]],
    readers: Sequence[Glob],
    budget: Budget,
    settled: Callable[[frozenset[int]], bool] = lambda sure: False,
) -> Iterator[WordClass]:
    """Yield every way in which the words of some patterns match other patterns.

    The words match at least one pattern of each group. Patterns with variables must not meet
    another group. `settled` is whether a word needs no reading, given readers that match all its
    continuations, itself included.
    """
    every = [*chain.from_iterable(groups), *readers]
    prefix = commonprefix([glob.prefix for glob in every])  # noqa: RUF071 - these are no paths
    machine = _Machine.of(groups, readers, len(prefix))
    budget.spend(_STEPS_OF_A_WALK + len(machine.items))
    first = sum(map(len, groups))
    begin = (frozenset(machine.start[:first]), frozenset(machine.start[first:]), True)
    seen, queue = {begin}, deque[tuple[Positions, Positions, bool, _Link]]([(*begin, None)])
    reported: set[tuple[frozenset[int], bool]] = set()
    uncertain = any(isinstance(item, Atom) for item in machine.items)
    every_class = 2 ** len(readers) * (1 + uncertain)
    while queue and len(reported) < every_class:
        makers, reading, certain, link = queue.popleft()
        ending = machine.ends(reading)
        # The readers that match this word and all its continuations.
        sure = frozenset(
            machine.owner[p] - machine.makers
            for p in reading
            if machine.items[p] is None and machine.loops[p] is Characters.ALL
        )
        if settled(sure):
            continue
        if len(machine.ends(makers)) == len(groups):
            accepted = frozenset(number - len(groups) for number in ending)
            if (accepted, certain) not in reported:
                reported.add((accepted, certain))
                yield WordClass((*prefix, *_unwind(link)), accepted, certain)
        for symbol in machine.symbols(makers, reading):
            budget.spend(_STEPS_OF_A_LETTER + len(makers) + len(reading))
            made = machine.step(makers, symbol)
            if len({machine.owner[p] for p in made}) < len(groups):
                continue
            state = made, machine.step(reading, symbol), certain and isinstance(symbol, str)
            if state not in seen:
                seen.add(state)
                queue.append((*state, (link, symbol)))


def _unwind(link: _Link) -> Word:
    word = []
    while link is not None:
        link, symbol = link
        word.append(symbol)
    return tuple(reversed(word))
