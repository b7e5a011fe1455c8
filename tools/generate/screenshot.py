"""Take the README's pictures of the page of a review, in a real browser.

Browser versions draw the same page differently, so a picture has the digest of its page. It is
stale if the page has another digest.
"""

import hashlib
import re
import shutil
import struct
import subprocess
import tempfile
import zlib
from pathlib import Path

from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.review.options import ReviewOptions
from vpc_cni_iam.review.report.formats.html import write
from vpc_cni_iam.review.report.make import shown
from vpc_cni_iam.review.report_formats import Setting
from vpc_cni_iam.review.run import review

_REVIEWED = Path(__file__).resolve().parents[2] / "tests" / "review"
PLAN = _REVIEWED / "plans" / "widen.terraform-1.15.5.json"
SOURCE = _REVIEWED / "configurations" / "widen" / "after"
# The number of Chromium's colour scheme for each picture.
PICTURES = {"docs/review-light.png": 1, "docs/review-dark.png": 0}
_WIDTH = 1000
# Writes the position where the findings end into the page's title.
_MEASURE = """<script>addEventListener("load", () => setTimeout(() => {
  const lists = [...document.querySelectorAll("ul.findings")];
  const end = Math.max(...lists.map((list) => list.getBoundingClientRect().bottom));
  document.title = `ends at ${Math.ceil(end)}`;
}, 500));</script>"""
_END = re.compile(r"<title>ends at (\d+)</title>")
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')  # forbids that script
# Signature and header of a PNG; a chunk of text may come next.
_HEAD = 8 + 25
_KEY = b"Page\0"


def page() -> str:
    """Return the page of the review."""
    plan = read_plan(PLAN.read_bytes(), "plan.json")
    return write(shown(review(plan, ReviewOptions(source=SOURCE))), Setting())


def is_current(picture: Path) -> bool:
    """Return whether a picture shows the current page."""
    return picture.exists() and _KEY + _digest() in picture.read_bytes()[: _HEAD + 100]


def take(picture: Path, scheme: int) -> bool:
    """Take a picture of the page with a colour scheme; return False if there is no browser."""
    program = shutil.which("chromium")
    if program is None:
        return False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "page.html").write_text(page(), encoding="utf-8")
        measured = _POLICY.sub("", page()) + _MEASURE
        (folder / "measured.html").write_text(measured, encoding="utf-8")
        command = [
            program,
            *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
            *("--hide-scrollbars", "--disable-background-networking", "--disable-sync"),
            f"--user-data-dir={folder / 'profile'}",
        ]
        address = (folder / "measured.html").as_uri()
        # Time for the layout of the page to settle.
        command.append("--virtual-time-budget=2000")
        measure = [*command, f"--window-size={_WIDTH},1000", "--dump-dom", address]
        done = subprocess.run(measure, check=True, capture_output=True, timeout=120)
        end = _END.search(done.stdout.decode())
        if end is None:
            raise RuntimeError("the page has no finding, or their end was not measured")
        picture_of = [
            f"--blink-settings=preferredColorScheme={scheme}",
            f"--window-size={_WIDTH},{int(end[1]) + 12}",
            f"--screenshot={folder / 'shot.png'}",
            (folder / "page.html").as_uri(),
        ]
        subprocess.run([*command, *picture_of], check=True, capture_output=True, timeout=120)
        shot = (folder / "shot.png").read_bytes()
    text = b"tEXt" + _KEY + _digest()
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    picture.write_bytes(shot[:_HEAD] + chunk + shot[_HEAD:])
    return True


def _digest() -> bytes:
    return hashlib.sha256(page().encode()).hexdigest().encode()
