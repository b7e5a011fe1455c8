"""The semantic difference of two policies: every line is a gain, a loss, or proven to be neither.

What changed comes from `vpc_cni_iam.review.old.changes`; what each line is, a proof decides. Where
nothing is proven, a line counts as what it looks like.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from msgspec.structs import replace

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.normalise import equal
from vpc_cni_iam.policy.proof import clauses
from vpc_cni_iam.policy.proof.budget import Budget, TooHardError
from vpc_cni_iam.policy.proof.clauses import ClauseIndex
from vpc_cni_iam.review.diff import rewording
from vpc_cni_iam.review.diff.proofs import (
    NO_NEW_ACCESS,
    deny_removed,
    is_plainly_new,
    new_access,
    proven,
)
from vpc_cni_iam.review.diff.verdicts import Effect, Line
from vpc_cni_iam.review.old.changes import AccessChange, all_changes

_NONE = Policy(())
_GAINS = ("allowed", "widened", "weakened", "no longer denied", "changed")
_LOSSES = ("no longer allowed", "narrowed", "tightened", "denied", "changed")
_ALLOWS = "a request that shows it"
_NOT_SHOWN_TO_STAY = "not everything is proven to stay allowed"
# What it takes to look a line's statements up, besides the proof; and to read one more value.
_STEPS_OF_A_LINE = 100
_STEPS_OF_A_VALUE = 12
_TOO_COMPLEX = " (too complex to be compared with the other statements)"


def lines(
    old: Policy | None,
    new: Policy | None,
    budget: Budget,
    texts: tuple[str, str] = ("", ""),
    *,
    exact: bool = True,
    alone: bool = True,
) -> tuple[Line, ...]:
    """Return the semantic difference, gains first.

    `texts` are both as JSON, for what is only spelled differently; empty where there is none. Not
    `exact` is a policy with places that are not known, about which nothing is proven; not `alone`,
    that other policies may allow what this one denies.
    """
    before, after = old or _NONE, new or _NONE
    if before == after and texts[0] == texts[1]:
        return ()

    differences = _access_lines(
        before, after, budget, exact=exact, alone=alone, both=bool(old and new)
    )
    if old and new:
        differences += rewording.lines(old, new, texts)
    if not differences:
        differences.append(Line("no-op", "regrouped", "statements that together mean the same"))
    order = ("gain", "loss", "no-op")
    return tuple(sorted(dict.fromkeys(differences), key=lambda line: order.index(line.effect)))


def _access_lines(
    before: Policy, after: Policy, budget: Budget, *, exact: bool, alone: bool, both: bool
) -> list[Line]:
    """Return the lines about what is allowed, whatever the policies are written like."""
    changes = all_changes(before, after, budget.part(budget.steps // 3))
    policies = _PolicyPair(before, after, exact=exact, alone=alone, budget=budget)
    differences: list[Line] = []
    for number, change in enumerate(changes):
        differences += policies.lines(change, budget.share(len(changes) - number))
    if both:
        differences += _version(before, after)
    if exact:
        differences += _unsaid(before, after, differences, budget)
    return differences


class _PolicyPair:
    """A policy before and after; each change is a gain, a loss, or proven to be neither."""

    def __init__(
        self, old: Policy, new: Policy, *, exact: bool, alone: bool, budget: Budget
    ) -> None:
        self._old, self._new = _indexed(old), _indexed(new)
        self._exact, self._alone = exact, alone
        # Where the policies as wholes are no gain, no change is one.
        self._without: dict[Effect, bool] = {
            "gain": exact and proven([old], [new], budget.part(budget.steps // 3)),
            "loss": exact and proven([new], [old], budget.part(budget.steps // 3)),
        }

    def lines(self, change: AccessChange, budget: Budget) -> Iterator[Line]:
        """Yield the line or lines of one change."""
        effects = [
            effect
            for effect in _apparent_effects(change)
            if not (self._exact and self._is_nothing(effect, change, budget))
        ]
        for effect in effects:
            kind = _line_kind(change, effect, alone=len(effects) == 1)
            yield Line(effect, kind, change.text + (_TOO_COMPLEX if budget.steps < 0 else ""))
        if not effects:
            yield self._without_effect(change, budget)

    def _without_effect(self, change: AccessChange, budget: Budget) -> Line:
        if change.before and change.after:
            text = f"{change.text} (the policy as a whole is proven to decide alike)"
            return Line("no-op", "respelled", text)
        if _denies(change):
            reason = self._why_without_effect(change, budget)
            return Line("no-op", "redundant", f"denied: {change.text} ({reason})")
        reason = "still allowed by another statement" if change.before else "allowed before, too"
        if self._is_denied(change, budget):
            reason = "a Deny denies it"
        return Line("no-op", "redundant", f"{change.text} ({reason})")

    def _is_denied(self, change: AccessChange, budget: Budget) -> bool:
        """Say whether it is proven that all that comes or goes was denied beside it."""
        statements = _together(change.before or change.after)
        here = self._old if change.before else self._new
        denies = here.about(statements, budget).only("Deny")
        return proven([replace(denies, statements=())], [_with(denies, statements)], budget)

    def _why_without_effect(self, change: AccessChange, budget: Budget) -> str:
        """Return why a Deny that comes or goes changes nothing, which is proven."""
        statements = _together(change.before or change.after)
        here, there = self._old, self._new
        if not change.before:
            here, there = there, here
        denied = [Policy(statements, here.policy.version)]
        if not deny_removed(denied, [], budget):
            return "it applies to no request"
        by_another = not deny_removed(denied, [there.about(statements, budget)], budget)
        if by_another:
            return "another Deny denies it"
        return "nothing allows it" if change.before else "nothing allowed it before"

    def _is_nothing(self, effect: Effect, change: AccessChange, budget: Budget) -> bool:
        """Say whether it is proven that a change is not the gain, or loss, that it looks like.

        A loss is what a gain would be if the policies changed places.
        """
        first, second = self._old, self._new
        gone, come = _together(change.before), _together(change.after)
        if effect == "loss":
            first, second, gone, come = second, first, come, gone
        denies = (gone or come)[0].effect == "Deny"
        # Against nothing there is nothing to prove.
        if not budget.affords(_STEPS_OF_A_LINE) or not (denies or first.policy.statements):
            return False
        if denies and not self._alone:
            lost = Policy(gone, first.policy.version)
            return not deny_removed([lost], [second.about(gone, budget)], budget)
        if self._without[effect]:
            return True
        if not denies and is_plainly_new([first.policy], [second.policy], come):
            return False
        if denies:
            rest = second.about(gone, budget)
            return proven([_with(rest, gone)], [rest], budget)
        return proven(
            [first.about(come, budget)],
            [_with(second.about(come, budget).only("Deny"), come)],
            budget,
        )


def _denies(change: AccessChange) -> bool:
    return (change.before or change.after)[0].effect == "Deny"


def _apparent_effects(change: AccessChange) -> list[Effect]:
    """Return what a change looks like, before anything is proven."""
    if change.kind == "redundant":
        return ["loss" if bool(change.before) is not _denies(change) else "gain"]
    kinds: tuple[tuple[Effect, tuple[str, ...]], ...] = (("gain", _GAINS), ("loss", _LOSSES))
    return [effect for effect, members in kinds if change.kind in members]


def _line_kind(change: AccessChange, effect: Effect, *, alone: bool) -> str:
    if change.kind == "redundant":
        words = ("allowed", "no longer allowed")
        if _denies(change):
            words = ("no longer denied", "denied")
    elif change.kind == "changed" and alone:
        words = ("weakened", "tightened")
    else:
        return change.kind
    return words[0 if effect == "gain" else 1]


def _together(statements: Iterable[Statement]) -> tuple[Statement, ...]:
    """Return statements with the actions of those that are otherwise alike in one."""
    actions: dict[Statement, list[str]] = {}
    for statement in statements:
        actions.setdefault(replace(statement, actions=()), []).extend(statement.actions)
    return tuple(replace(s, actions=tuple(dict.fromkeys(a))) for s, a in actions.items())


@lru_cache(64)
def _indexed(policy: Policy) -> _Indexed:
    return _Indexed(policy)


class _Indexed:
    """A policy whose statements are found by what they are about."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._index: ClauseIndex | None = None

    def about(self, statements: tuple[Statement, ...], budget: Budget) -> Policy:
        """Return the policy with those statements alone that may be about the same requests."""
        version = self.policy.version
        try:
            budget.spend(_STEPS_OF_A_VALUE * sum(statement.size for statement in statements))
            if self._index is None:
                budget.spend(_STEPS_OF_A_VALUE * sum(s.size for s in self.policy.statements))
                self._index = ClauseIndex(list(clauses.read([self.policy])))
            near = {
                clause.at: clause.statement
                for own in clauses.read([Policy(statements, version)])
                for clause in self._index.meeting(clauses.region(own), budget)
            }
        except (InputError, TooHardError):
            return self.policy  # the proof says what is wrong with it
        return Policy(tuple(near[at] for at in sorted(near)), version)


