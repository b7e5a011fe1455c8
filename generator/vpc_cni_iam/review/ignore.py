"""The ignore file: suppressed findings, each with a reason and perhaps a last day."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from msgspec import Struct

from vpc_cni_iam.errors import ConfigurationError, UsageError
from vpc_cni_iam.names import resolve
from vpc_cni_iam.policy import wildcard
from vpc_cni_iam.review.checks.ignore_file import (
    IGNORE_EXPIRED,
    IGNORE_UNUSED,
    EntryWithoutEffect,
    IgnoreEntry,
)
from vpc_cni_iam.review.findings import Finding, finding
from vpc_cni_iam.review.rules import every
from vpc_cni_iam.texts import read
from vpc_cni_iam.texts.limits import CONFIGURATION

NAME = "vpc-cni-iam-ignore.toml"
_KNOWN = ("rule", "address", "reason", "until")
# Findings about the file itself cannot be ignored.
_OWN = (IGNORE_EXPIRED, IGNORE_UNUSED)


class IgnoreFile(Struct, frozen=True):
    """An ignore file."""

    source: str = NAME  # the name of the file
    entries: tuple[IgnoreEntry, ...] = ()


class Ignored(Struct, frozen=True):
    """A finding that an entry suppresses."""

    finding: Finding
    entry: IgnoreEntry


def load(path: Path) -> IgnoreFile:
    """Read an ignore file; raises `ConfigurationError` with the place of the entry."""
    from vpc_cni_iam.texts import toml  # noqa: PLC0415 - few have the file

    text = read(path, "TOML", CONFIGURATION)
    data = toml.loads(text, str(path))
    for key in data:
        if key != "ignore":
            raise ConfigurationError(str(path), key, "is not known; entries are tables [[ignore]]")
    entries = data.get("ignore", [])
    if not isinstance(entries, list):
        raise ConfigurationError(str(path), "ignore", "must be a list: write [[ignore]]")
    read_entries = (_entry(e, str(path), f"ignore[{i}]") for i, e in enumerate(entries))
    return IgnoreFile(str(path), tuple(read_entries))


def _entry(entry: Any, source: str, place: str) -> IgnoreEntry:
    if not isinstance(entry, dict):
        raise ConfigurationError(source, place, "must be a table: write [[ignore]]")
    for key in entry:
        if key not in _KNOWN:
            raise ConfigurationError(
                source, f"{place}.{key}", f"is not known; known are {', '.join(_KNOWN)}"
            )
    for key in ("rule", "address", "reason"):
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            raise ConfigurationError(source, place, f"needs {key!r}, a string that is not empty")
    try:
        known = {str(rule): rule for rule in every() if rule not in _OWN}
        rule = known[resolve(entry["rule"], known, "rule")]
    except UsageError as error:
        problem = f"{error} (rules: docs/rules.md; removed rules: CHANGELOG.md)"
        raise ConfigurationError(source, f"{place}.rule", problem) from None
    until = entry.get("until")
    if until is not None and type(until) is not datetime.date:
        raise ConfigurationError(
            source, f"{place}.until", "must be a date without quotes: 2027-01-31"
        )
    return IgnoreEntry(rule, entry["address"], entry["reason"], until)


def apply(
    file: IgnoreFile, findings: Iterable[Finding], today: datetime.date
) -> tuple[tuple[Finding, ...], tuple[Ignored, ...]]:
    """Return the findings that remain, with those about the file itself, and the ignored ones."""
    left, ignored = list(findings), list[Ignored]()
    for number, entry in enumerate(file.entries, 1):
        evidence = EntryWithoutEffect(file.source, number, entry)
        matches = [f for f in left if f.rule is entry.rule and _matches(entry, f)]
        if entry.until is not None and entry.until < today:
            left.append(finding(IGNORE_EXPIRED, evidence, attribute=str(number)))
        elif matches:
            ignored += [Ignored(match, entry) for match in matches]
            left = [f for f in left if not (f.rule is entry.rule and _matches(entry, f))]
        else:
            left.append(finding(IGNORE_UNUSED, evidence, attribute=str(number)))
    return tuple(left), tuple(ignored)


def _matches(entry: IgnoreEntry, about: Finding) -> bool:
    # An address may have ? and brackets, so only a star is a wildcard.
    return wildcard.matches(entry.address, about.address, wildcards="*")
