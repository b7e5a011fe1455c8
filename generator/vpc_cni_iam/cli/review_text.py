"""A review on a terminal: a table for each change, then what was found."""

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

    from vpc_cni_iam.review.diff.changes import Change
    from vpc_cni_iam.review.diff.two_policies import Between
    from vpc_cni_iam.review.diff.verdicts import Line
    from vpc_cni_iam.review.findings import Finding, Review

_EFFECTS = {"gain": "red", "loss": "yellow", "no-op": "dim"}
_LEVELS = {"error": "bold red", "warning": "yellow", "note": "cyan"}
_TONES = {"plain": "", "good": "green", "warn": "yellow", "bad": "red", "quiet": "dim"}
# Where no terminal says how wide it is.
_WIDTH = 100
_ALSO = 3


def show(review: Review) -> None:
    """Print a review to stdout: as wide as the terminal, in colour if it is one.

    Args:
        review: The review.
    """
    console = _console()
    head = f"{review.plan}, reviewed for plugin {review.release}, {wording.modes(review)}"
    console.print(_text(head, "bold"), soft_wrap=True)
    changed = list(wording.changed(review))
    for alike in changed:
        _change(console, alike)
    if not changed:
        console.print("Nothing in the plan changes an IAM policy.")
    _findings(console, review)


def show_between(found: Between) -> None:
    """Print how two policies differ as a review prints how a plan changes one.

    Args:
        found: How they differ.
    """
    console = _console()
    _line(console, _text(f"{found.old} to {found.new}", "bold"))
    if found.lines:
        _lines(console, found.lines)
    else:
        console.print("The policies say the same.")
    for title, skipped in ((found.old, found.old_skipped), (found.new, found.new_skipped)):
        for line in skipped_lines(skipped):
            _line(console, _text(f"{title}: {line}"))
    tone, words = wording.verdict(found.access)
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


def _indented(console: Console, text: Text, by: int) -> None:
    """Print text with its lines indented; in a file it is one line."""
    from rich.padding import Padding

    if console.is_terminal or "COLUMNS" in os.environ:
        console.print(Padding(text, (0, 0, 0, by), expand=False))
    else:
        _line(console, _text(" " * by) + text)


def _also(console: Console, addresses: list[str], by: int) -> None:
    """Print the addresses of what is alike, the first of them."""
    for address in addresses[:_ALSO]:
        _indented(console, _text(f"also {address}", "cyan"), by)
    if len(addresses) > _ALSO:
        _indented(console, _text(f"and {len(addresses) - _ALSO} more like it", "cyan"), by)


def _change(console: Console, alike: list[Change]) -> None:
    change = alike[0]
    where = f"  {wording.where(change.place)}" if change.place else ""
    console.print()
    _line(
        console,
        _text(f"{change.action}: ", "bold")
        + _text(wording.subject(change), "bold cyan")
        + _text(where, "dim"),
    )
    _also(console, [c.address for c in alike[1:]], 2)
    if change.lines:
        _lines(console, change.lines)
    for tone, line in wording.about(change):
        # What is quiet goes on from the line above it.
        _indented(console, _text(line, _TONES[tone]), 4 if tone == "quiet" else 2)


def _lines(console: Console, lines: Iterable[Line]) -> None:
    from rich.box import ROUNDED
    from rich.table import Table

    table = Table(box=ROUNDED, show_header=False, expand=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    for one in lines:
        sign, style = wording.SIGNS[one.effect], _EFFECTS[one.effect]
        table.add_row(sign, one.kind, _text(one.text), style=style)
    console.print(table)


def _findings(console: Console, review: Review) -> None:
    console.print()
    for alike, details in wording.found(review):
        _finding(console, alike[0], details)
        _also(console, [wording.subject(f) for f in alike[1:]], 8)
    for ignored in review.ignored:
        until = f" until {ignored.until}" if ignored.until else ""
        text = f"ignored{until}: {ignored.finding.rule} {ignored.finding.address}: {ignored.reason}"
        _line(console, _text(text, "dim"))
    result = f"the review {'fails' if review.failed else 'passes'} (--fail-on {review.fail_on})"
    style = "bold red" if review.failed else "bold green"
    console.print(_text(f"{wording.counted(review)}; {result}", style))


def _finding(console: Console, finding: Finding, details: tuple[str, ...]) -> None:
    where = f" ({wording.where(finding.place)})" if finding.place else ""
    _line(
        console,
        _text(f"{finding.level:<8}", _LEVELS[finding.level])
        + _text(f"{finding.rule} ", "bold")
        + _text(f"{wording.subject(finding)}{where}", "cyan"),
    )
    _indented(console, _text(finding.message), 8)
    for detail in details[: wording.MOST]:
        _indented(console, _text(detail, "dim"), 10)
    if len(details) > wording.MOST:
        console.print(_text(f"          and {len(details) - wording.MOST} more", "dim"))
