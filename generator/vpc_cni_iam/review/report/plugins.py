"""The answers to the question whether aws-node works, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.calls import FAMILIES
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.plugin.cluster import EksCluster
from vpc_cni_iam.review.account.iam_resource import IamResource
from vpc_cni_iam.review.account.plugin.state import PluginIdentity
from vpc_cni_iam.review.checks.identity_providers import ProviderChanged
from vpc_cni_iam.review.checks.plugin_roles import ControllerMissing, TrustLost
from vpc_cni_iam.review.diff.plugin.answers import AnswerReason, AnswerVerdict, PluginAnswer
from vpc_cni_iam.review.diff.plugin.calls import MissingCall, by_action
from vpc_cni_iam.review.diff.plugin.needs import PluginNeeds, VersionSource
from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.report.names import name_of, several
from vpc_cni_iam.review.report.shown import ShownPlugin
from vpc_cni_iam.review.rules import Level, Rule

_SOURCES = {
    VersionSource.PLAN: "",
    VersionSource.OPTION: ", --cni-version",
    VersionSource.ASSUMED: ", version assumed",
}
_NO_CONTROLLER = AnswerReason.CONTROLLER
# Why it does not work, or what the plan does not show.
REASONS = {
    AnswerReason.REMOVED: "",
    AnswerReason.ROLE_DELETED: "the plan deletes its role",
    AnswerReason.NOT_TRUSTED: "it cannot assume {role}",
    AnswerReason.MISSING: "{missing} denied",
    AnswerReason.TRUST: "whether the trust policy of {role} trusts it",
    AnswerReason.IDENTITY: "which role it has",
    AnswerReason.OWNER: "which role has {role}",
    AnswerReason.ROLE: "the policies of {role}",
    AnswerReason.POLICY: "whether {policies} allows {actions}",
    AnswerReason.LIMIT: "what limits {role}",
    AnswerReason.LATER: "a part of a policy of {role}, which is known after apply",
    AnswerReason.UNDECIDED: "whether conditions of {role} allow {actions}",
    _NO_CONTROLLER: "pods with security groups of their own do not start",
    AnswerReason.CONFLICT: "whether {role} keeps a policy that one of two resources removes",
    AnswerReason.REFUSED: "what {role} allows: a policy is not valid",
}


# By which flaws of its trust policy nobody can assume a role of pods.
_NEVER_ASSUMED = (Rule.IRSA_ISSUER, Rule.PODS_NO_TAGS)


def shown_plugins(
    answers: Sequence[PluginAnswer],
    findings: Iterable[Finding],
    needs_of: Callable[[IamResource], PluginNeeds],
) -> Iterator[ShownPlugin]:
    """Yield the answers; none is that aws-node works with a role that it can no longer assume.

    A role of which that is all that is known has an answer, too, by what `needs_of` returns.
    """
    fails, reason = AnswerVerdict.FAILS, AnswerReason.NOT_TRUSTED
    every = list(findings)
    errors = [finding for finding in every if finding.level is Level.ERROR]
    lacking = {cluster for finding in every for cluster in _without_controller(finding)}
    lost = {role for error in errors for role in _not_assumed(error)}
    flawed = lost | {error.subject for error in errors if error.rule in _NEVER_ASSUMED}
    for answer in answers:
        roles = answer.needs.plugin.after.identity.roles
        if answer.verdict is AnswerVerdict.WORKS and answer.needs.plugin.after.cluster in lacking:
            yield _shown(PluginAnswer(answer.needs, AnswerVerdict.DEGRADED, _NO_CONTROLLER))
        elif (lost if answer.needs.is_of_cluster else flawed).isdisjoint(roles):
            yield _shown(answer)
        else:
            yield _shown(PluginAnswer(answer.needs, fails, reason))
    judged = {role for answer in answers for role in answer.needs.plugin.after.identity.roles}
    for role in sorted(lost - judged, key=str):
        yield _shown(PluginAnswer(needs_of(role), fails, reason))


def _without_controller(finding: Finding) -> tuple[EksCluster, ...]:
    """Return the clusters in which security groups for pods do not work, as a finding says."""
    return finding.evidence.clusters if isinstance(finding.evidence, ControllerMissing) else ()


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
    needs, plugin = answer.needs, answer.needs.plugin
    before, after = plugin.states
    is_removed = answer.reason is AnswerReason.REMOVED
    if is_removed:
        after = replace(after, identity=PluginIdentity())
    return ShownPlugin(
        after.cluster.name or plugin.address,
        after.cluster.region,
        _text(answer),
        answer.verdict,
        before.setup.settings.version,
        after.setup.settings.version,
        str(needs.after.version),
        needs.mode,
        before.identity.kind.value,
        "" if is_removed else after.identity.kind.value,
        _named(before.identity.roles),
        _named(after.identity.roles),
        tuple(_missing(needs)),
        tuple(_only_with(needs)),
    )


def _text(answer: PluginAnswer) -> str:
    needs = answer.needs
    how = f"{needs.after.version} ({FAMILIES[needs.mode]}{_SOURCES[needs.source]})"
    why = REASONS[answer.reason].format_map(_parts(answer)) if answer.reason else ""
    if answer.reason is AnswerReason.REMOVED:
        return "removed by the plan"
    match answer.verdict:
        case AnswerVerdict.WORKS:
            return f"works with {how}"
        case AnswerVerdict.DEGRADED:
            return f"works with {how}, but not in full: {why}"
        case AnswerVerdict.FAILS:
            before = " as before" if answer.is_as_before else ""
            return f"fails{before} with {how}: {why}"
        case AnswerVerdict.NOT_SHOWN:
            return f"not shown by the plan for {how}: {why}"


def _parts(answer: PluginAnswer) -> dict[str, str]:
    needs = answer.needs
    names = _missing(needs, is_fatal=answer.verdict is not AnswerVerdict.DEGRADED)
    actions = several(names)
    grants = [grant for role in needs.roles for grant in role.open]
    policies = (name_of(g.policy) if g.policy else g.address for g in grants)
    return {
        "role": " and ".join(_named(needs.plugin.after.identity.roles)) or "its role",
        "actions": actions,
        "missing": f"{actions} {'is' if len(names) == 1 else 'are'}",
        "policies": first_of(dict.fromkeys(policies), 1) or "a policy",
    }


def _missing(needs: PluginNeeds, *, is_fatal: bool = False) -> list[str]:
    """Return the actions that are denied and without which something does not work."""
    calls = by_action(call for call in _denied(needs) if not call.switch)
    return [
        call.action
        for call in calls
        if call.level is not Level.NOTE and (call.is_fatal or not is_fatal)
    ]


def _only_with(needs: PluginNeeds) -> Iterator[str]:
    """Yield what is denied only with settings that the plan does not show."""
    calls = by_action(_denied(needs))
    for switch in dict.fromkeys(call.switch for call in calls if call.switch):
        own = [call for call in calls if call.switch == switch]
        verb = "is" if len(own) == 1 else "are"
        denied = several([call.action for call in own])
        yield f"with {switch}: {denied} {verb} denied: {own[0].breaks}"


def _denied(needs: PluginNeeds) -> Iterator[MissingCall]:
    return (call for role in needs.roles for call in role.missing or ())


def _named(roles: Iterable[IamResource]) -> tuple[str, ...]:
    return tuple(name_of(role) for role in sorted(roles, key=str))
