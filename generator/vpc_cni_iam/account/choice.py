"""Which role of an account is aws-node's, or which policies a user chose."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.account.access import RoleAccess
from vpc_cni_iam.account.account import Account
from vpc_cni_iam.account.assuming import gets, is_trusted
from vpc_cni_iam.account.doubts import NotKnown, Reason
from vpc_cni_iam.account.grants import UNKNOWN, Document, Gap, Use
from vpc_cni_iam.errors import InputError, UsageError, first_of
from vpc_cni_iam.names import resolve
from vpc_cni_iam.plugin.cluster import ANY_CLUSTER
from vpc_cni_iam.plugin.identity import Identity, counting
from vpc_cni_iam.plugin.trust import best, names_plugin


def choose_role(account: Account, role: str = "", cluster: str = "") -> RoleAccess:
    """Return what aws-node's role has: the named one, or the only one that it can be.

    An add-on, an association or a service account of the input that names a role decides. Else a
    role for IRSA or EKS Pod Identity precedes node roles, as in a cluster. Without any role, it is
    the only policy. Raises `UsageError` if there is not exactly one, or for an unknown name.
    """
    if role:
        known = sorted({*account.principals, *(d.owner for d in account.doubts)} - {UNKNOWN})
        name = resolve(role, known, "role", "--role", source=account.source)
        return _noted(_readable(account, account.access(name)))
    if (used := _used(account, cluster)) is not None:
        return used
    candidates = _Candidates.of(account)
    if len(candidates.first) == 1 and not candidates.loose:
        chosen = _readable(account, candidates.first[0])
        notes = (*candidates.left_out(), *_unresolved(account))
        is_named = Identity.node_role in {u.by for u in account.uses if u.role == chosen.principal}
        return replace(chosen, is_of_node_group=is_named, not_known=(*chosen.not_known, *notes))
    if not candidates.first and len(candidates.loose) == 1:
        return _loose(account, candidates.loose)
    raise candidates.error(account)


def choose_policies(account: Account, names: Iterable[str] = ()) -> RoleAccess:
    """Return the policies with these names or of these principals; all, if one principal has them.

    Raises `InputError` for the name of a policy that is not known; `UsageError` for an unknown
    name, or if several principals may have the policies.
    """
    known = [document.name for document in account.policies if document.name]
    principals = sorted(
        {*account.principals, *(d.owner for d in account.doubts)} - {UNKNOWN, *known}
    )
    asked = {_resolve(account, name, [*known, *principals]): None for name in names}
    if len(asked) == 1 and (principal := next(iter(asked))) in account.principals:
        return _readable(account, account.access(principal))
    if asked:
        return _together(account, asked)
    loose = _loose_documents(account)
    owners = [*_having_policies(account)]
    if len(owners) == 1 and not loose:
        return _readable(account, owners[0])
    if not owners and len(loose) == 1:
        return _loose(account, loose)
    raise UsageError(_several(account, known, principals))


def _used(account: Account, cluster: str) -> RoleAccess | None:
    """Return what the role has that the input names as aws-node's; None if it names none.

    EKS Pod Identity precedes IRSA. Raises `UsageError` for several, or one without a policy here.
    """
    own = [use for use in account.uses if use.by is not Identity.node_role]
    counted = counting(use.by for use in own)
    uses = [u for u in own if u.by is counted and (not cluster or u.cluster.name in ("", cluster))]
    places = {use.role: use.place for use in uses}
    if not uses or UNKNOWN in places:
        return None
    named = first_of([f"{role} ({place})" for role, place in places.items()])
    if len(places) > 1:
        problem = f"aws-node has several roles, {named}; choose with --role"
        raise UsageError(f"{account.source}: {problem}")
    (role,) = places
    if role not in account.principals:
        problem = f"has no policy of aws-node's role, {named}; give the input that has it, "
        raise UsageError(f"{account.source} {problem}or choose another role with --role")
    access = _readable(account, account.access(role))
    others = (a.principal for a in _having_policies(account) if a.principal != role)
    notes = [_note(role, f"it is aws-node's: {places[role]} names it")]
    notes += [doubt for use in uses for doubt in _refused(access, use, _first(account, use))]
    notes += (_note(other, "left out: aws-node has another role") for other in others)
    return replace(access, not_known=(*access.not_known, *notes))


def _first(account: Account, use: Use) -> RoleAccess | None:
    """Return the role that must assume another one for aws-node; None if there is none."""
    if use.first is None:
        return None
    absent = NotKnown(use.first, Reason.not_read, "it is not in the input")
    access, is_there = account.access(use.first), use.first in account.principals
    return access if is_there else replace(access, not_known=(*access.not_known, absent))


def _refused(access: RoleAccess, use: Use, first: RoleAccess | None) -> Iterator[NotKnown]:
    """Yield why aws-node does not get a role, or may not get it."""
    answer, by_trust = gets(access, use, first), is_trusted(access, use, first)
    trust = access.role_trust if first is None and use.has_agent else None
    if answer or (answer is None and trust and names_plugin(trust.policy)):
        return
    how = "does not show whether it lets" if answer is None else "does not let"
    detail = f"its trust policy {how} {use.first or 'aws-node'} assume it with {use.by}"
    if by_trust is not answer:
        how = "does not show" if answer is None else "removes"
        detail = f"the plan {how} the EKS Pod Identity Agent, which aws-node needs"
        if use.has_agent is not answer:
            detail = f"{use.first}, which must assume it, is not certainly trusted and allowed to"
    reason = Reason.may_be_refused if answer is None else Reason.refused
    yield NotKnown(access.principal, reason, detail, access.principal)


def _unresolved(account: Account) -> Iterator[NotKnown]:
    """Yield which resources name aws-node's role in a way that is not known."""
    for use in account.uses:
        if use.role == UNKNOWN:
            detail = "it names aws-node's role by a value that is not known"
            yield NotKnown(use.place, Reason.overrides, detail)


