"""Which values of a key conditions leave, against every value of a small domain.

Conditions imply another one if no value is left for which they hold and it does not.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import permutations
from random import Random

import pytest
from msgspec.structs import replace

import policy_pools as pools
from policy_readings import READINGS, condition_test, count_empty_strings, read_as
from statements import check
from vpc_cni_iam.policy.matching import conditions, keys
from vpc_cni_iam.policy.matching.element_path import ElementPath
from vpc_cni_iam.policy.matching.matches import ConditionCheck
from vpc_cni_iam.policy.matching.operators import Family
from vpc_cni_iam.policy.proof import possible, texts
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.possible import NEVER_EMPTY, values_for
from vpc_cni_iam.policy.template import Hole, HoleKind, join

PLACE = ElementPath("test")
FUZZ = int(os.environ.get("VPC_CNI_IAM_FUZZ", "0"))  # the seed of a long run
MANY = 40 if FUZZ else 1
Value = str | tuple[str, ...] | None


def implied(premises: Sequence[ConditionCheck], conclusion: ConditionCheck) -> bool:
    return not values_for((*((p, True) for p in premises), (conclusion, False)), Budget())


def impossible(premises: Sequence[ConditionCheck]) -> bool:
    return not values_for(tuple((premise, True) for premise in premises), Budget())


def true(premise: ConditionCheck, value: Value) -> conditions.Truth:
    """Say whether a condition is true of a value."""
    return condition_test(premise)({} if value is None else {premise.key: value})


def domain(key: str) -> list[Value]:
    """What a request can have for a key: several values only if they are possible."""
    values = [*pools.KEYS[key][0], "", "x", "aa", "aab", "TRUE"]
    if key.lower() in NEVER_EMPTY:
        values = list(filter(None, values))
    every: list[Value] = [None, (), *values]
    if not keys.find(key).is_single:
        every += [*((v,) for v in values), *permutations(values, 2)]
    return every


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
        if not implied(premises, conclusion):
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
        if impossible(premises):
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
        if impossible(premises):
            continue
        left = values_for((*((p, True) for p in premises), (conclusion, False)), Budget())
        gaps += bool(left)
        for value in left:
            assert all(true(p, value) for p in premises), (premises, conclusion, value)
            assert true(conclusion, value) is False, (premises, conclusion, value)
    assert gaps > 30 * MANY


YES, NO = True, False
SINGLE, SEVERAL = "aws:RequestTag/team", "kms:EncryptionContextKeys"


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
        (("StringNotLike", "*"), ("StringNotEquals", "${aws:username}"), YES),
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
        assert implied([check(*premise, key=key)], check(*conclusion, key=key)) is expected, key


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
        assert implied(checks, check(*conclusion, key=key)) is expected, key


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
        assert impossible(premises) is expected, key
    if_exists = [check(c[0] + "IfExists", *c[1:]) for c in conditions_on_one_key]
    assert not impossible(if_exists)


def test_what_is_denied_of_a_variable_contradicts_what_is_asked_of_it() -> None:
    asked, denied = (check(f"String{o}quals", "${aws:username}") for o in ("E", "NotE"))
    assert impossible([asked, denied])
    assert not impossible([asked, check("StringNotEquals", "${aws:userid}")])
    assert not impossible([denied])


def test_a_variable_may_have_any_value() -> None:
    premises = [check("StringEquals", "${aws:username}"), check("StringLike", "a*")]
    assert not impossible(premises)
    assert not implied(premises, check("StringEquals", "b"))
    assert implied(premises, check("StringLike", "a*", "c"))
    assert implied(premises, check("StringLike", "${aws:username}*", "c"))


def test_letters_outside_ascii_may_equal_others_without_case() -> None:
    """AWS does not say which letters these are."""
    one_s = [check("StringLike", "S*"), check("StringNotLike", "S?*")]
    assert not implied(one_s, check("StringEqualsIgnoreCase", "\u00df"))
    accented = [check("StringEqualsIgnoreCase", "\u00e9"), check("StringNotEquals", "\u00e9")]
    assert not impossible(accented)
    long_s = [check("StringEqualsIgnoreCase", "\u017f"), check("StringEquals", "s")]
    assert not impossible(long_s)


def test_a_value_that_is_not_known_may_be_any() -> None:
    unknown = join((Hole(HoleKind.UNKNOWN, "place"),))
    present = replace(check("Null", "false"), values=(unknown,))
    for other in (check("StringLike", "a*"), check("Null", "true")):
        assert not impossible([present, other])


@pytest.mark.parametrize(
    ("after", "before"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"),
        ("-1000", "-999"),
        ("253402300800", "253402300801"),
    ],
)
def test_a_date_is_between_two_seconds(after: str, before: str) -> None:
    key = "aws:CurrentTime"
    between = [check("DateGreaterThan", after, key=key), check("DateLessThan", before, key=key)]
    assert not impossible(between)


def test_numbers_of_very_many_digits_are_not_compared() -> None:
    low, high = "1" + "0" * 5000, "1" + "0" * 4999 + "1"
    between = [check("NumericGreaterThan", low), check("NumericLessThan", high)]
    assert not impossible(between)


def test_a_search_that_takes_too_long_leaves_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    contradiction = [check("StringLike", "a*b?c*"), check("StringNotLike", "a*?c*", "b")]
    assert impossible(contradiction)
    for module in (possible, texts):
        with monkeypatch.context() as patch:
            patch.setattr(module, "STEPS", 3)
            possible.values_and_steps.cache_clear()
            texts.word_and_steps.cache_clear()
            assert not impossible(contradiction), module
        possible.values_and_steps.cache_clear()
        texts.word_and_steps.cache_clear()
