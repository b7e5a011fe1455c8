"""What `convert` prints as JSON, in any direction."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from typing import TypedDict

from vpc_cni_iam.converting.batch import Batch
from vpc_cni_iam.converting.from_hcl import Reading, Unread
from vpc_cni_iam.converting.notes import Note
from vpc_cni_iam.converting.report import diff
from vpc_cni_iam.converting.rewriting.rewrite import Replaced, Rewriting
from vpc_cni_iam.errors import InputError


class FailureData(TypedDict):
    """Something that was refused: the input, the place in it, and why."""

    source: str
    path: str
    reason: str


class ConvertedData(TypedDict):
    """A policy in JSON as HCL."""

    source: str
    path: str
    name: str
    hcl: str
    notes: Sequence[Note]


class ConversionData(TypedDict):
    """Policies in JSON as HCL, and the files that they share."""

    documents: Sequence[ConvertedData]
    shared: dict[str, str]
    failures: Sequence[FailureData]


class UnreadData(FailureData):
    """A policy of a .tf file that only an engine can evaluate, or that is refused."""

    address: str


class ReadingData(TypedDict):
    """Policies of .tf files as JSON (--from-hcl)."""

    documents: Sequence[Reading]
    failures: Sequence[UnreadData]


class LeftData(FailureData):
    """A policy in a .tf file that stays as it is."""

    address: str
    kind: str
    refused: bool


class RewrittenFileData(TypedDict):
    """A .tf file in which policies were replaced."""

    path: str
    saved: bool
    diff: str
    replaced: Sequence[Replaced]
    left: Sequence[LeftData]


class RewritingData(TypedDict):
    """Policies in .tf files that became data sources (--rewrite)."""

    files: Sequence[RewrittenFileData]
    failures: Sequence[FailureData]


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
    """Return the policies of .tf files as plain data."""
    return {
        "documents": list(read),
        "failures": [{"address": u.address, **_failure(u.error)} for u in unread],
    }


def rewriting_data(
    rewritings: Iterable[Rewriting], errors: Iterable[InputError], unsaved: Container[Path]
) -> RewritingData:
    """Return the rewriting of .tf files as plain data; `unsaved` has directories not written."""
    return {
        "files": [
            {
                "path": str(r.path),
                "saved": r.after != r.before and r.path.parent not in unsaved,
                "diff": diff(r),
                "replaced": r.replaced,
                "left": [
                    {
                        "address": p.address,
                        "kind": p.kind,
                        "refused": p.refused,
                        **_failure(p.error),
                    }
                    for p in r.left
                ],
            }
            for r in rewritings
        ],
        "failures": list(map(_failure, errors)),
    }


def _failure(error: InputError) -> FailureData:
    return {"source": error.source, "path": error.place, "reason": error.problem}