class _Candidates(Struct, frozen=True):
    """The roles that may be aws-node's, and what is left out."""

    first: tuple[RoleAccess, ...]  # those of the kind that comes first
    later: tuple[RoleAccess, ...]  # node roles beside a role of aws-node's own
    unclear: tuple[RoleAccess, ...]  # beside roles that fit
    excluded: tuple[RoleAccess, ...]  # roles that aws-node cannot assume
    loose: tuple[Document, ...]  # policies that nobody is known to have

    @classmethod
    def of(cls, account: Account) -> _Candidates:
        """Return the candidates of an account."""
        clusters, pods = [p.cluster for p in account.plugins], Identity.pod_identity
        cluster = clusters[0] if len(clusters) == 1 else ANY_CLUSTER
        every = [*_having_policies(account)]
        firsts = [access for access in every if access.ways(cluster).get(pods)]
        by_fit: dict[bool | None, list[RoleAccess]] = {True: [], None: [], False: []}
        for access in every:
            use = Use(access.principal, pods, cluster=cluster)
            assuming = firsts if access.trusts_principals else ()
            by_first = (gets(access, use, first) for first in assuming)
            by_fit[best((access.fits(cluster), *by_first))].append(access)
        own = [access for access in by_fit[True] if not access.is_of_nodes]
        nodes = [access for access in by_fit[True] if access.is_of_nodes]
        named = {use.role for use in account.uses if use.by is Identity.node_role}
        nodes = [access for access in nodes if access.principal in named] or nodes
        unclear = by_fit[None]  # any of them may be aws-node's own, before node roles
        first, later, unclear = (own, nodes, unclear) if own else ([*unclear, *nodes], [], [])
        groups = (first, later, unclear, by_fit[False], _loose_documents(account))
        return cls(*map(tuple, groups))  # type: ignore[arg-type]

    @property
    def are_unclear(self) -> bool:
        """Whether no candidate is known to fit."""
        return any(access.fits() is None for access in self.first)

    def left_out(self) -> Iterator[NotKnown]:
        """Yield a note on each role or policy that is not judged, and on an assumption."""
        (chosen,) = self.first
        if self.are_unclear and (self.excluded or isinstance(chosen.trust, Gap)):
            yield _note(chosen.principal, "its trust policy is not known; it is taken for aws-node")
        for access in self.later:
            yield _note(access.principal, "left out: aws-node uses its own role, not the node role")
        for access in self.unclear:
            yield _note(access.principal, "left out: its trust policy is not known")
        for access in self.excluded:
            is_other = access.fits()
            why = "it is for another cluster" if is_other else f"it trusts {access.trusted}"
            yield _note(access.principal, f"left out: {why}")

    def error(self, account: Account) -> UsageError:
        """Return the error that there is not exactly one candidate."""
        names = [access.principal for access in self.first]
        loose = first_of([document.name for document in self.loose])
        if names:
            problem = (
                f"{account.source} has several roles that aws-node may have, {first_of(names)}"
            )
            if len(names) == 1:
                problem = f"{account.source} has several policies, and it is not known whether "
                problem += f"{names[0]} has {loose}"
            problem += "; choose with --role, or policies with --document"
        elif self.excluded:
            listed = first_of([f"{a.principal} (it trusts {a.trusted})" for a in self.excluded])
            problem = f"{account.source} has no role that aws-node can assume: {listed}"
            problem += "\nto check one of them nevertheless, choose it with --role"
        else:
            return UsageError(_several(account, [d.name for d in account.policies], ()))
        return UsageError(problem + _not_read(account))


