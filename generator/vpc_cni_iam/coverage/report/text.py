"""Coverage as text for people and as plain data for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.facts.requests import kind_of
from vpc_cni_iam.coverage import matrix_wording
from vpc_cni_iam.coverage.analysis.cover import Coverage, ScenarioRun
from vpc_cni_iam.coverage.analysis.excess import granted
from vpc_cni_iam.coverage.analysis.matrix import Matrix
from vpc_cni_iam.coverage.analysis.risks import Risk, explanation
from vpc_cni_iam.coverage.matrix_wording import INCOMPLETE, excess_data
from vpc_cni_iam.coverage.simulate.send import Check, SentCall
from vpc_cni_iam.coverage.subject import Subject
from vpc_cni_iam.escape import escape_control
from vpc_cni_iam.inputs import skipped
from vpc_cni_iam.policy.evaluate import Compiled, Request

_MODES = {"ipv4": "IPv4", "ipv6": "IPv6"}


def release(subject: Subject, coverage: Coverage, risks: tuple[Risk, ...], *, verbose: bool) -> str:
    """Return the report about one release."""
    return _shown(text(subject, coverage, risks, verbose=verbose))


def matrix(subject: Subject, matrix: Matrix, *, verbose: bool) -> str:
    """Return the report about every release."""
    return _shown(matrix_wording.text(subject, matrix, verbose=verbose))


def _shown(lines: Iterable[str]) -> str:
    """Return lines, with control characters from policies escaped."""
    parts = (part for line in lines for part in line.split("\n"))
    return "".join(f"{escape_control(part)}\n" for part in parts)


def text(
    subject: Subject, coverage: Coverage, risks: tuple[Risk, ...], *, verbose: bool = False
) -> Iterator[str]:
    """Yield the lines of a report.

    Args:
        verbose: Whether to list the calls that are allowed, too.
    """
    setting = coverage.setting
    yield f"{subject.title} against plugin {setting.release}, {_MODES[setting.mode]}"
    yield from matrix_wording.equal_lines(subject)
    some = granted(subject.policies)
    for run in coverage.scenario_runs:
        yield from _scenario(subject, some, run, setting.release, verbose=verbose)
    if coverage.unused or coverage.excess:
        yield ""
    if coverage.unused:
        yield f"granted and never called: {', '.join(coverage.unused)}"
    yield from (f"granted beyond what is called: {grant}" for grant in coverage.excess)
    if risks:
        yield ""
        yield "risks, explained by vpc-cni-iam coverage --explain RISK:"
        for risk in risks:
            yield f"  {risk.severity:<7} {risk.identifier}: {risk.text}"
    if subject.skipped:
        yield ""
        yield from skipped.lines(subject.skipped)
    yield ""
    yield summary(coverage)
    if not subject.is_complete:
        yield f"incomplete: {skipped.incomplete(subject.skipped)}"


def summary(coverage: Coverage) -> str:
    """Return how many calls are denied, in a line."""
    sent = sum(len(run.calls) for run in coverage.scenario_runs)
    denied = [call for _, call in coverage.denied()]
    fatal = sum(call.range.severity == "fatal" for call in denied)
    scenarios = f"{len(coverage.scenario_runs)} situation{'s' * (len(coverage.scenario_runs) != 1)}"
    if not denied:
        return f"{sent} calls in {scenarios}: all allowed"
    open_calls = sum(bool(call.undecided) for call in denied)
    undecided = f" ({open_calls} undecided, counted as denied)" if open_calls else ""
    others = len(denied) - fatal
    return f"{sent} calls in {scenarios}: {fatal} denied fatally, {others} otherwise{undecided}"


def _scenario(
    subject: Subject, some: Compiled, run: ScenarioRun, release: PluginVersion, *, verbose: bool
) -> Iterator[str]:
    denied = sum(not call.allowed for call in run.calls)
    undecided = sum(bool(call.undecided) for call in run.calls)
    state = f"{denied} of {len(run.calls)} calls denied" if denied else "all allowed"
    if undecided:
        state += f" ({undecided} undecided, counted as denied)"
    if verbose:
        yield ""
    yield f"{'denied' if denied else 'ok':<7} {run.scenario.name}: {state}"
    if verbose:
        yield f"        {run.scenario.summary}"
    listed: set[tuple[str, str, bool]] = set()
    for call in run.calls:
        key = (call.template.name, call.on, call.allowed)
        if key in listed or (call.allowed and not verbose):
            continue
        listed.add(key)
        about = " on the ".join(filter(None, (call.template.action, call.on)))
        if call.allowed:
            by = dict.fromkeys(subject.statement(c.decision) for c in call.checks)
            yield f"        allowed   {about}, by statement {', '.join(by)}"
        else:
            yield f"        {call.range.severity:<9} {about}"
            yield from _why(subject, some, call, release)


def _why(subject: Subject, some: Compiled, call: SentCall, release: PluginVersion) -> Iterator[str]:
    for line in dict.fromkeys(
        _denial(subject, some, call, check) for check in call.checks if not check.decision.allowed
    ):
        yield f"                  {line}"
    only = f", only with {call.range.feature}" if call.range.feature else ""
    reached = "" if call.reached else "; not reached after what was denied before"
    breaks = "would break if denied" if call.undecided else "breaks"
    known = call.range.basis(release).value
    yield f"                  impact: {call.range.effect} ({known})"
    yield f"                  {breaks}{only}: {call.breaks}{reached}"
    yield f"                  {call.range.evidence}"


def _denial(subject: Subject, some: Compiled, call: SentCall, check: Check) -> str:
    """Return the denied request, with the tags if another request of the action may be allowed."""
    request = check.request
    prefix = "" if request.action == call.template.action else f"{request.action}: "
    if limit := subject.limit(check.decision):
        return f"{prefix}{limit} has no statement that allows it"
    if by := subject.statement(check.decision):
        if check.decision.denied:
            return f"{prefix}denied by statement {by}"
        return f"{prefix}undecided by statement {by}: {check.decision.reason}"
    if not some.evaluate(Request(request.action, "*")).allowed:
        return f"{prefix}no statement allows the action"
    kind = kind_of(request.resource)
    tags = [
        f"{key.partition(':')[2]}={value}"
        for key, value in sorted(request.context.items())
        if key.startswith(("aws:RequestTag/", "aws:ResourceTag/"))
    ]
    carried = f" with {', '.join(tags)}" if tags else ""
    on = "on all resources (*)" if kind == "*" else f"on the {kind}"
    return f"{prefix}no statement allows it {on}{carried}"


def data(subject: Subject, coverage: Coverage, risks: tuple[Risk, ...]) -> dict[str, Any]:
    """Return a report as plain data."""
    setting = coverage.setting
    return {
        "policy": subject.title,
        "equal_to": matrix_wording.equal_data(subject),
        "cni_version": str(setting.release),
        "mode": setting.mode,
        "features": list(setting.features),
        "verdict": coverage.verdict if subject.is_complete else INCOMPLETE,
        "skipped": skipped.data(subject.skipped),
        "situations": [
            {
                "name": run.scenario.name,
                "summary": run.scenario.summary,
                "calls": [_call_data(subject, call, setting.release) for call in run.calls],
            }
            for run in coverage.scenario_runs
        ],
        "granted_never_called": list(coverage.unused),
        "granted_beyond_calls": excess_data(coverage.excess),
        "findings": [
            {
                "id": risk.identifier,
                "severity": risk.severity,
                "text": risk.text,
                "explanation": explanation(risk.identifier),
            }
            for risk in risks
        ],
    }


def _call_data(subject: Subject, call: SentCall, release: PluginVersion) -> dict[str, Any]:
    return {
        "call": call.template.name,
        "action": call.template.action,
        "on": call.on or None,
        "allowed": call.allowed,
        "undecided": call.undecided or None,
        "reached": call.reached,
        "impact": call.range.effect,
        "severity": call.range.severity,
        "known": call.range.basis(release).value,
        "breaks": call.breaks,
        "feature": call.range.feature,
        "evidence": call.range.evidence,
        "checks": [
            {
                "action": check.request.action,
                "resource": check.request.resource,
                "context": {
                    key: list(value) if isinstance(value, tuple) else value
                    for key, value in sorted(check.request.context.items())
                },
                "outcome": check.decision.outcome,
                "statement": subject.statement(check.decision) or None,
                "limit": subject.limit(check.decision) or None,
                "reason": check.decision.reason or None,
            }
            for check in call.checks
        ],
    }
