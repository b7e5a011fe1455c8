"""Who can do more or less after a plan: changes of the policies of each principal."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from enum import Enum
from functools import cached_property

from msgspec.structs import replace

from vpc_cni_iam.account.grants import GrantPart
from vpc_cni_iam.catalog.facts import aws_managed
from vpc_cni_iam.catalog.facts.aws_managed import PolicyClass
from vpc_cni_iam.catalog.known_documents import KnownDocument
from vpc_cni_iam.inputs.plan.account.documents import Invalid
from vpc_cni_iam.inputs.plan.account.grants import GrantKey, PlanGrant
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource, InPlan, Named, Unresolved
from vpc_cni_iam.inputs.plan.plugin.policy import is_of_plugin
from vpc_cni_iam.levels import Level
from vpc_cni_iam.policy.document import statements_of
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Sensitive
from vpc_cni_iam.review.checks.hidden_policies import (
    SENSITIVE_POLICY,
    UNKNOWN_ATTACHMENT,
    UNKNOWN_POLICY,
    UNREADABLE,
    PolicyNotShown,
)
from vpc_cni_iam.review.checks.new_access import (
    ADMIN,
    NEW_ACCESS,
    NEW_POLICY,
    UPSTREAM_UPDATED,
    Gain,
)
from vpc_cni_iam.review.checks.no_new_access import ACCESS_REMOVED, REWRITTEN, NoGain
from vpc_cni_iam.review.checks.not_proven import NOT_PROVEN, AccessUndecided, DenyLost
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.harm import (
    GainedPart,
    beyond_plugin,
    gained,
    is_harmful,
    needed_by_plugin,
    scope,
)
from vpc_cni_iam.review.diff.permissions import Open, Permissions, may_deny
from vpc_cni_iam.review.diff.plugin.needs import lacked, needs_by_role
from vpc_cni_iam.review.diff.plugin.roles import callers, is_only_of_plugin
from vpc_cni_iam.review.diff.principals import (
    GrantChange,
    PrincipalChange,
    kept_changes,
    principal_changes,
)
from vpc_cni_iam.review.diff.published import documents_of, is_within, published_by, wider_parts
from vpc_cni_iam.review.findings import AboutPrincipals, Finding, finding, together
from vpc_cni_iam.review.rules import CHANGES, GAINS, Consequence

# Policies that AWS publishes for the roles of clusters, nodes and pods.
_OF_EKS = "AmazonEKS", "AmazonSSMManagedInstanceCore"


class _Outcome(Enum):
    """The result for the policies of a principal: the rule and the severity."""

    FURTHER = ADMIN, Level.ERROR  # the principal reaches further
    MORE = NEW_ACCESS, Level.ERROR
    LACKED = NEW_ACCESS, Level.NOTE  # calls that aws-node lacked
    BY_NEW = NEW_POLICY, Level.WARNING  # a new principal can do something
    PUBLISHED = NEW_POLICY, Level.NOTE  # a new policy is a document of the catalog or of AWS
    UPDATED = UPSTREAM_UPDATED, Level.NOTE
    UNDECIDED = NOT_PROVEN, Level.WARNING  # also if a Deny is or may be removed
    LATER = UNKNOWN_POLICY, Level.WARNING
    INVALID = UNREADABLE, Level.ERROR
    SENSITIVE = SENSITIVE_POLICY, Level.WARNING
    ATTACHED = UNKNOWN_ATTACHMENT, Level.WARNING  # the plan does not show the policy
    UNKNOWN_OF_AWS = UNKNOWN_ATTACHMENT, Level.ERROR
    OF_EKS = UNKNOWN_ATTACHMENT, Level.NOTE
    SAME = REWRITTEN, Level.NOTE
    LESS = ACCESS_REMOVED, Level.NOTE


def check(context: Context) -> Iterator[Finding]:
    """Yield the changes of the policies of each principal, merged for principals with the same."""
    return together(_findings(context))


def _findings(context: Context) -> Iterator[Finding]:
    changes = {change.owner: change for change in principal_changes(context)}
    for owner in context.accounts.principals:
        yield from _joined(owner, context)
    conflicts = {(c.grant.owner, c.grant.key) for c in context.accounts.conflicts}
    reported = set()
    for change in changes.values():
        for each in _OfPrincipal(context, change, conflicts).all():
            reported.add((each.rule, each.subject, each.address))
            yield each
    for change in kept_changes(context):
        for each in _OfPrincipal(context, change, conflicts).all():
            is_gain = Consequence.NEW_ACCESS in each.means
            if is_gain and (each.rule, each.subject, each.address) not in reported:
                yield each


def _finding(
    outcome: _Outcome, evidence: AboutPrincipals, grants: Iterable[PlanGrant], context: Context
) -> Finding:
    """Return a finding with addresses after the plan; the first grant is the cause."""
    successors = context.accounts.successors

    def now(resource: IamResource) -> IamResource:
        return InPlan(successors[resource]) if resource in successors else resource

    address, attribute = "", ""
    if grant := next(iter(grants), None):
        address, attribute = grant.address, grant.attribute
        policy = grant.policy if grant.key.part is not GrantPart.GROUP else None
        if isinstance(policy, InPlan) and context.reader.resolver.is_changed(policy.address):
            address, attribute = successors.get(policy, policy.address), "policy"
    owners = tuple(map(now, evidence.owners))
    match evidence:
        case NoGain(owners=(InPlan(deleted),), is_deleted=True):
            address, attribute = deleted, ""
        case Gain(policies=policies, group=group):
            policies = tuple(map(now, policies))
            evidence = replace(evidence, policies=policies, group=now(group) if group else None)
        case PolicyNotShown(policy=policy):
            evidence = replace(evidence, policy=now(policy))
    means = CHANGES if isinstance(evidence, NoGain) else GAINS
    (rule, level), evidence = outcome.value, replace(evidence, owners=owners)
    return finding(
        rule, evidence, address, attribute=attribute, subject=owners[0], level=level, means=means
    )


def _joined(owner: IamResource, context: Context) -> Iterator[Finding]:
    """Yield the groups that a user joins, unless the plan creates them, and so all policies."""
    before, after = context.accounts.sides
    had = before.groups(owner)
    for key, grant in after.groups(owner).items():
        group = grant.policy
        if key not in had and group is not None and group not in context.accounts.created:
            evidence = PolicyNotShown((owner,), group, None, is_group=True)
            yield _finding(_Outcome.ATTACHED, evidence, (grant,), context)


class _OfPrincipal:
    """Makes the findings about one principal."""

    def __init__(
        self,
        context: Context,
        change: PrincipalChange,
        conflicts: Collection[tuple[IamResource, GrantKey]],
    ) -> None:
        self._context, self._change = context, change
        self._owners = (change.owner,)
        had, has = (side.groups(change.owner) for side in context.accounts.sides)
        self._joined = {key.name: grant for key, grant in has.items() if key not in had}
        self._grants = tuple(c for c in change.grants if not self._is_of_group(c))
        removed = [(c.before, c.key) for c in self._grants if c.before and not c.after]
        # A policy that a conflict removes is reported separately.
        self._taken = [grant for grant, key in removed if (change.owner, key) in conflicts]
        self._is_conflict = bool(removed) and len(self._taken) == len(removed)

    def _is_of_group(self, change: GrantChange) -> bool:
        """Return whether a change is of a group of the plan in which a user stays.

        It is reported for the group.
        """
        group, sides = change.key.group, self._context.accounts.sides
        membership = GrantKey(GrantPart.GROUP, group)
        stays = all(membership in side.groups(self._change.owner) for side in sides)
        return isinstance(group, InPlan) and stays

    def all(self) -> Iterator[Finding]:
        if self._change.is_deleted:
            yield self._no_gain()
        elif self._grants:
            yield from self._of_hidden()
            yield from self._of_access()

    def _of_hidden(self) -> Iterator[Finding]:
        """Yield the policies that the plan does not show, if they are added or removed."""
        for each in self._grants:
            grant, was_sensitive = each.after, _was_sensitive(each)
            if grant and each.key.part is not GrantPart.GROUP and (grant.is_open or was_sensitive):
                yield self._not_shown(grant, was_sensitive=was_sensitive)
        vanished = (grant for grant in self._change.vanished if grant not in self._taken)
        if hidden := [grant for grant in vanished if self._may_deny(grant)]:
            keys = tuple(grant.key for grant in hidden)
            yield self._finding(_Outcome.UNDECIDED, DenyLost(self._owners, (), keys), hidden)

    def _of_access(self) -> Iterator[Finding]:
        """Yield the result of the proof over the policies."""
        change = self._change
        match change.access:
            case NewAccess() as answer:
                yield from self._gain(answer)
            case NotProven(Open.LATER):
                after = (each.after for each in self._grants if each.after)
                yield from (
                    self._unknown(grant, *_holes(grant)) for grant in after if _holes(grant)
                )
            case NotProven() as answer:
                yield self._finding(_Outcome.UNDECIDED, AccessUndecided(self._owners, answer))
            case NoNewAccess() if self._removes_deny():
                example = change.example(change.denied_less)
                evidence = DenyLost(self._owners, scope(self._grants), (), example)
                yield self._finding(_Outcome.UNDECIDED, evidence)
            case NoNewAccess() if not (self._is_conflict or change.opened or change.vanished):
                yield self._no_gain()

    def _finding(
        self, outcome: _Outcome, evidence: AboutPrincipals, grants: Iterable[PlanGrant] = ()
    ) -> Finding:
        """Return a finding about grants, or about all that change."""
        if not grants:
            changes = self._grants or [c for c in (self._change.boundary,) if c]
            after = [c.after for c in self._grants if c.after]
            grants = [*after, *(c.before for c in changes if c.before)]
        return _finding(outcome, evidence, grants, self._context)

    def _removes_deny(self) -> bool:
        """Return whether a Deny is removed, not only by a conflict."""
        changes = (*self._change.grants, self._change.boundary)
        before = (c.before for c in changes if c and c.before and c.before not in self._taken)
        is_less = not isinstance(self._change.denied_less, NoNewAccess)
        return is_less and any(map(may_deny, before))

    def _may_deny(self, grant: PlanGrant) -> bool:
        """Return whether a policy that the plan does not show may have a Deny."""
        is_replaced = any(c.before is grant and c.after for c in self._grants)
        # A policy that was sensitive is reported separately.
        return not (isinstance(grant.content, Sensitive) and is_replaced) and may_deny(grant)

    def _gain(self, answer: NewAccess) -> Iterator[Finding]:
        change, context = self._change, self._context
        grants = [c for c in self._grants if not _was_sensitive(c)]
        if not grants:
            return
        more = gained(change, grants, answer, context.proofs, context.place)
        if not more.parts and len(grants) < len(change.grants):
            return  # a group gives it
        is_given, new = self._is_given(grants), [(c.before, c.after) for c in grants if c.after]
        published = self._published(grants) if is_given else ()
        changing = more.grants or tuple(g for c in grants for g in (c.after, c.before) if g)
        group, causes = self._cause(changing)
        evidence = Gain(
            self._owners,
            change.is_new,
            bool(change.after.limits),
            change.further,
            more.parts,
            tuple(dict.fromkeys(g.policy for g in more.grants if g.policy)),
            group,
            *self._beyond(more.parts),
            published,
            is_given and not published and all(not old and is_within(g) for old, g in new),
            more.example,
            not change.is_new and self._is_lacked(more.parts),
        )
        yield self._finding(self._outcome(evidence, changing), evidence, causes)

    def _beyond(
        self, parts: tuple[GainedPart, ...]
    ) -> tuple[tuple[str, ...], tuple[GainedPart, ...], bool]:
        """Return what aws-node does not need of a policy for it, and whether it may need all."""
        if not (self._is_own and any(part.is_of_plugin for part in parts)):
            return (), (), False
        beyond, wider = beyond_plugin(parts), tuple(wider_parts(parts))
        return beyond, wider, not (beyond or wider or self._could(parts))

    @cached_property
    def _is_own(self) -> bool:
        """Whether it is a role that only aws-node may have, or a new policy, which nobody has."""
        change = self._change
        is_policy = any(c.after and c.after.policy == change.owner for c in change.grants)
        return (change.is_new and is_policy) or is_only_of_plugin(self._context, change.owner)

    def _is_given(self, grants: Iterable[GrantChange]) -> bool:
        """Return whether all that is new comes from policies that only aws-node gets."""
        gone = (c.before for c in self._change.grants if c.before and not c.after)
        stays = self._change.boundary is None and not any(map(may_deny, gone))
        return stays and any(c.after for c in grants) and self._is_own

    def _published(self, grants: Iterable[GrantChange]) -> tuple[KnownDocument, ...]:
        """Return the documents that all new policies newly equal; none if one equals none."""
        documents = [published_by(each) for each in grants if each.after]
        is_published = all(documents) and not self._change.further
        return tuple(filter(None, documents)) if is_published else ()

    def _cause(
        self, changing: tuple[PlanGrant, ...]
    ) -> tuple[IamResource | None, tuple[PlanGrant, ...]]:
        """Return the group that a user joins and the membership, if it gives the first grant."""
        groups = (c.key.group for c in self._grants if c.after is changing[0])
        joined = next((self._joined[group] for group in groups if group in self._joined), None)
        return (joined.policy, (joined,)) if joined else (None, changing)

    def _outcome(self, gain: Gain, grants: Iterable[PlanGrant]) -> _Outcome:
        is_held = not (gain.is_new and self._change.owner in gain.policies)
        if gain.reach and is_held:
            return _Outcome.FURTHER
        if gain.published:
            is_update = all(c.before and c.before.document for c in self._grants if c.after)
            return _Outcome.UPDATED if is_update else _Outcome.PUBLISHED
        if gain.is_generated:
            return _Outcome.PUBLISHED
        if gain.is_new:
            harmless = (_is_harmless(g) and (self._is_own or not is_of_plugin(g)) for g in grants)
            return _Outcome.PUBLISHED if all(harmless) else _Outcome.BY_NEW
        return _Outcome.LACKED if gain.is_lacked else _Outcome.MORE

    def _could(self, parts: Iterable[GainedPart]) -> bool:
        """Return whether one of the newly allowed actions was allowed on other resources."""
        allows = statements_of(self._change.before.policies, "Allow")
        actions = [str(action) for part in parts for action in part.actions]
        return any(s.is_about(action) for s in allows for action in actions)

    def _is_lacked(self, parts: Iterable[GainedPart]) -> bool:
        """Return whether aws-node has this role, and lacked all that is newly allowed."""
        change, context = self._change, self._context
        actions = [str(action).lower() for part in parts for action in part.actions]
        if not actions or self._could(parts) or not needed_by_plugin().issuperset(actions):
            return False  # more resources for an allowed action do not add a missing permission
        for needs in needs_by_role(context).get(change.owner, ()):
            if needs.is_of_cluster or callers(context, change.owner, Side.AFTER):
                policies = (*change.before.policies, lacked(context, change.owner, needs))
                with_it = Permissions(policies, change.after.limits)
                if isinstance(context.proofs.compare(with_it, change.after), NoNewAccess):
                    return True
        return False

    def _unknown(self, grant: PlanGrant, *places: str) -> Finding:
        referred = self._context.reader.resolver.reference_names
        references = tuple(dict.fromkeys(name for place in places for name in referred(place)))
        policy = grant.policy or InPlan(grant.address)
        evidence = PolicyNotShown(self._owners, policy, None, references)
        return self._finding(_Outcome.LATER, evidence, (grant,))

    def _no_gain(self) -> Finding:
        change, proofs = self._change, self._context.proofs
        ways = (proofs.compare, proofs.without_denies)  # a new Deny is a loss, whatever is allowed
        loses = change.is_deleted or not all(
            isinstance(way(change.after, change.before), NoNewAccess) for way in ways
        )
        outcome = _Outcome.LESS if loses else _Outcome.SAME
        lost = scope(GrantChange(c.key, c.after, c.before) for c in self._grants) if loses else ()
        return self._finding(outcome, NoGain(self._owners, change.is_deleted, lost))

    def _not_shown(self, grant: PlanGrant, *, was_sensitive: bool) -> Finding:
        policy, outcome = grant.policy, _Outcome.ATTACHED
        if isinstance(grant.content, Invalid):
            outcome = _Outcome.INVALID
        elif isinstance(grant.content, Sensitive) or was_sensitive:
            outcome = _Outcome.SENSITIVE
        elif isinstance(policy, Named) and aws_managed.name_of(policy.name):
            outcome = _of_aws(policy.name, is_new=self._change.is_new)
        elif not isinstance(policy, Named | Unresolved):
            place = f"{grant.address}.{grant.attribute}"
            return self._unknown(grant, f"{policy.address}.policy" if policy else place)
        invalid = grant.content if isinstance(grant.content, Invalid) else None
        evidence = PolicyNotShown(self._owners, policy or InPlan(grant.address), invalid)
        return self._finding(outcome, evidence, (grant,))


def _is_harmless(grant: PlanGrant) -> bool:
    """Return whether a policy is published by AWS or upstream, and harmless.

    Sources: Amazon EKS User Guide, "AWS managed policies for Amazon Elastic Kubernetes Service";
    AWS Systems Manager User Guide, "Configure instance permissions required for Systems Manager".
    """
    if grant.document is None:
        return False
    managed = aws_managed.find(grant.policy.name) if isinstance(grant.policy, Named) else None
    if managed and managed.name.startswith(_OF_EKS):
        return True
    is_of_data = managed is not None and managed.policy_class is PolicyClass.DATA
    is_published = managed is not None or bool(documents_of(grant))
    return is_published and not (is_of_data or is_harmful(grant.document.policy))


def _of_aws(arn: str, *, is_new: bool) -> _Outcome:
    """Return the outcome for an attached policy of AWS whose document is unknown."""
    managed = aws_managed.find(arn)
    if managed and managed.policy_class in (PolicyClass.ADMIN, PolicyClass.IAM):
        return _Outcome.FURTHER
    if managed and managed.name.startswith(_OF_EKS) and is_new:
        return _Outcome.OF_EKS
    is_unknown = aws_managed.nonexistent(arn) or not (managed or is_new)
    return _Outcome.UNKNOWN_OF_AWS if is_unknown else _Outcome.ATTACHED


def _holes(grant: PlanGrant) -> list[str]:
    return [hole.place for hole in grant.document.policy.holes()] if grant.document else []


def _was_sensitive(change: GrantChange) -> bool:
    return change.before is not None and isinstance(change.before.content, Sensitive)
