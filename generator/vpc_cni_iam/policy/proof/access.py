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
from itertools import chain, islice
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.evaluate import Compiled, Decision, Request, compile_policies
from vpc_cni_iam.policy.matching.variables import keys_of
from vpc_cni_iam.policy.proof import clauses, globs, reasons
from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess, NoProof, NotProven
from vpc_cni_iam.policy.proof.budget import Budget, TooHardError
from vpc_cni_iam.policy.proof.clauses import Clause
from vpc_cni_iam.policy.proof.covering import NewPart, Question, questions
from vpc_cni_iam.policy.proof.examples import requests
from vpc_cni_iam.policy.proof.pieces import asked_keys
from vpc_cni_iam.policy.proof.related_keys import agree

_MORE_PARTS = 20
_TRIES_OF_A_PART = 300
_STEPS_OF_A_TRY = 20
_STEPS_OF_A_STATEMENT = 80
_STEPS_OF_A_VALUE = 12

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
    `vpc_cni_iam.policy.proof.possible`.

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
    before, after = (tuple(old), *map(tuple, old_limits)), (tuple(new), *map(tuple, within))
    if (reason := _too_much(before + after, budget)) is not None:
        return NotProven(reason)
    evaluators = _Evaluator.of(before, "old"), _Evaluator.of(after, "new")
    for narrow in (False, True):
        sides = [[clauses.read(layer, narrow=narrow) for layer in side] for side in (before, after)]
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
    every: tuple[Clause, ...] = ()
    keys: frozenset[str] = frozenset()  # the condition keys in them
    named: frozenset[str] = frozenset()  # the actions in them
    more: int = _MORE_PARTS  # in how many more parts a request is searched
    made_up: NewAccess | None = None  # a request with made-up parts, if there is no other
    open_part: NotProven | None = None

    def run(self, old: Sequence[Sequence[Clause]], new: Sequence[Sequence[Clause]]) -> Answer:
        """Look at uncovered parts until there is a request without made-up parts.

        Without one, a few more parts are tried. No question gets more than its share of the steps,
        so that a complex one leaves steps for the others. Then the complex ones get the remaining
        steps.
        """
        # The new statements first: an example must first avoid their Deny statements.
        self.every = tuple(clause for layer in (*new, *old) for clause in layer)
        self.keys = asked_keys(check for clause in self.every for check in clause.checks).union(
            *(keys_of(clause.resources.element.patterns) for clause in self.every)
        )
        self.named = reasons.named_actions(clause.statement for clause in self.every)
        example, hard = self._round(list(questions(old, new)))
        if hard and not (example or self.made_up or self.open_part):
            example, hard = self._round(hard)
        if answer := example or self.made_up or self.open_part:
            return answer
        if hard:
            return NotProven(NoProof.too_complex, reasons.hard_statement(hard[0]))
        return NoNewAccess()

    def _round(self, asked: Sequence[Question]) -> tuple[NewAccess | None, list[Question]]:
        """Return a request of some questions, if any, and the questions that are too complex."""
        whole, hard = self.budget, list[Question]()
        for number, question in enumerate(asked):
            self.budget = whole.share(len(asked) - number)
            try:
                example = self._answer(question)
            except TooHardError:
                hard.append(question)
                continue
            if example is not None:
                return example, []
            if self.more < 0:
                break
        self.budget = whole
        return None, hard

    def _answer(self, question: Question) -> NewAccess | None:
        """Return a request that a question adds; None if there is none, or a part stays open."""
        for part in question.parts(self.budget):
            example = self._example(part)
            if example is not None:
                return example
            if self.open_part is None:
                evidence = reasons.open_part(question, part, self.budget)
                self.open_part = NotProven(NoProof.open_part, evidence)
            self.more -= 1
            if self.more < 0:
                break
        return None

    def _example(self, part: NewPart) -> NewAccess | None:
        """Return a newly allowed request of a part without made-up parts."""
        others = [clause for clause in self.every if clause not in part.origins]
        made = requests.example_requests(part.piece, part.origins, others, self.keys, self.budget)
        for request in islice(made, _TRIES_OF_A_PART):
            example = self._new_access(request)
            if example is None:
                continue
            made_up = reasons.made_up(request, self.named)
            if not made_up:
                return example
            if self.made_up is None or len(made_up) < len(self.made_up.made_up):
                self.made_up = replace(example, made_up=made_up)
        return None

    def _new_access(self, request: Request) -> NewAccess | None:
        """Return a request if it is newly allowed for certain."""
        self.budget.spend(_STEPS_OF_A_TRY + self.after.work(request.action))
        try:
            new = self.after.allows(request) if agree(request, self.keys) else None
            if new is None:
                return None
            self.budget.spend(self.before.work(request.action))
            denied = self.before.denies(request)
        except InputError:
            return None
        return None if denied is None else NewAccess(request, new, *denied)
