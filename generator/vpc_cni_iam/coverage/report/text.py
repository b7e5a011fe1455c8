"""Coverage as text for people and as plain data for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.facts.requests import kind_of
from vpc_cni_iam.coverage import matrix_wording
from vpc_cni_iam.coverage.analysis.cover import Coverage, Played, granted
from vpc_cni_iam.coverage.analysis.matrix import Matrix
from vpc_cni_iam.coverage.analysis.risks import Finding, explanation
from vpc_cni_iam.coverage.matrix_wording import INCOMPLETE, beyond_data
from vpc_cni_iam.coverage.simulate.send import Call, Check
from vpc_cni_iam.coverage.subject import Subject
from vpc_cni_iam.escape import escape_control
from vpc_cni_iam.inputs import skipped
from vpc_cni_iam.policy.evaluate import Compiled, Request

_MODES = {"ipv4": "IPv4", "ipv6": "IPv6"}


def release(
    subject: Subject, coverage: Coverage, risks: tuple[Finding, ...], *, verbose: bool
) -> str:
    """Return the report about one release."""
    return _shown(text(subject, coverage, risks, verbose))


def matrix(subject: Subject, matrix: Matrix, *, verbose: bool) -> str:
    """Return the report about every release."""
    return _shown(matrix_wording.text(subject, matrix, verbose))


def _shown(lines: Iterable[str]) -> str:
    """Return lines, without what a policy of somebody else's could do to a terminal."""
    parts = (part for line in lines for part in line.split("\n"))
    return "".join(f"{escape_control(part)}\n" for part in parts)


def text(
    subject: Subject, coverage: Coverage, findings: tuple[Finding, ...], every: bool = False
) -> Iterator[str]:
    """Yield the lines of a report.

    Args:
        subject: What was looked at.
        coverage: How it went.
        findings: What is risky about it.
        every: Whether to list the calls that are allowed, too.
    """
    setting = coverage.setting
    yield f"{subject.title} against plugin {setting.release}, {_MODES[setting.mode]}"
    for played in coverage.played:
        yield from _situation(subject, played, setting.release, every)
    if coverage.unused or coverage.wider:
        yield ""
    if coverage.unused:
        yield f"granted and never called: {', '.join(coverage.unused)}"
    yield from (f"granted beyond what is called: {wider}" for wider in coverage.wider)
    if findings:
        yield ""
        yield "risks, explained by vpc-cni-iam coverage --explain RISK:"
        for finding in findings:
            yield f"  {finding.severity:<7} {finding.identifier}: {finding.text}"
    if subject.skipped:
        yield ""
        yield from skipped.lines(subject.skipped)
    yield ""
    yield summary(coverage)
    if not subject.is_complete:
        yield f"incomplete: {skipped.incomplete(subject.skipped)}"


def summary(coverage: Coverage) -> str:
    """Return how many calls are denied, in a line.

    Args:
        coverage: How it went.
    """
    sent = sum(len(played.calls) for played in coverage.played)
    denied = [call for _, call in coverage.denied()]
    fatal = sum(call.use.severity == "fatal" for call in denied)
    situations = f"{len(coverage.played)} situation{'s' * (len(coverage.played) != 1)}"
    if not denied:
        return f"{sent} calls in {situations}: all allowed"
    open_calls = sum(bool(call.undecided) for call in denied)
    undecided = f" ({open_calls} undecided, counted as denied)" if open_calls else ""
    others = len(denied) - fatal
    return f"{sent} calls in {situations}: {fatal} denied fatally, {others} otherwise{undecided}"


