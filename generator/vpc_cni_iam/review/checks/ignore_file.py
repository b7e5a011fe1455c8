"""Entries of the ignore file that have expired, or match nothing."""

from __future__ import annotations

import datetime

from msgspec import Struct

from vpc_cni_iam.levels import Level
from vpc_cni_iam.review.findings import Finding, Saying, says
from vpc_cni_iam.review.rules import Rule, Topic

IGNORE_EXPIRED = Rule(
    "ignore-expired",
    (Level.WARNING, Topic.PLAN, ()),
    summary="An entry of the ignore file has expired.",
    help="Its findings are reported again. Fix them, or set a new date and reason.",
    fix="Fix the findings of the entry, or give it a new date and reason.",
)
IGNORE_UNUSED = Rule(
    "ignore-unused",
    (Level.NOTE, Topic.PLAN, ()),
    summary="An entry of the ignore file matches no finding.",
    help="Delete the entry, so that it does not hide a later finding.",
    fix="Delete the entry.",
)


class IgnoreEntry(Struct, frozen=True):
    """An entry of the ignore file."""

    rule: Rule
    address: str  # a resource's address; ``*`` matches any text
    reason: str
    until: datetime.date | None = None  # the last day on which it applies; None for no end


class EntryWithoutEffect(Struct, frozen=True):
    """An entry that has expired, or that matches no finding."""

    source: str
    number: int  # from 1
    entry: IgnoreEntry


@says(EntryWithoutEffect)
def _entry(finding: Finding, evidence: EntryWithoutEffect) -> Saying:
    entry = evidence.entry
    where = f"{evidence.source}, entry {evidence.number}"
    about = f"{entry.rule} on {entry.address}: {entry.reason}"
    if finding.rule is IGNORE_EXPIRED:
        return Saying(
            f"{where} expired on {entry.until}: {about}",
            fix="Fix the findings of the entry, or set a new date and reason",
        )
    return Saying(f"{where} matches no finding: {about}", fix="Delete the entry")
