"""Statements in a form for proofs."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from typing import TypeAlias

from msgspec import Struct

from vpc_cni_iam.policy.document import ANYONE, Policy, Statement
from vpc_cni_iam.policy.matching import conditions, elements
from vpc_cni_iam.policy.matching.element_path import ElementPath
from vpc_cni_iam.policy.matching.elements import Element
from vpc_cni_iam.policy.matching.matches import ConditionCheck
from vpc_cni_iam.policy.matching.patterns import Patterns
from vpc_cni_iam.policy.matching.principals import Name
from vpc_cni_iam.policy.matching.variables import Pattern, is_plain
from vpc_cni_iam.policy.proof import globs
from vpc_cni_iam.policy.proof.globs import ANYTHING, Glob
from vpc_cni_iam.policy.proof.prefixes import PrefixIndex
from vpc_cni_iam.policy.proof.texts import Texts

# The proofs of a policy's changes share the unchanged statements.
_REMEMBERED = 1024
# Several questions about one policy come one after another.
_POLICIES = 64


class Language(Struct, frozen=True, eq=False):
    """The actions or the resources of a statement."""

    element: Element
    wide: tuple[Glob, ...]  # its patterns; anything instead of one that is not known
    known: tuple[Glob, ...]  # its known patterns
    known_set: frozenset[Glob]
    wide_index: PrefixIndex
    known_index: PrefixIndex
    exact: Patterns  # the patterns that are tested as by the evaluator
    is_exact: bool  # whether these are all

    def inside(self, texts: Texts) -> Texts | None:
        """Return the texts that are in the language, or more; None if there are none for certain.

        If only an automaton can find that there are none, the set is empty.
        """
        if (has := self._has_all(texts)) is not None:
            return texts if has else None
        return self._missing(texts) if self.element.negated else self._matching(texts)

    def outside(self, texts: Texts) -> Texts | None:
        """Return the texts that are not in the language, or more; None as for `inside`."""
        if (has := self._has_all(texts)) is not None:
            return None if has else texts
        return self._matching(texts) if self.element.negated else self._missing(texts)

    def _has_all(self, texts: Texts) -> bool | None:
        """Return whether all or none of some texts are in the language; None if not known."""
        if texts.text is not None:
            return self.has(texts.text)
        if any(self.known_set.issuperset(group) for group in texts.groups):
            return not self.element.negated
        return None

    def _matching(self, texts: Texts) -> Texts | None:
        return texts.matching(self.wide_index.meeting(texts.prefix))

    def _missing(self, texts: Texts) -> Texts | None:
        near = self.known_index.meeting(texts.prefix)
        return None if ANYTHING in near else texts.missing(near)

    def has(self, text: str) -> bool | None:
        """Return whether a text is in the language; None if that depends on variables."""
        if self.exact.matches(text, {}):
            return not self.element.negated
        return self.element.negated if self.is_exact else None


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
    def callers(self) -> frozenset[Name]:
        """The principals it names; empty for none or for anyone."""
        named = {(p.type, i) for p in self.statement.principals for i in p.identifiers}
        return frozenset() if any(name == ANYONE for _, name in named) else frozenset(named)


_Meaning: TypeAlias = tuple[Language, Language, tuple[ConditionCheck, ...], Hashable]


@lru_cache(_POLICIES)
def read(policies: tuple[Policy, ...], *, narrow: bool) -> tuple[Clause, ...]:
    """Return the statements of policies; `narrow` is a reading of `globs.of_resource`."""
    clauses = []
    for position, policy in enumerate(policies):
        place = ElementPath(f"policy {position + 1}")
        variables = elements.has_variables(policy, place)
        for index, statement in enumerate(policy.statements):
            meaning = read_statement(statement, place, variables=variables, narrow=narrow)
            clauses.append(Clause(statement, (position, index), *meaning))
    return tuple(clauses)


@lru_cache(_REMEMBERED)
def read_statement(
    statement: Statement, place: ElementPath, *, variables: bool, narrow: bool
) -> _Meaning:
    """Return the actions, resources, conditions and meaning of a statement."""
    actions = elements.actions(statement, place, variables=variables)
    resources = elements.resources(statement, place, variables=variables)
    checks = tuple(conditions.parse(c, place, variables=variables) for c in statement.conditions)
    meaning = (
        statement.effect,
        (frozenset(actions.patterns), actions.negated),
        (frozenset(resources.patterns), resources.negated),
        frozenset((c.operator, c.key, frozenset(c.patterns or c.values)) for c in checks),
        frozenset((p.type, i) for p in statement.principals for i in p.identifiers),
    )
    return (
        _language(actions, list(map(globs.of, actions.patterns)), is_plain),
        _language(
            resources,
            [globs.of_resource(pattern, narrow=narrow) for pattern in resources.patterns],
            lambda pattern: is_plain(pattern) and not (narrow and globs.is_ambiguous(pattern)),
        ),
        checks,
        meaning,
    )


def _language(
    element: Element, automata: Sequence[Glob | None], is_exact: Callable[[Pattern], bool]
) -> Language:
    exact = tuple(filter(is_exact, element.patterns))
    wide = tuple(ANYTHING if glob is None else glob for glob in automata)
    known = tuple(glob for glob in automata if glob is not None)
    return Language(
        element,
        wide,
        known,
        frozenset(known),
        PrefixIndex(wide),
        PrefixIndex(known),
        Patterns.of(exact),
        len(exact) == len(element.patterns),
    )
