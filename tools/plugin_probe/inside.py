"""Runs one case in namespaces of its own: the child of `python -m tools.plugin_probe`.

It reads the case as JSON from standard input and writes what was seen as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from tools.plugin_probe import lab, scenarios
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.policy.evaluate import compile_policies
from vpc_cni_iam.policy.parse import loads


def main() -> None:
    """Run the case."""
    case = json.load(sys.stdin)
    policies = None
    if case["policies"]:
        policies = compile_policies([loads(text, "policy") for text in case["policies"]])
    seen = lab.run(
        PluginVersion.of(case["version"]),
        Path(case["agent"]),
        scenarios.find(case["scenario"]),
        policies,
        frozenset(case["denials"]),
        Path(case["folder"]),
    )
    json.dump(asdict(seen), sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # watches of the Kubernetes stand-in still sleep


if __name__ == "__main__":
    main()
