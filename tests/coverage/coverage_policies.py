"""Policies for the tests of coverage, filled with the names that requests have by default."""

import json
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from conftest import run
from vpc_cni_iam.catalog import parameters, variants
from vpc_cni_iam.catalog.compose import compose
from vpc_cni_iam.catalog.facts import documents, known_versions
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.selection import select
from vpc_cni_iam.coverage.analysis.cover import Coverage, cover
from vpc_cni_iam.coverage.simulate.scenarios import find
from vpc_cni_iam.coverage.simulate.settings import Names, RequestSetting
from vpc_cni_iam.plugin.settings import of_options
from vpc_cni_iam.policy.document import Condition, Policy, Statement

NAMES = Names(vpc_id="vpc-0123456789abcdef0")
NEWEST = str(known_versions.newest())


def allow(
    *actions: str, on: str | tuple[str, ...] = "*", when: Condition | None = None
) -> Statement:
    resources = (on,) if isinstance(on, str) else on
    return Statement(actions=actions, resources=resources, conditions=(when,) if when else ())


def deny(
    *actions: str, on: str | tuple[str, ...] = "*", when: Condition | None = None
) -> Statement:
    return replace(allow(*actions, on=on, when=when), effect="Deny")


ADMIN = Policy((allow("*"),))


def filled(policy: Policy) -> Policy:
    settings = {"cluster_name": NAMES.cluster_name, "vpc_id": NAMES.vpc_id}
    return parameters.substitute(policy, parameters.values(settings))


def composed(variant: str, cni_version: str, *features: str) -> Policy:
    (place,) = variants.find((variant,))
    return filled(compose(place, select(cni_version=cni_version, features=features)).policy)


def upstream(variant: str, revision: str) -> Policy:
    (place,) = variants.find((variant,))
    return filled(place.document(documents.find(revision)))


def setting(version: str = NEWEST, mode: Mode = "ipv4", *features: str) -> RequestSetting:
    return RequestSetting(known_versions.find(version), mode, features, NAMES)


def set_up(where: RequestSetting, environment: dict[str, str]) -> RequestSetting:
    return where.configured(of_options(environment, where.version))


def covered(policy: Policy, where: RequestSetting, *scenarios: str) -> Coverage:
    return cover([policy], where, find(scenarios))


def denied(coverage: Coverage) -> set[tuple[str, str, str]]:
    """Return scenario, call and impact of what is denied."""
    return {(s.name, c.template.name, c.range.severity) for s, c in coverage.denied()}


def exits_on_any_denial(version: PluginVersion) -> bool:
    """Whether the agent of a version exits on any denial: the trunk interface's groups, too."""
    return PluginVersion.of("v1.13.0") <= version <= PluginVersion.of("v1.13.3")


def denied_actions(coverage: Coverage, impact: str = "fatal") -> set[str]:
    return {
        check.request.action
        for _, call in coverage.denied()
        if call.range.severity == impact
        for check in call.checks
        if not check.decision.allowed
    }


def reported(folder: Path, *words: str) -> dict[str, Any]:
    """What ``coverage`` prints of files in a folder, as JSON."""
    done = run("coverage", *words, "--format", "json", cwd=folder)
    assert done.code in (0, 1), done.err
    report: dict[str, Any] = json.loads(done.out)
    return report


def without(policy: Policy, *actions: str) -> Policy:
    """A policy whose statements do not have some actions."""
    fewer = (
        replace(s, actions=tuple(a for a in s.actions if a not in actions))
        for s in policy.statements
    )
    return replace(policy, statements=tuple(s for s in fewer if s.actions))


def index_of(policy: Policy, action: str) -> int:
    """Which statement of a policy has an action."""
    (index,) = (n for n, s in enumerate(policy.statements) if action in s.actions)
    return index


def with_statement(policy: Policy, index: int, statement: Statement | None) -> Policy:
    items = list(policy.statements)
    items[index : index + 1] = [statement] if statement else []
    return replace(policy, statements=tuple(items))
