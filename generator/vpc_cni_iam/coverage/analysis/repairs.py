"""What mends policies that deny the plugin's calls: what to allow, or another policy."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog import narrowing, parameters, variants
from vpc_cni_iam.catalog.compose import compose
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.hardening import Hardening, hardening_of
from vpc_cni_iam.catalog.narrowing import IdList
from vpc_cni_iam.catalog.selection import Selection, select
from vpc_cni_iam.catalog.variants import METRICS_HELPER, Variant
from vpc_cni_iam.coverage.analysis.denied import DeniedAction, denied_actions
from vpc_cni_iam.coverage.analysis.risks import RiskName, risks_of_access
from vpc_cni_iam.coverage.judge.judge import judge
from vpc_cni_iam.coverage.names import listed_ids
from vpc_cni_iam.coverage.simulate.scenarios import SCENARIOS, Scenario
from vpc_cni_iam.coverage.simulate.send import Answers, SentCall
from vpc_cni_iam.coverage.simulate.settings import EXAMPLE, RequestSetting
from vpc_cni_iam.coverage.subject import Subject
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.evaluate import Decision

# The names in documents.
_CHOSEN = (*parameters.NAMES, parameters.PARTITION)
# The scenarios that arise only from a change which need not be made.
_AVOIDABLE = {
    "cluster-name-corrected",
    "additional-tags-changed",
    "subnet-added",
    "security-group-added",
}
_UNNAMED = {"cluster_name": "NAME", "vpc_id": "ID"}


class Candidate(Struct, frozen=True):
    """A policy of the catalog that may take the place of another."""

    variant: str
    hardening: Hardening | None = None
    ids: tuple[tuple[IdList, tuple[str, ...]], ...] = ()  # those that it lists


class RepairKind(StrEnum):
    """What to change."""

    deny = "deny"  # a statement that denies the actions
    allow = "allow"  # a boundary, or another limit, that does not allow them
    policies = "policies"  # the policies, which do not allow them


class Repair(Struct, frozen=True):
    """What to do about denied actions."""

    kind: RepairKind
    actions: tuple[str, ...]
    by: str = ""  # the statement or limit
    command: str = ""  # prints a policy with which the plugin works; empty if none is known
    # The scenarios to avoid instead, if the actions are denied in these alone.
    avoidable: tuple[str, ...] = ()
    is_undecided: bool = False  # whether AWS may allow the actions


def repairs(denied: Iterable[DeniedAction], command: Callable[[], str]) -> tuple[Repair, ...]:
    """Return what to do about denied actions.

    `command` prints another policy for the role; empty if none is known.
    """
    actions: dict[tuple[bool, str], dict[str, None]] = {}
    for each in denied:
        if not each.undecided:
            actions.setdefault((each.explicit, each.by), {})[each.action] = None
    own = tuple(actions.pop((False, ""), ()))
    limits = tuple(
        Repair(RepairKind.deny if explicit else RepairKind.allow, tuple(names), by)
        for (explicit, by), names in actions.items()
    )
    return (*limits, Repair(RepairKind.policies, own, command=command())) if own else limits


def repairs_for(
    subject: Subject,
    setting: RequestSetting,
    scenarios: Sequence[Scenario],
    denied: Iterable[tuple[str, SentCall]],
    *,
    if_degraded: bool,
) -> tuple[Repair, ...]:
    """Return what to do about denied calls with which a check fails.

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
    mending = repairs(
        known, lambda: replacement_for(subject, setting, scenarios, if_degraded=if_degraded)
    )
    failing = dict.fromkeys(scenario for scenario, _ in counting)
    avoidable = tuple(failing) if failing.keys() <= _AVOIDABLE else ()
    return tuple(
        replace(repair, avoidable=avoidable, is_undecided=not is_certain) for repair in mending
    )


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
    """Return the command for another policy of a subject; what is narrow stays so if it can."""
    own_program = METRICS_HELPER.program in setting.features
    candidates = [Candidate(METRICS_HELPER.name)] if own_program else []
    risks = {r.identifier for r in risks_of_access(subject.policies, setting, subject.limiting)}
    if RiskName.interfaces_unscoped not in risks:
        candidates += scoped_candidates(setting.mode, subject.policies)
    candidates.append(Candidate(setting.mode))
    return replacement(candidates, [setting], scenarios, if_degraded=if_degraded)


def scoped_candidates(mode: Mode, policies: Sequence[Policy]) -> list[Candidate]:
    """Return what may take the place of scoped policies, what is as narrow as they first."""
    scoped, listed = Candidate(f"{mode}-scoped"), listed_ids(policies)
    hardening = hardening_of(Policy(tuple(s for p in policies for s in p.statements)))
    if hardening is None:
        return [scoped]
    ids = ((kind, tuple(listed.get(kind.parameter.name, ()))) for kind in IdList)
    hardened = replace(scoped, hardening=hardening)
    narrowed = replace(hardened, ids=tuple(each for each in ids if each[1]))
    unclaimed = replace(scoped, hardening=replace(hardening, eni_claim_tag=None))
    return list(dict.fromkeys((narrowed, hardened, unclaimed, scoped)))


def replacement(
    candidates: Iterable[Candidate],
    settings: Sequence[RequestSetting],
    scenarios: Sequence[Scenario] = SCENARIOS,
    *,
    if_degraded: bool = False,
) -> str:
    """Return the command for the first candidate that works in settings; empty if none does."""
    commands = (_command(c, settings, scenarios, if_degraded=if_degraded) for c in candidates)
    return next(filter(None, commands), "")


def _selection(candidate: Candidate, variant: Variant, setting: RequestSetting) -> Selection:
    """Return the documents of a candidate for a setting; raises `UsageError`."""
    if hardening := candidate.hardening:
        keys = (*hardening.additional_tag_keys, *setting.plugin.additional_tags)
        claim = hardening.eni_claim_tag and "=".join(hardening.eni_claim_tag)
        hardening = Hardening.of(harden=True, additional_tag_keys=keys, eni_claim_tag=claim)
    features = () if variant.program else setting.features
    return select(cni_version=str(setting.version), features=features, hardening=hardening)


def _command(
    candidate: Candidate,
    settings: Sequence[RequestSetting],
    scenarios: Sequence[Scenario],
    *,
    if_degraded: bool,
) -> str:
    """Return the command for a policy, empty if the plugin does not work with it."""
    (variant,) = variants.find((candidate.variant,))
    settings = [setting.with_example_vpc() for setting in settings]
    known = {p.name: getattr(settings[0].names, p.name) for p in _CHOSEN}
    try:
        selection = _selection(candidate, variant, settings[0])
        policy = narrowing.narrow(compose(variant, selection).policy, dict(candidate.ids))
        filled = narrowing.filled(policy, parameters.values(known), dict(candidate.ids))
    except UsageError:
        return ""
    answers = Answers([filled])
    verdict = judge(answers, settings, (), scenarios).verdict
    if verdict.is_failure(if_degraded=if_degraded):
        return ""
    words = ["vpc-cni-iam", "policy", variant.name]
    words += selection.arguments(scoped=variant.cluster_scoped)
    for parameter in parameters.used(policy):
        value = known.get(parameter.name, parameter.default)
        if value != parameter.default:
            is_example = value == EXAMPLE[parameter.name]
            words += [parameter.option, _UNNAMED[parameter.name] if is_example else str(value)]
        listed = (ids for kind, ids in candidate.ids if kind.parameter == parameter)
        words += [word for ids in listed for each in ids for word in (parameter.option, each)]
    return shlex.join(words)
