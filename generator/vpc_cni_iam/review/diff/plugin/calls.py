"""Calls of the plugin that policies do not allow, at one version and in one cluster.

The names in the requests come from the plan; other names from Allow statements, first of those
before the plan. A Deny does not say where the plugin is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.account.doubts import NotKnown
from vpc_cni_iam.catalog.facts.calls import DenialSeverity, Impact, Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.coverage.judge.judge import ScenarioRun, doubted, judge
from vpc_cni_iam.coverage.judge.verdict import Verdict
from vpc_cni_iam.coverage.names import (
    CheckedRegion,
    known_names,
    listed_ids,
    names_in,
    names_of,
    regions_to_check,
)
from vpc_cni_iam.coverage.simulate.send import Answers, SentCall
from vpc_cni_iam.coverage.simulate.settings import Names, RequestSetting
from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.levels import Level
from vpc_cni_iam.plugin.settings import VARIABLES
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.evaluate import Decision, Outcome, Request
from vpc_cni_iam.policy.matching.conditions import Doubt, Undecided
from vpc_cni_iam.review.diff.permissions import Permissions
from vpc_cni_iam.review.diff.plugin.judged import JudgedPlugin

_IMPACTS = tuple(Impact)
_READ = (*VARIABLES, "VPC_ID", "AWS_REGION")
_SINCE = re.compile(r", and from (v[\d.]+) on ")  # an effect that exists only from a version on
_CREATE = "ec2:CreateNetworkInterface"
# The places of nodes: the parameter, the kind of resource, its condition key, and its owner.
_PLACES = (
    ("subnet_id", "subnet", "ec2:SubnetID", "vpc_owner_id"),
    ("security_group_id", "security-group", "ec2:SecurityGroupID", "account_id"),
)
# The most Regions that are checked if the plugin's is unknown: named ones, and one that is not.
_MOST_REGIONS = 3
_Key: TypeAlias = tuple[str, str, str]


class MissingCall(Struct, frozen=True):
    """A call of the plugin that policies do not allow."""

    action: str
    impact: Impact  # the effect of the denial
    breaks: str  # what breaks, as the catalog says it
    scenario: str
    template: str = ""  # the request template
    on: str = ""  # its object, such as ``new interface``
    is_partly: bool = False  # whether its action is allowed in other calls
    undecided: Undecided | None = None  # why it may still be allowed
    # whether it is denied only in some Regions, and the plugin may be in any
    in_some_regions: bool = False
    region: str = ""  # one of these; empty if reports may not show it
    # The policy or limit that denies it or may deny it, by its position: a policy with a Deny, or a
    # limit that does not allow it. None if no policy allows it.
    denied_by: int | None = None
    is_explicit: bool = False  # whether it is a Deny
    # The variable that enables the call, if the plan does not show whether it is set.
    switch: str = ""
    is_unset: bool = False  # whether nothing of the plan could set that variable
    # The request that is denied; a call may have several. None if none is certainly denied.
    request: Request | None = None

    @property
    def denied_action(self) -> str:
        """The action that is denied; a call may need several."""
        return self.request.action if self.request else self.action

    @property
    def key(self) -> _Key:
        """What identifies the call."""
        return self.scenario, self.template, self.on

    @property
    def is_denied(self) -> bool:
        """Whether it is certainly denied, if it is called."""
        return not (self.undecided or self.in_some_regions)

    @property
    def is_certain(self) -> bool:
        """Whether it is certainly called and denied."""
        return self.is_denied and not self.switch

    @property
    def is_later(self) -> bool:
        """Whether a part of the policy that is known after apply decides."""
        return self.undecided is not None and self.undecided.doubt is Doubt.unknown_part

    @property
    def level(self) -> Level:
        """The severity of the missing call."""
        if self.impact is Impact.NO_EFFECT or self.is_unset:
            return Level.NOTE
        return Level.ERROR if self.is_fatal and self.is_certain else Level.WARNING

    @property
    def is_fatal(self) -> bool:
        """Whether pods get no addresses without it."""
        return self.impact.severity is DenialSeverity.fatal


class PluginCalls(Struct, frozen=True):
    """Whether the plugin works with policies, and its calls, by whether they are allowed."""

    verdict: Verdict  # without the scenarios of variables that are not known to be set
    missing: tuple[MissingCall, ...] = ()
    allowed: frozenset[_Key] = frozenset()
    is_refused: bool = False  # whether the evaluator refuses a policy


def plugin_calls(
    role: Permissions,
    judged: JudgedPlugin,
    naming: Sequence[Sequence[Policy]],
    tags: Mapping[str, str] | None = None,
    doubts: Sequence[NotKnown] = (),
) -> PluginCalls:
    """Return whether the plugin works with permissions, and which calls they allow.

    Args:
        naming: The policies whose Allow statements name what the plan does not say, those that
            count first at first.
        tags: The tags of the role; None if they are not known.
        doubts: What is not known about its policies and limits.
    """
    names = known_names(judged.names, *map(names_in, naming))
    mode = judged.mode_for(next(filter(None, naming), ()))
    scenarios = judged.chosen_scenarios()
    every = regions_to_check(role.every, names)
    regions = every if len(every) <= _MOST_REGIONS else (*every[:2], every[-1])
    try:
        answers = Answers(role.policies, role.limits)
        names |= _places(answers, judged, names_of(names), listed_ids(role.policies))
        named = names_of(names, role.policies)
        setting = replace(_setting(judged, mode, named), principal_tags=tags)
        optional = [s for s in scenarios if judged.switch_of(s.name)]
        certain = judge(answers, [setting], regions, [s for s in scenarios if s not in optional])
        switched = judge(answers, [setting], regions, optional)
        verdict = doubted(certain, doubts, role.policies, role.limits).verdict
    except InputError:
        return PluginCalls(Verdict.unknown, is_refused=True)
    cases = zip(certain.cases, switched.cases, strict=True)
    results = [_of_runs((*a.runs, *b.runs), judged.version, role.every) for a, b in cases]
    calls = _in_regions(results, [case.region for case in certain.cases])
    switches = ((call, judged.switch_of(call.scenario)) for call in calls)
    missing = (replace(c, switch=s, is_unset=bool(s) and not judged.is_shown) for c, s in switches)
    allowed = frozenset(key for _, keys in results for key in keys)
    return PluginCalls(verdict, tuple(missing), allowed - {call.key for call in calls})


def _places(
    answers: Answers, judged: JudgedPlugin, names: Names, listed: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """Return a subnet and a security group of the nodes by parameter; first those in a Deny.

    If a policy lists some, it is one of a node group that is not listed. Otherwise it is a listed
    one, because nodes need not be in the cluster's subnets.
    """
    places: dict[str, str] = {}
    for parameter, kind, key, account in _PLACES:
        arn = f"arn:{names.partition}:ec2:{names.region}:{getattr(names, account)}:{kind}"
        every = judged.places.get(parameter, ())
        if ids := listed.get(f"{parameter}s"):
            of_nodes = judged.node_subnets if kind == "subnet" else ()
            unlisted = (each for each in of_nodes if each not in ids)
            every = (*unlisted, *(each for each in every if each in ids))
        requests = [Request(_CREATE, f"{arn}/{each}", "", {key: each}) for each in every]
        outcomes = [answers.evaluate(request).outcome for request in requests]
        is_denied = Outcome.EXPLICITLY_DENIED in outcomes
        position = outcomes.index(Outcome.EXPLICITLY_DENIED) if is_denied else 0
        places.update((parameter, each) for each in every[position : position + 1])
    return places


def _setting(judged: JudgedPlugin, mode: Mode, names: Names) -> RequestSetting:
    setting = RequestSetting(judged.version, mode, names=names, session_tags=judged.session_tags)
    plugin = replace(judged.settings, environment={}, features=(), unread=())

    def takes(environment: Mapping[str, str], features: tuple[str, ...] = ()) -> bool:
        # The plugin ignores a value that it does not accept.
        with suppress(UsageError, InputError):
            setting.configured(replace(plugin, environment=environment, features=features))
            return True
        return False

    environment = judged.settings.environment
    usable = {n: v for n, v in environment.items() if n in _READ and takes({n: v})}
    features = tuple(each for each in judged.settings.features if takes({}, (each,)))
    return setting.configured(replace(plugin, environment=usable, features=features))


def by_action(calls: Iterable[MissingCall]) -> tuple[MissingCall, ...]:
    """Return the worst call of each action, the worst first; with its object if it is unique."""
    worst: dict[str, MissingCall] = {}
    about: dict[str, set[str]] = {}
    for call in calls:
        about.setdefault(call.action, set()).add(call.on)
        known = worst.get(call.action)
        if known is None or _weight(call) > _weight(known):
            worst[call.action] = call
    every = (
        call if call.is_partly and len(about[call.action]) == 1 else replace(call, on="")
        for call in worst.values()
    )
    return tuple(sorted(every, key=lambda c: (-c.level.rank, _IMPACTS.index(c.impact), c.action)))


def _of_runs(
    runs: Iterable[ScenarioRun], version: PluginVersion, policies: Sequence[Policy]
) -> tuple[Sequence[MissingCall], set[_Key]]:
    """Return the denied calls of scenarios, the worst of each key, and the keys of the others."""
    denied: dict[_Key, MissingCall] = {}
    allowed: dict[_Key, str] = {}
    for run in runs:
        for call in run.calls:
            if call.allowed:
                on = call.on.partition(" /")[0]
                allowed[run.scenario.name, call.template.name, on] = call.template.action
                continue
            missing = _missing(call, run.scenario.name, version, policies)
            known = denied.get(missing.key)
            if known is None or _weight(missing) > _weight(known):
                denied[missing.key] = missing
    every = [replace(c, is_partly=c.action in allowed.values()) for c in denied.values()]
    return every, allowed.keys() - denied.keys()


def _missing(
    call: SentCall, scenario: str, version: PluginVersion, policies: Sequence[Policy]
) -> MissingCall:
    checks = [check for check in call.checks if not check.decision.allowed]
    denied = [check for check in checks if check.decision.denied]
    by_deny = [check for check in denied or checks if _is_by_deny(check.decision, policies)]
    check = next(iter((*by_deny, *denied)), None)
    breaks = call.breaks
    if since := _SINCE.search(breaks):
        later = f", and {breaks[since.end() :]}" if version >= PluginVersion.of(since[1]) else ""
        breaks = breaks[: since.start()] + later
    return MissingCall(
        call.template.action,
        call.range.impact,
        breaks,
        scenario,
        call.template.name,
        call.on.partition(" /")[0],  # the name of a log group contains that of the cluster
        undecided=call.undecided,
        denied_by=check.decision.policy if check else None,
        is_explicit=bool(by_deny),
        request=check.request if check else None,
    )


def _is_by_deny(decision: Decision, policies: Sequence[Policy]) -> bool:
    """Return whether a Deny decides, or leaves the request undecided."""
    if decision.policy is None or decision.statement is None:
        return False
    return policies[decision.policy].statements[decision.statement].effect == "Deny"


def _weight(call: MissingCall) -> tuple[bool, int, bool]:
    """Return the sort key of denials; the worst is the greatest."""
    return not call.switch, -_IMPACTS.index(call.impact), call.is_certain


def _in_regions(
    results: Sequence[tuple[Sequence[MissingCall], set[_Key]]],
    regions: Sequence[CheckedRegion | None],
) -> Sequence[MissingCall]:
    """Return the calls that are missing in a Region, with one in which they are, if not in all."""
    every: dict[_Key, MissingCall] = {}
    for (missing, _), region in zip(results, regions, strict=True):
        for call in missing:
            where = region.checked if region and any(call.key in a for _, a in results) else ""
            every.setdefault(call.key, replace(call, in_some_regions=bool(where), region=where))
    return [*every.values()]
