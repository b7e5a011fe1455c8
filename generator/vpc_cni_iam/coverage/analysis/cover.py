"""Checks a policy against one plugin version: allowed calls, failures and excess permissions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts import calls
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.coverage.analysis.excess import (
    NO_EXCESS,
    Excess,
    UnusedAction,
    by_harm,
    excess_grants,
)
from vpc_cni_iam.coverage.analysis.regions import InRegion, in_regions
from vpc_cni_iam.coverage.names import CheckedRegion
from vpc_cni_iam.coverage.simulate.node import SimulatedNode
from vpc_cni_iam.coverage.simulate.scenarios import SCENARIOS, Scenario, not_expected
from vpc_cni_iam.coverage.simulate.send import Answers, Limits, SentCall
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.policy import wildcard
from vpc_cni_iam.policy.document import Policy


class PluginVerdict(StrEnum):
    """Whether the plugin works; the worst is last."""

    works = "works"
    degraded = "degraded"  # only calls that it can work without are denied
    unknown = "unknown"  # it fails only if undecided calls are denied
    fails = "fails"
    incomplete = "incomplete"  # a policy was not read

    @property
    def rank(self) -> int:
        """The position in the order."""
        return list(PluginVerdict).index(self)

    def is_failure(self, *, if_degraded: bool) -> bool:
        """Return whether a check fails with this verdict; `if_degraded`: also if it is degraded."""
        worst = PluginVerdict.works if if_degraded else PluginVerdict.degraded
        return self.rank > worst.rank


class ScenarioRun(Struct, frozen=True):
    """The result of a scenario."""

    scenario: Scenario
    calls: tuple[SentCall, ...]  # the plugin's calls, in order

    @property
    def fails(self) -> bool:
        """Whether a call is denied that the plugin needs to serve pods."""
        return any(call.fails for call in self.calls)


class Coverage(Struct, frozen=True):
    """A policy against a version."""

    setting: RequestSetting
    scenario_runs: tuple[ScenarioRun, ...]  # of the scenarios that can arise there
    not_expected: tuple[Scenario, ...]  # those that are run only if they are asked for
    unused: tuple[UnusedAction, ...]  # actions that the policies name and the version never calls
    excess: Excess = NO_EXCESS  # patterns that grant more than the version calls
    repairs: tuple[str, ...] = ()  # what to do about the calls that are denied, in sentences
    # Where the plugin works in some Regions only, the coverage in each; this is then the worst.
    by_region: tuple[InRegion[Coverage], ...] = ()

    def denied(self) -> tuple[tuple[Scenario, SentCall], ...]:
        """Return the denied calls, each with its scenario."""
        return tuple((p.scenario, c) for p in self.scenario_runs for c in p.calls if not c.allowed)

    @property
    def verdict(self) -> PluginVerdict:
        """Whether the plugin works."""
        return verdict_of(self.scenario_runs)


def verdict_of(runs: Iterable[ScenarioRun]) -> PluginVerdict:
    """Return whether the plugin works in scenarios."""
    denied = [call for run in runs for call in run.calls if not call.allowed]
    if required := [call for call in denied if call.fails]:
        undecided = all(call.undecided for call in required)
        return PluginVerdict.unknown if undecided else PluginVerdict.fails
    needed = any(call.range.is_needed for call in denied)
    return PluginVerdict.degraded if needed else PluginVerdict.works


def cover(
    policies: Sequence[Policy],
    setting: RequestSetting,
    scenarios: Iterable[Scenario] = SCENARIOS,
    limits: Limits = (),
    regions: Sequence[CheckedRegion] = (),
) -> Coverage:
    """Return the coverage of a version's calls by a role's policies together.

    Scenarios that do not apply are left out; raises `UsageError` if none applies. `limits` are the
    role's boundary, and service control policies. With `regions`, it is the coverage of the worst.
    """
    chosen = tuple(scenarios)
    if regions:
        check = partial(cover, policies, scenarios=chosen, limits=limits)
        results = in_regions(setting, regions, check)
        worst = max((r.result for r in results), key=lambda result: result.verdict.rank)
        differ = any(r.result.verdict is not worst.verdict for r in results)
        return replace(worst, by_region=results) if differ else worst
    runs = run_scenarios(Answers(policies, limits), setting, chosen)
    if not runs:
        raise no_scenario_error(chosen, setting.mode, setting.version)
    idle = unused(policies, setting)
    never_called = by_harm(policies, limits, idle)
    excess = excess_grants(policies, called_actions(setting), limits).without(idle)
    return Coverage(setting, runs, not_expected(setting, chosen), never_called, excess)


def no_scenario_error(
    scenarios: Iterable[Scenario], mode: Mode, version: PluginVersion | None = None
) -> UsageError:
    """Return the error that there is no scenario to check."""
    words = f"in {calls.FAMILIES[mode]} mode"
    if version is not None:
        words += f" at plugin {version}"
    since = [
        f"{s.name} (from {s.since[mode]} on)" if mode in s.since else f"{s.name} (never)"
        for s in scenarios
    ]
    if not since:
        return UsageError("--scenario and --skip leave no scenario to check")
    return UsageError(
        f"{words} there is none of these scenarios: {', '.join(since)}; "
        "or the policy, --env or a missing --feature excludes them"
    )


def run_scenarios(
    policies: Answers, setting: RequestSetting, scenarios: Iterable[Scenario]
) -> tuple[ScenarioRun, ...]:
    """Run the scenarios that apply and send a call, and return the results."""
    runs = []
    for scenario in scenarios:
        if scenario.arises(setting):
            calls = _run(policies, scenario.prepare(setting), scenario)
            if calls:
                runs.append(ScenarioRun(scenario, calls))
    return tuple(runs)


def _run(policies: Answers, setting: RequestSetting, scenario: Scenario) -> tuple[SentCall, ...]:
    """Return the calls of a scenario; for their effects, an undecided call is taken as denied.

    A call that is denied only then, or only if such a call is taken as allowed, is undecided, too.
    """
    node = SimulatedNode(setting, policies)
    scenario.run(node)
    if not any(call.undecided for call in node.calls):
        return tuple(node.calls)
    other = SimulatedNode(setting, policies, undecided_allowed=True)
    scenario.run(other)
    refused = {_key(call) for call in node.calls if not call.allowed}
    more = (call for call in other.calls if not call.allowed and _key(call) not in refused)
    denied = {_key(call) for call in other.calls if not (call.allowed or call.undecided)} & refused
    return tuple(
        replace(call, follows_undecided=_key(call) not in denied) for call in (*node.calls, *more)
    )


def _key(call: SentCall) -> tuple[str, str]:
    return call.template.name, call.on


def unused(policies: Sequence[Policy], setting: RequestSetting) -> tuple[str, ...]:
    """Return the actions that policies name and a version never calls in its mode."""
    called = [action.lower() for action in called_actions(setting)]
    named = dict.fromkeys(action for policy in policies for action in policy.actions())
    return tuple(a for a in named if not any(wildcard.matches(a.lower(), c) for c in called))


def called_actions(setting: RequestSetting) -> tuple[str, ...]:
    """Return the actions that a version calls in its mode with the features in use."""
    features = (None, *setting.features)
    actions = (
        u.action for f in features for u in calls.call_ranges((setting.mode,), setting.version, f)
    )
    return tuple(dict.fromkeys(actions))
