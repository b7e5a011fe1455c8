"""Sentences about what is wrong with a trust policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from vpc_cni_iam.catalog.trust import AUDIENCE
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.plugin.issuers import Platform, is_of_anybody, platform_of
from vpc_cni_iam.plugin.trust import AWS_NODE
from vpc_cni_iam.review.checks.session_tags import SessionTagsOff
from vpc_cni_iam.review.checks.trust import FlawOrigin, TrustFlawFound
from vpc_cni_iam.review.diff.trust.tokens import TrustFlaw
from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.report.names import several
from vpc_cni_iam.review.report.rule_texts import shown_rules
from vpc_cni_iam.review.report.saying import Saying
from vpc_cni_iam.review.report.trusted import (
    EVERY,
    capital,
    issuer_name,
    role_of,
    subject_text,
)
from vpc_cni_iam.review.rules import Rule

_SHOWN = 3
_TAGS_OFF = "Set disable_session_tags to false, or do not ask for tags"


class _FlawText(NamedTuple):
    """The texts of a flaw; fields in braces are those of `_fields`."""

    message: str
    fix: str


_BY_PODS = "No pod gets credentials of {role} by EKS Pod Identity: "
_NO_AUDIENCE = _FlawText(
    "Tokens of {issuer} for any audience can be used to assume {role}: no condition asks for the "
    "audience",
    f"Add StringEquals on its claim aud with {AUDIENCE}",
)
_NO_SUBJECT = _FlawText(
    "{every} of {issuer} can assume {role}: no condition asks for the subject",
    "Add a condition on its claim sub",
)
_ALL_SUBJECTS = _FlawText(
    "{every} of {issuer} can assume {role}: the subject {quoted} matches all",
    "Name the subject",
)
_ANY_OWNER = _FlawText(
    "Everybody can create a {project} of {issuer} that can assume {role}: the owner in the subject "
    "{owners} has a wildcard",
    "Name the owner of the project",
)
_WILDCARD = _FlawText(
    "{who} of {issuer} can assume {role}: the subject has a wildcard, {quoted}",
    "Name the whole subject",
)
_OF_APPLICATION = _FlawText(
    "Everybody with a token of {provider} can assume {role}: no condition asks for {keys}",
    "Add a condition on {keys}",
)
_ISSUER_BESIDE = _FlawText(
    "Tokens of {provider} have no claim {keys}, for which {role} asks",
    "Write the keys of that provider, or name the provider of the keys",
)
_TEXTS: Mapping[Rule, _FlawText] = {
    Rule.TRUST_ANYBODY: _FlawText(
        "Everybody{excepted} in every AWS account can assume {role}: no condition asks for an "
        "organization, an account or a principal",
        "Name the principals, or add a condition on aws:PrincipalOrgID",
    ),
    Rule.IRSA_NO_AUDIENCE: _NO_AUDIENCE,
    Rule.OIDC_NO_AUDIENCE: _NO_AUDIENCE,
    Rule.IRSA_OTHER_AUDIENCE: _FlawText(
        "{role} can be assumed only with tokens for the audience {quoted}; EKS makes tokens of "
        f"service accounts for {AUDIENCE}, unless an annotation says otherwise",
        f"Ask for the audience {AUDIENCE}",
    ),
    Rule.IRSA_NO_SUBJECT: _ALL_SUBJECTS,
    Rule.OIDC_NO_SUBJECT: _ALL_SUBJECTS,
    Rule.IRSA_WILDCARD: _WILDCARD,
    Rule.OIDC_WILDCARD: _WILDCARD,
    Rule.IRSA_NEVER: _FlawText(
        "StringEquals does not read the wildcard in {quoted}{nobody}",
        "Write the whole name, or use StringLike",
    ),
    Rule.IRSA_LIKE: _FlawText(
        "StringLike compares the subject {quoted} of {role}, which has no wildcard: use "
        "StringEquals",
        "Use StringEquals",
    ),
    Rule.IRSA_OTHER_SUBJECT: _FlawText(
        "{who} of {issuer} can assume {role}, which is aws-node's",
        f"Name only {AWS_NODE.subject}",
    ),
    Rule.IRSA_ISSUER: _FlawText(
        "Nobody can assume {role} by tokens of {provider}: they have no claim {keys}",
        _ISSUER_BESIDE.fix,
    ),
    Rule.PODS_NO_TAGS: _FlawText(
        _BY_PODS + "its trust policy does not allow sts:TagSession",
        "Allow sts:TagSession beside sts:AssumeRole",
    ),
    Rule.PODS_UNSCOPED: _FlawText(
        "Anyone who can create an association in the account can give {role} to any pod: no "
        "condition asks for a namespace, service account, cluster or account",
        "Add a condition on aws:RequestTag/kubernetes-service-account",
    ),
    Rule.PODS_TAGS_OFF: _FlawText(
        _BY_PODS + "its trust policy asks for session tags, and an association switches them off",
        _TAGS_OFF,
    ),
    Rule.PODS_SOURCE_ARN: _FlawText(
        _BY_PODS + "{quoted} is the ARN of an association, and aws:SourceArn is the ARN of the "
        "cluster",
        "Name the ARN of the cluster",
    ),
}


def _flaw(finding: Finding, evidence: TrustFlawFound) -> Saying:
    fields = _fields(role_of(finding), evidence.flaw)
    text = _text(evidence.flaw)
    message = text.message.format_map(fields)
    if evidence.is_sensitive:
        summary = next(rule.summary for rule in shown_rules() if rule.id == finding.rule)
        message = f"The trust policy of {fields['role']} has sensitive values. {summary}"
    elif evidence.origin is FlawOrigin.BEFORE:
        message += ", as before"
    fix = f"{text.fix.format_map(fields)} in the trust policy of {finding.address}"
    return Saying(message, fix=fix)


def _text(flaw: TrustFlaw) -> _FlawText:
    """Return the texts of a flaw that has several forms."""
    match flaw:
        case TrustFlaw(Rule.TRUST_ANYBODY) if flaw.provider:
            return _OF_APPLICATION
        case TrustFlaw(Rule.IRSA_NO_SUBJECT | Rule.OIDC_NO_SUBJECT) if not flaw.values:
            return _NO_SUBJECT
        case TrustFlaw(Rule.IRSA_NO_SUBJECT | Rule.OIDC_NO_SUBJECT) if _owners(flaw):
            return _ANY_OWNER
        case TrustFlaw(Rule.IRSA_ISSUER, never=False):
            return _ISSUER_BESIDE
    return _TEXTS[flaw.rule]


def _fields(role: str, flaw: TrustFlaw) -> Mapping[str, str]:
    platform, values = platform_of(flaw.provider, flaw.values), flaw.values
    who = [subject_text(platform, value, is_pattern=True) for value in values]
    return {
        "role": role,
        "provider": flaw.provider,
        "issuer": issuer_name(flaw.provider),
        "quoted": _quoted(values),
        "keys": " or ".join(values),
        "excepted": f" but those that it names ({several(values)})" if values else "",
        "owners": _quoted(_owners(flaw)),
        "project": "project" if platform is Platform.GITLAB else "repository",
        "every": capital(EVERY[platform]),
        "who": capital(several(who)),
        "nobody": f": nobody can assume {role} by it" if flaw.never else "",
    }


def _owners(flaw: TrustFlaw) -> list[str]:
    """Return the subjects whose owner has a wildcard beside other letters."""
    return [v for v in flaw.values if is_of_anybody(v) and v.partition(":")[2] != "*"]


def _quoted(values: Sequence[str]) -> str:
    quoted = list(map(repr, values))
    return first_of(quoted) if len(quoted) > _SHOWN else " or ".join(quoted)


def _tags_off(finding: Finding, evidence: SessionTagsOff) -> Saying:
    before = ", as before" if evidence.stays else ""
    message = f"A policy of {role_of(finding)} asks for session tags ({several(evidence.tags)}), "
    message += f"and an association of the role switches them off{before}"
    return Saying(message, fix=_TAGS_OFF)


SENTENCES: Mapping[type, Callable[[Finding, Any], Saying]] = {
    TrustFlawFound: _flaw,
    SessionTagsOff: _tags_off,
}
