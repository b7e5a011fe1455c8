"""A policy against every release: one cell for each release and action."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from vpc_cni_iam.catalog.facts import calls, releases
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion, VersionRange
from vpc_cni_iam.catalog.facts.requests import request_templates, tag_keys
from vpc_cni_iam.coverage.analysis.cover import (
    ScenarioRun,
    Verdict,
    no_scenario_error,
    run_scenarios,
)
from vpc_cni_iam.coverage.analysis.excess import ExcessGrant, excess_grants, granted
from vpc_cni_iam.coverage.simulate.node import CHANGES
from vpc_cni_iam.coverage.simulate.scenarios import ORDINARY, SCENARIOS, Scenario
from vpc_cni_iam.coverage.simulate.send import Answers, Limits, SentCall
from vpc_cni_iam.coverage.simulate.settings import PluginSetting
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.evaluate import Request

Cell = Literal["allowed", "fatal", "degraded", "unused", "not called"]


@dataclass(frozen=True, slots=True)
class Row:
    """One release.

    Args:
        cells: One for each action, in the order of `Matrix.actions`.
        failing: The scenarios with a denied call that is fatal.
    """

    release: PluginVersion
    cells: tuple[Cell, ...]
    failing: tuple[str, ...] = ()

    @property
    def fatal(self) -> bool:
        """Whether a call is denied without which the plugin does not serve pods."""
        return "fatal" in self.cells


@dataclass(frozen=True, slots=True)
class Denial:
    """One way in which a call is denied, over a run of releases.

    Args:
        first: The first row of the run.
        last: The last.
        scenario: The scenario in which it was seen first.
        call: The call at the first release.
    """

    action: str
    first: Row
    last: Row
    scenario: str
    call: SentCall


@dataclass(frozen=True, slots=True)
class Matrix:
    """A policy against every release that has its mode.

    Args:
        setting: Where the plugin runs; its release is the newest.
        actions: The columns: what some release calls in this mode, or the policy names.
        rows: One for each release, oldest first.
        reasons: Why cells are denied, by release and action: the first denied call and the name
            of its scenario.
        excess: Patterns that grant more than any of the releases calls.
    """

    setting: PluginSetting
    actions: tuple[str, ...]
    rows: tuple[Row, ...]
    reasons: dict[tuple[PluginVersion, str], tuple[str, SentCall]]
    scenarios: tuple[str, ...]
    excess: tuple[ExcessGrant, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The most severe effect of all cells."""
        every = {cell for row in self.rows for cell in row.cells}
        return "fatal" if "fatal" in every else "degraded" if "degraded" in every else "allowed"

    def works(self) -> tuple[VersionRange, ...]:
        """Return the releases at which no denied call is fatal, as runs."""
        return releases.spans(frozenset(row.release for row in self.rows if not row.fatal))

    def works_but_for(self) -> tuple[tuple[str, ...], tuple[VersionRange, ...]]:
        """Return special scenarios, and at which releases the plugin works outside of them.

        Those are scenarios in which it fails where a fresh node works; empty if there are none.
        """
        some = [r for r in self.rows if ORDINARY not in r.failing and ORDINARY in self.scenarios]
        names = tuple(s for s in self.scenarios if any(s in row.failing for row in some))
        if not names:
            return (), ()
        return names, releases.spans(frozenset(row.release for row in some))

    def denials(self) -> tuple[Denial, ...]:
        """Return why cells are denied, each reason once for a run of releases."""
        denials: list[Denial] = []
        for action in self.actions:
            before: Denial | None = None
            for row in self.rows:
                reason = self.reasons.get((row.release, action))
                if reason is None:
                    before = None
                    continue
                scenario, call = reason
                same = before is not None and (
                    before.call.template,
                    before.call.range,
                    before.scenario,
                )
                if before is not None and same == (call.template, call.range, scenario):
                    denials[-1] = before = replace(before, last=row)
                else:
                    before = Denial(action, row, row, scenario, call)
                    denials.append(before)
        return tuple(denials)

    def runs(self) -> tuple[tuple[Row, Row], ...]:
        """Return the first and last row of each run of releases whose cells are alike."""
        runs: list[tuple[Row, Row]] = []
        for row in self.rows:
            if runs and runs[-1][0].cells == row.cells:
                runs[-1] = (runs[-1][0], row)
            else:
                runs.append((row, row))
        return tuple(runs)


