"""What a review found, as plain frozen data; every report is written from it and nothing else.

Texts in here come from the plan and are not made safe: a report neutralises control characters
and escapes its markup itself. Values that the plan marks sensitive are never in here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from vpc_cni_iam.review.diff.changes import Change, Document, Place, PrincipalChange
from vpc_cni_iam.review.diff.plugin import ClusterChange

Level = Literal["error", "warning", "note"]
LEVELS: tuple[Level, ...] = ("note", "warning", "error")
# What a finding may mean for --fail-on, besides its level.
Meaning = Literal["new-access", "coverage-lost", "any-change"]
MEANINGS: tuple[Meaning, ...] = ("new-access", "coverage-lost", "any-change")


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing a review looks for.

    Args:
        id: Its stable identifier, such as ``new-access``; ignore files name it.
        level: How bad it is, where a finding does not say otherwise.
        means: What of ``--fail-on`` it counts for, besides its level.
        summary: What it says, in a line.
        help: Why it matters and what to do about it, in a few sentences of Markdown.
    """

    id: str
    level: Level
    means: tuple[Meaning, ...]
    summary: str
    help: str


# Every rule by its identifier; a file of checks registers its own.
BY_ID: dict[str, Rule] = {}


def rule(identifier: str, level: Level, means: str, summary: str, text: str) -> Rule:
    """Register a rule, and return it.

    Args:
        means: What of ``--fail-on`` it counts for, with spaces between.
        text: Why it matters and what to do about it.
    """
    counts_for = tuple(meaning for meaning in MEANINGS if meaning in means.split())
    BY_ID[identifier] = Rule(identifier, level, counts_for, summary, text)
    return BY_ID[identifier]


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Args:
        rule: The rule's identifier.
        level: How bad it is here.
        means: What of ``--fail-on`` it counts for, besides its level.
        address: The resource's address; empty for what is about the ignore file or the plan.
        attribute: Where in it, as of `Change`; may be empty.
        message: One or two sentences; everything that matters is in it.
        details: More lines: what was gained, the witness, what is lacking.
        place: Where it is written.
        fingerprint: The same for the same finding in the next plan: 16 hexadecimal digits.
    """

    rule: str
    level: Level
    means: tuple[Meaning, ...]
    address: str
    attribute: str
    message: str
    details: tuple[str, ...]
    place: Place | None
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """A finding that the ignore file takes out.

    Args:
        reason: Why, as the file says.
        until: The last day on which it is ignored, in ISO 8601; empty for no end.
    """

    finding: Finding
    reason: str
    until: str


@dataclass(frozen=True, slots=True)
class Review:
    """A review: what changes, what that means, and the findings.

    Args:
        plan: The name of the plan's file, or ``standard input``.
        engine: The engine's version as the plan has it, such as ``1.15.5``.
        version: The plugin's version the plan was reviewed for, such as ``v1.23.0``.
        modes: The IP families, ``ipv4`` and ``ipv6``.
        clusters: The plugin in each cluster of which the plan says anything.
        changes: What the plan holds, by address and attribute; no-op and read ones too.
        principals: Roles, users and groups whose policies are known, by name.
        documents: Policy documents, by address.
        findings: What was found and is not ignored, worst first, then by address.
        ignored: What was found and is ignored.
        rules: Every rule, by identifier.
        fail_on: The level or meaning from which on a finding fails the review.
        failed: Whether one does: exit code 1.
        others: How many resources change that are not about access, and are not read.
    """

    format: Literal[1] = field(default=1, kw_only=True)
    plan: str
    engine: str
    version: str
    modes: tuple[str, ...]
    clusters: tuple[ClusterChange, ...]
    changes: Sequence[Change]
    principals: tuple[PrincipalChange, ...]
    documents: Sequence[Document]
    findings: tuple[Finding, ...]
    ignored: tuple[Ignored, ...]
    rules: tuple[Rule, ...]
    fail_on: str
    failed: bool
    others: int
