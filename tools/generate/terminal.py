"""Draw the README's picture: a terminal in which the commands really ran.

Imported by freshness.py, which keeps docs/session.svg current.
"""

import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

WIDTH = 124
# What is typed, and which lines of what is printed are shown (None: all of them).
STEPS: list[tuple[str, slice | None]] = [
    ("vpc-cni-iam generate --variant ipv4-scoped --cni-version latest", None),
    ("grep -n -A 8 'CreateNetworkInterface' vpc-cni-iam-policy/main.tf", slice(0, 9)),
    ("vpc-cni-iam verify vpc-cni-iam-policy --engine none", None),
    ("sed -i s/StringEquals/StringLike/ vpc-cni-iam-policy/main.tf", None),
    ("vpc-cni-iam verify vpc-cni-iam-policy --engine none", slice(0, 4)),
]
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
# rich's own frame asks a font server for its font; a picture must ask nobody.
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


def session() -> list[tuple[str, list[str]]]:
    """Run the steps in an empty folder.

    Returns:
        Each command with the lines it printed that are shown.
    """
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environ["COLUMNS"] = str(WIDTH)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for command, shown in STEPS:
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=folder,
                env=environ,
                capture_output=True,
                text=True,
                check=False,  # verify's exit code 1 is part of the picture
            )
            lines = (done.stdout + done.stderr).splitlines()
            found.append((command, lines[shown] if shown else lines))
    return found


def svg() -> str:
    """Return the picture as SVG, the same for the same output of the commands."""
    console = Console(width=WIDTH, record=True, file=io.StringIO(), force_terminal=True)
    for command, lines in session():
        console.print(Text("$ ", style="bold green") + Text(command, style="bold"))
        for line in lines:
            style = {"differs": "red", "ok": "green"}.get(line.partition(" ")[0], "")
            if line.lstrip().startswith("#"):
                style = "bright_black"
            console.print(Text(line, style=style), no_wrap=True, overflow="ellipsis")
    return console.export_svg(theme=_THEME, code_format=_FRAME, unique_id="session")