def _situation(
    subject: Subject, played: Played, release: PluginVersion, every: bool
) -> Iterator[str]:
    denied = sum(not call.allowed for call in played.calls)
    undecided = sum(bool(call.undecided) for call in played.calls)
    state = f"{denied} of {len(played.calls)} calls denied" if denied else "all allowed"
    if undecided:
        state += f" ({undecided} undecided, counted as denied)"
    if every:
        yield ""
    yield f"{'denied' if denied else 'ok':<7} {played.situation.name}: {state}"
    if every:
        yield f"        {played.situation.summary}"
    said: set[tuple[str, str, bool]] = set()
    for call in played.calls:
        key = (call.form.name, call.on, call.allowed)
        if key in said or (call.allowed and not every):
            continue
        said.add(key)
        about = " on the ".join(filter(None, (call.form.action, call.on)))
        if call.allowed:
            by = dict.fromkeys(subject.statement(c.decision) for c in call.checks)
            yield f"        allowed   {about}, by statement {', '.join(by)}"
        else:
            yield f"        {call.use.severity:<9} {about}"
            yield from _why(subject, call, release)


def _why(subject: Subject, call: Call, release: PluginVersion) -> Iterator[str]:
    some = granted(subject.policies)
    for line in dict.fromkeys(
        _denial(subject, some, call, check) for check in call.checks if not check.decision.allowed
    ):
        yield f"                  {line}"
    only = f", only with {call.use.feature}" if call.use.feature else ""
    reached = "" if call.reached else "; not reached after what was denied before"
    known = f"{call.use.effect} ({call.use.basis(release).value})"
    yield f"                  {known}{only}: {call.breaks}{reached}"
    yield f"                  {call.use.evidence}"


def _denial(subject: Subject, some: Compiled, call: Call, check: Check) -> str:
    """Say what was denied, with the tags if another request of the action may be allowed."""
    request = check.request
    what = "" if request.action == call.form.action else f"{request.action}: "
    if by := subject.statement(check.decision):
        return f"{what}{'denied' if check.decision.denied else 'undecided'} by statement {by}"
    if not some.evaluate(Request(request.action, "*")).allowed:
        return f"{what}no statement allows the action"
    kind = kind_of(request.resource)
    tags = [
        f"{key.partition(':')[2]}={value}"
        for key, value in sorted(request.context.items())
        if key.startswith(("aws:RequestTag/", "aws:ResourceTag/"))
    ]
    carried = f" with {', '.join(tags)}" if tags else ""
    on = "on all resources (*)" if kind == "*" else f"on the {kind}"
    return f"{what}no statement allows it {on}{carried}"


def data(subject: Subject, coverage: Coverage, findings: tuple[Finding, ...]) -> dict[str, Any]:
    """Return a report as plain data.

    Args:
        subject: What was looked at.
        coverage: How it went.
        findings: What is risky about it.
    """
    setting = coverage.setting
    return {
        "policy": subject.title,
        "cni_version": str(setting.release),
        "mode": setting.mode,
        "features": list(setting.features),
        "verdict": coverage.verdict if subject.is_complete else INCOMPLETE,
        "skipped": skipped.data(subject.skipped),
        "situations": [
            {
                "name": played.situation.name,
                "summary": played.situation.summary,
                "calls": [_call_data(subject, call, setting.release) for call in played.calls],
            }
            for played in coverage.played
        ],
        "granted_never_called": list(coverage.unused),
        "granted_beyond_calls": beyond_data(coverage.wider),
        "findings": [
            {
                "id": finding.identifier,
                "severity": finding.severity,
                "text": finding.text,
                "explanation": explanation(finding.identifier),
            }
            for finding in findings
        ],
    }


def _call_data(subject: Subject, call: Call, release: PluginVersion) -> dict[str, Any]:
    return {
        "call": call.form.name,
        "action": call.form.action,
        "on": call.on or None,
        "allowed": call.allowed,
        "undecided": call.undecided or None,
        "reached": call.reached,
        "impact": call.use.effect,
        "severity": call.use.severity,
        "known": call.use.basis(release).value,
        "breaks": call.breaks,
        "feature": call.use.feature,
        "evidence": call.use.evidence,
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
                "reason": check.decision.reason or None,
            }
            for check in call.checks
        ],
    }
