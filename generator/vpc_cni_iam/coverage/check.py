"""Checks a role against one plugin version, or all: what `coverage` prints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import get_args

from msgspec.structs import replace

from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.plugin_version import LATEST
from vpc_cni_iam.coverage.analysis.cover import Coverage, cover
from vpc_cni_iam.coverage.analysis.matrix import Matrix, matrix
from vpc_cni_iam.coverage.analysis.repairs import repairs_for
from vpc_cni_iam.coverage.analysis.risks import find_risks
from vpc_cni_iam.coverage.simulate.scenarios import SCENARIOS, Scenario
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.coverage.subject import Subject, of_policies
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.names import unknown_name
from vpc_cni_iam.policy.document import Policy


def check(
    subject: Subject,
    setting: RequestSetting,
    scenarios: Iterable[Scenario] = SCENARIOS,
    *,
    if_degraded: bool = False,
) -> Coverage:
    """Return the coverage of one version, with risks, and repairs of what fails a check.

    With `if_degraded`, a check also fails if the plugin works, degraded.
    """
    chosen, policies, limits = tuple(scenarios), subject.policies, subject.limiting
    coverage = cover(policies, setting, chosen, limits, subject.regions, subject.skipped)
    denied = [(scenario.name, call) for scenario, call in coverage.denied()]
    return replace(
        coverage,
        nodes=subject.nodes,
        repairs=repairs_for(subject, coverage.setting, chosen, denied, if_degraded=if_degraded),
        risks=find_risks(policies, setting, limits, subject.regions),
    )


def check_versions(
    subject: Subject,
    setting: RequestSetting,
    scenarios: Iterable[Scenario] = SCENARIOS,
    *,
    if_degraded: bool = False,
) -> Matrix:
    """Return the coverage of every version, with repairs for the newest that fails a check."""
    chosen = tuple(scenarios)
    result = replace(
        matrix(subject.policies, setting, chosen, subject.limiting, subject.regions),
        nodes=subject.nodes,
    )
    version = result.newest_failure(if_degraded=if_degraded)
    if version is None:
        return result
    denied = [why for (v, _), why in result.reasons.items() if v == version]
    at = replace(result.setting, version=version)
    mending = repairs_for(subject, at, chosen, denied, if_degraded=if_degraded)
    return replace(result, repairs=mending, repaired=version)


def check_coverage(
    policies: Sequence[Policy], *, cni_version: str = LATEST, mode: Mode | None = None
) -> Coverage:
    """Return which calls of a plugin version policies allow, and what `coverage` says about it.

    The requests have the cluster, VPC, account and Region that the Allow statements name, or
    examples. If they name no Region, it is the worst coverage of all Regions that the policies
    name, and one that they do not name.

    Args:
        policies: The policies of the plugin's role, taken together.
        cni_version: A plugin version such as ``v1.23.0``, or ``latest``.
        mode: The cluster's IP family; None for that of the policies.

    Raises:
        InputError: A policy that the evaluator refuses.
        UsageError: An unknown version or mode, or a version without that mode.
    """
    if mode is not None and mode not in (modes := get_args(Mode)):
        raise UsageError(unknown_name(mode, modes, "IP family"))
    subject = of_policies(policies)
    version = known_versions.find(cni_version)
    return check(subject, RequestSetting(version, mode or subject.mode, names=subject.names))
