"""Values of any type where a plan has one: a review answers, or refuses the plan."""

import random
from typing import Any

import pytest

from synthetic import Json, plan, reviewed
from test_secret_values import eks
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.review.report_formats import REPORTS, Setting

ODD = (None, True, 0, 1.5, "", "x", "\x1b[2J", [], [None], [[]], ["x"], {}, {"x": 1}, [{"x": []}])


def mutated(value: Any, rnd: random.Random) -> Any:
    """A value with one place of it replaced."""
    if isinstance(value, dict) and value and rnd.random() < 0.9:
        key = rnd.choice(sorted(value))
        return {**value, key: mutated(value[key], rnd)}
    if isinstance(value, list) and value and rnd.random() < 0.9:
        place = rnd.randrange(len(value))
        return [mutated(v, rnd) if i == place else v for i, v in enumerate(value)]
    return rnd.choice(ODD)


@pytest.mark.parametrize("seed", range(30))
def test_odd_values_are_no_crash(seed: int) -> None:
    rnd = random.Random(seed)
    changes: list[Json] = []
    for change in eks("a-name"):
        for side in ("before", "after", "after_unknown"):
            if change["change"][side] is not None and rnd.random() < 0.5:
                change["change"][side] = mutated(change["change"][side], rnd)
        changes.append(change)
    for change in changes:
        try:
            review = reviewed(change)
        except InputError:
            continue
        for report in REPORTS.values():
            assert report(review, Setting(details=True))
    assert plan(*changes)
