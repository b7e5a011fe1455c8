"""Sentences about what is wrong with a trust policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vpc_cni_iam.catalog.trust import AUDIENCE
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.plugin.issuers import Platform, is_of_anybody, platform_of
from vpc_cni_iam.plugin.trust import AWS_NODE
from vpc_cni_iam.review.checks.trust import (
    FlawOrigin,
    PolicyNeedsTags,
    TrustFlawFound,
)
from vpc_cni_iam.review.diff.trust_flaws import TrustFlaw
from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.report.saying import Saying
from vpc_cni_iam.review.report.trusted import (
    EVERY,
    capital,
    issuer_name,
    role_of,
    several,
    subject_text,
)
from vpc_cni_iam.review.rules import Rule

_SHOWN = 3
_ORIGINS = {
    FlawOrigin.ADDED: "New: ",
    FlawOrigin.PRESENT: "",
    FlawOrigin.BEFORE: "As before: ",
}


def _flaw(finding: Finding, evidence: TrustFlawFound) -> Saying:
    flaw, origin = evidence.flaw, _ORIGINS[evidence.origin]
    role = role_of(finding)
    message, fix = _FLAWS[flaw.rule](role, flaw)
    if evidence.is_sensitive:
        message = f"The trust policy of {role}, whose values are sensitive: {_HIDDEN[flaw.rule]}"
    elif origin:
        message = (
            f"{message[:1].lower()}{message[1:]}" if not message.startswith("EKS") else message
        )
    if evidence.is_sensitive and origin:
        message = f"{message[:1].lower()}{message[1:]}"
    return Saying(f"{origin}{message}", fix=f"{fix} in the trust policy of {finding.address}")


_HIDDEN = {
    Rule.TRUST_ANYBODY: "everybody can assume the role",
    Rule.IRSA_NO_AUDIENCE: "no condition asks for the audience",
    Rule.OIDC_NO_AUDIENCE: "no condition asks for the audience",
    Rule.IRSA_OTHER_AUDIENCE: "it asks for another audience than sts.amazonaws.com",
    Rule.IRSA_NO_SUBJECT: "every service account of the cluster can assume the role",
    Rule.OIDC_NO_SUBJECT: "every subject of the issuer can assume the role",
    Rule.IRSA_WILDCARD: "a wildcard lets several service accounts assume the role",
    Rule.OIDC_WILDCARD: "a wildcard lets several subjects assume the role",
    Rule.IRSA_NEVER: "a wildcard is compared letter by letter, and never matches",
    Rule.IRSA_LIKE: "StringLike compares a subject without a wildcard",
    Rule.IRSA_OTHER_SUBJECT: "it is for another service account than aws-node",
    Rule.IRSA_ISSUER: "a condition is on another issuer than the principal",
    Rule.PODS_NO_TAGS: "it does not allow sts:TagSession",
    Rule.PODS_UNSCOPED: "no condition says for which pods it is",
    Rule.PODS_TAGS_OFF: "it asks for session tags, which an association switches off",
    Rule.PODS_SOURCE_ARN: "its source ARN is an association",
}


def _anybody(role: str, flaw: TrustFlaw) -> tuple[str, str]:
    if flaw.provider:
        keys = " or ".join(flaw.values)
        return (
            f"Everybody with a token of {flaw.provider} can assume {role}: no condition asks for "
            f"{keys}",
            f"Add a condition on {keys}",
        )
    who = "Everybody"
    if flaw.values:
        who = f"Everybody but those that it names ({several(flaw.values)})"
    return (
        f"{who} in every AWS account can assume {role}: no condition asks for an organization, an "
        "account or a principal",
        "Name the principals, or add a condition on aws:PrincipalOrgID",
    )


def _quoted(flaw: TrustFlaw) -> str:
    return _one_of(flaw.values)


def _one_of(values: Sequence[str]) -> str:
    return (
        first_of(list(map(repr, values)))
        if len(values) > _SHOWN
        else " or ".join(map(repr, values))
    )


def _no_subject(role: str, flaw: TrustFlaw) -> tuple[str, str]:
    platform = platform_of(flaw.provider, flaw.values)
    why = f"the subject {_quoted(flaw)} matches all"
    of_owners = [v for v in flaw.values if is_of_anybody(v) and v.partition(":")[2] != "*"]
    if of_owners:
        project = "project" if platform is Platform.GITLAB else "repository"
        return (
            f"Everybody can create a {project} of {issuer_name(flaw.provider)} that can assume "
            f"{role}: the owner in the subject {_one_of(of_owners)} has a wildcard",
            "Name the owner of the project",
        )
    key = f"{flaw.provider}:sub" if flaw.provider else "the subject"
    if not flaw.values:
        why = f"no condition asks for {key}"
    return (
        f"{capital(EVERY[platform])} of {issuer_name(flaw.provider)} can assume {role}: {why}",
        f"Name the subject in {key}" if flaw.values else f"Add a condition on {key}",
    )


def _wildcard(role: str, flaw: TrustFlaw) -> tuple[str, str]:
    platform = platform_of(flaw.provider, flaw.values)
    who = [subject_text(platform, value, is_pattern=True) for value in flaw.values]
    return (
        f"{capital(several(who))} of {issuer_name(flaw.provider)} can assume {role}: the subject "
        f"has a wildcard, {_quoted(flaw)}",
        "Name the whole subject",
    )


def _no_audience(role: str, flaw: TrustFlaw) -> tuple[str, str]:
    key = f"{flaw.provider}:aud" if flaw.provider else "the audience"
    return (
        f"Tokens of {issuer_name(flaw.provider)} for any audience can be used to assume {role}: "
        f"no condition asks for {key}",
        f"Add StringEquals on {key} with {AUDIENCE}",
    )


def _other_audience(role: str, flaw: TrustFlaw) -> tuple[str, str]:
    return (
        f"{role} can be assumed only with tokens for the audience {_quoted(flaw)}; EKS makes "
        f"tokens of service accounts for {AUDIENCE}, unless an annotation says otherwise",
        f"Ask for the audience {AUDIENCE}",
    )


def _never(role: str, flaw: TrustFlaw) -> tuple[str, str]:
    nobody = f": nobody can assume {role} by it" if flaw.never else ""
    return (
        f"StringEquals compares {_quoted(flaw)} letter by letter, and no token has a wildcard in "
        f"it{nobody}",
        "Write the whole name, or use StringLike",
    )


def _like(role: str, flaw: TrustFlaw) -> tuple[str, str]:
    return (
        f"StringLike compares the subject {_quoted(flaw)} of {role}, which has no wildcard; "
        "StringEquals says that none is meant",
        "Use StringEquals",
    )


def _other_subject(role: str, flaw: TrustFlaw) -> tuple[str, str]:
    return (
        f"{role} is aws-node's, and {_quoted(flaw)} can assume it, which is not the service "
        f"account {AWS_NODE.subject}",
        f"Name only {AWS_NODE.subject}",
    )


def _issuer_differs(role: str, flaw: TrustFlaw) -> tuple[str, str]:
    keys = several(flaw.values) if flaw.values else "a condition"
    are = "is" if len(flaw.values) == 1 else "are"
    fix = f"Write the keys of {flaw.provider}, or name the provider of the keys"
    if not flaw.never:
        return (
            f"The condition on {keys} {are} about another issuer than {flaw.provider}, whose "
            "tokens do not have that key",
            fix,
        )
    return (
        f"Nobody can assume {role} by {flaw.provider}: {keys} {are} of another issuer, and its "
        f"tokens have only claims of {flaw.provider}",
        fix,
    )


def _no_tags(role: str, flaw: TrustFlaw) -> tuple[str, str]:
    return (
        f"No pod gets credentials of {role} by EKS Pod Identity: its trust policy does not allow "
        "sts:TagSession",
        "Allow sts:TagSession beside sts:AssumeRole",
    )


def _unscoped(role: str, flaw: TrustFlaw) -> tuple[str, str]:
    return (
        f"Anyone who can create an association in the account can give {role} to any pod: no "
        "condition asks for a namespace, service account, cluster or account",
        "Add a condition on aws:RequestTag/kubernetes-service-account",
    )


def _tags_off(role: str, flaw: TrustFlaw) -> tuple[str, str]:
    return (
        f"No pod gets credentials of {role} by EKS Pod Identity: its trust policy asks for session "
        "tags, and an association switches them off",
        "Set disable_session_tags to false, or do not ask for tags",
    )


def _source_arn(role: str, flaw: TrustFlaw) -> tuple[str, str]:
    return (
        f"No pod gets credentials of {role} by EKS Pod Identity: {_quoted(flaw)} is the ARN of an "
        "association, and aws:SourceArn is the ARN of the cluster",
        "Name the ARN of the cluster",
    )


_FLAWS: Mapping[Rule, Callable[[str, TrustFlaw], tuple[str, str]]] = {
    Rule.TRUST_ANYBODY: _anybody,
    Rule.IRSA_NO_AUDIENCE: _no_audience,
    Rule.OIDC_NO_AUDIENCE: _no_audience,
    Rule.IRSA_OTHER_AUDIENCE: _other_audience,
    Rule.IRSA_NO_SUBJECT: _no_subject,
    Rule.OIDC_NO_SUBJECT: _no_subject,
    Rule.IRSA_WILDCARD: _wildcard,
    Rule.OIDC_WILDCARD: _wildcard,
    Rule.IRSA_NEVER: _never,
    Rule.IRSA_LIKE: _like,
    Rule.IRSA_OTHER_SUBJECT: _other_subject,
    Rule.IRSA_ISSUER: _issuer_differs,
    Rule.PODS_NO_TAGS: _no_tags,
    Rule.PODS_UNSCOPED: _unscoped,
    Rule.PODS_TAGS_OFF: _tags_off,
    Rule.PODS_SOURCE_ARN: _source_arn,
}


def _needs_tags(finding: Finding, evidence: PolicyNeedsTags) -> Saying:
    keys = f" ({several(evidence.keys)})" if evidence.keys else ""
    message = f"a policy of {role_of(finding)} asks for session tags{keys}, and an association of "
    message += "the role switches them off"
    origin = "As before: " if evidence.origin is FlawOrigin.BEFORE else ""
    return Saying(
        f"{origin}{message if origin else capital(message)}",
        fix="Set disable_session_tags to false, or do not ask for tags",
    )


SENTENCES: Mapping[type, Callable[[Finding, Any], Saying]] = {
    TrustFlawFound: _flaw,
    PolicyNeedsTags: _needs_tags,
}
