"""One account: the documents of an input, who has them, and what is not known.

Every kind of input fills it. An attachment or a boundary without a document is a doubt about its
principal; it is never left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.account.access import RoleAccess
from vpc_cni_iam.account.doubts import BOUNDARY, NotInInput, NotKnown, Reason
from vpc_cni_iam.account.grants import (
    UNKNOWN,
    ClusterSettings,
    Document,
    Gap,
    GapKind,
    Grant,
    GrantPart,
    PolicyOrGap,
    Use,
)
from vpc_cni_iam.catalog.facts import aws_managed
from vpc_cni_iam.plugin.identity import is_role_arn

Fact = Document | Grant | Use | ClusterSettings | NotKnown  # what kinds of inputs yield

T = TypeVar("T")
_GIVEN = "it is attached; its document is {} of the catalog, as the partition aws has it"


class Account(Struct, dict=True):
    """The documents and grants of an input."""

    source: str  # the input, as errors name it
    documents: dict[str, Document]
    grants: tuple[Grant, ...]
    doubts: tuple[NotKnown, ...]  # about the whole input, or about a principal
    uses: tuple[Use, ...] = ()
    plugins: tuple[ClusterSettings, ...] = ()

    @classmethod
    def of(cls, facts: Iterable[Fact], source: str) -> Account:
        """Return the account that an input describes."""
        account = cls(source, {}, (), ())
        grants, doubts, uses = dict[Grant, None](), dict[NotKnown, None](), dict[Use, None]()
        for fact in facts:
            match fact:
                case Document():
                    account.documents[fact.name] = replace(fact, source=fact.source or source)
                case Grant():
                    grants[fact] = None
                case Use():
                    uses[fact] = None
                case ClusterSettings():
                    account.plugins += (fact,)
                case NotKnown():
                    doubts[fact] = None
        granted = {grant.policy for grant in grants}
        for document in account.documents.values():
            if isinstance(document.content, Gap) and document.name not in granted:
                doubts[NotKnown(document.name, Reason.not_read, document.content.why)] = None
        account.grants, account.doubts = tuple(grants), tuple(doubts)
        account.uses = tuple(uses)
        return account

    # What is there; an account has thousands of principals, so that each is found by its name.

    @cached_property
    def _grants_of(self) -> dict[str, list[Grant]]:
        return _by(self.grants, lambda grant: grant.owner)

    @cached_property
    def _grants_with(self) -> dict[str, list[Grant]]:
        return _by(self.grants, lambda grant: grant.policy)

    @cached_property
    def _doubts_of(self) -> dict[str, list[NotKnown]]:
        return _by(self.doubts, lambda doubt: doubt.owner)

    @cached_property
    def _doubtful(self) -> frozenset[str]:
        return frozenset(doubt.name for doubt in self.doubts)

    @cached_property
    def _order(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.documents)}

    @property
    def principals(self) -> tuple[str, ...]:
        """The principals that the input names."""
        return tuple(dict.fromkeys(g.owner for g in self.grants if g.owner))

    @property
    def owned(self) -> frozenset[str]:
        """The names of the documents that a known principal has."""
        return frozenset(grant.policy for grant in self.grants if grant.owner)

    @cached_property
    def policies(self) -> tuple[Document, ...]:
        """Every known policy of an identity, also those of the catalog."""
        trusts = {grant.policy for grant in self.grants if grant.part is GrantPart.TRUST}
        known = [d for d in self.documents.values() if d.is_of_identity and d.name not in trusts]
        named = {document.name for document in known}
        for grant in self.grants:
            if grant.part.gives and grant.policy not in self.documents:
                document = self.document(grant)
                if document.is_of_identity and document.name not in named:
                    named.add(document.name)
                    known.append(document)
        return tuple(known)

    def document(self, grant: Grant) -> Document:
        """Return the document of a grant, from the input or the catalog."""
        if (written := self.documents.get(grant.policy)) is not None:
            return written
        if managed := aws_managed.published(grant.policy):
            name = grant.policy if managed.name in self.documents else managed.name
            return Document(name, managed.document, self.source, managed.version, grant.policy)
        return Document(grant.policy, self._gap(grant), self.source)

    def _gap(self, grant: Grant) -> Gap:
        kind = GapKind.not_in_input
        if grant.part is GrantPart.BOUNDARY:
            has = f"{grant.place} has it; " if grant.place else ""
            return Gap(kind, f"{has}{BOUNDARY}")
        if instead := aws_managed.nonexistent(grant.policy):
            return Gap(
                kind, f"it is attached, but AWS has no policy with this name; attach {instead}"
            )
        if grant.policy in self._doubtful:
            return Gap(GapKind.unknown, "")  # the doubt says why
        if not grant.place:
            return Gap(kind, "it is attached, but its document is missing")
        return Gap(kind, f"{grant.place} attaches it, but its document is not known")

    def _missing(self, grant: Grant, content: PolicyOrGap) -> Iterator[NotKnown]:
        """Yield the doubt about a grant without a document."""
        if isinstance(content, Gap) and content.why:
            is_limit = grant.part is GrantPart.BOUNDARY
            reason = Reason.not_applied if is_limit else Reason.not_read
            kind = NotInInput if content.kind is GapKind.not_in_input else NotKnown
            yield kind(grant.policy, reason, content.why, grant.owner)

    @property
    def not_known(self) -> tuple[NotKnown, ...]:
        """Every doubt, also about grants without a document, and documents that nobody has."""
        held = (grant for grant in self.grants if grant.part is not GrantPart.TRUST)
        gaps = ((grant, self.document(grant).content) for grant in held)
        return tuple(
            dict.fromkeys((*self.doubts, *(d for g, c in gaps for d in self._missing(g, c))))
        )

    # What a principal has.

    def access(self, principal: str) -> RoleAccess:
        """Return what a principal has; grants of unknown principals may be its, too."""
        policies, limits, doubts = (
            dict[str, Document](),
            list[tuple[Document, ...]](),
            list[NotKnown](),
        )
        trust, arn = None, ""
        for grant in (*self._grants_of.get(principal, ()), *self._grants_of.get(UNKNOWN, ())):
            document = self.document(grant)
            if grant.owner == UNKNOWN and grant.part.gives:
                if not self._is_anothers(grant, principal):
                    detail = f"it is attached, but it is not known whether {principal} has it"
                    doubts.append(NotKnown(document.name, Reason.not_read, detail))
            elif grant.part is GrantPart.TRUST:
                trust, arn = document.content, grant.arn
            elif isinstance(document.content, Gap):
                doubts += self._missing(grant, document.content)
            elif grant.part is GrantPart.BOUNDARY:
                limits.append((document,))
            elif grant.part.gives:
                policies[document.name] = document
        doubts += self._doubts_of.get(principal, ())
        doubts += self._doubts_of.get(UNKNOWN, ())
        doubts = [d for d in doubts if not self._is_of_others(d, principal)]
        last = len(self._order)
        ordered = sorted(policies.values(), key=lambda p: self._order.get(p.name, last))
        access = self.taken(principal, ordered, tuple(limits), doubts)
        return replace(access, trust=trust, arn=arn or access.arn)

    def _is_anothers(self, grant: Grant, principal: str) -> bool:
        """Return whether a grant of an unknown principal repeats a known one of another."""
        return any(g.owner == principal for g in self._grants_with[grant.policy])

    def _is_of_others(self, doubt: NotKnown, principal: str) -> bool:
        """Return whether a doubt is about a policy that only other principals have."""
        owners = {grant.owner for grant in self._grants_with.get(doubt.name, ())}
        return bool(owners) and owners.isdisjoint({principal, UNKNOWN})

    def taken(
        self,
        principal: str,
        policies: Sequence[Document],
        limits: tuple[tuple[Document, ...], ...],
        doubts: Iterable[NotKnown],
    ) -> RoleAccess:
        """Return what a principal has, with a note on each document that the catalog has."""
        notes = (
            NotKnown(p.name, Reason.read_with_it, _GIVEN.format(p.version))
            for p in policies
            if p.version
        )
        every = tuple(dict.fromkeys((*doubts, *notes)))
        arn = principal if is_role_arn(principal) else ""
        return RoleAccess(principal, tuple(policies), limits, every, arn=arn)

    def doubts_of_unknown(self) -> Iterator[NotKnown]:
        """Yield what is not known about policies that no principal is known to have."""
        for grant in self._grants_of.get(UNKNOWN, ()):
            if grant.part.gives:
                yield from self._missing(grant, self.document(grant).content)
        yield from self._doubts_of.get(UNKNOWN, ())


def _by(items: Iterable[T], key: Callable[[T], str]) -> dict[str, list[T]]:
    """Return items by a key."""
    grouped: dict[str, list[T]] = {}
    for item in items:
        grouped.setdefault(key(item), []).append(item)
    return grouped
