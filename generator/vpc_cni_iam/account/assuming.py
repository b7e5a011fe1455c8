"""Whether aws-node can get a role: itself, or by another role that assumes it for its pods.

Source: Amazon EKS User Guide, "Access AWS Resources using EKS Pod Identity Target IAM Roles".
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from msgspec import Struct

from vpc_cni_iam.account.access import RoleAccess
from vpc_cni_iam.account.grants import Use
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.plugin.cluster import ANY_CLUSTER
from vpc_cni_iam.plugin.identity import is_role_arn
from vpc_cni_iam.plugin.trust import ASSUME, TAG, may_share_account
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


def refusals(first: RoleAccess, role: RoleAccess, use: Use) -> Iterator[Refusal]:
    """Yield what the policies and limits of a role do not allow it for one that it must assume.

    If the trust policy of the other role names it, only a Deny or a limit denies it.
    """
    trust, tags = role.role_trust, use.tags
    is_named = None if may_share_account(first.arn, role.arn) else False
    if trust and first.arn:
        is_named = trust.lets_named(first.arn, use.cluster, use.account, tags=tags)
    for action in (ASSUME, TAG)[: 1 + tags]:
        request = Request(action, role.arn, may_have=lambda key: UNKNOWN)
        own, named = (
            _of_layers(request, (every, *first.limiting))
            for every in (first.known, (*first.known, _TO_NAMED))
        )
        decision = named if is_named else own
        if not decision.allowed:
            is_denied = named.denied or (is_named is False and own.denied)
            yield Refusal(action, is_denied, decision.undecided)


def may_assume(first: RoleAccess, role: RoleAccess, use: Use) -> bool | None:
    """Return whether the policies of a role let it assume another one; None if not known."""
    refused = [*refusals(first, role, use)]
    if not refused:
        return None if any(doubt.may_limit for doubt in first.not_known) else True
    is_open = not is_role_arn(role.arn) or any(doubt.may_allow for doubt in first.not_known)
    return False if not is_open and any(each.is_denied for each in refused) else None


def is_trusted(role: RoleAccess, use: Use, first: RoleAccess | None = None) -> bool | None:
    """Return whether a role trusts aws-node, or a role that must assume it; None if not known."""
    if (trust := role.role_trust) is None or (first and not is_role_arn(first.arn)):
        return None
    try:
        if first:
            return trust.lets_role(first.arn, use.cluster, use.account, tags=use.tags)
        if use.cluster == ANY_CLUSTER:
            return role.ways().get(use.by)
        lets = trust.lets(use.by, use.cluster, use.account, tags=use.tags)
        return lets or (None if trust.is_open else lets)
    except InputError:
        return None


def gets(role: RoleAccess, use: Use, first: RoleAccess | None = None) -> bool | None:
    """Return whether aws-node gets a role, maybe by a first one; None if not known."""
    answer = worst((is_trusted(role, use, first), use.has_agent))
    if first is None or answer is False:  # most roles of an account do not trust each other
        return answer
    return worst((answer, is_trusted(first, use), may_assume(first, role, use)))


def worst(answers: Collection[bool | None]) -> bool | None:
    """Return whether all of some answers are true; None if one of them is not decided."""
    return False if False in answers else None if None in answers else True


def _of_layers(request: Request, layers: Sequence[Sequence[Policy]]) -> Decision:
    """Return the decision of the layer that decides: all of them must allow a request."""
    decisions = (compile_policies(layer).evaluate(request) for layer in layers)
    return min(decisions, key=lambda decision: (not decision.denied, decision.allowed))
