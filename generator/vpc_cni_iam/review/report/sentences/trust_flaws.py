"""Sentences about flaws of trust policies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vpc_cni_iam.catalog.trust import AUDIENCE
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.plugin.issuers import platform_of
from vpc_cni_iam.plugin.trust import AWS_NODE
from vpc_cni_iam.review.checks.session_tags import SessionTagsOff
from vpc_cni_iam.review.checks.trust import TrustFlawFound
from vpc_cni_iam.review.diff.trust.tokens import TrustFlaw
from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.report.names import several
from vpc_cni_iam.review.report.rule_texts import shown_rules
from vpc_cni_iam.review.report.saying import Saying
from vpc_cni_iam.review.report.trusted import EVERY, capital, issuer_name, role_of, subject_text
from vpc_cni_iam.review.rules import Rule

_SHOWN = 3
_NO_SUBJECT = "no condition checks the subject"
_TAGS_OFF = "Set disable_session_tags to false, or remove the conditions on session tags"
_BY_PODS = "No pod gets credentials for {role} from EKS Pod Identity: "
_NO_AUDIENCE = (
    "{who} of {issuer} can assume {role} with a token for any audience: no condition checks it",
    f"Add StringEquals on its claim aud with {AUDIENCE}",
)
_SUBJECT = "{who} of {issuer} can assume {role}: {subject}", "Require the full subject"
# The message and the fix; fields in braces are those of `_fields`.
_TEXTS: Mapping[Rule, tuple[str, str]] = {
    Rule.TRUST_ANYBODY: (
        "Everyone{anybody} can assume {role}: its trust policy has no condition on {keys}",
        "Add a condition on {keys}",
    ),
    Rule.IRSA_NO_AUDIENCE: _NO_AUDIENCE,
    Rule.OIDC_NO_AUDIENCE: _NO_AUDIENCE,
    Rule.IRSA_OTHER_AUDIENCE: (
        "{role} can be assumed only with tokens for the audience {quoted}; EKS issues tokens of "
        f"service accounts for {AUDIENCE}, unless an annotation says otherwise",
        f"Require the audience {AUDIENCE}",
    ),
    Rule.IRSA_NO_SUBJECT: _SUBJECT,
    Rule.OIDC_NO_SUBJECT: _SUBJECT,
    Rule.IRSA_WILDCARD: _SUBJECT,
    Rule.OIDC_WILDCARD: _SUBJECT,
    Rule.IRSA_NEVER: (
        "StringEquals compares the wildcard in {quoted} as text{nobody}",
        "Write the full name, or use StringLike",
    ),
    Rule.IRSA_LIKE: (
        "StringLike checks the subject {quoted} of {role}, which has no wildcard",
        "Use StringEquals",
    ),
    Rule.IRSA_OTHER_SUBJECT: (
        "{who} of {issuer} can assume {role}, the role of aws-node",
        f"Name only {AWS_NODE.subject}",
    ),
    Rule.IRSA_ISSUER: (
        "Tokens of {issuer} have no claim {keys}, which {role} requires{nobody}",
        "Use the keys of that provider, or name the provider of the keys",
    ),
    Rule.PODS_NO_TAGS: (
        _BY_PODS + "its trust policy does not allow sts:TagSession",
        "Allow sts:TagSession beside sts:AssumeRole",
    ),
    Rule.PODS_UNSCOPED: (
        "Anyone who can create an association in the account can give {role} to any pod: no "
        "condition checks the namespace, service account, cluster or account",
        "Add a condition on aws:RequestTag/kubernetes-service-account",
    ),
    Rule.PODS_TAGS_OFF: (
        _BY_PODS + "its trust policy requires session tags, and an association disables them",
        _TAGS_OFF,
    ),
    Rule.PODS_SOURCE_ARN: (
        _BY_PODS + "{quoted} is the ARN of an association, but aws:SourceArn is the ARN of the "
        "cluster",
        "Name the ARN of the cluster",
    ),
}


def _flaw(finding: Finding, evidence: TrustFlawFound) -> Saying:
    fields = _fields(role_of(finding), evidence.flaw)
    message, fix = (text.format_map(fields) for text in _TEXTS[evidence.flaw.rule])
    if evidence.is_sensitive:
        summary = next(rule.summary for rule in shown_rules() if rule.id == finding.rule)
        message = f"The trust policy of {fields['role']} has sensitive values. {summary}"
    return Saying(message, fix=f"{fix} in the trust policy of {finding.address}")


def _fields(role: str, flaw: TrustFlaw) -> Mapping[str, str]:
    platform, values = platform_of(flaw.provider, flaw.values), flaw.values
    who = [subject_text(platform, value, is_pattern=True) for value in values]
    keys, anybody = " or ".join(values), f" with a token of {flaw.provider}"
    if flaw.rule is Rule.TRUST_ANYBODY and not flaw.provider:
        keys, anybody = "aws:PrincipalOrgID, an account or a principal", " in every AWS account"
    return {
        "role": role,
        "issuer": issuer_name(flaw.provider),
        "quoted": first_of(map(repr, values), _SHOWN),
        "keys": keys,
        "anybody": anybody,
        "who": capital(several(who or [EVERY[platform]])),
        "subject": f"the subject has a wildcard, {first_of(map(repr, values), _SHOWN)}"
        if values
        else _NO_SUBJECT,
        "nobody": f", so nobody can assume {role} through the statement" if flaw.never else "",
    }


def _tags_off(finding: Finding, evidence: SessionTagsOff) -> Saying:
    before = ", as before" if evidence.stays else ""
    message = f"A policy of {role_of(finding)} uses session tags ({several(evidence.tags)}), and "
    message += f"an association of the role disables them{before}"
    return Saying(message, fix=_TAGS_OFF)


SENTENCES: Mapping[type, Callable[[Finding, Any], Saying]] = {
    TrustFlawFound: _flaw,
    SessionTagsOff: _tags_off,
}
