"""`make generate` writes what this machine can make, and names the rest."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from conftest import ROOT

PICTURES = ("docs/review-light.png", "docs/review-dark.png")


def test_without_a_browser_the_pictures_are_named_and_the_rest_is_written(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "build", "corpora"))
    for path in (*PICTURES, "docs/risks.md"):
        (copy / path).unlink()
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in ("bash", "cat", "git", "head", "tail"):
        (programs / program).symlink_to(shutil.which(program) or "")
    command = [sys.executable, "-m", "tools.generate", "--write"]
    env = {**os.environ, "PATH": str(programs), "PYTHONPATH": str(copy / "generator")}
    done = subprocess.run(command, cwd=copy, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(f"{path}: not written, needs chromium" in done.stderr for path in PICTURES)
    assert (copy / "docs" / "risks.md").read_text() == (ROOT / "docs" / "risks.md").read_text()
