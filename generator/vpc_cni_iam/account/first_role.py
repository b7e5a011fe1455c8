"""Whether the policies of a role let it assume another role, as EKS Pod Identity does for pods.

Source: Amazon EKS User Guide, "Access AWS Resources using EKS Pod Identity Target IAM Roles".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from vpc_cni_iam.plugin.trust import ASSUME, TAG
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.evaluate import Decision, Request, compile_policies
from vpc_cni_iam.policy.matching.conditions import Undecided
from vpc_cni_iam.policy.matching.variables import UNKNOWN

# The effect of a trust policy on a role of its account that it names.
_TO_NAMED = Policy((Statement(actions=(ASSUME, TAG), resources=("*",)),))


class Refusal(Struct, frozen=True):
    """An action that a role needs to assume another one, and that is not certainly allowed."""

    action: str
    is_denied: bool  # False if it is not decided
    # What leaves it undecided; without it, the trust policy of the other role does.
    undecided: Undecided | None = None


def refusals(
    target: str,
    policies: Sequence[Policy],
    limits: Sequence[Sequence[Policy]],
    *,
    is_named: bool | None,
    tags: bool,
) -> Iterator[Refusal]:
    """Yield what a role's policies and limits do not allow it for a target, by the target's ARN.

    Args:
        target: The ARN of the role to assume.
        policies: The policies of the role that assumes it.
        limits: Its limits, each of which must allow a request, too.
        is_named: Whether the target's trust policy alone lets the role assume it, so that only a
            Deny or a limit denies it; None if that is not decided.
        tags: Whether the session has tags.
    """
    for action in (ASSUME, TAG)[: 1 + tags]:
        request = Request(action, target, may_have=lambda key: UNKNOWN)
        own, named = (
            _of_layers(request, (every, *limits)) for every in (policies, (*policies, _TO_NAMED))
        )
        decision = named if is_named else own
        if not decision.allowed:
            is_denied = named.denied or (is_named is False and own.denied)
            yield Refusal(action, is_denied, decision.undecided)


def _of_layers(request: Request, layers: Sequence[Sequence[Policy]]) -> Decision:
    """Return the decision of the layer that decides: all of them must allow a request."""
    decisions = (compile_policies(layer).evaluate(request) for layer in layers)
    return min(decisions, key=lambda decision: (not decision.denied, decision.allowed))