def _with(policy: Policy, statements: Iterable[Statement]) -> Policy:
    return Policy((*policy.statements, *statements), policy.version)


def _version(old: Policy, new: Policy) -> Iterator[Line]:
    if old.version == new.version:
        return
    text = f"Version from {old.version} to {new.version}"
    if rewording.has_variables(old) or rewording.has_variables(new):
        text += ": policy variables such as ${aws:username} mean something only in 2012-10-17"
        yield Line("gain", "changed", text)
        yield Line("loss", "changed", text)
    else:
        yield Line("no-op", "respelled", f"{text} (the policies have no variables)")


def _unsaid(old: Policy, new: Policy, differences: list[Line], budget: Budget) -> Iterator[Line]:
    """Yield what the lines do not say, though the documents together mean it."""
    if equal(old, new):
        return
    effects = {line.effect for line in differences}
    changes: tuple[tuple[Effect, Policy, Policy], ...] = (("gain", old, new), ("loss", new, old))
    for effect, before, after in changes:
        if effect in effects or proven([before], [after], budget):
            continue
        answer = new_access([before], [after], budget)
        if answer.witness:
            text = f"{answer.witness.action} on {answer.witness.resource}, {_ALLOWS}"
            yield Line(effect, "changed", text)
        elif answer.verdict != NO_NEW_ACCESS:
            # A reason speaks of the old policy and of the new one.
            text = answer.reason if effect == "gain" else _NOT_SHOWN_TO_STAY
            yield Line(effect, "changed", text)
