"""What `verify` prints as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from vpc_cni_iam.verifying.verify import Verification, VerifiedDocument


class VerifyFindingData(TypedDict):
    """A difference of the code; without a line, of the whole file."""

    file: str
    line: int | None
    text: str


class VerificationData(TypedDict):
    """A module compared with the catalog."""

    documents: Sequence[VerifiedDocument]
    findings: Sequence[VerifyFindingData]
    notes: Sequence[str]


def verification_data(result: Verification) -> VerificationData:
    """Return a comparison as plain data."""
    return {
        "documents": result.documents,
        "findings": [
            {"file": f.file, "line": f.line or None, "text": f.text} for f in result.findings
        ],
        "notes": result.notes,
    }
