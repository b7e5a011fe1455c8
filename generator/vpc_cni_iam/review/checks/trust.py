"""Who can newly assume a role."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.account.grants import GrantPart
from vpc_cni_iam.catalog.trust import issuer as issuer_of
from vpc_cni_iam.errors import Message, first_of
from vpc_cni_iam.inputs.plan.account.documents import Invalid, PlanPolicy
from vpc_cni_iam.inputs.plan.account.grants import PlanGrant
from vpc_cni_iam.inputs.plan.account.iam_resource import InPlan
from vpc_cni_iam.levels import Level, most_severe
from vpc_cni_iam.plugin import issuers
from vpc_cni_iam.plugin.trust import AWS_NODE, PODS, TAG, WEB, is_too_large
from vpc_cni_iam.policy.diff import ConditionChange, StatementChanged, StatementRemoved
from vpc_cni_iam.policy.document import ANYONE, Policy
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.policy.report import (
    asked_text,
    condition_text,
    describe,
    example_text,
    values_text,
)
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import Sensitive
from vpc_cni_iam.review.checks.hidden_policies import SENSITIVE_POLICY, UNKNOWN_POLICY, UNREADABLE
from vpc_cni_iam.review.checks.new_access import NEW_POLICY
from vpc_cni_iam.review.checks.new_trust import (
    NewTrust,
    TrustNotShown,
    TrustNotWidened,
    TrustUndecided,
)
from vpc_cni_iam.review.checks.no_new_access import ACCESS_REMOVED, REWRITTEN
from vpc_cni_iam.review.checks.not_proven import NOT_PROVEN
from vpc_cni_iam.review.checks.trust_anybody import TRUST_ANYBODY, AnybodyTrusted
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.permissions import Open, PermissionRefusal
from vpc_cni_iam.review.diff.plugin.roles import is_plugins
from vpc_cni_iam.review.diff.principals import changed_principals
from vpc_cni_iam.review.diff.trust.anybody import (
    Anybody,
    everybody,
    living,
    narrowed,
    problem,
    takes_strangers,
)
from vpc_cni_iam.review.diff.trust.trusted import (
    Trusted,
    Widened,
    may_be_assumed,
    prefix,
    realistic,
    trusted_by,
    widened,
)
from vpc_cni_iam.review.findings import Finding, Saying, finding, says
from vpc_cni_iam.review.rules import CHANGES, GAINS, LOSES, Rule, Topic
from vpc_cni_iam.review.texts.names import MOST_NAMED
from vpc_cni_iam.review.texts.trusted import capital, issuer_name, role_of, several_trusted

TRUST_WIDENED = Rule(
    "trust-widened",
    (Level.ERROR, Topic.TRUST, GAINS),
    summary="New principals can assume a role, or under fewer conditions.",
    help="The finding shows the condition of the trust policy that is removed, and who can newly assume the role. Name the provider, the audience and the service account in full. EKS Pod Identity assumes a role only for an association in the account: it is a warning if only EKS Pod Identity is new, and a note for the role of aws-node. A move of aws-node back to IRSA is a warning. So are session tags that a service can newly set, as EKS Auto Mode requires for the role of a cluster, and an OIDC provider that is created, or gets another issuer or more client IDs, if existing roles trust its tokens.",
    fix="Name the provider, the audience and the service account in full. The finding shows who can newly assume the role.",
)
_NOT_SHOWN = {Invalid: UNREADABLE, Sensitive: SENSITIVE_POLICY}
_NAMED = 3  # of how many new principals each is named
_NUMBER = re.compile(r"(?<!\d)\d{12}(?!\d)")


class TrustWidened(Struct, frozen=True):
    """A trust policy allows new principals to assume the role."""

    widened: Widened
    example: NewAccess | None  # None if it could reveal a secret


class _RoleTrusts(Struct, frozen=True):
    """A role with its trust policy before and after."""

    before: PlanGrant | None
    after: PlanGrant
    is_plugins: bool

    @property
    def changes(self) -> bool:
        return self.before is None or self.before.content != self.after.content


def check(context: Context) -> Iterator[Finding]:
    """Yield the changes of trust policies, and those that let everybody assume a role."""
    changed = changed_principals(context)
    before, after = context.accounts.sides
    for owner in context.accounts.principals:
        old, new = before.one(owner, GrantPart.TRUST), after.one(owner, GrantPart.TRUST)
        if new is None:
            if old is not None and owner not in changed:
                yield _found(ACCESS_REMOVED, TrustNotWidened(is_deleted=True), old)
            continue
        role = _RoleTrusts(old, new, is_plugins(context, owner))
        if role.changes or (role.is_plugins and owner in changed):
            yield from _of_role(role, context)


def _found(rule: Rule, evidence: Struct, grant: PlanGrant, **row: Any) -> Finding:
    place = grant.address
    return finding(rule, evidence, place, attribute=grant.attribute, subject=grant.owner, **row)


def _of_role(role: _RoleTrusts, context: Context) -> Iterator[Finding]:
    grant, content = role.after, role.after.content
    is_new = role.before is None or role.after.owner in context.accounts.created
    if not isinstance(content, PlanPolicy):
        if role.changes:
            means = (*GAINS, *LOSES) if role.is_plugins and not is_new else GAINS
            rule = _NOT_SHOWN.get(type(content), UNKNOWN_POLICY)
            yield _found(rule, TrustNotShown(is_new, content), grant, means=means)
        return
    of_anybody = [*_of_anybody(role, content)]
    if not role.changes:
        yield from of_anybody
    elif is_too_large(content.policy):
        yield _found(NOT_PROVEN, TrustUndecided(NotProven(Open.TOO_LARGE)), grant)
    elif not is_new:
        changed = [*_changed(role, content, context)]
        yield from changed
        yield from of_anybody if not any(map(_names_anybody, changed)) else ()
    else:
        for why in filter(None, map(problem, content.shown.statements)) if not of_anybody else ():
            refused = NotProven(Open.REFUSED, PermissionRefusal(Message(str(why))))
            yield _found(NOT_PROVEN, TrustUndecided(refused), grant)
        new = _new(role, content, context)
        is_whole = bool(of_anybody) and _names_anybody(new)
        yield from [] if is_whole else [new]
        yield from (replace(each, means=GAINS) if is_whole else each for each in of_anybody)


def _of_anybody(role: _RoleTrusts, after: PlanPolicy) -> Iterator[Finding]:
    is_sensitive = after.masked is not None
    for each in everybody(after.policy):
        evidence = AnybodyTrusted(Anybody() if is_sensitive else each, is_sensitive)
        level = None if role.changes else Level.NOTE
        yield _found(TRUST_ANYBODY, evidence, role.after, level=level)


def _names_anybody(other: Finding) -> bool:
    """Return whether a finding says that everybody can assume a role."""
    match other.evidence:
        case TrustWidened(Widened(trusted=trusted)) if len(trusted) <= _NAMED:
            return any(each.name == ANYONE and not each.limits for each in trusted)
        case NewTrust(trusted):
            return bool(trusted) and all(each.name == ANYONE for each, _ in trusted)
    return False


def _changed(role: _RoleTrusts, after: PlanPolicy, context: Context) -> Iterator[Finding]:
    """Yield whether a changed trust policy allows new principals."""
    content, grant = role.before.content if role.before else None, role.after
    if not isinstance(content, PlanPolicy):
        yield _found(NOT_PROVEN, TrustUndecided(NotProven(Open.NOT_SHOWN)), grant)
        return
    own = context.reader.role_arn(grant.owner, Side.AFTER)
    old, new = living(content.policy), living(after.policy, own)
    answer = context.proofs.prove((old,), (new,))
    is_secret = content.masked is not None or after.masked is not None
    match answer:
        case NewAccess():
            what = widened(content.shown, after.shown)
            example = None if is_secret else realistic(answer, what, old, new)
            names = {trusted.name for trusted in what.trusted}
            others = narrowed(new, lambda _, name: name not in names)
            is_by_them = isinstance(context.proofs.prove((old,), (others,)), NoNewAccess)
            level = _level(what, is_plugins=role.is_plugins) if is_by_them else Level.ERROR
            if isinstance(context.proofs.prove((_with_tags(old),), (new,)), NoNewAccess):
                level = Level.WARNING
            yield _found(TRUST_WIDENED, TrustWidened(what, example), grant, level=level)
        case NotProven(reason):
            rule = UNKNOWN_POLICY if reason is Open.LATER else NOT_PROVEN
            shown = NotProven(Open.NOT_SHOWN) if is_secret else answer
            yield _found(rule, TrustUndecided(shown), grant)
        case NoNewAccess():
            is_same = isinstance(context.proofs.prove((new,), (old,)), NoNewAccess)
            rule = REWRITTEN if is_same else ACCESS_REMOVED
            yield _found(rule, TrustNotWidened(), grant)


def _with_tags(policy: Policy) -> Policy:
    """Return a trust policy that also lets services set session tags, but for EKS Pod Identity.

    Source: Amazon EKS User Guide, "Amazon EKS Auto Mode cluster IAM role".
    """
    more = []
    for statement in policy.statements:
        names = {str(n) for p in statement.principals for n in p.identifiers}
        is_of_services = all(p.type == "Service" for p in statement.principals)
        can_tag = is_of_services and not any(name.startswith(PODS) for name in names)
        is_changed = can_tag and statement.effect == "Allow" and bool(statement.actions)
        more += [replace(statement, actions=(*statement.actions, TAG)) if is_changed else statement]
    return replace(policy, statements=tuple(more))


def _level(what: Widened, *, is_plugins: bool) -> Level:
    """Return the severity of new principals in a trust policy that allows others nothing new.

    EKS Pod Identity assumes a role only for an association, which needs permission to create it and
    to pass the role. A move of aws-node between EKS Pod Identity and IRSA allows no new principal.

    Source: Amazon EKS User Guide, "Create IAM role with trust policy required by EKS Pod Identity".
    """
    if what.same_principals:
        return Level.ERROR
    if all(trusted.is_by_pods for trusted in what.trusted):
        return Level.NOTE if is_plugins else Level.WARNING
    comes_back = is_plugins and any(trusted.is_by_pods for trusted in what.before)
    is_own = all(t.subject == AWS_NODE.subject and t.audiences for t in what.trusted)
    return Level.WARNING if comes_back and is_own else Level.ERROR


def _new(role: _RoleTrusts, after: PlanPolicy, context: Context) -> Finding:
    """Return the finding about the principals that can assume a new role."""
    policy = after.policy
    named = (t for t in trusted_by(policy) if not t.is_nobody)
    every = [t for t in named if may_be_assumed(policy, replace(t, claims=()))]
    # A mark that replaces a secret is not evaluated.
    trusted = every if after.masked is None else trusted_by(after.shown)
    resolver, owner = context.reader.resolver, role.after.owner
    own = resolver.account(resolver.by_address[owner.address]) if isinstance(owner, InPlan) else ""
    accounts = frozenset((own,)) if own else resolver.accounts
    owned = tuple((each, _is_own(each, accounts)) for each in trusted)
    own_level = Level.NOTE if all(own for _, own in owned) else Level.WARNING
    not_shown = tuple(hole.place for hole in after.shown.holes())
    level = most_severe((own_level, *(_level_of_new(each, policy) for each in every)))
    means = CHANGES if level is Level.NOTE else GAINS
    return _found(NEW_POLICY, NewTrust(owned, not_shown), role.after, level=level, means=means)


def _level_of_new(trusted: Trusted, policy: Policy) -> Level:
    """Return the severity of a new principal, by the subjects and audiences of its tokens."""
    if not trusted.claims:
        return Level.NOTE
    audiences = dict(trusted.claims)["aud"], *map(str, trusted.audiences)
    is_of_anybody = trusted.is_pattern and issuers.is_of_anybody(str(trusted.subject))
    if is_of_anybody or takes_strangers(policy, trusted.known, trusted.platform.value, audiences):
        return Level.ERROR
    return Level.WARNING if trusted.is_several or not trusted.audiences else Level.NOTE


def _is_own(trusted: Trusted, accounts: frozenset[str]) -> bool:
    """Return whether a principal is of one of some accounts, or of none, as a service is."""
    if trusted.type in ("Service", "Federated") or not isinstance(trusted.name, str):
        return True
    number = _NUMBER.search(trusted.name)
    return number is not None and number[0] in accounts


_TAGS = (
    "the same services assume it with session tags. EKS Auto Mode needs this for a cluster's role"
)
_BY_PODS = (
    "anyone who can create an association and pass the role can give it to pods. To prevent that, "
    "remove pods.eks.amazonaws.com from the trust policy"
)


@says(TrustWidened)
def _widened(finding: Finding, evidence: TrustWidened) -> Saying:
    widened, role = evidence.widened, role_of(finding)
    conditions = widened.conditions
    # A changed condition is the reason, unless the principals are new.
    is_why = bool(conditions) and (widened.same_principals or conditions[0].new is None)
    reasons = list(map(_condition_reason, conditions))
    reasons[is_why:is_why] = (_deny_reason(change) for change in widened.denies)
    message = f"{role} can be assumed under fewer conditions than before"
    if widened.trusted:
        message = f"{role} can now be assumed by {several_trusted(widened.trusted)}"
        if widened.before and not (widened.same_principals and reasons):
            message += f" (was {several_trusted(widened.before)})"
    elif widened.actions:
        what = first_of(widened.actions, MOST_NAMED)
        message = f"The trust policy of {role} now also allows its principals to call {what}"
    if is_why or widened.denies:
        message = f"{capital(reasons.pop(0))}: {message}"
    details = list(map(capital, reasons))
    if evidence.example:
        details.append(f"example: {_request_text(evidence.example)}")
    is_of_tags = (finding.level, widened.actions) == (Level.WARNING, (TAG,))
    details += [_TAGS] * is_of_tags
    if widened.trusted and all(trusted.is_by_pods for trusted in widened.trusted):
        message += ", for the pods of any association in the account"
        details.append(_BY_PODS)
    fix = _fix_of_widened(finding, widened) if finding.level is Level.ERROR else ""
    return Saying(message, tuple(details), fix)


def _request_text(example: NewAccess) -> str:
    """Return a request without its resource, which is the role; for a token, its claims."""
    request, of = example.request, issuer_of(example.request.principal)
    if not of or request.action != WEB:
        return example_text(example, resource=False)
    claims = {
        k[len(of) + 1 :] if prefix(k) == of.lower() else k: v for k, v in request.context.items()
    }
    return f"a token of {issuer_name(of)} with {values_text(claims) or 'no claims'}"


def _deny_reason(change: StatementRemoved | StatementChanged) -> str:
    if isinstance(change, StatementRemoved):
        return f"the Deny that {describe(change.statement)} is removed"
    return f"the Deny that {describe(change.old)} now {describe(change.new)}"


def _condition_reason(change: ConditionChange) -> str:
    assert change.old is not None  # noqa: S101 - `widened` has no others
    if change.new is None:
        return f"condition {condition_text(change.old)} is removed"
    asked = f"from {asked_text(change.old)} to {asked_text(change.new)}"
    return f"condition on {change.old.key} changes {asked}"


def _fix_of_widened(finding: Finding, widened: Widened) -> str:
    where = f"the trust policy of {finding.address}"
    for change in widened.conditions:
        is_subject = change.old is not None and str(change.old.key).endswith(":sub")
        if change.old and (change.new is None or widened.same_principals or is_subject):
            return f"Restore the condition {condition_text(change.old)} in {where}"
    after = several_trusted(widened.trusted, limits=False)
    return f"Remove {after} from {where}" if after else f"Restore {where}"
