"""What a change of policies does to what the plugin needs at a release."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.coverage.analysis.cover import run_scenarios
from vpc_cni_iam.coverage.simulate.scenarios import SCENARIOS
from vpc_cni_iam.coverage.simulate.send import Answers
from vpc_cni_iam.coverage.simulate.settings import PluginSetting
from vpc_cni_iam.coverage.subject import mode_of, names_in, names_of
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy import wildcard
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.review.judgements import CoverageChange, Lack

# What nothing but the plugin, or something like it, has.
_MARKS = (
    "ec2:assignprivateipaddresses",
    "ec2:unassignprivateipaddresses",
    "ec2:assignipv6addresses",
    "ec2:attachnetworkinterface",
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """For what the plan is reviewed.

    Args:
        release: The plugin's release.
        mode: The IP family; None to go by what each policy grants.
    """

    release: PluginVersion
    mode: Mode | None = None


@lru_cache(4096)
def concerns_plugin(policy: Policy) -> bool:
    """Say whether a policy is one of the plugin's, by the EC2 actions that it names.

    What allows every action of every service is not: it is about something else.

    Args:
        policy: The policy.
    """
    return any(
        wildcard.matches(pattern, mark)
        for action in policy.actions()
        if (pattern := action.lower()).startswith("ec2:") and not re.search(r"[^\w:*?-]", pattern)
        for mark in _MARKS
    )


def names(statement: Statement, action: str) -> bool:
    """Say whether a statement is about an action.

    Args:
        statement: The statement.
        action: The action, without a wildcard.
    """
    patterns = statement.not_actions or statement.actions
    named = any(wildcard.matches(pattern.lower(), action.lower()) for pattern in patterns)
    return named is not bool(statement.not_actions)


def mode_for(policies: Sequence[Policy], wanted: Wanted) -> Mode:
    """Return the IP family that policies are reviewed for; IPv4 where that cannot be asked.

    Args:
        policies: The policies of an identity.
        wanted: The release and the mode, if one is asked for.
    """
    if wanted.mode:
        return wanted.mode
    try:
        return mode_of(policies)
    except InputError:
        return "ipv4"


def coverage_change(
    before: Sequence[Policy],
    after: Sequence[Policy],
    wanted: Wanted,
    bounds: tuple[Policy | None, Policy | None] = (None, None),
) -> CoverageChange | None:
    """Return what a change does to what the plugin needs; None where that cannot be asked.

    Args:
        before: The policies of an identity before.
        after: Its policies after.
        wanted: The release and the mode.
        bounds: Its permissions boundary before and after, None for none that is known.
    """
    return _coverage_change(tuple(before), tuple(after), wanted, bounds)


@lru_cache(4096)
def _coverage_change(
    before: tuple[Policy, ...],
    after: tuple[Policy, ...],
    wanted: Wanted,
    bounds: tuple[Policy | None, Policy | None],
) -> CoverageChange | None:
    said = {**names_in(after), **names_in(before)}
    names = names_of(said, owner_known="vpc_owner_id" in said)
    mode = mode_for(before or after, wanted)
    setting = PluginSetting(wanted.release, mode, names=names)
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
        str(wanted.release), mode, _by_action(lost), _by_action(denied.values()), _sorted(gained)
    )


def _calls_by_scenario(
    policies: tuple[Policy, ...], setting: PluginSetting, bound: Policy | None
) -> dict[tuple[str, str, str, str], Lack | None]:
    """Return each call in each situation with what its denial means; None if it is allowed."""
    found: dict[tuple[str, str, str, str], Lack | None] = {}
    if bound is not None:
        # What it does not allow is denied, whatever the policies say.
        found |= _calls_by_scenario((bound,), setting, None)
    for run in run_scenarios(Answers(policies), setting, SCENARIOS):
        for call in run.calls:
            key = (run.scenario.name, call.template.action, call.template.name, call.on)
            lack = None
            if not call.allowed:
                call_range = call.range
                lack = Lack(
                    call.template.action, call_range.severity, call.consequence, call_range.evidence
                )
            found[key] = found.get(key) or lack
    return found


def _by_action(lacks: Iterable[Lack]) -> tuple[Lack, ...]:
    """Return one lack for each action, the gravest."""
    found: dict[str, Lack] = {}
    for lack in lacks:
        if lack.action not in found or lack.impact == "fatal" != found[lack.action].impact:
            found[lack.action] = lack
    return tuple(sorted(found.values(), key=lambda lack: (lack.impact != "fatal", lack.action)))


def _sorted(actions: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(actions))
