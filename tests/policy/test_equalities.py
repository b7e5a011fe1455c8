"""Conditions with policy variables, against every context over a few keys and values."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, product
from random import Random
from time import process_time

import pytest

from policy_readings import READINGS, read_as
from vpc_cni_iam.policy.document import Condition, Policy, Statement
from vpc_cni_iam.policy.matching import conditions, keys
from vpc_cni_iam.policy.matching.element_path import ElementPath
from vpc_cni_iam.policy.matching.matches import ConditionCheck
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import NoNewAccess, NotProven
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.conditions import equalities
from vpc_cni_iam.policy.proof.conditions.implication import implied, impossible

RESOURCE, PRINCIPAL, REQUEST = (
    f"aws:{which}Tag/team" for which in ("Resource", "Principal", "Request")
)
SEVERAL, UNKNOWN = "aws:CalledVia", "example:key"
KEYS = (RESOURCE, PRINCIPAL, REQUEST, SEVERAL, UNKNOWN)
TEXTS = ("a", "b", "")
VALUES = (*TEXTS, "a*", *(f"${{{key}}}" for key in KEYS), f"x${{{PRINCIPAL}}}",
          f"${{{RESOURCE}, 'a'}}")  # fmt: skip
OPERATORS = ("StringEquals", "StringEquals", "StringEquals", "StringNotEquals", "StringLike",
             "StringEqualsIgnoreCase", "StringEqualsIfExists", "Null",
             "ForAnyValue:StringEquals", "ForAllValues:StringEquals")  # fmt: skip


def check(operator: str, key: str, *values: str) -> ConditionCheck:
    return conditions.parse(Condition(operator, key, values), ElementPath("test"), variables=True)


def contexts(used: list[str]) -> Iterator[dict[str, str | tuple[str, ...]]]:
    """Yield every context over some keys."""
    choices = []
    for key in used:
        values: list[str | tuple[str, ...] | None] = [None, *TEXTS, "xa", "xb"]
        if not keys.find(key).is_single:
            values += [("a",), ("a", "b"), ("b", "a")]
        choices.append(values)
    for values in product(*choices):
        yield {k.lower(): v for k, v in zip(used, values, strict=True) if v is not None}


def random_check(random: Random, used: list[str]) -> ConditionCheck:
    operator, key = random.choice(OPERATORS), random.choice(used)
    if operator == "Null":
        return check(operator, key, random.choice(("true", "false")))
    allowed = [v for v in VALUES if not v.count("{") or any(f"{{{k}" in v for k in used)]
    return check(operator, key, *random.sample(allowed, random.choice((1, 1, 1, 2))))


@pytest.mark.parametrize("reading", READINGS)
def test_what_is_implied_holds_in_every_context(
    reading: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_as(reading, monkeypatch)
    random, proven, contradictions = Random(reading), 0, 0
    for _ in range(700):
        used = random.sample(KEYS[:3], 2) + random.sample(KEYS[3:], random.choice((0, 0, 1)))
        premises = [random_check(random, used) for _ in range(random.choice((1, 2, 3)))]
        conclusion = random_check(random, used)
        shown = implied(premises, conclusion, Budget()) is None
        empty = impossible(premises, Budget())
        proven, contradictions = proven + shown, contradictions + empty
        if not shown and not empty:
            continue
        tests, conclusion_holds = (
            [conditions.test(p) for p in premises],
            conditions.test(conclusion),
        )
        for context in contexts(used):
            if all(test(context) for test in tests):
                assert not empty, (premises, context)
                assert conclusion_holds(context), (premises, conclusion, context)
    assert proven > 40 and contradictions > 20


SAME = ("StringEquals", RESOURCE, f"${{{PRINCIPAL}}}")


@pytest.mark.parametrize(
    ("premises", "conclusion", "expected"),
    [
        # one key equals another: what is known of one is known of the other
        ([SAME, ("StringEquals", PRINCIPAL, "a")], ("StringEquals", RESOURCE, "a"), True),
        ([SAME, ("StringEquals", RESOURCE, "a")], ("StringEquals", PRINCIPAL, "a"), True),
        ([SAME, ("StringLike", PRINCIPAL, "a*")], ("StringLike", RESOURCE, "a*", "b"), True),
        ([SAME, ("StringEquals", PRINCIPAL, "a")], ("StringEquals", RESOURCE, "b"), False),
        ([SAME, ("StringNotEquals", PRINCIPAL, "a")], ("StringNotEquals", RESOURCE, "a"), True),
        (
            [SAME, ("StringEquals", REQUEST, f"${{{PRINCIPAL}}}")],
            ("StringEquals", REQUEST, f"${{{RESOURCE}}}"), True,
        ),
        ([SAME], ("StringEquals", PRINCIPAL, f"${{{RESOURCE}}}"), True),
        # a known value stands for the variable
        (
            [("StringEquals", RESOURCE, f"x-${{{PRINCIPAL}}}"), ("StringEquals", PRINCIPAL, "a")],
            ("StringEquals", RESOURCE, "x-a"), True,
        ),
        (
            [("StringEquals", RESOURCE, "a"), ("StringEquals", PRINCIPAL, "a")],
            ("StringEquals", RESOURCE, f"${{{PRINCIPAL}}}"), True,
        ),
        # a variable in each value is there; with a default it may be absent
        ([SAME], ("Null", PRINCIPAL, "false"), True),
        ([("StringLike", RESOURCE, f"*/${{{PRINCIPAL}}}")], ("Null", PRINCIPAL, "false"), True),
        (
            [("StringEquals", RESOURCE, f"${{{PRINCIPAL}}}", "a")],
            ("Null", PRINCIPAL, "false"), False,
        ),
        (
            [("StringEquals", RESOURCE, f"${{{PRINCIPAL}, 'a'}}")],
            ("Null", PRINCIPAL, "false"), False,
        ),
        # not where the key can be absent, or negated
        ([("StringEqualsIfExists", *SAME[1:])], ("Null", PRINCIPAL, "false"), False),
        ([("StringNotEquals", *SAME[1:])], ("Null", PRINCIPAL, "false"), False),
        ([("ForAllValues:StringEquals", *SAME[1:])], ("Null", PRINCIPAL, "false"), False),
        # not of a key that can have several values
        (
            [("StringEquals", SEVERAL, f"${{{PRINCIPAL}}}"), ("StringEquals", PRINCIPAL, "a")],
            ("StringEquals", SEVERAL, "a"), False,
        ),
        (
            [("StringEquals", RESOURCE, f"${{{SEVERAL}}}"), ("StringEquals", SEVERAL, "a")],
            ("StringEquals", RESOURCE, "a"), False,
        ),
    ],
)  # fmt: skip
def test_variables_and_other_keys(
    premises: list[tuple[str, ...]], conclusion: tuple[str, ...], expected: bool
) -> None:
    gap = implied([check(*p) for p in premises], check(*conclusion), Budget())
    assert (gap is None) is expected


def test_a_variable_in_every_resource_is_there() -> None:
    home, shared = "arn:aws:s3:::home/${aws:PrincipalTag/team}/*", "arn:aws:s3:::shared/*"
    condition = (Condition("Null", PRINCIPAL, ("true",)),)
    deny = Statement("Deny", actions=("s3:*",), resources=("*",), conditions=condition)

    def allow(*resources: str) -> Statement:
        return Statement(actions=("s3:*",), resources=resources)

    def answer(*resources: str) -> object:
        statement = allow(*resources)
        return no_new_access([Policy((statement, deny))], [Policy((statement,))])

    assert answer(home) == NoNewAccess()
    assert not isinstance(answer(home, shared), NoNewAccess)
    assert not isinstance(answer("arn:aws:s3:::home/${aws:PrincipalTag/team, 'x'}/*"), NoNewAccess)


def test_different_values_of_equal_keys_contradict_each_other() -> None:
    apart = [check("StringEquals", RESOURCE, "a"), check("StringEquals", PRINCIPAL, "b")]
    assert impossible([check(*SAME), *apart], Budget())
    assert not impossible(apart, Budget())
    assert impossible([check(*SAME), check("Null", PRINCIPAL, "true")], Budget())


def test_tags_that_must_agree_are_proven_through_each_other() -> None:
    def policy(*conditions: tuple[str, str, str]) -> Policy:
        stated = tuple(Condition(o, key, (value,)) for o, key, value in conditions)
        return Policy((Statement(actions=("ec2:*",), resources=("*",), conditions=stated),))

    agree = ("StringEquals", RESOURCE, f"${{{PRINCIPAL}}}")
    old = policy(("StringEquals", RESOURCE, "red"))
    assert (
        no_new_access([old], [policy(agree, ("StringEquals", PRINCIPAL, "red"))]) == NoNewAccess()
    )
    assert not isinstance(no_new_access([old], [policy(agree)]), NoNewAccess | NotProven)


def chain(length: int, prefix: str) -> list[ConditionCheck]:
    """Return conditions by which each key equals the next, in no order."""
    names = [f"aws:PrincipalTag/{prefix}{number:05}" for number in range(length + 1)]
    equal = [check("StringEquals", key, f"${{{other}}}") for key, other in pairwise(names)]
    Random(length).shuffle(equal)
    return equal


def test_a_chain_of_equal_keys_takes_work_in_proportion_to_its_length() -> None:
    def seconds(length: int) -> float:
        durations = []
        for turn in range(2):
            premises = chain(length, f"t{turn}n{length}-")
            begin = process_time()
            resolved = equalities.of(premises)
            durations.append(process_time() - begin)
            assert len({resolved.names[premise.key] for premise in premises}) == 1
        return min(durations)

    # Twice the proportion of 16 is ordinary; the square would be 256.
    assert seconds(8000) < 96 * seconds(500)
