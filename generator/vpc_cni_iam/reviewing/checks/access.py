"""Who can do more after a plan, or less: what becomes of the policies of each principal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts import aws_managed
from vpc_cni_iam.catalog.facts.aws_managed import AwsManagedPolicy, PolicyClass
from vpc_cni_iam.catalog.known_documents import KnownDocument, recognise
from vpc_cni_iam.coverage.names import names_in
from vpc_cni_iam.inputs.plan.arguments import Part
from vpc_cni_iam.policy.diff import Difference
from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.policy.value import Sensitive
from vpc_cni_iam.reviewing.account.documents import Document, Invalid
from vpc_cni_iam.reviewing.account.grants import Grant
from vpc_cni_iam.reviewing.account.iam_resource import IamResource, InPlan, Named, Unresolved
from vpc_cni_iam.reviewing.context import Context
from vpc_cni_iam.reviewing.diff.harm import scope
from vpc_cni_iam.reviewing.diff.permissions import Open
from vpc_cni_iam.reviewing.diff.principals import GrantChange, PrincipalChange
from vpc_cni_iam.reviewing.diff.reach import Reach
from vpc_cni_iam.reviewing.findings import Finding, finding
from vpc_cni_iam.reviewing.rules import Consequence, Level, Rule


class AboutPrincipals(Struct, frozen=True):
    """Evidence about principals."""

    owners: tuple[IamResource, ...]


class Gain(AboutPrincipals, frozen=True):
    """Something is newly allowed."""

    is_new: bool  # whether they were not there before
    reach: Reach  # how far they reach now, if that is further than before
    scope: tuple[Difference, ...]  # by which statements; empty where only a boundary changes
    example: NewAccess | None  # None where it could tell a secret


class Undecided(AboutPrincipals, frozen=True):
    """Whether something is newly allowed is not decided."""

    scope: tuple[Difference, ...]
    answer: NotProven


class DenyLost(AboutPrincipals, frozen=True):
    """A Deny is gone, or may be: policies that the plan does not show may allow what it denied."""

    scope: tuple[Difference, ...]  # empty where the plan does not show the policy
    policies: tuple[IamResource, ...]  # those that it does not show
    example: NewAccess | None


class NotShown(AboutPrincipals, frozen=True):
    """A policy is given, and the plan does not show what it says."""

    is_new: bool
    grant: Grant
    managed: AwsManagedPolicy | None = None


class Published(AboutPrincipals, frozen=True):
    """A policy is, or becomes, a document of the catalog."""

    before: KnownDocument | None
    after: KnownDocument


class NoGain(AboutPrincipals, frozen=True):
    """The policies change, and allow nothing that was not allowed before."""

    grants: tuple[GrantChange, ...]


class _Outcome(Enum):
    """What becomes of the policies of a principal."""

    FURTHER = "reaches further"
    MORE = "allowed more"
    BY_NEW = "a new principal is allowed something"
    PUBLISHED = "a document of the catalog is new"
    UPDATED = "a newer document of the catalog"
    UNDECIDED = "not decided"
    DENY_LOST = "a Deny is gone, or may be"
    LATER = "known after apply"
    INVALID = "no policy"
    SENSITIVE = "sensitive"
    ATTACHED = "a policy that the plan does not show"
    UNKNOWN_OF_AWS = "a policy of AWS of which nothing is known"
    JOINED = "joins a group"
    SAME = "allowed the same"
    LESS = "allowed less"
    HAD_BEFORE = "gets a policy whose access it had"


_NEW = (Consequence.NEW_ACCESS, Consequence.ANY_CHANGE)
_ANY = (Consequence.ANY_CHANGE,)
_ROWS: dict[_Outcome, tuple[Rule, Level, tuple[Consequence, ...]]] = {
    _Outcome.FURTHER: (Rule.ADMIN, Level.ERROR, _NEW),
    _Outcome.MORE: (Rule.NEW_ACCESS, Level.ERROR, _NEW),
    _Outcome.BY_NEW: (Rule.NEW_POLICY, Level.WARNING, _NEW),
    _Outcome.PUBLISHED: (Rule.NEW_POLICY, Level.NOTE, _NEW),
    _Outcome.UPDATED: (Rule.UPSTREAM_UPDATED, Level.NOTE, _NEW),
    _Outcome.UNDECIDED: (Rule.NOT_PROVEN, Level.WARNING, _NEW),
    _Outcome.DENY_LOST: (Rule.NOT_PROVEN, Level.WARNING, _NEW),
    _Outcome.LATER: (Rule.UNKNOWN_POLICY, Level.WARNING, _NEW),
    _Outcome.INVALID: (Rule.UNREADABLE, Level.ERROR, _NEW),
    _Outcome.SENSITIVE: (Rule.SENSITIVE_POLICY, Level.WARNING, _NEW),
    _Outcome.ATTACHED: (Rule.UNKNOWN_ATTACHMENT, Level.WARNING, _NEW),
    _Outcome.UNKNOWN_OF_AWS: (Rule.UNKNOWN_ATTACHMENT, Level.ERROR, _NEW),
    _Outcome.JOINED: (Rule.GROUP_JOINED, Level.WARNING, _NEW),
    _Outcome.SAME: (Rule.REWRITTEN, Level.NOTE, _ANY),
    _Outcome.LESS: (Rule.ACCESS_REMOVED, Level.NOTE, _ANY),
    _Outcome.HAD_BEFORE: (Rule.NEW_POLICY, Level.NOTE, _ANY),
}


def check(context: Context) -> Iterator[Finding]:
    """Yield what becomes of the policies of each principal; of several the same, one finding."""
    found: dict[tuple[object, ...], Finding] = {}
    for change in context.principals:
        for each in _of_principal(change, context):
            evidence = replace(each.evidence, owners=())
            if getattr(evidence, "example", None) is not None:
                evidence = replace(evidence, example=None)
            key = (each.rule, each.level, each.address, each.attribute, evidence)
            found[key] = _joined(found[key], each) if key in found else each
    yield from found.values()


def _joined(first: Finding, other: Finding) -> Finding:
    evidence, more = first.evidence, other.evidence
    assert isinstance(evidence, AboutPrincipals)  # noqa: S101
    assert isinstance(more, AboutPrincipals)  # noqa: S101
    owners = tuple(dict.fromkeys((*evidence.owners, *more.owners)))
    return replace(first, evidence=replace(evidence, owners=owners))


def _of_principal(change: PrincipalChange, context: Context) -> Iterator[Finding]:
    for grant in change.opened:
        yield _not_shown(grant, change, context)
    if change.vanished and not change.is_deleted:
        yield _vanished(change, context)
    match change.access:
        case NewAccess() as answer:
            yield _gain(change, answer, context)
        case NotProven(Open.LATER):
            if not change.opened:
                yield _undecided(_Outcome.LATER, change, change.access, context)
        case NotProven():
            yield _undecided(_Outcome.UNDECIDED, change, change.access, context)
        case NoNewAccess() if not isinstance(change.denied_less, NoNewAccess):
            yield _denied_less(change, change.denied_less, context)
        case NoNewAccess() if change.grants and not change.opened:
            yield _no_gain(change, context)


def _finding(
    outcome: _Outcome, evidence: Struct, owner: IamResource, where: tuple[str, str]
) -> Finding:
    rule, level, means = _ROWS[outcome]
    return finding(
        rule,
        evidence,
        where[0],
        attribute=where[1],
        subject=None if isinstance(owner, Unresolved) else owner,
        level=level,
        means=means,
    )


def _where(grants: Iterable[Grant], context: Context) -> tuple[str, str]:
    """Return the resource that makes a change: of a policy of the plan that changes, the policy."""
    for grant in grants:
        if isinstance(grant.policy, InPlan) and context.filler.resolver.is_changed(
            grant.policy.address
        ):
            return grant.policy.address, "policy"
        return grant.address, grant.attribute
    return "", ""


def _gain(change: PrincipalChange, answer: NewAccess, context: Context) -> Finding:
    owner = change.owner
    gaining = tuple(c for c in change.grants if _has_document(c))
    parts = scope(gaining)
    is_secret = any(map(_has_secrets, _sides(change.grants)))
    farther = change.reach_after if change.reach_after > change.reach_before else Reach.LIMITED
    example = None if is_secret else answer
    evidence = Gain((owner,), change.is_new, farther, parts, example)
    where = _where(_sides(gaining) or _sides(change.grants), context)
    if farther is not Reach.LIMITED:
        return _finding(_Outcome.FURTHER, evidence, owner, where)
    if published := _published(owner, gaining):
        outcome = _Outcome.PUBLISHED if published.before is None else _Outcome.UPDATED
        return _finding(outcome, published, owner, where)
    outcome = _Outcome.BY_NEW if change.is_new else _Outcome.MORE
    return _finding(outcome, evidence, owner, where)


def _sides(changes: Iterable[GrantChange]) -> list[Grant]:
    """Return the grants of changes, those after the plan first."""
    every = tuple(changes)
    return [*(c.after for c in every if c.after), *(c.before for c in every if c.before)]


def _has_document(change: GrantChange) -> bool:
    return any(isinstance(g.content, Document) for g in (change.before, change.after) if g)


def _has_secrets(grant: Grant) -> bool:
    return isinstance(grant.content, Document) and grant.content.masked is not None


def _published(owner: IamResource, changes: tuple[GrantChange, ...]) -> Published | None:
    """Return the document of the catalog that all what changes is, if it is one alone."""
    coming = [c for c in changes if c.after]
    if len(coming) != 1 or coming[0].after is None:
        return None
    new, old = (_recognised(grant) for grant in (coming[0].after, coming[0].before))
    if not new:
        return None
    if coming[0].before is None:
        return Published((owner,), None, new[0])
    for after in new:
        for before in old:
            if after.name.split()[0] == before.name.split()[0] and after.date > before.date:
                return Published((owner,), before, after)
    return None


def _recognised(grant: Grant | None) -> list[KnownDocument]:
    if grant is None or not isinstance(grant.content, Document):
        return []
    policy = grant.content.policy
    return [
        document
        for document in recognise(policy, names_in([policy]))
        if "upstream" in document.name or "AmazonEKS_CNI" in document.name
    ]


def _undecided(
    outcome: _Outcome, change: PrincipalChange, answer: NotProven, context: Context
) -> Finding:
    evidence = Undecided((change.owner,), scope(change.grants), answer)
    return _finding(outcome, evidence, change.owner, _where(_sides(change.grants), context))


def _vanished(change: PrincipalChange, context: Context) -> Finding:
    policies = tuple(grant.policy or InPlan(grant.address) for grant in change.vanished)
    evidence = DenyLost((change.owner,), (), policies, None)
    where = _where(change.vanished, context)
    return _finding(_Outcome.DENY_LOST, evidence, change.owner, where)


def _denied_less(change: PrincipalChange, answer: Answer, context: Context) -> Finding:
    example = answer if isinstance(answer, NewAccess) else None
    evidence = DenyLost((change.owner,), scope(change.grants), (), example)
    where = _where(_sides(change.grants), context)
    return _finding(_Outcome.DENY_LOST, evidence, change.owner, where)


def _no_gain(change: PrincipalChange, context: Context) -> Finding:
    loses = change.is_deleted or not isinstance(
        context.proofs.compare(change.after, change.before), NoNewAccess
    )
    only_new = all(c.before is None for c in change.grants)
    outcome = _Outcome.LESS if loses else _Outcome.HAD_BEFORE if only_new else _Outcome.SAME
    evidence = NoGain((change.owner,), change.grants)
    return _finding(outcome, evidence, change.owner, _where(_sides(change.grants), context))


def _not_shown(grant: Grant, change: PrincipalChange, context: Context) -> Finding:
    managed = None
    outcome = _Outcome.ATTACHED
    policy = grant.policy
    if grant.key.part is Part.MEMBERSHIP:
        outcome = _Outcome.JOINED
    elif isinstance(grant.content, Invalid):
        outcome = _Outcome.INVALID
    elif isinstance(grant.content, Sensitive):
        outcome = _Outcome.SENSITIVE
    elif isinstance(policy, Named) and aws_managed.name_of(policy.name):
        managed = aws_managed.find(policy.name)
        if managed and managed.policy_class in (PolicyClass.ADMIN, PolicyClass.IAM):
            outcome = _Outcome.FURTHER
        elif aws_managed.nonexistent(policy.name) or not (managed or change.is_new):
            outcome = _Outcome.UNKNOWN_OF_AWS
    elif isinstance(policy, InPlan | None):
        outcome = _Outcome.LATER
    evidence = NotShown((change.owner,), change.is_new, grant, managed)
    return _finding(outcome, evidence, change.owner, _where([grant], context))
