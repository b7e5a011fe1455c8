"""Issuers of tokens: who owns them, and the form of their tokens' subjects.

Sources: Amazon EKS User Guide, "IAM roles for service accounts"; GitHub Docs, "OpenID Connect
reference"; GitLab Docs, "OpenID Connect (OIDC) authentication using ID tokens"; IAM User Guide,
"AWS global and IAM condition keys", web identity federation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import Enum

_EKS = re.compile(r"oidc[.-]eks\.([a-z0-9-]+)?")
SERVICE_ACCOUNTS = "system:serviceaccount:"
PROVIDER = ":oidc-provider/"
# Providers that IAM knows by name: anybody can get their tokens. Each has the claims that name a
# token's application.
APPLICATIONS: Mapping[str, tuple[str, ...]] = {
    "accounts.google.com": ("aud", "oaud"),
    "cognito-identity.amazonaws.com": ("aud",),
    "graph.facebook.com": ("app_id",),
    "www.amazon.com": ("app_id",),
}


class Platform(Enum):
    """Who can get tokens of an issuer, with a subject that only a trust in everybody matches."""

    KUBERNETES = f"{SERVICE_ACCOUNTS}example-namespace:example-service-account"
    GITHUB = "repo:example-stranger/example:ref:refs/heads/example"
    GITLAB = "project_path:example-stranger/example:ref_type:branch:ref:example"
    OTHER = "zz-example"


_BY_SUBJECT = {
    SERVICE_ACCOUNTS: Platform.KUBERNETES,
    "repo:": Platform.GITHUB,
    "project_path:": Platform.GITLAB,
}


def region_of(issuer: str) -> str:
    """Return the Region of an EKS issuer's clusters; empty for another issuer."""
    match = _EKS.match(issuer)
    return (match[1] or "") if match else ""


def is_of_anybody(pattern: str) -> bool:
    """Return whether anybody can create a project that a pattern of subjects matches.

    Anyone who creates an organization or a group chooses its name.
    """
    kind, _, rest = pattern.partition(":")
    owner = rest.partition("/")[0].partition(":")[0]
    return kind in ("repo", "project_path") and ("*" in owner or "?" in owner)


def platform_of(issuer: str, subjects: Iterable[str]) -> Platform:
    """Return who can get tokens of an issuer, by its name, else by the required subjects."""
    host = issuer.partition("/")[0]
    if _EKS.match(host):
        return Platform.KUBERNETES
    if host == "token.actions.githubusercontent.com":
        return Platform.GITHUB
    if host == "gitlab.com":
        return Platform.GITLAB
    begins = (p for s in subjects for begin, p in _BY_SUBJECT.items() if s.startswith(begin))
    return next(begins, Platform.OTHER)
