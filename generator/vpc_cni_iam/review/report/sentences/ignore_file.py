"""Sentences about entries of the ignore file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.ignore import EntryWithoutEffect
from vpc_cni_iam.review.report.saying import Saying
from vpc_cni_iam.review.rules import Rule


def _entry(finding: Finding, evidence: EntryWithoutEffect) -> Saying:
    entry = evidence.entry
    where = f"{evidence.source}, entry {evidence.number}"
    about = f"{entry.rule} on {entry.address}: {entry.reason}"
    if finding.rule is Rule.IGNORE_EXPIRED:
        return Saying(
            f"{where} expired on {entry.until}: {about}",
            fix="Fix the findings of the entry, or set a new date and reason",
        )
    return Saying(f"{where} matches no finding: {about}", fix="Delete the entry")


SENTENCES: Mapping[type, Callable[[Finding, Any], Saying]] = {EntryWithoutEffect: _entry}
