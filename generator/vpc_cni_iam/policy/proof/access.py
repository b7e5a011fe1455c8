"""Whether new policies allow anything that old ones do not: a proof, a request, or neither.

A proof is about every request that the evaluator decides for both sides: any action with a service
and a name, any resource, any context. A side, old or new, has layers: its policies, and limits that
must each also allow a request (a permissions boundary, a session policy, service control policies).
A side allows a request if each layer has an Allow for it and no layer has a Deny.

So a request is newly allowed if each new layer has an Allow for it, no new layer has a Deny, and
some old layer has no Allow for it, or has a Deny. Two things are proven for each old layer:

1. If a request matches an Allow in each new layer, it matches an Allow in the old layer, or a new
   Deny.
2. If a request matches an Allow in each new layer and a Deny in the old layer, it matches a new
   Deny.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain, islice
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.evaluate import Compiled, Decision, Request, compile_policies
from vpc_cni_iam.policy.proof import automata, cases, clauses, globs, reasons
from vpc_cni_iam.policy.proof.answer import (
    Answer,
    HardStatement,
    NewAccess,
    NoNewAccess,
    NoProof,
    NotProven,
)
from vpc_cni_iam.policy.proof.budget import Budget, TooHardError
from vpc_cni_iam.policy.proof.clauses import Clause, ClauseIndex, Region
from vpc_cni_iam.policy.proof.conditions.implication import impossible
from vpc_cni_iam.policy.proof.covering import StatementCover, Uncovered
from vpc_cni_iam.policy.proof.examples import requests
from vpc_cni_iam.policy.proof.questions import NewPart, Question, questions
from vpc_cni_iam.policy.template import Side

_MORE_PARTS = 20
_FIRST_TRIES = 200
_TRIES_OF_A_PART = 6000
_STEPS_OF_A_TRY = 20
_STEPS_OF_A_STATEMENT = 80
_STEPS_OF_A_VALUE = 12
_CASES = 32
_SPLITS_IN_ALL = 4000
# Several questions about one policy come one after another.
_POLICIES = 64

# The policies of a side, and its limits; one policy of each limit must allow a request.
_Layers: TypeAlias = tuple[tuple[Policy, ...], ...]


def no_new_access(
    old: Sequence[Policy],
    new: Sequence[Policy],
    *,
    within: Sequence[Sequence[Policy]] = (),
    old_within: Sequence[Sequence[Policy]] | None = None,
    budget: Budget | None = None,
) -> Answer:
    """Return whether new policies allow anything that old ones do not.

    Both are all policies of one identity. If AWS leaves something open, the answer is `NoNewAccess`
    only if it is true in both readings, see `globs.of_resource` and
    `vpc_cni_iam.policy.proof.conditions.implication`.

    Args:
        within: The limits that must each also allow a request: a permissions boundary, a session
            policy, the service control policies of a level.
        old_within: The limits of the old policies, if they differ.
        budget: Steps that other answers share.

    Raises:
        InputError: A policy that the evaluator refuses.
    """
    budget = Budget() if budget is None else budget
    old_limits = within if old_within is None else old_within
    before, after = _layers(old, old_limits), _layers(new, within)
    if (reason := _too_much(before + after, budget)) is not None:
        return NotProven(reason)
    evaluators = _Evaluator.of(before, "old"), _Evaluator.of(after, "new")
    for narrow in (False, True):
        sides = [[_read(layer, narrow=narrow) for layer in side] for side in (before, after)]
        answer = _Search(*evaluators, budget).run(*sides)
        if not isinstance(answer, NoNewAccess) or not _is_ambiguous(chain(*sides)):
            return answer
    return NoNewAccess()


def _too_much(layers: _Layers, budget: Budget) -> NoProof | None:
    """Return why there is no proof about some policies; None if there can be one."""
    statements = [s for layer in layers for policy in layer for s in policy.statements]
    if any(statement.not_principals for statement in statements):
        return NoProof.not_principal
    affordable = budget.affords(_STEPS_OF_A_STATEMENT * len(statements)) and budget.affords(
        _STEPS_OF_A_VALUE * sum(statement.size for statement in statements)
    )
    return None if affordable else NoProof.too_large


def _is_ambiguous(layers: Iterable[Sequence[Clause]]) -> bool:
    """Return whether a resource has a pattern that can be read in two ways."""
    return any(
        globs.is_ambiguous(pattern)
        for layer in layers
        for clause in layer
        for pattern in clause.resources.element.patterns
    )


def _layers(policies: Sequence[Policy], limits: Sequence[Sequence[Policy]]) -> _Layers:
    return (tuple(policies), *map(tuple, limits))


@lru_cache(_POLICIES)
def _read(policies: tuple[Policy, ...], *, narrow: bool) -> tuple[Clause, ...]:
    return tuple(clauses.read(policies, narrow=narrow))


class _Evaluator(Struct, frozen=True):
    """Evaluates requests against the layers of a side."""

    layers: tuple[Compiled, ...]

    @classmethod
    def of(cls, layers: _Layers, side: str) -> _Evaluator:
        policies, *limits = layers
        compiled = (compile_policies(limit, f"{side} limit, policy") for limit in limits)
        return cls((compile_policies(policies, f"{side} policy"), *compiled))

    def work(self, action: str) -> int:
        """Return the steps of one evaluation."""
        return sum(layer.work(action) for layer in self.layers)

    def allows(self, request: Request) -> Decision | None:
        """Return the policies' decision on a request if all layers allow it, else None."""
        decisions = [layer.evaluate(request) for layer in self.layers]
        return decisions[0] if all(decision.allowed for decision in decisions) else None

    def denies(self, request: Request) -> tuple[Decision, int | None] | None:
        """Return the first decision that denies a request, with the position of its limit."""
        for number, layer in enumerate(self.layers):
            decision = layer.evaluate(request)
            if decision.denied:
                return decision, number - 1 if number else None
        return None


