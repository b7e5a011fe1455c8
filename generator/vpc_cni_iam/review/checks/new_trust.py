"""Trust policies of new roles, and those that are not known, or not widened."""

from __future__ import annotations

from msgspec import Struct

from vpc_cni_iam.inputs.plan.account.documents import Invalid, PlanContent
from vpc_cni_iam.levels import Level
from vpc_cni_iam.policy.document import ANYONE
from vpc_cni_iam.policy.proof.answer import NotProven
from vpc_cni_iam.policy.value import Sensitive
from vpc_cni_iam.review.checks.no_new_access import REWRITTEN
from vpc_cni_iam.review.diff.trust.trusted import Trusted
from vpc_cni_iam.review.findings import Finding, Saying, says
from vpc_cni_iam.review.texts.access import undecided_text
from vpc_cni_iam.review.texts.names import MOST_NAMED
from vpc_cni_iam.review.texts.trusted import role_of, trusted_text


class TrustNotShown(Struct, frozen=True):
    """The plan does not show the new trust policy, or it is not a valid policy."""

    is_new: bool  # whether the role is new
    content: PlanContent


class TrustUndecided(Struct, frozen=True):
    """It is not known whether a trust policy allows new principals."""

    answer: NotProven


class NewTrust(Struct, frozen=True):
    """A new role, and the principals that can assume it."""

    trusted: tuple[tuple[Trusted, bool], ...]  # with whether each is certainly of the account
    not_shown: tuple[str, ...]  # the places of values that the plan does not show


class TrustNotWidened(Struct, frozen=True):
    """A trust policy changes and allows no new principal."""

    is_deleted: bool = False  # whether the role is deleted


@says(TrustUndecided)
def _undecided(finding: Finding, evidence: TrustUndecided) -> Saying:
    reason = undecided_text(evidence.answer, "its trust policy")
    return Saying(f"It is not known who can newly assume {role_of(finding)}: {reason}")


@says(TrustNotShown)
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


@says(NewTrust)
def _new_text(finding: Finding, evidence: NewTrust) -> Saying:
    role, ranked = role_of(finding), sorted(evidence.trusted, key=lambda each: each[1])
    other = " (not known to be in this account)"
    who = [f"by {trusted_text(t)}{'' if own or t.name == ANYONE else other}" for t, own in ranked]
    if not who:
        return Saying(f"Nobody can assume the new role {role}: its trust policy trusts nobody")
    more = f", and by {len(who) - MOST_NAMED} more" if len(who) > MOST_NAMED else ""
    message = f"The new role {role} can be assumed {', and '.join(who[:MOST_NAMED])}{more}"
    fix = f"Require the full subject of the tokens in the trust policy of {finding.address}"
    details = tuple(f"not shown: {place}" for place in evidence.not_shown)
    return Saying(message, details, fix if finding.level is Level.ERROR else "")


@says(TrustNotWidened)
def _not_widened(finding: Finding, evidence: TrustNotWidened) -> Saying:
    role = role_of(finding)
    if evidence.is_deleted:
        return Saying(f"The role {role} is deleted")
    if finding.rule is REWRITTEN:
        return Saying(f"The trust policy of {role} changes, and allows the same")
    return Saying(f"The trust policy of {role} allows less than before, and nothing new")
