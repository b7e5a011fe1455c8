"""Fills the accounts before and after a plan with the grants of its resources.

They follow IAM's rules: IAM removes what an exclusive list does not name; a replaced principal
starts without policies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from msgspec.structs import asdict, replace

from vpc_cni_iam.account.grants import GrantPart
from vpc_cni_iam.inputs.plan.account.grants import (
    Accounts,
    Conflict,
    ConflictKind,
    GrantKey,
    PlanGrant,
)
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource, InPlan
from vpc_cni_iam.inputs.plan.account.lists import apply_lists
from vpc_cni_iam.inputs.plan.account.reader import AccountReader
from vpc_cni_iam.inputs.plan.account.resolve import is_there
from vpc_cni_iam.inputs.plan.arguments import GRANTS, POLICY, PRINCIPALS, list_argument
from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.values import one
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Known


def fill(reader: AccountReader) -> Accounts:
    """Return both accounts of a plan."""
    filling = _Filling(reader)
    accounts, resolver = filling.accounts, reader.resolver
    filling.fill_after()
    apply_lists(reader, accounts)
    for place in resolver.ambiguous:
        address = resolver.address_of(place)
        resource = resolver.by_address.get(address)
        is_own = resource is None or resource.type in PRINCIPALS
        accounts.ambiguous.add(place if is_own else address)
    filling.add_managed()
    return accounts


def _left_behind(reader: AccountReader) -> Iterator[Resource]:
    """Yield the policies and attachments that replacements leave behind, each with its address.

    IAM deletes the policy of a name, or the attachment of a policy, for every resource that has it.
    """
    for resource in reader.deposed:
        if resource.type in GRANTS and resource.type not in PRINCIPALS:
            yield replace(resource, address=f"{resource.address} (deposed {resource.deposed})")


class _Filling:
    """Fills the account before a plan, then the one after it."""

    def __init__(self, reader: AccountReader) -> None:
        self._reader = reader
        self.accounts = Accounts(**asdict(reader.renewed))
        granting = (*reader.resources, *_left_behind(reader))
        self._before = [grant for r in granting for grant in reader.grants(r, Side.BEFORE)]
        self._computed = [grant for r in reader.resources for grant in reader.computed(r)]
        for grant in (*self._computed, *self._before):
            self.accounts.before.add(grant)
        self._had = {(grant.address, grant.owner, grant.key) for grant in self._before}
        # A list removes what it no longer names, if the list exists after the plan: see `lists`.
        self._lists = {r.address for r in reader.resources if list_argument(r.type)}
        self._written: dict[tuple[IamResource, GrantKey], PlanGrant] = {}

    def fill_after(self) -> None:
        """Fill the account after the plan, and note which grants conflict with its changes."""
        accounts = self.accounts
        after = [*self._made_after()]
        granted = {(grant.address, grant.owner, grant.key) for _, grant in after}
        removed = {
            (grant.owner, grant.key): grant.address
            for grant in self._before
            if (grant.address, grant.owner, grant.key) not in granted
            if grant.address not in self._lists
        }
        of_lists = (grant for grant in self._before if grant.address in self._lists)
        for grant in (*self._computed, *of_lists):
            if grant.owner not in accounts.emptied and (grant.owner, grant.key) not in removed:
                accounts.after.add(grant)
        for resource, grant in after:
            remover = removed.get((grant.owner, grant.key), grant.address)
            if self._is_gone(resource, grant):
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
                self._write(grant)

    def _write(self, grant: PlanGrant) -> None:
        """Add a grant; of two resources with one policy, only those that change write it."""
        other = self._written.get((grant.owner, grant.key), grant)
        is_changed = self._reader.resolver.is_changed
        if is_changed(other.address) and other.content != grant.content:
            if not is_changed(grant.address):
                return
            kind = ConflictKind.WRITTEN_TWICE
            self.accounts.conflicts.append(Conflict(kind, other, grant.address, is_kept=True))
        self._written[grant.owner, grant.key] = grant
        self.accounts.after.add(grant)

    def _made_after(self) -> Iterator[tuple[Resource, PlanGrant]]:
        """Yield the grants after the plan, without those that a replacement creates and deletes.

        IAM has one grant of a key. If a replacement first creates what exists already, and then
        deletes it, nothing is left, unless the principal is replaced, too.
        """
        for resource in self._reader.resources:
            for grant in self._reader.grants(resource, Side.AFTER):
                if (
                    resource.actions != ("create", "delete")
                    or grant.owner in self.accounts.replaced
                    or (grant.address, grant.owner, grant.key) not in self._had
                ):
                    yield resource, grant

    def _is_gone(self, resource: Resource, grant: PlanGrant) -> bool:
        """Return whether a grant is lost with its principal, and the plan does not create it again.

        The plan creates grants after the principal exists again.
        """
        is_update = resource.actions == ("update",)
        if grant.owner not in self.accounts.replaced or not (resource.stays or is_update):
            return False
        assert isinstance(grant.owner, InPlan)  # noqa: S101 - only those are replaced
        owner = self._reader.resolver.by_address[grant.owner.address]
        is_renamed = one(owner, "name", Side.BEFORE) != one(owner, "name", Side.AFTER)
        puts = grant.key.part is GrantPart.INLINE or grant.address in self._lists or is_renamed
        is_own = self._reader.owner(InPlan(grant.address)) == grant.owner
        is_put = is_update and puts
        return (grant.address, grant.owner, grant.key) in self._had and not (is_own or is_put)

    def add_managed(self) -> None:
        """Add the managed policies whose holders the plan does not show, or not all of them.

        The holder of such a policy is a principal, which can do what the policy newly allows. If a
        name fits several policies, the plan does not show which one has the holder.
        """
        accounts, reader = self.accounts, self._reader
        holders = [
            Counter(
                reader.owner(g.policy)
                for grants in side.grants.values()
                for g in grants.values()
                if g.policy and not accounts.is_ambiguous(g)
            )
            for side in accounts.sides
        ]
        for resource in reader.resources:
            if resource.type != POLICY:
                continue
            policy = reader.owner(InPlan(resource.address))
            count = one(resource, "attachment_count", Side.BEFORE)
            attached = count.value if isinstance(count, Known) else 0
            shown = holders[resource.before is None][policy]
            if shown and not (isinstance(attached, int) and attached > holders[0][policy]):
                continue
            for side, account in zip(Side, accounts.sides, strict=True):
                if is_there(resource, side):
                    own = InPlan(resource.address)
                    key = GrantKey(GrantPart.INLINE)
                    content = reader.library.of(own, side)
                    account.add(PlanGrant(policy, key, content, resource.address, "policy", own))
            # IAM does not delete a policy that is attached, so the new one has no holders.
            is_new = resource.before is None or resource.is_replaced
            if is_new and policy == InPlan(resource.address):
                accounts.created.add(policy)
