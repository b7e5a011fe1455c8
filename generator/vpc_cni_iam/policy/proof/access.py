"""Whether new policies allow anything that old ones do not: a proof, a counterexample, or neither.

What is proven is proven for every request that the evaluator decides for both: any action that has
a service and a name, any resource, any context. A request is newly allowed if a new Allow has it
that no new Deny has, and either no old Allow has it or an old Deny does. So two things are shown:

1. Every request of a new Allow is one of an old Allow or of a new Deny.
2. Every request of a new Allow and of an old Deny is one of a new Deny.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain, islice

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.evaluate import Compiled, Decision, Request, compile_policies
from vpc_cni_iam.policy.proof import automata, cases, clauses, globs, reasons
from vpc_cni_iam.policy.proof.budget import Budget, TooHardError
from vpc_cni_iam.policy.proof.clauses import Clause, ClauseIndex, Region
from vpc_cni_iam.policy.proof.conditions.implication import impossible
from vpc_cni_iam.policy.proof.covering import StatementCover, Uncovered
from vpc_cni_iam.policy.proof.examples import requests

_MORE_PARTS = 20
_FIRST_TRIES = 200
# Where no request is shown, a few spare most attempts at a proof that cannot succeed.
_QUICK_TRIES = 20
_TRIES_OF_A_PART = 6000
_STEPS_OF_A_TRY = 20
_STEPS_OF_A_STATEMENT = 80
_STEPS_OF_A_VALUE = 12
_CASES = 32
_SPLITS_IN_ALL = 4000
# A policy is asked about several times, and then another.
_POLICIES = 64


class Proven(Struct, frozen=True):
    """The new policies allow nothing that the old ones did not."""


class Counterexample(Struct, frozen=True):
    """A request that the new policies allow and the old ones do not, as the evaluator says.

    Args:
        new: The statement of the new policies that allows it.
        old: What the old policies say.
        made_up: What of it only comes of the policies' patterns, so that AWS may have no such
            thing: ``action``, ``resource``, condition keys by name; empty if none.
    """

    request: Request
    new: Decision
    old: Decision
    made_up: str = ""


class NotProven(Struct, frozen=True):
    """Neither a proof nor a counterexample was found."""

    reason: str


def no_new_access(
    old: Sequence[Policy],
    new: Sequence[Policy],
    budget: Budget | None = None,
    *,
    examples: bool = True,
) -> Proven | Counterexample | NotProven:
    """Say whether new policies allow anything that old ones do not.

    Both are the policies of one identity, taken together. It answers `Proven` only where that
    holds in both readings of what AWS leaves open, see `globs.of_resource` and
    `vpc_cni_iam.policy.proof.conditions.implication`.

    Args:
        examples: Whether to look for a counterexample where there is no proof.

    Raises:
        InputError: A policy that the evaluator refuses.
    """
    budget = Budget() if budget is None else budget
    statements = [s for policy in (*old, *new) for s in policy.statements]
    if any(statement.not_principals for statement in statements):
        return NotProven("NotPrincipal is not reasoned about: its effect is up to the service")
    if not (
        budget.affords(_STEPS_OF_A_STATEMENT * len(statements))
        and budget.affords(_STEPS_OF_A_VALUE * sum(statement.size for statement in statements))
    ):
        return NotProven(
            "too complex: what was compared before took all steps of this answer; "
            "write policies with fewer wildcards and condition keys"
        )
    before, after = compile_policies(old, "old policy"), compile_policies(new, "new policy")
    for narrow in (False, True):
        sides = [_read(tuple(side), narrow=narrow) for side in (old, new)]
        answer = _Search(before, after, budget, examples).run(*sides)
        if not isinstance(answer, Proven) or not any(
            globs.is_ambiguous(pattern)
            for clause in chain(*sides)
            for pattern in clause.resources.element.patterns
        ):
            return answer
    return Proven()


@lru_cache(_POLICIES)
def _read(policies: tuple[Policy, ...], *, narrow: bool) -> tuple[Clause, ...]:
    return tuple(clauses.read(policies, narrow=narrow))


class _Question(Struct, frozen=True):
    """Whether all that a statement brings is covered."""

    clause: Clause  # an Allow that is new, or a Deny that is no more
    covering: StatementCover  # what must cover it
    allows: ClauseIndex | None = None  # what such a Deny may have held back; None of an Allow

    def regions(self) -> Iterator[tuple[Region, tuple[Clause, ...]]]:
        """Yield regions, with the statements they come from."""
        region = clauses.region(self.clause)
        if self.allows is None:
            yield region, (self.clause,)
        elif next(self.covering.uncovered_parts(region), None) is not None:
            budget = self.covering.budget
            for allow in self.allows.meeting(region, budget):
                yield clauses.both(clauses.region(allow), region, budget), (allow, self.clause)


def _questions(old: Sequence[Clause], new: Sequence[Clause]) -> list[_Question]:
    """Return what is to be shown of each statement that may bring new access."""
    allows = [clause for clause in new if not clause.denies]
    denies = [clause for clause in new if clause.denies]
    known = {clause.meaning for clause in old}
    covering = StatementCover([*(c for c in old if not c.denies), *denies])
    questions = [_Question(clause, covering) for clause in allows if clause.meaning not in known]
    remaining = {clause.meaning for clause in denies}
    if gone := [clause for clause in old if clause.denies and clause.meaning not in remaining]:
        narrowing, index = StatementCover(denies), ClauseIndex(allows)
        questions += [_Question(clause, narrowing, index) for clause in gone]
    return questions


class _Search(Struct):
    """One attempt at a proof."""

    before: Compiled
    after: Compiled
    budget: Budget  # what is left of the steps, of one question while it is looked at
    # Whether to look for counterexamples; without, the first part that stays open decides.
    examples: bool = True
    splits: int = _SPLITS_IN_ALL  # how many ways to take conditions apart are still tried
    # How many uncovered parts that stay open are still looked at, for a counterexample.
    more: int = _MORE_PARTS
    new: frozenset[int] = frozenset()  # the identities of the new statements

    def run(
        self, old: Sequence[Clause], new: Sequence[Clause]
    ) -> Proven | Counterexample | NotProven:
        """Look at uncovered parts until there is a counterexample, or one that stays open.

        After the latter only a counterexample can change the answer; a few more parts are tried.
        No question gets more than its share of the steps, so that one that is too complex
        leaves some to the others.
        """
        whole, reason = self.budget, ""
        # The new ones first: their Deny statements are the first not to apply to an example.
        questions, every = _questions(old, new), ClauseIndex((*new, *old))
        self.new = frozenset(map(id, new))
        for number, question in enumerate(questions):
            self.budget = whole.share(len(questions) - number)
            question.covering.budget = self.budget
            try:
                answer = self._remembered(question, every)
            except TooHardError:
                answer = NotProven(
                    reason or reasons.too_complex(question.clause, question.covering.clauses)
                )
            if isinstance(answer, Counterexample):
                return answer
            reason = reason or (answer.reason if answer else "")
            if self.more < 0:
                break
        return NotProven(reason) if reason else Proven()

    def _remembered(
        self, question: _Question, every: ClauseIndex
    ) -> Counterexample | NotProven | None:
        """Return what a question comes to, as it did with the same statements about its requests.

        A counterexample is put to these policies; what was not proven is looked at again.
        """
        near = every.meeting(clauses.region(question.clause), self.budget)
        # Statements that are read alike have one object for their actions.
        key = (
            *("answer", self.examples, question.clause.actions),
            *(
                tuple(c.actions for c in near if (id(c) in self.new) is new)
                for new in (True, False)
            ),
        )
        remembered = self.budget.remembered
        if key in remembered:
            known: Counterexample | None = remembered[key]
            if known is None:
                return None
            now, then = (side.evaluate(known.request) for side in (self.after, self.before))
            if now.allowed and then.denied:
                return replace(known, new=now, old=then)
        answer = self._answer(question, every)
        if not isinstance(answer, NotProven):
            remembered[key] = answer
        return answer

    def _answer(self, question: _Question, every: ClauseIndex) -> Counterexample | NotProven | None:
        """Return what a question comes to, None if nothing new is allowed."""
        reason, covering = "", question.covering
        for region, origins in question.regions():
            closed: set[Region] = set()
            for uncovered in covering.uncovered_parts(region):
                if uncovered.region in closed:
                    continue
                meeting = every.meeting(uncovered.region, self.budget)
                near = [clause for clause in meeting if clause not in origins]
                tries = _FIRST_TRIES if self.examples else _QUICK_TRIES
                counterexample = self._counterexample(uncovered, origins, near, tries)
                if counterexample is None and self._is_closed(uncovered, covering):
                    closed.add(uncovered.region)
                    continue
                if not self.examples:
                    self.more = -1
                    return NotProven("not shown")
                counterexample = counterexample or self._counterexample(
                    uncovered, origins, near, _TRIES_OF_A_PART
                )
                if counterexample is not None:
                    return counterexample
                reason = reason or reasons.reason(
                    uncovered, origins, _near(uncovered, covering), self.budget
                )
                self.more -= 1
                if self.more < 0:
                    return NotProven(reason)
        return NotProven(reason) if reason else None

    def _counterexample(
        self, uncovered: Uncovered, origins: Sequence[Clause], near: Sequence[Clause], tries: int
    ) -> Counterexample | None:
        """Return a request of an uncovered part that is newly allowed, None if none was found.

        One with something made up is returned only where the first tries have none without.
        """
        fallback: Counterexample | None = None
        for number, request in enumerate(
            islice(
                requests.example_requests(
                    uncovered, origins, near, self.budget, ordinary_only=not self.examples
                ),
                tries,
            )
        ):
            if fallback is not None and number >= _FIRST_TRIES:
                break
            self.budget.spend(_STEPS_OF_A_TRY + self.after.work(request.action))
            try:
                now = self.after.evaluate(request)
                if not now.allowed:
                    continue
                self.budget.spend(self.before.work(request.action))
                then = self.before.evaluate(request)
            except InputError:
                continue
            if then.denied:
                made_up = reasons.made_up(request, (*origins, *near)) if self.examples else ""
                counterexample = Counterexample(request, now, then, made_up)
                if not made_up:
                    return counterexample
                fallback = fallback or counterexample
        return fallback

    def _is_closed(
        self, uncovered: Uncovered, covering: StatementCover, most: int = _CASES
    ) -> bool:
        """Say whether the whole region of an uncovered part is empty, or covered case by case."""
        if impossible(uncovered.region.checks, self.budget):
            return True
        near = _near(uncovered, covering)
        for parts in cases.case_splits(uncovered.region, near, self.budget):
            self.splits -= 1
            if len(parts) > most or self.splits < 0:
                continue
            if all(
                self._is_closed(inner, covering, most // len(parts))
                for checks in parts
                for inner in covering.uncovered_parts(replace(uncovered.region, checks=checks))
            ):
                return True
        return False


def _near(uncovered: Uncovered, covering: StatementCover) -> list[Clause]:
    """Return the statements that could cover an uncovered part, as far as actions go."""
    action = automata.text(uncovered.action)
    return [clause for clause in covering.near(uncovered.region) if clause.actions.has(action)]
