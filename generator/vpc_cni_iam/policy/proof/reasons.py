"""The evidence of an answer: open parts, and made-up parts of a request."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from vpc_cni_iam.policy.document import Condition, Statement
from vpc_cni_iam.policy.evaluate import Request
from vpc_cni_iam.policy.matching.conditions import undefined
from vpc_cni_iam.policy.proof.answer import (
    HardStatement,
    MadeUp,
    OpenPart,
    RequestPart,
    StatementPlace,
)
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.clauses import Clause
from vpc_cni_iam.policy.proof.covering import NewPart, Question
from vpc_cni_iam.policy.proof.examples import key_values, ordinary, reference
from vpc_cni_iam.policy.proof.related_keys import renamed
from vpc_cni_iam.policy.proof.texts import text_of
from vpc_cni_iam.policy.template import Side, known

_NAMED = 5


def named_actions(statements: Iterable[Statement]) -> frozenset[str]:
    """Return the actions in statements, in lower case."""
    every = (known((*s.actions, *s.not_actions)) for s in statements)
    return frozenset(action.lower() for actions in every for action in actions)


def made_up(request: Request, named: Container[str]) -> tuple[MadeUp, ...]:
    """Return the made-up parts of a request: not known in AWS, and in no policy.

    `named` are the policies' actions.
    """
    parts = []
    if request.action.lower() not in named and not ordinary.is_known(request.action):
        parts.append(MadeUp(RequestPart.action))
    if not reference.can_be_on(request.action, request.resource):
        is_listed = reference.is_known(request.action)
        parts.append(MadeUp(RequestPart.resource_type if is_listed else RequestPart.resource))
    for key, value in request.context.items():
        several = (value,) if isinstance(value, str) else value
        if not all(key_values.fits(text, key) for text in several):
            parts.append(MadeUp(RequestPart.key, key))
    return tuple(parts)


def open_part(question: Question, part: NewPart, budget: Budget) -> OpenPart:
    """Return the uncovered part, and the conditions that do not hold in it."""
    piece = part.piece
    failing = {check for check, holds in piece.literals if not holds}
    not_implied = dict[Condition, None]()
    for clause in question.covering:
        for condition, check in zip(clause.statement.conditions, clause.checks, strict=True):
            if renamed(check, piece.same) in failing:
                not_implied[condition] = None
    deny = part.deny
    checks = dict.fromkeys(check for check, _ in piece.literals)
    return OpenPart(
        tuple(_place(clause, layer) for layer, clause in enumerate(part.allows)),
        None if deny is None else _place(deny, question.layer),
        text_of(piece.actions.word(budget) or ()),
        text_of(piece.resources.word(budget) or ()) or "*",
        tuple(not_implied)[:_NAMED],
        tuple(check for check in checks if undefined(check))[:_NAMED],
    )


def hard_statement(question: Question) -> HardStatement:
    """Return the statement that takes too many steps, and what to simplify."""
    clause = question.clause
    statement = _place(clause, question.layer if clause.denies else 0)
    near = [clause, *question.covering]
    pattern = max((p for c in near for p in _patterns(c.statement)), key=_wildcards, default="")
    if _wildcards(pattern) > 1:
        return HardStatement(statement, pattern)
    keys = dict.fromkeys(str(check.key) for c in near for check in c.checks)
    return HardStatement(statement, keys=tuple(keys)[:_NAMED])


def _place(clause: Clause, layer: int) -> StatementPlace:
    """Return the place of a statement; layer 0 has the policies, the others are limits."""
    side = Side.BEFORE if clause.denies else Side.AFTER
    return StatementPlace(side, *clause.at, clause.statement, layer - 1 if layer else None)


def _patterns(statement: Statement) -> Iterator[str]:
    yield from known((*statement.actions, *statement.not_actions))
    yield from known((*statement.resources, *statement.not_resources))
    for condition in statement.conditions:
        yield from known(condition.values)


def _wildcards(pattern: str) -> int:
    return pattern.count("*") + pattern.count("?")
