"""The text report of a conversion, in both directions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vpc_cni_iam.converting.batch import Batch
    from vpc_cni_iam.converting.from_hcl import Reading, Unread

# How many lines of each kind a terminal shows; the JSON report has all.
_SHOWN = 50
_LONGEST = 1000
LIKE_THESE = "{} more like these"


def reading_lines(read: Sequence[Reading], unread: Sequence[Unread]) -> Iterator[str]:
    """Yield the lines about the policies in .tf files."""
    yield from first(
        [
            f"{reading.source}: line {reading.line}: {reading.address}: refers to "
            f"{', '.join(f'${{{name}}}' for name in reading.references)}; "
            "any other ${...} in it is an IAM policy variable"
            for reading in read
            if reading.references
        ]
    )
    yield from first(
        [
            f"{reading.source}: line {reading.line}: {reading.address}: rendered by "
            f"{reading.engine} with the values of variables, in the partition aws"
            for reading in read
            if reading.engine
        ]
    )
    yield from first(
        [
            f"{reading.source}: line {reading.line}: {reading.address}: {note}"
            for reading in read
            for note in reading.notes
        ]
    )
    yield from error_lines(
        u.error if u.address in ("", u.error.source) else f"{u.address}: {u.error}" for u in unread
    )
    if len(read) + len(unread) > 1:
        yield f"{len(read)} read, {len(unread)} not"


def error_lines(errors: Iterable[object]) -> Iterator[str]:
    """Yield the first errors, and the number of other errors."""
    yield from first([f"error: {error}" for error in errors], "error: " + LIKE_THESE)


def lines(batch: Batch) -> Iterator[str]:
    """Yield the lines of a report: normalisations, refusals and a summary.

    For a large batch, these are the first notes and refusals, with their numbers.
    """
    notes = [(converted, note) for converted in batch.converted for note in converted.notes]
    documents = len({id(converted) for converted, _ in notes})
    yield from first(
        [f"{converted.document.source}: {note}" for converted, note in notes],
        f"{{}} more notes, {len(notes):,} about {documents:,} documents in all",
    )
    for literal in batch.unused:
        yield f"--parametrize: no whole value or part of an ARN is {literal!r}"
    yield from error_lines(batch.failures)
    if len(batch.converted) + batch.refused > 1:
        yield f"{len(batch.converted)} converted, {batch.refused} refused"


def first(lines: Sequence[str], rest: str = LIKE_THESE) -> Iterator[str]:
    """Yield the first lines, and the number of other lines in the ``{}`` of `rest`."""
    for line in lines[:_SHOWN]:
        yield line if len(line) <= _LONGEST else f"{line[:_LONGEST]} and so on"
    if len(lines) > _SHOWN:
        yield f"{rest.format(f'{len(lines) - _SHOWN:,}')}; --format json prints all"
