"""The account on one side of a plan: who has which policies.

IAM's own rules are in its keys: a principal has one inline policy of a name, one attachment of a
policy, one boundary and one trust policy.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from enum import Enum
from typing import NamedTuple

from msgspec import Struct, field

from vpc_cni_iam.inputs.plan.arguments import Part
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.value import Sensitive, Unknown
from vpc_cni_iam.review.account.documents import Content, Document, Invalid
from vpc_cni_iam.review.account.iam_resource import IamResource, InPlan, Named


class GrantKey(NamedTuple):
    """What tells a grant of a principal from its others."""

    part: Part
    # The name of an inline policy, else the managed policy or group; empty where there is but one.
    name: Hashable = ""
    group: IamResource | None = None  # the group with which a user has it


class Grant(Struct, frozen=True):
    """A policy, a boundary, a trust policy or a membership of a principal."""

    owner: IamResource
    key: GrantKey
    content: Content
    address: str  # the resource that says so
    attribute: str = ""  # the argument in it
    policy: IamResource | None = None  # the managed policy or group; None for an inline policy

    @property
    def is_known(self) -> bool:
        """Whether its document is known, but for holes."""
        return isinstance(self.content, Document)

    @property
    def has_secrets(self) -> bool:
        """Whether its document has sensitive values, which are judged and never shown."""
        return isinstance(self.content, Document) and self.content.masked is not None

    @property
    def is_open(self) -> bool:
        """Whether nothing is known of what it says."""
        return isinstance(self.content, Unknown | Sensitive | Invalid)

    @property
    def written_at(self) -> str:
        """Where the policy is written: its resource, its ARN, or what has it inline."""
        match self.policy:
            case InPlan(address):
                return address
            case Named(_, _, arn):
                return arn
        return self.address


class ConflictKind(Enum):
    """Why a grant is gone though a resource of the plan keeps it, or made."""

    DELETED_ELSEWHERE = "deleted elsewhere"
    PRINCIPAL_REPLACED = "principal replaced"
    NOT_LISTED = "not listed"


class Conflict(Struct, frozen=True):
    """A grant that is gone after, though no resource of the plan deletes it as its own.

    A plan does not say in which order it is removed and kept, so that both outcomes count.
    """

    kind: ConflictKind
    grant: Grant
    address: str  # the resource that removes it
    is_kept: bool  # whether it may be there in the end, since a resource keeps or makes it


class OpenList(Struct, frozen=True):
    """An exclusive list of which the plan does not show all that it removes."""

    owner: IamResource  # the principal, or the policy whose principals are listed
    address: str
    attribute: str
    part: Part | None = None  # what it lists: inline policies, or attachments; None for principals
    # Whether it is new, and removes what others made; else not all its names are known.
    is_created: bool = False


class Account(Struct):
    """Who has what, on one side of a plan."""

    grants: dict[IamResource, dict[GrantKey, Grant]] = field(default_factory=dict)

    def add(self, grant: Grant) -> None:
        """Add a grant, in place of one with its key."""
        self.grants.setdefault(grant.owner, {})[grant.key] = grant

    def of(self, owner: IamResource) -> dict[GrantKey, Grant]:
        """Return what a principal has itself."""
        return self.grants.get(owner, {})

    def policies(self, owner: IamResource) -> dict[GrantKey, Grant]:
        """Return the inline and attached policies of a principal, with those of its groups.

        A group that the plan does not show stands for its policies.
        """
        every = self._own(owner)
        for key, grant in self.groups(owner).items():
            if grant.policy is not None:
                of_group = self._own(grant.policy)
                every |= {k._replace(group=grant.policy): g for k, g in of_group.items()}
                if not isinstance(grant.policy, InPlan):
                    every[key] = grant
        return every

    def _own(self, owner: IamResource) -> dict[GrantKey, Grant]:
        parts = (Part.PERMISSIONS, Part.ATTACHMENT)
        return {key: grant for key, grant in self.of(owner).items() if key.part in parts}

    def groups(self, owner: IamResource) -> dict[GrantKey, Grant]:
        """Return the memberships of a user."""
        return {k: g for k, g in self.of(owner).items() if k.part is Part.MEMBERSHIP}

    def one(self, owner: IamResource, part: Part) -> Grant | None:
        """Return the trust policy or the boundary of a principal."""
        return self.of(owner).get(GrantKey(part))


class Accounts(Struct):
    """The account before and after a plan, and what becomes of its principals."""

    before: Account = field(default_factory=Account)
    after: Account = field(default_factory=Account)
    conflicts: list[Conflict] = field(default_factory=list)
    open_lists: list[OpenList] = field(default_factory=list)
    created: set[IamResource] = field(default_factory=set)
    deleted: set[IamResource] = field(default_factory=set)
    replaced: set[IamResource] = field(default_factory=set)
    # The addresses of principals that are created again at another one, by who they were.
    successors: dict[IamResource, str] = field(default_factory=dict)
    # What says by a name that may be one of several who has what: addresses, and places of lists.
    ambiguous: set[str] = field(default_factory=set)

    @property
    def principals(self) -> tuple[IamResource, ...]:
        """Everybody who has anything on either side, each once."""
        return tuple(dict.fromkeys((*self.before.grants, *self.after.grants)))

    def is_ambiguous(self, grant: Grant) -> bool:
        """Say whether another one may have a grant, or have another policy by it."""
        place = f"{grant.address}.{grant.attribute}"
        return grant.address in self.ambiguous or place in self.ambiguous

    @property
    def sides(self) -> tuple[Account, Account]:
        """Before and after."""
        return self.before, self.after

    @property
    def kept(self) -> Account:
        """The account after, if all that conflicts keep is there in the end.

        It has only the principals of conflicts that keep something.
        """
        account = Account()
        for conflict in self.conflicts:
            if conflict.is_kept:
                owner = conflict.grant.owner
                if owner not in account.grants:
                    account.grants[owner] = dict(self.after.of(owner))
                account.add(conflict.grant)
        return account


def known_policies(grants: Iterable[Grant]) -> tuple[Policy, ...]:
    """Return the policies of grants that are known."""
    return tuple(g.content.policy for g in grants if isinstance(g.content, Document))
