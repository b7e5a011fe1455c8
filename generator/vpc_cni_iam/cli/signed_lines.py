"""Lines with a sign, such as those of a comparison, on a terminal."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from vpc_cni_iam.cli import common
from vpc_cni_iam.escape import escape_log_command, sanitise

if TYPE_CHECKING:
    from vpc_cni_iam.comparing.report import Line, Tone

_STYLES: Mapping[Tone, str] = {
    "plain": "",
    "bold": "bold",
    "good": "green",
    "warn": "yellow",
    "bad": "red",
    "added": "green",
    "removed": "red",
}
_INDENT = 2


def show(lines: Iterable[Line]) -> None:
    """Print lines; on a terminal, a long line continues below the start of its text."""
    from rich.console import Console
    from rich.text import Text

    common.print_any_letter()
    console = Console(highlight=False, markup=False)
    has_width = console.is_terminal or "COLUMNS" in os.environ
    for line in lines:
        begin = " " * (_INDENT * line.depth) + (f"{line.sign} " if line.sign else "")
        text = Text(escape_log_command(sanitise(line.text)), overflow="fold")
        rows = text.wrap(console, max(console.width - len(begin), _INDENT)) if has_width else [text]
        for row in rows:
            row.rstrip()
            console.print(Text(begin + row.plain, _STYLES[line.tone]), soft_wrap=True)
            begin = " " * len(begin)
