"""Policies that are not known, and what of them is known to be new access."""

from __future__ import annotations

from collections.abc import Iterator

from vpc_cni_iam.catalog.facts import aws_managed
from vpc_cni_iam.catalog.facts.aws_managed import CLASS_TEXTS
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.review.account.collect import NOWHERE
from vpc_cni_iam.review.account.plugin_policy import concerns_plugin
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff import trust
from vpc_cni_iam.review.diff.changes import Attachment, Change
from vpc_cni_iam.review.diff.proofs import new_access
from vpc_cni_iam.review.findings import MEANINGS, Finding, Level, Meaning, rule
from vpc_cni_iam.review.gains import (
    admin_finding,
    example_or_reason,
    existing,
    managed_admin_finding,
    may_deny,
)
from vpc_cni_iam.review.make_finding import finding, finding_of, kind_of, line_texts

rule(
    "unknown-policy",
    "warning",
    "new-access any-change",
    "A policy is only known after apply, in whole or in part.",
    "The plan does not hold the policy. As much of it as the configuration says is rebuilt "
    "and shown; the finding lists what is left. Names that are known before apply, such as a "
    "role's name instead of its ARN, or a variable, make the policy known at plan time.",
)
rule(
    "sensitive-policy",
    "warning",
    "new-access any-change",
    "A policy that changes is marked sensitive, so it is neither shown nor judged.",
    "A policy is not a secret, since anyone with the role can read it. Take the mark off with "
    "`nonsensitive()`.",
)
rule(
    "unknown-attachment",
    "warning",
    "new-access any-change",
    "A policy whose document the plan does not hold is attached.",
    "The plan has its ARN and not what it allows. Look at the policy in IAM.",
)
_UNKNOWN = "(known after apply"


def check(context: Context) -> Iterator[Finding]:
    """Yield policies that are not known, or sensitive."""
    for change in context.changes:
        unknown = change.access is not None and change.access.verdict == "unknown"
        if not unknown or not change.changes or change.action == "drift":
            continue
        readable = change.after.known != "unreadable"
        if readable and change.kind not in ("boundary", "membership", "exclusive"):
            yield from _unknown(change, context)
    yield from _gone(context)


def _gone(context: Context) -> Iterator[Finding]:
    """Yield that policies go whose documents are not known: they may deny something."""
    # A principal that goes needs no Deny; what a list removes is a finding of the list.
    others = {*context.owners.deleted, *(removal.owner for removal in context.effective.removals)}
    lists = [c for c in context.changes if c.type.endswith("_exclusive")]
    others |= {n for c in lists if any(x.effect == "loss" for x in c.lines) for n in c.principals}
    for name, has in context.effective.by_principal.items():
        gone = [key for key, read in has.before.items() if may_deny(key, read)]
        gone = [key for key in gone if key not in has.after]
        if gone and name not in others:
            message = f"{name} no longer has {first_of(gone)}, of which the plan does not show "
            message += "the document: a Deny in it no longer applies"
            yield finding("not-proven", message, name)


def _unknown(change: Change, context: Context) -> Iterator[Finding]:
    """Yield that a policy is not known, and what of it is known to be new access."""
    before = change.before.policy
    about = trust.trusts_plugin if change.kind == "trust" else concerns_plugin
    means = MEANINGS if before and about(before) else None
    what = kind_of(change)
    if change.after.known == "sensitive" or change.before.known == "sensitive":
        message = f"{what} is sensitive, so it is not judged"
        yield finding_of(change, "sensitive-policy", message, means=means)
    elif change.kind == "attachment":
        # What is wrong with a policy of the plan is said where the policy is.
        if change.attachment and change.after.why[0] in NOWHERE:
            yield _unknown_attachment(change, change.attachment, context)
    elif change.before.known == "unreadable":
        message = f"{what} changes, and what stood there is not a policy"
        details = (*change.before.why, *line_texts(change.lines))
        yield finding_of(change, "not-proven", message, details)
    else:
        yield _unknown_policy(change, context, means)


def _unknown_policy(change: Change, context: Context, means: tuple[Meaning, ...] | None) -> Finding:
    details = (*change.after.why, *line_texts(change.lines))
    message = f"{kind_of(change)} is only known after apply"
    if change.after.known == "unknown" and change.place is None:
        # Of an expression such as jsonencode, a plan has only what it refers to.
        message += "; --source reads what the configuration says of it"
    known = _known_part(change.after.policy) if change.after.policy else None
    if known is None or change.kind == "trust":
        return finding_of(change, "unknown-policy", message, details, means=means)
    if admin := admin_finding(change, context, details, lambda _: [known]):
        return admin
    before = [change.before.policy] if change.before.policy else []
    part = context.budget.answer()
    access = new_access(before, [known], part)
    if access.verdict != "new access" or not (before or existing(change, context)):
        return finding_of(change, "unknown-policy", message, details, means=means)
    message += f"; what is known of it already allows more: {example_or_reason(access)}"
    return finding_of(change, "unknown-policy", message, details, "error", means)


def _known_part(policy: Policy) -> Policy:
    """Return the statements of a policy in which nothing is unknown."""

    def known(statement: Statement) -> bool:
        texts = (
            *(*statement.actions, *statement.not_actions),
            *(*statement.resources, *statement.not_resources),
            *(value for c in statement.conditions for value in (c.key, *c.values)),
        )
        return not any(_UNKNOWN in text for text in texts)

    return Policy(tuple(filter(known, policy.statements)), policy.version)


def _had(name: str, policy: str, context: Context) -> bool:
    """Say whether somebody had a policy, by another resource."""
    has = context.effective.by_principal[name]
    return has.before.get(policy) == has.after.get(policy) is not None


def _unknown_attachment(change: Change, attached: Attachment, context: Context) -> Finding:
    policy, principal = attached.policy, attached.principal
    if attached.arn and all(_had(name, policy, context) for name in change.principals):
        message = f"{principal} had {policy} before"
        return finding_of(
            change, "new-policy", message, line_texts(change.lines), "note", ("any-change",)
        )
    if policy.startswith("a "):
        policy = policy.capitalize()  # the words for one that is not known
    if change.after.why[0] in NOWHERE[2:]:
        message = f"{policy} for {principal} is known after apply"
        return finding_of(change, "unknown-attachment", message, change.after.why)
    managed, name = aws_managed.find(attached.arn), aws_managed.name_of(attached.arn)
    if admin := managed_admin_finding(change, line_texts(change.lines)):
        return admin
    if instead := aws_managed.nonexistent(attached.arn):
        message = f"{policy} is attached to {principal}, and does not exist: {instead}"
        return finding_of(change, "unknown-attachment", message, level="error")
    message = f"{policy} is attached to {principal}, and the plan does not hold its document"
    if managed:
        message += f"; it {CLASS_TEXTS[managed.policy_class]}"
    # Of an AWS managed policy that is in no table, nothing says that it is not AdministratorAccess.
    level: Level | None = None
    if name and not managed and existing(change, context):
        level = "error"
    return finding_of(change, "unknown-attachment", message, change.after.why, level)
