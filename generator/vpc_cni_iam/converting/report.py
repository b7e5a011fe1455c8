"""A conversion as plain data, and as the lines that a user reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from vpc_cni_iam.converting.batch import Batch

# What a terminal shows of each kind; the report in JSON has all.
_SHOWN = 50
_LONGEST = 1000
LIKE_THESE = "{} more like these"


def data(batch: Batch) -> dict[str, Any]:
    """Return a conversion as plain data.

    Args:
        batch: What became of the files.
    """
    return {
        "documents": [
            {
                "source": c.document.source,
                "path": c.document.place,
                "name": c.name,
                "hcl": c.text,
                "notes": [asdict(n) for n in c.notes],
            }
            for c in batch.converted
        ],
        "shared": dict(batch.shared),
        "failures": [
            {"source": f.source, "path": f.place, "reason": f.problem} for f in batch.failures
        ],
    }


def lines(batch: Batch) -> Iterator[str]:
    """Yield what a user is to know: what was normalised, what was refused, and a summary.

    Of a large batch these are the first notes and refusals, and how many there are.

    Args:
        batch: What became of the files.
    """
    notes = [(converted, note) for converted in batch.converted for note in converted.notes]
    documents = len({id(converted) for converted, _ in notes})
    yield from first(
        [f"{converted.document.source}: {note}" for converted, note in notes],
        f"{{}} more notes, {len(notes):,} on {documents:,} documents in all",
    )
    for literal in batch.unused:
        yield f"--parametrize: {literal!r} stands nowhere as a whole value or part of an ARN"
    yield from first([f"error: {failure}" for failure in batch.failures], "error: " + LIKE_THESE)
    if len(batch.converted) + batch.refused > 1:
        yield f"{len(batch.converted)} converted, {batch.refused} refused"


def first(lines: Sequence[str], rest: str = LIKE_THESE) -> Iterator[str]:
    """Yield the first of many lines, and how many there are besides.

    Args:
        lines: The lines.
        rest: What is said of the others, with ``{}`` for their number.
    """
    for line in lines[:_SHOWN]:
        yield line if len(line) <= _LONGEST else f"{line[:_LONGEST]} and so on"
    if len(lines) > _SHOWN:
        yield f"{rest.format(f'{len(lines) - _SHOWN:,}')}; --format json prints all"
