"""Skipped parts of inputs as lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vpc_cni_iam.account.doubts import NotKnown, Reason
from vpc_cni_iam.errors import first_of

_SHOWN = 20  # JSON output has all
# What to do about what is not known, by the reason; else its detail says that.
_DOCUMENT = "name the policies to look at with --document"
_STEPS = dict.fromkeys((Reason.not_read, Reason.may_be_absent), _DOCUMENT) | {
    Reason.not_applied: "give it with --boundary",
    Reason.may_be_refused: "give an input that shows that it may",
}
_PLAN = "read the output of terraform show -json instead, or "  # it has those of called modules


def incomplete_text(skipped: Sequence[NotKnown]) -> str:
    """Return why a verdict is incomplete, as a line; at least one skipped part must count."""
    steps: dict[str, list[str]] = {}
    for reason in filter(lambda reason: reason.counts, Reason):
        if names := dict.fromkeys(part.name for part in skipped if part.reason is reason):
            is_of_module = any(n.startswith("module.") and n.count(".") == 1 for n in names)
            step = _STEPS.get(reason, "")
            step = _PLAN + step if is_of_module and step == _DOCUMENT else step
            steps.setdefault(step, []).append(f"{reason}: {first_of(names)}")
    return "; ".join(part for step, reasons in steps.items() for part in (*reasons, step) if part)


def skipped_lines(skipped: Sequence[NotKnown]) -> Iterator[str]:
    """Yield the skipped parts, as lines for people."""
    counting = [part for part in skipped if part.counts]
    yield from map(str, counting[:_SHOWN])
    if more := len(counting[_SHOWN:]):
        yield f"{more:,} more like these; --format json prints all"
    for reason in (Reason.other_kind, Reason.not_in_force):
        if names := [part.name for part in skipped if part.reason is reason]:
            yield f"left out, {reason}: {first_of(names)}"
    yield from note_lines(skipped)


def note_lines(skipped: Sequence[NotKnown]) -> Iterator[str]:
    """Yield how policies were read, as lines for people."""
    yield from dict.fromkeys(str(part) for part in skipped if part.reason.is_note)
