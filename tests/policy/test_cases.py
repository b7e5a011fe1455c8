"""Cases leave nothing out: whatever satisfies the conditions satisfies those of a case."""

from __future__ import annotations

import os
from itertools import permutations
from random import Random

import pytest

import policy_pools as pools
from policy_readings import READINGS, condition_test, count_empty_strings, read_as
from statements import check
from vpc_cni_iam.policy.document import Condition, Policy, Statement
from vpc_cni_iam.policy.matching import conditions, keys
from vpc_cni_iam.policy.matching.element_path import ElementPath
from vpc_cni_iam.policy.matching.matches import ConditionCheck
from vpc_cni_iam.policy.proof import cases, clauses
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.clauses import Region
from vpc_cni_iam.policy.proof.conditions.constraints import null

FUZZ = int(os.environ.get("VPC_CNI_IAM_FUZZ", "0"))  # the seed of a long run
SETS = 400 if FUZZ else 20
PLACE = ElementPath("test")
Value = str | tuple[str, ...] | None


def true(checks: tuple[ConditionCheck, ...], value: Value) -> bool:
    context = {} if value is None else {checks[0].key: value}
    return all(condition_test(check)(context) for check in checks)


@pytest.mark.parametrize("empty_is_a_value", [False, True])
@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("key", pools.KEYS)
def test_cases_leave_nothing_out(
    key: str, reading: str, empty_is_a_value: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_as(reading, monkeypatch)
    if empty_is_a_value:
        count_empty_strings(monkeypatch)
    values = [*pools.KEYS[key][0], "", "x"]
    domain: list[Value] = [None, (), *values]
    if not keys.find(key).is_single:
        domain += [*((v,) for v in values), *permutations(values, 2)]
    random, ways = Random(f"{key}{FUZZ}"), 0
    for _ in range(SETS):
        written = [pools.condition(random, (key,)) for _ in range(3)]
        premises = tuple(conditions.parse(c, PLACE, variables=True) for c in written[:2])
        covering = Statement(actions=("*",), resources=("*",), conditions=(written[2],))
        for parts in cases.case_splits(
            Region((), (), premises), list(clauses.read([Policy((covering,))])), Budget()
        ):
            ways += 1
            assert len(parts) > 1
            for value in domain:
                if true(premises, value):
                    assert any(true(part, value) for part in parts), (
                        written, parts, value
                    )  # fmt: skip
    assert ways > SETS // 2


def test_the_ways_there_are() -> None:
    covering = Statement(
        actions=("*",),
        resources=("*",),
        conditions=(Condition("StringLike", "s3:prefix", ("a*",)),),
    )
    premise = check("StringEqualsIfExists", "a", "b")
    region = Region((), (), (premise,))
    ways = list(cases.case_splits(region, list(clauses.read([Policy((covering,))])), Budget()))
    absent, present = (null("s3:prefix", absent=absent) for absent in (True, False))
    assert ways == [
        [(check("StringEquals", "a"),), (check("StringEquals", "b"),), (absent,)],
        [(premise, absent), (premise, present)],
        [(premise, check("StringLike", "a*")), (premise, check("StringNotLike", "a*"))],
    ]


def test_what_no_statement_compares_is_not_taken_apart() -> None:
    other = Statement(actions=("*",), resources=("*",))
    region = Region((), (), (check("StringEquals", "a", "b"),))
    assert not list(cases.case_splits(region, list(clauses.read([Policy((other,))])), Budget()))
