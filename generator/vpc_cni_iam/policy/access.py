"""Whether new policies allow anything that old ones do not: a proof, a witness, or neither.

What is proven is proven for every request that the evaluator decides for both: any action that has
a service and a name, any resource, any context. A request is newly allowed if a new Allow has it
that no new Deny has, and either no old Allow has it or an old Deny does. So two things are shown:

1. Every request of a new Allow is one of an old Allow or of a new Deny.
2. Every request of a new Allow and of an old Deny is one of a new Deny.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.compare import condition_text, describe
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.evaluate import Compiled, Decision, Request, compile_policies
from vpc_cni_iam.policy.matching.conditions import undefined
from vpc_cni_iam.policy.proof import automata, cases, clauses, globs, samples
from vpc_cni_iam.policy.proof.automata import Budget, TooHardError
from vpc_cni_iam.policy.proof.clauses import Clause, Region
from vpc_cni_iam.policy.proof.contradictions import impossible
from vpc_cni_iam.policy.proof.coverage import Coverage, Hole
from vpc_cni_iam.policy.proof.implication import implied

_MORE_HOLES = 20
_FIRST_TRIES = 200
_TRIES_OF_A_HOLE = 6000
_TRIES = 60_000
_CASES = 32
_SPLITS_IN_ALL = 4000
_NAMED = 5


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
    """

    request: Request
    new: Decision
    old: Decision


@dataclass(frozen=True, slots=True)
class NotProven:
    """Neither a proof nor a witness was found.

    Args:
        reason: What stands in the way.
    """

    reason: str


def no_new_access(old: Sequence[Policy], new: Sequence[Policy]) -> Proven | Witness | NotProven:
    """Say whether new policies allow anything that old ones do not.

    Both are the policies of one identity, taken together. It answers `Proven` only where that
    holds in both readings of what AWS leaves open, see `globs.of_resource` and
    `vpc_cni_iam.policy.proof.implication`.

    Args:
        old: The policies there were.
        new: The policies there are to be.

    Raises:
        InputError: A policy that the evaluator refuses.
    """
    statements = [s for policy in (*old, *new) for s in policy.statements]
    if any(statement.not_principals for statement in statements):
        return NotProven("NotPrincipal is not reasoned about: its effect is up to the service")
    before, after = compile_policies(old, "old policy"), compile_policies(new, "new policy")
    try:
        for narrow in (False, True):
            sides = [list(clauses.read(side, narrow)) for side in (old, new)]
            answer = _Search(before, after).run(*sides)
            if not isinstance(answer, Proven) or not any(map(_is_ambiguous, chain(*sides))):
                return answer
    except TooHardError:
        return NotProven("the patterns are too many or too intricate to be compared in full")
    return Proven()


def _is_ambiguous(clause: Clause) -> bool:
    return any(map(globs.is_ambiguous, clause.resources.element.templates))


@dataclass(slots=True)
class _Search:
    """One attempt at a proof."""

    before: Compiled
    after: Compiled
    budget: Budget = field(default_factory=Budget)
    tries: int = _TRIES
    splits: int = _SPLITS_IN_ALL

    def run(self, old: Sequence[Clause], new: Sequence[Clause]) -> Proven | Witness | NotProven:
        """Look at every hole until there is a witness, or a hole that stays open.

        After the latter only a witness can still change the answer; a few more holes are tried.
        """
        reason, more = "", _MORE_HOLES
        for region, wanted, covering in self._tasks(old, new):
            closed: set[Region] = set()
            near = [clause for clause in (*old, *new) if clause not in wanted]
            for hole in covering.holes(region):
                if hole.region in closed:
                    continue
                witness = self._witness(hole, wanted, near, _FIRST_TRIES)
                if witness is None and self._is_closed(hole, covering):
                    closed.add(hole.region)
                    continue
                witness = witness or self._witness(hole, wanted, near, _TRIES_OF_A_HOLE)
                if witness is not None:
                    return witness
                reason = reason or _reason(hole, wanted, _near(hole, covering), self.budget)
                more -= 1
                if more < 0:
                    return NotProven(reason)
        return NotProven(reason) if reason else Proven()

    def _tasks(
        self, old: Sequence[Clause], new: Sequence[Clause]
    ) -> Iterator[tuple[Region, tuple[Clause, ...], Coverage]]:
        """Yield regions, the statements they come from, and what must cover them."""
        allows = [clause for clause in new if not clause.denies]
        known = {clause.meaning for clause in old}
        covering = Coverage(
            [c for c in old if not c.denies] + [c for c in new if c.denies], self.budget
        )
        for clause in allows:
            if clause.meaning not in known:
                yield clauses.region(clause), (clause,), covering
        denies = [clause for clause in new if clause.denies]
        kept = {clause.meaning for clause in denies}
        narrowing = Coverage(denies, self.budget)
        for deny in old:
            if not deny.denies or deny.meaning in kept:
                continue
            if next(narrowing.holes(clauses.region(deny)), None) is None:
                continue
            for clause in allows:
                both = clauses.both(clauses.region(clause), clauses.region(deny))
                yield both, (clause, deny), narrowing

    def _witness(
        self, hole: Hole, wanted: Sequence[Clause], near: Sequence[Clause], tries: int
    ) -> Witness | None:
        """Return a request of a hole that is newly allowed, None if none was found."""
        for request in islice(samples.requests(hole, wanted, near, self.budget), tries):
            self.tries -= 1
            if self.tries < 0:
                return None
            try:
                now = self.after.evaluate(request)
                then = self.before.evaluate(request) if now.allowed else now
            except InputError:
                continue
            if now.allowed and then.denied:
                return Witness(request, now, then)
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
    return [clause for clause in covering.clauses if clause.actions.has(action)]


def _reason(hole: Hole, wanted: Sequence[Clause], near: Sequence[Clause], budget: Budget) -> str:
    """Return what stands in the way of a proof: what is not covered, for want of what."""
    policy, statement = wanted[0].at
    lost = "".join(f" (against the old Deny that {describe(c.statement)})" for c in wanted[1:])
    action, resource = automata.text(hole.action), automata.text(hole.resource)
    open_ones = {
        condition_text(condition): check
        for clause in near
        for condition, check in zip(clause.statement.conditions, clause.checks, strict=True)
        if implied(hole.region.checks, check, budget) is not None
    }
    named = ", ".join(list(open_ones)[:_NAMED])
    why = f"; not shown to follow: {named}" if named else ""
    unclear = dict.fromkeys(map(undefined, (*hole.region.checks, *open_ones.values())))
    why += "".join(f"; {reason}" for reason in list(filter(None, unclear))[:_NAMED])
    return (
        f"statement {statement + 1} of new policy {policy + 1} "
        f"({describe(wanted[0].statement)}){lost} is not shown to be covered, for instance on "
        f"action {action!r} and resource {resource!r}, and no such request was found to be "
        f"newly allowed{why}"
    )
