"""Sentences about who can do more, or less."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from vpc_cni_iam.catalog.facts import aws_managed
from vpc_cni_iam.catalog.facts.aws_managed import PolicyClass
from vpc_cni_iam.catalog.facts.calls import calls
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.inputs.plan.secrets import is_mark
from vpc_cni_iam.policy.diff import (
    ConditionChange,
    StatementAdded,
    StatementChanged,
    StatementRemoved,
    ValuesChange,
)
from vpc_cni_iam.policy.document import Condition, Statement
from vpc_cni_iam.policy.proof.answer import NewAccess, NotProven
from vpc_cni_iam.policy.report import NOUNS, example_text, not_proven_text
from vpc_cni_iam.policy.template import Text
from vpc_cni_iam.review.account.iam_resource import IamResource, Unresolved
from vpc_cni_iam.review.checks.access import (
    AccessUndecided,
    DenyLost,
    Gain,
    GroupJoined,
    NoGain,
    PolicyNotShown,
)
from vpc_cni_iam.review.checks.boundaries import BoundaryChanged
from vpc_cni_iam.review.diff.harm import GainedPart
from vpc_cni_iam.review.diff.permissions import Open, Refusal
from vpc_cni_iam.review.diff.reach import Reach
from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.report.names import limit_text, name_of, names_of
from vpc_cni_iam.review.report.saying import Saying
from vpc_cni_iam.review.report.sentences.accounts import SENTENCES as OF_ACCOUNTS
from vpc_cni_iam.review.rules import Level, Rule

REACH_TEXTS = {
    Reach.SERVICES: "call every action on all resources, except for a few services",
    Reach.IAM: "change IAM permissions, and so give itself any access",
    Reach.EVERYTHING: "call every action on all resources",
}
_CLASS_TEXTS = {
    PolicyClass.ADMIN: "allows everything, or everything but IAM",
    PolicyClass.IAM: "allows using the permissions of other roles",
    PolicyClass.DATA: "allows reading or changing data",
    PolicyClass.READ: "allows only reading, and of no data",
    PolicyClass.OTHER: "allows neither data nor IAM on resources of any name",
}
_PARTS = 8  # of which the sentences say what they allow
_NAMES = 6  # of actions and resources of one part


def _gain(finding: Finding, gain: Gain) -> Saying:
    if gain.published:
        return _published(gain)
    parts, is_far = list(map(part_text, gain.parts)), gain.reach is not Reach.LIMITED
    if is_far:
        first = REACH_TEXTS[gain.reach]
        denies = [part_text(p) for p in gain.parts if isinstance(p.difference, StatementRemoved)]
        parts = [text for text in parts if text != first and text not in denies]
    else:
        first, *parts = parts or ["do more"]
    message = _who_can(finding, gain, first)
    message += ", where its permissions boundary allows it" if gain.is_bounded else ""
    message += f". aws-node {gain.lacked_by} calls this" if gain.lacked_by else ""
    details = also(parts, is_first=is_far)
    if gain.beyond is not None:
        beyond = first_of(gain.beyond, _NAMES) or "nothing"
        details.append(f"beyond the plugin's needs: {beyond}")
    return Saying(message, (*details, *_example(gain.example)), _gain_fix(finding, gain))


def _who_can(finding: Finding, gain: Gain, what: str) -> str:
    """Return who can now do what, and by which policies or which Deny, where that matters."""
    who, is_far = _who(gain.owners, gain.policies), gain.reach is not Reach.LIMITED
    lost = _deny(gain)
    if is_far and lost:
        change = "denies less" if lost.startswith("whole") else "no longer applies"
        return f"{who} can now {what}: the {lost.removeprefix('whole ')} {change}"
    is_of_aws = all(aws_managed.name_of(name_of(policy)) for policy in gain.policies)
    if gain.policies and "policy_arn" in finding.attribute and (is_far or is_of_aws):
        return f"{who} gets {_policies(gain.policies)} and can now {what}"
    action, comma, result = what.partition(", ") if is_far else (what, "", "")
    policies = f" with {_policies(gain.policies)}" if is_far and gain.policies else ""
    return f"{who} can now {action}{policies}{comma}{result}"


def _gain_fix(finding: Finding, gain: Gain) -> str:
    address, actions = finding.address, gain.parts[0].actions if gain.parts else ()
    fix = f"Narrow the actions and resources in {address}"
    if gain.lacked_by or (gain.is_new and finding.rule is not Rule.ADMIN):
        return ""
    if lost := _deny(gain):
        fix = f"Keep the {lost} for {names_of(gain.owners)}"
    elif gain.parts and _drops_condition(gain.parts[0]):
        fix = f"Keep the condition in {address}"
    elif gain.beyond == ():
        fix = f"Accept it if aws-node needs it, or narrow {address}"
    elif gain.policies and "policy_arn" in finding.attribute:
        fix = f"Detach {_policies(gain.policies)} from {names_of(gain.owners)}"
    elif actions and gain.reach is Reach.LIMITED:
        fix = f"Remove {_listed(actions)} from {address}, or narrow its resources"
    return fix


def _drops_condition(part: GainedPart) -> bool:
    match part.difference:
        case StatementChanged(elements=[*_, ConditionChange()]):
            return True
    return False


def _who(owners: tuple[IamResource, ...], policies: tuple[IamResource, ...]) -> str:
    """Return who is allowed something; a policy that nobody of the plan has is a principal, too."""
    is_policy = len(owners) == 1 and owners[0] in policies
    return f"Anyone who has {name_of(owners[0])}" if is_policy else names_of(owners)


def _deny(gain: Gain) -> str:
    """Return the Deny by which more is allowed, ``whole`` where a part of it stays, or nothing."""
    part = gain.parts[0] if gain.parts else None
    match part.difference if part and part.denies else None:
        case StatementRemoved(statement=statement) | StatementChanged(old=statement) as change:
            what = f"except {_listed(statement.not_actions)}"
            what = f"of {_listed(statement.actions)}" if statement.actions else what
            where = f" in {_policies(gain.policies[:1])}" if gain.policies else ""
            whole = "whole " if isinstance(change, StatementChanged) else ""
            return f"{whole}Deny {what}{where}"
    return ""


def _policies(policies: tuple[IamResource, ...]) -> str:
    names = (name_of(policy) for policy in policies)
    return first_of((aws_managed.name_of(name) or name for name in names), 2)


def also(parts: list[str], *, is_first: bool) -> list[str]:
    """Return lines about the parts of a gain that the message does not say."""
    label = "newly allowed" if is_first else "also"
    lines = [f"{label}: {text.removeprefix('call ')}" for text in parts[:_PARTS]]
    more = len(parts) - len(lines)
    return [*lines, f"and {more} more statements"] if more > 0 else lines


def _example(answer: NewAccess | None) -> tuple[str, ...]:
    return (f"example: {example_text(answer)}",) if answer else ()


def part_text(part: GainedPart, *, is_lost: bool = False) -> str:
    """Return what a part newly allows, in the words of the policy: ``call ... on ... if ...``.

    What is no longer allowed is the difference in the other direction.
    """
    match part.difference:
        case StatementRemoved(statement=Statement("Deny") as statement):
            what = f"{_calls(statement, part.actions)} where a policy allows it"
            if is_lost:
                return f"{what.replace('call every action', 'call any action', 1)}: a Deny is added"
            return f"{what}: a Deny is removed"
        case StatementAdded(statement=statement) | StatementRemoved(statement=statement):
            return _calls(statement, part.actions)
        case StatementChanged(old=old, new=new, elements=elements):
            is_deny = old.effect == "Deny"
            reasons = [r for e in elements for r in _reasons(e, is_deny=is_deny, is_lost=is_lost)]
            if not is_deny and all(
                isinstance(e, ValuesChange) and e.element == "Action" for e in elements
            ):
                reasons = []  # the actions say it
            conditions = (e for e in elements if isinstance(e, ConditionChange))
            changed = [condition for e in conditions for condition in (e.old, e.new)]
            what = _calls(old if is_deny else new, part.actions, changed)
            what += " where a policy allows it" if is_deny else ""
            return f"{what}: {', '.join(reasons)}" if reasons else what
    return "do more"


def _reasons(
    element: ValuesChange | ConditionChange, *, is_deny: bool, is_lost: bool
) -> Iterator[str]:
    of = " of the Deny" if is_deny else ""
    match element:
        case ValuesChange(name, removed, added):
            removed, added = (added, removed) if is_lost else (removed, added)
            for values, what in ((added, "added"), (removed, "removed")):
                if values:
                    yield f"{NOUNS[name]} {_listed(values)}{of} is {what}"
        case ConditionChange():
            sides = (element.new, element.old) if is_lost else (element.old, element.new)
            old, new = (limit_text(side) if side else "" for side in sides)
            what = f"becomes {new}" if old and new else "is removed" if old else "is added"
            yield f"the condition {old or new}{of} {what}"


def _calls(
    statement: Statement,
    actions: tuple[Text, ...] = (),
    without: Collection[Condition | None] = (),
) -> str:
    """Return what a statement is about; the conditions `without` are named elsewhere."""
    what = _listed(actions or statement.actions)
    what = "every action" if what == "*" else what
    if statement.not_actions:
        what = f"every action except {_listed(statement.not_actions)}"
    where = "all resources" if "*" in statement.resources else _listed(statement.resources)
    if statement.not_resources:
        where = f"all resources except {_listed(statement.not_resources)}"
    limits = " and ".join(limit_text(c) for c in statement.conditions if c not in without)
    return f"call {what} on {where}{f' if {limits}' if limits else ''}"


def _listed(texts: Iterable[Text]) -> str:
    return first_of(map(str, texts), _NAMES)


def _published(gain: Gain) -> Saying:
    who = _who(gain.owners, gain.policies)
    lines = []
    for document in gain.published:
        if document.before is None:
            lines.append(f"{who} gets a policy that equals {document.after}")
            continue
        added = "; ".join(map(_since, document.added))
        line = f"The policy of {who} updates from {document.before} to {document.after}"
        lines.append(f"{line}; adds {added}" if added else line)
    return Saying(lines[0], (*lines[1:], *_example(gain.example)))


def _since(action: str) -> str:
    """Return an action with the versions that first call it, and that first need it."""
    ranges = [use for call in calls() if call.action == action for use in call.ranges]
    called = min((use.first for use in ranges), default=None)
    needed = min((use.first for use in ranges if use.is_fatal), default=None)
    words = [f"{called} and later call"] if called and called != needed else []
    words += [f"{needed} and later need"] if needed else []
    return f"{action}, which {', and '.join(words)}" if words else action


def _group_joined(finding: Finding, joined: GroupJoined) -> Saying:
    who, group = names_of(joined.owners), name_of(joined.group)
    fix = f"Keep {who} out of {group}" if joined.reach else ""
    if joined.reach:
        return Saying(f"{who} joins {group}, and can now {REACH_TEXTS[joined.reach]}", fix=fix)
    if not joined.is_shown:
        return Saying(f"{who} joins {group}. The plan does not show the group's policies")
    return Saying(f"{who} joins {group}, and gets the group's permissions")


def _undecided(finding: Finding, undecided: AccessUndecided) -> Saying:
    who = names_of(undecided.owners)
    reason = undecided_text(undecided.answer, "the policy")
    message = f"{who} may be able to do more, which is not decided: {reason}"
    return Saying(message, tuple(f"changed: {part_text(part)}" for part in undecided.parts))


def undecided_text(answer: NotProven, policy: str) -> str:
    """Return why it is not decided what a policy newly allows."""
    match answer:
        case NotProven(Open.LATER):
            return f"a part of {policy} is known after apply"
        case NotProven(Open.REFUSED, Refusal(why)):
            return ", ".join(filter(None, (f"{policy} cannot be evaluated", why)))
        case NotProven(Open.NOT_SHOWN):
            return f"the plan does not show all of {policy}"
        case NotProven(Open.TOO_LARGE):
            return f"{policy} is too large for IAM"
    return not_proven_text(answer)


def _deny_lost(finding: Finding, lost: DenyLost) -> Saying:
    who = names_of(lost.owners)
    if lost.hidden:
        gone = first_of(map(name_of, lost.hidden))
        of = f"the policies of {gone}" if gone.startswith("group ") else gone
        message = f"{who} no longer has {of}, which the plan does not show"
        return Saying(f"{message}: if it has a Deny, that no longer applies")
    first, *rest = list(map(part_text, lost.parts)) or ["do more"]
    message = f"{who} may now {first}. The plan may not show what other policies allow"
    return Saying(message, (*also(rest, is_first=False), *_example(lost.example)))


def _not_shown(finding: Finding, shown: PolicyNotShown) -> Saying:
    policy, who, address = name_of(shown.policy), names_of(shown.owners), finding.address
    if shown.content is not None:
        message = f"{policy} is not a policy: {shown.content.why}"
        return Saying(message, fix=f"Correct the policy in {address}")
    is_shown = finding.rule in (Rule.UNKNOWN_POLICY, Rule.SENSITIVE_POLICY)
    if managed := None if is_shown else aws_managed.find(policy):
        because = f" ({', '.join(managed.because)})" if managed.because else ""
        message = f"{who} gets {managed.name}, which {_CLASS_TEXTS[managed.policy_class]}{because}"
        fix = f"Detach {managed.name} from {who}" if finding.rule is Rule.ADMIN else ""
        return Saying(message, fix=fix)
    if instead := aws_managed.nonexistent(policy):
        message = f"{policy} is attached to {who}, and does not exist: {instead}"
        return Saying(message, fix=f"Correct the ARN in {address}")
    named = policy if policy.startswith("the ") else f"the policy {policy}"
    if finding.attribute.startswith("inline_policy"):
        named = f"an inline policy of {who}"
    elif (shown.policy,) != shown.owners:
        named += f" of {who}"
    if finding.rule is Rule.UNKNOWN_POLICY:
        refers = f": it refers to {first_of(shown.references)}" if shown.references else ""
        return Saying(f"{named} is known after apply{refers}")
    if finding.rule is Rule.SENSITIVE_POLICY:
        return Saying(f"{named} is sensitive, so it is not judged")
    message = f"{policy} is attached to {who}. The plan does not show the document"
    if isinstance(shown.policy, Unresolved) and not is_mark(shown.policy.place):
        message = f"{shown.policy.place} is known after apply: the plan does not show "
        message += f"what {who} gets"
    return Saying(message, fix=f"Look at {policy} in IAM" if aws_managed.name_of(policy) else "")


def _no_gain(finding: Finding, change: NoGain) -> Saying:
    who = names_of(change.owners)
    parts = [part_text(part, is_lost=True) for part in change.parts]
    if change.is_deleted:
        return Saying(f"{who} is deleted", tuple(f"was allowed: {text}" for text in parts))
    if finding.rule is Rule.REWRITTEN:
        return Saying(f"The policies of {who} are written differently and mean the same")
    if finding.rule is Rule.NEW_POLICY:
        return Saying(f"{who} gets a policy that allows nothing new")
    if not parts:
        return Saying(f"{who} is allowed less")
    rest = tuple(f"no longer allowed: {text}" for text in parts[1:_PARTS])
    return Saying(f"{who} can no longer {parts[0]}", rest)


def _boundary(finding: Finding, change: BoundaryChanged) -> Saying:
    who, address = names_of(change.owners), finding.address
    old, new = (name_of(side) if side else "" for side in (change.before, change.after))
    is_replaced = f"{who} gets {new} as its permissions boundary"
    is_replaced += f" in place of {old}" if old else ""
    if new and finding.level is Level.NOTE:
        if old == new:
            return Saying(f"{old}, the permissions boundary of {who}, allows no more")
        same = "has the same document" if finding.rule is Rule.REWRITTEN else "allows no more"
        return Saying(f"{is_replaced}, and it {same}" if old else is_replaced)
    parts = list(map(part_text, change.parts))
    if not new:
        message = f"{who} loses {old} as its permissions boundary"
        if address not in who:
            message = f"{address} is created in place of {who}, and has no permissions boundary"
        details, fix = [], f"Set permissions_boundary of {address} to {old}"
    elif old == new and parts:
        message = f"{who} can now {parts[0]}, where a policy allows it"
        message += f": {old} is the permissions boundary, and allows more"
        details, fix = also(parts[1:], is_first=False), f"Narrow {old}"
    else:
        message = f"{is_replaced}, which may limit it less"
        details, fix = also(parts, is_first=True), f"Keep {old}, or narrow {new}"
    return Saying(message, (*details, *_example(change.example)), fix)


SENTENCES: Mapping[type, Callable[[Finding, Any], Saying]] = {
    Gain: _gain,
    GroupJoined: _group_joined,
    AccessUndecided: _undecided,
    DenyLost: _deny_lost,
    PolicyNotShown: _not_shown,
    NoGain: _no_gain,
    BoundaryChanged: _boundary,
    **OF_ACCOUNTS,
}
