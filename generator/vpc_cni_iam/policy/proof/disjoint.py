"""Whether two roles can never change the same resource.

Each role is asked by itself, with requests of its own: what two requests have in common is the
resource and the condition keys that are about it. So conditions on other keys are left out of an
Allow, and a Deny with one is left out as a whole: either makes a role's access larger. No resource
is left then that both can change if every request of the one is none of the other:

    Allow of A, Deny of A, Deny of B  allows nothing beyond  Allow of everything, Deny of B's Allow.

A resource that is left is shown only with a request of each role that its policies do allow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam import resources
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.policy.document import VERSION, Condition, Policy, Statement
from vpc_cni_iam.policy.evaluate import Request
from vpc_cni_iam.policy.proof.access import Counterexample, NotProven, Proven, no_new_access
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.never import about, itself, never
from vpc_cni_iam.policy.template import change

_DATA = "policy/proof/examples/data/changes.json"
# Keys that say something of the resource, and of neither the caller nor the request.
# Source: Service Authorization Reference, "Condition keys for Amazon EC2", and the IAM User Guide,
# "AWS global condition context keys".
_OF_RESOURCE = re.compile(
    r"(?:aws|ec2):resourcetag/.*|aws:resource(?:account|orgid|orgpaths)|ec2:vpc|ec2:subnet"
    r"|ec2:availabilityzone(?:id)?|ec2:networkinterfaceid|ec2:instance(?:id|type|profile)|ec2:region"
    r"|aws:requestedregion"
)
# What a request about a resource that is already there does not have.
_CREATION = "ec2:CreateAction"
_VARIABLE = re.compile(r"\$\{([^}$*?][^},]*)[^}]*\}")
_EVERYTHING = Policy((Statement(actions=("*",), resources=("*",)),))


class RolePolicies(Struct, frozen=True):
    """The policies of a role."""

    policies: tuple[Policy, ...]  # the policies, taken together
    # Condition keys of its sessions whose value is known, such as session tags.
    session: Mapping[str, str]

    @property
    def filled(self) -> tuple[Policy, ...]:
        """The policies, with the values of the sessions in place of policy variables."""
        known = {key.lower(): value for key, value in self.session.items()}

        def fill(text: str) -> str:
            return _VARIABLE.sub(lambda match: known.get(match[1].strip().lower(), match[0]), text)

        return tuple(
            p.map_texts(lambda text: change(text, fill)) if p.version == VERSION else p
            for p in self.policies
        )


class Overlap(Struct, frozen=True):
    """Actions of two roles on the same resource."""

    first_actions: tuple[str, ...]  # those of the one role
    second_actions: tuple[str, ...]  # those of the other
    # A request of the one; None if it is not known whether there is one.
    first: Request | None = None
    second: Request | None = None  # a request of the other about the same resource
    reason: str = ""  # why it is not known; empty if it is


@cache
def changes() -> Mapping[str, tuple[str, ...]]:
    """Return the actions that change a resource that is already there, by the type of resource."""
    kinds = resources.data(_DATA)["kinds"]
    return {kind: tuple(actions) for kind, actions in kinds.items()}


def overlaps(
    first: RolePolicies, second: RolePolicies, kind: str, budget: Budget
) -> Iterator[Overlap]:
    """Yield what of two roles can be about the same resource, or is not shown not to be.

    `kind` is a type of resource, of `changes`.
    """
    groups = [_by_access(role, kind) for role in (first, second)]
    pairs = [(access, other_access) for access in groups[0] for other_access in groups[1]]
    for number, (access, other_access) in enumerate(pairs):
        share = budget.share(len(pairs) - number)
        actions = groups[0][access], groups[1][other_access]
        answer = _common(access, other_access, kind, actions[0][0], share)
        if isinstance(answer, NotProven):
            yield Overlap(*actions, reason=answer.reason)
        elif isinstance(answer, Counterexample):
            yield _shown(first, second, actions, answer, share)


_Access = tuple[Policy, ...]


def _by_access(role: RolePolicies, kind: str) -> dict[_Access, tuple[str, ...]]:
    """Return the actions on a type of resource by what allows and denies them; none if nothing."""
    groups: dict[_Access, tuple[str, ...]] = {}
    for action in changes()[kind]:
        access = tuple(
            Policy(tuple(_about(about(policy, _arns(kind)), action)), policy.version)
            for policy in role.filled
        )
        if any(s.effect == "Allow" for policy in access for s in policy.statements):
            groups[access] = (*groups.get(access, ()), action)
    return groups


def _arns(kind: str) -> str:
    return f"arn:*:ec2:*:*:{kind}/*"


def _about(policy: Policy, action: str) -> Iterator[Statement]:
    """Yield the statements about an action, with what is about the resource only."""
    for statement in policy.statements:
        if not statement.is_about(action):
            continue
        filled = replace(statement, actions=("*",), not_actions=(), sid="")
        conditions = tuple(c for c in filled.conditions if _is_of_resource(c, policy.version))
        names = tuple(map(str, (*filled.resources, *filled.not_resources)))
        unknown = policy.version == VERSION and any(map(_VARIABLE.search, names))
        if statement.effect == "Deny" and (unknown or conditions != filled.conditions):
            continue
        if unknown:
            filled = replace(filled, resources=("*",), not_resources=())
        yield replace(filled, conditions=conditions)


def _is_of_resource(condition: Condition, version: str) -> bool:
    """Say whether a condition compares a key of the resource with what is the same for both."""
    if not (
        _OF_RESOURCE.fullmatch(str(condition.key).lower())
        or str(condition.key).lower() == _CREATION.lower()
    ):
        return False
    variables = [m[1] for v in condition.values for m in _VARIABLE.finditer(str(v))]
    return version != VERSION or all(_OF_RESOURCE.fullmatch(v.strip().lower()) for v in variables)


def _variables(policy: Policy) -> Iterator[re.Match[str]]:
    """Yield the policy variables of the values of conditions and of resources."""
    for statement in policy.statements if policy.version == VERSION else ():
        texts: list[object] = [
            *statement.resources,
            *(v for c in statement.conditions for v in c.values),
        ]
        yield from (match for text in texts for match in _VARIABLE.finditer(str(text)))


def _common(
    first: _Access, second: _Access, kind: str, action: str, budget: Budget
) -> Proven | Counterexample | NotProven:
    """Say whether there is no resource that both change, in an unchanged state of it."""
    new_ones = Condition("Null", _CREATION, ("false",))
    only = (
        Statement("Deny", actions=("*",), resources=("*",), conditions=(new_ones,)),
        Statement("Deny", not_actions=(action,), resources=("*",)),
        Statement("Deny", actions=("*",), not_resources=(_arns(kind),)),
    )
    old, new = [_EVERYTHING], [*first, Policy(only)]
    for policy in second:
        allows = (replace(s, effect="Deny") for s in policy.only("Allow").statements)
        old.append(Policy(tuple(allows), policy.version))
        new.append(policy.only("Deny"))
    return no_new_access(old, new, budget)


def _shown(
    first: RolePolicies,
    second: RolePolicies,
    actions: tuple[tuple[str, ...], tuple[str, ...]],
    common: Counterexample,
    budget: Budget,
) -> Overlap:
    """Return an overlap with the requests of both roles about a resource, if there are such."""
    shared = common.request
    if common.made_up:
        return Overlap(*actions, reason=f"only shown with a {common.made_up} that AWS may not have")
    keys = {
        str(condition.key).lower(): str(condition.key)
        for role in (first, second)
        for policy in role.policies
        for statement in policy.statements
        for condition in statement.conditions
        if _OF_RESOURCE.fullmatch(str(condition.key).lower())
    }
    there = {key.lower(): value for key, value in shared.context.items()}
    context: dict[str, str | None] = {_CREATION: None}
    for lowered, key in keys.items():
        value = there.get(lowered)
        context[key] = value if value is None or isinstance(value, str) else value[0]
    requests = []
    for role, own in zip((first, second), actions, strict=True):
        answer = never(
            role.filled, own, itself(shared.resource), budget, {**context, **role.session}
        )
        if not isinstance(answer, Counterexample):
            reason = f"no request of {own[0]} on {shared.resource} was found to be allowed"
            if variables := sorted({m[0] for p in role.filled for m in _variables(p)}):
                reason += f"; what {first_of(variables)} is in each role is not known"
            return Overlap(*actions, reason=reason)
        requests.append(answer.request)
    return Overlap(*actions, requests[0], requests[1])
