"""How two policies differ, on a terminal."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from vpc_cni_iam.escape import escape_log_command, sanitise
from vpc_cni_iam.inputs.skipped import lines as skipped_lines
from vpc_cni_iam.review import wording

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from vpc_cni_iam.review.diff.two_policies import Between
    from vpc_cni_iam.review.diff.verdicts import Line

_EFFECTS = {"gain": "red", "loss": "yellow", "no-op": "dim"}
_TONES = {"plain": "", "good": "green", "warn": "yellow", "bad": "red", "quiet": "dim"}
# Where no terminal says how wide it is.
_WIDTH = 100
_NARROW, _WORD = 80, len("relabelled")


def show_between(between: Between) -> None:
    """Print how two policies differ as a review prints how a plan changes one."""
    console = _console()
    name, (tone, words) = wording.verdict_name(between.access), wording.verdict(between.access)
    _line(console, _text(f"{between.old} to {between.new}: {name}", "bold"))
    if between.lines:
        _lines(console, between.lines)
    else:
        console.print("The policies say the same.")
    for title, skipped in ((between.old, between.old_skipped), (between.new, between.new_skipped)):
        for line in skipped_lines(skipped):
            _line(console, _text(f"{title}: {line}"))
    if words != name:  # with the reason, or an example request
        _line(console, _text(words, _TONES[tone]))


def _console() -> Console:
    from rich.console import Console

    if isinstance(sys.stdout, io.TextIOWrapper):
        # In a locale without a letter the report is to be read all the same.
        sys.stdout.reconfigure(errors="backslashreplace")
    bound = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, markup=False, width=None if bound else _WIDTH)


def _text(text: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(escape_log_command(sanitise(text)), style=style, overflow="fold")


def _line(console: Console, text: Text) -> None:
    """Print a line as wide as the terminal; in a file, where lines have no end, it is one line."""
    console.print(text, soft_wrap=not (console.is_terminal or "COLUMNS" in os.environ))


def _lines(console: Console, lines: Iterable[Line]) -> None:
    from rich.box import ROUNDED
    from rich.table import Table

    table = Table(box=ROUNDED, show_header=False, expand=False, pad_edge=False)
    table.add_column(no_wrap=True)
    # Where it is narrow, the word for the change is broken before an action is.
    table.add_column(max_width=_WORD if console.width < _NARROW else None)
    table.add_column(overflow="fold", ratio=1)
    for line in lines:
        sign, style = wording.SIGNS[line.effect], _EFFECTS[line.effect]
        table.add_row(sign, line.kind, _text(line.text), style=style)
    console.print(table)
