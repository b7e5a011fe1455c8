"""The readings of conditions that AWS does not define; what is proven must hold in each."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from random import Random

import pytest

from vpc_cni_iam.policy.evaluate import Compiled, Request
from vpc_cni_iam.policy.matching import conditions, matches
from vpc_cni_iam.policy.matching.matches import ConditionCheck
from vpc_cni_iam.policy.matching.operators import Family
from vpc_cni_iam.policy.matching.variables import KeyValues

Reading = Callable[[ConditionCheck, KeyValues], bool]


def _each(check: ConditionCheck, context: KeyValues) -> list[bool]:
    """Return the answer for each value of the key."""
    value = context.get(check.key, ())
    several = (value,) if isinstance(value, str) else value
    if check.operator.base.family is Family.NULL:
        return [check.values[0].lower() == "false" for _ in several]
    match = matches.of(check)
    return [match(text, context) is not check.operator.base.negated for text in several]


def _unlike_any_other(check: ConditionCheck, context: KeyValues) -> bool:
    """Answer at random, alike for what means the same."""
    meaning = (check.operator.base, check.operator.quantifier, check.key)
    values = sorted(map(str, check.patterns or check.values))
    return Random(repr((meaning, values, context.get(check.key)))).random() < 0.5


READINGS: dict[str, Reading] = {
    "never": lambda check, context: False,
    "always": lambda check, context: True,
    "any value": lambda check, context: any(_each(check, context)),
    "all values": lambda check, context: all(_each(check, context)),
    "first value": lambda check, context: (_each(check, context) or [False])[0],
    "unlike any other": _unlike_any_other,
}


def read_as(reading: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the evaluator decide what AWS does not define as a reading does."""
    decide = READINGS[reading]
    monkeypatch.setattr(
        conditions, "answer_undefined", lambda check, context, reason: decide(check, context)
    )


def count_empty_strings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the set operators take one empty string for a value."""
    monkeypatch.setattr(
        conditions,
        "request_values",
        lambda context, name: (
            (values,) if isinstance(values := context.get(name, ()), str) else values
        ),
    )


# Compiled once for all values of its key; a reading is looked up when the test is called.
condition_test = lru_cache(maxsize=64)(conditions.test)


def newly_allowed(before: Compiled, after: Compiled, request: Request) -> str:
    """Return a reading in which a request is allowed by new policies alone, empty if none is."""
    now = after.evaluate(request)
    if now.denied:
        return ""
    then = before.evaluate(request)
    if then.allowed:
        return ""
    if now.allowed and then.denied:
        return "every reading"
    for reading in READINGS:
        with pytest.MonkeyPatch.context() as patch:
            read_as(reading, patch)
            if after.evaluate(request).allowed and not before.evaluate(request).allowed:
                return reading
    return ""
