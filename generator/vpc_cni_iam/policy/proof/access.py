"""Whether new policies allow anything that old ones do not: a proof, a witness, or neither.

What is proven is proven for every request that the evaluator decides for both: any action that has
a service and a name, any resource, any context. A request is newly allowed if a new Allow has it
that no new Deny has, and either no old Allow has it or an old Deny does. So two things are shown:

1. Every request of a new Allow is one of an old Allow or of a new Deny.
2. Every request of a new Allow and of an old Deny is one of a new Deny.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.evaluate import Compiled, Decision, Request, compile_policies
from vpc_cni_iam.policy.proof import automata, cases, clauses, globs, reasons
from vpc_cni_iam.policy.proof.budget import Budget, TooHardError
from vpc_cni_iam.policy.proof.clauses import Clause, ClauseIndex, Region
from vpc_cni_iam.policy.proof.conditions.contradictions import impossible
from vpc_cni_iam.policy.proof.covering import Coverage, Hole
from vpc_cni_iam.policy.proof.examples import requests

_MORE_HOLES = 20
_FIRST_TRIES = 200
_TRIES_OF_A_HOLE = 6000
_STEPS_OF_A_TRY = 20
_STEPS_OF_A_STATEMENT = 100
_CASES = 32
_SPLITS_IN_ALL = 4000


@dataclass(frozen=True, slots=True)
class Proven:
    """The new policies allow nothing that the old ones did not."""


@dataclass(frozen=True, slots=True)
class Witness:
    """A request that the new policies allow and the old ones do not, as the evaluator says.

    Args:
        request: The request.
        new: The statement of the new policies that allows it.
        old: What the old policies say.
        made_up: What of it only comes of the policies' patterns, so that AWS may have no such
            thing: ``action``, ``resource``, both joined by ``and``, or empty.
    """

    request: Request
    new: Decision
    old: Decision
    made_up: str = ""


@dataclass(frozen=True, slots=True)
class NotProven:
    """Neither a proof nor a witness was found.

    Args:
        reason: What stands in the way.
    """

    reason: str


def no_new_access(
    old: Sequence[Policy], new: Sequence[Policy], budget: Budget | None = None
) -> Proven | Witness | NotProven:
    """Say whether new policies allow anything that old ones do not.

    Both are the policies of one identity, taken together. It answers `Proven` only where that
    holds in both readings of what AWS leaves open, see `globs.of_resource` and
    `vpc_cni_iam.policy.proof.conditions.implication`.

    Args:
        old: The policies there were.
        new: The policies there are to be.
        budget: What the answer may cost; None for as much as policies of this size get.

    Raises:
        InputError: A policy that the evaluator refuses.
    """
    budget = Budget.of(*old, *new) if budget is None else budget
    statements = [s for policy in (*old, *new) for s in policy.statements]
    if any(statement.not_principals for statement in statements):
        return NotProven("NotPrincipal is not reasoned about: its effect is up to the service")
    before, after = compile_policies(old, "old policy"), compile_policies(new, "new policy")
    try:
        budget.spend(_STEPS_OF_A_STATEMENT * len(statements))
    except TooHardError:
        return NotProven(
            "too complex: what was compared before took all steps of this answer; "
            "write policies with fewer wildcards and condition keys"
        )
    for narrow in (False, True):
        sides = [list(clauses.read(side, narrow)) for side in (old, new)]
        answer = _Search(before, after, budget).run(*sides)
        if not isinstance(answer, Proven) or not any(map(_is_ambiguous, chain(*sides))):
            return answer
    return Proven()


def _is_ambiguous(clause: Clause) -> bool:
    return any(map(globs.is_ambiguous, clause.resources.element.templates))


@dataclass(frozen=True, slots=True)
class _Question:
    """Whether all that a statement brings is covered.

    Args:
        clause: An Allow that is new, or a Deny that is no more.
        covering: What must cover it.
        allows: What such a Deny may have held back; None of an Allow.
    """

    clause: Clause
    covering: Coverage
    allows: ClauseIndex | None = None

    def regions(self) -> Iterator[tuple[Region, tuple[Clause, ...]]]:
        """Yield regions, with the statements they come from."""
        region = clauses.region(self.clause)
        if self.allows is None:
            yield region, (self.clause,)
        elif next(self.covering.holes(region), None) is not None:
            for allow in self.allows.meeting(region):
                both = clauses.both(clauses.region(allow), region)
                yield both, (allow, self.clause)


def _questions(old: Sequence[Clause], new: Sequence[Clause]) -> list[_Question]:
    """Return what is to be shown of each statement that may bring new access."""
    allows = [clause for clause in new if not clause.denies]
    denies = [clause for clause in new if clause.denies]
    known = {clause.meaning for clause in old}
    covering = Coverage([*(c for c in old if not c.denies), *denies])
    questions = [_Question(clause, covering) for clause in allows if clause.meaning not in known]
    kept = {clause.meaning for clause in denies}
    if gone := [clause for clause in old if clause.denies and clause.meaning not in kept]:
        narrowing, index = Coverage(denies), ClauseIndex(allows)
        questions += [_Question(clause, narrowing, index) for clause in gone]
    return questions


@dataclass(slots=True)
class _Search:
    """One attempt at a proof.

    Args:
        before: The old policies.
        after: The new policies.
        budget: What is left of the steps, of one question while it is looked at.
        splits: How many ways to take conditions apart are still tried.
        more: How many holes that stay open are still looked at, for a witness.
    """

    before: Compiled
    after: Compiled
    budget: Budget
    splits: int = _SPLITS_IN_ALL
    more: int = _MORE_HOLES

    def run(self, old: Sequence[Clause], new: Sequence[Clause]) -> Proven | Witness | NotProven:
        """Look at every hole until there is a witness, or a hole that stays open.

        After the latter only a witness can still change the answer; a few more holes are tried.
        No question gets more than its share of the steps, so that one that is too complex
        leaves some to the others.
        """
        whole, reason = self.budget, ""
        questions, every = _questions(old, new), ClauseIndex((*old, *new))
        for number, question in enumerate(questions):
            self.budget = whole.part(whole.steps // (len(questions) - number))
            question.covering.budget = self.budget
            try:
                answer = self._answer(question, every)
            except TooHardError:
                answer = NotProven(
                    reason or reasons.too_complex(question.clause, question.covering.clauses)
                )
            if isinstance(answer, Witness):
                return answer
            reason = reason or (answer.reason if answer else "")
            if self.more < 0:
                break
        return NotProven(reason) if reason else Proven()

    def _answer(self, question: _Question, every: ClauseIndex) -> Witness | NotProven | None:
        """Return what a question comes to, None if nothing new is allowed."""
        reason, covering = "", question.covering
        for region, wanted in question.regions():
            closed: set[Region] = set()
            for hole in covering.holes(region):
                if hole.region in closed:
                    continue
                near = [c for c in every.meeting(hole.region) if c not in wanted]
                witness = self._witness(hole, wanted, near, _FIRST_TRIES)
                if witness is None and self._is_closed(hole, covering):
                    closed.add(hole.region)
                    continue
                witness = witness or self._witness(hole, wanted, near, _TRIES_OF_A_HOLE)
                if witness is not None:
                    return witness
                reason = reason or reasons.reason(hole, wanted, _near(hole, covering), self.budget)
                self.more -= 1
                if self.more < 0:
                    return NotProven(reason)
        return NotProven(reason) if reason else None

    def _witness(
        self, hole: Hole, wanted: Sequence[Clause], near: Sequence[Clause], tries: int
    ) -> Witness | None:
        """Return a request of a hole that is newly allowed, None if none was found."""
        for request in islice(requests.requests(hole, wanted, near, self.budget), tries):
            self.budget.spend(_STEPS_OF_A_TRY)
            try:
                now = self.after.evaluate(request)
                then = self.before.evaluate(request) if now.allowed else now
            except InputError:
                continue
            if now.allowed and then.denied:
                return Witness(request, now, then, reasons.made_up(request, (*wanted, *near)))
        return None

    def _is_closed(self, hole: Hole, covering: Coverage, most: int = _CASES) -> bool:
        """Say whether the whole region of a hole is empty, or covered case by case."""
        if impossible(hole.region.checks, self.budget):
            return True
        for parts in cases.ways(hole.region.checks, _near(hole, covering)):
            self.splits -= 1
            if len(parts) > most or self.splits < 0:
                continue
            if all(
                self._is_closed(inner, covering, most // len(parts))
                for checks in parts
                for inner in covering.holes(replace(hole.region, checks=checks))
            ):
                return True
        return False


def _near(hole: Hole, covering: Coverage) -> list[Clause]:
    """Return the statements that could cover a hole, as far as actions go."""
    action = automata.text(hole.action)
    return [clause for clause in covering.near(hole.region) if clause.actions.has(action)]
