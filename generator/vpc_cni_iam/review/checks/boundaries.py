"""Permissions boundaries that are taken off, replaced or widened."""

from __future__ import annotations

from collections.abc import Iterator

from vpc_cni_iam.review.account.attribute_value import side
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.changes import Change
from vpc_cni_iam.review.diff.proofs import new_access, proven
from vpc_cni_iam.review.findings import Finding, rule
from vpc_cni_iam.review.gains import can_call, example_or_reason, names_text
from vpc_cni_iam.review.make_finding import finding, finding_of, line_texts, lines_of

rule(
    "boundary-weakened",
    "error",
    "new-access any-change",
    "A permissions boundary is taken off, replaced or widened.",
    "A boundary holds back what policies grant: what it newly allows counts from then on where a "
    "policy grants it, and without a boundary all that policies grant counts.",
)


def check(context: Context) -> Iterator[Finding]:
    """Yield whose permissions boundary allows more than before, and who comes without it."""
    for change in context.changes:
        if change.action == "drift":
            continue
        if change.kind == "boundary":
            yield from _boundary(change)
        elif change.bounds:
            yield from _widened(change, context)
    yield from _made_anew(context)


def _boundary(change: Change) -> Iterator[Finding]:
    gains = lines_of(change, "gain")
    losses = lines_of(change, "loss")
    one_absent = "absent" in (change.before.known, change.after.known)
    if gains:
        message = f"{change.address} gets another permissions boundary, which may limit it less"
        if one_absent:
            message = f"{change.address} loses its permissions boundary"
        yield finding_of(change, "boundary-weakened", message, line_texts(gains))
    elif losses:
        message = f"{change.address} gets a permissions boundary"
        message += "" if one_absent else " that limits it more"
        yield finding_of(change, "access-removed", message, line_texts(losses))


def _widened(change: Change, context: Context) -> Iterator[Finding]:
    """Yield that a policy that is somebody's permissions boundary allows more."""
    access = change.access
    if access is None or access.verdict != "new access":
        return
    bounds = [
        name
        for name in change.bounds
        for gone in context.owners.anew.get(name, (name,))
        if (has := context.effective.by_principal.get(gone)) and has.bounds[0]
        if _may_bound_less(name, gone, context)
    ]
    if not bounds:
        return
    gains = lines_of(change, "gain")
    details = (*line_texts(gains), example_or_reason(access))
    message = f"{names_text(bounds)} {can_call(change)}, where a policy allows it"
    message += f": {change.address} is the permissions boundary, and allows more"
    yield finding_of(change, "boundary-weakened", message, details)


def _made_anew(context: Context) -> Iterator[Finding]:
    """Yield what somebody newly gets whom the plan deletes, and makes at another address."""
    resources = {r.address: r for r in context.plan.resources if not r.drift}
    trusts = {c.address: c for c in context.changes if c.kind == "trust" and c.action != "drift"}
    for address, gone in [
        (a, other) for a, others in context.owners.anew.items() for other in others
    ]:
        name = "permissions_boundary"
        old = side(resources[gone], name, after=False)
        new = side(resources[address], name, after=True)
        # Of two that are sensitive, the values do not tell whether they are the same.
        differs = old.hidden or new.hidden or old.value != new.value
        if (old.value or old.hidden) and differs and _may_bound_less(address, gone, context):
            message = f"{address} is made anew in place of {gone}"
            message += ", and may not have its permissions boundary"
            yield finding("boundary-weakened", message, address)
        before, after = trusts.get(gone), trusts.get(address)
        if not (before and before.before.policy and after and after.after.policy):
            continue  # what is not known is a finding of its own
        policies = ([before.before.policy], [after.after.policy])
        access = new_access(*policies, context.budget.answer())
        if access.verdict != "no new access":
            message = f"{address} is made anew in place of {gone}, and others can assume it"
            details = (example_or_reason(access),)
            yield finding_of(after, "trust-widened", message, details)


def _may_bound_less(name: str, gone: str, context: Context) -> bool:
    """Say whether somebody's permissions boundary may allow more than that of who goes."""
    principals = context.effective.by_principal
    sides = (principals.get(gone), 0), (principals.get(name), 1)
    before, after = (has.bounds[place] if has else None for has, place in sides)
    if before is None or after is None or before.exact is None or after.exact is None:
        return True
    return not proven([before.exact], [after.exact], context.budget.answer())
