"""Reads conditions, and makes tests of a request's context from them.

Follows the IAM User Guide pages "IAM JSON policy elements: Condition operators", "Conditions with
multiple context keys or values" and "Single-valued vs. multivalued context keys".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.policy.document import Condition
from vpc_cni_iam.policy.matching import keys, matches, operators, values
from vpc_cni_iam.policy.matching.element_path import ElementPath
from vpc_cni_iam.policy.matching.matches import ConditionCheck, ContextKey, Match, context_key
from vpc_cni_iam.policy.matching.operators import TEXTS, Family, SetOperator
from vpc_cni_iam.policy.matching.patterns import split_arn
from vpc_cni_iam.policy.matching.variables import (
    ANYTHING,
    HOLES,
    KeyValues,
    OneOf,
    UnknownValue,
    expand,
    is_plain,
    read,
)
from vpc_cni_iam.policy.template import Template, known, parts_of


class Doubt(StrEnum):
    """Why it is open whether a statement applies to a request."""

    # AWS does not define the meaning of a condition.
    null_of_a_set = "Null with a set operator"
    several_values = "a plain operator on a key of several values"
    perhaps_several_values = "a plain operator on a key that may have several values"
    too_many_values = "several values in the request for a key of one"
    # A part of the request or the policy is not known.
    unknown_value = "a value of the request"
    unknown_id = "the ID of a resource"
    unknown_part = "a part of the policy"
    unknown_key = "a condition key"
    unknown_action = "an action of the policy"
    unknown_principal = "a principal of the policy"
    # Whether the request is sent depends on an earlier undecided result.
    earlier_request = "an earlier request"


class Undecided(Struct, frozen=True):
    """Why it is open whether a statement applies."""

    doubt: Doubt
    # The condition key, as spelled, or the kind of resource; empty for none.
    key: str = ""
    quantifier: SetOperator = SetOperator.NONE  # for `Doubt.null_of_a_set`
    values: int = 0  # the number of the request's values, for `Doubt.too_many_values`


Truth: TypeAlias = bool | Undecided
Test: TypeAlias = Callable[[KeyValues], Truth]


def parse(condition: Condition, place: ElementPath, *, variables: bool) -> ConditionCheck:
    """Read a condition.

    Page "IAM policy elements: Variables and tags": operators on strings and ARNs allow policy
    variables, others do not.
    """
    operator = operators.parse(condition.operator, place)
    family = operator.base.family
    if variables and any(isinstance(p, str) and "${" in p for p in parts_of(condition.key)):
        raise place.refuse(
            f"the key {str(condition.key)!r} has ${{...}}, which no key can have; "
            f"if it is upstream's placeholder, replace it with its value"
        )
    check = ConditionCheck(operator, context_key(condition.key), condition.values)
    if family in TEXTS:
        wild = family in (Family.LIKE, Family.ARN)
        patterns = tuple(
            read(value, place, variables=variables, wildcards=wild) for value in check.values
        )
        arns = zip(check.values, patterns, strict=True) if family is Family.ARN else ()
        for text, pattern in arns:
            if is_plain(pattern) and split_arn(expand(pattern, {}) or ()) is None:
                raise place.refuse(f"{text!r} is not an ARN pattern with six parts")
        return replace(check, patterns=patterns)
    for value in known(check.values):
        if _READERS[family](value) is None:
            problem = f"{value!r} is no {family.value} value, as {condition.operator} needs"
            raise place.refuse(problem)
    return check


_READERS: dict[Family, Callable[[str], object]] = {
    Family.NUMERIC: values.number,
    Family.DATE: values.instant,
    Family.BOOL: values.truth,
    Family.NULL: values.truth,
    Family.BINARY: values.octets,
    Family.IP: values.network,
}


def undefined(check: ConditionCheck) -> Undecided | None:
    """Return why AWS does not define a condition's meaning; None if it does.

    A plain operator is still defined for a request without the key. Page "Single-valued vs.
    multivalued context keys": a key with several values needs a set operator. Without one, AWS
    documents no result, and simulators disagree. An unknown key may have several values. Null with
    a set operator is always true or always false on page "IAM policy validation check reference",
    which is not what the set operators mean elsewhere.
    """
    is_null, name = check.operator.base.family is Family.NULL, _spelling(check)
    if check.operator.quantifier:
        quantifier = check.operator.quantifier
        return Undecided(Doubt.null_of_a_set, name, quantifier) if is_null else None
    key = keys.find(check.key)
    if is_null or key.is_single:
        return None
    known = key.values is keys.Values.SEVERAL
    return Undecided(Doubt.several_values if known else Doubt.perhaps_several_values, name)


def test(check: ConditionCheck) -> Test:
    """Return a condition's test of a request's context."""
    key, base, opened = check.key, check.operator.base, check
    if isinstance(key, Template):
        unknown_key = Undecided(Doubt.unknown_key, str(key))
        return lambda context: unknown_key
    if base.family is Family.ARN:  # a variable's value may contain colons between parts
        like = replace(check.operator, base=replace(base, family=Family.LIKE))
        opened = replace(check, operator=like)
    keys = check.keys
    decide, decide_opened = _known(check, key), _known(opened, key, opened=True)
    not_known = _not_known(key.spelling)

    def with_value(context: KeyValues) -> Truth:
        answer = decide(context)
        return with_variables(answer, keys, decide_opened, context) if keys else answer

    def outcome(context: KeyValues) -> Truth:  # no call of itself: that is a cycle
        value = context.get(key)
        if isinstance(value, UnknownValue):
            values = value if isinstance(value, OneOf) else ((), *value)
            answers = {with_value({**context, key: each}) for each in values}
            return answers.pop() if value and len(answers) == 1 else not_known
        return with_value(context)

    return outcome


def with_variables(answer: Truth, keys: Sequence[str], opened: Test, context: KeyValues) -> Truth:
    """Return a result; undecided if it depends on variables or holes with unknown values.

    The result assumes that they have no value and match nothing; `opened`, that they have any
    value.
    """
    unknown = [k for k in keys if k == HOLES or isinstance(context.get(k), UnknownValue)]
    if unknown and opened({**context, **dict.fromkeys(unknown, ANYTHING)}) != answer:
        return _not_known(unknown[0])
    return answer


def _not_known(key: str) -> Undecided:
    if key == HOLES:
        return Undecided(Doubt.unknown_part)
    return Undecided(Doubt.unknown_value, key)


def _spelling(check: ConditionCheck) -> str:
    return str(check.key) if isinstance(check.key, Template) else check.key.spelling


def _known(check: ConditionCheck, key: ContextKey, *, opened: bool = False) -> Test:
    """Return the test of a condition on a key; with `opened`, each hole has a matching value."""
    family = check.operator.base.family
    if family is Family.NULL:
        return _presence(check, key, opened=opened)
    match = matches.of(check)
    if opened and family not in TEXTS and not check.is_known:
        match = _matches_any
    return _several(check, key, match) if check.operator.quantifier else _one(check, key, match)


def _matches_any(value: str, context: KeyValues) -> bool:
    return True


def _presence(check: ConditionCheck, key: ContextKey, *, opened: bool) -> Test:
    """Return the test of ``Null``.

    Page "IAM JSON policy elements: Condition operators", Null: true requires that the key is
    absent, false that it is present.
    """
    absent_values = {values.truth(v) for v in known(check.values)}
    if opened and not check.is_known:
        absent_values = {True, False}
    if (open_meaning := undefined(check)) is not None:
        return lambda context: answer_undefined(check, context, open_meaning)
    return lambda context: (context.get(key, ()) == ()) in absent_values


def _one(check: ConditionCheck, key: ContextKey, match: Match) -> Test:
    """Return the test of an operator without a set operator.

    Page "IAM JSON policy elements: Condition operators": a key that the request lacks does not
    match, so a negated operator is true; IfExists is true. Page "Conditions with multiple context
    keys or values": several values of a policy are joined by OR, of a negated operator by NOR. If a
    request has one text for an unknown key, the key is taken as single-valued.
    """
    negated = check.operator.base.negated
    missing = negated or check.operator.if_exists
    open_meaning, several = undefined(check), keys.find(key).values is keys.Values.SEVERAL

    def outcome(context: KeyValues) -> Truth:
        value = context.get(key)
        if value is None or value == ():
            return missing
        if several or not isinstance(value, str):
            if open_meaning or len(value) > 1:
                too_many = Undecided(Doubt.too_many_values, key.spelling, values=len(value))
                return answer_undefined(check, context, open_meaning or too_many)
            value = value if isinstance(value, str) else value[0]
        return match(value, context) is not negated

    return outcome


def answer_undefined(check: ConditionCheck, context: KeyValues, undecided: Undecided) -> Truth:
    """Return the result of a condition that AWS does not define."""
    return undecided


def _several(check: ConditionCheck, key: ContextKey, match: Match) -> Test:
    """Return the test of ``ForAllValues`` or ``ForAnyValue``.

    Page "Single-valued vs. multivalued context keys": every value of the request matches, or at
    least one (of a negated operator: matches none of the policy's); if there is none, the first is
    true and the second false. Page "IAM JSON policy elements: Condition operators": one empty
    string is the same as no value.
    """
    negated = check.operator.base.negated
    of_all = check.operator.quantifier is SetOperator.ALL
    missing, decide = of_all or check.operator.if_exists, all if of_all else any

    def outcome(context: KeyValues) -> Truth:
        texts = request_values(context, key)
        if not texts:
            return missing
        return decide(match(value, context) is not negated for value in texts)

    return outcome


def request_values(context: KeyValues, key: str) -> tuple[str, ...]:
    """Return the values for set operators; none for one empty string."""
    texts = context.get(key, ())
    if isinstance(texts, str):
        texts = (texts,)
    return () if texts == ("",) else texts
