"""Checks a policy against one plugin version: allowed calls, failures and excess permissions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.account.doubts import NotKnown
from vpc_cni_iam.catalog.facts import calls
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.coverage.analysis.called import called_actions
from vpc_cni_iam.coverage.analysis.excess import (
    NO_EXCESS,
    Excess,
    UnusedAction,
    by_harm,
    excess_grants,
)
from vpc_cni_iam.coverage.analysis.repairs import Repair
from vpc_cni_iam.coverage.analysis.risks import Risk
from vpc_cni_iam.coverage.judge.judge import (
    Judgement,
    ScenarioRun,
    doubted,
    judge,
    run_scenarios,
)
from vpc_cni_iam.coverage.judge.nodes import NodeDenial
from vpc_cni_iam.coverage.judge.verdict import Verdict, every
from vpc_cni_iam.coverage.names import CheckedRegion
from vpc_cni_iam.coverage.simulate.scenarios import SCENARIOS, Scenario, not_expected
from vpc_cni_iam.coverage.simulate.send import Answers, Limits, SentCall
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.policy import wildcard
from vpc_cni_iam.policy.document import Policy


class Coverage(Struct, frozen=True):
    """A policy against a version."""

    setting: RequestSetting
    scenario_runs: tuple[ScenarioRun, ...]  # of the scenarios that can arise there
    not_expected: tuple[Scenario, ...]  # those that are run only if they are asked for
    unused: tuple[UnusedAction, ...]  # actions that the policies name and the version never calls
    excess: Excess = NO_EXCESS  # patterns that grant more than the version calls
    repairs: tuple[Repair, ...] = ()  # what to do about the calls that are denied
    risks: tuple[Risk, ...] = ()  # of the policies
    # The scenarios that need a variable which is not set, if the plugin does not work in them.
    if_set: tuple[ScenarioRun, ...] = ()
    nodes: tuple[NodeDenial, ...] = ()  # what nodes cannot do, if the role is theirs
    # The judgement of the role; the runs are those of its worst case.
    judgement: Judgement | None = None

    def denied(self) -> tuple[tuple[Scenario, SentCall], ...]:
        """Return the denied calls, each with its scenario."""
        return tuple((p.scenario, c) for p in self.scenario_runs for c in p.calls if not c.allowed)

    @property
    def verdict(self) -> Verdict:
        """Whether the plugin works."""
        assert self.judgement is not None  # noqa: S101 - `cover` sets it
        return every((self.judgement.verdict, *(denial.verdict for denial in self.nodes)))

    @property
    def by_region(self) -> Mapping[CheckedRegion, Verdict]:
        """The verdict in each Region if they differ."""
        return self.judgement.by_region if self.judgement else {}


def cover(
    policies: Sequence[Policy],
    setting: RequestSetting,
    scenarios: Iterable[Scenario] = SCENARIOS,
    limits: Limits = (),
    regions: Sequence[CheckedRegion] = (),
    doubts: Sequence[NotKnown] = (),
) -> Coverage:
    """Return the coverage of a version's calls by a role's policies together.

    Scenarios that do not apply are left out; raises `UsageError` if none applies. `limits` are the
    role's boundary, and service control policies. With `regions`, it is the coverage of the worst.
    """
    chosen = tuple(scenarios)
    judgement = judge(Answers(policies, limits), [setting], regions, chosen)
    judgement = doubted(judgement, doubts, policies, limits)
    worst = judgement.worst
    if not worst.runs:
        raise no_scenario_error(chosen, setting.mode, setting.version)
    at = worst.setting if judgement.by_region or not regions else judgement.cases[0].setting
    idle = unused(policies, at)
    never_called = by_harm(policies, limits, idle)
    excess = excess_grants(policies, called_actions(at), limits).without(idle)
    others = not_expected(at, chosen)
    switched = [scenario.by_name() for scenario in others if scenario.variable]
    if_set = _only_denied_in(run_scenarios(Answers(policies, limits), at, switched), worst.runs)
    return Coverage(
        at, worst.runs, others, never_called, excess, if_set=if_set, judgement=judgement
    )


def _only_denied_in(
    runs: Iterable[ScenarioRun], others: Iterable[ScenarioRun]
) -> tuple[ScenarioRun, ...]:
    """Return runs with only the calls that are denied in them alone, if the plugin needs one."""
    denied = {(call.template.name, call.on) for run in others for call in run.denied}
    only = (
        replace(run, calls=tuple(c for c in run.denied if (c.template.name, c.on) not in denied))
        for run in runs
    )
    return tuple(run for run in only if run.verdict is not Verdict.works)


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
        return UsageError("--scenario leaves no scenario to check")
    return UsageError(
        f"{words} there is none of these scenarios: {', '.join(since)}; "
        "or the policy, --env or a missing --feature excludes them"
    )


def unused(policies: Sequence[Policy], setting: RequestSetting) -> tuple[str, ...]:
    """Return the actions that policies name and a version never calls in its mode."""
    called = [action.lower() for action in called_actions(setting)]
    named = dict.fromkeys(action for policy in policies for action in policy.actions())
    return tuple(a for a in named if not any(wildcard.matches(a.lower(), c) for c in called))
