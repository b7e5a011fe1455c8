"""How to fix policies that deny the plugin's calls: what to allow, or another policy."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from msgspec.structs import replace

from vpc_cni_iam.catalog import parameters, variants
from vpc_cni_iam.catalog.compose import compose
from vpc_cni_iam.catalog.selection import select
from vpc_cni_iam.catalog.variants import METRICS_HELPER
from vpc_cni_iam.coverage.analysis.cover import run_scenarios, verdict_of
from vpc_cni_iam.coverage.analysis.denied import DeniedAction, denied_actions
from vpc_cni_iam.coverage.analysis.risks import is_scoped
from vpc_cni_iam.coverage.simulate.scenarios import SCENARIOS, Scenario
from vpc_cni_iam.coverage.simulate.send import Answers, SentCall
from vpc_cni_iam.coverage.simulate.settings import EXAMPLE, RequestSetting
from vpc_cni_iam.coverage.subject import Subject
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.policy.evaluate import Decision

# The names in documents.
_CHOSEN = (*parameters.NAMES, parameters.PARTITION)
_LEAVE = "leave CLUSTER_NAME and ADDITIONAL_ENI_TAGS as they are"
_UNNAMED = {"cluster_name": "NAME", "vpc_id": "ID"}


def repairs(denied: Iterable[DeniedAction], replacement: Callable[[], str]) -> tuple[str, ...]:
    """Return the fixes for denied actions, in sentences.

    `replacement` returns the fix for the policies themselves; empty if none is known.
    """
    actions: dict[tuple[bool, str], dict[str, None]] = {}
    for each in denied:
        if not each.undecided:
            actions.setdefault((each.explicit, each.by), {})[each.action] = None
    own = actions.pop((False, ""), {})
    lines = []
    for (explicit, by), names in actions.items():
        what = "remove or narrow the Deny of" if explicit else "allow"
        lines.append(f"{what} {', '.join(names)} in {by or 'its policies'}")
    if own:
        lines.append(replacement() or f"allow {', '.join(own)}")
    return tuple(lines)


def repairs_for(
    subject: Subject,
    setting: RequestSetting,
    scenarios: Sequence[Scenario],
    denied: Iterable[tuple[str, SentCall]],
    *,
    if_degraded: bool,
) -> tuple[str, ...]:
    """Return the fixes for denied calls with which a check fails.

    `denied` has calls, each with its scenario's name. Empty if the subject was not read in full.
    """
    if not subject.is_complete:
        return ()
    counting = [
        each for each in denied if each[1].fails or (if_degraded and each[1].range.is_needed)
    ]
    by = partial(_denied_by, subject)
    actions = [action for reason in counting for action in denied_actions(*reason, by)]
    is_certain = any(action.undecided is None for action in actions)
    known = actions if is_certain else [replace(action, undecided=None) for action in actions]
    lines = repairs(
        known, lambda: replacement_for(subject, setting, scenarios, if_degraded=if_degraded)
    )
    if not is_certain:
        lines = tuple(f"if AWS denies what is undecided, {line}" for line in lines)
    changing = {scenario.name for scenario in SCENARIOS if scenario.changes_configuration}
    works_so = changing.issuperset(scenario for scenario, _ in counting)
    return tuple(f"{_LEAVE}, or {line}" for line in lines) if works_so else lines


def _denied_by(subject: Subject, decision: Decision) -> str:
    if limit := subject.limit(decision):
        return limit
    # A statement whose condition is undecided is in the policy, which the fix replaces.
    name = subject.statement(decision) if decision.denied else ""
    return f"statement {name}" if name else ""


def replacement_for(
    subject: Subject,
    setting: RequestSetting,
    scenarios: Sequence[Scenario] = SCENARIOS,
    *,
    if_degraded: bool = False,
) -> str:
    """Return the command for other policies; scoped policies are replaced by scoped ones."""
    names = [METRICS_HELPER.name] if METRICS_HELPER.program in setting.features else []
    if is_scoped(subject.policies, setting, subject.limiting):
        names.append(f"{setting.mode}-scoped")
    names.append(setting.mode)
    what = "replace its policy with the output of"
    return replacement(what, names, [setting], scenarios, if_degraded=if_degraded)


def replacement(
    what: str,
    names: Iterable[str],
    settings: Sequence[RequestSetting],
    scenarios: Sequence[Scenario] = SCENARIOS,
    *,
    if_degraded: bool = False,
) -> str:
    """Return `what` with the command for the first variant that works in all settings.

    Empty if no variant does.
    """
    commands = (_command(name, settings, scenarios, if_degraded=if_degraded) for name in names)
    return next((f"{what} {command}" for command in commands if command), "")


def _command(
    name: str,
    settings: Sequence[RequestSetting],
    scenarios: Sequence[Scenario],
    *,
    if_degraded: bool,
) -> str:
    """Return the command for a variant; empty if the plugin does not work with it."""
    (variant,) = variants.find((name,))
    version, features = settings[0].version, settings[0].features
    if variant.program:
        features = ()
    settings = [setting.with_example_vpc() for setting in settings]
    known = {p.name: getattr(settings[0].names, p.name) for p in _CHOSEN}
    try:
        selection = select(cni_version=str(version), features=features)
        policy = compose(variant, selection).policy
    except UsageError:
        return ""
    filled = Answers([parameters.substitute(policy, parameters.values(known))])
    runs = [run for setting in settings for run in run_scenarios(filled, setting, scenarios)]
    if verdict_of(runs).is_failure(if_degraded=if_degraded):
        return ""
    words = ["vpc-cni-iam", "policy", name, *selection.arguments()]
    for parameter in parameters.used(policy):
        value = known.get(parameter.name, parameter.default)
        if value != parameter.default:
            is_example = value == EXAMPLE[parameter.name]
            words += [parameter.option, _UNNAMED[parameter.name] if is_example else str(value)]
    return f"`{shlex.join(words)}`"
