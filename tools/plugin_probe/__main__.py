"""Runs the plugin's real agent with a policy.

python -m tools.plugin_probe build v1.23.2
python -m tools.plugin_probe evidence v1.23.2 [--scenario NAME]
python -m tools.plugin_probe policies v1.23.2
python -m tools.plugin_probe narrowed v1.23.2
python -m tools.plugin_probe run v1.23.2 ipv4 [--variant NAME | --policy FILE] [--deny ACTION]
python -m tools.plugin_probe live

It needs root, Go, iproute2 and iptables. Exit codes: 0 every pod got an address and nothing was
denied, 1 otherwise, 3 the probe cannot run here.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from tools.engines.cache import UnavailableError
from tools.plugin_probe import build, case, denials, evidence, live, narrowed
from tools.plugin_probe.scenarios import SCENARIOS, find
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.plugin_version import LATEST, PluginVersion


def shown(seen: case.Run) -> str:
    """Return the result in a few lines."""
    lines = [
        f"{'goes on' if seen.exit_code is None else f'exited with {seen.exit_code}'}; "
        f"{seen.pods_served} of {seen.pods_wanted} pods got an address"
        + (f", the first after {seen.ready_after:.1f} s" if seen.ready_after else "")
        + f"; {seen.interfaces} interfaces"
    ]
    counts = Counter(f"{r.action}{f' {r.error}' if r.error else ''}" for r in seen.requests)
    lines += [f"{number:4} {text}" for text, number in counts.items()]
    lines += dict.fromkeys(f"denied: {text}" for r in seen.requests for text in r.denied)
    lines += [f"event: {reason}: {note}" for reason, note in seen.events]
    if seen.exit_code is not None or not seen.pods_served:
        lines += ["last lines of its log:", seen.log]
    return "\n".join(lines)


_CLONE = "the files of the version's tag in a clone of the plugin's repository"


def _write(version: PluginVersion, agent: str, names: list[str], *, cloned: bool) -> None:
    """Run scenarios; write the evidence, and the observed denials into the catalog."""
    known = {e["version"]: e for e in evidence.observed()}
    new = evidence.evidence(
        version, agent, case.run, _say, names=names, before=known.get(str(version))
    )
    if cloned:
        new["built_from"] = _CLONE
    (evidence.FOLDER / f"{version}.json").write_text(evidence.text(new))
    observed = denials.denials((known | {str(version): new}).values())
    file = case.ROOT / "generator/vpc_cni_iam/catalog/facts/data/denials.json"
    file.write_text(denials.text(observed))


def _write_policies(version: PluginVersion, agent: str) -> None:
    """Run the agent with the catalog's policies, and add the results to the evidence."""
    observed = next(e for e in evidence.observed() if e["version"] == str(version))
    policies = live.with_policies(version, agent, case.run)
    file = evidence.FOLDER / f"{version}.json"
    file.write_text(evidence.text(observed | {"policies": policies}))


def _write_narrowed(version: PluginVersion, agent: str) -> None:
    """Run the agent with policies with lists, and add the results to the evidence."""
    seen = next(e for e in evidence.observed() if e["version"] == str(version))
    entries = narrowed.observe(version, agent, case.run)
    file = evidence.FOLDER / f"{version}.json"
    file.write_text(evidence.text(seen | {"narrowed": entries}))


# What adds to the evidence of a version.
_ADDING = {"policies": _write_policies, "narrowed": _write_narrowed}


def _live(version: PluginVersion, agent: str) -> int:
    observed = next((e for e in evidence.observed() if e["version"] == str(version)), None)
    if observed is None:
        print(f"there is no evidence of {version}")
        return 1
    items = list(live.failures(version, agent, observed, case.run))
    print("\n".join(items) or f"the agent of {version} does what the catalog says")
    return 1 if items else 0


def _say(text: str) -> None:
    print(f"plugin_probe: {text}", file=sys.stderr, flush=True)


def main() -> int:
    """Build or run.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.plugin_probe")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("build", "evidence", "policies", "narrowed", "run"):
        command = commands.add_parser(name)
        command.add_argument("version", help="such as v1.23.2")
        text = "a clone of the plugin's repository to build from, else the module proxy"
        command.add_argument("--clone", type=Path, help=text)
    commands.add_parser("live").set_defaults(version=LATEST, clone=None)
    commands.choices["evidence"].add_argument(
        "--scenario",
        action="append",
        default=[],
        choices=[s.name for s in SCENARIOS],
        help="a scenario to run anew, the others are kept; all without it",
    )
    runs = commands.choices["run"]
    runs.add_argument("scenario", choices=[s.name for s in SCENARIOS])
    source = runs.add_mutually_exclusive_group()
    source.add_argument("--variant", help="a policy of the catalog, for the version")
    runs.add_argument("--harden", action="store_true", help="harden the policy of the catalog")
    source.add_argument("--policy", type=Path, help="a JSON file with the policy")
    runs.add_argument("--deny", action="append", default=[], metavar="ACTION")
    arguments = parser.parse_args()
    version = known_versions.find(arguments.version)
    try:
        agent = build.agent(version, arguments.clone)
        if arguments.command == "build":
            print(agent)
            return 0
        if arguments.command == "live":
            return _live(version, str(agent))
        if arguments.command == "evidence":
            _write(version, str(agent), arguments.scenario, cloned=arguments.clone is not None)
            return 0
        if arguments.command in _ADDING:
            _ADDING[arguments.command](version, str(agent))
            return 0
        scenario = find(arguments.scenario)
        policies = [arguments.policy.read_text()] if arguments.policy else []
        if arguments.variant:
            policies = [
                live.policy(arguments.variant, version, scenario, hardened=arguments.harden)
            ]
        seen = case.run(
            case.Case(str(version), str(agent), scenario.name, policies, arguments.deny)
        )
    except UnavailableError as error:
        print(f"plugin_probe: {error}", file=sys.stderr)
        return 3
    print(shown(seen))
    served = seen.pods_served == seen.pods_wanted and seen.exit_code is None
    return 0 if served and not any(r.denied for r in seen.requests) else 1


if __name__ == "__main__":
    sys.exit(main())
