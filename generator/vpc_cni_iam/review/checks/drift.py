"""Policies that were changed outside of the configuration."""

from __future__ import annotations

from collections.abc import Iterator

from vpc_cni_iam.errors import first_of
from vpc_cni_iam.review.account.policy_state import judged_policies
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.changes import Change
from vpc_cni_iam.review.diff.coverage import missing_permissions
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
    "last apply, which removed it. Drift of what the plan deletes is a note, too.",
)


def check(context: Context) -> Iterator[Finding]:
    """Yield what drifted, with what it means where the plan leaves it so."""
    staying = {(c.address, c.attribute): c.after for c in context.changes if c.action != "drift"}
    for change in context.changes:
        if change.action != "drift" or not change.changes:
            continue
        if _goes(change, context):
            message = f"{_message(change)}, and the plan deletes it"
            yield finding_of(change, "drift", message, line_texts(change.lines), "note")
        else:
            after = staying.get((change.address, change.attribute), change.after)
            yield _drift(change, context, stays=after == change.after)


def _goes(change: Change, context: Context) -> bool:
    """Say whether the plan deletes what drifted."""
    # An exclusive list that goes leaves its policies with who has them.
    lists = change.type.endswith("_exclusive")
    return context.owners.deleted.issuperset(change.principals if lists else [change.address])


def _drift(change: Change, context: Context, *, stays: bool) -> Finding:
    real = any(line.effect != "no-op" for line in change.lines) or not change.lines
    message = _message(change)
    details = line_texts(change.lines)
    if not (real and stays):
        return finding_of(change, "drift", message, details, None if real else "note")
    verdict = change.access.verdict if change.access else "no new access"
    lost = _loses(change, context)
    level: Level | None = "error" if verdict == "new access" else None
    message += ", and the plan leaves it so"
    # A state has what a role had before the attachments of an apply went.
    if _is_gone(change):
        message = f"{kind_of(change)} is gone: by the last apply, or outside of the configuration"
        level = level if lost or verdict in ("new access", "not proven") else "note"
    if gained := [line.text for line in lines_of(change, "gain")]:
        message += f": {first_of(gained, 2)}"
    means: tuple[Meaning, ...] = ("any-change",)
    means += ("new-access",) if verdict != "no new access" else ()
    means += ("coverage-lost",) if lost else ()
    return finding_of(change, "drift", message, details, level, means)


def _message(change: Change) -> str:
    return f"{kind_of(change)} was changed outside of the configuration"


def _is_gone(change: Change) -> bool:
    # A boundary is an argument of the role, of which the state is that after the last apply.
    repeated = change.type == "aws_iam_role" and change.kind != "boundary"
    return repeated and change.after.known == "absent"


def _loses(change: Change, context: Context) -> bool:
    """Say whether the plugin loses what it needs, and has it by no other policy of its roles."""
    if not _is_gone(change):
        return bool(change.coverage and change.coverage.lost)
    works = [_works(name, context) for name in change.principals]
    return change.concerns_plugin and not (works and all(works))


def _works(name: str, context: Context) -> bool:
    """Say whether the plugin works with the policies that a role still has."""
    has = context.effective.by_principal.get(name)
    if has is None:
        return False
    policies, limits = judged_policies(*has.after.values()), judged_policies(has.bounds[1])
    lacks = missing_permissions(tuple(policies), context.target, limits)
    return lacks is not None and all(lack.impact != "fatal" for lack in lacks)
