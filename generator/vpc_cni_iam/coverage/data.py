"""Coverage as plain data, for JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypedDict

from vpc_cni_iam.account.doubts import NotKnown
from vpc_cni_iam.catalog.facts.calls import Basis, DenialSeverity, Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion, VersionRange
from vpc_cni_iam.catalog.known_documents import KnownDocument
from vpc_cni_iam.coverage.analysis.cover import Coverage
from vpc_cni_iam.coverage.analysis.excess import Excess, Harm, UnusedAction
from vpc_cni_iam.coverage.analysis.matrix import Cell, Matrix
from vpc_cni_iam.coverage.analysis.risks import RiskName, explanation
from vpc_cni_iam.coverage.judge.nodes import NodeDenial
from vpc_cni_iam.coverage.judge.verdict import Verdict
from vpc_cni_iam.coverage.report.sentences.repairs import repair_text
from vpc_cni_iam.coverage.report.sentences.risks import risk_text
from vpc_cni_iam.coverage.simulate.send import Check, SentCall
from vpc_cni_iam.coverage.subject import Subject
from vpc_cni_iam.levels import Level
from vpc_cni_iam.policy.evaluate import Outcome
from vpc_cni_iam.policy.report import undecided_text


class ExcessData(TypedDict):
    """A pattern that allows more than the plugin calls."""

    pattern: str
    harm: Harm
    examples: Sequence[str]


class EqualData(TypedDict):
    """A policy that equals documents of upstream or AWS."""

    policy: str | None
    documents: Sequence[KnownDocument]


class RequestCheckData(TypedDict):
    """A request that IAM checks for a call."""

    action: str
    resource: str
    context: dict[str, str | Sequence[str]]
    outcome: Outcome
    statement: str | None
    limit: str | None
    reason: str | None


class CallData(TypedDict):
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
    checks: Sequence[RequestCheckData]


class ScenarioData(TypedDict):
    """A scenario and its calls."""

    name: str
    summary: str
    calls: Sequence[CallData]


class RiskData(TypedDict):
    """A risk of the policy."""

    id: RiskName
    severity: Level
    text: str
    explanation: str


class RegionData(TypedDict):
    """A Region in which the plugin may be."""

    region: str | None
    checked: str


class RegionVerdictData(RegionData):
    """A Region in which the plugin may be, and what the policy means there."""

    verdict: Verdict


class ReportData(TypedDict):
    """What a report has of a policy, about one plugin version or every one."""

    policy: str
    role: str | None
    equal_to: Sequence[EqualData]
    mode: Mode
    features: Sequence[str]
    verdict: Verdict
    nodes: Sequence[NodeDenial]
    skipped: Sequence[NotKnown]
    repairs: Sequence[str]
    scenarios_not_run: Sequence[str]
    granted_never_called: Sequence[UnusedAction]
    granted_beyond_calls: Sequence[ExcessData]
    granted_partly_checked: Sequence[str]


class IfSetData(TypedDict):
    """Whether the plugin works if a variable is on that is not set."""

    variable: str
    scenario: str
    verdict: Verdict
    denied: Sequence[str]


class CoverageData(ReportData):
    """A policy against the calls of a plugin version."""

    cni_version: str
    regions: Sequence[RegionVerdictData]
    scenarios: Sequence[ScenarioData]
    if_set: Sequence[IfSetData]
    findings: Sequence[RiskData]


class WorksButForData(TypedDict):
    """The versions that the plugin works with except in some scenarios."""

    scenarios: Sequence[str]
    works_with: Sequence[tuple[str, str]]


class DenialData(TypedDict):
    """Why an action is denied at a plugin version: the first denied call."""

    scenario: str
    call: str
    impact: str
    known: Basis
    breaks: str
    undecided: str | None
    evidence: str


class RegionVersionsData(RegionData):
    """A Region in which the plugin may be, and the versions that it works with there."""

    works_with: Sequence[tuple[str, str]]


class VersionData(TypedDict):
    """The actions at a plugin version."""

    version: str
    cells: dict[str, Cell]
    denied: dict[str, DenialData]


class MatrixData(ReportData):
    """A policy against the calls of every plugin version."""

    scenarios: Sequence[str]
    regions: Sequence[RegionVersionsData]
    works_with: Sequence[tuple[str, str]]
    works_but_for: WorksButForData
    fails_with: dict[str, Sequence[tuple[str, str]]]
    actions: Sequence[str]
    versions: Sequence[VersionData]


def coverage_data(subject: Subject, coverage: Coverage) -> CoverageData:
    """Return coverage at one plugin version as plain data."""
    setting = coverage.setting
    return {
        "policy": subject.title,
        "role": subject.access.principal or None,
        "equal_to": _equal(subject),
        "cni_version": str(setting.version),
        "mode": setting.mode,
        "features": setting.features,
        "verdict": coverage.verdict,
        "regions": [
            {"region": region.name, "checked": region.checked, "verdict": verdict}
            for region, verdict in coverage.by_region.items()
        ],
        "nodes": coverage.nodes,
        "skipped": subject.skipped,
        "repairs": [repair_text(repair) for repair in coverage.repairs],
        "scenarios": [
            {
                "name": run.scenario.name,
                "summary": run.scenario.summary,
                "calls": [_call(subject, call, setting.version) for call in run.calls],
            }
            for run in coverage.scenario_runs
        ],
        "scenarios_not_run": [scenario.name for scenario in coverage.not_expected],
        "if_set": [
            {
                "variable": run.scenario.variable,
                "scenario": run.scenario.name,
                "verdict": run.verdict,
                "denied": [*dict.fromkeys(call.template.action for call in run.denied)],
            }
            for run in coverage.if_set
        ],
        "granted_never_called": coverage.unused,
        "granted_beyond_calls": _excess(coverage.excess),
        "granted_partly_checked": coverage.excess.partly_checked,
        "findings": [
            {
                "id": risk.identifier,
                "severity": risk.severity,
                "text": risk_text(risk),
                "explanation": explanation(risk.identifier),
            }
            for risk in coverage.risks
        ],
    }


def _equal(subject: Subject) -> list[EqualData]:
    return [
        {"policy": opened.name or None, "documents": documents}
        for opened, documents in subject.equal_to
    ]


def _excess(excess: Excess) -> list[ExcessData]:
    return [
        {"pattern": grant.pattern, "harm": grant.harm, "examples": grant.examples}
        for grant in excess.grants
    ]


def _call(subject: Subject, call: SentCall, version: PluginVersion) -> CallData:
    return {
        "call": call.template.name,
        "action": call.template.action,
        "on": call.on or None,
        "allowed": call.allowed,
        "undecided": undecided_text(call.undecided) or None,
        "reached": call.reached,
        "impact": call.range.effect,
        "severity": call.range.severity,
        "known": call.range.basis(version),
        "breaks": call.breaks,
        "feature": call.range.feature,
        "evidence": call.range.evidence,
        "checks": [_check(subject, check) for check in call.checks],
    }


def _check(subject: Subject, check: Check) -> RequestCheckData:
    return {
        "action": check.request.action,
        "resource": check.request.resource,
        "context": dict(sorted(check.request.context.items())),
        "outcome": check.decision.outcome,
        "statement": subject.statement(check.decision) or None,
        "limit": subject.limit(check.decision) or None,
        "reason": undecided_text(check.decision.undecided) or None,
    }


def matrix_data(subject: Subject, matrix: Matrix) -> MatrixData:
    """Return coverage at every plugin version as plain data."""
    names, more = matrix.works_but_for()
    return {
        "policy": subject.title,
        "role": subject.access.principal or None,
        "equal_to": _equal(subject),
        "mode": matrix.setting.mode,
        "features": matrix.setting.features,
        "scenarios": matrix.scenarios,
        "scenarios_not_run": [scenario.name for scenario in matrix.not_expected],
        "verdict": matrix.doubted(subject.skipped),
        "regions": [
            {
                "region": each.region.name,
                "checked": each.region.checked,
                "works_with": _spans(each.result.works()),
            }
            for each in matrix.by_region
        ],
        "nodes": matrix.nodes,
        "skipped": subject.skipped,
        "works_with": _spans(matrix.works()),
        "works_but_for": {"scenarios": names, "works_with": _spans(more)},
        "fails_with": {name: _spans(versions) for name, versions in matrix.fails_with().items()},
        "repairs": [repair_text(repair) for repair in matrix.repairs],
        "granted_never_called": matrix.unused,
        "granted_beyond_calls": _excess(matrix.excess),
        "granted_partly_checked": matrix.excess.partly_checked,
        "actions": matrix.actions,
        "versions": [
            {
                "version": str(row.version),
                "cells": dict(zip(matrix.actions, row.cells, strict=True)),
                "denied": {
                    action: _denial(*matrix.reasons[row.version, action], row.version)
                    for action in matrix.actions
                    if (row.version, action) in matrix.reasons
                },
            }
            for row in matrix.rows
        ],
    }


def _spans(ranges: Iterable[VersionRange]) -> list[tuple[str, str]]:
    return [(str(s.first), str(s.last)) for s in ranges]


def _denial(scenario: str, call: SentCall, version: PluginVersion) -> DenialData:
    return {
        "scenario": scenario,
        "call": call.template.name,
        "impact": call.range.effect,
        "known": call.range.basis(version),
        "breaks": call.breaks,
        "undecided": undecided_text(call.undecided) or None,
        "evidence": call.range.evidence,
    }
