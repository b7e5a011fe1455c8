"""What a changed policy, attachment, boundary or membership newly allows, or no longer does."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from msgspec.structs import replace

from vpc_cni_iam.errors import first_of
from vpc_cni_iam.policy.document import ANYONE, Policy
from vpc_cni_iam.review.account.policy_state import judged_policies
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.diff import trust
from vpc_cni_iam.review.diff.admin import REACH_TEXTS, AccessScope, reach
from vpc_cni_iam.review.diff.changes import Attachment, Change
from vpc_cni_iam.review.diff.proofs import DENY_REMOVED, deny_removed, new_access, without_example
from vpc_cni_iam.review.diff.verdicts import Access, Line
from vpc_cni_iam.review.findings import Finding, Level, Meaning, rule
from vpc_cni_iam.review.gains import (
    admin_finding,
    can_call,
    example_or_reason,
    existing,
    managed_admin_finding,
    may_deny,
    names_text,
    upstream_update,
)
from vpc_cni_iam.review.make_finding import (
    finding_of,
    kind_of,
    line_texts,
    lines_of,
    may_gain_access,
)

rule(
    "new-access",
    "error",
    "new-access any-change",
    "A changed policy allows something that it did not allow before.",
    "The finding names a request that the new policy allows and the old one does not; it is "
    "checked by an evaluator of IAM's logic, so it is not a matter of spelling. If the plugin "
    "does not need it, take it out. A role that had the same access by way of another policy "
    "gains nothing; then the finding is a note.",
)
rule(
    "new-policy",
    "warning",
    "new-access any-change",
    "A new policy allows something.",
    "Nothing is compared, since there was no policy before. It is a note where the policy is "
    "a document of the catalog, and where the roles that it is attached to had its access "
    "already. The trust policy of a new role is a note, and a warning where it names an AWS "
    "account of which the plan has nothing else.",
)
rule(
    "not-proven",
    "warning",
    "new-access any-change",
    "Whether a changed policy allows anything new could not be decided.",
    "Neither a proof nor a request that is newly allowed was found; the finding says what "
    "stands in the way. A Deny that goes is one: what it held back is allowed from then on, if "
    "another policy of the role allows it, which the plan need not show. A policy that goes and "
    "whose document the plan does not show may have had a Deny. Read the change yourself.",
)
rule(
    "unreadable-policy",
    "error",
    "new-access any-change",
    "The value of a policy is not a policy document.",
    "IAM would refuse it at apply, after other changes are made.",
)
rule(
    "group-joined",
    "warning",
    "new-access any-change",
    "A user joins a group, and has what the group has.",
    "The policies of the group say what that is; the plan may not show all of them.",
)
rule(
    "access-removed",
    "note",
    "any-change",
    "A change only takes access away, or a policy is deleted.",
    "What the plugin needs is a finding of its own.",
)
rule(
    "rewritten",
    "note",
    "any-change",
    "A policy is written differently and means the same.",
    "Order, lists of one, labels and layout do not matter to IAM. That it means the same is "
    "proven.",
)
rule(
    "moved",
    "note",
    "any-change",
    "A policy, role or attachment is imported, moved, forgotten or replaced.",
    "Its meaning stays. What is forgotten stays in IAM, and Terraform no longer manages it.",
)
rule(
    "upstream-document-updated",
    "note",
    "new-access any-change",
    "A policy moves from one document of the catalog to a newer one.",
    "The finding names the actions that the newer one adds. The plugin's documents change when a "
    "version calls something new.",
)
_ANY: tuple[Meaning, ...] = ("any-change",)
_UNKNOWN = "(known after apply"
_ACCOUNT = re.compile("(?<![0-9])([0-9]{12})(?![0-9])")


def check(context: Context) -> Iterator[Finding]:
    """Yield what changes of policies newly allow, no longer allow, or leave as it is."""
    for change in context.changes:
        if change.changes:
            yield from _managed_by(change)
            if change.action != "drift":
                yield from _access(change, context)
        yield from _left_group(change, context)


def _managed_by(change: Change) -> Iterator[Finding]:
    """Yield that what is managed changes, though the policy may not."""
    what = kind_of(change)
    exclusive = change.type.endswith("_exclusive")
    if exclusive and change.action in ("delete", "forget") and not change.lines:
        message = "An exclusive list is given up: from then on nothing is removed for it"
        yield finding_of(change, "moved", message)
    elif change.kind == "exclusive" and any(line.kind == "kept" for line in change.lines):
        message = "An exclusive list keeps it, and removes what it does not name"
        yield finding_of(change, "moved", message)
    if change.imported:
        yield finding_of(change, "moved", f"{what} is imported as {change.imported}")
    if change.moved_from:
        yield finding_of(change, "moved", f"{what} is moved from {change.moved_from}")
    if change.action == "forget" and not exclusive:
        message = f"{what} is forgotten: it stays in IAM, and is no longer managed"
        yield finding_of(change, "moved", message)


def _access(change: Change, context: Context) -> Iterator[Finding]:
    gains = lines_of(change, "gain")
    losses = lines_of(change, "loss")
    if change.after.known == "unreadable" and change.access:
        message = f"{kind_of(change)} is not a policy: {'; '.join(change.after.why)}"
        yield finding_of(change, "unreadable-policy", message)
    elif change.kind == "boundary":
        return  # of which there is a file of its own
    elif change.kind == "exclusive" or change.type.endswith("_exclusive"):
        yield from _exclusive(change, context, gains, losses)
    elif change.kind == "membership":
        yield from _membership(change, context, gains, losses)
    elif change.access and change.access.reason == DENY_REMOVED:
        yield _deny_removed(change, context)
    elif change.action == "delete":
        message = f"{kind_of(change)} is deleted"
        yield finding_of(change, "access-removed", message, line_texts(losses))
    elif change.access and change.access.verdict != "no new access":
        yield from _not_proven(change, change.access, context, gains)
    else:
        yield from _same_or_less(change, gains, losses)


def _not_proven(
    change: Change, access: Access, context: Context, gains: tuple[Line, ...]
) -> Iterator[Finding]:
    """Yield new access, or what may be."""
    if access.verdict == "new access" and change.kind == "trust":
        yield from _trusted(change, access, context, gains)
    elif access.verdict == "new access":
        if change.principals or not change.bounds:
            yield _gained(change, access, context, gains)
    elif access.verdict == "not proven":
        message = f"{kind_of(change)} changes, and whether it allows more is not decided"
        message += f": {access.reason}"
        yield finding_of(change, "not-proven", message, line_texts(change.lines))


def _same_or_less(
    change: Change, gains: tuple[Line, ...], losses: tuple[Line, ...]
) -> Iterator[Finding]:
    what = kind_of(change)
    if losses:
        yield finding_of(change, "access-removed", f"{what} allows less", line_texts(losses))
    elif change.action == "replace":
        message = f"{what} is replaced by one that means the same"
        yield finding_of(change, "moved", message, line_texts(change.lines))
    elif change.attachment and gains:
        yield _idle(change, change.attachment)
    elif change.lines and change.before.known == "absent":
        message = f"{what} is new, and allows nothing"
        yield finding_of(change, "new-policy", message, line_texts(change.lines), "note", _ANY)
    elif change.lines:
        message = f"{what} is written differently and means the same"
        yield finding_of(change, "rewritten", message, line_texts(change.lines))


def _membership(
    change: Change, context: Context, gains: tuple[Line, ...], losses: tuple[Line, ...]
) -> Iterator[Finding]:
    """Yield who joins a group, or leaves it."""
    if gains:
        message = f"{gains[0].text.replace(' to ', ' joins ', 1)}, and has what it has"
        group = context.effective.by_principal.get(
            change.attachment.policy if change.attachment else ""
        )
        policies = judged_policies(*group.after.values()) if group else []
        far = reach(policies)
        level: Level | None = None
        if far is not AccessScope.limited:
            message = f"{gains[0].text.replace(' to ', ' joins ', 1)}, and {REACH_TEXTS[far]}"
            level = "error"
        yield finding_of(change, "group-joined", message, line_texts(gains), level)
    if losses:
        message = f"{losses[0].text.replace(' from ', ' leaves ', 1)}"
        yield finding_of(change, "access-removed", message, line_texts(losses))


def _exclusive(
    change: Change, context: Context, gains: tuple[Line, ...], losses: tuple[Line, ...]
) -> Iterator[Finding]:
    """Yield what an exclusive list removes, or attaches."""
    if losses:
        # What goes may have denied something.
        principals = map(context.principals.get, change.principals)
        means: list[Meaning] = ["any-change"]
        means += ["new-access"] if any(map(may_gain_access, principals)) else []
        means += ["coverage-lost"] if change.concerns_plugin else []
        message, details = losses[0].text, line_texts(losses)
        yield finding_of(change, "exclusive-removes", message, details, means=tuple(means))
    elif change.kind == "exclusive" and change.after.why:
        known = "sensitive" if change.after.known == "sensitive" else "known after apply"
        message = f"Which inline policies stay is {known}; the others are removed"
        more = _may_mean(change, context)
        yield finding_of(change, "exclusive-removes", message, change.after.why, means=more)
    access = change.access
    if access and access.verdict == "new access":
        yield _gained(change, access, context, gains)
    elif access and access.reason == DENY_REMOVED:
        yield _deny_removed(change, context)
    elif gains and change.attachment and access and access.verdict == "no new access":
        yield _idle(change, change.attachment)


def _may_mean(change: Change, context: Context) -> tuple[Meaning, ...]:
    """Return what it may mean that inline policies go of which the list does not say which."""
    means: list[Meaning] = ["any-change"]
    for name in change.principals:
        has, principal = context.effective.by_principal.get(name), context.principals.get(name)
        reads = has.before.values() if has else ()
        denies = any(policy.only("Deny").statements for policy in judged_policies(*reads))
        if denies or not all(read.in_full for read in reads):
            means.append("new-access")
        if principal and principal.concerns_plugin:
            means.append("coverage-lost")
    return tuple(dict.fromkeys(means))


def _left_group(change: Change, context: Context) -> Iterator[Finding]:
    """Yield that somebody leaves a group that denies something, or may."""
    group = change.attachment.policy if change.attachment else ""
    if change.kind != "membership" or not any(line.effect == "loss" for line in change.lines):
        return
    if context.owners.deleted.issuperset(change.principals):
        return
    has = context.effective.by_principal.get(group)
    if has is None:
        if group not in context.places:
            message = f"The plan does not show the policies of {group}"
            message += ": a Deny in them no longer applies to who leaves"
            yield finding_of(change, "not-proven", message)
        return
    policies = judged_policies(*has.before.values())
    if deny_removed(policies, [], context.budget.answer()):
        message = f"{group} denies something, which no longer counts for who leaves it"
        yield finding_of(change, "not-proven", message)
    elif unknown := [key for key, read in has.before.items() if may_deny(key, read)]:
        message = f"{group} has {first_of(unknown)}, of which the plan does not show the document"
        message += ": a Deny in it no longer applies to who leaves"
        yield finding_of(change, "not-proven", message)


def _idle(change: Change, attached: Attachment) -> Finding:
    """Return that a policy is attached that allows nothing."""
    message = f"{attached.policy} is attached to {attached.principal}, and allows nothing"
    return finding_of(change, "new-policy", message, line_texts(change.lines), "note", _ANY)


def _deny_removed(change: Change, context: Context) -> Finding:
    """Return what comes of a Deny that goes, for those who had it."""
    stay = [name for name in change.principals if name not in context.owners.deleted]
    gains = {name: _undenied(change, name, context) for name in stay}
    details = line_texts(change.lines)
    if change.principals and not stay:
        message = f"{kind_of(change)} denies less, and the plan deletes "
        message += f"{names_text(change.principals)}, which had it"
        return finding_of(change, "access-removed", message, details)
    if gains and all(access.verdict == "no new access" for access in gains.values()):
        return finding_of(change, "access-removed", f"{kind_of(change)} allows less", details)
    for name, access in gains.items():
        if access.verdict == "new access":
            message = f"{kind_of(change)} denies less, and {name} may do more than before"
            return finding_of(change, "new-access", message, (*details, example_or_reason(access)))
    message = f"{kind_of(change)} denies less, and the plan may not show what other policies allow"
    return finding_of(change, "not-proven", message, details)


def _undenied(change: Change, name: str, context: Context) -> Access:
    """Return what of the new access of somebody comes of a Deny that goes."""
    principal, before = context.principals.get(name), change.before.policy
    access = principal.access if principal else None
    if access is None or access.verdict != "new access" or before is None:
        return access or Access("unknown")
    reads = context.effective.by_principal[name].after.values()
    after = judged_policies(*reads)
    own = new_access([*after, before.only("Deny")], after, context.budget.answer())
    return without_example(own) if any(read.has_secrets for read in reads) else own


def _gained(change: Change, access: Access, context: Context, gains: tuple[Line, ...]) -> Finding:
    """Return a finding of new access, as grave as it is for those who have it."""
    details = (*line_texts(gains), example_or_reason(access))
    principals = [context.principals.get(name) for name in change.principals]
    gaining = [p for p in principals if may_gain_access(p)]
    if gaining and all(p and p.access and p.access.reason == DENY_REMOVED for p in gaining):
        return _deny_removed(change, context)
    proven = [p.name for p in principals if p and not may_gain_access(p)]
    if principals and len(proven) == len(principals):
        message = f"{', '.join(proven)} had all access of the policy before"
        name = "new-policy" if change.before.known == "absent" else "new-access"
        return finding_of(change, name, message, line_texts(gains), "note", _ANY)
    if admin := admin_finding(change, context, details, _after):
        return admin
    known = managed_admin_finding(change, details) or _known_document(change, context, details)
    return known or _can_do_more(change, context, details)


def _bounded(names: list[str], context: Context) -> str:
    """Return that permissions boundaries limit what somebody gains, if all have one."""
    principals = [context.effective.by_principal.get(name) for name in names]
    bounded = bool(names) and all(has and has.bounds[1] for has in principals)
    return ", as far as a permissions boundary allows it" if bounded else ""


def _after(change: Change) -> list[Policy]:
    return [change.after.policy] if change.after.policy else []


def _can_do_more(change: Change, context: Context, details: tuple[str, ...]) -> Finding:
    """Return who can do more, as grave as it is for who was there before."""
    principals = [context.principals.get(name) for name in change.principals]
    proven = [p.name for p in principals if p and not may_gain_access(p)]
    calls = can_call(change)
    if change.kind != "attachment" and change.before.known != "absent":
        pairs = zip(change.principals, principals, strict=True)
        gaining = [name for name, p in pairs if may_gain_access(p)]
        who = f"{names_text(gaining) or 'Anyone with the policy'} {calls}"
        return finding_of(change, "new-access", who + _bounded(gaining, context), details)
    if gaining := [name for name in existing(change, context) if name not in proven]:
        who = f"{names_text(gaining)} {calls}{_bounded(gaining, context)}"
        return finding_of(change, "new-access", who, details)
    message = f"A new policy: anyone with it {calls}"
    if change.attachment:
        attached = change.attachment
        message = f"{attached.policy} is attached to {attached.principal}, which {calls}"
    return finding_of(change, "new-policy", message, details)


def _known_document(change: Change, context: Context, details: tuple[str, ...]) -> Finding | None:
    """Return that a policy is, or becomes, a document of the catalog."""
    if update := upstream_update(change, context):
        message = f"The policy updates from {update.old} to {update.new}"
        message += f"; adds {', '.join(update.added)}" if update.added else ""
        return finding_of(change, "upstream-document-updated", message, details)
    equal = _equal_document(change)
    if not equal or (change.before.known != "absent" and change.kind != "attachment"):
        return None
    message = f"A new policy, equal to {equal}"
    if change.attachment:
        attached = change.attachment
        message = f"{attached.policy} is attached to {attached.principal}, equal to {equal}"
    return finding_of(change, "new-policy", message, details, "note")


def _equal_document(change: Change) -> str:
    close = change.nearest
    return close.name if close and close.equal and close.variant != "managed" else ""


def _trusted(
    change: Change, access: Access, context: Context, gains: tuple[Line, ...]
) -> Iterator[Finding]:
    """Yield that somebody new may assume a role."""
    details = (*line_texts(gains), example_or_reason(access))
    before, after = change.before.policy, change.after.policy
    if before is None or after is None:
        yield _new_trust(change, after or Policy(()), context, details)
        return
    alive = trust.without_dead(after)
    part = context.budget.answer()
    if alive != after and new_access([before], [alive], part).verdict == "no new access":
        return  # nobody can assume it by what is new: a finding of its own
    old, new = trust.assumers(before), trust.assumers(after)
    come = [who for who in new if who not in old]
    gone = [who for who in old if who not in new]
    message = f"{change.address} can now be assumed by {names_text(come)}"
    if not come:
        action = access.witness.action if access.witness else "more"
        message = f"The trust policy of {change.address} now allows {action} to whom it names"
    elif gone:
        provider = come[0].partition(" of ")[2]
        message += f" (was {names_text([who.removesuffix(f' of {provider}') for who in gone])})"
    yield finding_of(change, "trust-widened", message, details)


def _new_trust(
    change: Change, trusted: Policy, context: Context, details: tuple[str, ...]
) -> Finding:
    """Return who may assume a new role: another account is graver than its own."""
    own, who = context.owners.known_accounts, trust.assumers(trusted)
    # What is made anew in place of another is compared with that.
    others = [] if change.address in context.owners.anew else _of_other_accounts(trusted, own)
    rest = [each for each in who if each not in others]
    named = [names_text(rest)] if rest else []
    if others:
        sure = own and all(map(_ACCOUNT.search, others))
        named.insert(0, f"{names_text(others)}, which {'is' if sure else 'may be'} another account")
    message = f"A new role can be assumed{' by ' if named else ''}{', and by '.join(named)}"
    return finding_of(change, "new-policy", message, details, None if others else "note")


def _of_other_accounts(trusted: Policy, own: Collection[str]) -> list[str]:
    """Return who may assume a role and is not known to be of one of some AWS accounts."""
    aws = (
        replace(s, principals=tuple(p for p in s.principals if p.type in ("AWS", ANYONE)))
        for s in trusted.statements
    )
    known = (who for who in trust.assumers(Policy(tuple(aws))) if _UNKNOWN not in who)
    accounts = {who: _ACCOUNT.search(who) for who in known}
    return [who for who, account in accounts.items() if not (account and account[1] in own)]
