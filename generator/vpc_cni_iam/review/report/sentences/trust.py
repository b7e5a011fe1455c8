"""Sentences about who can assume a role."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from vpc_cni_iam.catalog.trust import AUDIENCE
from vpc_cni_iam.catalog.trust import issuer as issuer_of
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.plugin.trust import WEB
from vpc_cni_iam.policy.diff import ConditionChange, StatementChanged, StatementRemoved
from vpc_cni_iam.policy.document import ANYONE, Condition
from vpc_cni_iam.policy.proof.answer import NewAccess
from vpc_cni_iam.policy.report import (
    asked_text,
    condition_text,
    describe,
    example_text,
    values_text,
)
from vpc_cni_iam.policy.value import Sensitive
from vpc_cni_iam.review.account.documents import Invalid
from vpc_cni_iam.review.checks.identity_providers import ProviderChanged, ProviderEvent
from vpc_cni_iam.review.checks.trust import (
    NewTrust,
    Ownership,
    TrustNotShown,
    TrustNotWidened,
    TrustUndecided,
    TrustWidened,
)
from vpc_cni_iam.review.diff.trust.conditions import prefix
from vpc_cni_iam.review.diff.trust.trusted import Trusted, Widened
from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.report.names import names_of
from vpc_cni_iam.review.report.saying import Saying
from vpc_cni_iam.review.report.sentences import trust_flaws
from vpc_cni_iam.review.report.sentences.access import undecided_text
from vpc_cni_iam.review.report.trusted import (
    capital,
    issuer_name,
    role_of,
    several_trusted,
    trusted_text,
)
from vpc_cni_iam.review.rules import Level, Rule

_SHOWN = 3
_BY_PODS = (
    "whoever may create an association and pass the role gives it to pods. To end that, remove "
    "pods.eks.amazonaws.com from the trust policy"
)
_OF_ACCOUNTS = "role", "user", "assumed-role", "federated-user"  # as ARNs have them


def _widened(finding: Finding, evidence: TrustWidened) -> Saying:
    widened, role = evidence.widened, role_of(finding)
    issuer = _only_issuer(widened)
    conditions = sorted(widened.conditions, key=_order)
    # That a condition becomes another is why, unless new principals say it.
    is_why = bool(conditions) and (widened.same_principals or conditions[0].new is None)
    reasons = [_condition_reason(change, issuer) for change in conditions]
    reasons[is_why:is_why] = map(_deny_reason, widened.denies)
    is_why |= bool(widened.denies)
    message = f"{role} can be assumed under fewer conditions than before"
    if widened.trusted:
        message = f"{role} can now be assumed by {several_trusted(widened.trusted)}"
        if widened.same_principals and any(change.new is None for change in conditions):
            message += " without it"
        elif widened.before and not (widened.same_principals and reasons):
            message += f" (was {several_trusted(widened.before, named=issuer)})"
    elif widened.actions:
        what = first_of(widened.actions, _SHOWN)
        message = f"The trust policy of {role} now allows {what} to whom it names"
    if is_why:
        message = f"{capital(reasons.pop(0))}: {message}"
    details = [*map(capital, reasons)]
    details += [f"example: {_example(evidence.example, issuer)}"] if evidence.example else []
    if widened.trusted and all(trusted.is_by_pods for trusted in widened.trusted):
        message += ", for the pods that associations in the account name"
        details.append(_BY_PODS)
    fix = _fix_of_widened(finding, widened, issuer) if finding.level is Level.ERROR else ""
    return Saying(message, tuple(details), fix)


def _order(change: ConditionChange) -> tuple[bool, bool]:
    """Return the order of conditions: those that are gone, then those on subjects."""
    return change.new is not None, not str(change.old.key if change.old else "").endswith(":sub")


def _only_issuer(widened: Widened) -> str:
    """Return the issuer of all whom a finding names, which it names once; else nothing."""
    issuers = {trusted.issuer for trusted in (*widened.trusted, *widened.before)}
    return issuers.pop() if len(issuers) == 1 else ""


def _example(example: NewAccess, named: str) -> str:
    """Return a request without the resource, which is the role; of a token its claims."""
    request = example.request
    of = issuer_of(request.principal)
    claims = {k: v for k, v in request.context.items() if of and prefix(k) == of.lower()}
    if not claims or request.action != WEB:
        return example_text(example, resource=False)
    others = {k: v for k, v in request.context.items() if k not in claims}
    short = {key[len(of) + 1 :]: value for key, value in claims.items()}
    texts = [values_text(part) for part in (short, others) if part]
    return f"a token{'' if of == named else f' of {issuer_name(of)}'} with {', '.join(texts)}"


def _short(condition: Condition, issuer: str) -> Condition:
    """Return a condition with the claim alone, where it is one of the issuer that is named."""
    key = str(condition.key)
    is_claim = issuer and prefix(key) == issuer.lower()
    return replace(condition, key=key[len(issuer) + 1 :]) if is_claim else condition


def _deny_reason(change: StatementRemoved | StatementChanged) -> str:
    if isinstance(change, StatementRemoved):
        return f"the Deny that {describe(change.statement)} is gone"
    return f"the Deny that {describe(change.old)} now {describe(change.new)}"


def _condition_reason(change: ConditionChange, issuer: str) -> str:
    assert change.old is not None  # noqa: S101 - `widened` has no others
    was = _short(change.old, issuer)
    if change.new is None:
        return f"condition {condition_text(was)} is gone"
    return f"condition on {was.key} changes from {asked_text(was)} to {asked_text(change.new)}"


def _fix_of_widened(finding: Finding, widened: Widened, issuer: str) -> str:
    where = f"the trust policy of {finding.address}"
    for change in sorted(widened.conditions, key=_order):
        old = _short(change.old, issuer) if change.old else None
        if old and (change.new is None or widened.same_principals):
            return f"Put the condition {condition_text(old)} back into {where}"
        if old and old.key == "sub":
            return f"Write {asked_text(old)} on sub again in {where}"
    sides = widened.before, widened.trusted
    before, after = (several_trusted(side, limits=False, named=issuer) for side in sides)
    if after and before:
        return f"Name {before} in place of {after} in {where}"
    return f"Remove {after} from {where}" if after else f"Restore {where}"


def _undecided(finding: Finding, evidence: TrustUndecided) -> Saying:
    role, reason = role_of(finding), undecided_text(evidence.answer, "its trust policy")
    if evidence.trusted:
        who = several_trusted(evidence.trusted)
        return Saying(f"{role} may now be assumed by {who}, which is not decided: {reason}")
    return Saying(f"Who can newly assume {role} is not decided: {reason}")


def _not_shown(finding: Finding, evidence: TrustNotShown) -> Saying:
    role = role_of(finding)
    if isinstance(evidence.content, Invalid):
        return Saying(
            f"The trust policy of {role} is not a policy: {evidence.content.why}",
            fix=f"Write a valid policy document in assume_role_policy of {finding.address}",
        )
    why = "is sensitive" if isinstance(evidence.content, Sensitive) else "is known after apply"
    whose = f"the new role {role}" if evidence.is_new else role
    return Saying(f"The trust policy of {whose} {why}: the plan does not show who can assume it")


def _new(finding: Finding, evidence: NewTrust) -> Saying:
    role, order = role_of(finding), list(Ownership)
    ranked = sorted(evidence.trusted, key=lambda pair: -order.index(pair[1]))
    who = [f"by {trusted_text(trusted)}{_whose(trusted, whose)}" for trusted, whose in ranked]
    if not who:
        return Saying(f"Nobody can assume the new role {role}: its trust policy trusts nobody")
    more = f", and by {len(who) - _SHOWN} more" if len(who) > _SHOWN else ""
    message = f"The new role {role} can be assumed {', and '.join(who[:_SHOWN])}{more}"
    return Saying(message, tuple(f"not shown: {place}" for place in evidence.not_shown))


def _whose(trusted: Trusted, whose: Ownership) -> str:
    """Return that somebody is another account, or of one."""
    if whose is Ownership.OWN or trusted.name == ANYONE:
        return ""
    kind = str(trusted.name).partition("/")[0].rpartition(":")[2]
    verb = "is" if whose is Ownership.OTHER else "may be"
    return f", which {verb} {'in ' if kind in _OF_ACCOUNTS else ''}another account"


def _not_widened(finding: Finding, evidence: TrustNotWidened) -> Saying:
    role = role_of(finding)
    if finding.rule is Rule.REWRITTEN:
        return Saying(f"The trust policy of {role} is written in another way and means the same")
    if evidence.is_deleted:
        return Saying(f"The role {role} is deleted")
    if not evidence.removed:
        return Saying(f"The trust policy of {role} allows less than before, and nothing new")
    removed = several_trusted(evidence.removed)
    if evidence.limited:
        limited = several_trusted(evidence.limited)
        return Saying(f"{role} can now be assumed only by {limited} (was {removed})")
    return Saying(f"{role} can no longer be assumed by {removed}")


def _provider(finding: Finding, evidence: ProviderChanged) -> Saying:
    address, roles = finding.address, names_of(evidence.gains or evidence.loses)
    what = f"{address} {_EVENTS[evidence.event]}"
    what += f" to {', '.join(evidence.clients)}" if evidence.clients else ""
    if finding.rule is Rule.IDENTITY_LOST:
        is_new = evidence.event is ProviderEvent.NO_AUDIENCE
        fix = f"Keep the provider of {evidence.issuer} with {AUDIENCE} in {address}"
        fix = f"Add {AUDIENCE} to client_id_list of {address}" if is_new else fix
        can = "cannot" if is_new else "can no longer"
        return Saying(f"{what}: aws-node {can} assume {roles} by IRSA", fix=fix)
    can = "can now" if evidence.gains else "can no longer"
    tokens = f": tokens of {issuer_name(evidence.issuer)} {can} assume {roles}" if roles else ""
    return Saying(what + tokens)


_EVENTS = {
    ProviderEvent.CREATED: "is created",
    ProviderEvent.DELETED: "is deleted",
    ProviderEvent.WITH_CLUSTER: "is deleted with its cluster",
    ProviderEvent.OTHER_ISSUER: "gets another issuer",
    ProviderEvent.UNKNOWN_ISSUER: "may get another issuer, which is known after apply",
    ProviderEvent.NO_AUDIENCE: f"is new for a cluster of EKS, without the client ID {AUDIENCE}",
    ProviderEvent.CLIENT_IDS: "changes its client IDs",
    ProviderEvent.THUMBPRINTS: "gets other thumbprints",
}


SENTENCES: Mapping[type, Callable[[Finding, Any], Saying]] = {
    TrustWidened: _widened,
    TrustUndecided: _undecided,
    TrustNotShown: _not_shown,
    NewTrust: _new,
    TrustNotWidened: _not_widened,
    **trust_flaws.SENTENCES,
    ProviderChanged: _provider,
}
