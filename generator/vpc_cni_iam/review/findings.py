"""What a review found, as plain frozen data; every report is written from it and nothing else.

Texts in here come from the plan and are not made safe: a report neutralises control characters
and escapes its markup itself. Values that the plan marks sensitive are never in here.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from vpc_cni_iam.review.diff.changes import Change, Document, Place, PrincipalChange
from vpc_cni_iam.review.diff.plugin import ClusterChange

Level = Literal["error", "warning", "note"]
LEVELS: tuple[Level, ...] = ("note", "warning", "error")
# What a finding may mean for --fail-on, besides its level.
Meaning = Literal["new-access", "coverage-lost", "any-change"]
MEANINGS: tuple[Meaning, ...] = ("new-access", "coverage-lost", "any-change")


class Rule(Struct, frozen=True):
    """One thing a review looks for."""

    id: str  # its stable identifier, such as ``new-access``; ignore files name it
    level: Level  # how bad it is, where a finding does not say otherwise
    means: tuple[Meaning, ...]  # what of ``--fail-on`` it counts for, besides its level
    summary: str  # what it says, in a line
    help: str  # why it matters and what to do about it, in a few sentences of Markdown


# Every rule by its identifier; a file of checks registers its own.
BY_ID: dict[str, Rule] = {}


def rule(identifier: str, level: Level, means: str, summary: str, text: str) -> None:
    """Register a rule.

    `means` is what of ``--fail-on`` it counts for, as of `MEANINGS`, with spaces between; `text`
    why it matters and what to do about it.
    """
    assert set(means.split()) <= set(MEANINGS), f"{identifier}: {means}"  # noqa: S101
    counts_for = tuple(meaning for meaning in MEANINGS if meaning in means.split())
    BY_ID[identifier] = Rule(identifier, level, counts_for, summary, text)


class Finding(Struct, frozen=True):
    """One finding."""

    rule: str  # the rule's identifier
    level: Level  # how bad it is here
    means: tuple[Meaning, ...]  # what of ``--fail-on`` it counts for, besides its level
    address: str  # the resource's address; empty for what is about the ignore file or the plan
    attribute: str  # where in it, as of `Change`; may be empty
    message: str  # one or two sentences; everything that matters is in it
    details: tuple[str, ...]  # more lines: what is allowed, an example request, what is lacking
    place: Place | None  # where it is written
    fingerprint: str  # the same for the same finding in the next plan: 16 hexadecimal digits


class Ignored(Struct, frozen=True):
    """A finding that the ignore file takes out."""

    finding: Finding
    reason: str  # why, as the file says
    until: str  # the last day on which it is ignored, in ISO 8601; empty for no end


class Review(Struct, frozen=True, kw_only=True):
    """A review: what changes, what that means, and the findings."""

    format: Literal[1] = 1
    plan: str  # the name of the plan's file, or ``standard input``
    engine: str  # the engine's version as the plan has it, such as ``1.15.5``
    version: str  # the plugin's version the plan was reviewed for, such as ``v1.23.0``
    modes: tuple[str, ...]  # the IP families, ``ipv4`` and ``ipv6``
    # The plugin in each cluster of which the plan says anything.
    clusters: tuple[ClusterChange, ...]
    # What the plan holds, by address and attribute; no-op and read ones too.
    changes: tuple[Change, ...]
    # Roles, users and groups whose policies are known, by name.
    principals: tuple[PrincipalChange, ...]
    documents: tuple[Document, ...]  # policy documents, by address
    findings: tuple[Finding, ...]  # what was found and is not ignored, worst first, then by address
    ignored: tuple[Ignored, ...]  # what was found and is ignored
    rules: tuple[Rule, ...]  # every rule, by identifier
    fail_on: tuple[str, ...]  # levels, from which on a finding fails the review, and meanings
    failed: bool  # whether one does: exit code 1
    others: int  # how many resources change that are not about access, and are not read
