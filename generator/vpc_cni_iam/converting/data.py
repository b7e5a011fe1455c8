"""The JSON output of `convert`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from vpc_cni_iam.converting.batch import Batch
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


def conversion_data(batch: Batch) -> ConversionData:
    """Return a conversion as plain data."""
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


def _failure(error: InputError) -> FailureData:
    return {"source": error.source, "path": error.place, "reason": error.problem}
