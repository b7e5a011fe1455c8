"""Whether policies never allow something: a proof, a request that they allow, or neither.

Each question is one of new access: a Deny of everything else leaves what the question is about,
and nothing was allowed before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from vpc_cni_iam.policy.document import Condition, Policy, Statement
from vpc_cni_iam.policy.proof.access import Counterexample, NotProven, Proven, no_new_access
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.examples import reference

# An ARN of EC2 that names a type of resource. An ID of EC2 has no colon and no slash.
_OF_TYPE = re.compile(r"arn:[^:]*:ec2:[^:]*:[^:]*:([a-z-]+)/[^:/]*")
_EXAMPLE = "arn:aws:ec2:us-east-1:111122223333:{}/0123456789abcdef0"
_WILDCARD = re.compile(r"[*?]")
_TYPE = re.compile(r".*:([a-z-]+)/[^:]*", re.DOTALL)
# Wildcards and variables in a text that stands for itself. Source: IAM User Guide, "IAM policy
# elements: Variables and tags".
_SPECIAL = re.compile(r"[*?$]")


def never(
    policies: Sequence[Policy],
    actions: Sequence[str],
    resource: str,
    budget: Budget,
    context: Mapping[str, str | None] | None = None,
) -> Proven | Counterexample | NotProven:
    """Say whether the policies of one role never allow a request.

    `actions` and `resource` are patterns; `context` has values of condition keys that the request
    has, None for a key that it has not.
    """
    policies = [about(policy, resource) for policy in policies]
    denies = [Statement("Deny", not_actions=tuple(actions), resources=("*",))]
    if resource != "*":
        denies.append(Statement("Deny", actions=("*",), not_resources=(resource,)))
    denies += [_deny_other(key, value) for key, value in (context or {}).items()]
    return no_new_access([], [*policies, Policy(tuple(denies))], budget)


def about(policy: Policy, resource: str) -> Policy:
    """Return a policy without what is about no resource of the type that a pattern names.

    Patterns of resources of other types match ARNs of the type only where a wildcard matches a
    colon that no ARN has. Of actions, AWS asks for on the type only those that the Service
    Authorization Reference has for it; those that it does not know stay.
    """
    if (kind := _OF_TYPE.fullmatch(resource)) is None:
        return policy
    example = _EXAMPLE.format(kind[1])
    statements = []
    for statement in policy.statements:
        own = tuple(
            r
            for r in statement.resources
            if not isinstance(r, str) or not (t := _TYPE.fullmatch(r)) or t[1] == kind[1]
        )
        actions = tuple(
            a
            for a in statement.actions
            if not isinstance(a, str) or _WILDCARD.search(a) or reference.can_be_on(a, example)
        )
        if (own or not statement.resources) and (actions or not statement.actions):
            statements.append(replace(statement, resources=own, actions=actions))
    return replace(policy, statements=tuple(statements))


def _deny_other(key: str, value: str | None) -> Statement:
    """Return a Deny of what has another value of a key than one, or has it although None."""
    condition = Condition("Null", key, ("false",))
    if value is not None:
        condition = Condition("StringNotEquals", key, (itself(value),))
    return Statement("Deny", actions=("*",), resources=("*",), conditions=(condition,))


def itself(text: str) -> str:
    """Return a pattern that matches one text only."""
    return _SPECIAL.sub(r"${\g<0>}", text)