def _having_policies(account: Account) -> Iterator[RoleAccess]:
    """Yield the principals that the input names and that have a policy, also an unknown one."""
    owners = dict.fromkeys(grant.owner for grant in account.grants if grant.part.gives)
    owners |= dict.fromkeys(doubt.owner for doubt in account.doubts if doubt.may_allow)
    return (account.access(owner) for owner in owners if owner != UNKNOWN)


def _loose_documents(account: Account) -> tuple[Document, ...]:
    """Return the policies that nobody is known to have."""
    return tuple(d for d in account.policies if d.name not in account.owned and not d.version)


def _loose(account: Account, documents: Sequence[Document]) -> RoleAccess:
    """Return a policy that nobody is known to have as that of some role."""
    return account.taken("", documents, (), account.doubts_of_unknown())


def _readable(account: Account, access: RoleAccess) -> RoleAccess:
    doubts = [doubt for doubt in access.not_known if doubt.may_allow]
    if not access.policies and doubts:
        first = min(doubts, key=lambda doubt: doubt.owner != access.principal)
        problem = f"no policy of {access.principal} can be read; {first.name}: {first.detail}"
        raise InputError(account.source, "", problem)
    return access


def _noted(access: RoleAccess) -> RoleAccess:
    """Return a role that a user chose, with a note if aws-node cannot assume it."""
    if access.fits() is not False:
        return access
    detail = f"aws-node cannot assume it: it trusts {access.trusted}"
    note = NotKnown(access.principal, Reason.trust, detail, access.principal)
    return replace(access, not_known=(*access.not_known, note))


def _together(account: Account, asked: Collection[str]) -> RoleAccess:
    """Return policies that were chosen by name, as those of one principal."""
    whole = {name for name in asked if name in account.principals}
    accesses = [account.access(principal) for principal in account.principals]
    of_whole = [policy for a in accesses if a.principal in whole for policy in a.policies]
    policies = [p for p in account.policies if p.name in asked or p in of_whole]
    if not policies:
        problem = f"no policy of {', '.join(sorted(whole))} can be read"
        raise InputError(account.source, "", problem)
    having = [a for a in accesses if any(p in a.policies for p in policies)]
    limits = dict.fromkeys(limit for a in having for limit in a.limits)
    return account.taken("", policies, tuple(limits), _doubts_of(account, having, whole))


def _doubts_of(
    account: Account, having: Iterable[RoleAccess], whole: Collection[str]
) -> Iterator[NotKnown]:
    """Yield what is not known about policies of some principals, of which some count as a whole."""
    for access in having:
        every = access.principal in whole
        yield from (d for d in access.not_known if every or d.reason is Reason.not_applied)
    yield from (d for d in account.doubts if d.reason is Reason.overrides or d.reason.is_note)


def _resolve(account: Account, name: str, known: Sequence[str]) -> str:
    for doubt in account.doubts:
        if doubt.name == name and name not in known:
            raise InputError(account.source, "", f"{name} is {doubt.reason}: {doubt.detail}")
    return resolve(name, known, "document", "--document", source=account.source)


def _several(account: Account, known: Sequence[str], principals: Sequence[str]) -> str:
    """Return the problem of policies that may belong to several principals."""
    problem = f"{account.source} has several policies, {first_of(known)}; choose with --document"
    problem += _not_read(account)
    if principals:
        problem += f"\n--document also takes all policies of a principal: {first_of(principals)}"
    return problem


def _not_read(account: Account) -> str:
    unread = [doubt.name for doubt in account.not_known if doubt.counts]
    return f"\nof the others: {first_of(unread)} cannot be read" if unread else ""


def _note(name: str, detail: str) -> NotKnown:
    return NotKnown(name, Reason.assumed, detail)
