"""A real Chromium, for tests of pages."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class Chromium:
    program: str
    folder: Path

    def run(self, page: Path, *options: str, fragment: str = "") -> bytes:
        """Open a page, with what stands after # in its address, and return what is printed."""
        command = [self.program, *_QUIET, f"--user-data-dir={self.folder / 'profile'}", *options]
        address = page.absolute().as_uri() + (f"#{fragment}" if fragment else "")
        done = subprocess.run([*command, address], capture_output=True, timeout=600, check=True)
        return done.stdout

    def dom(self, page: Path, *options: str, fragment: str = "") -> str:
        """Return a page's document as it is once its script has run."""
        return self.run(page, "--dump-dom", *options, fragment=fragment).decode()


@pytest.fixture
def chromium(tmp_path: Path) -> Chromium:
    """Chromium; where there is none the test is skipped."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("chromium is not installed")
    return Chromium(program, tmp_path)
