"""What a change of policies does to what the plugin needs at a version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.calls import Impact, Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.coverage.analysis.cover import ScenarioRun
from vpc_cni_iam.coverage.report.sentences.calls import consequence
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.plugin.settings import of_options
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.review.diff.verdicts import CoverageChange, MissingPermission
from vpc_cni_iam.review.old.names import mode_of, names_in, names_of
from vpc_cni_iam.review.old.remembered import RememberedRuns

# A call by scenario, action, template and what it is about.
Calls: TypeAlias = dict[tuple[str, str, str, str], MissingPermission | None]


class ReviewTarget(Struct, frozen=True):
    """For what policies are judged."""

    version: PluginVersion  # the plugin's version
    mode: Mode | None = None  # the IP family; None to go by what each policy allows
    # The plugin's environment variables that are known.
    environment: tuple[tuple[str, str], ...] = ()
    # Whether the user chose the version, which then overrides what the plan says.
    chosen: bool = False
    vpc_id: str = ""  # the VPC of the cluster, empty to go by what each policy names
    # The session policies that limit the role of the plugin before and after.
    sessions: tuple[tuple[Policy, ...], tuple[Policy, ...]] = ((), ())

    @property
    def has_names(self) -> bool:
        """Whether it may name the cluster or the VPC."""
        return bool(self.environment or self.vpc_id or any(self.sessions))


def mode_for(policies: Sequence[Policy], target: ReviewTarget) -> Mode:
    """Return the IP family that policies are reviewed for; IPv4 where that cannot be asked."""
    if target.mode:
        return target.mode
    try:
        return mode_of(policies)
    except InputError:
        return "ipv4"


def coverage_change(
    before: Sequence[Policy],
    after: Sequence[Policy],
    target: ReviewTarget,
    limits: tuple[Sequence[Policy], Sequence[Policy]] = ((), ()),
) -> CoverageChange | None:
    """Return what a change does to what the plugin needs; None where that cannot be asked.

    `limits` are the policies that limit it before and after, such as a permissions boundary.
    """
    mode = mode_for(before or after, target)
    runs = _runs((*after, *before), (*limits[1], *limits[0]), mode, target)
    try:
        # Where there was nothing, nothing was allowed.
        old = _calls_by_scenario(tuple(before), runs, limits[0]) if before else {}
        new = _calls_by_scenario(tuple(after), runs, limits[1])
    except InputError:
        return None
    denied = {key: lack for key, lack in new.items() if lack is not None}
    lost = [lack for key, lack in denied.items() if key in old and old[key] is None]
    gained = {key[1] for key, lack in new.items() if lack is None and (not old or old.get(key))}
    missing = _by_action(denied.values(), new)
    newly_allowed = tuple(sorted(gained))
    return CoverageChange(str(target.version), mode, _by_action(lost, new), missing, newly_allowed)


def _runs(
    policies: Sequence[Policy], limits: Sequence[Policy], mode: Mode, target: ReviewTarget
) -> RememberedRuns[Calls]:
    names = names_in(limits) | names_in(policies)
    if target.vpc_id:
        names["vpc_id"] = target.vpc_id
    return _runs_of(tuple(sorted(names.items())), mode, target)


@lru_cache(64)
def _runs_of(
    known: tuple[tuple[str, str], ...], mode: Mode, target: ReviewTarget
) -> RememberedRuns[Calls]:
    names = names_of(dict(known), owner_known="vpc_owner_id" in dict(known))
    setting = RequestSetting(target.version, mode, names=names)
    environment: dict[str, str] = {}
    for name, value in target.environment:
        # A variable on which no request depends, or a value that the plugin ignores.
        with suppress(UsageError):
            setting.configured(of_options({name: value}, setting.version))
            environment[name] = value
    configured = setting.configured(of_options(environment, setting.version))
    return RememberedRuns(configured, _by_scenario)


def missing_permissions(
    policies: tuple[Policy, ...], target: ReviewTarget, limits: Sequence[Policy]
) -> tuple[MissingPermission, ...] | None:
    """Return the calls of a plugin version that policies do not allow, one for each action.

    None where the evaluator refuses a policy.
    """
    runs = _runs(policies, limits, mode_for(policies, target), target)
    try:
        calls = _calls_by_scenario(policies, runs, limits)
    except InputError:
        return None
    return _by_action((call for call in calls.values() if call is not None), calls)


def _calls_by_scenario(
    policies: tuple[Policy, ...], runs: RememberedRuns[Calls], limits: Sequence[Policy]
) -> Calls:
    """Return each call in each scenario with what its denial means; None if it is allowed."""
    calls = _calls(policies, runs)
    for limit in limits:
        # What it does not allow is denied, whatever the policies say.
        limited = _calls((limit,), runs)
        calls = limited | {key: limited.get(key) or lack for key, lack in calls.items()}
    return calls


@lru_cache(4096)
def _calls(policies: tuple[Policy, ...], runs: RememberedRuns[Calls]) -> Calls:
    return runs.of(policies)


def _by_scenario(runs: Iterable[ScenarioRun]) -> Calls:
    calls: Calls = {}
    for run in runs:
        for call in run.calls:
            key = (run.scenario.name, call.template.action, call.template.name, call.on)
            lack = None
            if not call.allowed:
                call_range = call.range
                harmless = call_range.impact is Impact.NO_EFFECT
                lack = MissingPermission(
                    call.template.action,
                    "none" if harmless else call_range.severity,
                    consequence(call.undecided, call.breaks),
                    call_range.evidence,
                    call.undecided is not None,
                    call.on,
                )
            calls[key] = calls.get(key) or lack
    return calls


def _by_action(lacks: Iterable[MissingPermission], calls: Calls) -> tuple[MissingPermission, ...]:
    """Return one lack for each action, the gravest; one that is certain before one that is not."""

    def weight(lack: MissingPermission) -> tuple[int, bool]:
        return ("none", "degraded", "fatal").index(lack.impact), not lack.undecided

    gravest: dict[str, MissingPermission] = {}
    about: dict[str, set[str]] = {}
    for lack in lacks:
        about.setdefault(lack.action, set()).add(lack.on)
        if lack.action not in gravest or weight(lack) > weight(gravest[lack.action]):
            gravest[lack.action] = lack
    allowed = {action for (_, action, _, _), lack in calls.items() if lack is None}
    partly = {action for action in allowed if len(about.get(action, ())) == 1}
    one_each = (k if k.action in partly else replace(k, on="") for k in gravest.values())
    return tuple(sorted(one_each, key=lambda lack: (lack.impact != "fatal", lack.action)))
