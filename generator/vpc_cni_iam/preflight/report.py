"""Preflight findings as lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from textwrap import wrap

from vpc_cni_iam.preflight.findings import Preflight, PreflightFinding
from vpc_cni_iam.preflight.rules import Severity

_WIDTH = 100
_INDENT = " " * 9
_SHOWN = 20


def lines(result: Preflight) -> Iterator[str]:
    """Yield the findings as lines."""
    for finding in result.findings:
        yield from _lines(finding)
    counts = Counter(finding.severity for finding in result.findings)
    if counts[Severity.breaks]:
        verdict = "the plugin would break"
    elif counts[Severity.unknown]:
        verdict = "whether the plugin would break is not known"
    else:
        verdict = "nothing would break"
    listed = ", ".join(f"{counts[s]} {s}" for s in Severity if counts[s])
    read = [
        _count(number, kind)
        for number, kind in (
            (result.instances, "instance"),
            (result.interfaces, "network interface"),
        )
        if number is not None
    ]
    checked = f"{' and '.join(read)} read, {_count(result.nodes, 'node')} checked"
    yield f"{checked}: {verdict}{f' ({listed})' if listed else ''}"


def _lines(finding: PreflightFinding) -> Iterator[str]:
    resources = list(finding.resources[:_SHOWN])
    more = len(finding.resources) - len(resources)
    named = " ".join([*resources, f"and {more} more"] if more else resources)
    words = f"{named}: {finding.problem}" if named else finding.problem
    texts = wrap(words, _WIDTH - len(_INDENT), break_long_words=False, break_on_hyphens=False)
    texts += wrap(
        finding.effect,
        _WIDTH - len(_INDENT) - 2,
        break_long_words=False,
        break_on_hyphens=False,
        initial_indent="  ",
        subsequent_indent="  ",
    )
    for number, text in enumerate([*texts, *(f"    {c}" for c in finding.commands)]):
        yield f"{finding.severity.ljust(9) if number == 0 else _INDENT}{text}"


def _count(number: int, kind: str) -> str:
    return f"{number or 'no'} {kind}{'s' * (number > 1)}"
