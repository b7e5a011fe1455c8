"""The observations of a version as data: its requests, and the effect of each denial.

A scenario runs once with everything allowed. Then it runs once for each action that only it calls
(compared with the scenarios of its family without features), with this action denied. If the plugin
sends an action in several forms, each form is also denied alone. The stand-in account numbers its
IDs, so two runs give the same data, except for data that is left out or rounded here: tokens,
delays of less than twenty seconds, and the search for leaked interfaces, which begins at a random
time (but not in its own scenario).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from tools.plugin_probe.case import Case, End, Run
from tools.plugin_probe.scenarios import SCENARIOS, Scenario, find
from tools.plugin_probe.servers import Recorded
from vpc_cni_iam.catalog.facts.calls import Impact
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion

FOLDER = Path(__file__).with_name("observed")  # a file for each version that was observed
_STEP = 10  # seconds: a delay is told to the nearest of these
_SHORTEST = 20  # seconds: a busy machine is no delay
_AT_ONCE = 8  # runs; they mostly wait
# What the agent did with policies of the catalog, and with some that are narrowed by lists.
_POLICIES = ("policies", "narrowed")
_RANDOM = {"ClientToken"}
# The agent gives back any that are free; how many depends on the moment.
_GIVEN_BACK = re.compile(r"(PrivateIpAddress|Ipv4Prefix)\.\d+")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@cache
def observed() -> tuple[dict[str, Any], ...]:
    """Return the evidence of each version that was observed, oldest first."""
    known = (json.loads(file.read_text()) for file in FOLDER.glob("*.json"))
    return tuple(sorted(known, key=lambda entry: PluginVersion.of(entry["version"])))


def evidence(
    version: PluginVersion,
    agent: str,
    run: Callable[[Case], Run],
    say: Callable[[str], None],
    *,
    names: Sequence[str] = (),
    before: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the observations of a version.

    Args:
        version: The release.
        agent: Its binary.
        run: Runs a case.
        say: Tells what is going on.
        names: The scenarios to run; none for all.
        before: Evidence from before, with the other scenarios.
    """
    scenarios = [s for s in SCENARIOS if s.at(version) and (not names or s.name in names)]
    others = [
        s for s in (before["scenarios"] if before else ()) if names and s["name"] not in names
    ]
    with ThreadPoolExecutor(_AT_ONCE) as pool:

        def told(case: Case) -> Run:
            observed = run(case)
            say(f"{version} {case.scenario}: {' '.join(case.denials) or 'all'} done")
            return observed

        def start(scenario: Scenario, *denials: str) -> Future[Run]:
            return pool.submit(told, Case(str(version), agent, scenario.name, (), denials))

        longest_first = sorted(scenarios, key=lambda s: -sum(step.wait for step in s.steps))
        running = {s.name: start(s) for s in longest_first}
        denied = {(s.name, name): start(s, name) for s in longest_first for name in s.denials}
        allowed = {s.name: running[s.name].result() for s in scenarios}
        for scenario, name in _denials(scenarios, allowed, others):
            denied.setdefault((scenario.name, name), start(scenario, name))
        outcomes: dict[str, dict[str, Any]] = {}
        for (place, name), observed in denied.items():
            outcomes.setdefault(place, {})[name] = outcome(allowed[place], observed.result())
    shown = [
        {
            "name": scenario.name,
            "summary": scenario.summary,
            "family": scenario.family,
            "features": list(scenario.features),
            "environment": dict(sorted(scenario.environment.items())),
            "instance_type": scenario.instance_type.name,
            "cluster_name": scenario.cluster_name,
            **_life(allowed[scenario.name]),
            "requests": list(
                requests(allowed[scenario.name].requests, leaked=bool(scenario.leaked))
            ),
            "denied": dict(sorted(outcomes.get(scenario.name, {}).items())),
        }
        for scenario in scenarios
    ]
    order = [s.name for s in SCENARIOS]
    return {
        "version": str(version),
        "observed": datetime.now(UTC).date().isoformat(),
        **{key: before.get(key, []) if before else [] for key in _POLICIES},
        "scenarios": sorted((*others, *shown), key=lambda s: order.index(s["name"])),
    }


def text(evidence: dict[str, Any]) -> str:
    """Return evidence as JSON with a request and an outcome in a line each."""
    scenarios = []
    for scenario in evidence["scenarios"]:
        fields = [
            f'"{name}": {json.dumps(value)}'
            for name, value in scenario.items()
            if name not in ("requests", "denied")
        ]
        lines = ",\n    ".join(map(json.dumps, scenario["requests"]))
        fields.append(f'"requests": [\n    {lines}\n   ]')
        lines = ",\n    ".join(f'"{k}": {json.dumps(v)}' for k, v in scenario["denied"].items())
        fields.append(f'"denied": {{\n    {lines}\n   }}' if lines else '"denied": {}')
        scenarios.append("  {\n   " + ",\n   ".join(fields) + "\n  }")
    head = f'{{\n "version": "{evidence["version"]}",\n "observed": "{evidence["observed"]}",\n'
    if built := evidence.get("built_from"):
        head += f' "built_from": {json.dumps(built)},\n'
    for key in _POLICIES:
        if lines := ",\n  ".join(map(json.dumps, evidence.get(key, ()))):
            head += f' "{key}": [\n  {lines}\n ],\n'
    return head + ' "scenarios": [\n' + ",\n".join(scenarios) + "\n ]\n}\n"


