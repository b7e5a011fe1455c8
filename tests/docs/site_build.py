"""The documentation site, built once for all tests."""

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site; building it asks no network, and a warning is an error."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (shared / "site.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = shared / "site"
        if not folder.exists():
            build(folder)
    return folder


def build(folder: Path) -> None:
    nowhere = "http://127.0.0.1:9"
    environ = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "https_proxy": nowhere}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def picker_data(site: Path) -> dict[str, Any]:
    """What the policy picker shows."""
    text = (site / "assets" / "policy-picker-data.js").read_text()
    data: dict[str, Any] = json.loads(text.removeprefix("window.vpcCniIam = ").rstrip(";\n"))
    return data
