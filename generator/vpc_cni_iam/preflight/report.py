"""Prints what was found as text and as plain data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from textwrap import wrap
from typing import Any

from vpc_cni_iam.preflight.findings import Finding, Preflight

_WIDTH = 100
_INDENT = " " * 9
_SHOWN = 20


def to_json(found: Preflight) -> dict[str, Any]:
    """Return what was found as plain data.

    Args:
        found: What was found.
    """
    return {**asdict(found), "breaks": found.breaks}


def to_text(found: Preflight) -> Iterator[str]:
    """Yield what was found as lines.

    Args:
        found: What was found.
    """
    for finding in found.findings:
        yield from _lines(finding)
    breaking = sum(f.severity == "breaks" for f in found.findings)
    looked = [
        _count(number, kind)
        for number, kind in (
            (found.instances, "instance"),
            (found.interfaces, "network interface"),
        )
        if number is not None
    ]
    verdict = f"{breaking} of {_count(len(found.findings), 'finding')} would break"
    if not breaking:
        verdict = "nothing would break"
    yield f"{' and '.join(looked)} read, {_count(found.nodes, 'node')} checked: {verdict}"


def _lines(finding: Finding) -> Iterator[str]:
    resources = list(finding.resources[:_SHOWN])
    more = len(finding.resources) - len(resources)
    named = " ".join([*resources, f"and {more} more"] if more else resources)
    words = f"{named}: {finding.problem}" if named else finding.problem
    texts = wrap(words, _WIDTH - len(_INDENT), break_long_words=False, break_on_hyphens=False)
    texts += wrap(
        f"{finding.effect}",
        _WIDTH - len(_INDENT) - 2,
        break_long_words=False,
        break_on_hyphens=False,
        initial_indent="  ",
        subsequent_indent="  ",
    )
    for number, text in enumerate([*texts, *(f"    {c}" for c in finding.commands)]):
        yield f"{finding.severity.ljust(9) if number == 0 else _INDENT}{text}"


def _count(number: int, kind: str) -> str:
    return f"{number} {kind}{'' if number == 1 else 's'}"
