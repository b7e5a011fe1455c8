"""Conditions with policy variables, against every context over a few keys and values."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from random import Random

import pytest

from policy_readings import READINGS, read_as
from vpc_cni_iam.policy.document import Condition, Policy, Statement
from vpc_cni_iam.policy.matching import conditions, keys
from vpc_cni_iam.policy.matching.element_path import ElementPath
from vpc_cni_iam.policy.matching.matches import ConditionCheck
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import NoNewAccess

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


def check(condition: Condition) -> ConditionCheck:
    return conditions.parse(condition, ElementPath("test"), variables=True)


def allowed(*asked: Condition) -> Policy:
    return Policy((Statement(actions=("ec2:A",), resources=("*",), conditions=asked),))


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


def random_condition(random: Random, used: list[str]) -> Condition:
    operator, key = random.choice(OPERATORS), random.choice(used)
    if operator == "Null":
        return Condition(operator, key, (random.choice(("true", "false")),))
    values = [v for v in VALUES if not v.count("{") or any(f"{{{k}" in v for k in used)]
    return Condition(operator, key, tuple(random.sample(values, random.choice((1, 1, 1, 2)))))


@pytest.mark.parametrize("reading", READINGS)
def test_what_is_proven_holds_in_every_context(
    reading: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_as(reading, monkeypatch)
    random, proven = Random(reading), 0
    for _ in range(500):
        used = random.sample(KEYS[:3], 2) + random.sample(KEYS[3:], random.choice((0, 0, 1)))
        made = [random_condition(random, used) for _ in range(random.choice((2, 3, 4)))]
        named = {(each.operator, each.key): each for each in made[1:]}
        if no_new_access([allowed(made[0])], [allowed(*named.values())]) != NoNewAccess():
            continue
        proven += 1
        tests = [conditions.test(check(each)) for each in named.values()]
        conclusion = conditions.test(check(made[0]))
        for context in contexts(used):
            if all(test(context) for test in tests):
                assert conclusion(context), (made, context)
    assert proven > 30
