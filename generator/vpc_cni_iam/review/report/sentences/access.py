"""Sentences about who can do more, or less."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from vpc_cni_iam.account.grants import GrantPart
from vpc_cni_iam.catalog.facts import aws_managed
from vpc_cni_iam.catalog.facts.aws_managed import PolicyClass
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.inputs.plan.account.grants import GrantKey
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource, InPlan, Named, Unresolved
from vpc_cni_iam.inputs.plan.secrets import is_mark
from vpc_cni_iam.levels import Level
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
from vpc_cni_iam.policy.template import PolicyText
from vpc_cni_iam.review.checks.access import AccessUndecided, DenyLost, Gain, NoGain, PolicyNotShown
from vpc_cni_iam.review.checks.boundaries import BoundaryChanged
from vpc_cni_iam.review.diff.harm import GainedPart
from vpc_cni_iam.review.diff.permissions import Open, PermissionRefusal
from vpc_cni_iam.review.diff.reach import Reach
from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.report.names import conjugate, limit_text, name_of, names_of
from vpc_cni_iam.review.report.saying import Saying
from vpc_cni_iam.review.report.sentences.accounts import SENTENCES as OF_ACCOUNTS
from vpc_cni_iam.review.rules import Rule

REACH_TEXTS = {
    Reach.SERVICES: "call every action on all resources, except for a few services",
    Reach.IAM: "change IAM permissions, and so give itself any access",
    Reach.EVERYTHING: "call every action on all resources",
}
_CLASS_TEXTS = {
    PolicyClass.ADMIN: "allows everything, or everything but IAM",
    PolicyClass.IAM: "allows using the permissions of other roles",
    PolicyClass.DATA: "allows reading or changing data",
    PolicyClass.READ: "is read-only and does not read data",
    PolicyClass.OTHER: "gives no access to data or IAM on resources of any name",
}
_PARTS = 8  # statements that a finding describes
_NAMES = 6  # actions or resources that it names of each


def _gain(finding: Finding, gain: Gain) -> Saying:
    if gain.published or gain.is_generated:
        return _published(gain)
    parts = list(map(part_text, gain.parts))
    what = REACH_TEXTS[gain.reach] if gain.reach else parts.pop(0) if parts else "do more"
    details = also([text for text in parts if text != what], is_first=bool(gain.reach))
    if gain.beyond is not None:
        beyond = f"beyond the plugin's needs: {first_of(gain.beyond, _NAMES) or 'nothing'}"
        details.insert(0, beyond)
    is_attached = bool(gain.policies) and "policy_arn" in finding.attribute
    message = _who_can(gain, what, is_attached=is_attached)
    message += ", where its permissions boundary allows it" if gain.is_bounded else ""
    message += f". aws-node {gain.lacked_by} calls this" if gain.lacked_by else ""
    needs_none = gain.lacked_by or (gain.is_new and finding.rule is not Rule.ADMIN)
    fix = "" if needs_none else _fix(gain, finding.address, is_attached=is_attached)
    return Saying(message, (*details, *_example(gain.example)), fix)


def _who_can(gain: Gain, what: str, *, is_attached: bool) -> str:
    """Return who can now do what, with which policies."""
    who, policies, deny = _who(gain), _policies(gain.policies), _deny(gain)
    is_of_aws = all(aws_managed.name_of(name_of(policy)) for policy in gain.policies)
    if gain.reach and deny:
        return f"{who} can now {what}: the {deny} no longer applies in full"
    if gain.group:
        return f"{who} {conjugate('join', gain.owners)} {name_of(gain.group)}, and can now {what}"
    if is_attached and (gain.reach or is_of_aws):
        return f"{who} {conjugate('get', gain.owners)} {policies}, and can now {what}"
    if gain.reach and policies and policies not in who:
        action, comma, result = what.partition(", ")
        return f"{who} can now {action} with {policies}{comma}{result}"
    return f"{who} can now {what}"


def _fix(gain: Gain, address: str, *, is_attached: bool) -> str:
    """Return how to allow less."""
    actions = gain.parts[0].actions if gain.parts else ()
    if deny := _deny(gain):
        return f"Keep the whole {deny} for {names_of(gain.owners)}"
    if gain.parts and _drops_condition(gain.parts[0]):
        return f"Keep the condition in {address}"
    if gain.beyond == ():
        return f"Accept it if aws-node needs it, or narrow {address}"
    if gain.group or is_attached:
        policies, who = _policies(gain.policies), names_of(gain.owners)
        out = f"Keep {who} out of {name_of(gain.group)}" if gain.group else ""
        return out or f"Detach {policies} from {who}"
    if actions and not gain.reach:
        passes_role = [str(action).lower() for action in actions] == ["iam:passrole"]
        less = "name the role in it" if passes_role else "narrow its resources"
        return f"Remove {_listed(actions)} from {address}, or {less}"
    return f"Narrow the actions and resources in {address}"


def _drops_condition(part: GainedPart) -> bool:
    elements = part.difference.elements if isinstance(part.difference, StatementChanged) else ()
    return isinstance(elements[-1] if elements else None, ConditionChange)


def _who(gain: Gain) -> str:
    """Return who is allowed something; a policy that no principal of the plan has is its owner."""
    is_policy = len(gain.owners) == 1 and gain.owners[0] in gain.policies
    return f"Anyone with {name_of(gain.owners[0])}" if is_policy else names_of(gain.owners)


def _deny(gain: Gain) -> str:
    """Return the Deny whose change allows more; empty if there is none."""
    match gain.parts[0].difference if gain.parts else None:
        case (
            StatementRemoved(statement=Statement("Deny") as statement)
            | StatementChanged(old=Statement("Deny") as statement)
        ):
            what = f"except {_listed(statement.not_actions)}"
            what = f"of {_listed(statement.actions)}" if statement.actions else what
            return f"Deny {what}{f' in {_policies(gain.policies[:1])}' if gain.policies else ''}"
    return ""


def _policies(policies: tuple[IamResource, ...]) -> str:
    names = (name_of(policy) for policy in policies)
    return first_of((aws_managed.name_of(name) or name for name in names), 2)


def also(parts: list[str], *, is_first: bool) -> list[str]:
    """Return lines about the parts of a gain that the message leaves out."""
    label = "newly allowed" if is_first else "also"
    lines = [f"{label}: {text.removeprefix('call ')}" for text in parts[:_PARTS]]
    more = len(parts) - len(lines)
    return [*lines, f"and {more} more statements"] if more > 0 else lines


def _example(answer: NewAccess | None) -> tuple[str, ...]:
    return (f"example: {example_text(answer)}",) if answer else ()


def part_text(part: GainedPart) -> str:
    """Return what a part newly allows, as the policy writes it: ``call ... on ... if ...``."""
    match part.difference:
        case StatementRemoved(statement=Statement("Deny") as statement):
            return f"{_calls(statement, part.actions)} where a policy allows it: a Deny is removed"
        case StatementAdded(statement=statement) | StatementRemoved(statement=statement):
            return _calls(statement, part.actions)
        case StatementChanged(old=old, new=new, elements=elements):
            is_deny = old.effect == "Deny"
            reasons = [reason for e in elements for reason in _reasons(e, is_deny=is_deny)]
            reasons = [] if _is_by_actions(part) else reasons
            conditions = (e for e in elements if isinstance(e, ConditionChange))
            changed = [condition for e in conditions for condition in (e.old, e.new)]
            what = _calls(old if is_deny else new, part.actions, changed)
            what += " where a policy allows it" if is_deny else ""
            return f"{what}: {', '.join(reasons)}" if reasons else what
    return "do more"


def _is_by_actions(part: GainedPart) -> bool:
    """Return whether only the actions of an Allow change, or the Allow is new."""
    match part.difference:
        case StatementAdded(statement=Statement("Allow")):
            return True
        case StatementChanged(new=Statement("Allow"), elements=elements):
            return all(isinstance(e, ValuesChange) and e.element == "Action" for e in elements)
    return False


def _reasons(element: ValuesChange | ConditionChange, *, is_deny: bool) -> Iterator[str]:
    of = " of the Deny" if is_deny else ""
    match element:
        case ValuesChange(name, removed, added):
            for values, what in ((added, "added"), (removed, "removed")):
                if values:
                    yield f"{NOUNS[name]} {_listed(values)}{of} is {what}"
        case ConditionChange():
            old, new = (limit_text(side) if side else "" for side in (element.old, element.new))
            what = f"becomes {new}" if old and new else "is removed" if old else "is added"
            yield f"the condition {old or new}{of} {what}"


def _calls(
    statement: Statement,
    actions: tuple[PolicyText, ...] = (),
    without: Collection[Condition | None] = (),
) -> str:
    """Return which calls a statement is about, leaving out the conditions `without`."""
    what = _listed(actions or statement.actions)
    what = "every action" if what == "*" else what
    if statement.not_actions:
        what = f"every action except {_listed(statement.not_actions)}"
    where = "all resources" if "*" in statement.resources else _listed(statement.resources)
    if statement.not_resources:
        where = f"all resources except {_listed(statement.not_resources)}"
    limits = " and ".join(limit_text(c) for c in statement.conditions if c not in without)
    return f"call {what} on {where}{f' if {limits}' if limits else ''}"


def _listed(texts: Iterable[PolicyText]) -> str:
    return first_of(map(str, texts), _NAMES)


def _published(gain: Gain) -> Saying:
    names = first_of(map(str, dict.fromkeys(gain.published)))
    which = f"equals {names}" if names else "allows no more than vpc-cni-iam generates for aws-node"
    message = f"{_who(gain)} {conjugate('get', gain.owners)} a policy that {which}"
    newly = [] if gain.is_new else also(list(map(part_text, gain.parts)), is_first=True)
    return Saying(message, (*newly, *_example(gain.example)))


def _undecided(finding: Finding, undecided: AccessUndecided) -> Saying:
    who = names_of(undecided.owners)
    reason = undecided_text(undecided.answer, "the policy")
    return Saying(f"It is not known whether {who} can do more: {reason}")


_REASONS = {
    Open.LATER: "a part of {} is known after apply",
    Open.NOT_SHOWN: "the plan does not show all of {}",
    Open.TOO_LARGE: "{} is too large for IAM",
}


def undecided_text(answer: NotProven, policy: str) -> str:
    """Return why it is not known what a policy newly allows."""
    match answer:
        case NotProven(Open.REFUSED, PermissionRefusal(why)):
            return ", ".join(filter(None, (f"{policy} cannot be evaluated", str(why))))
        case NotProven(Open() as reason):
            return _REASONS[reason].format(policy)
    return not_proven_text(answer)


def _deny_lost(finding: Finding, lost: DenyLost) -> Saying:
    who = names_of(lost.owners)
    if lost.hidden:
        gone = first_of(map(_hidden, lost.hidden))
        message = f"{who} {conjugate('lose', lost.owners)} {gone}, which the plan does not show"
        return Saying(f"{message}. If it has a Deny, the Deny no longer applies")
    first, *rest = list(map(part_text, lost.parts)) or ["do more"]
    message = f"{who} may now {first}. The plan may not show what other policies allow"
    return Saying(message, (*also(rest, is_first=False), *_example(lost.example)))


def _hidden(key: GrantKey) -> str:
    """Return the name of a policy that the plan does not show."""
    match key:
        case GrantKey(GrantPart.GROUP, InPlan() | Named() | Unresolved() as group):
            return f"the policies of {name_of(group)}"
        case GrantKey(_, InPlan() | Named() | Unresolved() as policy):
            return name_of(policy)
    return f"the inline policy {key.name}" if key.name else "its document"


def _not_shown(finding: Finding, shown: PolicyNotShown) -> Saying:
    policy, who, address = name_of(shown.policy), names_of(shown.owners), finding.address
    if shown.content is not None:
        message = f"{policy} is not a valid policy: {shown.content.why}"
        return Saying(message, fix=f"Correct the policy in {address}")
    managed = aws_managed.find(policy)
    named = policy if policy.startswith("the ") else f"the policy {policy}"
    if finding.attribute.startswith("inline_policy"):
        named = f"an inline policy of {who}"
    elif (shown.policy,) != shown.owners:
        named += f" of {who}"
    if finding.rule is Rule.UNKNOWN_POLICY:
        refers = f": it refers to {first_of(shown.references)}" if shown.references else ""
        return Saying(f"{named} is known after apply{refers}")
    if finding.rule is Rule.SENSITIVE_POLICY:
        return Saying(f"{named} is sensitive, so it is not reviewed")
    if managed:
        because = f" ({', '.join(managed.because)})" if managed.because else ""
        message = f"{who} {conjugate('get', shown.owners)} {managed.name}, which "
        message += f"{_CLASS_TEXTS[managed.policy_class]}{because}"
        fix = f"Detach {managed.name} from {who}" if finding.rule is Rule.ADMIN else ""
        return Saying(message, fix=fix)
    if instead := aws_managed.nonexistent(policy):
        message = f"{policy} is attached to {who}, but does not exist: {instead}"
        return Saying(message, fix=f"Correct the ARN in {address}")
    message = f"{policy} is attached to {who}. The plan does not show the document"
    if shown.is_group:
        message = f"{who} {conjugate('join', shown.owners)} {policy}. The plan may not show all "
        message += "policies of the group"
    if isinstance(shown.policy, Unresolved) and not is_mark(shown.policy.place):
        message = f"{shown.policy.place} is known after apply: the plan does not show "
        message += f"what {who} {conjugate('get', shown.owners)}"
    return Saying(message, fix=f"Look at {policy} in IAM" if aws_managed.name_of(policy) else "")


def _no_gain(finding: Finding, change: NoGain) -> Saying:
    who = names_of(change.owners)
    if change.is_deleted:
        return Saying(f"{who} is deleted")
    if finding.rule is Rule.REWRITTEN:
        return Saying(f"The policies of {who} change, and allow the same")
    lost = [part_text(part) for part in change.lost if _is_by_actions(part)]
    less = f"can no longer {lost[0]}" if lost else "can do less, and nothing new"
    return Saying(f"{who} {less}")


def _boundary(finding: Finding, change: BoundaryChanged) -> Saying:
    who, details = names_of(change.owners), list[str]()
    old, new = (name_of(side) if side else "" for side in (change.before, change.after))
    if finding.level is Level.NOTE:
        return Saying(f"{new}, the permissions boundary of {who}, allows no more than before")
    parts = list(map(part_text, change.parts))
    if not new:
        message = f"{who} {conjugate('lose', change.owners)} the permissions boundary {old}"
        fix = f"Set permissions_boundary of {finding.address} to {old}"
    elif old == new and parts and finding.level is Level.WARNING:  # it denies less
        message = f"{old} is the permissions boundary of {who}, which can now {parts[0]}"
        details, fix = also(parts[1:], is_first=False), f"Keep the Deny in {old}"
    elif old == new and parts:
        message = f"{who} can now {parts[0]}, where a policy allows it"
        message += f": {old} is the permissions boundary, and allows more"
        details, fix = also(parts[1:], is_first=False), f"Narrow {old}"
    else:
        message = (
            f"{who} {conjugate('get', change.owners)} the permissions boundary {new} in place "
        )
        message += f"of {old}, which may limit less"
        details, fix = also(parts, is_first=True), f"Keep {old}, or narrow {new}"
    return Saying(message, (*details, *_example(change.example)), fix)


SENTENCES: Mapping[type, Callable[[Finding, Any], Saying]] = {
    Gain: _gain,
    AccessUndecided: _undecided,
    DenyLost: _deny_lost,
    PolicyNotShown: _not_shown,
    NoGain: _no_gain,
    BoundaryChanged: _boundary,
    **OF_ACCOUNTS,
}