class _Search(Struct):
    """One attempt at a proof."""

    before: _Evaluator
    after: _Evaluator
    budget: Budget  # the remaining steps; for one question while it is answered
    splits: int = _SPLITS_IN_ALL  # how many more splits of conditions are tried
    # In how many more open uncovered parts a request is searched.
    more: int = _MORE_PARTS

    def run(self, old: Sequence[Sequence[Clause]], new: Sequence[Sequence[Clause]]) -> Answer:
        """Look at uncovered parts until there is a request, or a part that stays open.

        After an open part, only a request can change the answer; a few more parts are tried. No
        question gets more than its share of the steps, so that a complex one leaves steps for the
        others. Then the complex ones get the remaining steps.
        """
        # The new statements first: an example must first avoid their Deny statements.
        every = ClauseIndex([clause for layer in (*new, *old) for clause in layer])
        every_question = list(questions(old, new))
        answer, complex_ones = self._round(every_question, every)
        if complex_ones and answer is None:
            answer, complex_ones = self._round(complex_ones, every)
        if complex_ones and answer is None:
            answer = NotProven(NoProof.too_complex, self._hard(complex_ones[0]))
        return answer or NoNewAccess()

    def _round(
        self, asked: Sequence[Question], every: ClauseIndex
    ) -> tuple[NewAccess | NotProven | None, list[Question]]:
        """Return an answer to some questions, if any, and the questions that are too complex."""
        whole, open_answer = self.budget, None
        complex_ones: list[Question] = []
        for number, question in enumerate(asked):
            self.budget = whole.share(len(asked) - number)
            question.covering.budget = self.budget
            try:
                answer = self._answer(question, every)
            except TooHardError:
                complex_ones.append(question)
                continue
            if isinstance(answer, NewAccess):
                return answer, []
            open_answer = open_answer or answer
            if self.more < 0:
                break
        self.budget = whole
        return open_answer, complex_ones

    def _hard(self, question: Question) -> HardStatement:
        clause = question.clause
        side, layer = (Side.BEFORE, question.layer) if clause.denies else (Side.AFTER, 0)
        place = reasons.place(clause, side, layer)
        return reasons.hard_statement(place, clause, question.covering.clauses)

    def _answer(self, question: Question, every: ClauseIndex) -> NewAccess | NotProven | None:
        """Return the answer to a question; None if nothing new is allowed."""
        open_answer, covering = None, question.covering
        for part in question.parts():
            closed: set[Region] = set()
            for uncovered in covering.uncovered_parts(part.region):
                if uncovered.region in closed:
                    continue
                meeting = every.meeting(uncovered.region, self.budget)
                near = [clause for clause in meeting if clause not in part.origins]
                example = self._example(uncovered, part.origins, near, _FIRST_TRIES)
                is_closed = example is None and self._closes(uncovered, covering)
                if is_closed:
                    closed.add(uncovered.region)
                    continue
                example = example or self._example(uncovered, part.origins, near, _TRIES_OF_A_PART)
                if example is not None:
                    return example
                if is_closed is None:
                    raise TooHardError
                open_answer = open_answer or self._open(question, part, uncovered)
                self.more -= 1
                if self.more < 0:
                    return open_answer
        return open_answer

    def _open(self, question: Question, part: NewPart, uncovered: Uncovered) -> NotProven:
        deny, near = part.deny, _near(uncovered, question.covering)
        place = None if deny is None else reasons.place(deny, Side.BEFORE, question.layer)
        evidence = reasons.open_part(uncovered, part.allows, place, near, self.budget)
        return NotProven(NoProof.open_part, evidence)

    def _example(
        self, uncovered: Uncovered, origins: Sequence[Clause], near: Sequence[Clause], tries: int
    ) -> NewAccess | None:
        """Return a newly allowed request of an uncovered part; None if none was found.

        A request with made-up parts is returned only if the first attempts find no other.
        """
        fallback: NewAccess | None = None
        for number, request in enumerate(
            islice(
                requests.example_requests(uncovered, origins, near, self.budget),
                tries,
            )
        ):
            if fallback is not None and number >= _FIRST_TRIES:
                break
            example = self._new_access(request)
            if example is not None:
                made_up = reasons.made_up(request, (*origins, *near))
                if not made_up:
                    return example
                fallback = fallback or replace(example, made_up=made_up)
        return fallback

    def _new_access(self, request: Request) -> NewAccess | None:
        """Return a request if it is newly allowed for certain."""
        self.budget.spend(_STEPS_OF_A_TRY + self.after.work(request.action))
        try:
            new = self.after.allows(request)
            if new is None:
                return None
            self.budget.spend(self.before.work(request.action))
            denied = self.before.denies(request)
        except InputError:
            return None
        return None if denied is None else NewAccess(request, new, *denied)

    def _closes(self, uncovered: Uncovered, covering: StatementCover) -> bool | None:
        """Return `_is_closed`; None if half of the steps are not enough."""
        whole = self.budget
        self.budget = covering.budget = whole.part(whole.steps // 2)
        try:
            return self._is_closed(uncovered, covering)
        except TooHardError:
            return None
        finally:
            self.budget = covering.budget = whole

    def _is_closed(
        self, uncovered: Uncovered, covering: StatementCover, most: int = _CASES
    ) -> bool:
        """Return whether the region of an uncovered part is empty, or covered case by case."""
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
    """Return the statements that could cover an uncovered part, by their actions."""
    action = automata.text(uncovered.action)
    return [clause for clause in covering.near(uncovered.region) if clause.actions.has(action)]
