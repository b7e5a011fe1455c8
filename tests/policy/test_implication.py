"""Implication between conditions, against every value of a small domain."""

from __future__ import annotations

import os
from itertools import permutations
from random import Random

import pytest

import policy_pools as pools
from policy_readings import READINGS, condition_test, count_empty_strings, read_as
from statements import check
from vpc_cni_iam.policy.matching import conditions, keys
from vpc_cni_iam.policy.matching.element_path import ElementPath
from vpc_cni_iam.policy.matching.matches import ConditionCheck
from vpc_cni_iam.policy.matching.operators import Family
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.conditions.implication import implied, impossible
from vpc_cni_iam.policy.proof.examples.key_values import example

PLACE = ElementPath("test")
FUZZ = int(os.environ.get("VPC_CNI_IAM_FUZZ", "0"))  # the seed of a long run
MANY = 40 if FUZZ else 1
Value = str | tuple[str, ...] | None


def true(premise: ConditionCheck, value: Value) -> conditions.Truth:
    """Say whether a condition is true of a value."""
    return condition_test(premise)({} if value is None else {premise.key: value})


def domain(key: str) -> list[Value]:
    """What a request can have for a key: several values only if they are possible."""
    values = [*pools.KEYS[key][0], "", "x", "aa", "aab", "TRUE"]
    possible: list[Value] = [None, (), *values]
    if not keys.find(key).is_single:
        possible += [*((v,) for v in values), *permutations(values, 2)]
    return possible


def premises_and_conclusion(
    random: Random, key: str
) -> tuple[list[ConditionCheck], ConditionCheck]:
    def one() -> ConditionCheck:
        return conditions.parse(pools.condition(random, (key,)), PLACE, variables=True)

    return [one() for _ in range(random.choice((1, 1, 2, 3)))], one()


