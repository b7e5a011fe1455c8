"""What a check found, as text, as data and as Markdown for a job summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from vpc_cni_iam.catalog import releases
from vpc_cni_iam.vendoring.check import Report
from vpc_cni_iam.vendoring.state import FINE

STATES = ("clean", "edited", "outdated", "both")


def data(reports: Sequence[Report]) -> dict[str, Any]:
    """Return a check as plain data.

    Args:
        reports: What the check found.
    """
    return {
        "modules": [
            {
                "path": r.module.path,
                "state": r.state,
                "pin": " ".join(r.module.options.selection.arguments()),
                "newest": r.module.newest,
                "files": [
                    {
                        "path": f.path,
                        "state": f.state,
                        "reason": f.reason,
                        "ways_out": list(f.ways_out(r.module.path)),
                    }
                    for f in r.files
                ],
            }
            for r in reports
        ],
        "summary": _counts(reports),
        "newest_release": str(releases.newest()),
    }


def text(reports: Sequence[Report], quiet: bool = False) -> str:
    """Return a check as lines for a terminal.

    Args:
        reports: What the check found.
        quiet: Whether to leave out what is not wrong.
    """
    lines = []
    for report in reports:
        path = report.module.path
        if not report.clean:
            lines.append(f"{report.state:<9}{path}")
        for file in report.files:
            if file.state in FINE:
                lines += [] if quiet else [f"note     {path}/{file.path} {file.reason}"]
                continue
            lines.append(f"         {file.path} {file.reason}")
            lines += [f"           {way}" for way in file.ways_out(path)]
    if not quiet:
        lines += _notes(reports)
        lines.append(_summary(reports))
    return "".join(f"{line}\n" for line in lines)


def _notes(reports: Sequence[Report]) -> list[str]:
    behind = [r.module for r in reports if not r.module.newest]
    pins = Counter(" ".join(m.options.selection.arguments()) for m in behind)
    return [
        f"note     {count} pinned to {pin}; the newest release known is {releases.newest()}"
        for pin, count in sorted(pins.items())
    ]


def markdown(reports: Sequence[Report], quiet: bool = False) -> str:
    """Return a check as Markdown.

    Args:
        reports: What the check found.
        quiet: Whether to leave out what is not wrong.
    """
    lines = [f"### vpc-cni-iam check: {_summary(reports)}", ""]
    wrong = [r for r in reports if not r.clean]
    if wrong:
        lines += ["| module | state | file | what | ways out |", "| --- | --- | --- | --- | --- |"]
    for report in wrong:
        for file in report.files:
            if file.state not in FINE:
                ways = "<br>".join(map(_code, file.ways_out(report.module.path)))
                cells = (_code(report.module.path), report.state, _code(file.path), file.reason)
                lines.append(f"| {' | '.join(cells)} | {ways} |")
    if not quiet:
        lines += ["", *(f"- {note.removeprefix('note').strip()}" for note in _notes(reports))]
    return "\n".join(lines).rstrip() + "\n"


def _code(words: str) -> str:
    """Return text as code that cannot leave its table cell."""
    fence = "``" if "`" in words else "`"
    pad = " " if "`" in words else ""
    return f"{fence}{pad}{words}{pad}{fence}".replace("|", "\\|")


def _counts(reports: Sequence[Report]) -> dict[str, int]:
    states = Counter(r.state for r in reports)
    return {state: states[state] for state in STATES}


def _summary(reports: Sequence[Report]) -> str:
    counts = ", ".join(f"{n} {s}" for s, n in _counts(reports).items() if n)
    return counts or "no modules"
