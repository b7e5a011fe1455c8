"""Conditions, read and made into tests of a request's context.

Follows the IAM User Guide pages "IAM JSON policy elements: Condition operators", "Conditions with
multiple context keys or values" and "Single-valued vs. multivalued context keys".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.document import Condition
from vpc_cni_iam.policy.matching import matches, operators, values
from vpc_cni_iam.policy.matching.matches import Check, Match
from vpc_cni_iam.policy.matching.operators import TEXTS, Family
from vpc_cni_iam.policy.matching.patterns import split_arn
from vpc_cni_iam.policy.matching.places import Place
from vpc_cni_iam.policy.matching.variables import Context, Template, expand, is_plain, read

Test: TypeAlias = Callable[[Context], bool]


def parse(condition: Condition, place: Place, variables: bool) -> Check:
    """Read a condition.

    Page "IAM policy elements: Variables and tags": the operators on strings and ARNs take
    policy variables, the others do not.

    Args:
        condition: The condition.
        place: Where it stands.
        variables: Whether the document's version has variables.

    Raises:
        InputError: An unknown operator, or a key or value that the operator cannot take.
    """
    operator = operators.parse(condition.operator, place)
    family = operator.base.family
    if variables and "${" in condition.key:
        raise place.refuse(
            f"the key {condition.key!r} has ${{...}}, which no key can have; "
            f"if it is upstream's placeholder, put its value in first"
        )
    check = Check(operator, condition.key.lower(), condition.values)
    if family in TEXTS:
        wild = family in (Family.LIKE, Family.ARN)
        templates = tuple(
            read(value, place, variables=variables, wildcards=wild) for value in check.values
        )
        if family is Family.ARN:
            _check_arns(check.values, templates, place)
        return Check(operator, check.key, check.values, templates)
    if None in map(_READERS[family], check.values):
        wrong = next(v for v in check.values if _READERS[family](v) is None)
        raise place.refuse(f"{wrong!r} is no {family.value} value, as {condition.operator} needs")
    return check


_READERS: dict[Family, Callable[[str], object]] = {
    Family.NUMERIC: values.number,
    Family.DATE: values.instant,
    Family.BOOL: values.truth,
    Family.NULL: values.truth,
    Family.BINARY: values.octets,
    Family.IP: values.network,
}


def _check_arns(texts: tuple[str, ...], templates: tuple[Template, ...], place: Place) -> None:
    for text, template in zip(texts, templates, strict=True):
        if is_plain(template) and split_arn(expand(template, {}) or ()) is None:
            raise place.refuse(f"{text!r} is no ARN pattern of six parts between colons")


def test(check: Check, place: Place) -> Test:
    """Return the test that a condition makes of a request's context.

    Args:
        check: The condition.
        place: Where it stands, for errors about requests it cannot compare.
    """
    if check.operator.base.family is Family.NULL:
        return _presence(check)
    match = matches.of(check)
    if check.operator.quantifier == "ForAllValues":
        return _all(check, match)
    if check.operator.quantifier == "ForAnyValue":
        return _any(check, match)
    return _one(check, match, place)


def _presence(check: Check) -> Test:
    """Return the test of ``Null``.

    Page "IAM JSON policy elements: Condition operators", Null: true asks that the key be
    absent, false that it be there. Page "IAM policy validation check reference", Null with
    qualifier: with ForAllValues it is always true, with ForAnyValue always false.
    """
    key, wanted = check.key, {values.truth(v) for v in check.values}
    if check.operator.quantifier:
        constant = check.operator.quantifier == "ForAllValues"
        return lambda context: constant
    return lambda context: (context.get(key, ()) == ()) in wanted


def _one(check: Check, match: Match, place: Place) -> Test:
    """Return the test of an operator without a set operator.

    Page "IAM JSON policy elements: Condition operators": a key that the request lacks does not
    match, so a negated operator is true; IfExists is true. Page "Conditions with multiple
    context keys or values": several values of a policy are joined by OR, of a negated operator
    by NOR. Page "Single-valued vs. multivalued context keys": a key of several values needs a
    set operator; without one AWS documents no result, so there is none here.
    """
    key, negated = check.key, check.operator.base.negated
    missing = negated or check.operator.if_exists

    def outcome(context: Context) -> bool:
        value = context.get(key)
        if value is None or value == ():
            return missing
        if not isinstance(value, str):
            if len(value) > 1:
                raise _several(key, len(value), place)
            value = value[0]
        return match(value, context) is not negated

    return outcome


def _several(key: str, count: int, place: Place) -> InputError:
    return place.refuse(
        f"the request has {count} values for {key}, and without ForAllValues or ForAnyValue "
        f"AWS does not say what this condition then is"
    )


def _all(check: Check, match: Match) -> Test:
    """Return the test of ``ForAllValues``.

    Page "Single-valued vs. multivalued context keys": every value of the request matches, and
    true if there is none. Page "IAM JSON policy elements: Condition operators": one empty
    string is as good as none.
    """
    key, negated = check.key, check.operator.base.negated

    def outcome(context: Context) -> bool:
        found = _values(context, key)
        return all(match(value, context) is not negated for value in found)

    return outcome


def _any(check: Check, match: Match) -> Test:
    """Return the test of ``ForAnyValue``.

    Page "Single-valued vs. multivalued context keys": at least one value of the request
    matches (of a negated operator: matches none of the policy's), and false if there is none.
    """
    key, negated = check.key, check.operator.base.negated
    missing = check.operator.if_exists

    def outcome(context: Context) -> bool:
        found = _values(context, key)
        if not found:
            return missing
        return any(match(value, context) is not negated for value in found)

    return outcome


def _values(context: Context, key: str) -> tuple[str, ...]:
    found = context.get(key, ())
    if isinstance(found, str):
        found = (found,)
    return () if found == ("",) else found
