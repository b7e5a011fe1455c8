"""Checks a policy against every version, with a cell for each version and action."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from functools import cache, partial
from itertools import groupby
from operator import attrgetter

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.account.doubts import NotKnown
from vpc_cni_iam.catalog.facts import calls, known_versions
from vpc_cni_iam.catalog.facts.calls import CallRange, Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion, VersionRange
from vpc_cni_iam.catalog.facts.requests import request_templates, tag_keys
from vpc_cni_iam.coverage.analysis.cover import no_scenario_error
from vpc_cni_iam.coverage.analysis.denied import denied_calls
from vpc_cni_iam.coverage.analysis.excess import (
    NO_EXCESS,
    Excess,
    UnusedAction,
    by_harm,
    excess_grants,
    granted,
)
from vpc_cni_iam.coverage.analysis.regions import InRegion, in_regions
from vpc_cni_iam.coverage.analysis.repairs import Repair
from vpc_cni_iam.coverage.judge.judge import ScenarioRun, run_scenarios
from vpc_cni_iam.coverage.judge.nodes import NodeDenial
from vpc_cni_iam.coverage.judge.verdict import Verdict, every, one_of
from vpc_cni_iam.coverage.names import CheckedRegion
from vpc_cni_iam.coverage.simulate.node import CHANGES
from vpc_cni_iam.coverage.simulate.scenarios import ORDINARY, SCENARIOS, Scenario, not_expected
from vpc_cni_iam.coverage.simulate.send import Answers, Limits, SentCall
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.evaluate import Request


class Cell(StrEnum):
    """Whether a version calls an action, and whether it is allowed."""

    allowed = "allowed"
    fatal = "fatal"  # denied, and the plugin fails
    degraded = "degraded"  # denied, and the plugin is degraded
    harmless = "harmless"  # denied without an effect
    unused = "unused"  # allowed, and not called
    not_called = "not called"


def denied_cell(call_range: CallRange) -> Cell:
    """Return the cell of a denied call."""
    return Cell(call_range.severity) if call_range.is_needed else Cell.harmless


class Row(Struct, frozen=True):
    """One version."""

    version: PluginVersion
    cells: tuple[Cell, ...]  # one for each action, in the order of `Matrix.actions`
    failing: tuple[str, ...] = ()  # the scenarios with a denied call that is required
    # The variables that are not set, with which the plugin fails.
    failing_with: tuple[str, ...] = ()
    verdict: Verdict = Verdict.works  # whether the plugin works

    @property
    def fatal(self) -> bool:
        """Whether a call is denied that the plugin needs to serve pods."""
        return Cell.fatal in self.cells


class DeniedRange(Struct, frozen=True):
    """A reason why a call is denied, over a run of versions."""

    action: str
    first: Row  # the first row of the run
    last: Row
    scenario: str  # the first scenario with it
    call: SentCall  # the call at the first version


class Matrix(Struct, frozen=True):
    """The results of a policy at every version that has its mode."""

    setting: RequestSetting  # the setting of the plugin; its version is the newest
    # The columns: the actions that some version calls in this mode, or the policy names.
    actions: tuple[str, ...]
    rows: tuple[Row, ...]  # one for each version, oldest first
    # The first denied call of each denied cell, and the name of its scenario, by version and
    # action.
    reasons: dict[tuple[PluginVersion, str], tuple[str, SentCall]]
    scenarios: tuple[str, ...]  # the scenarios that were run
    not_expected: tuple[Scenario, ...] = ()  # those that run only by name
    excess: Excess = NO_EXCESS  # patterns that allow more than any of the versions calls
    unused: tuple[UnusedAction, ...] = ()  # actions that policies name and no version calls
    repairs: tuple[Repair, ...] = ()  # what to do at this version
    repaired: PluginVersion | None = None
    nodes: tuple[NodeDenial, ...] = ()  # what nodes cannot do, if the role is theirs
    # If the plugin works with other versions in some Regions, the matrix of each Region; this
    # matrix then has the fewest versions.
    by_region: tuple[InRegion[Matrix], ...] = ()

    def doubted(self, doubts: Iterable[NotKnown]) -> Verdict:
        """Return the verdict of all versions, with what is not known about the role."""
        regions = [each.result for each in self.by_region] or [self]
        every_one = (every(row.verdict for row in matrix.rows) for matrix in regions)
        calls = one_of(every_one).doubted(doubts)
        return every((calls, *(denial.verdict for denial in self.nodes)))

    def newest_failure(self, *, if_degraded: bool) -> PluginVersion | None:
        """Return the newest version at which a check fails."""
        failing = (
            r.version for r in reversed(self.rows) if r.verdict.is_failure(if_degraded=if_degraded)
        )
        return next(failing, None)

    def works(self) -> tuple[VersionRange, ...]:
        """Return the versions at which no required call is denied, as runs."""
        return known_versions.spans(frozenset(row.version for row in self.rows if not row.fatal))

    def works_perhaps(self) -> tuple[VersionRange, ...]:
        """Return the versions at which only undecided calls are required and denied, as runs."""
        rows = (row.version for row in self.rows if row.verdict is Verdict.unknown)
        return known_versions.spans(frozenset(rows))

    def works_but_for(self) -> tuple[tuple[str, ...], tuple[VersionRange, ...]]:
        """Return special scenarios, and the versions at which the plugin works without them.

        These are scenarios in which it fails although a fresh node works; empty if there are none.
        """
        some = [r for r in self.rows if ORDINARY not in r.failing and ORDINARY in self.scenarios]
        names = tuple(s for s in self.scenarios if any(s in row.failing for row in some))
        if not names:
            return (), ()
        return names, known_versions.spans(frozenset(row.version for row in some))

    def fails_with(self) -> dict[str, tuple[VersionRange, ...]]:
        """Return the versions that fail only with a variable which is not set, by variable."""
        rows = [row for row in self.rows if not row.fatal]
        variables = dict.fromkeys(variable for row in rows for variable in row.failing_with)
        return {
            variable: known_versions.spans(
                frozenset(row.version for row in rows if variable in row.failing_with)
            )
            for variable in variables
        }

    def failures(self) -> tuple[int, int]:
        """Return the number of versions that fail, and of cells that are degraded."""
        degraded = sum(row.cells.count(Cell.degraded) for row in self.rows)
        return sum(row.fatal for row in self.rows), degraded

    def works_also(self) -> tuple[VersionRange, ...]:
        """Return the versions at which the plugin fails only in those special scenarios."""
        ordinary = (r for r in self.rows if r.fatal and ORDINARY not in r.failing)
        return known_versions.spans(frozenset(r.version for r in ordinary))

    def denials(self) -> tuple[DeniedRange, ...]:
        """Return why cells are denied, each reason once for a run of versions."""
        denials: list[DeniedRange] = []
        for action in self.actions:
            for why, run in groupby(self.rows, key=partial(self._why, action)):
                rows = list(run)
                if why is not None:
                    scenario, call = self.reasons[rows[0].version, action]
                    denials.append(DeniedRange(action, rows[0], rows[-1], scenario, call))
        return tuple(denials)

    def _why(self, action: str, row: Row) -> object:
        """Return the key of a denial: versions with the same key are one run."""
        scenario, call = self.reasons.get((row.version, action), ("", None))
        return call and (call.template, call.range, scenario)

    def runs(self) -> tuple[tuple[Row, Row], ...]:
        """Return the first and last row of each run of versions with the same cells."""
        runs = (list(run) for _, run in groupby(self.rows, key=attrgetter("cells")))
        return tuple((run[0], run[-1]) for run in runs)


def matrix(
    policies: Sequence[Policy],
    setting: RequestSetting,
    scenarios: Iterable[Scenario] = SCENARIOS,
    limits: Limits = (),
    regions: Sequence[CheckedRegion] = (),
    *,
    excess: bool = True,
) -> Matrix:
    """Return how policies cover every version that has the setting's mode; see `cover`.

    With `excess`, the matrix has the permissions that none of the versions needs.

    Each version replaces that of the setting. Versions with the same requests are run once.
    """
    chosen = tuple(scenarios)
    if regions:
        check = partial(matrix, policies, scenarios=chosen, limits=limits, excess=excess)
        results = in_regions(setting, regions, check)
        worst = max((r.result for r in results), key=lambda result: result.failures())
        differ = any(r.result.works() != worst.works() for r in results)
        return replace(worst, by_region=results) if differ else worst
    answers, grants = Answers(policies, limits), granted(policies)
    called = [call.action for call in calls.calls() if _in_mode(call, setting)]
    actions = (*called, *_other_actions(policies, called))
    granted_actions = {a for a in actions if grants.evaluate(Request(a, "*")).allowed}
    rows: list[Row] = []
    reasons: dict[tuple[PluginVersion, str], tuple[str, SentCall]] = {}
    alike: dict[object, tuple[Row | None, dict[str, tuple[str, SentCall]]]] = {}
    others = not_expected(setting, chosen)
    switched = [scenario.by_name() for scenario in others if scenario.variable]
    for version in known_versions.known()[1:]:
        at = setting.at(version)
        same = profile(at, chosen)
        if same not in alike:
            runs = run_scenarios(answers, at, chosen)
            if_set = run_scenarios(answers, at, switched)
            alike[same] = _row(runs, if_set, version, actions, granted_actions)
        row, denied = alike[same]
        if row is None:
            continue  # nothing was asked, so that nothing is known
        rows.append(replace(row, version=version))
        reasons |= {(version, action): why for action, why in denied.items()}
    if not rows:
        raise no_scenario_error(chosen, setting.mode)
    names = tuple(s.name for s in chosen if s not in others)
    whole = Matrix(setting, actions, tuple(rows), reasons, names, others)
    if not excess:
        return whole
    beyond = excess_grants(policies, called, limits)
    idle = by_harm(
        policies, limits, [a for a in actions if a in granted_actions.difference(called)]
    )
    return replace(whole, excess=beyond, unused=idle)


def _row(
    runs: Sequence[ScenarioRun],
    if_set: Sequence[ScenarioRun],
    version: PluginVersion,
    actions: Iterable[str],
    granted_actions: Collection[str],
) -> tuple[Row | None, dict[str, tuple[str, SentCall]]]:
    """Return the row of a version, None if it sent nothing; and what was denied, by action."""
    denied = denied_calls(runs)
    sent = {call.template.action for run in runs for call in run.calls}
    sent |= {check.request.action for run in runs for call in run.calls for check in call.checks}

    def cell(action: str) -> Cell:
        if action in denied:
            return denied_cell(denied[action][1].range)
        if action in sent:
            return Cell.allowed
        return Cell.unused if action in granted_actions else Cell.not_called

    failing = tuple(run.scenario.name for run in runs if run.fails)
    verdict = every(run.verdict for run in runs)
    failing_with = tuple(run.scenario.variable for run in if_set if run.fails)
    row = Row(version, tuple(map(cell, actions)), failing, failing_with, verdict) if sent else None
    return row, denied


def _other_actions(policies: Iterable[Policy], called: Iterable[str]) -> list[str]:
    """Return the actions that policies name in full and the plugin does not call."""
    known = {action.lower() for action in called}
    named = dict.fromkeys(a for p in policies for a in p.actions() if "*" not in a and "?" not in a)
    return [action for action in named if action.lower() not in known]


def _in_mode(call: calls.Call, setting: RequestSetting) -> bool:
    features = (None, *setting.features)
    return any(u.mode == setting.mode and u.feature in features for u in call.ranges)


def profile(setting: RequestSetting, scenarios: Iterable[Scenario]) -> object:
    """Return everything that the requests of a version depend on."""
    return (
        _call_ranges(setting.mode, setting.version, setting.features),
        tag_keys(setting.version),
        tuple(setting.version < r for r in CHANGES),
        setting.features,
        tuple(s.name for s in scenarios if s.arises(setting)),
        tuple(s.name for s in scenarios if s.is_possible(setting)),
    )


@cache
def _call_ranges(
    mode: Mode, version: PluginVersion, features: tuple[str, ...]
) -> tuple[CallRange | None, ...]:
    return tuple(form.sent(mode, version, features) for form in request_templates().values())
