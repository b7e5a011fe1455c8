"""Sets of texts, against every short text and every value of their variables."""

from __future__ import annotations

import os
from itertools import product
from random import Random

import pytest

from vpc_cni_iam.policy.matching.variables import Pattern, PolicyVariable, TextPart
from vpc_cni_iam.policy.proof import globs
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.globs import Glob
from vpc_cni_iam.policy.proof.texts import Texts, text_of
from vpc_cni_iam.policy.wildcard import Wild

FUZZ = int(os.environ.get("VPC_CNI_IAM_FUZZ", "0"))
COUNT = 20_000 if FUZZ else 400
LETTERS = "ab:"
SHORT = ["".join(word) for length in range(5) for word in product(LETTERS, repeat=length)]
USER, OTHER = PolicyVariable("aws:username"), PolicyVariable("aws:userid")
WITH_DEFAULT = PolicyVariable("aws:username", "b")
VALUES: tuple[str | None, ...] = (None, "", "a", "b", "a:")


def pattern(random: Random, parts: tuple[TextPart, ...]) -> Pattern:
    return tuple(random.choice(parts) for _ in range(random.randint(0, 4)))


def glob(random: Random, parts: tuple[TextPart, ...]) -> Glob:
    make = globs.of_parts if random.random() < 0.3 else globs.of
    return make(pattern(random, parts))


def some(random: Random, parts: tuple[TextPart, ...], most: int) -> tuple[Glob, ...]:
    return tuple(glob(random, parts) for _ in range(random.randint(1, most)))


def texts_of(groups: list[tuple[Glob, ...]], excluded: tuple[Glob, ...]) -> Texts | None:
    texts: Texts | None = Texts()
    for group in groups:
        texts = texts and texts.matching(group)
    return texts and texts.missing(excluded)


def test_a_set_without_variables_is_empty_if_and_only_if_it_has_no_text() -> None:
    random, empty = Random(FUZZ), 0
    parts = (*LETTERS, Wild.ONE, Wild.RUN, Wild.RUN)
    for _ in range(COUNT):
        groups = [some(random, parts, 2) for _ in range(random.randint(1, 2))]
        excluded = some(random, parts, 3)
        texts = texts_of(groups, excluded)
        word = texts and texts.word(Budget())
        plain = Texts(tuple(groups), excluded)
        if word is not None:
            assert plain.has(text_of(word))
        else:
            empty += 1
            assert not any(map(plain.has, SHORT)), (groups, excluded)
    assert empty > COUNT // 20


@pytest.mark.parametrize("variables", [(USER,), (USER, OTHER), (USER, WITH_DEFAULT)])
def test_an_empty_set_has_no_text_for_any_value_of_its_variables(
    variables: tuple[PolicyVariable, ...],
) -> None:
    random, empty = Random(f"{FUZZ}{variables}"), 0
    for _ in range(COUNT):
        parts = ("a", "b", Wild.ONE, Wild.RUN, *variables, *variables)
        groups = [some(random, parts, 2) for _ in range(random.randint(1, 2))]
        excluded = some(random, parts, 3)
        texts = texts_of(groups, excluded)
        if texts is not None and texts.word(Budget()) is not None:
            continue
        empty += 1
        for values in product(VALUES, repeat=2):
            context = {
                k.key: v for k, v in zip((USER, OTHER), values, strict=True) if v is not None
            }
            filled = Texts(tuple(groups), excluded).filled(context)
            assert filled is None or not any(map(filled.has, SHORT)), (groups, excluded, context)
    assert empty > COUNT // 20


def test_which_parts_follow_a_variable_in_an_early_part_is_not_known() -> None:
    resource = ("arn:aws:ec2:us-", Wild.RUN, "-1:", USER, Wild.ONE, ":x")
    assert globs.of_resource(resource, narrow=False) is not None
    assert globs.of_resource(resource, narrow=True) is None
