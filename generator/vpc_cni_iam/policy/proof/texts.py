"""Sets of texts: those that match a pattern of each group, and none of the excluded patterns.

A set with variables is slightly larger than it is: a pattern that texts must match is taken to
match too much, an excluded one too little. So a set without a word is certainly empty.

A search walks all patterns at once and finds a shortest word. Letters that no pattern names behave
the same; one of them represents all. A variable in a pattern that must match is one more
letter, for any text that is its value.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import TypeAlias

from msgspec import Struct

from vpc_cni_iam.policy.matching.variables import KeyValues, PolicyVariable
from vpc_cni_iam.policy.proof.budget import Counter, TooHardError
from vpc_cni_iam.policy.proof.globs import ANYTHING, Atom, Characters, Glob

# A letter, or an atom for any text that is its value.
Symbol: TypeAlias = str | Atom
Word: TypeAlias = tuple[Symbol, ...]
GlobGroup: TypeAlias = tuple[Glob, ...]

STEPS = 40_000  # of one search
_LIKELY = "xyz0123456789-_qw"
_PRIVATE = 0xE000
_BITS_OF_A_STEP = 512
_POSITIONS_OF_A_STEP = 16  # to build the patterns' machine
_REMEMBERED = 8192


class Texts(Struct, frozen=True, cache_hash=True, dict=True):
    """A set of texts."""

    groups: tuple[GlobGroup, ...] = ()
    excluded: tuple[Glob, ...] = ()

    @cached_property
    def text(self) -> str | None:
        """The only text that can be in it; None if there may be others."""
        only = (group[0].text for group in self.groups if len(group) == 1)
        return next((text for text in only if text is not None), None)

    @cached_property
    def prefix(self) -> str:
        """A literal prefix of every text in it."""
        return max(
            (group[0].prefix for group in self.groups if len(group) == 1), key=len, default=""
        )

    @cached_property
    def work(self) -> int:
        """The steps of `has`."""
        return sum(map(len, self.groups)) + len(self.excluded)

    def has(self, text: str) -> bool:
        """Return whether a text is in it; variables match nothing."""
        return all(any(_matches(g, text) for g in group) for group in self.groups) and not any(
            _matches(glob, text) for glob in self.excluded
        )

    def filled(self, values: KeyValues) -> Texts | None:
        """Return the set for values of its variables; None if a needed one has no value."""
        groups = tuple(_filled(group, values) for group in self.groups)
        return Texts(groups, _filled(self.excluded, values)) if all(groups) else None

    def matching(self, globs: Sequence[Glob]) -> Texts | None:
        """Return the texts that also match one of some patterns; None if there are none.

        If only an automaton can find that there are none, the set is empty.
        """
        missed = {*self.excluded}
        near = tuple(glob for glob in globs if glob not in missed and self._may_meet(glob))
        if near in self.groups or ANYTHING in near:
            return self
        return Texts((*self.groups, near), self.excluded) if near else None

    def missing(self, globs: Sequence[Glob]) -> Texts | None:
        """Return the texts that match none of some patterns; None as for `matching`."""
        missed = {*self.excluded}
        near = [glob for glob in globs if glob not in missed and self._may_meet(glob)]
        missed.update(near)
        if any(missed.issuperset(group) for group in self.groups):
            return None
        return Texts(self.groups, (*self.excluded, *near)) if near else self

    def _may_meet(self, glob: Glob) -> bool:
        return all(any(glob.may_meet(each) for each in group) for group in self.groups)

    def word(self, budget: Counter) -> Word | None:
        """Return a word in it, a short one; None if it is empty.

        If the search takes too many steps, the set counts as not empty.
        """
        word, steps = word_and_steps(self)
        budget.spend(steps)
        return word


def _filled(globs: GlobGroup, values: KeyValues) -> GlobGroup:
    return tuple(made for glob in globs if (made := glob.filled(values)) is not None)


def text_of(word: Word) -> str:
    """Return a word as text; a variable has its default or ``x``, a hole is ``x``."""
    return "".join(s if isinstance(s, str) else _default(s) for s in word)


def _default(atom: Atom) -> str:
    variable = atom.variable
    return (isinstance(variable, PolicyVariable) and variable.default) or "x"


class _Bits(Struct, frozen=True):
    """The positions of one pattern, as bits of numbers."""

    size: int
    letters: dict[str, int]  # the positions that take a letter
    atoms: dict[Atom, int]
    any_letter: int
    no_colon: int  # the positions that take any letter but a colon
    stay: int  # the positions where any letter is skipped
    stay_in_part: int  # the positions where any letter but a colon is skipped


@lru_cache(_REMEMBERED)
def _bits(glob: Glob) -> _Bits:
    letters, atoms = dict[str, int](), dict[Atom, int]()
    items = {Characters.ALL: 0, Characters.PART: 0}
    loops = dict.fromkeys(Characters, 0)
    for position, loop in enumerate(glob.loops):
        loops[loop] |= 1 << position
    for position, item in enumerate(glob.items):
        if isinstance(item, Atom):
            atoms[item] = atoms.get(item, 0) | 1 << position
        elif isinstance(item, Characters):
            items[item] |= 1 << position
        else:
            letters.update((c, letters.get(c, 0) | 1 << position) for c in item)
    taken = items[Characters.ALL], items[Characters.PART]
    return _Bits(
        len(glob.loops), letters, atoms, *taken, loops[Characters.ALL], loops[Characters.PART]
    )


def _matches(glob: Glob, text: str) -> bool:
    """Return whether a pattern matches a text; a variable in it matches nothing."""
    begin = len(glob.prefix)
    if not text.startswith(glob.prefix):
        return False
    bits, state = _bits(glob), 1 << begin
    for letter in text[begin:]:
        taken, stay = bits.letters.get(letter, 0) | bits.any_letter, bits.stay
        if letter != ":":
            taken, stay = taken | bits.no_colon, stay | bits.stay_in_part
        state = (state & taken) << 1 | (state & stay)
        if not state:
            return False
    return state >> len(glob.items) & 1 == 1


class _Machine:
    """Patterns side by side; a state is a number with a bit for each reached position.

    At most one group may have variables.
    """

    def __init__(self, groups: Sequence[GlobGroup], excluded: Sequence[Glob]) -> None:
        self.size, self.start, self.sink, self.accepted = 0, 0, 0, 0
        self.groups: list[tuple[int, int]] = []  # the positions of a group, and its ends
        self.letters: dict[str, int] = {}
        self.atoms: dict[Atom, int] = {}
        self.any_letter, self.no_colon, self.stay, self.stay_in_part = 0, 0, 0, 0
        self.skipping: list[tuple[int, int]] = []  # patterns that variables may be in, as ranges
        for group in groups:
            self._add_group(group)
        self.made = tuple(self.atoms)
        for glob in excluded:
            end = self._add(glob)
            self.accepted |= 1 << end
            self.sink |= (glob.loops[-1] is Characters.ALL) << end
        self.taking = {made: self._taking(made) for made in self.made}
        private = map(chr, range(_PRIVATE, _PRIVATE + len(self.letters) + 1))
        self.other = next(c for c in (*_LIKELY, *private) if c not in self.letters)

    def _add_group(self, group: GlobGroup) -> None:
        begin, ends = self.size, [self._add(glob) for glob in group]
        self.groups.append(((1 << self.size) - (1 << begin), sum(1 << end for end in ends)))
        if not any(glob.has_atoms for glob in group):
            firsts = [begin, *(end + 1 for end in ends[:-1])]
            self.skipping += zip(firsts, ends, strict=True)

    def _add(self, glob: Glob) -> int:
        """Add a pattern; return its last position."""
        bits, begin = _bits(glob), self.size
        self.start |= 1 << begin
        for letter, positions in bits.letters.items():
            self.letters[letter] = self.letters.get(letter, 0) | positions << begin
        for atom, positions in bits.atoms.items():
            self.atoms[atom] = self.atoms.get(atom, 0) | positions << begin
        self.any_letter |= bits.any_letter << begin
        self.no_colon |= bits.no_colon << begin
        self.stay |= bits.stay << begin
        self.stay_in_part |= bits.stay_in_part << begin
        self.size += bits.size
        return self.size - 1

    def _taking(self, made: Atom) -> int:
        """Return the positions that take an atom."""
        taking = 0
        for atom, positions in self.atoms.items():
            taking |= positions if atom.reads(made) else 0
        return taking

    def step(self, state: int, letter: Symbol) -> int:
        """Return the state after a letter."""
        if isinstance(letter, Atom):
            return self._step_over(state, letter)
        taken, stay = self.letters.get(letter, 0) | self.any_letter, self.stay
        if letter != ":":
            taken |= self.no_colon
            stay |= self.stay_in_part
        return (state & taken) << 1 | (state & stay)

    def _step_over(self, state: int, atom: Atom) -> int:
        """Return the state after an atom.

        An excluded pattern takes it only with the same variable.
        In a group without variables, it may be any text: any position may follow.
        """
        after = (state & self.taking[atom]) << 1
        for first, last in self.skipping:
            here = state >> first & ((1 << (last - first + 1)) - 1)
            if here:
                after |= (1 << (last + 1)) - ((here & -here) << first)
        return after

    def is_alive(self, state: int) -> bool:
        """Return whether a word may follow."""
        return not state & self.sink and all(state & positions for positions, _ in self.groups)

    def accepts(self, state: int) -> bool:
        """Return whether the letters so far are a word."""
        return not state & self.accepted and all(state & ends for _, ends in self.groups)

    def near(self, state: int) -> Iterator[Symbol]:
        """Yield a letter of each kind that the patterns distinguish in a state."""
        yield self.other
        yield from (c for c, positions in self.letters.items() if positions & state and c != ":")
        yield ":"
        yield from (atom for atom in self.made if self.atoms[atom] & state)

    def word(self, budget: Counter) -> Word | None:
        """Return a shortest word; None if there is none."""
        cost = 1 + self.size // _BITS_OF_A_STEP
        budget.spend(cost * (1 + self.size // _POSITIONS_OF_A_STEP))
        paths: dict[int, tuple[int, Symbol] | None] = {self.start: None}
        queue = deque(paths)
        while queue:
            state = queue.popleft()
            if self.accepts(state):
                return _path(paths, state)
            for letter in self.near(state):
                budget.spend(cost)
                after = self.step(state, letter)
                if after not in paths and self.is_alive(after):
                    paths[after] = state, letter
                    queue.append(after)
        return None


def _path(paths: Mapping[int, tuple[int, Symbol] | None], state: int) -> Word:
    letters: list[Symbol] = []
    while (link := paths[state]) is not None:
        state, letter = link
        letters.append(letter)
    return tuple(reversed(letters))


@lru_cache(_REMEMBERED)
def word_and_steps(texts: Texts) -> tuple[Word | None, int]:
    """Return a word of a set, and the steps of the search; without an end, some word."""
    budget = Counter(STEPS)
    word: Word | None = None
    text = texts.text
    if text is not None and not any(glob.has_atoms for group in texts.groups for glob in group):
        return tuple(text) if texts.has(text) else None, len(text) + texts.work
    try:
        for groups in with_variables_once(texts.groups):
            word = _Machine(groups, texts.excluded).word(budget)
            if word is None:
                break
    except TooHardError:
        word = word or ("x",)
    return word, STEPS - max(0, budget.steps)


def with_variables_once(groups: tuple[GlobGroup, ...]) -> Iterator[tuple[GlobGroup, ...]]:
    """Yield the groups with variables in only one of them, for each of these, and with none."""
    having = [n for n, group in enumerate(groups) if any(glob.has_atoms for glob in group)]
    for number in (None, *having):
        yield tuple(
            group if n == number else tuple(glob.relaxed for glob in group)
            for n, group in enumerate(groups)
        )
