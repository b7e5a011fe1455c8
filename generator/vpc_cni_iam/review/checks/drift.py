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
    "it so, as with `ignore_changes`, it also counts for what it gains or loses. A policy that is "
    "gone from a role is a note, if the plugin does not need it: the state may be from before the "
    "last apply, which removed it.",
)


def check(context: Context) -> Iterator[Finding]:
    """Yield what drifted, with what it means where the plan leaves it so."""
    staying = {(c.address, c.attribute): c.after for c in context.changes if c.action != "drift"}
    for change in context.changes:
        if change.action == "drift" and change.changes:
            after = staying.get((change.address, change.attribute), change.after)
            yield _drift(change, context, stays=after == change.after)


def _drift(change: Change, context: Context, *, stays: bool) -> Finding:
    real = any(line.effect != "no-op" for line in change.lines) or not change.lines
    message = f"{kind_of(change)} was changed outside of the configuration"
    details = line_texts(change.lines)
    if not (real and stays):
        return finding_of(change, "drift", message, details, None if real else "note")
    # A state has what a role had before the attachments of an apply went.
    if change.type == "aws_iam_role" and change.after.known == "absent":
        return _gone(change, context)
    message += ", and the plan leaves it so"
    if gained := [line.text for line in lines_of(change, "gain")]:
        message += f": {first_of(gained, 2)}"
    means = _means(change, lost=bool(change.coverage and change.coverage.lost))
    return finding_of(change, "drift", message, details, _level(change), means)


def _gone(change: Change, context: Context) -> Finding:
    """Return that a role no longer has a policy."""
    message = f"{kind_of(change)} is gone: by the last apply, or outside of the configuration"
    lost = change.concerns_plugin and not _still_works(change, context)
    level = _level(change)
    if not (lost or (change.access and change.access.verdict in ("new access", "not proven"))):
        level = "note"
    means = _means(change, lost=lost)
    return finding_of(change, "drift", message, line_texts(change.lines), level, means)


def _level(change: Change) -> Level | None:
    return "error" if change.access and change.access.verdict == "new access" else None


def _means(change: Change, *, lost: bool) -> tuple[Meaning, ...]:
    opens = change.access and change.access.verdict != "no new access"
    means: tuple[Meaning, ...] = ("any-change", *(("new-access",) if opens else ()))
    return (*means, "coverage-lost") if lost else means


def _still_works(change: Change, context: Context) -> bool:
    """Say whether the plugin has what it needs by other policies of the roles of a change."""
    principals = [context.principals.get(name) for name in change.principals]
    needed = [[r.after for r in (p.matrix if p else ()) if r.needed == "fatal"] for p in principals]
    return bool(needed) and all(grades and "no" not in grades for grades in needed)
