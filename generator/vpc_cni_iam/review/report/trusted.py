"""How a review names who can assume a role."""

from __future__ import annotations

from collections.abc import Iterable

from vpc_cni_iam.plugin.issuers import SERVICE_ACCOUNTS, Platform
from vpc_cni_iam.policy.document import ANYONE
from vpc_cni_iam.policy.template import Template
from vpc_cni_iam.review.diff.trust.trusted import Trusted
from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.report.names import limit_text, name_of, several

_HOSTS = {"token.actions.githubusercontent.com": "GitHub", "gitlab.com": "GitLab"}
_OF_PROJECTS = "workflows of ", "jobs of "
# Where jobs run, by the begin of what their subject has after the project.
_PLACES = {
    "ref:refs/heads/": "on branch",
    "ref_type:branch:ref:": "on branch",
    "ref:refs/tags/": "on tag",
    "ref_type:tag:ref:": "on tag",
    "environment:": "in environment",
}
EVERY = {
    Platform.KUBERNETES: "any service account",
    Platform.GITHUB: "any workflow of any repository",
    Platform.GITLAB: "any job of any project",
    Platform.OTHER: "any subject",
}


def trusted_text(trusted: Trusted, *, limits: bool = True) -> str:
    """Return who can assume a role, in words, with the conditions."""
    return "".join(_parts(trusted, limits=limits))


def _parts(trusted: Trusted, *, limits: bool, named: str = "") -> tuple[str, str]:
    """Return who can assume a role, and of which issuer and when; `named` is an issuer."""
    asked = sorted(map(limit_text, trusted.limits)) if limits else []
    ending = f" if {' and '.join(asked)}" if asked else ""
    name = str(trusted.name)
    if trusted.type == "Federated" and (trusted.issuer or trusted.platform is not Platform.OTHER):
        audience = "" if trusted.audiences else ", with a token for any audience"
        who = subject_text(trusted.platform, str(trusted.subject), is_pattern=trusted.is_pattern)
        if isinstance(trusted.subject, Template):
            who = "a subject that the plan does not show"
        is_clear = trusted.issuer in _HOSTS and who.startswith(_OF_PROJECTS)
        of = "" if is_clear or (named and trusted.issuer == named) else f" of {_issuer(trusted)}"
        return who, f"{of}{audience}{ending}"
    if isinstance(trusted.name, Template):
        name = f"a principal that the plan does not show ({name})"
    elif name == ANYONE:
        name = "everybody"
    elif trusted.is_by_pods:
        name = "EKS Pod Identity"
    elif trusted.type == "AWS" and name.isdecimal():
        name = f"AWS account {name}"
    return name, ending


def _issuer(trusted: Trusted) -> str:
    if isinstance(trusted.name, Template):
        return "an OIDC provider that the plan does not show"
    return issuer_name(trusted.issuer)


def issuer_name(issuer: str) -> str:
    """Return an issuer as people know it; empty for one that the plan does not show."""
    if not issuer:
        return "an OIDC provider that the plan does not show"
    return _HOSTS.get(issuer, issuer)


def subject_text(platform: Platform, subject: str, *, is_pattern: bool) -> str:
    """Return whose token has a subject, with its wildcards in words if it has any."""
    if not subject or (is_pattern and subject in (ANYONE, f"{SERVICE_ACCOUNTS}{ANYONE}")):
        return EVERY[platform]
    if "*" in subject and not is_pattern:
        return f"subject {subject}"
    if platform is Platform.KUBERNETES:
        return _service_account(subject)
    return f"subject {subject}" if platform is Platform.OTHER else _job(platform, subject)


def _service_account(subject: str) -> str:
    prefix, _, account = subject.rpartition(":")
    namespace = prefix.removeprefix(SERVICE_ACCOUNTS)
    if not subject.startswith(SERVICE_ACCOUNTS) or ":" in namespace:
        return f"subject {subject}"
    if (namespace, account) == (ANYONE, ANYONE):
        return EVERY[Platform.KUBERNETES]
    if namespace == ANYONE:
        return f"any service account named {account}"
    if account == ANYONE:
        return f"any service account in {namespace}"
    if "*" in subject or "?" in subject:
        return f"any service account like {namespace}/{account}"
    return f"service account {namespace}/{account}"


def _job(platform: Platform, subject: str) -> str:
    """Return the workflows or jobs of a pattern of subjects, where it is of a usual form."""
    job, project = ("workflow", "repository") if platform is Platform.GITHUB else ("job", "project")
    kind, _, rest = subject.partition(":")
    name, _, claim = rest.partition(":")
    owner, _, short = name.partition("/")
    place = next((begin for begin in _PLACES if claim.startswith(begin)), "")
    is_usual = kind in ("repo", "project_path") and "?" not in subject and bool(short)
    if is_usual and claim in ("", ANYONE) and rest.endswith(ANYONE):
        if "*" not in owner:
            return f"any {job} of {f'any {project} of {owner}' if short == ANYONE else name}"
        if owner == ANYONE:
            return EVERY[platform] if short == ANYONE else f"any {job} of {name}"
    elif is_usual and place and ANYONE not in subject:
        return f"{job}s of {name} {_PLACES[place]} {claim.removeprefix(place)}"
    is_every = kind in ("repo", "project_path") and rest in (ANYONE, f"{ANYONE}:{ANYONE}")
    return EVERY[platform] if is_every else f"subject {subject}"


def several_trusted(every: Iterable[Trusted], *, limits: bool = True, named: str = "") -> str:
    """Return several who can assume a role, of many the first; `named` needs no issuer again."""
    parts = list(dict.fromkeys(_parts(t, limits=limits, named=named) for t in every))
    endings = {ending for _, ending in parts}
    if len(endings) == 1:
        return several([who for who, _ in parts]) + endings.pop()
    return several(list(map("".join, parts)))


def role_of(finding: Finding) -> str:
    """Return the role that a finding is about."""
    return name_of(finding.subject) if finding.subject else finding.address  # type: ignore[arg-type]


def capital(text: str) -> str:
    """Return a text with a capital at its begin."""
    return f"{text[:1].upper()}{text[1:]}"
