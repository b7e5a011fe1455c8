"""What was observed of a release, as data: its requests, and what the denial of each breaks.

A scenario is run once with everything allowed, and then once for each action that it calls and no
earlier scenario of its family does, with that action denied. The ids of the stand-in account are
counted, so two runs give the same data but for what is left out or rounded here: tokens, delays of
less than five seconds, and the search for leaked interfaces, which begins at a random time,
outside the scenario that is for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from tools.plugin_probe.case import Case, Run
from tools.plugin_probe.scenarios import SCENARIOS, Scenario
from tools.plugin_probe.servers import Recorded
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion

_STEP = 5  # seconds: a delay is told to the nearest of these
_AT_ONCE = 4  # runs; they mostly wait
_RANDOM = {"ClientToken"}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def evidence(
    release: PluginVersion, agent: str, run: Callable[[Case], Run], say: Callable[[str], None]
) -> dict[str, Any]:
    """Return what was observed of a release.

    Args:
        release: The release.
        agent: Its binary.
        run: Runs a case.
        say: Tells what is going on.
    """
    scenarios = [s for s in SCENARIOS if s.since <= release]
    with ThreadPoolExecutor(_AT_ONCE) as pool:

        def runs(cases: Iterable[Case]) -> Iterator[Run]:
            def told(case: Case) -> Run:
                seen = run(case)
                say(f"{release} {case.scenario}: {' '.join(case.denials) or 'all'} done")
                return seen

            return pool.map(told, cases)

        allowed = list(runs(Case(agent, s.name) for s in scenarios))
        denials = list(_denials(scenarios, allowed))
        denied = list(runs(Case(agent, name, (), (action,)) for name, action in denials))
    by_name = {s.name: seen for s, seen in zip(scenarios, allowed, strict=True)}
    outcomes: dict[str, dict[str, Any]] = {}
    for (name, action), seen in zip(denials, denied, strict=True):
        outcomes.setdefault(name, {})[action] = outcome(by_name[name], seen)
    return {
        "version": str(release),
        "observed": datetime.now(UTC).date().isoformat(),
        "scenarios": [
            {
                "name": scenario.name,
                "summary": scenario.summary,
                "family": scenario.family,
                "environment": dict(sorted(scenario.environment.items())),
                "instance_type": scenario.instance_type.name,
                "cluster_name": scenario.cluster_name,
                **_life(by_name[scenario.name]),
                "requests": list(
                    requests(by_name[scenario.name].requests, leaked=bool(scenario.leaked))
                ),
                "denied": dict(sorted(outcomes.get(scenario.name, {}).items())),
            }
            for scenario in scenarios
        ],
    }


def _denials(scenarios: list[Scenario], allowed: list[Run]) -> Iterator[tuple[str, str]]:
    """Yield which action to deny in which scenario: the first of its family that calls it."""
    seen: set[tuple[str, str]] = set()
    for scenario, run in zip(scenarios, allowed, strict=True):
        for action in dict.fromkeys(r.action for r in run.requests):
            if (scenario.family, action) not in seen:
                seen.add((scenario.family, action))
                yield scenario.name, action


def _life(seen: Run) -> dict[str, Any]:
    return {
        "exit_code": seen.exit_code,
        "pods": [seen.pods_served, seen.pods_wanted],
        "interfaces": seen.interfaces,
    }


def requests(recorded: Iterable[Recorded], *, leaked: bool) -> Iterator[dict[str, Any]]:
    """Yield the requests in the order in which each came first, each once.

    Args:
        recorded: The requests.
        leaked: Whether to keep the search for leaked interfaces.
    """
    shown: list[dict[str, Any]] = []
    for request in recorded:
        if not leaked and "available" in request.parameters.values():
            continue
        parameters = {
            name: _TIME.sub("TIME", value)
            for name, value in request.parameters.items()
            if name not in _RANDOM
        }
        entry: dict[str, Any] = {"action": request.action, "parameters": parameters}
        if request.error:
            entry["error"] = request.error
        if entry not in shown:
            shown.append(entry)
            yield entry


def outcome(allowed: Run, denied: Run) -> dict[str, Any]:
    """Return what a denial broke.

    Args:
        allowed: The run in which everything was allowed.
        denied: The run in which one action was denied.
    """
    delay = (denied.ready_after or 0.0) - (allowed.ready_after or 0.0)
    late = max(0, _STEP * round(delay / _STEP)) if denied.ready_after else None
    missing = {r.action for r in allowed.requests} - {r.action for r in denied.requests}
    return {
        "impact": _impact(allowed, denied, late),
        **_life(denied),
        "delay_seconds": late,
        "no_longer_called": sorted(missing),
    }


def _impact(allowed: Run, denied: Run, delay: int | None) -> str:
    """Return the word for the worst that a denial did."""
    if denied.exit_code is not None:
        return "exits" if denied.pods_served else "exits at start"
    if not denied.pods_served:
        return "pods get no address"
    if denied.pods_served < allowed.pods_served or denied.interfaces < allowed.interfaces:
        return "degraded"
    if delay:
        return "start delayed"
    called = {r.action for r in denied.requests}
    return "no effect" if {r.action for r in allowed.requests} <= called else "degraded"
