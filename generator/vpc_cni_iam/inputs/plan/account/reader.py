"""Reads what resources of a plan grant on each side, from the table of arguments.

They follow IAM's rules: an inline policy has one name, an attachment one policy.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from msgspec.structs import replace

from vpc_cni_iam.account.grants import GrantPart
from vpc_cni_iam.inputs.plan.account.grants import GrantKey, PlanGrant
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource, InPlan, Named, Unresolved
from vpc_cni_iam.inputs.plan.account.in_clusters import gone_with_others
from vpc_cni_iam.inputs.plan.account.library import Library
from vpc_cni_iam.inputs.plan.account.renewed import renewed
from vpc_cni_iam.inputs.plan.account.resolve import Resolver, name_in
from vpc_cni_iam.inputs.plan.account.source import SourceReader
from vpc_cni_iam.inputs.plan.arguments import GRANTS, GROUP, POLICY, USER, GrantArgument
from vpc_cni_iam.inputs.plan.reader import Plan
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.values import PlacedValue, place_of, read, text, value_at
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Absent, Known, Sensitive


class AccountReader:
    """Resolves names and reads the grants of one plan."""

    def __init__(self, plan: Plan, source: SourceReader | None = None) -> None:
        self.plan, self.source = plan, source
        self.resolver = Resolver(plan)
        self.library = Library(self.resolver, source)
        managed = [r for r in plan.resources if r.mode == "managed" and not r.drift]
        self.deposed = tuple(r for r in managed if r.deposed)  # left by replacements that failed
        managed = [r for r in managed if not r.deposed]
        self.gone_with_others = gone = gone_with_others(managed, self.resolver)
        self.resources = tuple(r.deleted() if r.address in gone else r for r in managed)
        self.renewed = renewed(self.resources, self.resolver)

    def owner(self, named: IamResource) -> IamResource:
        """Return a principal with the address that it had before.

        IAM identifies a principal by its name: a deleted one and a created one with the same name
        are one principal, which starts without policies.
        """
        return self.renewed.predecessors.get(named, named)

    def role_arn(self, role: IamResource, side: Side) -> str:
        """Return the ARN of a role; if the plan does not show it, one with only its account."""
        if isinstance(role, InPlan):
            address = self.renewed.successors.get(role, role.address)
            resource = self.resolver.by_address[address if side is Side.AFTER else role.address]
            own = text(resource, "arn", side)
            return own or f"arn::iam::{self.resolver.account(resource)}:"
        own, account = (role.arn, role.account) if isinstance(role, Named) else ("", "")
        return own or f"arn::iam::{account}:"

    def resolve(
        self, resource: Resource, placed: PlacedValue, kind: str, side: Side
    ) -> tuple[IamResource, ...]:
        """Return the resources that a value names; principals with their addresses before."""
        path, value = placed.path, placed.value
        return tuple(map(self.owner, self.resolver.resolve(resource, path, value, kind, side)))

    def named_by(
        self, resource: Resource, path: str, kind: str, side: Side
    ) -> Iterator[IamResource]:
        """Yield the resources that values at a path name; an unknown list may name others, too."""
        for placed in read(resource, path, side):
            yield from self.resolve(resource, placed, kind, side)
            if path.endswith("*") and not isinstance(placed.path[-1], int):
                yield Unresolved(place_of(resource, placed.path), side, kind)

    def grants(self, resource: Resource, side: Side) -> Iterator[PlanGrant]:
        """Yield the grants of a resource on one side."""
        if side is Side.AFTER and resource.is_unchanged:
            yield from map(self._as_left, self.grants(resource, Side.BEFORE))
            return
        for row in GRANTS.get(resource.type, ()):
            is_set = not row.computed or self.is_set(resource, row.path.partition(".")[0])
            if is_set and row.part is not GrantPart.INLINE_LIST:
                yield from _apart(self._of_row(resource, row, side))

    def _as_left(self, grant: PlanGrant) -> PlanGrant:
        """Return a grant that stays, with its old owner and its old policy."""
        if grant.key.part is GrantPart.GROUP or not isinstance(grant.policy, InPlan):
            return grant
        return replace(grant, content=self.library.of(grant.policy, Side.AFTER))

    def computed(self, resource: Resource) -> Iterator[PlanGrant]:
        """Yield the grants that a role's computed arguments repeat, as they were before."""
        if resource.before is not None:
            for row in GRANTS.get(resource.type, ()):
                if row.computed and not self.is_set(resource, row.path.partition(".")[0]):
                    yield from self._of_row(resource.unchanged(), row, Side.BEFORE)

    def is_written(self, resource: Resource, argument: str) -> bool:
        """Return whether an argument that is known after apply is set; others are computed.

        It is taken as set if the configuration is not in the plan.
        """
        configuration = self.plan.configuration
        where = resource.module, resource.block
        expression = configuration.expression(*where, argument)
        if expression is None:
            return configuration.expression(*where) is None
        return not configuration.is_null(resource.module, expression, self.plan.variables)

    def is_set(self, resource: Resource, argument: str) -> bool:
        """Return whether an argument that can be computed is set, according to the plan."""
        expression = self.plan.configuration.expression
        if expression(resource.module, resource.block, argument) is not None:
            return True
        before, after = ((s or {}).get(argument) for s in (resource.before, resource.after))
        is_later = isinstance(resource.unknown, dict) and bool(resource.unknown.get(argument))
        if after is None and is_later:
            return before is not None and resource.actions == ("update",)
        return bool(before or after) and before != after and resource.after is not None

    def _of_row(self, resource: Resource, row: GrantArgument, side: Side) -> Iterator[PlanGrant]:
        for placed in read(resource, row.path, side):
            if not isinstance(placed.value, Absent):
                for owner in self.owners(resource, row, side):
                    yield from self._of_value(resource, row, owner, placed, side)

    def _of_value(
        self,
        resource: Resource,
        row: GrantArgument,
        owner: IamResource,
        placed: PlacedValue,
        side: Side,
    ) -> Iterator[PlanGrant]:
        path, value = placed.path, placed.value
        attribute = place_of(resource, path).removeprefix(f"{resource.address}.")
        part = GrantPart.ATTACHED if row.part is GrantPart.ATTACHED_LIST else row.part
        if part in (GrantPart.INLINE, GrantPart.TRUST):
            key = GrantKey(part, self._inline_name(resource, row, placed, side) if row.name else "")
            text_ = self.library.content(resource, path, value)
            yield PlanGrant(owner, key, text_, resource.address, attribute)
        elif part is GrantPart.GROUP:
            kind = GROUP if row.path == "groups.*" else USER
            for other in self.resolver.resolve(resource, path, value, kind, side):
                user, group = (owner, other) if kind == GROUP else (other, owner)
                # its policies are added to the user's
                unknown = self.library.of(group, Side.BEFORE)
                key = GrantKey(part, group)
                yield PlanGrant(user, key, unknown, resource.address, attribute, group)
        else:
            for policy in self._policies(resource, row, placed, side):
                is_secret = isinstance(policy, Unresolved)
                content = self.library.of(policy, side)
                if is_secret and isinstance(value, Sensitive):
                    content = value
                key = GrantKey(part, "" if part is GrantPart.BOUNDARY else self.owner(policy))
                yield PlanGrant(owner, key, content, resource.address, attribute, policy)

    def _policies(
        self, resource: Resource, row: GrantArgument, placed: PlacedValue, side: Side
    ) -> tuple[IamResource, ...]:
        """Return the managed policies that a value names."""
        policies = self.resolver.resolve(resource, placed.path, placed.value, POLICY, side)
        is_list = row.path.endswith("*") and not isinstance(placed.path[-1], int)
        if not is_list and (isinstance(placed.value, Known) or len(policies) == 1):
            return policies
        unresolved = Unresolved(place_of(resource, placed.path), side, POLICY)
        return tuple(dict.fromkeys((*(policies if is_list else ()), unresolved)))

    def _inline_name(
        self, resource: Resource, row: GrantArgument, placed: PlacedValue, side: Side
    ) -> Hashable:
        """Return the name of an inline policy; its place if the name is unknown."""
        path = (*placed.path[:-1], row.name)
        return name_in(value_at(resource, path, side)) or place_of(resource, path)

    def owners(self, resource: Resource, row: GrantArgument, side: Side) -> list[IamResource]:
        """Return the principals that get an argument's grant."""
        if not row.owners:
            return [self.owner(InPlan(resource.address))]
        every = (self.named_by(resource, *of, side) for of in row.owners)
        return list(dict.fromkeys(owner for owners in every for owner in owners))


def _apart(grants: Iterator[PlanGrant]) -> Iterator[PlanGrant]:
    """Yield grants of a resource; grants with one name stay apart, because one of them applies."""
    keys: set[tuple[IamResource, GrantKey]] = set()
    for grant in grants:
        is_again = (grant.owner, grant.key) in keys
        keys.add((grant.owner, grant.key))
        key = grant.key._replace(name=f"{grant.address}.{grant.attribute}")
        yield replace(grant, key=key) if is_again else grant
