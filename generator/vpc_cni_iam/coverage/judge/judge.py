"""Judges a role: sends the plugin's calls in each case, and folds the outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.account.doubts import NotKnown, Reason
from vpc_cni_iam.coverage.judge.verdict import Verdict, every, one_of
from vpc_cni_iam.coverage.names import CheckedRegion
from vpc_cni_iam.coverage.simulate.node import SimulatedNode
from vpc_cni_iam.coverage.simulate.scenarios import SCENARIOS, Scenario
from vpc_cni_iam.coverage.simulate.send import Answers, Limits, SentCall
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.evaluate import Outcome

# A policy that is not known allows this at most.
_EVERYTHING = Policy((Statement(actions=("*",), resources=("*",)),))


class ScenarioRun(Struct, frozen=True):
    """The result of a scenario."""

    scenario: Scenario
    calls: tuple[SentCall, ...]  # the plugin's calls, in order

    @property
    def denied(self) -> tuple[SentCall, ...]:
        """The calls that are not allowed."""
        return tuple(call for call in self.calls if not call.allowed)

    @property
    def fails(self) -> bool:
        """Whether a call is denied that the plugin needs to serve pods."""
        return any(call.fails for call in self.calls)

    @property
    def verdict(self) -> Verdict:
        """Whether the plugin works in it."""
        return every(map(_of_denial, self.denied))


def _of_denial(call: SentCall) -> Verdict:
    if not call.range.is_needed:
        return Verdict.works
    if not call.range.is_fatal:
        return Verdict.degraded
    return Verdict.unknown if call.undecided else Verdict.fails


class Case(Struct, frozen=True):
    """The scenarios in one setting."""

    setting: RequestSetting
    runs: tuple[ScenarioRun, ...]
    region: CheckedRegion | None  # None if the Region is known
    verdict: Verdict  # whether the plugin works


class Judgement(Struct, frozen=True):
    """Whether the plugin works with a role, at one version."""

    verdict: Verdict
    cases: tuple[Case, ...]
    doubts: tuple[NotKnown, ...] = ()

    @property
    def worst(self) -> Case:
        """The first of the worst cases."""
        return max(self.cases, key=lambda case: case.verdict.rank)

    @property
    def by_region(self) -> Mapping[CheckedRegion, Verdict]:
        """The verdict in each Region; empty if they do not differ, or the Region is known."""
        regions = {c.region: None for c in self.cases if c.region}
        verdicts = {r: every(c.verdict for c in self.cases if c.region == r) for r in regions}
        return verdicts if len({*verdicts.values()}) > 1 else {}


def judge(
    answers: Answers,
    settings: Sequence[RequestSetting],
    regions: Sequence[CheckedRegion] = (),
    scenarios: Iterable[Scenario] = SCENARIOS,
) -> Judgement:
    """Return whether the plugin works in all of some settings, in one of some Regions."""
    chosen = tuple(scenarios)
    places: Sequence[CheckedRegion | None] = regions or [None]
    cases = tuple(
        _case(answers, setting, region, chosen) for region in places for setting in settings
    )
    by_region = (every(c.verdict for c in cases if c.region is place) for place in places)
    return Judgement(one_of(by_region), cases)


def _case(
    answers: Answers,
    setting: RequestSetting,
    region: CheckedRegion | None,
    scenarios: Sequence[Scenario],
) -> Case:
    """Return a case; without a scenario, the version does not have the IP family."""
    at = replace(setting, names=region.names(setting.names)) if region else setting
    runs = run_scenarios(answers, at, scenarios)
    return Case(at, runs, region, every(run.verdict for run in runs) if runs else Verdict.fails)


def any_of(judgements: Sequence[Judgement]) -> Judgement:
    """Return the verdict on cases of which one arises, such as IP families."""
    cases = tuple(case for judgement in judgements for case in judgement.cases)
    return Judgement(one_of(j.verdict for j in judgements), cases)


def doubted(
    judgement: Judgement,
    doubts: Sequence[NotKnown],
    policies: Sequence[Policy],
    limits: Limits = (),
) -> Judgement:
    """Return a verdict together with what is not known about the role.

    If an unknown policy may allow a denied call, the call is sent again with everything allowed.
    """
    counting = tuple(doubt for doubt in doubts if doubt.counts)
    denied = False
    if judgement.verdict is Verdict.fails and any(doubt.may_allow for doubt in counting):
        answers = Answers((*policies, _EVERYTHING), limits)
        denied = all(_denied_anyway(case, answers) for case in judgement.cases)
    verdict = judgement.verdict.doubted(counting, denied_anyway=denied)
    if any(doubt.reason is Reason.refused for doubt in doubts):
        verdict = Verdict.fails
    return Judgement(verdict, judgement.cases, counting)


def _denied_anyway(case: Case, answers: Answers) -> bool:
    """Return whether a Deny, or a limit, breaks the plugin whatever else is allowed.

    What is allowed decides which tags interfaces have, and so what is denied: the same action must
    be denied without and with everything.
    """
    again = run_scenarios(answers, case.setting, [run.scenario for run in case.runs])
    return not case.runs or bool(_denied(case.runs) & _denied(again))


def _denied(runs: Iterable[ScenarioRun]) -> set[str]:
    """Return the actions of required calls that a Deny or a limit certainly denies."""
    return {
        check.request.action
        for run in runs
        for call in run.calls
        if call.fails and not call.undecided
        for check in call.checks
        if check.decision.outcome is Outcome.EXPLICITLY_DENIED or check.decision.policy is not None
        if check.decision.denied
    }


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
