"""Sentences that answer whether aws-node works."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.calls import FAMILIES
from vpc_cni_iam.catalog.facts.node_needs import AGENT_ACTION, NodeNeed
from vpc_cni_iam.coverage.judge.verdict import Verdict
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource
from vpc_cni_iam.inputs.plan.plugin.state import PluginIdentity
from vpc_cni_iam.levels import Level
from vpc_cni_iam.review.diff.plugin.answers import AnswerCause, AnswerReason, NodePart, PluginAnswer
from vpc_cni_iam.review.diff.plugin.calls import MissingCall, by_action
from vpc_cni_iam.review.diff.plugin.identity import IdentityEvent
from vpc_cni_iam.review.diff.plugin.judged import VersionSource
from vpc_cni_iam.review.diff.plugin.needs import PluginNeeds
from vpc_cni_iam.review.diff.plugin.nodes import NodeLoss
from vpc_cni_iam.review.report.shown import ShownPlugin
from vpc_cni_iam.review.texts.names import FAULTS, TOO_OLD, name_of, several

_SOURCES = {
    VersionSource.PLAN: "",
    VersionSource.OPTION: ", --cni-version",
    VersionSource.PIN: ", pinned in vpc-cni-iam.toml",
    VersionSource.ASSUMED: ", version assumed",
}
_CANNOT = "it cannot assume {role}, because "
# Why aws-node does not work, or what the plan does not show.
REASONS: Mapping[AnswerCause, str] = {
    AnswerReason.REMOVED: "",
    IdentityEvent.NO_ARN: "the value for its role is not an ARN",
    IdentityEvent.OLD_VERSION: TOO_OLD,
    IdentityEvent.ROLE_GONE: "the plan deletes its role",
    NodeLoss.REFUSED: "instances cannot assume the node role",
    NodeNeed.agent: f"the node role does not allow {AGENT_ACTION}",
    NodeNeed.joining: "nodes cannot join",
    NodeNeed.pulling: "nodes cannot pull its image",
    NodeLoss.NO_ROLE: "nodes no longer have {role}",
    IdentityEvent.AGENT_REMOVED: "without the EKS Pod Identity Agent it gets no credentials",
    IdentityEvent.OTHER_ISSUER: f"{_CANNOT}its trust policy does not name the new OIDC issuer",
    IdentityEvent.NOT_TRUSTED: f"{_CANNOT}{{fault}}",
    IdentityEvent.NOT_ALLOWED: f"{_CANNOT}its first role is not allowed to",
    AnswerReason.MISSING: "{missing} denied",
    AnswerReason.FAMILY: "this version does not support the IP family",
    AnswerReason.FAMILY_LATER: "the IP family of its cluster",
    AnswerReason.VERSION: "which calls its version makes",
    AnswerReason.TRUST: "whether the trust policy of {role} trusts it",
    AnswerReason.IDENTITY: "which role it has",
    AnswerReason.OWNER: "which role has {role}",
    AnswerReason.ROLE: "the policies of {role}",
    AnswerReason.POLICY: "whether {policies} allows {actions}",
    AnswerReason.MAY_DENY: "whether {policies} denies calls",
    AnswerReason.OTHER_PLAN: "whether another plan allows {actions} for {role}",
    AnswerReason.AMBIGUOUS: "which of the roles with its name has its policies",
    AnswerReason.LIMIT: "what limits {role}",
    AnswerReason.ORGANIZATION: "whether changed policies of the organization deny its calls",
    AnswerReason.LATER: "a part of a policy of {role}, which is known after apply",
    AnswerReason.UNDECIDED: "whether conditions of {role} allow {actions}",
    AnswerReason.CONTROLLER: "pods with their own security groups do not start",
    AnswerReason.NODES: "whether the node role allows what nodes need",
    AnswerReason.METADATA: "its nodes have no instance metadata",
    NodePart.PLUGIN: "whether another plan installs it",
    NodePart.AGENT: "whether its nodes have the EKS Pod Identity Agent",
    AnswerReason.REFUSED: "what {role} allows: a policy is not valid",
    AnswerReason.FOREIGN: "which credentials and image it has, with {foreign}",
    AnswerReason.SETTINGS: "its settings, which are not read",
    AnswerReason.SEVERAL: "which settings it has, because {installers} install it",
}


def shown_plugin(answer: PluginAnswer) -> ShownPlugin:
    """Return the facts of an answer with its sentence."""
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


_VERDICTS = {
    Verdict.works: "works with {how}",
    Verdict.degraded: "works, degraded, with {how}: {why}",
    Verdict.fails: "fails{before} with {how}: {why}",
    Verdict.unknown: "unknown with {how}: the plan does not show {why}",
}


def _text(answer: PluginAnswer) -> str:
    if answer.reason is AnswerReason.REMOVED:
        return "removed by the plan"
    needs, is_fatal = answer.needs, answer.verdict is not Verdict.degraded
    names, is_of_others = _missing(needs, is_fatal=is_fatal), answer.reason is AnswerReason.ROLE
    roles = needs.not_shown if is_of_others else needs.plugin.after.identity.roles
    grants = [grant for role in needs.roles for grant in role.open_grants]
    policies = (name_of(g.policy) if g.policy else g.address for g in grants)
    parts = {
        "role": " and ".join(_named(roles)) or "its role",
        "actions": several(names),
        "missing": f"{several(names)} {'is' if len(names) == 1 else 'are'}",
        "policies": first_of(dict.fromkeys(policies), 1) or "a policy",
        "fault": FAULTS[answer.fault],
        "installers": " and ".join(needs.plugin.installers),
        "foreign": first_of(needs.plugin.after.setup.foreign),
    }
    return _VERDICTS[answer.verdict].format(
        how=f"{needs.after.version} ({FAMILIES[needs.mode]}{_SOURCES[needs.source]}{_pin(needs)})",
        why=REASONS[answer.reason].format_map(parts) if answer.reason else "",
        before=" as before" if answer.is_as_before else "",
    )


def _pin(needs: PluginNeeds) -> str:
    """Return the pinned version, if the plan has another one."""
    is_other = needs.source is VersionSource.PLAN and needs.pin not in (None, needs.after.version)
    return f"; vpc-cni-iam.toml pins {needs.pin}" if is_other else ""


def _missing(needs: PluginNeeds, *, is_fatal: bool = False) -> list[str]:
    """Return the denied actions without which something does not work."""
    calls = by_action(call for call in _denied(needs) if not call.switch)
    harmful = (call for call in calls if call.level is not Level.NOTE)
    shown = (call.denied_action for call in harmful if call.is_fatal or not is_fatal)
    return [*dict.fromkeys(shown)]


def _only_with(needs: PluginNeeds) -> Iterator[str]:
    """Yield what is denied only with settings that the plan does not show."""
    calls = by_action(_denied(needs))
    for switch in dict.fromkeys(call.switch for call in calls if call.switch):
        own = [call for call in calls if call.switch == switch]
        verb = "is" if len(own) == 1 else "are"
        denied = several([call.action for call in own])
        yield f"with {switch}: {denied} {verb} denied: {own[0].breaks}"


def _denied(needs: PluginNeeds) -> Iterator[MissingCall]:
    return (call for role in needs.roles for call in role.missing)


def _named(roles: Iterable[IamResource]) -> tuple[str, ...]:
    return tuple(name_of(role) for role in sorted(roles, key=str))
