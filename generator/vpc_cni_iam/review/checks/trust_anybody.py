"""Trust policies that let everybody assume a role."""

from __future__ import annotations

from msgspec import Struct

from vpc_cni_iam.levels import Level
from vpc_cni_iam.review.diff.trust.anybody import Anybody
from vpc_cni_iam.review.findings import Finding, Saying, says
from vpc_cni_iam.review.rules import Rule, Topic
from vpc_cni_iam.review.texts.trusted import role_of

TRUST_ANYBODY = Rule(
    "trust-anybody",
    (Level.ERROR, Topic.TRUST, ()),
    summary="A trust policy allows everyone to assume the role.",
    help="The principal `*`, and NotPrincipal, include every AWS account. Name the principals, or add a condition on `aws:PrincipalOrgID`. Everyone can also get tokens of Google, Facebook, Amazon and Cognito: add a condition on the application, such as `accounts.google.com:aud`.",
    fix="Name the principals. If all accounts of your organization must assume the role, add a condition on `aws:PrincipalOrgID`.",
)


class AnybodyTrusted(Struct, frozen=True):
    """Everybody can assume a role."""

    anybody: Anybody
    is_sensitive: bool  # whether the policy has secrets; then no value of it is shown


@says(AnybodyTrusted)
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
