"""Proofs of no new access, remembered, in the words of a review."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.evaluate import Request, compile_policies
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.review.diff.verdicts import Access, Example
from vpc_cni_iam.review.old import answers as access

NO_NEW_ACCESS: Final = "no new access"
_STEPS_OF_A_STATEMENT = 10
# Of policies that IAM takes, most name fewer actions, resources and values.
_ORDINARY_SIZE = 300
_SUBJECT = r"system:serviceaccount:([^:]*):([^:]*)"
NOT_SHOWN = "no request is shown, since the policy has values that the plan marks sensitive"
_UNDECIDED = "neither a proof nor a request that shows it was found"
DENY_REMOVED = "a Deny goes, and what it held back is for other policies to say"


def new_access(old: Sequence[Policy], new: Sequence[Policy], budget: Budget) -> Access:
    """Say whether policies allow anything that others do not."""
    before, after = tuple(old), tuple(new)
    # A plan may hold one policy a thousand times.
    question = ("new access", before, after)
    return budget.remember(question, lambda: _new_access(before, after, budget))


def roles_access(
    old: Iterable[tuple[Sequence[Policy], Sequence[Policy]]],
    new: Iterable[tuple[Sequence[Policy], Sequence[Policy]]],
    budget: Budget,
) -> Access:
    """Say whether any of the new roles allows anything that the old ones together do not.

    Each has its policies, and those that limit it: a permissions boundary, a session policy. A Deny
    of one role holds back nothing that another one allows.
    """
    before = [_parts(*role) for role in old]
    known = [policy for policies, *_ in before for policy in policies]
    limits = [limit for _, *limits in before for limit in limits]
    for parts in (_parts(*role) for role in new):
        for each in (known, *limits):
            access = _access_of_all(each, parts, before, budget)
            if access.verdict != NO_NEW_ACCESS:
                return access
    return Access(NO_NEW_ACCESS)


def _parts(policies: Sequence[Policy], limits: Sequence[Policy]) -> list[Sequence[Policy]]:
    """Return what has to allow a request of a role, each for itself."""
    return [policies, *([limit] for limit in limits)]


def _access_of_all(
    old: Sequence[Policy],
    parts: list[Sequence[Policy]],
    before: list[list[Sequence[Policy]]],
    budget: Budget,
) -> Access:
    """Say whether what all parts of a role allow goes beyond old policies.

    `before` has the parts of the old roles, of which none may allow what is shown.
    """
    for part in parts:
        access = new_access(old, part, budget.answer())
        if access.verdict == NO_NEW_ACCESS:
            return access
        shown = access.witness
        if shown and _allow(parts, shown) and not any(_allow(role, shown) for role in before):
            return access
    return access if access.verdict == "not proven" else Access("unknown", reason=_UNDECIDED)


def _allow(parts: Iterable[Sequence[Policy]], example: Example) -> bool:
    context = {key: values[0] if len(values) == 1 else values for key, values in example.context}
    request = Request(example.action, example.resource, example.principal, context)
    try:
        return all(compile_policies(part).evaluate(request).allowed for part in parts)
    except InputError:
        return False


def without_example(access: Access) -> Access:
    """Return a verdict about policies with sensitive values, without what could show one."""
    decided = access.verdict in ("no new access", "unknown")
    return access if decided else Access(access.verdict, reason=NOT_SHOWN)


def proven(old: Sequence[Policy], new: Sequence[Policy], budget: Budget) -> bool:
    """Say whether it is proven that policies allow nothing that others do not."""
    if not _can_read(budget, *old, *new):
        return False
    before, after = tuple(old), tuple(new)
    known: Access | None = budget.remembered.get(("new access", before, after))
    if known is not None:
        return known.verdict == NO_NEW_ACCESS
    return budget.remember(
        ("proven", before, after),
        lambda: (
            not is_plainly_new(before, after, _added(before, after))
            and _new_access(before, after, budget, examples=False).verdict == NO_NEW_ACCESS
        ),
    )


def is_plainly_new(
    old: Sequence[Policy], new: Sequence[Policy], statements: Iterable[Statement]
) -> bool:
    """Say whether some statements without conditions show that new policies allow more.

    They do by requests that their patterns say at once; most new statements are so.
    """
    requests = [
        Request(_filled(action), _filled(statement.resources[0]))
        for statement in statements
        if statement.resources and not statement.conditions
        for action in statement.actions
    ]
    if not requests or not _are_ordinary(*old, *new):
        return False
    try:
        before, after = compile_policies(old), compile_policies(new)
        return any(after.evaluate(r).allowed and before.evaluate(r).denied for r in requests)
    except InputError:
        return False


def _added(old: Sequence[Policy], new: Sequence[Policy]) -> Iterator[Statement]:
    """Yield the statements that only new policies have."""
    known = {statement for policy in old for statement in policy.statements}
    yield from (s for policy in new for s in policy.statements if s not in known)


def _are_ordinary(*policies: Policy) -> bool:
    return sum(s.size for policy in policies for s in policy.statements) <= _ORDINARY_SIZE


def _is_plainly_contained(old: tuple[Policy, ...], new: tuple[Policy, ...]) -> bool:
    """Say whether old statements allow what the new ones do, in the same words or in more of them.

    Most changes that take nothing away are so.

    Raises:
        InputError: A policy that the evaluator refuses.
    """
    if not _are_ordinary(*old, *new) or len({policy.version for policy in (*old, *new)}) > 1:
        return False
    wide = [statement for policy in old for statement in policy.statements]
    narrow = [statement for policy in new for statement in policy.statements]
    if any(statement.not_principals for statement in (*wide, *narrow)):
        return False
    known = set(wide)
    if not all(s in narrow for s in wide if s.effect == "Deny") or not all(
        s in known or s.effect == "Deny" or any(_has_more_actions(w, s) for w in wide)
        for s in narrow
    ):
        return False
    compile_policies(old, "old policy"), compile_policies(new, "new policy")
    return True


def _has_more_actions(wide: Statement, narrow: Statement) -> bool:
    """Say whether a statement is another one with more actions."""
    if not set(narrow.actions) <= set(wide.actions):
        return False
    return replace(wide, actions=(), sid="") == replace(narrow, actions=(), sid="")


def _filled(pattern: str) -> str:
    return pattern.replace("*", "example").replace("?", "x")


def deny_removed(old: Sequence[Policy], new: Sequence[Policy], budget: Budget) -> bool:
    """Say whether policies may deny less than others did.

    What a Deny holds back is allowed by other policies of the identity, which a plan need not
    show: only another Deny shows that nothing comes of its going.
    """
    if not _can_read(budget, *old, *new):
        return True
    return not proven([p.inverted() for p in new], [p.inverted() for p in old], budget)


def _can_read(budget: Budget, *policies: Policy) -> bool:
    """Say whether there are steps left to look policies up, and count them."""
    return budget.affords(_STEPS_OF_A_STATEMENT * sum(len(p.statements) for p in policies))


def _realistic(request: Request, old: tuple[Policy, ...], new: tuple[Policy, ...]) -> Request:
    """Return a request with a subject that Kubernetes could issue, if it shows the same."""
    context = {
        key: f"system:serviceaccount:{subject[1] or 'default'}:{subject[2] or 'example'}"
        for key, value in request.context.items()
        if isinstance(value, str) and (subject := re.fullmatch(_SUBJECT, value))
    }
    if not context:
        return request
    better = replace(request, context={**request.context, **context})
    shows = compile_policies(new).evaluate(better).allowed
    return better if shows and not compile_policies(old).evaluate(better).allowed else request


def _new_access(
    old: tuple[Policy, ...], new: tuple[Policy, ...], budget: Budget, *, examples: bool = True
) -> Access:
    if old == new or not any(p.statements for p in new):
        return Access(NO_NEW_ACCESS)
    try:
        if _is_plainly_contained(old, new):
            return Access(NO_NEW_ACCESS)
        answer = access.no_new_access(old, new, budget, examples=examples)
    except InputError as error:
        return Access("not proven", reason=f"{error.place or error.source}: {error.problem}")
    if isinstance(answer, access.Proven):
        return Access(NO_NEW_ACCESS)
    if isinstance(answer, access.NotProven):
        return Access("not proven", reason=answer.reason)
    request = _realistic(answer.request, old, new)
    context = tuple(
        (key, (value,) if isinstance(value, str) else value)
        for key, value in sorted(request.context.items())
    )
    witness = Example(request.action, request.resource, request.principal, context, answer.made_up)
    return Access("new access", witness)
