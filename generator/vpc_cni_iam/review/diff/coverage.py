"""What a change of policies does to what the plugin needs at a release."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.coverage.analysis.cover import run_scenarios
from vpc_cni_iam.coverage.simulate.scenarios import SCENARIOS
from vpc_cni_iam.coverage.simulate.send import Answers
from vpc_cni_iam.coverage.simulate.settings import PluginSetting, configure
from vpc_cni_iam.coverage.subject import mode_of, names_in, names_of
from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.policy import wildcard
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.review.diff.same_shape import judged_once
from vpc_cni_iam.review.diff.verdicts import CoverageChange, MissingPermission

# What nothing but the plugin, or something like it, has.
_MARKS = (
    "ec2:assignprivateipaddresses",
    "ec2:unassignprivateipaddresses",
    "ec2:assignipv6addresses",
    "ec2:attachnetworkinterface",
)
# Enough letters besides wildcards to be about some actions and not about all that begin alike.
_NAMES_ACTION = re.compile(r"ec2:(?:[*?]*[\w-]){6,}[*?]*")


@dataclass(frozen=True, slots=True)
class ReviewTarget:
    """For what policies are judged.

    Args:
        release: The plugin's version.
        mode: The IP family; None to go by what each policy allows.
        environment: The plugin's environment variables that are known.
        chosen: Whether the user chose the version, which then overrides what the plan says.
    """

    release: PluginVersion
    mode: Mode | None = None
    environment: tuple[tuple[str, str], ...] = ()
    chosen: bool = False


@lru_cache(4096)
def concerns_plugin(policy: Policy) -> bool:
    """Say whether a policy is one of the plugin's, by the EC2 actions that it names.

    What allows every action of a service is not: it is about something else.
    """
    return any(
        wildcard.matches(pattern, mark)
        for action in policy.actions()
        if _NAMES_ACTION.fullmatch(pattern := action.lower())
        for mark in _MARKS
    )


def names(statement: Statement, action: str) -> bool:
    """Say whether a statement is about an action.

    Args:
        action: The action, without a wildcard.
    """
    patterns = statement.not_actions or statement.actions
    named = any(wildcard.matches(pattern.lower(), action.lower()) for pattern in patterns)
    return named is not bool(statement.not_actions)


def mode_for(policies: Sequence[Policy], target: ReviewTarget) -> Mode:
    """Return the IP family that policies are reviewed for; IPv4 where that cannot be asked.

    Args:
        target: The release and the mode, if one is asked for.
    """
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
    bounds: tuple[Policy | None, Policy | None] = (None, None),
) -> CoverageChange | None:
    """Return what a change does to what the plugin needs; None where that cannot be asked.

    Args:
        bounds: Its permissions boundary before and after, None for none that is known.
    """

    def ask(groups: tuple[tuple[Policy, ...], ...]) -> CoverageChange | None:
        old, new, old_bounds, new_bounds = groups
        limits = (next(iter(old_bounds), None), next(iter(new_bounds), None))
        return _coverage_change(old, new, target, limits)

    limits = tuple((bound,) if bound else () for bound in bounds)
    return judged_once(ask, (tuple(before), tuple(after), *limits))


@lru_cache(4096)
def _coverage_change(
    before: tuple[Policy, ...],
    after: tuple[Policy, ...],
    target: ReviewTarget,
    bounds: tuple[Policy | None, Policy | None],
) -> CoverageChange | None:
    mode = mode_for(before or after, target)
    setting = _setting((*after, *before), mode, target)
    try:
        # Where there was nothing, nothing was allowed.
        old = _calls_by_scenario(before, setting, bounds[0]) if before else {}
        new = _calls_by_scenario(after, setting, bounds[1])
    except InputError:
        return None
    denied = {key: lack for key, lack in new.items() if lack is not None}
    lost = [lack for key, lack in denied.items() if key in old and old[key] is None]
    gained = {key[1] for key, lack in new.items() if lack is None and (not old or old.get(key))}
    return CoverageChange(
        str(target.release), mode, _by_action(lost), _by_action(denied.values()), _sorted(gained)
    )


def _setting(policies: Sequence[Policy], mode: Mode, target: ReviewTarget) -> PluginSetting:
    known = names_in(policies)
    names = names_of(known, owner_known="vpc_owner_id" in known)
    setting = PluginSetting(target.release, mode, names=names)
    environment: dict[str, str] = {}
    for name, value in target.environment:
        # A variable on which no request depends, or a value that the plugin ignores.
        with suppress(UsageError):
            configure(setting, {name: value})
            environment[name] = value
    return configure(setting, environment)


def missing_permissions(
    policies: tuple[Policy, ...], target: ReviewTarget, bound: Policy | None
) -> tuple[MissingPermission, ...] | None:
    """Return the calls of a plugin version that policies do not allow, one for each action.

    Args:
        target: The version, the IP family and the environment.
        bound: The permissions boundary, None for none that is known.

    Returns:
        None where the evaluator refuses a policy.
    """

    def ask(groups: tuple[tuple[Policy, ...], ...]) -> tuple[MissingPermission, ...] | None:
        return _missing_permissions(groups[0], target, next(iter(groups[1]), None))

    return judged_once(ask, (policies, (bound,) if bound else ()))


@lru_cache(4096)
def _missing_permissions(
    policies: tuple[Policy, ...], target: ReviewTarget, bound: Policy | None
) -> tuple[MissingPermission, ...] | None:
    setting = _setting(policies, mode_for(policies, target), target)
    try:
        calls = _calls_by_scenario(policies, setting, bound)
    except InputError:
        return None
    return _by_action(call for call in calls.values() if call is not None)


def _calls_by_scenario(
    policies: tuple[Policy, ...], setting: PluginSetting, bound: Policy | None
) -> dict[tuple[str, str, str, str], MissingPermission | None]:
    """Return each call in each scenario with what its denial means; None if it is allowed."""
    calls: dict[tuple[str, str, str, str], MissingPermission | None] = {}
    if bound is not None:
        # What it does not allow is denied, whatever the policies say.
        calls |= _calls_by_scenario((bound,), setting, None)
    for run in run_scenarios(Answers(policies), setting, SCENARIOS):
        for call in run.calls:
            key = (run.scenario.name, call.template.action, call.template.name, call.on)
            lack = None
            if not call.allowed:
                call_range = call.range
                lack = MissingPermission(
                    call.template.action, call_range.severity, call.consequence, call_range.evidence
                )
            calls[key] = calls.get(key) or lack
    return calls


def _by_action(lacks: Iterable[MissingPermission]) -> tuple[MissingPermission, ...]:
    """Return one lack for each action, the gravest."""
    gravest: dict[str, MissingPermission] = {}
    for lack in lacks:
        if lack.action not in gravest or lack.impact == "fatal" != gravest[lack.action].impact:
            gravest[lack.action] = lack
    return tuple(sorted(gravest.values(), key=lambda lack: (lack.impact != "fatal", lack.action)))


def _sorted(actions: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(actions))
