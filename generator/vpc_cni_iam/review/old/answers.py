"""The answers of policy's proofs in the form that the review takes: a reason is a text."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from vpc_cni_iam.policy import report
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.evaluate import Decision, Request
from vpc_cni_iam.policy.proof import access
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess
from vpc_cni_iam.policy.proof.budget import Budget


class Proven(Struct, frozen=True):
    """The new policies allow nothing that the old ones did not."""


class Counterexample(Struct, frozen=True):
    """A request that the new policies allow and the old ones do not, as the evaluator says."""

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
    """Say whether new policies allow anything that old ones do not."""
    answer = access.no_new_access(old, new, budget=budget, examples=examples)
    if isinstance(answer, NoNewAccess):
        return Proven()
    if isinstance(answer, NewAccess):
        made_up = report.made_up_text(answer.made_up)
        return Counterexample(answer.request, answer.new, answer.old, made_up)
    return NotProven(report.not_proven_text(answer))
