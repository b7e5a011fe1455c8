"""The JSON output of `convert`, in both directions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypedDict

from vpc_cni_iam.converting.batch import Batch
from vpc_cni_iam.converting.from_hcl import Reading, Unread
from vpc_cni_iam.converting.notes import Note
from vpc_cni_iam.errors import InputError


class FailureData(TypedDict):
    """A document or file that was refused: the input, the place in it, and why."""

    source: str
    path: str
    reason: str


class ConvertedData(TypedDict):
    """A JSON policy as HCL."""

    source: str
    path: str
    name: str
    hcl: str
    notes: Sequence[Note]


class ConversionData(TypedDict):
    """JSON policies as HCL, and the files that they share."""

    documents: Sequence[ConvertedData]
    shared: dict[str, str]
    failures: Sequence[FailureData]


class UnreadData(FailureData):
    """A policy in a .tf file that only an engine can evaluate, or that is refused."""

    address: str


class ReadingData(TypedDict):
    """Policies in .tf files as JSON (--from-hcl)."""

    documents: Sequence[Reading]
    failures: Sequence[UnreadData]


def conversion_data(batch: Batch) -> ConversionData:
    """Return a conversion from JSON as plain data."""
    return {
        "documents": [
            {
                "source": c.document.source,
                "path": c.document.place,
                "name": c.name,
                "hcl": c.text,
                "notes": c.notes,
            }
            for c in batch.converted
        ],
        "shared": dict(batch.shared),
        "failures": list(map(_failure, batch.failures)),
    }


def reading_data(read: Iterable[Reading], unread: Iterable[Unread]) -> ReadingData:
    """Return the policies in .tf files as plain data."""
    return {
        "documents": list(read),
        "failures": [{"address": u.address, **_failure(u.error)} for u in unread],
    }


def _failure(error: InputError) -> FailureData:
    return {"source": error.source, "path": error.place, "reason": error.problem}
