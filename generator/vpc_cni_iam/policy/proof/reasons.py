"""Why there is no proof, in words, and which parts of a counterexample are made up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vpc_cni_iam.policy.document import Statement
from vpc_cni_iam.policy.evaluate import Request
from vpc_cni_iam.policy.matching.conditions import undefined
from vpc_cni_iam.policy.proof import automata
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.clauses import Clause
from vpc_cni_iam.policy.proof.conditions.implication import implied
from vpc_cni_iam.policy.proof.covering import Uncovered
from vpc_cni_iam.policy.proof.examples import key_values, ordinary, reference
from vpc_cni_iam.policy.template import known
from vpc_cni_iam.policy.wording import condition_text, describe

_NAMED = 5


def made_up(request: Request, statements: Sequence[Clause]) -> str:
    """Return what of a request neither AWS has, as far as is known, nor a policy names."""
    named = {
        text.lower()
        for clause in statements
        for text in known((*clause.statement.actions, *clause.statement.not_actions))
    }
    action = request.action.lower()
    parts = [] if action in named or ordinary.is_known(action) else ["action"]
    if not reference.can_be_on(action, request.resource):
        parts.append("resource")
    for key, value in request.context.items():
        several = (value,) if isinstance(value, str) else value
        if not all(key_values.fits(text, key) for text in several):
            parts.append(key)
    *front, last = parts or [""]
    return f"{', '.join(front)} and {last}" if front else last


def reason(
    uncovered: Uncovered, origins: Sequence[Clause], near: Sequence[Clause], budget: Budget
) -> str:
    """Return why there is no proof: what is not covered, and which conditions do not follow."""
    lost = "".join(f" (against the old Deny that {describe(c.statement)})" for c in origins[1:])
    action, resource = automata.text(uncovered.action), automata.text(uncovered.resource) or "*"
    open_ones = {
        condition_text(condition): check
        for clause in near
        for condition, check in zip(clause.statement.conditions, clause.checks, strict=True)
        if implied(uncovered.region.checks, check, budget) is not None
    }
    named = ", ".join(list(open_ones)[:_NAMED])
    why = f"; not shown to follow: {named}" if named else ""
    unclear = dict.fromkeys(map(undefined, (*uncovered.region.checks, *open_ones.values())))
    why += "".join(f"; {text}" for text in list(filter(None, unclear))[:_NAMED])
    return (
        f"{_named(origins[0], 'new')}{lost} is not shown to be covered, for instance on "
        f"action {action!r} and resource {resource!r}, and no such request was found to be "
        f"newly allowed{why}"
    )


def _named(clause: Clause, side: str) -> str:
    policy, statement = clause.at
    return f"statement {statement + 1} of {side} policy {policy + 1} ({describe(clause.statement)})"


def too_complex(clause: Clause, covering: Sequence[Clause]) -> str:
    """Return what takes too many steps, and how to make it simpler."""
    named = _named(clause, "old" if clause.denies else "new")
    near = [clause, *covering]
    pattern = max((p for c in near for p in _patterns(c.statement)), key=_wildcards, default="")
    if _wildcards(pattern) > 1:
        advice = f"write patterns such as {pattern!r} with fewer wildcards"
    elif keys := dict.fromkeys(check.key for c in near for check in c.checks):
        names = ", ".join(map(str, [*keys][:_NAMED]))
        advice = f"compare policies with fewer condition keys than {names}"
    else:
        advice = "compare policies with fewer statements"
    return f"too complex: {named} takes more steps than an answer may; {advice}"


def _patterns(statement: Statement) -> Iterator[str]:
    yield from known((*statement.actions, *statement.not_actions))
    yield from known((*statement.resources, *statement.not_resources))
    for condition in statement.conditions:
        yield from known(condition.values)


def _wildcards(pattern: str) -> int:
    return pattern.count("*") + pattern.count("?")