@pytest.mark.parametrize("empty_is_a_value", [False, True])
@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("key", pools.KEYS)
def test_what_is_implied_holds_for_every_value(
    key: str, reading: str, empty_is_a_value: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In every reading of what AWS does not define."""
    read_as(reading, monkeypatch)
    if empty_is_a_value:
        count_empty_strings(monkeypatch)
    random, proven = Random(f"{key}{FUZZ}"), 0
    for _ in range(100 * MANY):
        premises, conclusion = premises_and_conclusion(random, key)
        if implied(premises, conclusion, Budget()) is not None:
            continue
        proven += 1
        for value in domain(key):
            if all(true(p, value) for p in premises):
                assert true(conclusion, value), (premises, conclusion, value)
    assert proven > MANY


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("key", pools.KEYS)
def test_what_is_impossible_has_no_value(
    key: str, reading: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_as(reading, monkeypatch)
    random, contradictions = Random(f"{key}{FUZZ}"), 0
    for _ in range(150 * MANY):
        premises, conclusion = premises_and_conclusion(random, key)
        premises.append(conclusion)
        if impossible(premises, Budget()):
            contradictions += 1
            for value in domain(key):
                assert not all(true(p, value) for p in premises), (premises, value)
    assert contradictions > MANY


@pytest.mark.parametrize("key", ["s3:prefix", "aws:RequestTag/team", "ec2:Vpc"])
def test_of_plain_text_operators_every_gap_is_real(key: str) -> None:
    """Nothing is missed: the value named satisfies the premises and not the condition."""
    random, gaps = Random(f"{key}{FUZZ}"), 0
    for _ in range(500 * MANY):
        premises, conclusion = premises_and_conclusion(random, key)
        if any(c.operator.quantifier for c in (*premises, conclusion)):
            continue
        if conclusion.operator.base.family is Family.NULL:
            continue  # where the gap is that the key may be there, no value is looked for
        if impossible(premises, Budget()):
            continue
        gap = implied(premises, conclusion, Budget())
        if gap is not None:
            gaps += 1
            assert all(true(p, gap.value) for p in premises), (premises, conclusion, gap)
            assert true(conclusion, gap.value) is False, (premises, conclusion, gap)
    assert gaps > 30 * MANY


@pytest.mark.parametrize("key", pools.TEXT_KEYS)
def test_an_example_satisfies_the_conditions(key: str) -> None:
    random, examples = Random(key), 0
    for _ in range(300):
        premises, _ = premises_and_conclusion(random, key)
        if any(p.operator.base.family is Family.NULL for p in premises):
            continue
        value = example(premises, key.lower(), Budget())
        if value:
            examples += 1
            assert all(true(p, value) for p in premises), (premises, value)
    assert examples > 50


@pytest.mark.parametrize(
    ("key", "operator", "values", "expected"),
    [
        ("ec2:Vpc", "ArnLike", ("arn:aws:ec2:*:*:vpc/vpc-1",),
         "arn:aws:ec2:us-east-1:111122223333:vpc/vpc-1"),
        ("ec2:Vpc", "ArnLike", ("arn:*:*:us-*-1:*:vpc/*",),
         "arn:aws:ec2:us--1:111122223333:vpc/example"),
        ("aws:PrincipalArn", "ArnNotLike", ("arn:aws:iam::*:user/*",),
         "arn:aws:iam::111122223333:role/example"),
        ("aws:PrincipalArn", "Null", ("false",), "arn:aws:iam::111122223333:role/example"),
        ("aws:SourceIp", "IpAddress", ("10.0.0.0/8",), "10.0.0.7"),
        ("aws:SourceIp", "NotIpAddress", ("10.0.0.0/8",), "203.0.113.7"),
        ("aws:CurrentTime", "DateGreaterThan", ("2026-02-01",), "2026-02-01T00:00:01Z"),
        ("aws:CurrentTime", "Null", ("false",), "2026-01-01T00:00:00Z"),
        ("aws:MultiFactorAuthAge", "NumericLessThan", ("3600",), "1"),
        ("aws:MultiFactorAuthAge", "NumericGreaterThan", ("3600",), "3601"),
        ("aws:SecureTransport", "Bool", ("false",), "false"),
        ("aws:username", "StringNotEquals", ("a",), "example"),
        ("aws:username", "StringLike", ("a*",), "a"),
        ("aws:username", "Null", ("true",), None),
    ],
)  # fmt: skip
def test_an_example_is_of_the_type_of_its_key(
    key: str, operator: str, values: tuple[str, ...], expected: str | None
) -> None:
    assert example([check(operator, *values, key=key)], key.lower(), Budget()) == expected


YES, NO = True, False
SINGLE, SEVERAL = "aws:RequestTag/team", "aws:TagKeys"


@pytest.mark.parametrize(
    ("premise", "conclusion", "expected"),
    [
        (("StringEquals", "a"), ("StringEquals", "a", "b"), YES),
        (("StringEquals", "a", "b"), ("StringEquals", "a"), NO),
        (("StringEquals", "a"), ("StringLike", "a*"), YES),
        (("StringEquals", "a*"), ("StringLike", "a*"), YES),
        (("StringLike", "a*"), ("StringEquals", "a*"), NO),
        (("StringLike", "a"), ("StringEquals", "a"), YES),
        (("StringLike", "a*"), ("StringLike", "a", "a?*"), YES),
        (("StringEquals", "a"), ("StringEqualsIgnoreCase", "A"), YES),
        (("StringEqualsIgnoreCase", "a"), ("StringEquals", "a", "A"), YES),
        (("StringEqualsIgnoreCase", "k"), ("StringEquals", "k", "K"), NO),
        (("StringEquals", "a"), ("StringEqualsIfExists", "a"), YES),
        (("StringEqualsIfExists", "a"), ("StringEquals", "a"), NO),
        (("StringEquals", "a"), ("Null", "false"), YES),
        (("StringEqualsIfExists", "a"), ("Null", "false"), NO),
        (("Null", "true"), ("StringEqualsIfExists", "a"), YES),
        (("Null", "true"), ("StringNotEquals", "a"), YES),
        (("Null", "true"), ("StringEquals", "a"), NO),
        (("Null", "false"), ("StringLike", "*"), YES),
        (("Null", "false"), ("StringLike", "?*"), NO),
        (("StringLike", "*"), ("Null", "false"), YES),
        (("StringNotEquals", "a"), ("StringNotEquals", "a", "b"), NO),
        (("StringNotEquals", "a", "b"), ("StringNotEquals", "a"), YES),
        (("StringNotLike", "a*"), ("StringNotEquals", "ab"), YES),
        (("StringNotEquals", "ab"), ("StringNotLike", "a*"), NO),
        (("StringEquals", "a"), ("StringNotEquals", "b"), YES),
        (("StringEquals", "a"), ("StringNotLike", "a*"), NO),
        (("StringNotEquals", "a"), ("StringNotEqualsIfExists", "a"), YES),
        (("ArnLike", pools.ARN + "vpc/vpc-1"), ("ArnEquals", "arn:aws:ec2:*:*:vpc/*"), YES),
        (("ArnEquals", "arn:aws:ec2:*:*:vpc/*"), ("ArnLike", pools.ARN + "vpc/vpc-1"), NO),
        (("ArnLike", "arn:*:*:*:*:*"), ("StringLike", "arn:*"), YES),
        (("StringLike", "arn:*:*:*:*:*"), ("ArnLike", "arn:*:*:*:*:*"), YES),
        (("StringLike", "arn:aws:s:*:1:x"), ("ArnLike", "arn:aws:s:*:1:x"), NO),
        (("StringEquals", pools.ARN + "x"), ("ArnLike", "arn:aws:ec2:*:*:x"), YES),
        (("Bool", "true"), ("Bool", "true", "false"), YES),
        (("Bool", "true"), ("BoolIfExists", "true"), YES),
        (("Bool", "true"), ("Bool", "false"), NO),
        (("StringEquals", "true"), ("Bool", "true"), YES),
        (("NumericLessThan", "3"), ("NumericLessThan", "3"), YES),
        (("NumericLessThan", "3"), ("NumericLessThan", "3", "5"), YES),
        (("NumericLessThan", "3"), ("NumericLessThanIfExists", "3"), YES),
        (("NumericLessThan", "3"), ("NumericLessThan", "5"), YES),
        (("NumericLessThan", "5"), ("NumericLessThan", "3"), NO),
        (("NumericLessThan", "3"), ("NumericLessThanEquals", "3"), YES),
        (("NumericLessThanEquals", "3"), ("NumericLessThan", "3"), NO),
        (("NumericEquals", "3.0"), ("NumericGreaterThanEquals", "3"), YES),
        (("NumericGreaterThan", "3"), ("NumericNotEquals", "3"), YES),
        (("NumericNotEquals", "3"), ("NumericGreaterThan", "3", "-1e9"), NO),
        (("NumericLessThan", "3"), ("Null", "false"), YES),
        (("NumericNotEquals", "3", "4"), ("NumericNotEquals", "3"), YES),
        (("NumericNotEquals", "3"), ("NumericNotEquals", "3", "4"), NO),
        (("IpAddress", "10.0.0.0/8"), ("IpAddress", "10.0.0.0/8", "11.0.0.0/8"), YES),
        (("IpAddress", "10.0.0.0/8"), ("Null", "false"), YES),
        (("IpAddress", "10.1.0.0/16"), ("IpAddress", "10.0.0.0/8"), YES),
        (("IpAddress", "10.0.0.0/8"), ("IpAddress", "10.1.0.0/16"), NO),
        (("IpAddress", "10.0.0.0/8"), ("IpAddress", "10.128.0.0/9", "10.0.0.0/9"), YES),
        (("IpAddress", "10.0.0.0/8"), ("IpAddress", "10.128.0.0/9", "10.0.0.0/10"), NO),
        (("IpAddress", "10.0.0.0/8"), ("NotIpAddress", "11.0.0.0/8"), YES),
        (("IpAddress", "10.0.0.0/8"), ("NotIpAddress", "10.1.0.0/16"), NO),
        (("NotIpAddress", "10.0.0.0/8"), ("NotIpAddress", "10.1.0.0/16"), YES),
        (("NotIpAddress", "10.0.0.0/8", "2001:db8::/32"), ("NotIpAddress", "10.0.0.0/9"), YES),
        (("NotIpAddress", "0.0.0.0/0"), ("IpAddress", "::/0"), NO),  # a text may be no address
        (("IpAddress", "::/0"), ("NotIpAddress", "0.0.0.0/0"), YES),
        (("DateLessThan", "2020"), ("DateLessThan", "2020-01-01"), YES),
        (("DateLessThan", "2020-01-01"), ("DateLessThan", "2020-01-01T00:00:01Z"), YES),
        (("DateLessThan", "2020-01-02"), ("DateLessThan", "2020"), NO),
        (("DateGreaterThan", "2020-01-01T02:00:00+02:00"), ("DateGreaterThan", "1577836799"), YES),
        (("StringEquals", "${aws:username}"), ("StringEquals", "${aws:UserName}"), YES),
        (("StringEquals", "${aws:username}"), ("StringLike", "${aws:username}"), YES),
        (("StringEquals", "${aws:username}"), ("StringLike", "*"), YES),
        (("StringEquals", "${aws:username}"), ("StringEquals", "${aws:userid}"), NO),
        (("StringEquals", "${aws:username}"), ("StringNotEquals", "a"), NO),
        (("StringEquals", "b", "${aws:username}"), ("StringNotEquals", "a"), NO),
        (("StringEquals", "b", "c"), ("StringNotEquals", "a"), YES),
        (("StringNotEquals", "${aws:username}"), ("StringNotEquals", "${aws:username}"), YES),
        (("StringNotLike", "*"), ("StringNotEquals", "${aws:username}"), NO),
        (("StringLike", "${*}*"), ("StringLike", "?*"), YES),
        (("ArnLike", "arn:aws:iam::${aws:a}:role/x"), ("ArnLike", "arn:aws:iam::*:role/x"), NO),
        (("ArnLike", "arn:aws:iam::${aws:a}:x"), ("ArnEquals", "arn:aws:iam::${aws:a}:x"), YES),
        (("ArnLike", "arn:aws:iam::1:${aws:a}"), ("ArnEquals", "arn:aws:iam::*:*"), YES),
        (("ForAllValues:Null", "true"), ("Null", "true"), NO),
        (("ForAllValues:Null", "true"), ("ForAllValues:Null", "true"), YES),
        (("ForAnyValue:Null", "true"), ("StringEquals", "a"), NO),
        (("Null", "true"), ("ForAllValues:Null", "false"), NO),
    ],
)  # fmt: skip
def test_one_condition_implies_another(
    premise: tuple[str, ...], conclusion: tuple[str, ...], expected: bool
) -> None:
    for key in (SINGLE, "s3:prefix"):
        gap = implied([check(*premise, key=key)], check(*conclusion, key=key), Budget())
        assert (gap is None) is expected, (key, gap)


@pytest.mark.parametrize(
    ("premises", "conclusion", "of_one_value", "of_several"),
    [
        ([("ForAllValues:StringEquals", "a")], ("ForAllValues:StringLike", "a*"), YES, YES),
        ([("ForAllValues:StringLike", "a*")], ("ForAllValues:StringEquals", "a"), NO, NO),
        ([("ForAllValues:StringEquals", "a")], ("ForAllValues:StringNotEquals", "b"), YES, YES),
        ([("ForAnyValue:StringEquals", "a")], ("ForAnyValue:StringLike", "a*"), YES, YES),
        ([("ForAnyValue:StringEquals", "a")], ("ForAnyValue:StringNotEquals", "b"), YES, YES),
        ([("ForAnyValue:StringEquals", "a")], ("ForAllValues:StringEquals", "a"), YES, NO),
        ([("ForAnyValue:StringEquals", "a")], ("Null", "false"), YES, YES),
        ([("ForAllValues:StringEquals", "a")], ("Null", "false"), NO, NO),
        ([("ForAllValues:StringEquals", "a")], ("ForAnyValue:StringEquals", "a"), NO, NO),
        (
            [("ForAnyValue:StringLike", "a*"), ("ForAllValues:StringLike", "*b")],
            ("ForAnyValue:StringLike", "a*b"), YES, YES,
        ),
        (
            [("ForAllValues:StringLike", "a*"), ("ForAllValues:StringNotLike", "ab*")],
            ("ForAllValues:StringLike", "a", "a?*"), YES, YES,
        ),
        # plain and set operators meet only on keys that AWS calls single-valued
        ([("StringEquals", "a")], ("ForAllValues:StringEquals", "a"), YES, NO),
        ([("StringEquals", "a")], ("ForAnyValue:StringEquals", "a"), YES, NO),
        ([("ForAnyValue:StringEquals", "a")], ("StringEquals", "a"), YES, NO),
        ([("ForAllValues:StringEquals", "a")], ("StringEquals", "a"), NO, NO),
        # and not over one empty string, which may or may not be a value to a set operator
        ([("StringEquals", "")], ("ForAnyValue:StringEquals", ""), NO, NO),
        # a plain operator on a key of several values says only whether the key can be absent
        ([("StringEquals", "a")], ("StringEquals", "a"), YES, YES),
        ([("StringEquals", "a")], ("StringEqualsIfExists", "a"), YES, YES),
        ([("StringEquals", "a")], ("StringEquals", "a", "b"), YES, NO),
        ([("StringEquals", "a")], ("StringLike", "*"), YES, NO),
        ([("StringEquals", "a")], ("Null", "false"), YES, YES),
        ([("Null", "true")], ("StringNotEquals", "a"), YES, YES),
        ([("Null", "false")], ("StringLike", "*"), YES, NO),
        ([("ForAnyValue:NumericEquals", "1")], ("NumericEquals", "1"), YES, NO),
        ([("ForAnyValue:NumericEquals", "1")], ("ForAnyValue:NumericLessThan", "2"), YES, YES),
        ([("ForAllValues:NumericEquals", "1")], ("ForAllValues:NumericLessThan", "2"), YES, YES),
        ([("ForAnyValue:NumericEquals", "1")], ("ForAllValues:NumericEquals", "1"), YES, NO),
        ([("NumericEquals", "1")], ("ForAnyValue:NumericLessThan", "2"), YES, NO),
        (
            [("ForAnyValue:NumericLessThan", "3"), ("ForAllValues:NumericGreaterThan", "1")],
            ("ForAnyValue:NumericNotEquals", "3"), YES, YES,
        ),
        ([("StringEqualsIfExists", "a"), ("Null", "false")], ("StringEquals", "a"), YES, YES),
        ([("ForAllValues:StringEquals", "a"), ("Null", "false")], ("StringEquals", "a"), NO, NO),
        (
            [("ForAllValues:StringEquals", "a", ""), ("Null", "false")],
            ("StringEquals", "a", ""), YES, NO,
        ),
        (
            [("ForAnyValue:StringEqualsIfExists", "a"), ("Null", "false")],
            ("ForAnyValue:StringEquals", "a"), NO, NO,
        ),
    ],
)  # fmt: skip
def test_set_operators(
    premises: list[tuple[str, ...]],
    conclusion: tuple[str, ...],
    of_one_value: bool,
    of_several: bool,
) -> None:
    for key, expected in ((SINGLE, of_one_value), (SEVERAL, of_several)):
        checks = [check(*premise, key=key) for premise in premises]
        gap = implied(checks, check(*conclusion, key=key), Budget())
        assert (gap is None) is expected, key


@pytest.mark.parametrize(
    ("conditions_on_one_key", "of_one_value"),
    [
        ([("IpAddress", "10.0.0.0/8"), ("IpAddress", "11.0.0.0/8")], YES),
        ([("IpAddress", "10.0.0.0/8"), ("NotIpAddress", "10.0.0.0/9", "10.128.0.0/9")], YES),
        ([("IpAddress", "10.0.0.0/8"), ("NotIpAddress", "10.0.0.0/9")], NO),
        ([("NumericLessThan", "3"), ("NumericGreaterThanEquals", "3")], YES),
        ([("NumericLessThanEquals", "3"), ("NumericGreaterThanEquals", "3")], NO),
        ([("DateLessThan", "2020-01-01"), ("DateGreaterThan", "2020-06-01T00:00:00Z")], YES),
        ([("DateNotEquals", "2020-01-01"), ("DateGreaterThan", "2020-06-01T00:00:00Z")], NO),
    ],
)
def test_a_contradiction_between_intervals(
    conditions_on_one_key: list[tuple[str, ...]], of_one_value: bool
) -> None:
    """Where the key can be absent, or have several values, there is none."""
    for key, expected in ((SINGLE, of_one_value), (SEVERAL, NO)):
        premises = [check(*condition, key=key) for condition in conditions_on_one_key]
        assert impossible(premises, Budget()) is expected, key
    if_exists = [check(c[0] + "IfExists", *c[1:]) for c in conditions_on_one_key]
    assert not impossible(if_exists, Budget())


def test_what_is_denied_of_a_variable_contradicts_what_is_asked_of_it() -> None:
    asked, denied = (check(f"String{o}quals", "${aws:username}") for o in ("E", "NotE"))
    assert impossible([asked, denied], Budget())
    assert not impossible([asked, check("StringNotEquals", "${aws:userid}")], Budget())
    assert not impossible([denied], Budget())


def test_a_variable_may_have_any_value() -> None:
    premises = [check("StringEquals", "${aws:username}"), check("StringLike", "a*")]
    assert not impossible(premises, Budget())
    assert implied(premises, check("StringEquals", "b"), Budget())
    assert implied(premises, check("StringLike", "a*", "c"), Budget()) is None
    assert implied(premises, check("StringLike", "${aws:username}*", "c"), Budget()) is None


def test_conditions_on_other_keys_say_nothing() -> None:
    assert implied([check("StringEquals", "a", key="x:a")], check("StringEquals", "a"), Budget())
    assert implied([], check("StringEquals", "a"), Budget())
