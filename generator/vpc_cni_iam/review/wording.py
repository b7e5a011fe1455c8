"""The words of a review that its reports for people share; texts in them are not made safe."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Literal, TypeVar

from vpc_cni_iam.review.diff.changes import Change, Place
from vpc_cni_iam.review.diff.verdicts import Access, Effect, Nearest
from vpc_cni_iam.review.findings import LEVELS, Finding, Review
from vpc_cni_iam.review.make_finding import example_text

Tone = Literal["plain", "good", "warn", "bad", "quiet"]
SIGNS: dict[Effect, str] = {"gain": "+", "loss": "-", "no-op": "="}
# As many details, or differences, of one thing are shown.
MOST = 12
_VERDICTS: dict[str, tuple[Tone, str]] = {
    "no new access": ("good", "no new access (proven)"),
    "new access": ("bad", "new access"),
    "not proven": ("warn", "new access is neither proven nor ruled out"),
    "unknown": ("warn", "new access cannot be ruled out"),
}
T = TypeVar("T")


def counted(review: Review) -> str:
    """Return how many findings there are, such as ``2 errors, 1 warning``.

    Args:
        review: The review.
    """
    numbers = {level: sum(f.level == level for f in review.findings) for level in reversed(LEVELS)}
    named = [f"{n} {level}{'s' * (n != 1)}" for level, n in numbers.items() if n]
    return ", ".join(named) or "no findings"


def modes(review: Review) -> str:
    """Return the IP families in words.

    Args:
        review: The review.
    """
    return " or ".join(review.modes)


def where(place: Place | None) -> str:
    """Return a place as ``main.tf:12``; empty for none.

    Args:
        place: The place.
    """
    return f"{place.file}:{place.line}" if place else ""


def subject(thing: Change | Finding) -> str:
    """Return what a change or finding is about: the address and the attribute.

    Args:
        thing: The change or finding; one about the ignore file says all in its message.
    """
    return f"{thing.address} {thing.attribute}".rstrip() if thing.address else ""


def grouped(things: Iterable[T], look: Callable[[T], Hashable]) -> Iterator[list[T]]:
    """Yield what looks alike together, as count and for_each make it, each in its place.

    Args:
        things: Anything.
        look: Returns how a thing looks.
    """
    found: dict[Hashable, list[T]] = {}
    for thing in things:
        found.setdefault(look(thing), []).append(thing)
    yield from found.values()


def changed(review: Review) -> Iterator[list[Change]]:
    """Yield what the plan changes, those together that look alike.

    Args:
        review: The review.
    """

    def look(change: Change) -> Hashable:
        about = (change.type, change.attribute, change.action, change.imported, change.moved_from)
        states = (change.before, change.after, change.principals)
        return about, states, change.lines, change.access, change.place

    yield from grouped((c for c in review.changes if c.changes), look)


def found(review: Review) -> Iterator[tuple[list[Finding], tuple[str, ...]]]:
    """Yield findings, those together that look alike, with the details no table of lines says.

    Args:
        review: The review.
    """
    tabled = {(c.address, c.attribute) for c in review.changes if c.lines}
    for alike in grouped(review.findings, lambda f: (f.rule, f.level, f.message, f.details)):
        first = alike[0]
        yield alike, () if (first.address, first.attribute) in tabled else first.details


def about(change: Change) -> Iterator[tuple[Tone, str]]:
    """Yield what else is to be said of a change, each line with its tone.

    Args:
        change: The change.
    """
    for way, state in (("before", change.before), ("after", change.after)):
        for why in state.why:
            yield "warn", f"{way}: {why}"
    if change.imported:
        yield "plain", f"imported as {change.imported}"
    if change.moved_from:
        yield "plain", f"moved from {change.moved_from}"
    if change.principals and change.kind == "permissions":
        yield "plain", f"applies to {', '.join(change.principals)}"
    if change.access:
        yield verdict(change.access)
    if change.nearest and (change.nearest.equal or change.kind == "permissions"):
        yield from _nearest(change.nearest, any(x.effect != "no-op" for x in change.lines))
    for size in change.sizes:
        if size.over:
            yield "bad", f"{size.what}: {size.size} of {size.limit} characters"


def verdict(access: Access) -> tuple[Tone, str]:
    """Return whether there is new access, in words with their tone.

    Args:
        access: What was found.
    """
    tone, words = _VERDICTS[access.verdict]
    if access.verdict in ("new access", "not proven") and access.reason:
        words += f": {access.reason}"
    if access.witness and access.verdict == "not proven":
        words += f"; what was read newly allows, for instance, {example_text(access.witness)}"
    elif access.witness:
        words += f", for instance {example_text(access.witness)}"
    return tone, words


def _nearest(nearest: Nearest, differs: bool) -> Iterator[tuple[Tone, str]]:
    how = "equal to" if nearest.equal else "nearest to"
    filled = f" with {', '.join(nearest.filled)}" if nearest.filled else ""
    yield "plain", f"{how} {nearest.name}{filled}"
    first = nearest.differences[: MOST if differs else 0]
    for difference in first:
        yield "quiet", difference
    more = len(nearest.differences) - len(first)
    if more > 0:
        yield "quiet", f"and {more} more differences"
