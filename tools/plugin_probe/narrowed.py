"""Runs the agent with policies that are limited to lists of subnets and security groups."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tools.plugin_probe import cloud, live
from tools.plugin_probe.case import Case, Run
from tools.plugin_probe.scenarios import OTHER, OTHER_GROUP, PRIMARY, find
from vpc_cni_iam.catalog import narrowing, parameters
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.narrowing import IdList
from vpc_cni_iam.catalog.options import options
from vpc_cni_iam.policy.document import dumps

_AT_ONCE = 4
_BOTH_SUBNETS, _BOTH_GROUPS = (PRIMARY, OTHER), (cloud.GROUP, OTHER_GROUP)
# Each scenario with the lists; in the last four of them something that the node uses is missing.
RUNS = (
    ("ipv4", (PRIMARY,), (cloud.GROUP,)),
    ("ipv4-scale-down", (PRIMARY,), (cloud.GROUP,)),
    ("ipv4-leaked-interfaces", (PRIMARY,), (cloud.GROUP,)),
    ("ipv4-groups-changed", (PRIMARY,), _BOTH_GROUPS),
    ("ipv4-custom-networking", _BOTH_SUBNETS, _BOTH_GROUPS),
    ("ipv4-subnet-discovery", _BOTH_SUBNETS, (cloud.GROUP,)),
    ("ipv4-groups-changed", (PRIMARY,), (cloud.GROUP,)),
    ("ipv4-custom-networking", (PRIMARY,), _BOTH_GROUPS),
    ("ipv4-custom-networking", _BOTH_SUBNETS, (cloud.GROUP,)),
    ("ipv4-subnet-discovery", (PRIMARY,), (cloud.GROUP,)),
)


def policy(
    version: PluginVersion, scenario: str, subnets: tuple[str, ...], groups: tuple[str, ...]
) -> str:
    """Return the narrowed policy of one cluster for a version, with the stand-in's names.

    Args:
        version: The plugin version.
        scenario: The scenario's name.
        subnets: The IDs of the subnets that are listed.
        groups: The IDs of the security groups that are listed.
    """
    hardening = Hardening(limits=tuple(IdList))
    (composed,) = options(
        ("ipv4-scoped",), cni_version=str(version), hardening=hardening
    ).composed()
    names = parameters.values(live.names(find(scenario)))
    ids = {IdList.subnets: subnets, IdList.security_groups: groups}
    return dumps(narrowing.filled(composed.policy, names, ids))


def observe(version: PluginVersion, agent: str, run: Callable[[Case], Run]) -> list[dict[str, Any]]:
    """Return what the agent did with each policy, and what was denied.

    Args:
        version: The plugin version.
        agent: Its binary.
        run: Runs a case.
    """
    runs = [each for each in RUNS if find(each[0]).at(version)]
    cases = [Case(str(version), agent, each[0], [policy(version, *each)]) for each in runs]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return [
            {
                "scenario": name,
                "subnets": list(subnets),
                "security_groups": list(groups),
                "exit_code": seen.exit_code,
                "pods": [seen.pods_served, seen.pods_wanted],
                "interfaces": seen.interfaces,
                "allowed": sorted({r.form for r in seen.requests if not r.denied and not r.error}),
                "denied": list(dict.fromkeys(t for r in seen.requests for t in r.denied)),
            }
            for (name, subnets, groups), seen in zip(runs, pool.map(run, cases), strict=True)
        ]
