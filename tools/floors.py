"""Run a part of the tests with the oldest dependencies that pyproject.toml allows.

python tools/floors.py [FOLDER]

The floors are the lower bounds of `dependencies`; what they need in turn is the newest that goes
with them. The environment is made in FOLDER, build/floors if it is not given, and kept there.
Exit codes: 0 passed, 1 a test failed, 3 the environment cannot be made.
"""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What touches each dependency: typer, jinja2, python-hcl2 and tomlkit, and starts no engine.
TESTS = (
    "tests/hcl",
    "tests/vendoring/test_config.py",
    "tests/rendering/test_bytecode.py",
    "tests/rendering/test_module.py",
    "tests/cli/test_commands.py",
)
# Runs tests that a newer typer's words would fail: none that know them is among these.
NEEDED_BY_TESTS = ("hypothesis", "jsonschema", "pytest", "pytest-xdist")


def floors(pyproject: str) -> list[str]:
    """Return the lowest version of each dependency, as requirements.

    Args:
        pyproject: The text of pyproject.toml.
    """
    found = []
    for required in tomllib.loads(pyproject)["project"]["dependencies"]:
        match = re.fullmatch(r"([\w.-]+)>=([\d.]+)(,.*)?", required)
        if match is None:
            raise SystemExit(f"pyproject.toml: {required!r} has no floor")
        found.append(
            f"{match[1]}=={match[2]}.*" if match[2].count(".") < 2 else f"{match[1]}=={match[2]}"
        )
    return found
