"""Policies that were changed outside of the configuration."""

from __future__ import annotations

from collections.abc import Iterator

from vpc_cni_iam.errors import first_of
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.changes import Change
from vpc_cni_iam.review.findings import Finding, Level, Meaning, rule
from vpc_cni_iam.review.make_finding import finding_of, kind_of, line_texts, lines_of

rule(
    "drift",
    "warning",
    "any-change",
    "A policy was changed outside of the configuration.",
    "Somebody, or something, changed it since the last apply. The finding says what the "
    "change means; what the plan does about it is a finding of its own. Where the plan leaves "
    "it so, as with `ignore_changes`, it also counts for what it gains or loses.",
)


def check(context: Context) -> Iterator[Finding]:
    """Yield what drifted, with what it means where the plan leaves it so."""
    staying = {(c.address, c.attribute): c.after for c in context.changes if c.action != "drift"}
    for change in context.changes:
        if change.action == "drift" and change.changes:
            after = staying.get((change.address, change.attribute), change.after)
            yield _drift(change, stays=after == change.after)


def _drift(change: Change, *, stays: bool) -> Finding:
    real = any(line.effect != "no-op" for line in change.lines) or not change.lines
    message = f"{kind_of(change)} was changed outside of the configuration"
    details = line_texts(change.lines)
    if not (real and stays):
        return finding_of(change, "drift", message, details, None if real else "note")
    means: list[Meaning] = ["any-change"]
    level: Level | None = None
    if change.access and change.access.verdict != "no new access":
        means.append("new-access")
        level = "error" if change.access.verdict == "new access" else None
    if change.coverage and change.coverage.lost:
        means.append("coverage-lost")
    message += ", and the plan leaves it so"
    if gained := [line.text for line in lines_of(change, "gain")]:
        message += f": {first_of(gained, 2)}"
    return finding_of(change, "drift", message, details, level, tuple(means))
