"""Names of principals that can assume a role, in sentences."""

from __future__ import annotations

from collections.abc import Iterable

from vpc_cni_iam.plugin.issuers import SERVICE_ACCOUNTS, Platform
from vpc_cni_iam.policy.document import ANYONE
from vpc_cni_iam.policy.template import Template
from vpc_cni_iam.review.diff.trust.trusted import Trusted
from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.texts.names import name_of, several
from vpc_cni_iam.unmet import limit_text

_HOSTS = {"token.actions.githubusercontent.com": "GitHub", "gitlab.com": "GitLab"}
EVERY = {
    Platform.KUBERNETES: "any service account",
    Platform.GITHUB: "any workflow of any repository",
    Platform.GITLAB: "any job of any project",
    Platform.OTHER: "any subject",
}
_EVERY = {
    *("*", f"{SERVICE_ACCOUNTS}*", f"{SERVICE_ACCOUNTS}*:*"),
    *(f"{kind}:*{rest}" for kind in ("repo", "project_path") for rest in ("", "/*", ":*", "/*:*")),
}


def trusted_text(trusted: Trusted, *, limits: bool = True) -> str:
    """Return who can assume a role, with the conditions."""
    return "".join(_parts(trusted, limits=limits))


def _parts(trusted: Trusted, *, limits: bool) -> tuple[str, str]:
    """Return who can assume a role; and the issuer and the conditions."""
    asked = sorted(map(limit_text, trusted.limits)) if limits else []
    ending = f" if {' and '.join(asked)}" if asked else ""
    name = str(trusted.name)
    if trusted.type == "Federated" and (trusted.issuer or trusted.platform is not Platform.OTHER):
        audience = "" if trusted.audiences else ", with a token for any audience"
        issuer = "" if isinstance(trusted.name, Template) else trusted.issuer
        who = subject_text(trusted.platform, str(trusted.subject), is_pattern=trusted.is_pattern)
        if isinstance(trusted.subject, Template):
            who = "a subject that the plan does not show"
        return who, f" of {issuer_name(issuer)}{audience}{ending}"
    if isinstance(trusted.name, Template):
        name = f"a principal that the plan does not show ({name})"
    elif name == ANYONE:
        name = "everyone"
    elif trusted.is_by_pods:
        name = "EKS Pod Identity"
    elif trusted.type == "AWS" and name.isdecimal():
        name = f"AWS account {name}"
    return name, ending


def issuer_name(issuer: str) -> str:
    """Return the name of an issuer; the plan does not show it if it is empty."""
    if not issuer:
        return "an OIDC provider that the plan does not show"
    return _HOSTS.get(issuer, issuer)


def subject_text(platform: Platform, subject: str, *, is_pattern: bool) -> str:
    """Return which identities a subject matches, with its wildcards in words."""
    if not subject or (is_pattern and subject in _EVERY):
        return EVERY[platform]
    namespace, _, account = subject.removeprefix(SERVICE_ACCOUNTS).partition(":")
    is_wild = "*" in subject or "?" in subject
    is_usual = platform is Platform.KUBERNETES and subject.startswith(SERVICE_ACCOUNTS)
    if not (is_usual and account) or ":" in account or (is_wild and not is_pattern):
        return f"subject {subject}"
    if namespace == ANYONE:
        return f"any service account named {account}"
    if account == ANYONE:
        return f"any service account in {namespace}"
    kind = "any service account like" if is_wild else "service account"
    return f"{kind} {namespace}/{account}"


def several_trusted(every: Iterable[Trusted], *, limits: bool = True) -> str:
    """Return who can assume a role in a sentence; of many, the first."""
    parts = list(dict.fromkeys(_parts(trusted, limits=limits) for trusted in every))
    endings = {ending for _, ending in parts}
    if len(endings) == 1:
        return several([who for who, _ in parts]) + endings.pop()
    return several(list(map("".join, parts)))


def role_of(finding: Finding) -> str:
    """Return the role that a finding is about."""
    return name_of(finding.subject) if finding.subject else finding.address  # type: ignore[arg-type]


def capital(text: str) -> str:
    """Return a text with a capital at its start."""
    return f"{text[:1].upper()}{text[1:]}"
