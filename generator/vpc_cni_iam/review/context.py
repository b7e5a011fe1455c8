"""A plan as two accounts, with facts about them that are computed once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cached_property, wraps
from typing import Any, TypeVar

from msgspec.structs import replace

from vpc_cni_iam.inputs.plan.account.fill import fill
from vpc_cni_iam.inputs.plan.account.grants import Accounts
from vpc_cni_iam.inputs.plan.account.iam_resource import Place
from vpc_cni_iam.inputs.plan.account.in_clusters import ResourceEnd
from vpc_cni_iam.inputs.plan.account.reader import AccountReader
from vpc_cni_iam.inputs.plan.account.source import SourceReader
from vpc_cni_iam.inputs.plan.arguments import CLUSTER
from vpc_cni_iam.inputs.plan.plugin.clusters import PluginReader
from vpc_cni_iam.inputs.plan.plugin.node_roles import NodeRoleReader
from vpc_cni_iam.inputs.plan.plugin.state import ClusterPlugin
from vpc_cni_iam.inputs.plan.reader import Plan
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.review.diff.permissions import Proofs
from vpc_cni_iam.review.locate import Locator
from vpc_cni_iam.review.options import ReviewOptions

T = TypeVar("T")
# The account ID in an ARN.
_IN_ARN = re.compile(r"arn:[\w-]+:[\w-]+:[\w-]*:([0-9]{12}):")


class Context:
    """A plan as two accounts."""

    def __init__(self, plan: Plan, options: ReviewOptions) -> None:
        self.plan, self.options = plan, options
        # Facts by the function that computes them; see `fact`.
        self.facts: dict[Callable[[Context], Any], Any] = {}
        self.locator = Locator(options.source, plan.configuration)
        source = SourceReader(self.locator.block_text) if options.source else None
        self.reader = AccountReader(plan, source)
        budget = Budget.of_many(len(self.reader.resources), sum(map(len, self._texts())))
        self.proofs = Proofs(budget, plan.secrets)

    def _texts(self) -> Iterator[str]:
        sides = (s for r in self.reader.resources for s in (r.before, r.after) if s)
        return (value for side in sides for value in side.values() if isinstance(value, str))

    @cached_property
    def accounts(self) -> Accounts:
        """The accounts before and after."""
        return fill(self.reader)

    def end_of(self, address: str) -> ResourceEnd:
        """Return why a resource no longer applies to its cluster."""
        by_address = self.reader.resolver.by_address
        if other := self.reader.gone_with_others.get(address):
            is_cluster = by_address[other].type == CLUSTER
            return ResourceEnd.WITH_CLUSTER if is_cluster else ResourceEnd.ELSEWHERE
        is_moved = by_address[address].after is not None
        return ResourceEnd.MOVED if is_moved else ResourceEnd.DELETED

    @cached_property
    def drift(self) -> Context | None:
        """The changes outside of the configuration, as a plan; None if there are none."""
        drifted = {r.address: replace(r, drift=False) for r in self.plan.resources if r.drift}
        others = (
            replace(r.unchanged(), actions=("no-op",))
            for r in self.reader.resources
            if r.before is not None and r.address not in drifted
        )
        changes = {"resources": (*others, *drifted.values()), "unread": (), "namings": ()}
        changes["unknown_members"] = ()
        plan = replace(self.plan, complete=True, format="", **changes)
        return Context(plan, replace(self.options, source=None)) if drifted else None

    @cached_property
    def node_roles(self) -> NodeRoleReader:
        """The roles that resources give nodes."""
        return NodeRoleReader(self.reader)

    @cached_property
    def place(self) -> Place:
        """The Region and the account of the plan, if it has one, for examples.

        If no resource has an ARN yet, the account is the only one that policies name.
        """
        resolver = self.reader.resolver
        if resolver.accounts:
            return resolver.place
        named = {account for text in self._texts() for account in _IN_ARN.findall(text)}
        return Place(resolver.place.region, named.pop() if len(named) == 1 else "")

    @cached_property
    def plugins(self) -> tuple[ClusterPlugin, ...]:
        """aws-node in each cluster that the plan has information about."""
        return PluginReader(self.reader).clusters()


def facts(work: Callable[[Context], Iterator[T]]) -> Callable[[Context], tuple[T, ...]]:
    """Cache what a function of a context yields, in the context."""
    return fact(lambda context: tuple(work(context)))


def fact(work: Callable[[Context], T]) -> Callable[[Context], T]:
    """Cache the result of a function of a context in the context."""

    @wraps(work)
    def known(context: Context) -> T:
        if work not in context.facts:
            context.facts[work] = work(context)
        result: T = context.facts[work]
        return result

    return known
