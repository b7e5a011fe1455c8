"""A conversion as plain data, and as the lines that a user reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from vpc_cni_iam.converting.batch import Batch


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

    Args:
        batch: What became of the files.
    """
    for converted in batch.converted:
        for note in converted.notes:
            yield f"{converted.document.source}: {note}"
    for literal in batch.unused:
        yield f"--parametrize: {literal!r} stands nowhere as a whole value or part of an ARN"
    for failure in batch.failures:
        yield f"error: {failure}"
    if len(batch.converted) + batch.refused > 1:
        yield f"{len(batch.converted)} converted, {batch.refused} refused"
