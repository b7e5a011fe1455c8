"""Statements, differences and answers of proofs in words, for messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from vpc_cni_iam.policy.diff import (
    NOUNS,
    Change,
    ConditionChange,
    Difference,
    ElementChange,
    StatementAdded,
    StatementChanged,
    StatementRemoved,
    ValuesChange,
    VersionChanged,
)
from vpc_cni_iam.policy.document import ANYONE, Condition, Principal, Statement
from vpc_cni_iam.policy.evaluate import Request
from vpc_cni_iam.policy.matching.conditions import Doubt, Undecided, undefined
from vpc_cni_iam.policy.proof.answer import (
    Answer,
    HardStatement,
    NewAccess,
    NoProof,
    NotProven,
    OpenPart,
    RequestPart,
    StatementPlace,
)
from vpc_cni_iam.policy.template import PolicyText, Side

_RESOURCES = (RequestPart.resource, RequestPart.resource_type)
_REASONS = {
    NoProof.not_principal: "there is no proof for NotPrincipal: its effect depends on the service",
    NoProof.too_large: "too complex: the policies have too many statements or values",
    NoProof.open_part: "not proven",
}


def describe(statement: Statement) -> str:
    """Return a statement's effect in one line."""
    return " ".join(described(statement))


def described(statement: Statement) -> list[str]:
    """Return a statement's effect without its conditions, then each condition."""
    verb = "allows" if statement.effect == "Allow" else "denies"
    parts = [verb, _listed(statement.actions) or f"all but {_listed(statement.not_actions)}"]
    for word, texts in (
        ("on", statement.resources),
        ("on all but", statement.not_resources),
        ("to", principal_names(statement.principals)),
        ("to all but", principal_names(statement.not_principals)),
    ):
        if texts:
            parts.append(f"{word} {_listed(texts)}")
    conditions = enumerate(map(condition_text, statement.conditions))
    asked = [f"{'and' if number else 'if'} {text}" for number, text in conditions]
    return [" ".join(parts), *asked]


def _listed(texts: Iterable[PolicyText]) -> str:
    return ", ".join(map(str, texts))


def condition_text(condition: Condition) -> str:
    """Return a condition as one readable phrase."""
    return f"{condition.key} {asked_text(condition)}"


def asked_text(condition: Condition) -> str:
    """Return a condition without its key, such as ``StringEquals 'a' or 'b'``."""
    values = " or ".join(repr(str(value)) for value in condition.values)
    return f"{condition.operator} {values or 'no value'}"


def principal_names(principals: Iterable[Principal]) -> tuple[str, ...]:
    """Return principals by name, with their type if any."""
    return tuple(
        str(identifier) if principal.type == ANYONE else f"{principal.type} {identifier}"
        for principal in principals
        for identifier in principal.identifiers
    )


class DifferenceLine(Struct, frozen=True):
    """A line about a difference between two policies."""

    change: Change
    place: str  # such as ``statement 2 (ec2:CreateTags)``; empty for the document
    text: str  # such as ``action ec2:DescribeSubnets is removed``

    def __str__(self) -> str:
        return f"{self.place}: {self.text}" if self.place else self.text


def difference_lines(
    differences: Iterable[Difference], *, removed: Literal["removed", "missing"] = "removed"
) -> Iterator[DifferenceLine]:
    """Yield the lines about differences.

    `removed` is the word for parts that only the old policy has: "missing" if both should be equal.
    """
    for difference in differences:
        match difference:
            case VersionChanged(old, new):
                text = f"Version changes from {old} to {new}"
                yield DifferenceLine(Change.changed, "", text)
            case StatementRemoved(index, statement):
                text = f"is {removed}: it {describe(statement)}"
                yield DifferenceLine(Change.removed, statement_name(index, statement), text)
            case StatementAdded(index, statement):
                text = f"is added: it {describe(statement)}"
                yield DifferenceLine(Change.added, statement_name(index, statement), text)
            case StatementChanged(index, old_statement, new_statement, elements):
                place = statement_name(index, old_statement)
                for element in elements:
                    for change, text in _element_texts(element, removed):
                        yield DifferenceLine(change, place, text)
                if not elements:
                    text = f"now {describe(new_statement)}"
                    yield DifferenceLine(Change.changed, place, text)


def statement_name(index: int, statement: Statement) -> str:
    """Return a statement's name: its number from 1 and its first action."""
    names = statement.actions or tuple(f"not {a}" for a in statement.not_actions) or ("no action",)
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    deny = "Deny " if statement.effect == "Deny" else ""
    return f"statement {index + 1} ({deny}{names[0]}{more})"


def _element_texts(element: ElementChange, removed: str) -> Iterator[tuple[Change, str]]:
    match element:
        case ValuesChange():
            noun = NOUNS[element.element]
            for change, word, values in (
                (Change.removed, removed, element.removed),
                (Change.added, "added", element.added),
            ):
                if values:
                    names = ", ".join(value_text(element, value) for value in values)
                    plural, verb = ("s", "are") if len(values) > 1 else ("", "is")
                    yield change, f"{noun}{plural} {names} {verb} {word}"
        case ConditionChange(old=None, new=Condition() as new):
            yield Change.added, f"condition {condition_text(new)} is added"
        case ConditionChange(old=Condition() as old, new=None):
            yield Change.removed, f"condition {condition_text(old)} is {removed}"
        case ConditionChange(old=Condition() as old, new=Condition() as new):
            text = f"condition on {new.key} changes from {asked_text(old)} to {asked_text(new)}"
            yield Change.changed, text


def value_text(element: ValuesChange, value: PolicyText) -> str:
    """Return a value of an element as text; a principal with its type."""
    return f"{kind} {value}" if (kind := element.principal_type) not in ("", ANYONE) else str(value)


