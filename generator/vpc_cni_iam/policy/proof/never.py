"""Whether policies never allow something: a proof, a request that they allow, or neither.

Each question is about new access: the old policies allow nothing, and a Deny of everything else
limits the new ones to the question.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import Answer
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.examples import reference
from vpc_cni_iam.policy.wildcard import meet

# An EC2 ARN with a type of resource. An EC2 ID has no colon and no slash.
_OF_TYPE = re.compile(r"arn:[^:]*:ec2:[^:]*:[^:]*:([a-z-]+)/[^:/]*")
_EXAMPLE = "arn:aws:ec2:us-east-1:111122223333:{}/0123456789abcdef0"
_WILDCARD = re.compile(r"[*?]")
_TYPE = re.compile(r".*:([a-z-]+)/[^:]*", re.DOTALL)


class NeverTarget(Struct, frozen=True):
    """An action that a role must never do."""

    action: str  # an action, or a pattern
    resource: str = "*"  # an ARN, or a pattern


def is_checked(target: NeverTarget, policies: Sequence[Policy]) -> bool:
    """Return whether AWS checks an action of a target on such a resource, or may check one.

    If not, a role with the policies may never be allowed it there, and still be allowed the action.
    A role has resources of one partition.
    """
    if target.resource == "*":
        return True
    resources = (r for p in policies for s in p.only("Allow").statements for r in s.resources)
    partitions = {str(r).split(":")[1] for r in resources if str(r).startswith("arn:")}
    own = target.resource.split(":")[1]
    # A partition with a variable may be any.
    is_near = not partitions or any("$" in each or meet(own, each) for each in partitions)
    return is_near and reference.can_be_like(target.action, target.resource)


def never(
    policies: Sequence[Policy],
    targets: Sequence[NeverTarget],
    *,
    within: Sequence[Sequence[Policy]] = (),
) -> tuple[Answer, ...]:
    """Return for each target whether the policies of one role never allow it.

    `within` has the limits of the role, which must each also allow a request.
    """
    budget = Budget()
    return tuple(
        _never(policies, target, within, budget.share(len(targets) - number))
        for number, target in enumerate(targets)
    )


def _never(
    policies: Sequence[Policy],
    target: NeverTarget,
    within: Sequence[Sequence[Policy]],
    budget: Budget,
) -> Answer:
    layers = [[_about(policy, target.resource) for policy in some] for some in (policies, *within)]
    denies = [Statement("Deny", not_actions=(target.action,), resources=("*",))]
    if target.resource != "*":
        denies.append(Statement("Deny", actions=("*",), not_resources=(target.resource,)))
    new = [*layers[0], Policy(tuple(denies))]
    return no_new_access((), new, within=layers[1:], budget=budget)


def _about(policy: Policy, resource: str) -> Policy:
    """Return a policy without the parts that cannot be about a pattern's type of resource.

    Resource patterns of other types match ARNs of the type only if a wildcard matches a colon that
    no ARN has. AWS checks only those actions on the type that the Service Authorization Reference
    has for it; actions that the reference does not know stay.
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
