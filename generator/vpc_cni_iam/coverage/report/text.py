"""Coverage as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vpc_cni_iam.catalog.facts.calls import FAMILIES, Impact
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.facts.requests import kind_of
from vpc_cni_iam.coverage.analysis.cover import Coverage
from vpc_cni_iam.coverage.analysis.excess import Harm
from vpc_cni_iam.coverage.analysis.matrix import Matrix
from vpc_cni_iam.coverage.judge.judge import ScenarioRun
from vpc_cni_iam.coverage.judge.verdict import Verdict
from vpc_cni_iam.coverage.report.sentences import matrix as matrix_sentences
from vpc_cni_iam.coverage.report.sentences.excess import excess_lines, unused_lines
from vpc_cni_iam.coverage.report.sentences.nodes import node_lines, node_text
from vpc_cni_iam.coverage.report.sentences.repairs import repair_text
from vpc_cni_iam.coverage.report.sentences.risks import risk_text
from vpc_cni_iam.coverage.report.sentences.verdict import not_run, verdict
from vpc_cni_iam.coverage.simulate.scenarios import ORDINARY
from vpc_cni_iam.coverage.simulate.send import Check, SentCall
from vpc_cni_iam.coverage.subject import Subject
from vpc_cni_iam.escape import escape_line
from vpc_cni_iam.inputs.report import incomplete_text, skipped_lines
from vpc_cni_iam.policy.document import statements_of
from vpc_cni_iam.policy.evaluate import unmet
from vpc_cni_iam.policy.report import undecided_text
from vpc_cni_iam.unmet import has_instead, unmet_text


def version(subject: Subject, coverage: Coverage, *, verbose: bool) -> str:
    """Return the report about one version."""
    return _shown(text(subject, coverage, verbose=verbose))


def matrix(subject: Subject, matrix: Matrix, *, verbose: bool) -> str:
    """Return the report about every version."""
    return _shown(matrix_sentences.text(subject, matrix, verbose=verbose))


def _shown(lines: Iterable[str]) -> str:
    """Return lines in which control characters and log commands are escaped."""
    parts = (part for line in lines for part in line.split("\n"))
    return "".join(f"{escape_line(part)}\n" for part in parts)


def text(subject: Subject, coverage: Coverage, *, verbose: bool = False) -> Iterator[str]:
    """Yield the lines of a report; with `verbose`, the calls of each scenario, too."""
    setting = coverage.setting
    words = verdict(coverage) if subject.is_complete else coverage.verdict
    yield f"{subject.title} against plugin {setting.version}, {FAMILIES[setting.mode]}: {words}"
    yield from matrix_sentences.equal_lines(subject)
    for block in _blocks(subject, coverage, verbose=verbose):
        if lines := list(block):
            yield ""
            yield from lines
    yield ""
    where = f"in {setting.names.region}: " if coverage.by_region else ""
    if not subject.is_complete:
        yield f"{where}{_summary(coverage)}"
        known = "" if coverage.verdict is Verdict.unknown else f"{words}, although "
        yield f"{known}incomplete: {incomplete_text(subject.skipped)}"
    elif where:
        yield f"{where}{_summary(coverage)}"
        yield words
    else:
        yield f"{words}: {_summary(coverage)}"


def _blocks(subject: Subject, coverage: Coverage, *, verbose: bool) -> Iterator[Iterable[str]]:
    """Yield the parts of a report between its first and its last line."""
    yield node_lines(coverage.nodes)
    if verbose:
        for run in coverage.scenario_runs:
            yield _scenario(subject, run, coverage.setting.version)
    required, others = _denials(subject, coverage) if not verbose else ([], [])
    repairs = [f"to do    {repair_text(repair)}" for repair in coverage.repairs]
    yield [*required, *repairs] if required else others
    yield others if required else repairs
    yield map(_if_set, coverage.if_set)
    listed = [f"  {r.severity:<7} {r.identifier}: {risk_text(r)}" for r in coverage.risks]
    yield ["risks, explained by vpc-cni-iam catalog --explain RISK:", *listed] if listed else ()
    unused = [each for each in coverage.unused if verbose or each.harm is not Harm.other]
    yield (*unused_lines(unused), *excess_lines(coverage.excess, "what is called"))
    yield skipped_lines(subject.skipped)
    yield not_run(coverage.not_expected) if verbose else ()


def _summary(coverage: Coverage) -> str:
    """Return what nodes cannot do, and how many calls of the plugin are denied."""
    nodes = f"{node_text(coverage.nodes)}; " if coverage.nodes else ""
    sent = sum(len(run.calls) for run in coverage.scenario_runs)
    denied = [call for _, call in coverage.denied()]
    required = sum(call.range.is_fatal for call in denied)
    scenarios = f"{len(coverage.scenario_runs)} scenario{'s' * (len(coverage.scenario_runs) != 1)}"
    if not denied:
        return f"{nodes}{sent} calls in {scenarios}, all allowed"
    return (
        f"{nodes}{sent} calls in {scenarios}, {len(denied)} denied{_undecided(denied)}, "
        f"{required or 'none'} of them required{_only_in(coverage)}"
    )


def _only_in(coverage: Coverage) -> str:
    """Return the scenarios in which the plugin fails, if it works on a fresh node."""
    fails = {run.scenario.name: run.fails for run in coverage.scenario_runs}
    failing = [name for name, failed in fails.items() if failed]
    return f", in {' and '.join(failing)} only" if failing and not fails.get(ORDINARY, True) else ""


def _undecided(denied: Iterable[SentCall]) -> str:
    undecided = sum(bool(call.undecided) for call in denied)
    return f" ({undecided} undecided, counted as denied)" if undecided else ""


def _denials(subject: Subject, coverage: Coverage) -> tuple[list[str], list[str]]:
    """Return each denial once, with the scenarios that it is in: the required calls, the others."""
    scenarios: dict[tuple[bool, tuple[str, ...]], dict[str, None]] = {}
    for scenario, call in coverage.denied():
        why = _why(subject, call, coverage.setting.version)
        lines = (_about(call), *(f"         {line}" for line in why))
        scenarios.setdefault((call.range.is_fatal, lines), {})[scenario.name] = None
    parts: tuple[list[str], list[str]] = [], []
    for (is_required, lines), names in scenarios.items():
        where = f"         in {_scenarios(coverage, [*names])}"
        parts[not is_required].extend((*lines, where))
    return parts


def _if_set(run: ScenarioRun) -> str:
    """Return what happens in a scenario with a variable that is not set."""
    denied = ", ".join(dict.fromkeys(map(_on, run.denied)))
    return f"note     with {run.scenario.variable}=true: {run.verdict}; denied: {denied}"


def _scenarios(coverage: Coverage, names: list[str]) -> str:
    """Return the names of scenarios, or of the other ones if these are fewer."""
    every = [run.scenario.name for run in coverage.scenario_runs]
    others = [name for name in every if name not in names]
    if len(every) > 1 and len(others) < len(names):
        return f"all {len(every)} scenarios" + (f" except {', '.join(others)}" if others else "")
    return f"the scenario{'s' * (len(names) != 1)} {', '.join(names)}"


def _scenario(subject: Subject, run: ScenarioRun, version: PluginVersion) -> Iterator[str]:
    denied = [call for call in run.calls if not call.allowed]
    state = f"{len(denied)} of {len(run.calls)} calls denied" if denied else "all allowed"
    yield f"{run.scenario.name}: {state}{_undecided(denied)}"
    yield f"  {run.scenario.summary}"
    listed: set[tuple[str, str, bool]] = set()
    for call in run.calls:
        key = (call.template.name, call.on, call.allowed)
        if key in listed:
            continue
        listed.add(key)
        if call.allowed:
            by = ", ".join(dict.fromkeys(subject.statement(c.decision) for c in call.checks))
            yield f"  {_about(call)}, {f'by statement {by}' if by else 'regardless of policies'}"
            continue
        yield f"  {_about(call)}"
        for line in _why(subject, call, version):
            yield f"           {line}"
        if not call.reached:
            yield "           not reached after an earlier denial"
        yield f"           {call.range.evidence}"


def _about(call: SentCall) -> str:
    if call.allowed:
        state = "allowed"
    elif call.range.is_fatal:
        state = "error"
    else:
        state = "note" if call.range.impact is Impact.NO_EFFECT else "warning"
    return f"{state:<8} {_on(call)}"


def _on(call: SentCall) -> str:
    return " on the ".join(filter(None, (call.template.action, call.on)))


def _why(subject: Subject, call: SentCall, version: PluginVersion) -> Iterator[str]:
    """Yield why a call is denied, and the effect."""
    yield from dict.fromkeys(
        _denial(subject, call, check) for check in call.checks if not check.decision.allowed
    )
    if call.undecided and any(check.decision.denied for check in call.checks):
        yield f"undecided: {undecided_text(call.undecided)}"
    only = f", only with {call.range.feature}" if call.range.feature else ""
    effect = f"if denied, {call.range.effect}" if call.undecided else call.range.effect
    yield f"{effect} ({call.range.basis(version).value}{only}): {call.breaks}"


def _denial(subject: Subject, call: SentCall, check: Check) -> str:
    """Return why a request is denied; the condition that is not met if only that denies it."""
    request = check.request
    prefix = "" if request.action == call.template.action else f"{request.action}: "
    if limit := subject.limit(check.decision):
        return f"{prefix}{limit} has no statement that allows it"
    if by := subject.statement(check.decision):
        if check.decision.denied:
            return f"{prefix}denied by statement {by}"
        why = undecided_text(check.decision.undecided)
        return f"{prefix}undecided by statement {by}: {why}"
    allows = statements_of(subject.policies, "Allow")
    if not any(statement.is_about(request.action) for statement in allows):
        return f"{prefix}no statement allows the action"
    kind = kind_of(request.resource)
    on = "on all resources (*)" if kind == "*" else f"on the {kind}"
    conditions = unmet(allows, request)
    why = "; ".join(unmet_text(each, has_instead(each, request)) for each in conditions)
    return f"{prefix}no statement allows it {on}{f': {why}' if why else ''}"
