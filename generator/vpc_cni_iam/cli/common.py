"""Prints results, tables and progress of commands."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from vpc_cni_iam.catalog.options import Options
    from vpc_cni_iam.files.tree import FileChange


# The width of a table without a terminal; every table is narrower.
_UNBOUND = 1000
# The least width of a column, and the pattern of a word that is broken only if there is no room.
_LEAST, _ACTION = 6, re.compile(r"\W?[a-z0-9-]+:[\w*?]+\W?")
# Leading columns of a line, separated by two or more spaces.
_COLUMNS = r" *(?:\S+(?: \S+)?  +)*"
# Seconds until a bar is shown, so that short work shows none.
PATIENCE = 0.5


class Format(StrEnum):
    """How to print a result."""

    text = "text"
    json = "json"


def path(text: str | None, default: str) -> Path:
    """Return the path that a user gave, or the default; raises `UsageError` for empty text."""
    from vpc_cni_iam.errors import UsageError

    if text == "":
        raise UsageError("the directory is empty; write . for the current directory")
    return Path(default if text is None else text)


def say(*lines: str) -> None:
    """Print lines for the user to stderr, as `show` does; results of commands go to stdout."""
    first, *more = lines
    for line in (f"vpc-cni-iam: {first}", *more):
        show(line, err=True)


def say_error(error: object) -> None:
    """Print an error, which may have several lines; names in them are escaped."""
    say(*f"error: {error}".split("\n"))


def show(line: str, *, fold: bool = False, err: bool = False) -> None:
    """Print one line, with control characters and commands of CI logs escaped.

    A line break, which a name may have, is escaped too. `fold` breaks the line at the terminal's
    width.
    """
    from vpc_cni_iam.escape import escape_line

    safe = escape_line(line)
    typer.echo(folded(safe) if fold else safe, err=err)


def show_diff(text: str) -> None:
    """Print unified diffs as `show` does, but keep their tabs."""
    from vpc_cni_iam.escape import escape_line

    for line in text.split("\n")[:-1]:
        typer.echo("\t".join(map(escape_line, line.split("\t"))))


def show_json(value: object) -> None:
    """Print the result of a command as JSON to stdout."""
    from vpc_cni_iam import json_output

    typer.echo(json_output.dumps(value))


def show_result(value: object, output: Format, lines: Iterable[str], *, fold: bool = False) -> None:
    """Print the result of a command: as JSON, or as its lines."""
    if output is Format.json:
        show_json(value)
        return
    for line in lines:
        show(line, fold=fold)


def folded(text: str) -> str:
    """Return lines of text broken at the terminal's width; unchanged without a terminal.

    A continued line starts below the last column. A command in backticks is not broken.
    """
    if not has_width():
        return text
    width = shutil.get_terminal_size().columns
    return "\n".join(_folded(line, width) for line in text.split("\n"))


def _folded(line: str, width: int) -> str:
    if len(line) <= width:
        return line
    columns = re.match(_COLUMNS, line)
    start = columns.end() if columns else 0
    indent = start if line[:start].strip() else start + 2
    words = re.sub(r"`[^`]*`", lambda command: command[0].replace(" ", "\0"), line[start:])
    lines = textwrap.wrap(
        words,
        width,
        initial_indent=line[:start],
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines).replace("\0", " ")


def has_width() -> bool:
    """Return whether lines of stdout have a width, that of the terminal or of COLUMNS."""
    return sys.stdout.isatty() or "COLUMNS" in os.environ


def has_colours() -> bool:
    """Return whether text on stdout has colours, decided as by rich, which prints tables."""
    is_asked = sys.stdout.isatty() or bool(os.environ.get("FORCE_COLOR"))
    return "NO_COLOR" not in os.environ and is_asked


def show_report(report: str, *, is_text: bool, fold: bool = False) -> None:
    """Print a report whose parts are escaped; text is in colour on a terminal, as `review`'s."""
    from vpc_cni_iam.colours import coloured_lines

    report = folded(report) if is_text and fold else report
    typer.echo(
        coloured_lines(report) if is_text and has_colours() else report, nl=False, color=True
    )


