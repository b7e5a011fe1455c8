"""The JSON of ``coverage``: what the policy means, at one plugin version or at every one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from msgspec import Struct

from vpc_cni_iam.account.doubts import NotKnown
from vpc_cni_iam.catalog.facts.calls import Basis, DenialSeverity, Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion, VersionRange
from vpc_cni_iam.catalog.known_documents import KnownDocument
from vpc_cni_iam.coverage.analysis.cover import Coverage
from vpc_cni_iam.coverage.analysis.excess import ExcessGrant, UnusedAction
from vpc_cni_iam.coverage.analysis.matrix import Cell, Matrix, Row
from vpc_cni_iam.coverage.analysis.risks import Risk, RiskName, explanation
from vpc_cni_iam.coverage.judge.judge import ScenarioRun
from vpc_cni_iam.coverage.judge.nodes import NodeDenial
from vpc_cni_iam.coverage.judge.verdict import Verdict
from vpc_cni_iam.coverage.report.sentences.repairs import repair_text
from vpc_cni_iam.coverage.report.sentences.risks import risk_text
from vpc_cni_iam.coverage.simulate.send import Check, SentCall
from vpc_cni_iam.coverage.subject import Subject
from vpc_cni_iam.levels import Level
from vpc_cni_iam.policy.evaluate import Outcome
from vpc_cni_iam.policy.report import undecided_text

# The first and the last version of each run of versions.
_Spans: TypeAlias = tuple[tuple[str, str], ...]


class ShownEqual(Struct, frozen=True):
    """A policy that equals documents of upstream or AWS."""

    policy: str | None
    documents: Sequence[KnownDocument]


class ShownRequestCheck(Struct, frozen=True, kw_only=True):
    """A request that IAM checks for a call."""

    action: str
    resource: str
    context: dict[str, str | Sequence[str]]
    outcome: Outcome
    statement: str | None
    limit: str | None
    reason: str | None


class ShownDenial(Struct, frozen=True, kw_only=True):
    """Why an action is denied at a plugin version: the first denied call."""

    scenario: str
    call: str
    impact: str
    known: Basis
    breaks: str
    undecided: str | None
    evidence: str


class ShownCall(Struct, frozen=True, kw_only=True):
    """A call of the plugin, whether it is allowed, and what a denial breaks."""

    call: str
    action: str
    on: str | None
    allowed: bool
    undecided: str | None
    reached: bool
    impact: str
    severity: DenialSeverity
    known: Basis
    breaks: str
    feature: str | None
    evidence: str
    checks: tuple[ShownRequestCheck, ...]


class ShownRun(Struct, frozen=True):
    """A scenario and its calls."""

    name: str
    summary: str
    calls: tuple[ShownCall, ...]


class ShownIfSet(Struct, frozen=True):
    """Whether the plugin works if a variable is on that is not set."""

    variable: str
    scenario: str
    verdict: Verdict
    denied: tuple[str, ...]


class ShownRisk(Struct, frozen=True):
    """A risk of the policy."""

    id: RiskName
    severity: Level
    text: str
    explanation: str


class ShownRegion(Struct, frozen=True):
    """A Region in which the plugin may be, and what the policy means there."""

    region: str | None
    checked: str
    verdict: Verdict


class ShownRegionVersions(Struct, frozen=True):
    """A Region in which the plugin may be, and the versions that it works with there."""

    region: str | None
    checked: str
    works_with: _Spans


class ShownWorksBut(Struct, frozen=True):
    """The versions that the plugin works with except in some scenarios."""

    scenarios: tuple[str, ...]
    works_with: _Spans


class ShownVersion(Struct, frozen=True):
    """The actions at a plugin version."""

    version: str
    cells: Mapping[str, Cell]
    denied: Mapping[str, ShownDenial]


class ShownPolicies(Struct, frozen=True, kw_only=True):
    """What a report has of policies, about one plugin version or every one."""

    policy: str
    role: str | None
    equal_to: tuple[ShownEqual, ...]
    mode: Mode
    features: Sequence[str]
    verdict: Verdict
    nodes: tuple[NodeDenial, ...]
    skipped: Sequence[NotKnown]
    repairs: tuple[str, ...]
    scenarios_not_run: tuple[str, ...]
    granted_never_called: tuple[UnusedAction, ...]
    granted_beyond_calls: tuple[ExcessGrant, ...]
    granted_partly_checked: tuple[str, ...]


class ShownCoverage(ShownPolicies, frozen=True, kw_only=True):
    """Policies against the calls of a plugin version."""

    cni_version: str
    regions: tuple[ShownRegion, ...]
    scenarios: tuple[ShownRun, ...]
    if_set: tuple[ShownIfSet, ...]
    findings: tuple[ShownRisk, ...]


class ShownMatrix(ShownPolicies, frozen=True, kw_only=True):
    """Policies against the calls of every plugin version."""

    scenarios: tuple[str, ...]
    regions: tuple[ShownRegionVersions, ...]
    works_with: _Spans
    works_but_for: ShownWorksBut
    fails_with: Mapping[str, _Spans]
    actions: tuple[str, ...]
    versions: tuple[ShownVersion, ...]


def shown_coverage(subject: Subject, coverage: Coverage) -> ShownCoverage:
    """Return coverage at one plugin version as ``coverage`` prints it."""
    regions = coverage.by_region.items()
    return ShownCoverage(
        **_policies(subject, coverage),
        verdict=coverage.verdict,
        cni_version=str(coverage.setting.version),
        regions=tuple(ShownRegion(r.name, r.checked, verdict) for r, verdict in regions),
        scenarios=tuple(_run(subject, coverage, run) for run in coverage.scenario_runs),
        if_set=tuple(map(_if_set, coverage.if_set)),
        findings=tuple(map(_risk, coverage.risks)),
    )


def shown_matrix(subject: Subject, matrix: Matrix) -> ShownMatrix:
    """Return coverage at every plugin version as ``coverage`` prints it."""
    names, more = matrix.works_but_for()
    return ShownMatrix(
        **_policies(subject, matrix),
        verdict=matrix.doubted(subject.skipped),
        scenarios=matrix.scenarios,
        regions=tuple(
            ShownRegionVersions(r.region.name, r.region.checked, _spans(r.result.works()))
            for r in matrix.by_region
        ),
        works_with=_spans(matrix.works()),
        works_but_for=ShownWorksBut(names, _spans(more)),
        fails_with={name: _spans(versions) for name, versions in matrix.fails_with().items()},
        actions=matrix.actions,
        versions=tuple(_version(matrix, row) for row in matrix.rows),
    )


def _policies(subject: Subject, result: Coverage | Matrix) -> dict[str, Any]:
    """Return what both reports have of policies."""
    return {
        "policy": subject.title,
        "role": subject.access.principal or None,
        "equal_to": tuple(ShownEqual(o.name or None, equal) for o, equal in subject.equal_to),
        "mode": result.setting.mode,
        "features": result.setting.features,
        "nodes": result.nodes,
        "skipped": subject.skipped,
        "repairs": tuple(map(repair_text, result.repairs)),
        "scenarios_not_run": tuple(scenario.name for scenario in result.not_expected),
        "granted_never_called": result.unused,
        "granted_beyond_calls": result.excess.grants,
        "granted_partly_checked": result.excess.partly_checked,
    }


def _run(subject: Subject, coverage: Coverage, run: ScenarioRun) -> ShownRun:
    version = coverage.setting.version
    calls = tuple(_call(subject, call, version) for call in run.calls)
    return ShownRun(run.scenario.name, run.scenario.summary, calls)


def _if_set(run: ScenarioRun) -> ShownIfSet:
    denied = tuple(dict.fromkeys(call.template.action for call in run.denied))
    return ShownIfSet(run.scenario.variable, run.scenario.name, run.verdict, denied)


def _risk(risk: Risk) -> ShownRisk:
    name = risk.identifier
    return ShownRisk(name, risk.severity, risk_text(risk), explanation(name))


def _call(subject: Subject, call: SentCall, version: PluginVersion) -> ShownCall:
    return ShownCall(
        call=call.template.name,
        action=call.template.action,
        on=call.on or None,
        allowed=call.allowed,
        undecided=undecided_text(call.undecided) or None,
        reached=call.reached,
        impact=call.range.effect,
        severity=call.range.severity,
        known=call.range.basis(version),
        breaks=call.breaks,
        feature=call.range.feature,
        evidence=call.range.evidence,
        checks=tuple(_check(subject, check) for check in call.checks),
    )


def _check(subject: Subject, check: Check) -> ShownRequestCheck:
    return ShownRequestCheck(
        action=check.request.action,
        resource=check.request.resource,
        context=dict(sorted(check.request.context.items())),
        outcome=check.decision.outcome,
        statement=subject.statement(check.decision) or None,
        limit=subject.limit(check.decision) or None,
        reason=undecided_text(check.decision.undecided) or None,
    )


def _version(matrix: Matrix, row: Row) -> ShownVersion:
    reasons = ((action, matrix.reasons.get((row.version, action))) for action in matrix.actions)
    denied = {action: _denial(*reason, row.version) for action, reason in reasons if reason}
    return ShownVersion(str(row.version), dict(zip(matrix.actions, row.cells, strict=True)), denied)


def _spans(ranges: Iterable[VersionRange]) -> _Spans:
    return tuple((str(s.first), str(s.last)) for s in ranges)


def _denial(scenario: str, call: SentCall, version: PluginVersion) -> ShownDenial:
    return ShownDenial(
        scenario=scenario,
        call=call.template.name,
        impact=call.range.effect,
        known=call.range.basis(version),
        breaks=call.breaks,
        undecided=undecided_text(call.undecided) or None,
        evidence=call.range.evidence,
    )
