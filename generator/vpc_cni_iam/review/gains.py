"""Who gains access by a change, and how far it reaches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from vpc_cni_iam.catalog.facts import aws_managed
from vpc_cni_iam.catalog.facts.aws_managed import CLASS_TEXTS, PolicyClass
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.policy import wildcard
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.report import condition_text
from vpc_cni_iam.review.account.policy_state import ReadPolicy, judged_policies
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff.admin import REACH_TEXTS, AccessScope, reach
from vpc_cni_iam.review.diff.changes import Change
from vpc_cni_iam.review.diff.nearest import UpstreamUpdate, update_between
from vpc_cni_iam.review.diff.proofs import roles_access, without_example
from vpc_cni_iam.review.diff.verdicts import Access, Example
from vpc_cni_iam.review.findings import Finding, Level, rule
from vpc_cni_iam.review.make_finding import example_text, finding_of
from vpc_cni_iam.review.renamed import answer

rule(
    "admin-attached",
    "error",
    "new-access any-change",
    "A role, user or group can do everything, or change IAM permissions, and could not before.",
    "The way does not matter: an inline policy, an attachment such as AdministratorAccess, or a "
    "policy that is changed. Anyone who may change IAM permissions can get every other.",
)
_UNKNOWN = "known after apply"
_NAMED = 2
# By whether there is one before, and after.
SESSION_CHANGES = {
    (False, True): "is added",
    (True, True): "changes",
    (True, False): "is removed",
}
_EVERYWHERE = "on all resources"
_ADMIN = (PolicyClass.ADMIN, PolicyClass.IAM)


def existing(change: Change, context: Context) -> tuple[str, ...]:
    """Return who has a policy and was there before the plan."""
    return tuple(
        name
        for name in change.principals
        if name not in context.created and (name in context.places or _UNKNOWN not in name)
    )


def reach_of_role(role: str, context: Context, *, newly: bool = True) -> str:
    """Return how far a role reaches, in words; empty for no further than a few services.

    `newly` is whether somebody reaches as far from now on; else the role may have done so before.
    """
    has = context.effective.by_principal.get(role)
    bound = has.bounds[1] if has else None
    policies = judged_policies(*has.after.values()) if has else []
    far = reach(policies, bound.exact if bound else None)
    text = REACH_TEXTS.get(far, "")
    return text if newly else text.replace("can now", "can")


def names_text(addresses: Sequence[str]) -> str:
    """Return names in a sentence, the first of many."""
    if len(addresses) > _NAMED:
        return f"{addresses[0]} and {len(addresses) - 1} more"
    return " and ".join(addresses)


def access_of_roles(
    old: list[str],
    new: list[str],
    context: Context,
    sessions: tuple[ReadPolicy | None, ReadPolicy | None] = (None, None),
) -> Access:
    """Say whether any of the new roles allows what the old ones together do not.

    `sessions` are the session policies that limit the old roles, and the new ones.
    """
    if hidden := not_shown([*old, *new], context):
        return Access("unknown", reason=f"the plan does not show the policies of {hidden}")
    principals = context.effective.by_principal
    before = [(principals[role].before, principals[role].bounds[0], sessions[0]) for role in old]
    after = [(principals[role].after, principals[role].bounds[1], sessions[1]) for role in new]
    reads = [r for has, *limits in (*before, *after) for r in (*has.values(), *limits) if r]
    if not all(read.in_full for read in reads):
        return Access("unknown", reason="the plan does not show all of their policies")
    known, newly = (
        [(judged_policies(*has.values()), judged_policies(*limits)) for has, *limits in side]
        for side in (before, after)
    )
    access = roles_access(known, newly, context.budget)
    return without_example(access) if any(read.has_secrets for read in reads) else access


def more_text(access: Access) -> tuple[str, tuple[str, ...], Level | None]:
    """Return whether something allows more, in words, with an example, and how bad that is."""
    if access.verdict == "no new access":
        return ", which allows nothing more", (), "note"
    if access.verdict == "new access":
        example = (f"example: {example_text(access.witness)}",) if access.witness else ()
        return ", which allows more", example, "error"
    return f"; whether that allows more is not known: {access.reason}", (), None


def not_shown(roles: list[str], context: Context) -> str:
    """Return one of the roles that the plan does not show; empty if it shows all."""
    return next((role for role in roles if role not in context.effective.by_principal), "")


def admin_finding(
    change: Change,
    context: Context,
    details: tuple[str, ...],
    policies: Callable[[Change], list[Policy]],
) -> Finding | None:
    """Return that somebody can do everything by policies of a change, and could not before."""
    far = answer(change, lambda each: reach(policies(each)))
    if far is AccessScope.limited:
        return None
    gaining = []
    for name in change.principals:
        has = context.effective.by_principal.get(name)
        bound = has.bounds[1] if has else None
        limit = bound.exact if bound else None
        before = judged_policies(*has.before.values()) if has else []
        if reach(before) < far and reach(policies(change), limit) is far:
            gaining.append(name)
    had = reach([change.before.policy]) if change.before.policy else AccessScope.limited
    if not gaining and (change.principals or had >= far or change.before.known == "absent"):
        return None  # nobody has the policy, or nobody gets further by it
    who = names_text(gaining) or "Anyone with the policy"
    return finding_of(change, "admin-attached", f"{who} {REACH_TEXTS[far]}", details)


def managed_admin_finding(change: Change, details: tuple[str, ...]) -> Finding | None:
    """Return that an AWS managed policy is attached whose class is administration, or IAM."""
    attached = change.attachment
    managed = aws_managed.find(attached.arn) if attached else None
    if attached is None or managed is None or managed.policy_class not in _ADMIN:
        return None
    because = f" ({', '.join(managed.because)})" if managed.because else ""
    name, text = aws_managed.name_of(attached.arn), CLASS_TEXTS[managed.policy_class]
    message = f"{attached.principal} gets {name}, which {text}{because}"
    return finding_of(change, "admin-attached", message, details)


def upstream_update(change: Change, context: Context) -> UpstreamUpdate | None:
    """Return how a policy moves from one document of the catalog to a newer one, else None."""
    version = context.target.version
    return answer(
        change, lambda each: update_between(each.before.policy, each.after.policy, version)
    )


def example_or_reason(access: Access) -> str:
    """Return a request that is newly allowed, or why none is shown."""
    return f"example: {example_text(access.witness)}" if access.witness else access.reason


def may_deny(key: str, read: ReadPolicy) -> bool:
    """Say whether a policy, by its ARN or another key, may have a Deny that is not shown."""
    managed = aws_managed.find(key)
    return not read.in_full and (managed is None or managed.denies)


def can_call(change: Change) -> str:
    """Return what can be called newly, such as ``can now call s3:GetObject on all resources``."""
    return answer(change, _calls_of)


def _calls_of(change: Change) -> str:
    if change.access is None or change.access.witness is None:
        return "may do more than before"
    old, new = (side.policy or Policy(()) for side in (change.before, change.after))
    return _calls(old, new, change.access.witness)


@lru_cache(1024)
def _calls(old: Policy, new: Policy, example: Example) -> str:
    """Return what can be called newly, asked once of policies that many have."""
    allowing = [s for s in new.statements if s.effect == "Allow"]
    before = set(old.actions())
    added = [action for action in new.actions() if action not in before]
    called = example.action.lower()
    named = next((a for a in added if wildcard.matches(a.lower(), called)), "")
    if named:
        places = list(dict.fromkeys(_on(s) for s in allowing if named in s.actions))
        where = _EVERYWHERE if _EVERYWHERE in places else first_of(places, 3)
    else:
        everywhere = any(_on(s) == _EVERYWHERE and s.is_about(example.action) for s in allowing)
        where = _EVERYWHERE if everywhere else f"on {example.resource}"
    others = [action for action in added if action != named]
    rest = f"; also added: {first_of(others)}" if others else ""
    return f"can now call {named or example.action} {where}{rest}"


def _on(statement: Statement) -> str:
    """Return on what a statement allows something, and under which conditions."""
    where = f"on {first_of(statement.resources)}"
    if "*" in statement.resources:
        where = _EVERYWHERE
    elif statement.not_resources:
        where = f"on all but {first_of(statement.not_resources)}"
    limits = " and ".join(map(condition_text, statement.conditions))
    return f"{where} if {limits}" if limits else where
