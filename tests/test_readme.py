"""What the README shows is what happens when it is typed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT

BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SHOWING = [page for page in PAGES if BLOCK.search(page.read_text())]


def test_the_pages_show_what_they_are_about() -> None:
    shown = {page.stem for page in SHOWING}
    assert shown >= {"README", "convert", "coverage", "publishing", "review", "vendoring"}


@pytest.mark.parametrize("page", SHOWING, ids=lambda page: page.name)
def test_every_console_block_runs_as_shown(page: Path, tmp_path: Path) -> None:
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environ.pop("COLUMNS", None)
    # The plan that is reviewed, and what it was made from.
    reviewed = ROOT / "tests" / "review"
    shutil.copy(reviewed / "plans" / "widen.terraform-1.15.5.json", tmp_path / "plan.json")
    shutil.copy(reviewed / "configurations" / "widen" / "after" / "main.tf", tmp_path)
    for block in BLOCK.findall(page.read_text()):
        steps = [s for s in re.split(r"^\$ ", block, flags=re.MULTILINE) if s]
        for step in steps:
            command, _, expected = step.partition("\n")
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=tmp_path,
                env=environ,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            # A code that is not 0 may be shown as [1] at the end.
            shown = f"[{done.returncode}]\n"
            printed = done.stdout + (shown if expected.endswith(shown) else "")
            assert printed == expected, command


def test_what_is_generated_and_committed_is_current() -> None:
    command = [sys.executable, "-m", "tools.generate"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


@pytest.mark.parametrize("page", [*sorted(ROOT.glob("*.md")), *PAGES[1:]], ids=lambda p: p.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target
