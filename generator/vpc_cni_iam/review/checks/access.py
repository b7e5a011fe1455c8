"""Who can do more after a plan, or less: what becomes of the policies of each principal."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from enum import Enum
from itertools import islice

from msgspec.structs import replace

from vpc_cni_iam.catalog.facts import aws_managed
from vpc_cni_iam.catalog.facts.aws_managed import PolicyClass
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.inputs.plan.arguments import Part
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Sensitive
from vpc_cni_iam.review.account.documents import Document, Invalid
from vpc_cni_iam.review.account.grants import Grant, GrantKey
from vpc_cni_iam.review.account.iam_resource import IamResource, InPlan, Named, Unresolved
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.harm import (
    GainedPart,
    beyond_plugin,
    gained,
    is_harmful,
    lost,
    needed_by_plugin,
    scope,
)
from vpc_cni_iam.review.diff.permissions import Open, Permissions, may_deny
from vpc_cni_iam.review.diff.plugin.needs import lacked, needs_by_role
from vpc_cni_iam.review.diff.plugin.roles import callers
from vpc_cni_iam.review.diff.principals import (
    GrantChange,
    PrincipalChange,
    kept_changes,
    principal_changes,
)
from vpc_cni_iam.review.diff.published import PublishedUpdate, documents_of, published_by
from vpc_cni_iam.review.diff.reach import Reach
from vpc_cni_iam.review.findings import AboutPrincipals, Finding, finding, together
from vpc_cni_iam.review.rules import Consequence, Level, Rule


class Gain(AboutPrincipals, frozen=True):
    """Something is newly allowed."""

    is_new: bool  # whether they were not there before
    is_bounded: bool  # whether a permissions boundary limits it
    reach: Reach  # how far they reach now, if that is further than before
    parts: tuple[GainedPart, ...]  # by which statements
    policies: tuple[IamResource, ...]  # the managed policies that have these
    beyond: tuple[str, ...] | None  # what the plugin never calls; None for other policies
    published: tuple[PublishedUpdate, ...] = ()  # the documents of the catalog that they are
    example: NewAccess | None = None  # None where it could tell a secret
    # The plugin's version, if the role is of aws-node, and all of it is calls that it lacked.
    lacked_by: PluginVersion | None = None


class GroupJoined(AboutPrincipals, frozen=True):
    """A user joins a group."""

    group: IamResource
    is_shown: bool  # whether the plan shows policies of it
    reach: Reach  # how far the user reaches now, if that is further than before


class AccessUndecided(AboutPrincipals, frozen=True):
    """Whether something is newly allowed is not decided."""

    parts: tuple[GainedPart, ...]
    answer: NotProven


class DenyLost(AboutPrincipals, frozen=True):
    """A Deny is gone, or may be: policies that the plan does not show may allow what it denied."""

    parts: tuple[GainedPart, ...]  # empty where the plan does not show the policy
    hidden: tuple[IamResource, ...]  # what it does not show
    example: NewAccess | None = None


class PolicyNotShown(AboutPrincipals, frozen=True):
    """A policy is given, and the plan does not show what it says, or not all of it."""

    policy: IamResource  # the policy, or the resource that has it
    content: Invalid | None  # why it is no policy
    references: tuple[str, ...] = ()  # what it is made of, as far as the plan says


class NoGain(AboutPrincipals, frozen=True):
    """The policies change, and allow nothing that was not allowed before."""

    is_deleted: bool
    parts: tuple[GainedPart, ...]  # what is no longer allowed


_NEW = (Consequence.NEW_ACCESS, Consequence.ANY_CHANGE)
_ANY = (Consequence.ANY_CHANGE,)
# Policies that AWS made for the roles of clusters, nodes and pods.
_OF_EKS = "AmazonEKS", "AmazonSSMManagedInstanceCore"


class _Outcome(Enum):
    """What becomes of the policies of a principal: the rule, and how severe that is."""

    FURTHER = Rule.ADMIN, Level.ERROR, _NEW  # it reaches further
    MORE = Rule.NEW_ACCESS, Level.ERROR, _NEW
    LACKED = Rule.NEW_ACCESS, Level.NOTE, _NEW  # what aws-node could not call
    BY_NEW = Rule.NEW_POLICY, Level.WARNING, _NEW  # a new principal is allowed something
    PUBLISHED = Rule.NEW_POLICY, Level.NOTE, _NEW  # a document of the catalog or of AWS is new
    UPDATED = Rule.UPSTREAM_UPDATED, Level.NOTE, _NEW
    UNDECIDED = Rule.NOT_PROVEN, Level.WARNING, _NEW  # or a Deny is gone, or may be
    LATER = Rule.UNKNOWN_POLICY, Level.WARNING, _NEW
    INVALID = Rule.UNREADABLE, Level.ERROR, _NEW
    SENSITIVE = Rule.SENSITIVE_POLICY, Level.WARNING, _NEW
    ATTACHED = Rule.UNKNOWN_ATTACHMENT, Level.WARNING, _NEW  # the plan does not show it
    UNKNOWN_OF_AWS = Rule.UNKNOWN_ATTACHMENT, Level.ERROR, _NEW
    OF_EKS = Rule.UNKNOWN_ATTACHMENT, Level.NOTE, _NEW
    JOINED = Rule.GROUP_JOINED, Level.WARNING, _NEW
    JOINED_FURTHER = Rule.GROUP_JOINED, Level.ERROR, _NEW
    SAME = Rule.REWRITTEN, Level.NOTE, _ANY
    LESS = Rule.ACCESS_REMOVED, Level.NOTE, _ANY
    HAD_BEFORE = Rule.NEW_POLICY, Level.NOTE, _ANY  # a policy whose access it had


def check(context: Context) -> Iterator[Finding]:
    """Yield what becomes of the policies of each principal; of several the same, one finding."""
    return together(_findings(context))


def _findings(context: Context) -> Iterator[Finding]:
    changes = {change.owner: change for change in principal_changes(context)}
    for owner in context.accounts.principals:
        yield from _memberships(owner, changes.get(owner), context)
    conflicts = {(c.grant.owner, c.grant.key) for c in context.accounts.conflicts}
    for change in principal_changes(context):
        yield from _OfPrincipal(context, change, conflicts).all()
    for change in kept_changes(context):
        every = _OfPrincipal(context, change, conflicts).all()
        yield from (each for each in every if Consequence.NEW_ACCESS in each.means)


def _finding(
    outcome: _Outcome, evidence: AboutPrincipals, grants: Iterable[Grant], context: Context
) -> Finding:
    """Return a finding, with the addresses after the plan; the first grant makes it so."""
    successors = context.accounts.successors

    def now(resource: IamResource) -> IamResource:
        return InPlan(successors[resource]) if resource in successors else resource

    address, attribute = "", ""
    for grant in islice(grants, 1):
        address, attribute = grant.address, grant.attribute
        policy = grant.policy
        if isinstance(policy, InPlan) and context.filler.resolver.is_changed(policy.address):
            address, attribute = successors.get(policy, policy.address), "policy"
    match evidence:
        case NoGain(owners=(InPlan(deleted),), is_deleted=True):
            address, attribute = deleted, ""
        case Gain(policies=policies):
            evidence = replace(evidence, policies=tuple(map(now, policies)))
        case PolicyNotShown(policy=policy):
            evidence = replace(evidence, policy=now(policy))
        case GroupJoined(group=group):
            evidence = replace(evidence, group=now(group))
    (owner,) = owners = tuple(map(now, evidence.owners))
    evidence, (rule, level, means) = replace(evidence, owners=owners), outcome.value
    return finding(
        rule, evidence, address, attribute=attribute, subject=owner, level=level, means=means
    )


def _memberships(
    owner: IamResource, change: PrincipalChange | None, context: Context
) -> Iterator[Finding]:
    """Yield the groups that a user joins."""
    accounts = context.accounts
    had = accounts.before.groups(owner)
    for key, grant in accounts.after.groups(owner).items():
        if key in had or grant.policy is None:
            continue
        farther = _farther(change) if change else Reach.LIMITED
        outcome = _Outcome.JOINED if farther is Reach.LIMITED else _Outcome.JOINED_FURTHER
        is_shown = bool(accounts.after.policies(grant.policy))
        evidence = GroupJoined((owner,), grant.policy, is_shown, farther)
        yield _finding(outcome, evidence, (grant,), context)


def _farther(change: PrincipalChange) -> Reach:
    """Return how far a principal reaches, if that is further than before."""
    return change.reach_after if change.reach_after > change.reach_before else Reach.LIMITED


class _OfPrincipal:
    """The findings about one principal."""

    def __init__(
        self,
        context: Context,
        change: PrincipalChange,
        conflicts: Collection[tuple[IamResource, GrantKey]],
    ) -> None:
        self._context, self._change = context, change
        self._owners = (change.owner,)
        self._grants = tuple(c for c in change.grants if not self._is_of_group(c))
        # What a conflict takes away is a finding of its own.
        removed = [(change.owner, c.key) for c in self._grants if c.before and not c.after]
        self._is_conflict = bool(removed) and all(map(conflicts.__contains__, removed))

    def _is_of_group(self, change: GrantChange) -> bool:
        """Say whether what changes is of a group that is a principal of the plan itself.

        That a user joins a group is a finding, too; a group that is left may have denied something.
        """
        group = change.key.group
        if not isinstance(group, InPlan):
            return False
        sides = self._context.accounts.sides
        is_member = [
            GrantKey(Part.MEMBERSHIP, group) in s.groups(self._change.owner) for s in sides
        ]
        return all(is_member) or is_member == [False, True]

    def all(self) -> Iterator[Finding]:
        if self._change.is_deleted:
            yield self._no_gain()
        elif self._grants:
            yield from self._changed()

    def _changed(self) -> Iterator[Finding]:
        """Yield the outcomes of one that is there after."""
        change = self._change
        yield from (self._not_shown(c) for c in self._grants if _is_hidden(c))
        hidden = [g for g in change.vanished if self._may_deny(g)]
        if hidden and not self._is_conflict:
            policies = tuple(g.policy or InPlan(g.address) for g in hidden)
            yield self._finding(_Outcome.UNDECIDED, DenyLost(self._owners, (), policies), hidden)
        match change.access:
            case NewAccess() as answer:
                yield from self._gain(answer)
            case NotProven(Open.LATER):
                yield from self._later()
            case NotProven() as answer:
                evidence = AccessUndecided(self._owners, scope(self._grants), answer)
                yield self._finding(_Outcome.UNDECIDED, evidence)
            case NoNewAccess() if not isinstance(change.denied_less, NoNewAccess):
                yield from self._denied_less()
            case NoNewAccess() if not (change.opened or change.vanished or self._is_conflict):
                yield self._no_gain()

    def _finding(
        self, outcome: _Outcome, evidence: AboutPrincipals, grants: Iterable[Grant] = ()
    ) -> Finding:
        """Return a finding by grants, or by all that change."""
        if not grants:
            changes = self._grants or [c for c in (self._change.boundary,) if c]
            after = [c.after for c in self._grants if c.after]
            grants = [*after, *(c.before for c in changes if c.before)]
        return _finding(outcome, evidence, grants, self._context)

    def _may_deny(self, grant: Grant) -> bool:
        """Say whether a policy that the plan does not show may have a Deny."""
        is_replaced = any(c.before is grant and c.after for c in self._grants)
        # That one was sensitive is a finding.
        return not (isinstance(grant.content, Sensitive) and is_replaced) and may_deny(grant)

    def _gain(self, answer: NewAccess) -> Iterator[Finding]:
        change, context = self._change, self._context
        grants = [c for c in self._grants if not _was_sensitive(c)]
        if not grants or self._is_by_boundary():
            return
        more = gained(change, grants, answer, context.proofs, context.place)
        is_of_plugin = any(part.is_of_plugin for part in more.parts)
        if not more.parts and len(grants) < len(change.grants):
            return  # it is by a group
        farther = _farther(change)
        evidence = Gain(
            self._owners,
            change.is_new,
            bool(change.after.limits),
            farther,
            more.parts,
            tuple(dict.fromkeys(g.policy for g in more.grants if g.policy)),
            beyond_plugin(more.parts) if is_of_plugin else None,
            _published(grants) if farther is Reach.LIMITED else (),
            more.example,
            None if change.is_new else self._lacked_by(more.parts),
        )
        changing = more.grants or tuple(g for c in grants for g in (c.after, c.before) if g)
        yield self._finding(self._outcome(evidence, changing), evidence, changing)

    def _outcome(self, gain: Gain, grants: Iterable[Grant]) -> _Outcome:
        is_held = not (gain.is_new and self._change.owner in gain.policies)
        if gain.reach is not Reach.LIMITED and is_held:
            return _Outcome.FURTHER
        if gain.published:
            is_update = all(document.before for document in gain.published)
            return _Outcome.UPDATED if is_update else _Outcome.PUBLISHED
        if gain.is_new:
            return _Outcome.PUBLISHED if all(map(_is_harmless, grants)) else _Outcome.BY_NEW
        return _Outcome.LACKED if gain.lacked_by else _Outcome.MORE

    def _lacked_by(self, parts: Iterable[GainedPart]) -> PluginVersion | None:
        """Return the version of aws-node with this role, if it lacked all that is allowed."""
        change, context = self._change, self._context
        actions = [str(action).lower() for part in parts for action in part.actions]
        statements = [s for policy in change.before.policies for s in policy.statements]
        had = any(s.is_about(a) for s in statements if s.effect == "Allow" for a in actions)
        if had or not actions or not needed_by_plugin().issuperset(actions):
            return None  # to allow an action on more resources is no permission that lacks
        for needs in needs_by_role(context).get(change.owner, ()):
            if not (needs.is_of_cluster or callers(context, change.owner, Side.AFTER)):
                continue
            policies = (*change.before.policies, lacked(context, change.owner, needs))
            with_it = Permissions(policies, change.after.limits)
            if isinstance(context.proofs.compare(with_it, change.after), NoNewAccess):
                return needs.after.version
        return None

    def _is_by_boundary(self) -> bool:
        """Say whether only another permissions boundary allows more, which is a finding."""
        change = self._change
        if change.boundary is None:
            return False
        within = Permissions(change.before.policies, change.after.limits)
        return isinstance(self._context.proofs.compare(within, change.after), NoNewAccess)

    def _later(self) -> Iterator[Finding]:
        for change in self._grants:
            grant = change.after
            if grant and isinstance(grant.content, Document) and grant.content.holes:
                places = tuple(hole.place for hole in grant.content.holes)
                yield self._unknown(grant, places)

    def _unknown(self, grant: Grant, places: tuple[str, ...]) -> Finding:
        referred = self._context.filler.resolver.reference_names
        references = tuple(dict.fromkeys(name for place in places for name in referred(place)))
        policy = grant.policy or InPlan(grant.address)
        evidence = PolicyNotShown(self._owners, policy, None, references)
        return self._finding(_Outcome.LATER, evidence, (grant,))

    def _denied_less(self) -> Iterator[Finding]:
        change = self._change
        if self._is_conflict:
            return
        example = change.denied_less if isinstance(change.denied_less, NewAccess) else None
        evidence = DenyLost(self._owners, scope(self._grants), (), example)
        yield self._finding(_Outcome.UNDECIDED, evidence)

    def _no_gain(self) -> Finding:
        change, proofs = self._change, self._context.proofs
        ways = (proofs.compare, proofs.without_denies)  # a new Deny counts whatever is allowed
        loses = change.is_deleted or not all(
            isinstance(way(change.after, change.before), NoNewAccess) for way in ways
        )
        only_new = all(c.before is None for c in self._grants)
        outcome = _Outcome.LESS if loses else _Outcome.HAD_BEFORE if only_new else _Outcome.SAME
        parts = lost(self._grants) if loses else ()
        return self._finding(outcome, NoGain(self._owners, change.is_deleted, parts))

    def _not_shown(self, change: GrantChange) -> Finding:
        grant = change.after or change.before
        assert grant is not None  # noqa: S101 - a change has a side
        policy, outcome = grant.policy, _Outcome.ATTACHED
        if isinstance(grant.content, Invalid):
            outcome = _Outcome.INVALID
        elif isinstance(grant.content, Sensitive) or _was_sensitive(change):
            outcome = _Outcome.SENSITIVE
        elif isinstance(policy, Named) and aws_managed.name_of(policy.name):
            outcome = _of_aws(policy.name, is_new=self._change.is_new)
        elif not isinstance(policy, Named | Unresolved):
            place = f"{grant.address}.{grant.attribute}"
            return self._unknown(grant, (f"{policy.address}.policy" if policy else place,))
        invalid = grant.content if isinstance(grant.content, Invalid) else None
        policy = policy or InPlan(grant.address)
        evidence = PolicyNotShown(self._owners, policy, invalid)
        return self._finding(outcome, evidence, (grant,))


def _published(changes: Iterable[GrantChange]) -> tuple[PublishedUpdate, ...]:
    """Return the documents of the catalog that all policies become; none if one is another."""
    published = [published_by(change) for change in changes if change.after]
    return tuple(filter(None, published)) if all(published) else ()


def _is_harmless(grant: Grant) -> bool:
    """Say whether a policy is one that AWS or upstream publishes, and that does no harm.

    Sources: Amazon EKS User Guide, "AWS managed policies for Amazon Elastic Kubernetes Service";
    AWS Systems Manager User Guide, "Configure instance permissions required for Systems Manager".
    """
    if not isinstance(grant.content, Document):
        return False
    managed = aws_managed.find(grant.policy.name) if isinstance(grant.policy, Named) else None
    if managed and managed.name.startswith(_OF_EKS):
        return True
    is_of_data = managed is not None and managed.policy_class is PolicyClass.DATA
    is_published = managed is not None or bool(documents_of(grant))
    return is_published and not (is_of_data or is_harmful(grant.content.policy))


def _of_aws(arn: str, *, is_new: bool) -> _Outcome:
    """Return what it is that a policy of AWS is attached whose document is not known."""
    managed = aws_managed.find(arn)
    if managed and managed.policy_class in (PolicyClass.ADMIN, PolicyClass.IAM):
        return _Outcome.FURTHER
    if managed and managed.name.startswith(_OF_EKS) and is_new:
        return _Outcome.OF_EKS
    is_unknown = aws_managed.nonexistent(arn) or not (managed or is_new)
    return _Outcome.UNKNOWN_OF_AWS if is_unknown else _Outcome.ATTACHED


def _was_sensitive(change: GrantChange) -> bool:
    return change.before is not None and isinstance(change.before.content, Sensitive)


def _is_hidden(change: GrantChange) -> bool:
    """Say whether a policy is given that is not known, or one that was sensitive changes."""
    if change.key.part is Part.MEMBERSHIP or change.after is None:
        return False
    return change.after.is_open or _was_sensitive(change)