def matrix(
    policies: Sequence[Policy],
    setting: PluginSetting,
    scenarios: Iterable[Scenario] = SCENARIOS,
    limits: Limits = (),
) -> Matrix:
    """Return how policies cover every release that has the setting's mode.

    Releases that send the same are run once.

    Args:
        policies: The policies of the plugin's role, taken together.
        setting: Where the plugin runs; every release in turn takes the place of its own.
        limits: The role's boundary, and service control policies.

    Raises:
        InputError: A policy that the evaluator refuses.
        UsageError: No scenario arises at any release.
    """
    answers, grants = Answers(policies, limits), granted(policies)
    chosen = tuple(scenarios)
    named = tuple(a for p in policies for a in p.actions() if "*" not in a and "?" not in a)
    actions = [c.action for c in calls.calls() if _in_mode(c, setting)]
    excess = excess_grants(policies, actions, limits)
    spelled = {a.lower() for a in actions}
    actions += [a for a in dict.fromkeys(named) if a.lower() not in spelled]
    may = {action: grants.evaluate(Request(action, "*")).allowed for action in actions}
    rows, reasons = [], {}
    alike: dict[object, tuple[tuple[ScenarioRun, ...], dict[str, tuple[str, SentCall]]]] = {}
    for release in releases.known()[1:]:
        at = setting.at(release)
        key = _profile(at, chosen)
        if key not in alike:
            runs = run_scenarios(answers, at, chosen)
            alike[key] = runs, _denied(runs)
        runs, denied = alike[key]
        if not runs:
            continue  # nothing was asked, so that nothing is known
        sent = _sent(runs)
        cells: list[Cell] = []
        for action in actions:
            if action in denied:
                cells.append(denied[action][1].range.severity)
                reasons[release, action] = denied[action]
            elif action in sent:
                cells.append("allowed")
            else:
                cells.append("unused" if may[action] else "not called")
        failing = tuple(p.scenario.name for p in runs if p.fails)
        rows.append(Row(release, tuple(cells), failing))
    if not rows:
        raise no_scenario_error(chosen, setting.mode)
    names = tuple(s.name for s in chosen)
    return Matrix(setting, tuple(actions), tuple(rows), reasons, names, excess)


def _in_mode(call: calls.Call, setting: PluginSetting) -> bool:
    features = (None, *setting.features)
    return any(u.mode == setting.mode and u.feature in features for u in call.ranges)


def _profile(setting: PluginSetting, scenarios: Iterable[Scenario]) -> object:
    """Return everything that the requests of a release depend on."""
    return (
        tuple(
            f.sent(setting.mode, setting.release, setting.features)
            for f in request_templates().values()
        ),
        tag_keys(setting.release),
        tuple(setting.release < r for r in CHANGES),
        setting.features,
        tuple(s.name for s in scenarios if s.arises(setting)),
    )


def _sent(runs: Iterable[ScenarioRun]) -> set[str]:
    calls = [call for p in runs for call in p.calls]
    checked = {check.request.action for call in calls for check in call.checks}
    return checked | {call.template.action for call in calls}


def _denied(runs: Iterable[ScenarioRun]) -> dict[str, tuple[str, SentCall]]:
    """Return the most severe denied call by action: its own, and those of its denied checks."""
    denied: dict[str, tuple[str, SentCall]] = {}
    for run in runs:
        for call in run.calls:
            refused = [c.request.action for c in call.checks if not c.decision.allowed]
            for action in (call.template.action, *refused) if refused else ():
                known = denied.get(action)
                if known is None or (
                    known[1].range.severity != "fatal" and call.range.severity == "fatal"
                ):
                    denied[action] = (run.scenario.name, call)
    return denied
