"""Pieces: the sets of requests of a proof.

A piece is the requests that it means, or slightly more. So a piece without a request is certainly
empty, and what statements cover of a piece is certainly covered.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.policy.matching.element_path import ElementPath
from vpc_cni_iam.policy.matching.matches import ConditionCheck, ContextKey
from vpc_cni_iam.policy.matching.principals import Name, covers
from vpc_cni_iam.policy.matching.variables import keys_of, read
from vpc_cni_iam.policy.proof import globs
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.clauses import Clause, Language
from vpc_cni_iam.policy.proof.globs import Glob
from vpc_cni_iam.policy.proof.possible import CheckOrNot, values_for
from vpc_cni_iam.policy.proof.related_keys import SAME, SERVICE, SameKeys, renamed, same
from vpc_cni_iam.policy.proof.texts import Texts
from vpc_cni_iam.policy.wildcard import Wild

# Every action has a service and a name.
_ACTIONS = Texts(((globs.of((Wild.ONE, Wild.RUN, ":", Wild.ONE, Wild.RUN)),),))
_CLAUSES_OF_A_STEP, _LITERALS_OF_A_STEP = 4, 16
_REMEMBERED = 1024


class Piece(Struct, frozen=True):
    """A set of requests."""

    actions: Texts = _ACTIONS
    resources: Texts = Texts()
    literals: tuple[CheckOrNot, ...] = ()  # the conditions that hold, and those that do not
    # Their principals are in each of these sets; an empty set means all.
    callers: tuple[frozenset[Name], ...] = ()
    same: tuple[SameKeys, ...] = ()  # keys that have the same value

    def with_actions(self, actions: Texts | None, budget: Budget) -> Piece | None:
        """Return the part with some of its actions; None if it is empty."""
        if actions is None or (actions is not self.actions and actions.word(budget) is None):
            return None
        return replace(self, actions=actions)

    def with_resources(self, resources: Texts | None, budget: Budget) -> Piece | None:
        """Return the part with some of its resources; None if it is empty."""
        if resources is None or (
            resources is not self.resources and resources.word(budget) is None
        ):
            return None
        return replace(self, resources=resources)

    def where(self, check: ConditionCheck, budget: Budget, *, holds: bool) -> Piece | None:
        """Return the part in which a condition holds or does not; None if it is empty."""
        budget.spend(len(self.literals) // _LITERALS_OF_A_STEP)
        check = renamed(check, self.same)
        about = tuple(each for each in self.literals if each[0].key == check.key)
        if (check, holds) in about:
            return self
        piece = replace(self, literals=(*self.literals, (check, holds)))
        return piece if values_for((*about, (check, holds)), budget) else None

    def where_all(self, literals: Iterable[CheckOrNot], budget: Budget) -> Piece | None:
        """Return the part in which conditions hold or do not; None if it is empty."""
        piece: Piece | None = self
        for check, holds in literals:
            piece = piece and piece.where(check, budget, holds=holds)
        return piece

    def of(self, clause: Clause, budget: Budget) -> Piece | None:
        """Return the part that a statement is about; None if it is empty."""
        piece = self.with_actions(clause.actions.inside(self.actions), budget)
        piece = piece and piece.with_resources(clause.resources.inside(self.resources), budget)
        piece = piece and piece.where_all(((check, True) for check in clause.checks), budget)
        if piece and clause.callers:
            piece = replace(piece, callers=(*piece.callers, clause.callers))
        return piece

    def without(self, clause: Clause, budget: Budget) -> list[Piece] | None:
        """Return the parts that a statement is not about; None if it is about nothing in it.

        A part for each reason: another action, a condition that does not hold, another resource.
        """
        if clause.callers and not any(c and covers(clause.callers, c) for c in self.callers):
            return None
        actions = self.with_actions(clause.actions.inside(self.actions), budget)
        piece = actions and actions.with_resources(clause.resources.inside(self.resources), budget)
        if actions is None or piece is None:
            return None
        rest = [self.with_actions(clause.actions.outside(self.actions), budget)]
        inner = piece
        for check in clause.checks:
            rest.append(inner.where(check, budget, holds=False))
            remaining = inner.where(check, budget, holds=True)
            if remaining is None:
                return None
            inner = remaining
        rest.append(actions.with_resources(clause.resources.outside(self.resources), budget))
        return [part for part in rest if part is not None]


def asked_keys(checks: Iterable[ConditionCheck]) -> frozenset[str]:
    """Return the condition keys of some conditions, and of their policy variables."""
    keys: set[str] = set()
    for check in checks:
        keys.update(keys_of(check.patterns))
        if isinstance(check.key, ContextKey):
            keys.add(check.key)
    return frozenset(keys)


def with_same_keys(piece: Piece, keys: frozenset[str], budget: Budget) -> Iterator[Piece]:
    """Yield the parts of a piece in which keys have one value, and those in which they may differ.

    AWSApplicationMigrationEC2Access and AmazonEKSServiceRolePolicy ask for tags by both keys.
    """
    pairs = tuple(same(keys))
    every = [piece]
    for names in dict.fromkeys(replace(pair, alias="", key="") for pair in pairs):
        own = tuple(p for p in pairs if replace(p, alias="", key="") == names)
        every = [part for each in every for part in _split(each, names, own, budget)]
    yield from every


def _split(
    piece: Piece, scope: SameKeys, pairs: tuple[SameKeys, ...], budget: Budget
) -> Iterator[Piece]:
    every, excepted = _globs((f"{SERVICE}*",)), _globs(scope.except_actions)
    beyond = _globs(scope.except_resources)
    other = piece.with_actions(piece.actions.missing(every), budget)
    own = piece.with_actions(piece.actions.matching(every), budget)
    usual = own and own.with_actions(own.actions.missing(excepted), budget)
    special = own and own.with_actions(own.actions.matching(excepted), budget)
    within = special and special.with_resources(special.resources.missing(beyond), budget)
    outside = special and special.with_resources(special.resources.matching(beyond), budget)
    for part in (usual, within):
        named = part and replace(part, literals=(), same=(*part.same, *pairs))
        named = named and named.where_all(piece.literals, budget)
        if named:
            yield named
    yield from (part for part in (outside, other) if part)


@lru_cache(_REMEMBERED)
def _globs(texts: tuple[str, ...]) -> tuple[Glob, ...]:
    """Return patterns of actions, or of ARNs whose wildcards match no colon."""
    patterns = (read(t, ElementPath("fact"), variables=False, wildcards=True) for t in texts)
    return tuple(globs.of_parts(p) if p[0] == "arn:" else globs.of(p) for p in patterns)


def pieces(clause: Clause, others: Sequence[Clause], budget: Budget) -> Iterator[Piece]:
    """Yield the requests of a statement, by its patterns and principals.

    Of the actions without a wildcard, one stands for all that the same other statements are about.
    """
    start = Piece().where_all(((check, True) for check in clause.checks), budget)
    if start is None:
        return
    names = [frozenset([name]) for name in sorted(clause.callers, key=str)]
    sides = list(_sides(clause.resources, Texts()))
    for actions in _classes(clause, others, budget):
        for resources in sides:
            for callers in names or [frozenset()]:
                yield replace(start, actions=actions, resources=resources, callers=(callers,))


def _sides(language: Language, whole: Texts) -> Iterator[Texts]:
    every = [whole.missing(language.known)]
    if not language.element.negated:
        every = [whole.matching([glob]) for glob in dict.fromkeys(language.wide)]
    yield from (texts for texts in every if texts is not None)


def _classes(clause: Clause, others: Sequence[Clause], budget: Budget) -> Iterator[Texts]:
    seen: set[Hashable] = set()
    for actions in _sides(clause.actions, _ACTIONS):
        if (text := actions.text) is not None:
            budget.spend(1 + len(others) // _CLAUSES_OF_A_STEP)
            about = tuple(other.actions.has(text) for other in others)
            kind = (about, _kind(text)) if None not in about else text
            if kind in seen:
                continue
            seen.add(kind)
        # With a service and a letter of a name, a pattern has an action.
        if ":" in actions.prefix[1:-1] or actions.word(budget) is not None:
            yield actions


@lru_cache(_REMEMBERED)
def _kind(action: str) -> tuple[bool, ...]:
    """Return what decides which keys are the same in requests of an action."""
    excepted = (action in names.except_actions for names in SAME)
    return (action.startswith(SERVICE), *excepted)
