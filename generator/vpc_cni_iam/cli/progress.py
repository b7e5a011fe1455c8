"""How far a command is, on a terminal."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

# Seconds until a bar is worth its flicker.
PATIENCE = 0.5


@contextlib.contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """Show how far something is, on a terminal, once it has taken a while."""
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
    """Start a bar, which goes when the stack is closed; return what moves it."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn

    columns = (what, BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task = stack.enter_context(bar).add_task("", total=None)
    return lambda done, total: bar.update(task, completed=done, total=total)
