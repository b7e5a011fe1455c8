"""Draw the README's picture: a terminal with commands and their real output.

Terraform verifies the module in it, so the picture needs an installed Terraform.
"""

import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from tools.engines.cache import cache_directory
from tools.engines.sources import AWS_HOSTS, CONFIGURATION

WIDTH, NARROW = 100, 50
ENGINE = "terraform-1.15.5"
PLAN = (
    Path(__file__).resolve().parents[2]
    / "tests"
    / "review"
    / "plans"
    / "widen.terraform-1.15.5.json"
)
# The files that a user has.
_GIVEN = f"vpc-cni-iam policy ipv4 --revision 2024-07-22 >policy.json; cp {PLAN} plan.json"
# The commands; the picture shows their whole output.
_COVERAGE = "vpc-cni-iam coverage policy.json --cni-version v1.22.1"
_SETUP = "# aws-node has its own role (IRSA)"  # on a node role of EKS, it works
STEPS = (
    _SETUP,
    f"{_COVERAGE} | head -n 7",
    "vpc-cni-iam review plan.json | head -n 10",
    "vpc-cni-iam generate --variant ipv4-scoped --quiet",
    "vpc-cni-iam verify vpc-cni-iam-policy",
)
# On a phone.
FEW_STEPS = (_SETUP, f"{_COVERAGE} | head -n 5", "vpc-cni-iam review plan.json | head -n 8")
_STYLES = {"error": "red", "ok": "green"}
_THEME = TerminalTheme(
    (13, 17, 23),
    (201, 209, 217),
    [
        (48, 54, 61),
        (255, 123, 114),
        (126, 231, 135),
        (242, 204, 96),
        (121, 192, 255),
        (210, 168, 255),
        (165, 214, 255),
        (201, 209, 217),
    ],
)
# rich's own frame loads its font from a server; the picture must load nothing.
_FRAME = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" \
xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; \
font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
{styles}
</style>
<defs>{lines}</defs>
<rect fill="#0d1117" width="{width}" height="{height}" rx="8"/>
<g transform="translate(16, 16)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g></g></svg>
"""


def is_possible() -> bool:
    """Return whether the picture's engine and its provider are installed."""
    cache = cache_directory(os.environ)
    mirror = cache / "mirror" / AWS_HOSTS[0]
    return (cache / "bin" / ENGINE).exists() and mirror.exists()


def session(steps_typed: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Run the steps in an empty folder; return each step with its lines of output."""
    cache = cache_directory(os.environ)
    steps = []
    with tempfile.TemporaryDirectory() as name:
        folder, engines = Path(name, "work"), Path(name, "bin")
        folder.mkdir()
        engines.mkdir()
        (engines / "terraform").symlink_to(cache / "bin" / ENGINE)
        path = (str(Path(sys.executable).parent), str(engines), os.environ["PATH"])
        environ = {
            **os.environ,
            "PATH": os.pathsep.join(path),
            "TF_CLI_CONFIG_FILE": str(cache / CONFIGURATION),
            "CHECKPOINT_DISABLE": "1",
            "COLUMNS": str(WIDTH),
        }
        for command in (_GIVEN, *steps_typed):
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=folder,
                env=environ,
                capture_output=True,
                text=True,
                check=False,  # an exit code 1 is part of the picture
            )
            steps.append((command, (done.stdout + done.stderr).splitlines()))
    return steps[1:]


def svg(width: int = WIDTH, steps: Sequence[str] = STEPS) -> str:
    """Return the picture as SVG; the same output gives the same bytes."""
    # Two columns are the margin on the right: the frame has none.
    console = Console(width=width + 2, record=True, file=io.StringIO(), force_terminal=True)
    for number, (command, lines) in enumerate(session(steps)):
        if number:
            console.print()
        typed = Text("$ ", style="bold green") + Text(command, style="bold")
        console.print(typed, overflow="fold")
        for line in lines:
            style = _STYLES.get((line.split() or [""])[0], "")
            if " fails" in line:
                style = "red"
            console.print(Text(line, style=style), overflow="fold")
    return console.export_svg(theme=_THEME, code_format=_FRAME, unique_id="session")
