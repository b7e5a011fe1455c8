"""Runs the documented commands that tag a published version, as a user does."""

import os
import re
import subprocess
from pathlib import Path

from conftest import ROOT

PAGES = ("docs/publishing.md", "README.md of the directory")
_WHO = ("AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL")
_ENVIRON = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    **{f"GIT_{name}": "t@example.test" for name in _WHO},
    **{"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
}


def git(folder: Path, *words: str) -> str:
    """Run git in a folder, and return its output."""
    command = ["git", *words]
    done = subprocess.run(command, cwd=folder, env=_ENVIRON, check=True, capture_output=True)
    return done.stdout.decode()


def repository(folder: Path) -> Path:
    """Create the module's repository beside the folder `dist`."""
    module = folder / "module"
    module.mkdir()
    git(module, "init", "-q")
    return module


def commands(page: str, dist: Path) -> list[str]:
    """The commands of a page: for version 1.0.0, or the newest one in the folder `dist`."""
    path = ROOT / page if page.startswith("docs") else dist / "README.md"
    blocks = re.findall(r"```sh\n(.*?)```", path.read_text(), re.DOTALL)
    (block,) = (block for block in blocks if " tag v1." in block)
    return block.splitlines()


def tag(page: str, dist: Path, version: str = "1.0.0") -> subprocess.CompletedProcess[str]:
    """Tag a version in the repository beside the folder `dist`, as a page says."""
    text = "\n".join(commands(page, dist)).replace("1.0.0", version)
    return subprocess.run(
        ["bash", "-euc", text],
        cwd=dist.parent if page.startswith("docs") else dist,
        env=_ENVIRON,
        capture_output=True,
        text=True,
        check=False,
    )
