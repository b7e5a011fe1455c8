"""A review on a terminal: a table for each change, then what was found."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from vpc_cni_iam.review.judging import shown
from vpc_cni_iam.review.visible import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from vpc_cni_iam.review.changes import Change, Place
    from vpc_cni_iam.review.findings import Finding, Review
    from vpc_cni_iam.review.judgements import Access, Nearest

_SIGNS = {"gain": ("+", "red"), "loss": ("-", "yellow"), "no-op": ("=", "dim")}
_LEVELS = {"error": "bold red", "warning": "yellow", "note": "cyan"}
_VERDICTS = {
    "no new access": ("no new access (proven)", "green"),
    "new access": ("new access", "red"),
    "not proven": ("new access is neither proven nor ruled out", "yellow"),
    "unknown": ("new access cannot be ruled out", "yellow"),
}
# Where no terminal says how wide it is.
_WIDTH = 100
_MOST = 12
_ALSO = 3

T = TypeVar("T")


def show(review: Review) -> None:
    """Print a review to stdout: as wide as the terminal, in colour if it is one.

    Args:
        review: The review.
    """
    from rich.console import Console

    bound = sys.stdout.isatty() or "COLUMNS" in os.environ
    console = Console(highlight=False, markup=False, width=None if bound else _WIDTH)
    changed = [c for c in review.changes if c.changes]
    modes = " or ".join(review.modes)
    console.print(
        _text(f"{review.plan}, reviewed for plugin {review.release}, {modes}", "bold"),
        soft_wrap=True,
    )
    for alike in _grouped(changed, _looks):
        _change(console, alike)
    if not changed:
        console.print("Nothing in the plan changes an IAM policy.")
    _findings(console, review)


def _text(text: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(visible(text), style=style, overflow="fold")


def _indented(console: Console, text: Text, by: int) -> None:
    """Print text with its lines indented; in a file, where lines have no end, it is one line."""
    from rich.padding import Padding

    if console.is_terminal or "COLUMNS" in os.environ:
        console.print(Padding(text, (0, 0, 0, by), expand=False))
    else:
        console.print(_text(" " * by) + text, soft_wrap=True)


def _grouped(things: Iterable[T], look: Callable[[T], Hashable]) -> Iterator[list[T]]:
    """Yield what looks alike together, as count and for_each make it, each in its place."""
    found: dict[Hashable, list[T]] = {}
    for thing in things:
        found.setdefault(look(thing), []).append(thing)
    yield from found.values()


def _looks(change: Change) -> Hashable:
    about = (change.type, change.attribute, change.action, change.imported, change.moved_from)
    states = (change.before, change.after, change.principals)
    return about, states, change.lines, change.access, change.place


def _also(console: Console, addresses: list[str], by: int) -> None:
    """Print the addresses of what is alike, the first of them."""
    for address in addresses[:_ALSO]:
        _indented(console, _text(f"also {address}", "cyan"), by)
    if len(addresses) > _ALSO:
        _indented(console, _text(f"and {len(addresses) - _ALSO} more like it", "cyan"), by)


def _change(console: Console, alike: list[Change]) -> None:
    from rich.box import ROUNDED
    from rich.table import Table

    change = alike[0]
    where = f"  {_where(change.place)}" if change.place else ""
    console.print()
    console.print(
        _text(f"{change.action}: ", "bold")
        + _text(f"{change.address} {change.attribute}", "bold cyan")
        + _text(where, "dim")
    )
    _also(console, [c.address for c in alike[1:]], 2)
    if change.lines:
        table = Table(box=ROUNDED, show_header=False, expand=False, pad_edge=False)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold", ratio=1)
        for one in change.lines:
            sign, style = _SIGNS[one.effect]
            table.add_row(sign, one.kind, _text(one.text), style=style)
        console.print(table)
    for line in _about(change):
        _indented(console, line, 2)


def _about(change: Change) -> Iterator[Text]:
    """Yield what else is to be said of a change."""
    for way, state in (("before", change.before), ("after", change.after)):
        for why in state.why:
            yield _text(f"{way}: {why}", "yellow")
    if change.imported:
        yield _text(f"imported as {change.imported}")
    if change.moved_from:
        yield _text(f"moved from {change.moved_from}")
    if change.principals and change.kind == "permissions":
        yield _text(f"applies to {', '.join(change.principals)}")
    if change.access:
        yield _access(change.access)
    if change.nearest and (change.nearest.equal or change.kind == "permissions"):
        yield from _nearest(change.nearest, any(x.effect != "no-op" for x in change.lines))
    for size in change.sizes:
        if size.over:
            yield _text(f"{size.what}: {size.size} of {size.limit} characters", "red")


def _access(access: Access) -> Text:
    words, style = _VERDICTS[access.verdict]
    if access.witness:
        words += f", for instance {shown(access.witness)}"
    elif access.verdict == "not proven":
        words += f": {access.reason}"
    return _text(words, style)


def _nearest(nearest: Nearest, changed: bool) -> Iterator[Text]:
    how = "equal to" if nearest.equal else "nearest to"
    filled = f" with {', '.join(nearest.filled)}" if nearest.filled else ""
    yield _text(f"{how} {nearest.name}{filled}")
    shown = nearest.differences[: _MOST if changed else 0]
    for difference in shown:
        yield _text(f"  {difference}", "dim")
    more = len(nearest.differences) - len(shown)
    if more > 0:
        yield _text(f"  and {more} more differences", "dim")


def _findings(console: Console, review: Review) -> None:
    # What a table above says in full is not said again.
    tabled = {(c.address, c.attribute) for c in review.changes if c.lines}
    console.print()
    for alike in _grouped(review.findings, lambda f: (f.rule, f.level, f.message, f.details)):
        first = alike[0]
        _finding(console, first, (first.address, first.attribute) in tabled)
        _also(console, [f"{f.address} {f.attribute}" for f in alike[1:]], 8)
    for ignored in review.ignored:
        until = f" until {ignored.until}" if ignored.until else ""
        text = f"ignored{until}: {ignored.finding.rule} {ignored.finding.address}: {ignored.reason}"
        console.print(_text(text, "dim"))
    counted = {level: sum(f.level == level for f in review.findings) for level in _LEVELS}
    named = [f"{n} {level}{'s' * (n != 1)}" for level, n in counted.items() if n]
    result = f"the review {'fails' if review.failed else 'passes'} (--fail-on {review.fail_on})"
    style = "bold red" if review.failed else "bold green"
    console.print(_text(f"{', '.join(named) or 'no findings'}; {result}", style))


def _finding(console: Console, finding: Finding, tabled: bool) -> None:
    where = f" ({_where(finding.place)})" if finding.place else ""
    about = " ".join(part for part in (finding.address, finding.attribute) if part)
    console.print(
        _text(f"{finding.level:<8}", _LEVELS[finding.level])
        + _text(f"{finding.rule} ", "bold")
        + _text(f"{about}{where}", "cyan")
    )
    _indented(console, _text(finding.message), 8)
    details = () if tabled else finding.details
    for detail in details[:_MOST]:
        _indented(console, _text(detail, "dim"), 10)
    if len(details) > _MOST:
        console.print(_text(f"          and {len(details) - _MOST} more", "dim"))


def _where(place: Place | None) -> str:
    return f"{place.file}:{place.line}" if place else ""
