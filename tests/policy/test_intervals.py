"""Intervals of numbers, dates and addresses, against the evaluator at points near the ends."""

from __future__ import annotations

from decimal import Decimal
from ipaddress import ip_address
from random import Random

import pytest

from policy_readings import condition_test
from vpc_cni_iam.policy.document import Condition
from vpc_cni_iam.policy.matching import conditions
from vpc_cni_iam.policy.matching.element_path import ElementPath
from vpc_cni_iam.policy.matching.matches import ConditionCheck
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.conditions import intervals
from vpc_cni_iam.policy.proof.conditions.implication import implied, impossible
from vpc_cni_iam.policy.proof.examples.key_values import example

ORDERS = (
    "Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"
)  # fmt: skip
NUMBERS = ("0", "1", "1.5", "-2", "2e0")
DATES = ("2020-01-01", "2020-01-01T00:00:01Z", "1577836800", "2019", "2020-01-01T02:00:00+02:00")
RANGES = (
    "10.0.0.0/30", "10.0.0.0/31", "10.0.0.2/31", "10.0.0.1", "0.0.0.0/0", "0.0.0.0/1",
    "128.0.0.0/1", "255.255.255.255", "::/0", "::/127", "::", "8000::/1", "2001:db8::/126",
)  # fmt: skip
# By key: its operators, the values in conditions, and all values that they could tell apart.
KINDS = {
    "sts:DurationSeconds": (
        tuple("Numeric" + o for o in ORDERS), NUMBERS,
        ("-3", "-2", "-1", "0", "0.5", "1", "1.25", "1.5", "1.75", "2", "3", "", "many"),
    ),
    "aws:CurrentTime": (
        tuple("Date" + o for o in ORDERS), DATES,
        ("2018", "2019", "2019-06-01", "1577836799.5", "2020-01-01", "1577836800.5",
         "1577836801", "1577836802", "2021", "", "soon"),
    ),
    "aws:SourceIp": (
        ("IpAddress", "NotIpAddress"), RANGES,
        (*(str(ip_address(int(ip_address(a)) + d)) for a in ("10.0.0.1", "2001:db8::1")
           for d in range(-2, 5)), "0.0.0.0", "127.255.255.255", "128.0.0.0", "255.255.255.255",
         "::", "::1", "::2", "7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "8000::",
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "", "localhost"),
    ),
}  # fmt: skip


def random_check(random: Random, key: str, quantifiers: tuple[str, ...] = ("",)) -> ConditionCheck:
    operators, values, _ = KINDS[key]
    operator = random.choice(quantifiers) + random.choice(operators)
    operator += random.choice(("", "", "", "IfExists"))
    picked = tuple(random.sample(values, random.randint(1, 3)))
    return conditions.parse(Condition(operator, key, picked), ElementPath("test"), variables=True)


def holds(check: ConditionCheck, value: str | None) -> bool:
    answer = condition_test(check)({} if value is None else {check.key: value})
    assert isinstance(answer, bool)
    return answer


@pytest.mark.parametrize("key", KINDS)
def test_implied_exactly_where_no_value_says_otherwise(key: str) -> None:
    """Both ways: nothing wrong is proven, and of plain operators nothing is missed."""
    random, proven, gaps = Random(key), 0, 0
    domain = [None, *KINDS[key][2]]
    for _ in range(600):
        premises = [random_check(random, key) for _ in range(random.choice((1, 2)))]
        conclusion = random_check(random, key)
        counterexamples = [
            v for v in domain if all(holds(p, v) for p in premises) and not holds(conclusion, v)
        ]
        gap = implied(premises, conclusion, Budget())
        if gap is None:
            proven += 1
            assert not counterexamples, (premises, conclusion, counterexamples)
        else:
            gaps += 1
            possible = not impossible(premises, Budget())
            assert counterexamples or not possible, (premises, conclusion, gap)
            if gap.value is not None:
                assert all(holds(p, gap.value) for p in premises), (premises, gap)
                assert not holds(conclusion, gap.value), (conclusion, gap)
    assert proven > 50 < gaps


@pytest.mark.parametrize("key", KINDS)
def test_set_operators_on_a_key_of_one_value(key: str) -> None:
    random, proven = Random(key), 0
    quantifiers = ("", "ForAllValues:", "ForAnyValue:")
    for _ in range(600):
        premises = [random_check(random, key, quantifiers) for _ in range(random.choice((1, 2)))]
        conclusion = random_check(random, key, quantifiers)
        if implied(premises, conclusion, Budget()) is None:
            proven += 1
            for value in (None, *KINDS[key][2]):
                if all(holds(p, value) for p in premises):
                    assert holds(conclusion, value), (premises, conclusion, value)
    assert proven > 20


@pytest.mark.parametrize("key", KINDS)
def test_impossible_exactly_where_there_is_no_value(key: str) -> None:
    random, contradictions = Random(key), 0
    for _ in range(600):
        premises = [random_check(random, key) for _ in range(random.choice((2, 3)))]
        values = [v for v in (None, *KINDS[key][2]) if all(holds(p, v) for p in premises)]
        contradictions += impossible(premises, Budget())
        assert impossible(premises, Budget()) is not bool(values), (premises, values)
    assert contradictions > 20


@pytest.mark.parametrize("key", KINDS)
def test_an_example_is_of_the_type(key: str) -> None:
    random, examples = Random(key), 0
    for _ in range(300):
        premises = [random_check(random, key) for _ in range(2)]
        value = example(premises, key.lower(), Budget())
        if value is not None:
            examples += 1
            assert all(holds(p, value) for p in premises), (premises, value)
    assert examples > 50


def test_an_example_is_an_ordinary_value() -> None:
    def of(operator: str, value: str) -> str | None:
        key = next(k for k, kind in KINDS.items() if operator in kind[0])
        condition = Condition(operator, key, (value,))
        return intervals.of(
            conditions.parse(condition, ElementPath("test"), variables=True)
        ).example()

    assert of("IpAddress", "10.1.0.0/16") == "10.1.0.7"
    assert of("IpAddress", "2001:db8::/32") == "2001:db8::7"
    assert of("NotIpAddress", "10.0.0.0/8") == "203.0.113.7"
    assert of("NumericGreaterThan", "3.5") == "4"
    assert of("NumericGreaterThan", "3") == "4"
    assert of("NumericLessThan", "3") == "1"
    assert of("NumericLessThan", "-2.5") == "-3"
    assert of("DateGreaterThan", "2026-02-01") == "2026-02-01T00:00:01Z"
    assert of("DateLessThan", "2025-01-01T00:00:00Z") == "2024-12-31T23:59:59Z"
    assert of("DateNotEquals", "2020") == "2026-01-01T00:00:00Z"


def test_long_lists_of_ranges() -> None:
    """Two thousand ranges are compared in one walk."""
    texts = tuple(f"10.{n // 256}.{n % 256}.0/25" for n in range(0, 4000, 2))
    wide = tuple(f"10.{n // 256}.{n % 256}.0/24" for n in range(0, 4000, 2))
    narrow_check, wide_check = (
        conditions.parse(
            Condition("IpAddress", "aws:SourceIp", t), ElementPath("test"), variables=True
        )
        for t in (texts, wide)
    )
    assert implied([narrow_check], wide_check, Budget()) is None
    gap = implied([wide_check], narrow_check, Budget())
    assert gap is not None and gap.value == "10.0.0.135"
    assert Decimal(len(intervals.of(wide_check).parts)) == 2000
