"""Removes from the account after a plan what exclusive lists do not name.

A list is a resource with the names of all inline policies of a principal, or the ARNs of all its
attachments; ``aws_iam_policy_attachment`` has all principals with a policy. A new list removes what
other stacks made, and no plan shows it.

Source: Terraform AWS provider, aws_iam_role_policies_exclusive and aws_iam_policy_attachment.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.account.grants import GrantPart
from vpc_cni_iam.inputs.plan.account.grants import (
    Accounts,
    Conflict,
    ConflictKind,
    GrantKey,
    OpenList,
    PlanGrant,
)
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource, InPlan, Unresolved
from vpc_cni_iam.inputs.plan.account.reader import AccountReader
from vpc_cni_iam.inputs.plan.account.resolve import is_there, name_in
from vpc_cni_iam.inputs.plan.arguments import (
    GRANTS,
    POLICY,
    POLICY_ATTACHMENT,
    ROLE,
    GrantArgument,
    list_argument,
)
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.values import PlacedValue, place_of, read, value_at
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Unknown


def apply_lists(reader: AccountReader, accounts: Accounts) -> None:
    """Remove what exclusive lists do not name; a policy that only they name is unknown."""
    lists = _Lists(reader, accounts)
    for side in Side:
        for resource in reader.resources:
            row = list_argument(resource.type)
            if row and not resource.is_forgotten and is_there(resource, side):
                for owner in reader.owners(resource, row, side):
                    lists.apply(resource, row, owner, side)
    for resource in reader.resources:
        if resource.type == POLICY_ATTACHMENT and "create" in resource.actions:
            lists.apply_holders(resource)
        elif resource.type == ROLE and resource.actions == ("update",):
            lists.apply_arguments(resource)


class _Lists(Struct, frozen=True):
    reader: AccountReader
    accounts: Accounts

    def apply(self, resource: Resource, row: GrantArgument, owner: IamResource, side: Side) -> None:
        """Apply the list of one principal on a side."""
        accounts = self.accounts
        part = GrantPart.INLINE if row.part is GrantPart.INLINE_LIST else GrantPart.ATTACHED
        names = [
            name
            for placed in read(resource, row.path, side)
            for name in self._listed(resource, placed, part, side)
        ]
        if side is Side.BEFORE:
            if part is GrantPart.INLINE:
                self._add_named(resource, row, owner, names)
            return
        if resource.is_unchanged:
            return
        open_list = OpenList(owner, resource.address, row.path, part)
        is_new = owner not in self.reader.owners(resource, row, Side.BEFORE)
        if is_new:
            self._note_others(replace(open_list, is_created=True))
        if not any(isinstance(name, Unresolved | Unknown) for name in names):
            for key, grant in {**accounts.before.of(owner), **accounts.after.of(owner)}.items():
                if key.part is part and key.name not in names:
                    self._remove(resource, grant)
        elif owner not in accounts.created and (is_new or _is_changed(resource, row)):
            accounts.open_lists.append(open_list)

    def apply_holders(self, resource: Resource) -> None:
        """Detach a policy from what a new ``aws_iam_policy_attachment`` does not name."""
        before = {grant.key for grant in self.reader.grants(resource, Side.BEFORE)}
        grants = [g for g in self.reader.grants(resource, Side.AFTER) if g.key not in before]
        named = {grant.owner for grant in grants}
        for key, policy in {grant.key: grant.policy for grant in grants}.items():
            for owner, of_owner in self.accounts.after.grants.items():
                if key in of_owner and owner not in named:
                    self._remove(resource, of_owner[key])
            if policy and self._before(policy) is not None:
                is_created = OpenList(policy, resource.address, "policy_arn", is_created=True)
                self.accounts.open_lists.append(is_created)

    def apply_arguments(self, role: Resource) -> None:
        """Record new lists in a role's own arguments, unless its state shows what it had."""
        for row in GRANTS[ROLE]:
            argument = row.path.partition(".")[0]
            if row.computed and self.reader.is_set(role, argument):
                owner = InPlan(role.address)
                self._note_others(
                    OpenList(owner, role.address, argument, row.part, is_created=True)
                )

    def _note_others(self, created: OpenList) -> None:
        """Record that a new list removes other policies, unless the plan shows all of them."""
        argument = "inline_policy" if created.part is GrantPart.INLINE else "managed_policy_arns"
        state = self._before(created.owner)
        is_shown = state is None or state.get(argument) is not None
        if not (is_shown or created.owner in self.accounts.replaced):
            self.accounts.open_lists.append(created)

    def _before(self, named: IamResource) -> Mapping[str, Any] | None:
        """Return the state of a principal or policy before the plan; None for a new one."""
        by_address = self.reader.resolver.by_address
        return by_address[named.address].before if isinstance(named, InPlan) else {}

    def _add_named(
        self, resource: Resource, row: GrantArgument, owner: IamResource, names: Iterable[Hashable]
    ) -> None:
        """Add the inline policies that the plan only has by name, in a list.

        They are the same on both sides, because the list does not say that they change.
        """
        accounts = self.accounts
        for key in (GrantKey(GrantPart.INLINE, name) for name in names):
            if key not in accounts.before.of(owner):
                unknown = Unknown(place_of(resource, (row.path, str(key.name))), Side.BEFORE)
                grant = PlanGrant(owner, key, unknown, resource.address, row.path)
                accounts.before.add(grant)
                if owner not in accounts.emptied and key not in accounts.after.of(owner):
                    accounts.after.add(grant)

    def _remove(self, resource: Resource, grant: PlanGrant) -> None:
        """Remove a grant that the list of a resource does not name."""
        is_there = self.accounts.after.grants.get(grant.owner, {}).pop(grant.key, None) is not None
        is_of_list = grant.address == resource.address
        if is_there or is_of_list:  # otherwise its own resource deletes it
            is_own = grant.owner == InPlan(grant.address)
            is_kept = is_there and not (is_of_list or is_own)
            conflict = Conflict(ConflictKind.NOT_LISTED, grant, resource.address, is_kept)
            self.accounts.conflicts.append(conflict)

    def _listed(
        self, resource: Resource, placed: PlacedValue, part: GrantPart, side: Side
    ) -> tuple[Hashable, ...]:
        if part is GrantPart.ATTACHED:
            return self.reader.resolve(resource, placed, POLICY, side)
        return (name_in(placed.value) or Unknown(place_of(resource, placed.path), side),)


def _is_changed(resource: Resource, row: GrantArgument) -> bool:
    """Return whether a list changes; a sensitive list may be unchanged."""
    before, after = (value_at(resource, (row.path.partition(".")[0],), side) for side in Side)
    return before != after
