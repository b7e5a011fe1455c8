"""The account on one side of a plan: the policies of each principal.

The keys follow IAM's rules: a principal has one inline policy of a name, one attachment of a
policy, one boundary and one trust policy.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from enum import Enum
from typing import NamedTuple

from msgspec import Struct, field

from vpc_cni_iam.account.grants import GrantPart
from vpc_cni_iam.inputs.plan.account.documents import Invalid, PlanContent, PlanPolicy
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource, InPlan, Named
from vpc_cni_iam.inputs.plan.account.renewed import Renewed
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Sensitive, Unknown


class GrantKey(NamedTuple):
    """What identifies a grant of a principal."""

    part: GrantPart
    # The name of an inline policy, or the managed policy or group; empty if there can be only one.
    name: Hashable = ""
    group: IamResource | None = None  # the group that gives it to a user


class PlanGrant(Struct, frozen=True):
    """A policy, a boundary, a trust policy or a membership of a principal."""

    owner: IamResource
    key: GrantKey
    content: PlanContent
    address: str  # the resource that grants it
    attribute: str = ""  # the argument in it
    policy: IamResource | None = None  # the managed policy or group; None for an inline policy

    @property
    def document(self) -> PlanPolicy | None:
        """Its document, which may have unknown parts; None if it is not known."""
        return self.content if isinstance(self.content, PlanPolicy) else None

    @property
    def has_secrets(self) -> bool:
        """Whether its document has sensitive values, which are checked and never shown."""
        return self.document is not None and self.document.masked is not None

    @property
    def is_open(self) -> bool:
        """Whether its content is unknown."""
        return isinstance(self.content, Unknown | Sensitive | Invalid)

    @property
    def written_at(self) -> str:
        """Where the policy is written: its resource, its ARN, or the resource that has it."""
        match self.policy:
            case InPlan(address):
                return address
            case Named(_, _, arn):
                return arn
        return self.address


class ConflictKind(Enum):
    """Why a grant is gone although a resource keeps or creates it."""

    DELETED_ELSEWHERE = "deleted elsewhere"
    PRINCIPAL_REPLACED = "principal replaced"
    NOT_LISTED = "not listed"
    WRITTEN_TWICE = "written twice"


class Conflict(Struct, frozen=True):
    """A grant that is gone after the plan, although its own resource is not deleted.

    A plan does not say which change comes last, so both outcomes are checked.
    """

    kind: ConflictKind
    grant: PlanGrant
    address: str  # the resource that removes it
    is_kept: bool  # whether it may exist in the end, because a resource keeps or creates it


class OpenList(Struct, frozen=True):
    """An exclusive list that removes what the plan does not show."""

    owner: IamResource  # the principal, or the policy whose principals are listed
    address: str
    attribute: str
    part: GrantPart | None = None  # inline policies or attachments; None for principals
    # Whether the list is new, and removes policies from elsewhere. If not, some names are unknown.
    is_created: bool = False


class PlanAccount(Struct):
    """The grants of all principals, on one side of a plan."""

    grants: dict[IamResource, dict[GrantKey, PlanGrant]] = field(default_factory=dict)

    def add(self, grant: PlanGrant) -> None:
        """Add a grant, and replace one with the same key."""
        self.grants.setdefault(grant.owner, {})[grant.key] = grant

    def of(self, owner: IamResource) -> dict[GrantKey, PlanGrant]:
        """Return the grants of a principal, without those of its groups."""
        return self.grants.get(owner, {})

    def policies(self, owner: IamResource) -> dict[GrantKey, PlanGrant]:
        """Return the inline and attached policies of a principal and of its groups.

        If the plan does not show a group, its membership takes the place of its policies.
        """
        every = self._own(owner)
        for key, grant in self.groups(owner).items():
            if grant.policy is not None:
                of_group = self._own(grant.policy)
                every |= {k._replace(group=grant.policy): g for k, g in of_group.items()}
                if not isinstance(grant.policy, InPlan):
                    every[key] = grant
        return every

    def _own(self, owner: IamResource) -> dict[GrantKey, PlanGrant]:
        parts = (GrantPart.INLINE, GrantPart.ATTACHED)
        return {key: grant for key, grant in self.of(owner).items() if key.part in parts}

    def groups(self, owner: IamResource) -> dict[GrantKey, PlanGrant]:
        """Return the memberships of a user."""
        return {k: g for k, g in self.of(owner).items() if k.part is GrantPart.GROUP}

    def one(self, owner: IamResource, part: GrantPart) -> PlanGrant | None:
        """Return the trust policy or the boundary of a principal."""
        return self.of(owner).get(GrantKey(part))


class Accounts(Renewed):
    """The account before and after a plan, and changes of its principals."""

    before: PlanAccount = field(default_factory=PlanAccount)
    after: PlanAccount = field(default_factory=PlanAccount)
    conflicts: list[Conflict] = field(default_factory=list)
    open_lists: list[OpenList] = field(default_factory=list)
    # Addresses, and places of lists, whose principal is given by a name that fits several.
    ambiguous: set[str] = field(default_factory=set)

    @property
    def principals(self) -> tuple[IamResource, ...]:
        """All principals with a grant before or after."""
        return tuple(dict.fromkeys((*self.before.grants, *self.after.grants)))

    def is_ambiguous(self, grant: PlanGrant) -> bool:
        """Return whether a grant may belong to another principal, or of another policy."""
        place = f"{grant.address}.{grant.attribute}"
        return grant.address in self.ambiguous or place in self.ambiguous

    @property
    def sides(self) -> tuple[PlanAccount, PlanAccount]:
        """The accounts before and after."""
        return self.before, self.after

    def on(self, side: Side) -> PlanAccount:
        """Return the account on one side."""
        return self.after if side is Side.AFTER else self.before

    @property
    def kept(self) -> PlanAccount:
        """The account after, if everything that conflicts keep exists in the end.

        It has only the principals of such conflicts.
        """
        account = PlanAccount()
        for conflict in self.conflicts:
            if conflict.is_kept:
                owner = conflict.grant.owner
                if owner not in account.grants:
                    account.grants[owner] = dict(self.after.of(owner))
                account.add(conflict.grant)
        return account


def have_secrets(grants: Iterable[PlanGrant | None]) -> bool:
    """Return whether the document of any grant has sensitive values."""
    return any(grant.has_secrets for grant in grants if grant)


def known_policies(grants: Iterable[PlanGrant]) -> tuple[Policy, ...]:
    """Return the known policies of grants."""
    return tuple(grant.document.policy for grant in grants if grant.document)
