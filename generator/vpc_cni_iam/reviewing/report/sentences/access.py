"""Sentences about who can do more, or less."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from vpc_cni_iam.catalog.facts import aws_managed
from vpc_cni_iam.catalog.facts.aws_managed import CLASS_TEXTS
from vpc_cni_iam.errors import first_of
from vpc_cni_iam.inputs.plan.arguments import Part
from vpc_cni_iam.policy.diff import (
    ConditionChange,
    Difference,
    StatementAdded,
    StatementChanged,
    StatementRemoved,
    ValuesChange,
)
from vpc_cni_iam.policy.document import Condition, Statement
from vpc_cni_iam.policy.proof.answer import NewAccess, NotProven
from vpc_cni_iam.policy.report import condition_text, example_text, not_proven_text
from vpc_cni_iam.policy.template import Text
from vpc_cni_iam.policy.value import Sensitive
from vpc_cni_iam.reviewing.account.documents import Invalid
from vpc_cni_iam.reviewing.checks.access import (
    DenyLost,
    Gain,
    NoGain,
    NotShown,
    Published,
    Undecided,
)
from vpc_cni_iam.reviewing.diff.permissions import Open, Refusal
from vpc_cni_iam.reviewing.diff.reach import Reach
from vpc_cni_iam.reviewing.findings import Finding
from vpc_cni_iam.reviewing.report.names import name_of, names_of
from vpc_cni_iam.reviewing.report.saying import Saying
from vpc_cni_iam.reviewing.rules import Rule

_REACH_TEXTS = {
    Reach.SERVICES: "call every action on all resources, except for a few services",
    Reach.IAM: "change IAM permissions, and so give itself any access",
    Reach.EVERYTHING: "call every action on all resources",
}
_SHOWN = 3


def _gain(finding: Finding, gain: Gain) -> Saying:
    who = names_of(gain.owners)
    parts = [text for difference in gain.scope for text in _scope_texts(difference)]
    example = _example(gain.example)
    fix = f"Remove it from {finding.address}, or narrow its actions and resources"
    if gain.reach is not Reach.LIMITED:
        message = f"{who} can now {_REACH_TEXTS[gain.reach]}"
        return Saying(message, (*parts, *example), fix)
    if not parts:
        message = f"{who} can do more, since the permissions boundary allows more"
        return Saying(message, example, fix)
    return Saying(f"{who} can now {parts[0]}", (*(f"also: {p}" for p in parts[1:]), *example), fix)


def _example(answer: NewAccess | None) -> tuple[str, ...]:
    return (f"example: {example_text(answer)}",) if answer else ()


def _scope_texts(difference: Difference) -> Iterator[str]:
    """Yield what a difference of statements newly allows, in the words of the policy."""
    match difference:
        case StatementAdded(statement=statement):
            yield _calls(statement)
        case StatementRemoved(statement=statement):
            yield f"{_calls(statement)} where a policy allows it: the Deny is removed"
        case StatementChanged(old=old, new=new, elements=elements):
            values = [e for e in elements if isinstance(e, ValuesChange)]
            conditions = [e for e in elements if isinstance(e, ConditionChange)]
            actions = next((e.added for e in values if e.element == "Action"), ())
            others = [e for e in values if e.element != "Action" or old.effect == "Deny"]
            why = [*_value_reasons(others, old.effect), *map(_condition_reason, conditions)]
            calls = _calls(new if new.effect == "Allow" else old, None if why else actions)
            yield f"{calls} ({'; '.join(why)})" if why else calls


def _value_reasons(changes: Iterable[ValuesChange], effect: str) -> Iterator[str]:
    owner = "the Deny's " if effect == "Deny" else ""
    for change in changes:
        if change.added:
            yield f"{owner}{change.element} gains {_listed(change.added)}"
        if change.removed:
            yield f"{owner}{change.element} loses {_listed(change.removed)}"


def _condition_reason(change: ConditionChange) -> str:
    match change:
        case ConditionChange(old=Condition() as old, new=None):
            return f"the condition {condition_text(old)} is removed"
        case ConditionChange(old=Condition() as old, new=Condition() as new):
            return f"the condition {condition_text(old)} becomes {condition_text(new)}"
        case ConditionChange(new=Condition() as new):
            return f"the condition {condition_text(new)} is added"
    return ""


def _calls(statement: Statement, actions: tuple[Text, ...] | None = None) -> str:
    what = _listed(actions or statement.actions)
    if not what:
        what = f"every action except {_listed(statement.not_actions)}"
    where = "all resources" if "*" in statement.resources else _listed(statement.resources)
    if statement.not_resources:
        where = f"all resources except {_listed(statement.not_resources)}"
    limits = " and ".join(map(condition_text, statement.conditions))
    return f"call {what} on {where}{f' if {limits}' if limits else ''}"


def _listed(texts: Iterable[Text]) -> str:
    return first_of(list(map(str, texts)), _SHOWN) if texts else ""


def _undecided(finding: Finding, undecided: Undecided) -> Saying:
    who = names_of(undecided.owners)
    parts = tuple(text for d in undecided.scope for text in _scope_texts(d))
    message = f"{who} may be able to do more: {_reason(undecided.answer)}"
    return Saying(message, parts)


def _reason(answer: NotProven) -> str:
    match answer:
        case NotProven(Open.LATER):
            return "a part of the policy is known after apply"
        case NotProven(Open.REFUSED, Refusal(why)):
            return f"the policy cannot be evaluated, {why}"
        case NotProven(Open.NOT_SHOWN):
            return "the plan does not show all policies"
    return not_proven_text(answer)


def _deny_lost(finding: Finding, lost: DenyLost) -> Saying:
    who = names_of(lost.owners)
    if lost.policies:
        gone = first_of(list(map(name_of, lost.policies)))
        message = f"{who} no longer has {gone}. The plan does not show the document"
        return Saying(f"{message}: a Deny in it no longer applies")
    parts = [text for difference in lost.scope for text in _scope_texts(difference)]
    message = f"{who} is denied less: policies that the plan does not show may allow it"
    return Saying(message, (*parts, *_example(lost.example)))


def _not_shown(finding: Finding, shown: NotShown) -> Saying:
    grant, who = shown.grant, names_of(shown.owners)
    policy = name_of(grant.policy) if grant.policy else grant.address
    if grant.key.part is Part.MEMBERSHIP:
        return Saying(f"{who} joins {policy}. The plan does not show the group's policies")
    match grant.content:
        case Invalid(why=why):
            return Saying(f"{policy} is not a policy: {why}", fix=f"Correct {grant.address}")
        case Sensitive():
            return Saying(f"{policy}, which {who} gets, is sensitive, so it is not judged")
    if managed := shown.managed:
        because = f" ({', '.join(managed.because)})" if managed.because else ""
        message = f"{who} gets {managed.name}, which {CLASS_TEXTS[managed.policy_class]}{because}"
        fix = f"Remove {grant.address}" if finding.rule is Rule.ADMIN else ""
        return Saying(message, fix=fix)
    if instead := aws_managed.nonexistent(policy):
        return Saying(f"{policy} is attached to {who}, and does not exist: {instead}", fix=instead)
    is_later = finding.rule is Rule.UNKNOWN_POLICY
    later = f"{policy}, which {who} gets, is known after apply"
    return Saying(
        later if is_later else f"{policy} is attached to {who}. The plan does not show the document"
    )


def _published(finding: Finding, published: Published) -> Saying:
    who = names_of(published.owners)
    if published.before is None:
        return Saying(f"{who} gets a policy that equals {published.after}")
    return Saying(f"The policy of {who} updates from {published.before} to {published.after}")


def _no_gain(finding: Finding, change: NoGain) -> Saying:
    who = names_of(change.owners)
    match finding.rule:
        case Rule.REWRITTEN:
            return Saying(f"The policies of {who} are written differently and mean the same")
        case Rule.NEW_POLICY:
            return Saying(f"{who} had all access of the policy before")
    return Saying(f"{who} is allowed less")


SENTENCES: Mapping[type, Callable[[Finding, Any], Saying]] = {
    Gain: _gain,
    Undecided: _undecided,
    DenyLost: _deny_lost,
    NotShown: _not_shown,
    Published: _published,
    NoGain: _no_gain,
}