def print_any_letter() -> None:
    """Let stdout escape letters that the locale's encoding does not have."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def show_changes(
    folder: Path, changes: Sequence[FileChange], output: Format, *, quiet: bool
) -> None:
    """Print the changes of the files of a directory."""
    from vpc_cni_iam.files.tree import TreeChanges

    if output is Format.json:
        show_json(TreeChanges(str(folder), tuple(changes)))
    for change in changes if output is Format.text and not quiet else ():
        show(f"{change.kind:<7} {folder / change.path}")


_HARDENED = (
    "hardened: before you apply it, check the tags of your nodes with vpc-cni-iam preflight; "
    "docs/hardening.md says what the role can still do, and what stops the plugin"
)


def notify(options: Options, *, quiet: bool = False) -> None:
    """Print notes about the chosen documents, if there are any; with `quiet`, problems only."""
    from vpc_cni_iam.catalog.notes import hyperpod_note
    from vpc_cni_iam.versions.note import failure_note

    for text in filter(None, (failure_note(options), hyperpod_note(options))):
        say(text)
    if options.selection.hardening is not None and not quiet:
        say(_HARDENED)


def table(
    headers: Sequence[str], rows: Iterable[Sequence[str]], title: str = "", width: int = _UNBOUND
) -> None:
    """Print a table to stdout, at most as wide as the terminal, or as `width` without one."""
    from rich.box import ASCII2
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [tuple(headers), *rows]
    console = Console(highlight=False, width=None if has_width() else width)
    shown = Table(box=ASCII2, show_lines=True)
    for header, column in zip(
        headers, _widths(cells, console.width - 3 * len(headers) - 1), strict=True
    ):
        shown.add_column(header, overflow="fold", width=column)
    for row in cells[1:]:
        shown.add_row(*(Text(cell, overflow="fold") for cell in row))
    if title:
        typer.echo(f"\n{title}")
    console.print(shown)


def _widths(cells: Iterable[Sequence[str]], room: int) -> list[int | None]:
    """Return the width of each column.

    Words are broken only if there is no room for them, and IAM actions after all other words.
    """
    columns = ["\n".join(column) for column in zip(*cells, strict=True)]
    widths = [max(map(len, text.split("\n"))) for text in columns]
    words = [text.split() for text in columns]
    for least in (
        [max(map(len, column), default=1) for column in words],
        [max((len(w) for w in column if _ACTION.fullmatch(w)), default=_LEAST) for column in words],
    ):
        while sum(widths) > room and any(map(int.__gt__, widths, least)):
            widest = max((width, i) for i, width in enumerate(widths) if width > least[i])[1]
            widths[widest] -= 1
    return [*widths] if sum(widths) <= room else [None] * len(columns)


def cache_folder(environ: Mapping[str, str]) -> Path | None:
    """Return this tool's cache directory by the XDG Base Directory Specification, or None."""
    named = Path(environ.get("XDG_CACHE_HOME", ""))
    if not named.is_absolute():
        try:
            named = Path.home() / ".cache"
        except RuntimeError:  # a user without HOME and without an entry among the users
            return None
    return named / "vpc-cni-iam" if named.is_absolute() else None


def say_waiting(what: str) -> None:
    """Say on a terminal what takes a while."""
    if sys.stderr.isatty():
        say(f"waiting for {what}")


@contextlib.contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """Show a progress bar on a terminal, once something has taken a while."""
    if not sys.stderr.isatty():
        yield None
        return
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        shown: list[Callable[[int, int], None]] = []

        def passed(done: int, total: int) -> None:
            if not shown and time.monotonic() - started > PATIENCE:
                shown.append(_bar(what, stack))
            for show in shown:
                show(done, total)

        yield passed


def _bar(what: str, stack: contextlib.ExitStack) -> Callable[[int, int], None]:
    """Start a bar that the stack removes when it closes; return the function that moves it."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn

    columns = (what, BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = stack.enter_context(bar).add_task("", total=None)
    return lambda done, total: bar.update(task, completed=done, total=total)
