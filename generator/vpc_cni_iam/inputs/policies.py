"""The policies of an input, who has them, and the choice among them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts import aws_managed
from vpc_cni_iam.errors import InputError, UsageError, first_of
from vpc_cni_iam.inputs.kind import Part, PolicyOwner
from vpc_cni_iam.inputs.skipped import Reason, Skipped
from vpc_cni_iam.names import resolve
from vpc_cni_iam.policy.document import Policy

_UNKNOWN = ""  # the principal of a grant, if the input does not name it


class NamedPolicy(Struct, frozen=True):
    """One policy of an input."""

    name: str  # its name in the input, such as its data source's; empty if it has none
    policy: Policy
    source: str  # the input, as errors name it
    owners: frozenset[str] = frozenset()  # the principals that have it, by their names in the input
    version: str = ""  # the ARN of an attached AWS managed policy without its document

    @property
    def has_known_owners(self) -> bool:
        """Whether the input names its principals."""
        return bool(self.owners) and _UNKNOWN not in self.owners


class InputPolicies(Struct, frozen=True):
    """The identity policies of an input; `choose` selects the policies to check."""

    source: str  # the input, as errors name it
    policies: tuple[NamedPolicy, ...]
    # Skipped parts with reasons, without those that a user left out by naming policies.
    skipped: tuple[Skipped, ...]


def collect(parts: Iterable[Part], source: str) -> InputPolicies:
    """Return the policies of an input, and the skipped parts.

    The catalog has the document of an attached AWS managed policy, if the input does not.
    """
    policies: list[NamedPolicy] = []
    skipped: list[Skipped] = []
    grants: dict[str, list[PolicyOwner]] = {}
    for part in parts:
        match part:
            case Skipped():
                skipped.append(part)
            case PolicyOwner(policy=policy):
                grants.setdefault(policy, []).append(part)
            case name, document:
                policies.append(NamedPolicy(name, document, source))
    names = {p.name for p in policies} | {s.name for s in skipped}
    policies = [
        replace(p, owners=frozenset(grant.owner for grant in grants.get(p.name, ())))
        for p in policies
    ]
    for arn, attached in grants.items():
        if arn in names:
            continue
        owners = frozenset(grant.owner for grant in attached)
        if managed := aws_managed.published(arn):
            name = arn if managed.name in names else managed.name
            policies.append(NamedPolicy(name, managed.document, source, owners, managed.version))
        else:
            skipped += (_unknown(grant) for grant in attached)
    return InputPolicies(source, tuple(policies), tuple(dict.fromkeys(skipped)))


def _unknown(grant: PolicyOwner) -> Skipped:
    """Return an attachment of an unknown policy."""
    detail = "it is attached, but its document is missing"
    if instead := aws_managed.nonexistent(grant.policy):
        detail = f"it is attached, but AWS has no policy with this name; attach {instead}"
    elif grant.place:
        detail = f"{grant.place} attaches it, but its document is not known"
    return Skipped(grant.policy, Reason.not_read, detail, grant.owner)


def choose(opened: InputPolicies, names: Iterable[str]) -> InputPolicies:
    """Return the policies with these names, or of these principals, or of the only principal.

    Raises `InputError` for the name of a skipped policy; `UsageError` for an unknown name, or if no
    name is given and the policies may belong to several principals.
    """
    known = [policy.name for policy in opened.policies if policy.name]
    every = {o for p in opened.policies for o in p.owners} | {s.owner for s in opened.skipped}
    principals = sorted(every - {_UNKNOWN, *known})
    chosen = {_resolve(name, opened, [*known, *principals]) for name in names}
    if not chosen:
        return _together(opened, known, principals)
    whole = chosen.intersection(principals)
    policies = [p for p in opened.policies if p.name in chosen or p.owners & whole]
    if not policies:
        problem = f"no policy of {', '.join(sorted(whole))} can be read"
        raise InputError(opened.source, "", problem)
    owners = {o for p in policies for o in p.owners} - {_UNKNOWN}
    about = {_UNKNOWN, *whole} if whole else set[str]()
    return _taken(
        opened.source, policies, [s for s in opened.skipped if _matters(s, owners, about)]
    )


def _matters(skipped: Skipped, owners: Collection[str], about: Collection[str]) -> bool:
    """Return whether a skipped part may affect policies that were chosen by name.

    `owners` are the principals with one of them, and `about` the principals chosen as a whole.
    """
    if skipped.reason is Reason.not_applied and skipped.owner in owners:
        return True
    return skipped.reason is Reason.overrides or skipped.reason.is_note or skipped.owner in about


def _together(
    opened: InputPolicies, known: Sequence[str], principals: Sequence[str]
) -> InputPolicies:
    """Return the policies of the only principal with a written policy, or the only policy."""
    policies = opened.policies
    written = [p for p in policies if not p.version] or policies
    owners = written[0].owners if written[0].has_known_owners else frozenset()
    if len(written) > 1 and (not owners or any(p.owners != owners for p in written)):
        raise _several(opened, known, principals)
    chosen = [p for p in policies if p in written or (owners and owners <= p.owners)]
    detail = (
        f"it is attached, but it is not known whether the principal with {written[0].name} has it"
    )
    doubtful = [
        Skipped(p.name, Reason.not_read, detail)
        for p in policies
        if p not in chosen
        if not (owners and p.has_known_owners and p.owners.isdisjoint(owners))
    ]
    skipped = [s for s in opened.skipped if not (s.owner and owners) or s.owner in owners]
    return _taken(opened.source, chosen, [*skipped, *doubtful])


def _taken(
    source: str, policies: Sequence[NamedPolicy], skipped: Sequence[Skipped]
) -> InputPolicies:
    """Return the chosen policies, with a note on documents from the catalog."""
    detail = "it is attached; its document is {} of the catalog, as the partition aws has it"
    notes = (
        Skipped(p.name, Reason.read_with_it, detail.format(p.version))
        for p in policies
        if p.version
    )
    return InputPolicies(source, tuple(policies), (*skipped, *notes))


def _several(opened: InputPolicies, known: Sequence[str], principals: Sequence[str]) -> UsageError:
    """Return the error for policies that may belong to several principals."""
    problem = f"{opened.source} has several policies, {first_of(known)}; choose with --document"
    if unread := [s.name for s in opened.skipped if s.counts]:
        problem += f"\nof the others: {first_of(unread)} cannot be read"
    if principals:
        problem += f"\n--document also takes all policies of a principal: {first_of(principals)}"
    return UsageError(problem)


def _resolve(name: str, opened: InputPolicies, known: Sequence[str]) -> str:
    for skipped in opened.skipped:
        if skipped.name == name and name not in known:
            raise InputError(opened.source, "", f"{name} is {skipped.reason}: {skipped.detail}")
    return resolve(name, known, "document", "--document", source=opened.source)
