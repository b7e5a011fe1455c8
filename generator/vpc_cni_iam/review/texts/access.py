"""What policies newly allow, in sentences."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from vpc_cni_iam.errors import first_of
from vpc_cni_iam.policy.diff import (
    NOUNS,
    ConditionChange,
    StatementAdded,
    StatementChanged,
    StatementRemoved,
    ValuesChange,
)
from vpc_cni_iam.policy.document import Condition, Statement
from vpc_cni_iam.policy.proof.answer import NewAccess, NotProven
from vpc_cni_iam.policy.report import example_text, not_proven_text
from vpc_cni_iam.policy.template import PolicyText
from vpc_cni_iam.review.diff.harm import GainedPart
from vpc_cni_iam.review.diff.permissions import Open, PermissionRefusal
from vpc_cni_iam.review.diff.reach import Reach
from vpc_cni_iam.unmet import limit_text

REACH_TEXTS = {
    Reach.SERVICES: "call every action on all resources, except for a few services",
    Reach.IAM: "change IAM permissions, and so give itself any access",
    Reach.EVERYTHING: "call every action on all resources",
}
_PARTS = 8  # statements that a finding describes
MOST_ACTIONS = 6  # actions or resources that it names of each


def also(parts: list[str], *, is_first: bool) -> list[str]:
    """Return lines about the parts of a gain that the message leaves out."""
    label = "newly allowed" if is_first else "also"
    lines = [f"{label}: {text.removeprefix('call ')}" for text in parts[:_PARTS]]
    more = len(parts) - len(lines)
    return [*lines, f"and {more} more statement{'s' * (more > 1)}"] if more > 0 else lines


def example_lines(answer: NewAccess | None) -> tuple[str, ...]:
    """Return the line with an example request, if there is one."""
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
            reasons = [] if is_by_actions(part) else reasons
            conditions = (e for e in elements if isinstance(e, ConditionChange))
            changed = [condition for e in conditions for condition in (e.old, e.new)]
            what = _calls(old if is_deny else new, part.actions, changed)
            what += " where a policy allows it" if is_deny else ""
            return f"{what}: {', '.join(reasons)}" if reasons else what
    return "do more"


def is_by_actions(part: GainedPart) -> bool:
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
                    yield f"{NOUNS[name]} {listed(values)}{of} is {what}"
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
    what = listed(actions or statement.actions)
    what = "every action" if what == "*" else what
    if statement.not_actions:
        what = f"every action except {listed(statement.not_actions)}"
    where = "all resources" if "*" in statement.resources else listed(statement.resources)
    if statement.not_resources:
        where = f"all resources except {listed(statement.not_resources)}"
    limits = " and ".join(limit_text(c) for c in statement.conditions if c not in without)
    return f"call {what} on {where}{f' if {limits}' if limits else ''}"


def listed(texts: Iterable[PolicyText]) -> str:
    """Return the first actions or resources."""
    return first_of(map(str, texts), MOST_ACTIONS)


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