def _denials(
    scenarios: list[Scenario], allowed: Mapping[str, Run], others: Iterable[Mapping[str, Any]]
) -> Iterator[tuple[Scenario, str]]:
    """Yield what to deny in which scenario: what no scenario before it has."""
    before: set[tuple[str, tuple[str, ...], str]] = {
        (other["family"], tuple(other["features"]), name)
        for other in others
        for name in other["denied"]
        if name not in find(other["name"]).denials
    }
    for scenario in scenarios:
        forms: dict[str, dict[str, None]] = {}
        for request in allowed[scenario.name].requests:
            forms.setdefault(request.action, {})[request.form] = None
        names = [n for a, f in forms.items() for n in (a, *(f if len(f) > 1 else ()))]
        before |= {(scenario.family, scenario.features, name) for name in scenario.denials}
        for name in dict.fromkeys(names):
            needed = ((), *((f,) for f in scenario.features), scenario.features)
            if before.isdisjoint((scenario.family, features, name) for features in needed):
                before.add((scenario.family, scenario.features, name))
                yield scenario, name


def _life(observed: Run) -> dict[str, Any]:
    return {
        "exit_code": observed.exit_code,
        "pods": [observed.pods_served, observed.pods_wanted],
        "interfaces": observed.interfaces,
    }


def requests(recorded: Iterable[Recorded], *, leaked: bool) -> Iterator[dict[str, Any]]:
    """Yield the requests in the order in which each came first, each once, but for creations.

    Each creation is kept, so that the requests can be put to another policy in this order.

    Args:
        recorded: The requests.
        leaked: Whether to keep the search for leaked interfaces.
    """
    before: list[dict[str, Any]] = []
    for request in recorded:
        if not leaked and "available" in request.parameters.values():
            continue
        parameters = {
            name: _TIME.sub("TIME", value)
            for name, value in request.parameters.items()
            if name not in _RANDOM and not _GIVEN_BACK.fullmatch(name)
        }
        parameters |= {
            f"{match[1]}.1": "ANY"
            for name in request.parameters
            if (match := _GIVEN_BACK.fullmatch(name))
        }
        entry: dict[str, Any] = {"action": request.action, "form": request.form}
        entry["parameters"] = parameters
        if request.error:
            entry["error"] = request.error
        if entry not in before or request.action == "ec2:CreateNetworkInterface":
            before.append(entry)
            yield entry


def outcome(allowed: Run, denied: Run) -> dict[str, Any]:
    """Return the effect of a denial.

    Args:
        allowed: The run in which everything was allowed.
        denied: The run in which something was denied.
    """
    late = (denied.ready_after or 0.0) - (allowed.ready_after or 0.0)
    slow = _STEP * round(late / _STEP) if late >= _SHORTEST else 0
    delay = slow if denied.ready_after else None
    missing = {r.action for r in allowed.requests} - {r.action for r in denied.requests}
    lost = list(_lost(allowed.end, denied.end)) if denied.exit_code is None else []
    return {
        "impact": _impact(allowed, denied, delay, lost).value,
        **_life(denied),
        "delay_seconds": delay,
        "lost": lost,
        "no_longer_called": sorted(missing),
    }


def _impact(allowed: Run, denied: Run, delay: int | None, lost: list[str]) -> Impact:
    """Return the worst that a denial did."""
    if denied.exit_code is not None:
        return Impact.EXITS_LATER if denied.pods_served else Impact.EXITS
    if not denied.pods_served:
        return Impact.NO_ADDRESS
    if denied.pods_served < allowed.pods_served or _NOT_SET_UP in lost:
        return Impact.SOME_ADDRESSES
    if delay:
        return Impact.DELAYED
    return Impact.DEGRADED if lost else Impact.NO_EFFECT


_NOT_SET_UP = "pods have addresses of an interface that is not set up"


def _lost(allowed: End, denied: End) -> Iterator[str]:
    """Yield what is worse at the end of a run with a denial."""
    if denied.attached < allowed.attached:
        yield f"{denied.attached} of {allowed.attached} interfaces"
    if denied.attached > allowed.attached:
        yield "unused interfaces stay attached"
    if denied.detached > allowed.detached:
        yield "interfaces are left over"
    if denied.attached == allowed.attached and denied.addresses > allowed.addresses:
        yield "unused addresses are kept"
    if denied.not_set_up > allowed.not_set_up:
        yield _NOT_SET_UP
    if denied.excluded > allowed.excluded:
        yield "pods get addresses in an excluded subnet"
    if denied.attached == allowed.attached and denied.subnets != allowed.subnets:
        yield "interfaces are in other subnets"
    if denied.outdated_groups > allowed.outdated_groups:
        yield "interfaces keep outdated security groups"
    if denied.untagged > allowed.untagged:
        yield "interfaces stay without tags"
    if denied.undated > allowed.undated:
        yield "leaked interfaces stay without a date, so that they are never deleted"
