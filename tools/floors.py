"""Run some tests with the oldest dependencies that pyproject.toml allows.

python -m tools.floors

The floors are the lower bounds of `dependencies`; their own dependencies are the newest that fit.
The environment, build/floors, is created again. Exit codes: 0 passed, 1 a test failed, 3 the
environment cannot be created.
"""

import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Tests of each dependency (typer, jinja2, python-hcl2, tomlkit, msgspec) that start no engine.
TESTS = (
    "tests/hcl",
    "tests/vendoring/test_config.py",
    "tests/rendering/test_module.py",
    "tests/cli/test_commands.py",
    "tests/inputs/test_json_documents.py",
    "tests/inputs/test_planned.py",
)
NEEDED_BY_TESTS = ("hypothesis", "jsonschema", "pytest", "pytest-xdist")


def floors(pyproject: str) -> list[str]:
    """Return the lowest version of each dependency, as requirements.

    Args:
        pyproject: The text of pyproject.toml.
    """
    results = []
    for required in tomllib.loads(pyproject)["project"]["dependencies"]:
        match = re.match(r"([\w.-]+)>=([\d.]+)", required)
        if match is None:
            raise SystemExit(f"pyproject.toml: {required!r} has no floor")
        results.append(f"{match[1]}=={match[2]}")
    return results


def main() -> int:
    """Make the environment and run the tests."""
    folder = ROOT / "build" / "floors"
    oldest = floors((ROOT / "pyproject.toml").read_text())
    print("with", *oldest, flush=True)
    venv.create(folder, clear=True, with_pip=False)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    done = subprocess.run([*pip, "--editable", str(ROOT), *oldest, *NEEDED_BY_TESTS], check=False)
    if done.returncode:
        return 3
    # Interrupts and kills are about processes, and slow. The oldest typer warns about the newest
    # click at import, which no user sees.
    tests = ["-q", "-n", "2", "-m", "not engine", "-k", "not interrupt", "-W", "default", *TESTS]
    done = subprocess.run([python, "-m", "pytest", *tests], cwd=ROOT, check=False)
    return 1 if done.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
