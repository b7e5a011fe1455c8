"""The answers to the question whether aws-node works, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.calls import FAMILIES
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.review.account.iam_resource import IamResource
from vpc_cni_iam.review.checks.identity_providers import ProviderChanged
from vpc_cni_iam.review.checks.plugin_roles import TrustLost
from vpc_cni_iam.review.diff.needs import VersionSource
from vpc_cni_iam.review.diff.plugin_answers import AnswerReason, AnswerVerdict, PluginAnswer
from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.report.names import name_of
from vpc_cni_iam.review.report.shown import ShownPlugin
from vpc_cni_iam.review.rules import Level, Rule

_SOURCES = {
    VersionSource.PLAN: "",
    VersionSource.OPTION: ", --cni-version",
    VersionSource.ASSUMED: ", version assumed",
}
_IDENTITIES = {Identity.none: "none", Identity.unknown: ""}
# Why it does not work, or what the plan does not show.
REASONS = {
    AnswerReason.REMOVED: "the plan removes it",
    AnswerReason.ROLE_DELETED: "the plan deletes its role",
    AnswerReason.NOT_TRUSTED: "it cannot assume {role}",
    AnswerReason.MISSING: "{missing} denied",
    AnswerReason.IDENTITY: "which role it has",
    AnswerReason.ROLE: "the policies of {role}",
    AnswerReason.POLICY: "whether {policies} allows {actions}",
    AnswerReason.LIMIT: "what limits {role}",
    AnswerReason.LATER: "a part of a policy of {role}, which is known after apply",
    AnswerReason.UNDECIDED: "whether conditions of {role} allow {actions}",
    AnswerReason.CONFLICT: "whether {role} keeps a policy that one of two resources removes",
    AnswerReason.REFUSED: "what {role} allows: a policy is not valid",
}
_SHOWN = 2
# By which flaws of its trust policy nobody can assume a role of pods.
_NEVER_ASSUMED = (Rule.IRSA_ISSUER, Rule.PODS_NO_TAGS)


def shown_plugins(
    answers: Iterable[PluginAnswer], findings: Iterable[Finding]
) -> Iterator[ShownPlugin]:
    """Yield the answers; none is that aws-node works with a role that it can no longer assume."""
    errors = [finding for finding in findings if finding.level is Level.ERROR]
    lost = {role for error in errors for role in _not_assumed(error)}
    flawed = {error.subject for error in errors if error.rule in _NEVER_ASSUMED}
    for answer in answers:
        if lost.union(() if answer.cluster else flawed).isdisjoint(answer.roles):
            yield _shown(answer)
        else:
            reason, verdict = AnswerReason.NOT_TRUSTED, AnswerVerdict.FAILS
            yield _shown(replace(answer, verdict=verdict, reason=reason))


def _not_assumed(error: Finding) -> tuple[IamResource, ...]:
    """Return the roles that aws-node can no longer assume, as an error says."""
    match error.evidence:
        case TrustLost(role=role):
            return (role,)
        case ProviderChanged(loses=roles) if error.rule is Rule.IDENTITY_LOST:
            return roles
    return ()


def _shown(answer: PluginAnswer) -> ShownPlugin:
    """Return an answer with its sentence."""
    cluster = answer.cluster
    return ShownPlugin(
        (cluster.name or answer.address) if cluster else "",
        cluster.region if cluster else "",
        _text(answer),
        answer.verdict,
        answer.version_before,
        answer.version_after,
        str(answer.version),
        answer.mode,
        _IDENTITIES.get(answer.identity_before, answer.identity_before.value),
        _IDENTITIES.get(answer.identity, answer.identity.value),
        tuple(map(name_of, answer.roles_before)),
        tuple(map(name_of, answer.roles)),
        tuple(call.action for call in answer.missing),
    )


def _text(answer: PluginAnswer) -> str:
    how = f"{answer.version} ({FAMILIES[answer.mode]}{_SOURCES[answer.source]})"
    why = REASONS[answer.reason].format_map(_parts(answer)) if answer.reason else ""
    match answer.verdict:
        case AnswerVerdict.WORKS:
            return f"works with {how}"
        case AnswerVerdict.DEGRADED:
            return f"works with {how}, but not in full: {why}"
        case AnswerVerdict.FAILS:
            return f"fails with {how}: {why}"
        case AnswerVerdict.NOT_SHOWN:
            return f"not shown by the plan for {how}: {why}"


def _parts(answer: PluginAnswer) -> dict[str, str]:
    names = [call.action for call in answer.missing]
    actions = first_of(names, _SHOWN) if len(names) > _SHOWN else " and ".join(names)
    policies = (name_of(g.policy) if g.policy else g.address for g in answer.open)
    return {
        "role": _named(answer.roles) or "its role",
        "actions": actions,
        "missing": f"{actions} {'is' if len(names) == 1 else 'are'}",
        "policies": first_of(dict.fromkeys(policies), 1) or "a policy",
    }


def _named(roles: Iterable[IamResource]) -> str:
    return " and ".join(map(name_of, roles))
