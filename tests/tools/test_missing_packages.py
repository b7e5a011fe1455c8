"""A tool in an environment without the packages of the tests, as `make demo` makes it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_tool_says_how_to_install_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "moto.py").write_text("raise ModuleNotFoundError('No moto', name='moto')")
    done = subprocess.run(
        [sys.executable, "-m", "tools.aws_managed"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert done.stderr == "error: moto is not installed; run `make venv`, which installs it\n"


def test_upstreams_page_is_checked_without_grpc(tmp_path: Path) -> None:
    (tmp_path / "grpc.py").write_text("raise ModuleNotFoundError('No grpc', name='grpc')")
    (tmp_path / "page.md").write_text("no document\n")
    done = subprocess.run(
        [sys.executable, "-m", "tools.upstream", "check", str(tmp_path / "page.md")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT / 'generator'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "page.md" in done.stderr and "grpc" not in done.stderr
