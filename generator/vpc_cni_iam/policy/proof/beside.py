"""New access of an identity that may have other policies, too.

An Allow of another policy takes effect where a Deny is removed. So policies give no new access,
whatever else the identity has, if and only if they allow nothing new by themselves and deny all
that the old ones deny.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.evaluate import evaluate
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import (
    Answer,
    HardStatement,
    NewAccess,
    NoNewAccess,
    NotProven,
    OpenPart,
    StatementPlace,
)
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.template import Side, fill


def no_new_access_beside_others(old: Sequence[Policy], new: Sequence[Policy]) -> Answer:
    """Say whether new policies give an identity any access, whatever its other policies are.

    A request that is only denied no longer is an answer, too: its new decision is no Allow. A proof
    is about all values of holes; a request has the place of each hole as its value, if it can.

    Raises:
        InputError: A policy that the evaluator refuses.
    """
    answer = _beside_others(old, new)
    if isinstance(answer, NotProven) and any(any(policy.holes()) for policy in (*old, *new)):
        try:
            shown = _beside_others(*(list(map(_with_places, side)) for side in (old, new)))
        except InputError:  # a place is no text for its element, such as a resource or a number
            return answer
        return shown if isinstance(shown, NewAccess) else answer
    return answer


def _with_places(policy: Policy) -> Policy:
    return policy.map_texts(lambda text: fill(text, lambda hole: hole.place), whole=True)


def _beside_others(old: Sequence[Policy], new: Sequence[Policy]) -> Answer:
    answer = no_new_access(old, new)
    return denies_as_much(old, new) if isinstance(answer, NoNewAccess) else answer


def denies_as_much(
    old: Sequence[Policy], new: Sequence[Policy], budget: Budget | None = None
) -> Answer:
    """Say whether new policies deny all that old ones deny.

    Raises:
        InputError: A policy that the evaluator refuses.
    """
    denied = [policy.inverted() for policy in old]
    if not any(policy.statements for policy in denied):
        return NoNewAccess()
    answer = no_new_access([policy.inverted() for policy in new], denied, budget=budget)
    match answer:
        case NewAccess(request):
            decisions = evaluate(new, request), evaluate(old, request)
            return NewAccess(request, *decisions, made_up=answer.made_up)
        case NotProven(_, OpenPart() as part):
            place = _place_of_deny(old, part.allows[0])
            return replace(answer, evidence=replace(part, allows=(), removed_deny=place))
        case NotProven(_, HardStatement() as hard):
            place = _place_of_deny(old, hard.statement)
            return replace(answer, evidence=replace(hard, statement=place))
    return answer


def removed_denies(old: Policy, new: Policy) -> tuple[StatementPlace, ...]:
    """Return the old Deny statements of which it is not proven that the new policy denies as much.

    Raises:
        InputError: A policy that the evaluator refuses.
    """
    budget = Budget()
    if isinstance(denies_as_much([old], [new], budget.share()), NoNewAccess):
        return ()
    places = [
        StatementPlace(Side.BEFORE, 0, index, statement)
        for index, statement in enumerate(old.statements)
        if statement.effect == "Deny"
    ]
    return tuple(
        place
        for number, place in enumerate(places)
        if not isinstance(
            denies_as_much(
                [Policy((place.statement,), old.version)], [new], budget.share(len(places) - number)
            ),
            NoNewAccess,
        )
    )


def _place_of_deny(policies: Sequence[Policy], inverted: StatementPlace) -> StatementPlace:
    """Return the place of a Deny, of its place among the Deny statements of its policy."""
    statements = policies[inverted.policy].statements
    denies = [index for index, statement in enumerate(statements) if statement.effect == "Deny"]
    index = denies[inverted.index]
    return StatementPlace(Side.BEFORE, inverted.policy, index, statements[index])
