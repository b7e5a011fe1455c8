"""Skipped parts of inputs as lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vpc_cni_iam.account.doubts import NotKnown, Reason
from vpc_cni_iam.errors import first_of

_SHOWN = 20  # JSON output has all


def incomplete_text(skipped: Sequence[NotKnown]) -> str:
    """Return why a verdict is incomplete, as a line; at least one skipped part must count."""
    names = list(dict.fromkeys(part.name for part in skipped if part.counts))
    if all(part.reason is Reason.not_applied for part in skipped if part.counts):
        return f"{Reason.not_applied}: {first_of(names)}; give it with --boundary"
    limits = [part.name for part in skipped if part.reason is Reason.not_applied]
    names = [name for name in names if name not in limits]
    limited = f"{Reason.not_applied}: {first_of(limits)}; give it with --boundary" if limits else ""
    absent = {part.name for part in skipped if part.reason is Reason.may_be_absent}
    words = "may not exist" if absent.issuperset(names) else "not read"
    text = "; ".join(filter(None, (limited, f"{words}: {first_of(names)}")))
    if any(part.reason in (Reason.overrides, Reason.setting_not_read) for part in skipped):
        return text
    is_of_module = any(name.startswith("module.") and name.count(".") == 1 for name in names)
    # A plan has the policies of called modules.
    plan = "read the output of terraform show -json instead, or " if is_of_module else ""
    return f"{text}; {plan}name the policies to look at with --document"


def skipped_lines(skipped: Sequence[NotKnown]) -> Iterator[str]:
    """Yield the skipped parts, as lines for people."""
    counting = [part for part in skipped if part.counts]
    yield from map(str, counting[:_SHOWN])
    if len(counting) > _SHOWN:
        yield f"{len(counting) - _SHOWN:,} more like these; --format json prints all"
    for reason in Reason:
        names = [part.name for part in skipped if part.reason is reason]
        if names and not (reason.counts or reason.is_note):
            yield f"left out, {reason}: {first_of(names)}"
    yield from note_lines(skipped)


def note_lines(skipped: Sequence[NotKnown]) -> Iterator[str]:
    """Yield how policies were read, as lines for people."""
    yield from dict.fromkeys(str(part) for part in skipped if part.reason.is_note)
