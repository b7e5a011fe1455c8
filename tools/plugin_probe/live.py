"""A short run of the newest version: does the agent still do what the catalog says?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tools.plugin_probe import cloud
from tools.plugin_probe.case import Case, Run
from tools.plugin_probe.evidence import outcome, requests
from tools.plugin_probe.scenarios import HYPERPOD, Scenario, find
from vpc_cni_iam.catalog import parameters, variants
from vpc_cni_iam.catalog.compose import Composed, compose
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.selection import select
from vpc_cni_iam.policy.document import dumps

_AT_ONCE = 4
# A variant in a scenario, and whether it is hardened.
_POLICIES = (
    ("ipv4", "ipv4", False),
    ("ipv4-scoped", "ipv4", True),
    ("ipv4", "ipv4-hyperpod", False),  # whether it has the tags of a scoped one is not known
    ("ipv4-pod-identity", "ipv4-shared-subnet", True),
    ("ipv4-ipv6", "ipv6", False),
    ("ipv6-scoped", "ipv6", True),
)
_DENIALS = (("ipv4", "ec2:DescribeSubnets"), ("ipv6", "ec2:DescribeSubnets"))


def names(scenario: Scenario) -> dict[str, str | None]:
    """Return the stand-in's names, by parameter."""
    return {
        "cluster_name": cloud.CLUSTER,
        "vpc_id": cloud.VPC,
        "region": cloud.REGION,
        "account_id": cloud.ACCOUNT,
        "vpc_owner_id": scenario.subnets[0].owner,
        "hyperpod_cluster_id": HYPERPOD,
    }


def policy(variant: str, version: PluginVersion, scenario: Scenario, *, hardened: bool) -> str:
    """Return the catalog's policy of a variant for a version, with the stand-in's names."""
    composed = _composed(variant, version, scenario, hardened=hardened).policy
    return dumps(parameters.substitute(composed, parameters.values(names(scenario))))


def _composed(
    variant: str, version: PluginVersion, scenario: Scenario, *, hardened: bool
) -> Composed:
    """Return the catalog's policy; of a version that it does not know, that for the newest one."""
    version = min(version, known_versions.newest())
    (chosen,) = variants.find((variant,))
    hardening = Hardening() if hardened else None
    selection = select(cni_version=str(version), features=scenario.features, hardening=hardening)
    return compose(chosen, selection)


def _denied(seen: Run, scenario: Scenario, composed: Composed) -> list[str]:
    """Return what a policy denied, without what it leaves out since the plugin does not need it."""
    left_out = {use.action for use in composed.unneeded if use.mode == scenario.family}
    denied = dict.fromkeys(text for request in seen.requests for text in request.denied)
    return [text for text in denied if text.partition(" ")[0] not in left_out]


def tried(version: PluginVersion) -> list[tuple[str, str, bool]]:
    """Return the policies that a version is run with: variant, scenario, and whether hardened."""
    return [
        (variant, name, hardened)
        for variant, name, hardened in _POLICIES
        if find(name).at(version) and variants.find((variant,))[0].minimum <= version
    ]


def with_policies(
    version: PluginVersion, agent: str, run: Callable[[Case], Run]
) -> list[dict[str, Any]]:
    """Return what the agent does with the catalog's policies, and what they deny that it needs.

    Args:
        version: The release.
        agent: Its binary.
        run: Runs a case.
    """
    policies = tried(version)
    cases = [
        Case(str(version), agent, name, [policy(variant, version, find(name), hardened=hardened)])
        for variant, name, hardened in policies
    ]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return [
            {
                "variant": variant,
                "scenario": name,
                "hardened": hardened,
                "exit_code": seen.exit_code,
                "pods": [seen.pods_served, seen.pods_wanted],
                "denied": _denied(
                    seen, find(name), _composed(variant, version, find(name), hardened=hardened)
                ),
            }
            for (variant, name, hardened), seen in zip(policies, pool.map(run, cases), strict=True)
        ]


def failures(
    version: PluginVersion, agent: str, observed: dict[str, Any], run: Callable[[Case], Run]
) -> Iterator[str]:
    """Yield the differences from the catalog.

    Args:
        version: The release.
        agent: Its binary.
        observed: The catalog's evidence of the release.
        run: Runs a case.
    """
    known = {scenario["name"]: scenario for scenario in observed["scenarios"]}
    plain = {name: Case(str(version), agent, name) for name in ("ipv4", "ipv6")}
    denied = {place: Case(str(version), agent, place[0], (), (place[1],)) for place in _DENIALS}
    cases = [*plain.values(), *denied.values()]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        runs = dict(zip(map(id, cases), pool.map(run, cases), strict=True))
    for name, case in plain.items():
        if list(requests(runs[id(case)].requests, leaked=False)) != known[name]["requests"]:
            yield f"{name}: other requests than the catalog's evidence has"
    for seen in with_policies(version, agent, run):
        title = f"{seen['variant']}{' hardened' * seen['hardened']} in {seen['scenario']}"
        yield from (f"{title}: denied {text}" for text in seen["denied"])
        served, pods = seen["pods"]
        if seen["exit_code"] is not None or served < pods:
            yield f"{title}: {served} of {pods} pods got an address"
    for (name, action), case in denied.items():
        impact = outcome(runs[id(plain[name])], runs[id(case)])["impact"]
        expected = known[name]["denied"][action]["impact"]
        if impact != expected:
            yield f"{name}: {action} denied: {impact}; the catalog has {expected}"
