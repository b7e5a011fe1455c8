"""Sentences about who can assume a role."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vpc_cni_iam.catalog.trust import AUDIENCE
from vpc_cni_iam.catalog.trust import issuer as issuer_of
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.inputs.plan.account.documents import Invalid
from vpc_cni_iam.levels import Level
from vpc_cni_iam.plugin.trust import TAG, WEB
from vpc_cni_iam.policy.diff import ConditionChange, StatementChanged, StatementRemoved
from vpc_cni_iam.policy.document import ANYONE
from vpc_cni_iam.policy.proof.answer import NewAccess
from vpc_cni_iam.policy.report import (
    asked_text,
    condition_text,
    describe,
    example_text,
    values_text,
)
from vpc_cni_iam.policy.value import Sensitive
from vpc_cni_iam.review.checks.identity_providers import ProviderChanged, ProviderEvent
from vpc_cni_iam.review.checks.trust import (
    AnybodyTrusted,
    NewTrust,
    TrustNotShown,
    TrustNotWidened,
    TrustUndecided,
    TrustWidened,
)
from vpc_cni_iam.review.diff.trust.trusted import Widened, prefix
from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.report.names import names_of
from vpc_cni_iam.review.report.saying import Saying
from vpc_cni_iam.review.report.sentences.access import undecided_text
from vpc_cni_iam.review.report.trusted import (
    capital,
    issuer_name,
    role_of,
    several_trusted,
    trusted_text,
)
from vpc_cni_iam.review.rules import Rule

_SHOWN = 3
_TAGS = (
    "the same services assume it with session tags. EKS Auto Mode needs this for a cluster's role"
)
_BY_PODS = (
    "anyone who can create an association and pass the role can give it to pods. To prevent that, "
    "remove pods.eks.amazonaws.com from the trust policy"
)


def _widened(finding: Finding, evidence: TrustWidened) -> Saying:
    widened, role = evidence.widened, role_of(finding)
    conditions = sorted(widened.conditions, key=lambda change: change.new is not None)
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
        what = first_of(widened.actions, _SHOWN)
        message = f"The trust policy of {role} now also allows its principals to call {what}"
    if is_why or widened.denies:
        message = f"{capital(reasons.pop(0))}: {message}"
    details = list(map(capital, reasons))
    if evidence.example:
        details.append(f"example: {_example(evidence.example)}")
    is_of_tags = (finding.level, widened.actions) == (Level.WARNING, (TAG,))
    details += [_TAGS] * is_of_tags
    if widened.trusted and all(trusted.is_by_pods for trusted in widened.trusted):
        message += ", for the pods of any association in the account"
        details.append(_BY_PODS)
    fix = _fix_of_widened(finding, widened) if finding.level is Level.ERROR else ""
    return Saying(message, tuple(details), fix)


def _example(example: NewAccess) -> str:
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
    sides = widened.before, widened.trusted
    before, after = (several_trusted(side, limits=False) for side in sides)
    if after and before:
        return f"Name {before} instead of {after} in {where}"
    return f"Remove {after} from {where}" if after else f"Restore {where}"


def _undecided(finding: Finding, evidence: TrustUndecided) -> Saying:
    reason = undecided_text(evidence.answer, "its trust policy")
    return Saying(f"It is not known who can newly assume {role_of(finding)}: {reason}")


def _not_shown(finding: Finding, evidence: TrustNotShown) -> Saying:
    role = role_of(finding)
    if isinstance(evidence.content, Invalid):
        return Saying(
            f"The trust policy of {role} is not a valid policy: {evidence.content.why}",
            fix=f"Write a valid policy document in assume_role_policy of {finding.address}",
        )
    why = "is sensitive" if isinstance(evidence.content, Sensitive) else "is known after apply"
    whose = f"the new role {role}" if evidence.is_new else role
    return Saying(f"The trust policy of {whose} {why}: the plan does not show who can assume it")


def _new(finding: Finding, evidence: NewTrust) -> Saying:
    role, ranked = role_of(finding), sorted(evidence.trusted, key=lambda each: each[1])
    other = " (not known to be in this account)"
    who = [f"by {trusted_text(t)}{'' if own or t.name == ANYONE else other}" for t, own in ranked]
    if not who:
        return Saying(f"Nobody can assume the new role {role}: its trust policy trusts nobody")
    more = f", and by {len(who) - _SHOWN} more" if len(who) > _SHOWN else ""
    message = f"The new role {role} can be assumed {', and '.join(who[:_SHOWN])}{more}"
    fix = f"Require the full subject of the tokens in the trust policy of {finding.address}"
    details = tuple(f"not shown: {place}" for place in evidence.not_shown)
    return Saying(message, details, fix if finding.level is Level.ERROR else "")


def _not_widened(finding: Finding, evidence: TrustNotWidened) -> Saying:
    role = role_of(finding)
    if evidence.is_deleted:
        return Saying(f"The role {role} is deleted")
    if finding.rule is Rule.REWRITTEN:
        return Saying(f"The trust policy of {role} changes, and allows the same")
    return Saying(f"The trust policy of {role} allows less than before, and nothing new")


def _anybody(finding: Finding, trusted: AnybodyTrusted) -> Saying:
    role, anybody = role_of(finding), trusted.anybody
    who, keys = " in every AWS account", "aws:PrincipalOrgID, an account or a principal"
    if anybody.application:
        who, keys = f" with a token of {anybody.application}", " or ".join(anybody.keys)
    message = f"Everyone{who} can assume {role}: its trust policy has no condition on {keys}"
    if trusted.is_sensitive:
        message = f"Everyone can assume {role}. Its trust policy has sensitive values"
    return Saying(
        message, fix=f"Add a condition on {keys} in the trust policy of {finding.address}"
    )


def _provider(finding: Finding, evidence: ProviderChanged) -> Saying:
    address, roles = finding.address, names_of(evidence.roles)
    what = f"{address} {_EVENTS[evidence.event]}"
    if evidence.new_issuer:
        what += f", {issuer_name(evidence.new_issuer)} instead of {issuer_name(evidence.issuer)}"
    what += f" to {', '.join(evidence.clients)}" if evidence.clients else ""
    if finding.rule is Rule.TRUST_WIDENED:
        return Saying(f"{what}: more tokens of {issuer_name(evidence.issuer)} can assume {roles}")
    is_new = evidence.event is ProviderEvent.NO_AUDIENCE
    fix = f"Keep the provider of {evidence.issuer} with {AUDIENCE} in {address}"
    fix = f"Add {AUDIENCE} to client_id_list of {address}" if is_new else fix
    can = "cannot" if is_new else "can no longer"
    return Saying(f"{what}: aws-node {can} assume {roles} through IRSA", fix=fix)


_EVENTS = {
    ProviderEvent.CREATED: "is created",
    ProviderEvent.DELETED: "is deleted",
    ProviderEvent.OTHER_ISSUER: "gets another issuer",
    ProviderEvent.UNKNOWN_ISSUER: "may get another issuer, which is known after apply",
    ProviderEvent.NO_AUDIENCE: f"is new for an EKS cluster, without the client ID {AUDIENCE}",
    ProviderEvent.CLIENT_IDS: "changes its client IDs",
}


SENTENCES: Mapping[type, Callable[[Finding, Any], Saying]] = {
    TrustWidened: _widened,
    TrustUndecided: _undecided,
    TrustNotShown: _not_shown,
    NewTrust: _new,
    TrustNotWidened: _not_widened,
    AnybodyTrusted: _anybody,
    ProviderChanged: _provider,
}