def request_text(request: Request, *, resource: bool) -> str:
    """Return a request in one line: the action, the resource, the principal, condition keys."""
    on = f" on {request.resource}" if resource else ""
    by = f" by {request.principal}" if request.principal else ""
    values = values_text(request.context)
    return f"{request.action}{on}{by}{f' with {values}' if values else ''}"


def values_text(context: Mapping[str, str | Sequence[str]]) -> str:
    """Return condition keys with their values."""
    return ", ".join(f"{key} = {_values(value)}" for key, value in sorted(context.items()))


def _values(value: str | Sequence[str]) -> str:
    values = [value] if isinstance(value, str) else value
    return " or ".join(text or "(an empty text)" for text in values)


def made_up_text(answer: NewAccess, *, resource: bool = True) -> str:
    """Return in brackets what AWS may not have in a request; empty if it can receive it."""
    shown = [p for p in answer.made_up if resource or p.part not in _RESOURCES]
    texts = [
        f"AWS does not check {answer.request.action} on such a resource"
        for p in shown
        if p.part is RequestPart.resource_type
    ]
    if names := [p.key or p.part for p in shown if p.part is not RequestPart.resource_type]:
        *front, last = names
        listed = f"{', '.join(front)} and {last}" if front else last
        texts.append(f"{listed} made up from the policy's patterns")
    return f" ({'; '.join(texts)})" if texts else ""


def example_text(answer: NewAccess, *, resource: bool = True) -> str:
    """Return the request of an answer, with its made-up parts."""
    text = request_text(answer.request, resource=resource)
    return text + made_up_text(answer, resource=resource)


def answer_text(answer: Answer) -> str:
    """Return an answer in one line."""
    match answer:
        case NewAccess(new=new):
            change = "new access" if new.allowed else "no longer denied"
            return f"{change}, for instance {example_text(answer)}"
        case NotProven():
            return f"not proven: {not_proven_text(answer)}"
    return "no new access (proven)"


def access_change_text(gained: Answer, lost: Answer) -> str:
    """Return the meaning of a change in one line, from the answers in both directions."""
    more, less = (_short_example(answer) for answer in (gained, lost))
    texts = [f"{word} access, for instance {text}" for word, text in
             (("more", more), ("less", less)) if text]  # fmt: skip
    texts += [
        f"it is not proven that there is no {word} access: {not_proven_text(answer)}"
        for word, answer in (("more", gained), ("less", lost))
        if isinstance(answer, NotProven)
    ]
    return "; ".join(texts) or "no change of access"


def _short_example(answer: Answer) -> str:
    if not isinstance(answer, NewAccess):
        return ""
    return f"{answer.request.action} on {answer.request.resource}{made_up_text(answer)}"


def not_proven_text(answer: NotProven) -> str:
    """Return why a proof has neither result nor request."""
    match answer.evidence:
        case OpenPart() as part:
            return _open_part_text(part)
        case HardStatement(statement, pattern, keys):
            if pattern:
                advice = f"write patterns such as {pattern!r} with fewer wildcards"
            elif keys:
                advice = f"compare policies with fewer condition keys than {', '.join(keys)}"
            else:
                advice = "compare policies with fewer statements"
            place = _statement_text(statement)
            return f"too complex: {place} takes more steps than the limit; {advice}"
    return _REASONS[NoProof(answer.reason)]


def _open_part_text(part: OpenPart) -> str:
    deny = part.removed_deny
    if part.allows:
        subject = ", within ".join(map(_statement_text, part.allows))
        subject += f" (against the old Deny that {describe(deny.statement)})" if deny else ""
        missing = f"{subject} is not proven to be covered"
    else:
        subject = "" if deny is None else _statement_text(deny)
        missing = f"{subject} is not proven to be still denied"
    names = ", ".join(map(condition_text, part.not_implied))
    why = f"; not proven to follow: {names}" if names else ""
    undefined_ones = filter(None, map(undefined, part.undefined))
    why += "".join(f"; {undecided_text(each)}" for each in dict.fromkeys(undefined_ones))
    return (
        f"{missing}, for instance on action {part.action!r} and resource {part.resource!r}, and no "
        f"such request was found to be newly allowed{why}"
    )


def _statement_text(place: StatementPlace) -> str:
    policies = "policy" if place.limit is None else f"limit {place.limit + 1}, policy"
    of = f"{'old' if place.side is Side.BEFORE else 'new'} {policies} {place.policy + 1}"
    return f"statement {place.index + 1} of {of} ({describe(place.statement)})"


_SEVERAL = "AWS does not define a condition on such a key without ForAllValues or ForAnyValue"
_DOUBTS = {
    Doubt.null_of_a_set: "AWS does not define {0.quantifier}:Null, here on {0.key}",
    Doubt.several_values: "{0.key} can have several values, and " + _SEVERAL,
    Doubt.perhaps_several_values: (
        "{0.key} is not a known key and may have several values, and " + _SEVERAL
    ),
    Doubt.too_many_values: ("the request has {0.values} values for {0.key}, which has one at most"),
    Doubt.unknown_value: "{0.key} of the request is not known",
    Doubt.unknown_id: "the ID of the {0.key} is not known",
    Doubt.unknown_part: "a part of the policy is not known",
    Doubt.unknown_key: "the condition key {0.key} is not known",
    Doubt.unknown_action: "it is not known whether a statement is about the action",
    Doubt.unknown_principal: "a principal of the policy is not known",
    Doubt.earlier_request: "it depends on an undecided call before it",
}


def undecided_text(undecided: Undecided | None) -> str:
    """Return why it is open whether a statement applies; empty for None."""
    return _DOUBTS[undecided.doubt].format(undecided) if undecided else ""
