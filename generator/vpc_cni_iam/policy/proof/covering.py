"""Whether statements together cover every request of a region.

A statement helps only if its conditions follow from the region's. Then the question is about pairs
of an action and a resource: is each pair in the product of the two languages of some statement? The
region's actions are divided into classes by the statements about them (this is finite and exact).
For each class, the resources must be in the union of these statements' resources.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property

from msgspec import Struct, field
from msgspec.structs import replace

from vpc_cni_iam.policy.matching.matches import ConditionCheck
from vpc_cni_iam.policy.matching.principals import covers
from vpc_cni_iam.policy.proof import automata, facts
from vpc_cni_iam.policy.proof.automata import Word
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.clauses import (
    Clause,
    ClauseIndex,
    Language,
    Region,
    RegionSide,
    can_meet,
)
from vpc_cni_iam.policy.proof.conditions.implication import implied
from vpc_cni_iam.policy.proof.facts import AskedKeys

_PARTS_OF_A_PAIR = 4
# The patterns that are tried on a text in the time of one step.
_PATTERNS_OF_A_STEP = 2
# Instead of a language's number: an excluded pattern of a side.
_NOT_IN_SIDE = -1


class Uncovered(Struct, frozen=True):
    """A part of a region that is not proven to be covered."""

    region: Region  # the part, with one action pattern and one resource pattern
    action: Word
    resource: Word  # a resource in it that no usable statement covers for this action


class StatementCover(Struct, dict=True):
    """Decides which parts of regions some statements cover."""

    clauses: Sequence[Clause]
    budget: Budget = field(default_factory=Budget)
    _implied: dict[tuple[ConditionCheck, ...], dict[ConditionCheck, bool]] = field(
        default_factory=dict
    )

    @cached_property
    def _index(self) -> ClauseIndex:
        return ClauseIndex(self.clauses)

    @cached_property
    def _asked(self) -> AskedKeys:
        return AskedKeys.of(check for clause in self.clauses for check in clause.checks)

    def near(self, region: Region) -> list[Clause]:
        """Return the statements that can be about a request of a region."""
        return self._index.meeting(region, self.budget)

    def uncovered_parts(self, region: Region) -> Iterator[Uncovered]:
        """Yield parts of a region that are not covered; nothing if everything is covered.

        For each uncovered pair of an action pattern and a resource pattern, there is at least one
        part, and a few for different actions.
        """
        for part in facts.parts(region, self._asked, self.budget):
            yield from self._uncovered_of(part)

    def _uncovered_of(self, region: Region) -> Iterator[Uncovered]:
        known = self._implied.setdefault(region.checks, {})
        usable = [clause for clause in self.near(region) if self._usable(region, clause, known)]
        for action in region.actions:
            for resource, word, outside in self._uncovered_parts(action, region.resources, usable):
                part = replace(region, actions=(action,), resources=(resource,))
                yield Uncovered(part, word, outside)

    def _usable(self, region: Region, clause: Clause, known: dict[ConditionCheck, bool]) -> bool:
        """Return whether a statement's principals and conditions follow from the region's.

        ``known`` caches which conditions do.
        """
        self.budget.spend(1 + len(clause.checks))
        if clause.callers and not any(c and covers(clause.callers, c) for c in region.callers):
            return False
        if not (clause.actions.covers and clause.resources.covers):
            return False
        for check in clause.checks:
            if check not in known:
                known[check] = implied(region.checks, check, self.budget) is None
            if not known[check]:
                return False
        return True

    def _uncovered_parts(
        self, action: RegionSide, resources: Sequence[RegionSide], usable: Sequence[Clause]
    ) -> Iterator[tuple[RegionSide, Word, Word]]:
        """Yield every resource pattern that is not covered for some action, with these actions."""
        self.budget.spend(len(usable) + len(resources))
        full = [clause for clause in usable if self._inside(action, clause.actions)]
        left = [side for side in resources if self._escape(side, full) is not None]
        if not left:
            return
        partial = [] if action.text is not None else [c for c in usable if c not in full]

        def covering(members: frozenset[int]) -> list[Clause]:
            return [*full, *(partial[m] for m in sorted(members))]

        def enough(members: frozenset[int]) -> bool:
            return all(self._escape(side, covering(members)) is None for side in left)

        # An action of each class, and the statements that are about the whole class.
        classes: Iterable[tuple[Word, frozenset[int]]] = [(tuple(action.text or ""), frozenset())]
        if action.text is None:
            classes = _partition(action, [c.actions for c in partial], self.budget, enough)
        count = dict.fromkeys(left, 0)
        for word, members in classes:
            for side in left:
                if count[side] < _PARTS_OF_A_PAIR:
                    outside = self._escape(side, covering(members))
                    if outside is not None:
                        count[side] += 1
                        yield side, word, outside

    def _inside(self, side: RegionSide, language: Language) -> bool:
        """Return whether a language contains a whole side."""
        if language.names(side.pattern):
            return True
        if side.text is not None:
            self.budget.spend(len(language.exact.wild) // _PATTERNS_OF_A_STEP)
            return language.has(side.text)
        return _outside(side, [language], self.budget) is None

    def _escape(self, side: RegionSide, clauses: Sequence[Clause]) -> Word | None:
        """Return a resource of a side that no statement is about; None if there is none."""
        self.budget.spend(1 + len(clauses))
        if any(clause.resources.names(side.pattern) for clause in clauses):
            return None
        return _outside(side, [clause.resources for clause in clauses], self.budget)


def _outside(side: RegionSide, languages: Sequence[Language], budget: Budget) -> Word | None:
    """Return a word of a side that is in none of some languages; None if there is none."""
    partition = _partition(side, languages, budget, bool)
    return next((word for word, members in partition if not members), None)


def _partition(
    side: RegionSide,
    languages: Sequence[Language],
    budget: Budget,
    enough: Callable[[frozenset[int]], bool],
) -> Iterator[tuple[Word, frozenset[int]]]:
    """Yield a word of each class of a side, and the languages that contain the whole class.

    `enough` returns whether a class that at least these languages contain can be left out.
    """
    begin = side.prefix
    owned = [(n, glob) for n, language in enumerate(languages) for glob in language.meeting(begin)]
    budget.spend(len(languages) + len(owned) + len(side.excluded))
    owned += [(_NOT_IN_SIDE, glob) for glob in side.excluded if can_meet(glob, side)]
    owner, readers = [number for number, _ in owned], [glob for _, glob in owned]
    negated = {n for n, language in enumerate(languages) if language.element.negated}
    # A word certainly misses an exception with a variable only if the side also excludes it.
    all_but = {n for n in negated if languages[n].unless <= {*side.excluded}}

    def settled(sure: frozenset[int]) -> bool:
        members = frozenset(owner[number] for number in sure) - negated
        return _NOT_IN_SIDE in members or (bool(members) and enough(members))

    for word_class in automata.word_classes(side.groups, readers, budget, settled):
        hit = frozenset(owner[number] for number in word_class.accepted)
        if _NOT_IN_SIDE not in hit:
            missed = all_but - hit if word_class.certain else set()
            yield word_class.word, (hit - negated) | missed
