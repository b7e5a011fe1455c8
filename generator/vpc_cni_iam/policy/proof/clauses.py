"""Statements in a form for proofs, and the sets of requests in proofs."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from functools import lru_cache
from os.path import commonprefix
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.policy.document import ANYONE, Policy, Statement
from vpc_cni_iam.policy.matching import conditions, elements
from vpc_cni_iam.policy.matching.element_path import ElementPath
from vpc_cni_iam.policy.matching.elements import EVERYTHING, Element
from vpc_cni_iam.policy.matching.matches import ConditionCheck
from vpc_cni_iam.policy.matching.patterns import Patterns
from vpc_cni_iam.policy.matching.variables import Pattern, is_plain, literal
from vpc_cni_iam.policy.proof import globs
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.conditions import equalities
from vpc_cni_iam.policy.proof.conditions.constraints import same_values
from vpc_cni_iam.policy.proof.globs import ANYTHING, Glob
from vpc_cni_iam.policy.proof.prefixes import PrefixIndex
from vpc_cni_iam.policy.proof.related_keys import ActionScope
from vpc_cni_iam.policy.template import Text
from vpc_cni_iam.policy.wildcard import Wild


class Language(Struct, frozen=True, eq=False):
    """The actions or the resources of a statement."""

    element: Element
    globs: tuple[Glob | None, ...]  # its patterns as automata; None if impossible
    exact: Patterns  # its patterns that are tested as by the evaluator
    patterns: frozenset[Pattern]  # all its patterns, for look-ups
    covers: bool  # whether anything can be known to match
    # Patterns with variables: it is not known whether a word misses them.
    unless: frozenset[Glob]
    prefixes: frozenset[str]  # every word begins with one of these texts
    index: PrefixIndex  # the positions of the patterns by their prefix

    def has(self, text: str) -> bool:
        """Return whether a text matches."""
        known = self.covers and not self.unless
        return known and self.exact.matches(text, {}) is not self.element.negated

    def names(self, pattern: Pattern) -> bool:
        """Return whether one of its patterns alone contains all that a pattern matches."""
        return not self.element.negated and bool({pattern, EVERYTHING} & self.patterns)

    def meeting(self, prefix: str) -> list[Glob]:
        """Return the patterns that can match a text with some prefix."""
        numbers = sorted(self.index.meeting(prefix))
        return [glob for number in numbers if (glob := self.globs[number]) is not None]


# Actions, resources, conditions and meaning of a statement.
_Meaning: TypeAlias = tuple[Language, Language, tuple[ConditionCheck, ...], Hashable]
_ACTION = globs.of((Wild.ONE, Wild.RUN, ":", Wild.ONE, Wild.RUN))
# The proofs of a policy's changes share the unchanged statements.
_REMEMBERED = 1024


class Clause(Struct, frozen=True, eq=False):
    """A statement."""

    statement: Statement
    at: tuple[int, int]  # the positions of its policy and of itself, from 0
    actions: Language
    resources: Language
    checks: tuple[ConditionCheck, ...]
    meaning: Hashable  # equal for two statements that mean the same to IAM

    @property
    def denies(self) -> bool:
        """Whether it denies."""
        return self.statement.effect == "Deny"

    @property
    def callers(self) -> frozenset[tuple[str, Text]]:
        """The principals it names; empty for none or for anyone."""
        named = {(p.type, i) for p in self.statement.principals for i in p.identifiers}
        return frozenset() if any(name == ANYONE for _, name in named) else frozenset(named)


class RegionSide(Struct, frozen=True):
    """A set of actions or resources that match each group and nothing excluded."""

    groups: tuple[tuple[Glob, ...], ...]  # in each group, one pattern must match
    excluded: tuple[Glob, ...]
    pattern: Pattern  # a pattern it came from
    within: tuple[Pattern, ...]  # all patterns it came from
    without: tuple[Pattern, ...] = ()  # the excluded patterns

    @property
    def text(self) -> str | None:
        """The only text in it; None if there may be more."""
        return literal(self.pattern) if len(self.groups) == 1 and not self.excluded else None

    def has(self, text: str) -> bool:
        """Return whether a text is in it, if known without the values of variables."""
        return all(any(glob.matches(text) for glob in group) for group in self.groups) and not any(
            glob.matches(text) for glob in self.excluded
        )

    @property
    def has_variables(self) -> bool:
        """Whether one of its patterns has a policy variable."""
        return any(glob.has_atoms for group in self.groups for glob in group)

    @property
    def prefix(self) -> str:
        """The common prefix of everything in it."""
        begins = (commonprefix([glob.prefix for glob in group]) for group in self.groups)  # noqa: RUF071 - these are no paths
        return max(begins, key=len)


class Region(Struct, frozen=True):
    """A set of requests."""

    actions: tuple[RegionSide, ...]  # their actions are in one of these
    resources: tuple[RegionSide, ...]  # their resources are in one of these
    checks: tuple[ConditionCheck, ...]  # their contexts satisfy these conditions
    # Their principals are in each of these sets; an empty set means all.
    callers: tuple[frozenset[tuple[str, Text]], ...] = ()
    # What AWS documents for all of them; None if not looked up.
    scopes: frozenset[ActionScope] | None = None


class ClauseIndex:
    """An index of statements by the requests that they can be about."""

    def __init__(self, clauses: Sequence[Clause]) -> None:
        self._clauses = clauses
        self._by_action = PrefixIndex(
            (prefix, n) for n, c in enumerate(clauses) for prefix in c.actions.prefixes
        )
        self._by_resource = PrefixIndex(
            (prefix, n) for n, c in enumerate(clauses) for prefix in c.resources.prefixes
        )

    def meeting(self, region: Region, budget: Budget) -> list[Clause]:
        """Return the statements that can be about a request of a region, in order."""
        about: list[set[int]] = []
        for index, sides in (
            (self._by_action, region.actions),
            (self._by_resource, region.resources),
        ):
            prefixes = {side.prefix for side in sides}
            numbers = [index.meeting(prefix) for prefix in prefixes]
            budget.spend(len(sides) + sum(map(len, numbers)))
            about.append(set().union(*numbers))
        return [self._clauses[number] for number in sorted(set.intersection(*about))]


def read(policies: Sequence[Policy], *, narrow: bool = False) -> Iterator[Clause]:
    """Yield the statements of policies."""
    for position, policy in enumerate(policies):
        place = ElementPath(f"policy {position + 1}")
        variables = elements.has_variables(policy, place)
        for index, statement in enumerate(policy.statements):
            meaning = _read(statement, place, variables=variables, narrow=narrow)
            yield Clause(statement, (position, index), *meaning)


@lru_cache(maxsize=_REMEMBERED)
def _read(statement: Statement, place: ElementPath, *, variables: bool, narrow: bool) -> _Meaning:
    actions = elements.actions(statement, place, variables=variables)
    resources = elements.resources(statement, place, variables=variables)
    checks = tuple(conditions.parse(c, place, variables=variables) for c in statement.conditions)
    return (
        _language(actions, tuple(map(globs.of, actions.patterns))),
        _language(
            resources, tuple(globs.of_resource(t, narrow=narrow) for t in resources.patterns)
        ),
        checks,
        (
            statement.effect,
            (frozenset(actions.patterns), actions.negated),
            (frozenset(resources.patterns), resources.negated),
            frozenset((check.operator, check.key, same_values(check)) for check in checks),
            frozenset((p.type, i) for p in statement.principals for i in p.identifiers),
        ),
    )


def _language(element: Element, automata: tuple[Glob | None, ...]) -> Language:
    plain = filter(is_plain, element.patterns)
    known = [glob for glob in automata if glob is not None]
    covers = len(known) == len(automata) if element.negated else True
    unless = frozenset(glob for glob in known if glob.has_atoms and element.negated)
    begins = ["" if glob is None else glob.prefix for glob in automata]
    return Language(
        element,
        automata,
        Patterns.of(plain),
        frozenset(element.patterns),
        covers,
        unless,
        frozenset([""] if element.negated else begins),
        PrefixIndex(zip(begins, range(len(begins)), strict=True)),
    )


def region(clause: Clause) -> Region:
    """Return the requests that a statement is about, or slightly more."""
    return Region(
        tuple(map(_of_actions, _sides(clause.actions))),
        tuple(_sides(clause.resources)),
        clause.checks + equalities.of_resources(clause.resources.element),
        (clause.callers,),
    )


def _sides(language: Language) -> Iterator[RegionSide]:
    """Yield the parts of a language; a pattern that cannot be an automaton means everything."""
    if language.element.negated:
        excluded = (glob for glob in language.globs if glob is not None)
        without = language.element.patterns
        yield RegionSide(((ANYTHING,),), tuple(excluded), EVERYTHING, (EVERYTHING,), without)
        return
    for pattern, glob in zip(language.element.patterns, language.globs, strict=True):
        yield RegionSide(((glob or ANYTHING,),), (), pattern, (pattern,))


def _of_actions(side: RegionSide) -> RegionSide:
    """Exclude what no request has: an action without a service or a name."""
    if side.pattern == EVERYTHING:
        return replace(side, groups=((_ACTION,),))
    if side.pattern[-1] is Wild.RUN and str(side.pattern[-2]).endswith(":"):
        named = (*side.pattern[:-1], Wild.ONE, Wild.RUN)
        return replace(side, groups=((globs.of(named),),))
    return side


def both(left: Region, right: Region, budget: Budget) -> Region:
    """Return the requests in two regions, or slightly more."""
    budget.spend(
        len(left.actions) * len(right.actions) + len(left.resources) * len(right.resources)
    )
    return Region(
        tuple(_meet(a, b) for a in left.actions for b in right.actions if can_meet(a, b)),
        tuple(_meet(a, b) for a in left.resources for b in right.resources if can_meet(a, b)),
        left.checks + right.checks,
        left.callers + right.callers,
    )


def can_meet(left: RegionSide | Glob, right: RegionSide | Glob) -> bool:
    """Return whether some text may be in both, by their prefixes."""
    return left.prefix.startswith(right.prefix) or right.prefix.startswith(left.prefix)


def _meet(left: RegionSide, right: RegionSide) -> RegionSide:
    """Return the intersection; if one has variables, only the more exact one."""
    if left.pattern == EVERYTHING or literal(right.pattern) is not None:
        left, right = right, left
    groups = left.groups
    if not (left.has_variables or right.has_variables):
        groups += tuple(g for g in right.groups if g not in groups and ANYTHING not in g)
    return RegionSide(
        groups,
        left.excluded + right.excluded,
        left.pattern,
        left.within + right.within,
        left.without + right.without,
    )
