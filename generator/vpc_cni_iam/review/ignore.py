"""The ignore file: ignored findings, each with a reason and perhaps a last day."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from msgspec import Struct

from vpc_cni_iam.errors import ConfigurationError, UsageError
from vpc_cni_iam.names import resolve
from vpc_cni_iam.policy import wildcard
from vpc_cni_iam.review.findings import Finding, Ignored
from vpc_cni_iam.review.make_finding import finding
from vpc_cni_iam.review.rules import RULES
from vpc_cni_iam.texts import read
from vpc_cni_iam.texts.limits import CONFIGURATION

NAME = "vpc-cni-iam-ignore.toml"
_KNOWN = ("rule", "address", "reason", "until")
_IDS = tuple(rule.id for rule in RULES)
# About the file itself: ignoring these would defeat it.
_OWN = ("ignore-expired", "ignore-unused")


class Entry(Struct, frozen=True):
    """One entry."""

    rule: str  # the rule's identifier
    address: str  # a resource's address, in which ``*`` stands for anything
    reason: str  # why
    until: datetime.date | None  # the last day on which it counts; None for no end


def load(path: Path) -> tuple[Entry, ...]:
    """Read an ignore file; a `ConfigurationError` has the entry."""
    from vpc_cni_iam.texts import toml  # noqa: PLC0415 - few have the file

    text = read(path, "TOML", CONFIGURATION)
    data = toml.loads(text, str(path))
    for key in data:
        if key != "ignore":
            raise ConfigurationError(str(path), key, "is not known; entries are tables [[ignore]]")
    entries = data.get("ignore", [])
    if not isinstance(entries, list):
        raise ConfigurationError(str(path), "ignore", "must be a list: write [[ignore]]")
    return tuple(_entry(e, str(path), f"ignore[{i}]") for i, e in enumerate(entries))


def _entry(entry: Any, source: str, place: str) -> Entry:
    if not isinstance(entry, dict):
        raise ConfigurationError(source, place, "must be a table: write [[ignore]]")
    for key in entry:
        if key not in _KNOWN:
            raise ConfigurationError(
                source, f"{place}.{key}", f"is not known; known are {', '.join(_KNOWN)}"
            )
    for key in ("rule", "address", "reason"):
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            raise ConfigurationError(source, place, f"needs {key!r}, a text that is not empty")
    try:
        rule = resolve(entry["rule"], [r for r in _IDS if r not in _OWN], "rule")
    except UsageError as error:
        raise ConfigurationError(source, f"{place}.rule", str(error)) from None
    until = entry.get("until")
    if until is not None and type(until) is not datetime.date:
        raise ConfigurationError(
            source, f"{place}.until", "must be a date without quotes: 2027-01-31"
        )
    return Entry(rule, entry["address"], entry["reason"], until)


def apply(
    entries: Iterable[Entry], findings: Iterable[Finding], source: str, today: datetime.date
) -> tuple[tuple[Finding, ...], tuple[Ignored, ...]]:
    """Return what is left, with what is to be said of the file itself, and what is ignored."""
    left, ignored = list(findings), list[Ignored]()
    for number, entry in enumerate(entries):
        fits = [f for f in left if f.rule == entry.rule and _fits(entry.address, f.address)]
        where = f"{source}, entry {number + 1}"
        about = f"{entry.rule} on {entry.address}: {entry.reason}"
        if entry.until is not None and entry.until < today:
            text = f"{where} expired on {entry.until}: {about}"
            left.append(finding("ignore-expired", text, attribute=str(number + 1)))
        elif fits:
            until = entry.until.isoformat() if entry.until else ""
            ignored += [Ignored(f, entry.reason, until) for f in fits]
            left = [f for f in left if f not in fits]
        else:
            text = f"{where} matches nothing: {about}"
            left.append(finding("ignore-unused", text, attribute=str(number + 1)))
    return tuple(left), tuple(ignored)


def _fits(pattern: str, address: str) -> bool:
    # An address may hold ? and brackets: nothing but a star stands for anything else.
    return wildcard.matches(pattern, address, wildcards="*")
