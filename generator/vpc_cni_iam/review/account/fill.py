"""Fills the accounts before and after a plan, from the table of arguments.

They follow IAM's rules: an inline policy has one name, an attachment one policy; IAM removes what
an exclusive list does not name; a replaced principal starts without policies.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator
from functools import cached_property

from msgspec.structs import replace

from vpc_cni_iam.inputs.plan.arguments import (
    GRANTS,
    GROUP,
    POLICY,
    PRINCIPALS,
    USER,
    GrantArgument,
    Part,
    list_argument,
)
from vpc_cni_iam.inputs.plan.reader import Plan
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.values import PlacedValue, one, place_of, read, text, value_at
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Absent, Known, Sensitive
from vpc_cni_iam.review.account.grants import Accounts, Conflict, ConflictKind, Grant, GrantKey
from vpc_cni_iam.review.account.iam_resource import IamResource, InPlan, Unresolved
from vpc_cni_iam.review.account.in_clusters import gone_with_cluster
from vpc_cni_iam.review.account.library import Library
from vpc_cni_iam.review.account.lists import apply_lists
from vpc_cni_iam.review.account.resolve import Resolver, is_there, name_in
from vpc_cni_iam.review.account.source import SourceReader


class Filler:
    """Resolves names and reads policies of one plan, and fills its accounts."""

    def __init__(self, plan: Plan, source: SourceReader | None = None) -> None:
        self.plan, self.source = plan, source
        self.resolver = Resolver(plan)
        self.library = Library(self.resolver, source)
        managed = [r for r in plan.resources if r.mode == "managed" and not (r.drift or r.deposed)]
        self.gone_with_cluster = gone = gone_with_cluster(managed, self.resolver)
        self.resources = tuple(r.deleted() if r.address in gone else r for r in managed)
        self._predecessors: dict[IamResource, IamResource] = {}

    @cached_property
    def accounts(self) -> Accounts:
        """Both accounts."""
        accounts = Accounts()
        self._note_principals(accounts)
        granting = (*self.resources, *self._left_behind())
        before = [grant for r in granting for grant in self.grants(r, Side.BEFORE)]
        computed = [grant for r in self.resources for grant in self._computed(r)]
        for grant in (*computed, *before):
            accounts.before.add(grant)
        self._fill_after(accounts, computed, before)
        apply_lists(self, accounts)
        for place in self.resolver.ambiguous:
            address = self.resolver.address_of(place)
            resource = self.resolver.by_address.get(address)
            is_own = resource is None or resource.type in PRINCIPALS
            accounts.ambiguous.add(place if is_own else address)
        self._add_managed(accounts)
        return accounts

    def _left_behind(self) -> Iterator[Resource]:
        """Yield the policies and attachments that replacements leave behind, each with its address.

        IAM deletes the policy of a name, or the attachment of a policy, for every resource that has
        it.
        """
        for resource in self.plan.resources:
            is_grant = resource.type in GRANTS and resource.type not in PRINCIPALS
            if resource.deposed and is_grant and not resource.drift:
                yield replace(resource, address=f"{resource.address} (deposed {resource.deposed})")

    def owner(self, named: IamResource) -> IamResource:
        """Return a principal with the address that it had before.

        IAM identifies a principal by its name: a deleted one and a created one with the same name
        are one principal, which starts without policies.
        """
        return self._predecessors.get(named, named)

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

    def _note_principals(self, accounts: Accounts) -> None:
        gone: dict[tuple[str, str], list[Resource]] = defaultdict(list)
        named = [r for r in self.resources if r.type in (*PRINCIPALS, POLICY)]
        for resource in named:
            if not is_there(resource, Side.AFTER):
                gone[resource.type, text(resource, "name", Side.BEFORE)].append(resource)
        for resource in named:
            identity = InPlan(resource.address)
            if resource.before is None:
                others = gone[resource.type, text(resource, "name", Side.AFTER)]
                predecessor = self._predecessor(resource, others)
                if predecessor is not None:
                    others.remove(predecessor)
                    first = self._predecessors[identity] = InPlan(predecessor.address)
                    accounts.replaced.add(first)
                    accounts.successors[first] = resource.address
                elif resource.type in PRINCIPALS:
                    accounts.created.add(identity)
            elif resource.is_replaced:
                accounts.replaced.add(identity)
        accounts.deleted |= {InPlan(r.address) for others in gone.values() for r in others}

    def _predecessor(self, resource: Resource, others: list[Resource]) -> Resource | None:
        """Return the deleted resource with the same name, in the same account if known."""
        if not text(resource, "name", Side.AFTER):
            return None
        accounts = {other.address: self.resolver.account(other) for other in others}
        own = self.resolver.account(resource)
        same = [r for r in others if own and accounts[r.address] == own]
        possible = [r for r in others if not (own and accounts[r.address])]
        if len(possible) > 1 and not same:
            addresses = tuple(other.address for other in possible)
            self.resolver.ambiguous[place_of(resource, ("name",))] = addresses
        return same[0] if same else possible[0] if len(possible) == 1 else None

    def _fill_after(self, accounts: Accounts, computed: list[Grant], before: list[Grant]) -> None:
        had = {(grant.address, grant.owner, grant.key) for grant in before}
        after = [*self._made_after(accounts, had)]
        granted = {(grant.address, grant.owner, grant.key) for _, grant in after}
        # A list removes what it no longer names, if the list exists after the plan: see `lists`.
        lists = {r.address for r in self.resources if list_argument(r.type)}
        removed = {
            (grant.owner, grant.key): grant.address
            for grant in before
            if (grant.address, grant.owner, grant.key) not in granted
            if grant.address not in lists
        }
        emptied = accounts.deleted | accounts.replaced
        written: dict[tuple[IamResource, GrantKey], Grant] = {}
        for grant in (*computed, *(grant for grant in before if grant.address in lists)):
            if grant.owner not in emptied and (grant.owner, grant.key) not in removed:
                accounts.after.add(grant)
        for resource, grant in after:
            remover = removed.get((grant.owner, grant.key), grant.address)
            if self._is_gone(resource, grant, accounts, lists, had):
                assert isinstance(grant.owner, InPlan)  # noqa: S101 - only those are replaced
                kind, remover = ConflictKind.PRINCIPAL_REPLACED, grant.owner.address
                accounts.conflicts.append(Conflict(kind, grant, remover, is_kept=False))
            elif (
                remover != grant.address
                and grant.owner not in accounts.replaced
                and grant.key.name not in accounts.successors
            ):
                kind = ConflictKind.DELETED_ELSEWHERE
                accounts.conflicts.append(Conflict(kind, grant, remover, is_kept=True))
            else:
                self._write(grant, accounts, written)

    def _write(
        self, grant: Grant, accounts: Accounts, written: dict[tuple[IamResource, GrantKey], Grant]
    ) -> None:
        """Add a grant; of two resources with one policy, only those that change write it."""
        other = written.get((grant.owner, grant.key), grant)
        if self.resolver.is_changed(other.address) and other.content != grant.content:
            if not self.resolver.is_changed(grant.address):
                return
            kind = ConflictKind.WRITTEN_TWICE
            accounts.conflicts.append(Conflict(kind, other, grant.address, is_kept=True))
        written[grant.owner, grant.key] = grant
        accounts.after.add(grant)

    def _made_after(
        self, accounts: Accounts, had: set[tuple[str, IamResource, GrantKey]]
    ) -> Iterator[tuple[Resource, Grant]]:
        """Yield the grants after the plan, without those that a replacement creates and deletes.

        IAM has one grant of a key. If a replacement first creates what exists already, and then
        deletes it, nothing is left, unless the principal is replaced, too.
        """
        for resource in self.resources:
            for grant in self.grants(resource, Side.AFTER):
                if (
                    resource.actions != ("create", "delete")
                    or grant.owner in accounts.replaced
                    or (grant.address, grant.owner, grant.key) not in had
                ):
                    yield resource, grant

    def _is_gone(
        self,
        resource: Resource,
        grant: Grant,
        accounts: Accounts,
        lists: set[str],
        had: set[tuple[str, IamResource, GrantKey]],
    ) -> bool:
        """Return whether a grant is lost with its principal, and the plan does not create it again.

        The plan creates grants after the principal exists again.
        """
        is_update = resource.actions == ("update",)
        if grant.owner not in accounts.replaced or not (resource.stays or is_update):
            return False
        assert isinstance(grant.owner, InPlan)  # noqa: S101 - only those are replaced
        owner = self.resolver.by_address[grant.owner.address]
        is_renamed = one(owner, "name", Side.BEFORE) != one(owner, "name", Side.AFTER)
        puts = grant.key.part is Part.PERMISSIONS or grant.address in lists or is_renamed
        is_own = self.owner(InPlan(grant.address)) == grant.owner
        is_put = is_update and puts
        return (grant.address, grant.owner, grant.key) in had and not (is_own or is_put)

    def grants(self, resource: Resource, side: Side) -> Iterator[Grant]:
        """Yield the grants of a resource on one side."""
        if side is Side.AFTER and resource.is_unchanged:
            yield from map(self._as_left, self.grants(resource, Side.BEFORE))
            return
        for row in GRANTS.get(resource.type, ()):
            is_set = not row.computed or self.is_set(resource, row.path.partition(".")[0])
            if is_set and row.part is not Part.INLINE_LIST:
                yield from _apart(self._of_row(resource, row, side))

    def _as_left(self, grant: Grant) -> Grant:
        """Return a grant that stays, with its old owner and its old policy."""
        if grant.key.part is Part.MEMBERSHIP or not isinstance(grant.policy, InPlan):
            return grant
        return replace(grant, content=self.library.of(grant.policy, Side.AFTER))

    def _computed(self, resource: Resource) -> Iterator[Grant]:
        """Yield the grants that a role's computed arguments repeat, as they were before."""
        if resource.before is not None:
            for row in GRANTS.get(resource.type, ()):
                if row.computed and not self.is_set(resource, row.path.partition(".")[0]):
                    yield from self._of_row(resource.unchanged(), row, Side.BEFORE)

    def is_written(self, resource: Resource, argument: str) -> bool:
        """Return whether an argument that is known after apply is set; others are computed.

        It is taken as set if the configuration is not in the plan.
        """
        expression = self.plan.configuration.expression
        where = resource.module, resource.block
        return expression(*where, argument) is not None or expression(*where) is None

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

    def _of_row(self, resource: Resource, row: GrantArgument, side: Side) -> Iterator[Grant]:
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
    ) -> Iterator[Grant]:
        path, value = placed.path, placed.value
        attribute = place_of(resource, path).removeprefix(f"{resource.address}.")
        part = Part.ATTACHMENT if row.part is Part.ATTACHMENT_LIST else row.part
        if part in (Part.PERMISSIONS, Part.TRUST):
            key = GrantKey(part, self._inline_name(resource, row, placed, side) if row.name else "")
            text_ = self.library.content(resource, path, value)
            yield Grant(owner, key, text_, resource.address, attribute)
        elif part is Part.MEMBERSHIP:
            kind = GROUP if row.path == "groups.*" else USER
            for other in self.resolver.resolve(resource, path, value, kind, side):
                user, group = (owner, other) if kind == GROUP else (other, owner)
                # its policies are added to the user's
                unknown = self.library.of(group, Side.BEFORE)
                key = GrantKey(part, group)
                yield Grant(user, key, unknown, resource.address, attribute, group)
        else:
            for policy in self._policies(resource, row, placed, side):
                is_secret = isinstance(policy, Unresolved)
                content = self.library.of(policy, side)
                if is_secret and isinstance(value, Sensitive):
                    content = value
                key = GrantKey(part, "" if part is Part.BOUNDARY else self.owner(policy))
                yield Grant(owner, key, content, resource.address, attribute, policy)

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

    def _add_managed(self, accounts: Accounts) -> None:
        """Add the managed policies whose holders the plan does not show, or not all of them.

        The holder of such a policy is a principal, which can do what the policy newly allows. If a
        name fits several policies, the plan does not show which one has the holder.
        """
        holders = [
            Counter(
                self.owner(g.policy)
                for grants in side.grants.values()
                for g in grants.values()
                if g.policy and not accounts.is_ambiguous(g)
            )
            for side in accounts.sides
        ]
        for resource in self.resources:
            if resource.type != POLICY:
                continue
            policy = self.owner(InPlan(resource.address))
            count = one(resource, "attachment_count", Side.BEFORE)
            attached = count.value if isinstance(count, Known) else 0
            shown = holders[resource.before is None][policy]
            if shown and not (isinstance(attached, int) and attached > holders[0][policy]):
                continue
            for side, account in zip(Side, accounts.sides, strict=True):
                if is_there(resource, side):
                    own = InPlan(resource.address)
                    key = GrantKey(Part.PERMISSIONS)
                    content = self.library.of(own, side)
                    account.add(Grant(policy, key, content, resource.address, "policy", own))
            # IAM does not delete a policy that is attached, so the new one has no holders.
            is_new = resource.before is None or resource.is_replaced
            if is_new and policy == InPlan(resource.address):
                accounts.created.add(policy)


def _apart(grants: Iterator[Grant]) -> Iterator[Grant]:
    """Yield grants of a resource; grants with one name stay apart, because one of them applies."""
    keys: set[tuple[IamResource, GrantKey]] = set()
    for grant in grants:
        is_again = (grant.owner, grant.key) in keys
        keys.add((grant.owner, grant.key))
        key = grant.key._replace(name=f"{grant.address}.{grant.attribute}")
        yield replace(grant, key=key) if is_again else grant
