"""Principals and policies that a plan creates, deletes or replaces, as IAM identifies them.

IAM identifies a principal by its name: a deleted one and a created one with the same name are one
principal, which starts without policies.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from msgspec import Struct, field

from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource, InPlan
from vpc_cni_iam.inputs.plan.account.resolve import Resolver, is_there
from vpc_cni_iam.inputs.plan.arguments import POLICY, PRINCIPALS
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.values import text
from vpc_cni_iam.policy.template import Side


class Renewed(Struct):
    """The principals and policies that a plan creates, deletes or replaces."""

    created: set[IamResource] = field(default_factory=set)
    deleted: set[IamResource] = field(default_factory=set)
    replaced: set[IamResource] = field(default_factory=set)
    # The new addresses of those that are created again elsewhere, by their old resource.
    successors: dict[IamResource, str] = field(default_factory=dict)
    predecessors: dict[IamResource, IamResource] = field(default_factory=dict)  # the reverse

    @property
    def emptied(self) -> set[IamResource]:
        """Those that lose all that they had before."""
        return self.deleted | self.replaced


def renewed(resources: Iterable[Resource], resolver: Resolver) -> Renewed:
    """Return the principals and policies that a plan creates, deletes or replaces."""
    result = Renewed()
    gone: dict[tuple[str, str], list[Resource]] = defaultdict(list)
    named = [r for r in resources if r.type in (*PRINCIPALS, POLICY)]
    for resource in named:
        if not is_there(resource, Side.AFTER):
            gone[resource.type, text(resource, "name", Side.BEFORE)].append(resource)
    for resource in named:
        if resource.before is None:
            others = gone[resource.type, text(resource, "name", Side.AFTER)]
            predecessor = _predecessor(resource, others, resolver)
            if predecessor is not None:
                others.remove(predecessor)
                first = InPlan(predecessor.address)
                result.replaced.add(first)
                result.successors[first] = resource.address
                result.predecessors[InPlan(resource.address)] = first
            elif resource.type in PRINCIPALS:
                result.created.add(InPlan(resource.address))
        elif resource.is_replaced:
            result.replaced.add(InPlan(resource.address))
    result.deleted.update(InPlan(r.address) for others in gone.values() for r in others)
    return result


def _predecessor(resource: Resource, others: list[Resource], resolver: Resolver) -> Resource | None:
    """Return the deleted resource with the same name, in the same account if known."""
    if not text(resource, "name", Side.AFTER):
        return None
    accounts = {other.address: resolver.account(other) for other in others}
    own = resolver.account(resource)
    same = [r for r in others if own and accounts[r.address] == own]
    possible = [r for r in others if not (own and accounts[r.address])]
    return same[0] if same else possible[0] if len(possible) == 1 else None
