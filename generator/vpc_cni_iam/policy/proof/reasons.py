"""The evidence of an answer: open parts, and made-up parts of a request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vpc_cni_iam.policy.document import Statement
from vpc_cni_iam.policy.evaluate import Request
from vpc_cni_iam.policy.matching.conditions import undefined
from vpc_cni_iam.policy.proof import automata
from vpc_cni_iam.policy.proof.answer import (
    HardStatement,
    MadeUp,
    OpenPart,
    RequestPart,
    StatementPlace,
)
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.clauses import Clause
from vpc_cni_iam.policy.proof.conditions.implication import implied
from vpc_cni_iam.policy.proof.covering import Uncovered
from vpc_cni_iam.policy.proof.examples import key_values, ordinary, reference
from vpc_cni_iam.policy.template import Side, known

_NAMED = 5


def made_up(request: Request, statements: Sequence[Clause]) -> tuple[MadeUp, ...]:
    """Return the made-up parts of a request: not known in AWS, and in no policy."""
    named = {
        text.lower()
        for clause in statements
        for text in known((*clause.statement.actions, *clause.statement.not_actions))
    }
    action = request.action.lower()
    parts = []
    if action not in named and not ordinary.is_known(action):
        parts.append(MadeUp(RequestPart.action))
    if not reference.can_be_on(action, request.resource):
        parts.append(MadeUp(RequestPart.resource))
    for key, value in request.context.items():
        several = (value,) if isinstance(value, str) else value
        if not all(key_values.fits(text, key) for text in several):
            parts.append(MadeUp(RequestPart.key, key))
    return tuple(parts)


def place(clause: Clause, side: Side, layer: int) -> StatementPlace:
    """Return the place of a statement; layer 0 has the policies, the others are limits."""
    return StatementPlace(side, *clause.at, clause.statement, layer - 1 if layer else None)


def open_part(
    uncovered: Uncovered,
    allows: Sequence[Clause],
    removed_deny: StatementPlace | None,
    near: Sequence[Clause],
    budget: Budget,
) -> OpenPart:
    """Return the uncovered part, and the conditions of `near` statements that do not follow.

    `allows` has an Allow of the new policies, then one of each limit.
    """
    open_checks = {
        condition: check
        for clause in near
        for condition, check in zip(clause.statement.conditions, clause.checks, strict=True)
        if implied(uncovered.region.checks, check, budget) is not None
    }
    checks = dict.fromkeys((*uncovered.region.checks, *open_checks.values()))
    return OpenPart(
        tuple(place(clause, Side.AFTER, layer) for layer, clause in enumerate(allows)),
        removed_deny,
        automata.text(uncovered.action),
        automata.text(uncovered.resource) or "*",
        tuple(open_checks)[:_NAMED],
        tuple(check for check in checks if undefined(check))[:_NAMED],
    )


def hard_statement(
    statement: StatementPlace, clause: Clause, covering: Sequence[Clause]
) -> HardStatement:
    """Return the statement that takes too many steps, and what to simplify."""
    near = [clause, *covering]
    pattern = max((p for c in near for p in _patterns(c.statement)), key=_wildcards, default="")
    if _wildcards(pattern) > 1:
        return HardStatement(statement, pattern)
    keys = dict.fromkeys(str(check.key) for c in near for check in c.checks)
    return HardStatement(statement, keys=tuple(keys)[:_NAMED])


def _patterns(statement: Statement) -> Iterator[str]:
    yield from known((*statement.actions, *statement.not_actions))
    yield from known((*statement.resources, *statement.not_resources))
    for condition in statement.conditions:
        yield from known(condition.values)


def _wildcards(pattern: str) -> int:
    return pattern.count("*") + pattern.count("?")
