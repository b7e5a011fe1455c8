"""The matrix of releases and actions as text and as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from vpc_cni_iam.coverage.analysis.excess import Wider
from vpc_cni_iam.coverage.analysis.matrix import Cell, Matrix, Row
from vpc_cni_iam.coverage.simulate.scenarios import SITUATIONS
from vpc_cni_iam.coverage.subject import Subject
from vpc_cni_iam.inputs import skipped

# The verdict where a policy of the input was not read.
INCOMPLETE = "incomplete"
MODES = {"ipv4": "IPv4", "ipv6": "IPv6"}
# What a cell is called and how it is written, so that no meaning hangs on a colour.
MEANINGS: dict[Cell, tuple[str, str]] = {
    "allowed": ("+", "called and allowed"),
    "fatal": ("X", "called and denied: the plugin fails"),
    "degraded": ("!", "called and denied: it works with less"),
    "unused": ("o", "allowed, never called"),
    "not called": (".", "neither"),
}


def text(subject: Subject, matrix: Matrix, every: bool = False) -> Iterator[str]:
    """Yield the lines of the matrix: a row for each run of releases that are alike.

    Args:
        subject: What was looked at.
        matrix: How it went.
        every: Whether each release has a row of its own.
    """
    yield heading(subject, matrix)
    yield ""
    rows = [(row, row) for row in matrix.rows] if every else list(matrix.runs())
    names = [releases_text(first, last) for first, last in rows]
    width = max(map(len, names))
    for number, action in enumerate(matrix.actions):
        yield f"{' ' * width}  {'| ' * number}{action}"
    yield f"{' ' * width}  {'| ' * len(matrix.actions)}".rstrip()
    for name, (first, _) in zip(names, rows, strict=True):
        marks = " ".join(MEANINGS[cell][0] for cell in first.cells)
        yield f"{name:<{width}}  {marks}"
    yield ""
    for mark, meaning in MEANINGS.values():
        yield f"{mark}  {meaning}"
    if said := list(reasons(matrix)):
        yield ""
        yield from said
    if matrix.wider:
        yield ""
        yield from beyond(matrix)
    if subject.skipped:
        yield ""
        yield from skipped.lines(subject.skipped)
    yield ""
    yield conclusion(subject, matrix)


def heading(subject: Subject, matrix: Matrix) -> str:
    """Return what the matrix shows, in a line.

    Args:
        subject: What was looked at.
        matrix: How it went.
    """
    features = matrix.setting.features
    more = f", with {', '.join(features)}" if features else ""
    if len(matrix.situations) < len(SITUATIONS):
        more += f", in {', '.join(matrix.situations)} only"
    return f"{subject.title} against every plugin release, {MODES[matrix.setting.mode]}{more}"


def conclusion(subject: Subject, matrix: Matrix) -> str:
    """Return the releases at which the plugin works; first what keeps that from being known.

    Args:
        subject: What was looked at.
        matrix: How it went.
    """
    if subject.is_complete:
        return f"works with {works(matrix)}"
    said = skipped.incomplete(subject.skipped)
    return f"incomplete: {said}; what was read works with {works(matrix)}"


def works(matrix: Matrix) -> str:
    """Return the releases at which the plugin works, as text; and where it fails only at times.

    Args:
        matrix: How it went.
    """
    found = ", ".join(map(str, matrix.works())) or "no known release"
    names, more = matrix.works_but_for()
    if names:
        found += f"; but for {' and '.join(names)}, with {', '.join(map(str, more))}"
    undecided = dict.fromkeys(d.action for d in matrix.denials() if d.call.undecided)
    if undecided:
        found += f"; undecided, counted as denied: {', '.join(undecided)}"
    return found


def releases_text(first: Row, last: Row) -> str:
    """Return the name of a run of releases.

    Args:
        first: Its first row.
        last: Its last.
    """
    same = first.release == last.release
    return str(first.release) if same else f"{first.release} to {last.release}"


def reasons(matrix: Matrix) -> Iterator[str]:
    """Yield a line for each kind of denial: where, what breaks, and the evidence.

    Args:
        matrix: How it went.
    """
    for denial in matrix.denials():
        use, where = denial.call.use, releases_text(denial.first, denial.last)
        yield (
            f"{MEANINGS[use.severity][0]}  {denial.action} at {where}, in {denial.situation}: "
            f"{use.effect} ({use.known_by(denial.first.release, denial.last.release)}): "
            f"{denial.call.breaks} ({use.evidence})"
        )


def beyond(matrix: Matrix) -> Iterator[str]:
    """Yield a line for each pattern that grants more than any release calls.

    Args:
        matrix: How it went.
    """
    yield from (f"granted beyond what any release calls: {wider}" for wider in matrix.wider)


def beyond_data(found: Iterable[Wider]) -> list[dict[str, Any]]:
    """Return patterns that grant more than the calls as plain data.

    Args:
        found: The patterns.
    """
    return [{"pattern": one.pattern, "examples": list(one.examples)} for one in found]


def data(subject: Subject, matrix: Matrix) -> dict[str, Any]:
    """Return the matrix as plain data.

    Args:
        subject: What was looked at.
        matrix: How it went.
    """
    names, more = matrix.works_but_for()
    return {
        "policy": subject.title,
        "mode": matrix.setting.mode,
        "features": list(matrix.setting.features),
        "situations": list(matrix.situations),
        "verdict": matrix.verdict if subject.is_complete else INCOMPLETE,
        "skipped": skipped.data(subject.skipped),
        "works_with": [[str(s.first), str(s.last)] for s in matrix.works()],
        "works_but_for": {
            "situations": list(names),
            "works_with": [[str(s.first), str(s.last)] for s in more],
        },
        "granted_beyond_calls": beyond_data(matrix.wider),
        "actions": list(matrix.actions),
        "releases": [
            {
                "release": str(row.release),
                "cells": dict(zip(matrix.actions, row.cells, strict=True)),
                "denied": {
                    action: {
                        "situation": matrix.reasons[row.release, action][0],
                        "call": matrix.reasons[row.release, action][1].form.name,
                        "impact": matrix.reasons[row.release, action][1].use.effect,
                        "known": matrix.reasons[row.release, action][1]
                        .use.basis(row.release)
                        .value,
                        "breaks": matrix.reasons[row.release, action][1].breaks,
                        "undecided": matrix.reasons[row.release, action][1].undecided or None,
                        "evidence": matrix.reasons[row.release, action][1].use.evidence,
                    }
                    for action in matrix.actions
                    if (row.release, action) in matrix.reasons
                },
            }
            for row in matrix.rows
        ],
    }
