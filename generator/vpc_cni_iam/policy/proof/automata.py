"""Questions about the languages of patterns, answered by walking their product automaton.

The breadth-first walk is over sets of positions in all patterns at once, so it is exact: for each
combination of matched and missed patterns, it finds a shortest word. Characters that no pattern
names behave the same; one of them represents all.

Policy variables are separate letters. A word of characters and variables represents all words that
result from values of the variables. The patterns that *make* words produce characters from their
wildcards. The patterns that *read* words can skip a variable with a ``*``, but not with a ``?`` and
not with a wildcard that stops at colons. So a certain match is a match for all values.
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
# The steps to set up a walk, and to follow one letter, without those of each position.
_STEPS_OF_A_WALK = 50
_STEPS_OF_A_LETTER = 10


class WordClass(Struct, frozen=True):
    """The words that match the same patterns."""

    word: Word  # a shortest such word
    accepted: frozenset[int]  # the positions of the reading patterns that certainly match it
    # Whether patterns that are not in ``accepted`` certainly miss it, which is false if a variable
    # is involved.
    certain: bool


def text(word: Word, values: Mapping[str, str] | None = None) -> str:
    """Return a word as text; a variable has its value, its default or ``x``; a hole is ``x``."""
    known = values or {}
    return "".join(s if isinstance(s, str) else _value(s.variable, known) for s in word)


def _value(opaque: Opaque, known: Mapping[str, str]) -> str:
    if isinstance(opaque, HolePattern):
        return "x"
    return known.get(opaque.key, opaque.default or "x")


class _Machine(Struct):
    """All patterns in one sequence; a position is an index in it."""

    makers: int
    items: list[Item | None] = field(default_factory=list)
    loops: list[Characters] = field(default_factory=list)
    owner: list[int] = field(default_factory=list)
    start: list[int] = field(default_factory=list)
    other: str = ""

    @classmethod
    def of(cls, groups: Sequence[Sequence[Glob]], readers: Sequence[Glob], begin: int) -> _Machine:
        """Return the machine, with every pattern started after its first letters.

        `begin` is the number of letters that are the same in all patterns.
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
        """Yield one letter of each kind that the positions distinguish and the makers produce."""
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
    """Yield every combination in which the words of some patterns match other patterns.

    The words match at least one pattern of each group. Patterns with variables must not be combined
    with another group. `settled` returns whether a word can be skipped; its argument has the
    readers that match the word and all its continuations.
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
