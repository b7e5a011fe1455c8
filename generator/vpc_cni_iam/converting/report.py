"""The text report of a conversion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from vpc_cni_iam.errors import InputError

if TYPE_CHECKING:
    from vpc_cni_iam.converting.batch import Batch

# How many lines of each kind a terminal shows; the JSON report has all.
_SHOWN = 50
_LONGEST = 1000


def lines(batch: Batch) -> Iterator[str]:
    """Yield the lines of a report: normalisations, refusals and a summary.

    For a large batch, these are the first notes and refusals, with their numbers.
    """
    notes = [(converted, note) for converted in batch.documents for note in converted.notes]
    documents = len({id(converted) for converted, _ in notes})
    yield from _first(
        [f"{converted.source}: {note}" for converted, note in notes],
        f"{{}} more notes, {len(notes):,} about {documents:,} documents in all",
    )
    errors = [f"error: {InputError(f.source, f.path, f.reason)}" for f in batch.failures]
    yield from _first(errors, "error: {} more like these")
    if len(batch.documents) + batch.refused > 1:
        yield f"{len(batch.documents)} converted, {batch.refused} refused"


def _first(lines: Sequence[str], rest: str) -> Iterator[str]:
    """Yield the first lines, and the number of other lines in the ``{}`` of `rest`."""
    for line in lines[:_SHOWN]:
        yield line if len(line) <= _LONGEST else f"{line[:_LONGEST]} and so on"
    if len(lines) > _SHOWN:
        yield f"{rest.format(f'{len(lines) - _SHOWN:,}')}; --format json prints all"
