"""Wildcards against the plainest matcher there is, over every short text."""

from __future__ import annotations

import time
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpc_cni_iam.policy.matching.element_path import ElementPath
from vpc_cni_iam.policy.matching.patterns import (
    Patterns,
    arn_matches,
    arn_pattern,
    split_arn,
)
from vpc_cni_iam.policy.matching.variables import Pattern, Plain, expand, read
from vpc_cni_iam.policy.wildcard import Wildcard, matches

PLACE = ElementPath("test")
ALPHABET = "ab:"
TEXTS = ["".join(t) for n in range(6) for t in product(ALPHABET, repeat=n)]
PATTERNS = st.text(alphabet="ab:*?", max_size=7)


def read_pattern(pattern: str) -> Pattern:
    return read(pattern, PLACE, variables=True, wildcards=True)


def plain(pattern: str) -> Plain:
    return expand(read_pattern(pattern), {}) or ()


def naive(pattern: str, text: str) -> bool:
    """Match by definition: a star is nothing, or one character and a star."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return naive(pattern[1:], text) or (bool(text) and naive(pattern, text[1:]))
    return bool(text) and pattern[0] in ("?", text[0]) and naive(pattern[1:], text[1:])


@given(PATTERNS)
def test_the_matcher_is_the_definition(pattern: str) -> None:
    patterns = Patterns.of([read_pattern(pattern)])
    for text in TEXTS:
        expected = naive(pattern, text)
        assert Wildcard.of(plain(pattern)).matches(text) is expected, text
        assert matches(pattern, text) is expected, text
        assert patterns.matches(text, {}) is expected, text


@given(st.lists(PATTERNS, max_size=4))
def test_several_patterns_are_an_or(patterns: list[str]) -> None:
    joined = Patterns.of(map(read_pattern, patterns))
    for text in TEXTS[::7]:
        assert joined.matches(text, {}) is any(naive(p, text) for p in patterns)


@given(
    st.lists(st.text(alphabet="ab*?", max_size=3), min_size=5, max_size=5),
    st.text(alphabet="ab:*?", max_size=4),
    st.lists(st.text(alphabet="ab", max_size=3), min_size=4, max_size=6),
    st.text(alphabet="ab:", max_size=4),
)
def test_arn_patterns_match_part_by_part(
    front: list[str], last: str, parts: list[str], rest: str
) -> None:
    pattern, text = ":".join([*front, last]), ":".join([*parts, rest])
    values = text.split(":", 5)
    expected = len(values) == 6 and all(map(naive, [*front, last], values))
    assert arn_matches(arn_pattern(plain(pattern)), text) is expected


@pytest.mark.parametrize("pattern", ["", "*", "arn:aws:ec2", "a:b:c:d:*"])
def test_fewer_than_six_parts_are_no_arn_pattern(pattern: str) -> None:
    assert split_arn(plain(pattern)) is None
    assert arn_pattern(plain(pattern)) is None
    assert not arn_matches(None, pattern)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("*", "", True),
        ("?", "", False),
        ("?", "ab", False),
        ("a\nb", "a\nb", True),
        ("a*", "a\n", True),
        ("a", "a\n", False),
        ("[ab]", "a", False),
        ("[ab]", "[ab]", True),
        ("a.c", "abc", False),
        ("${*}", "*", True),
        ("${*}", "x", False),
        ("${?}", "?", True),
        ("${?}", "x", False),
        ("${$}{a}", "${a}", True),
    ],
)
def test_only_star_and_question_mark_are_special(pattern: str, text: str, expected: bool) -> None:
    assert Patterns.of([read_pattern(pattern)]).matches(text, {}) is expected
    assert Wildcard.of(plain(pattern)).matches(text) is expected


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("module.*.aws_iam_role.a?", "module.x.aws_iam_role.a?", True),
        ("module.*.aws_iam_role.a?", "module.x.aws_iam_role.ab", False),
        ("a[0].*", "a[0].b", True),
    ],
)
def test_a_question_mark_can_be_text(pattern: str, text: str, expected: bool) -> None:
    assert matches(pattern, text, wildcards="*") is expected


class Counted(str):
    """Text that counts how often it is looked at."""

    looks = 0

    def startswith(self, *args: object) -> bool:  # type: ignore[override]
        Counted.looks += 1
        return super().startswith(*args)  # type: ignore[arg-type]

    def find(self, *args: object) -> int:  # type: ignore[override]
        Counted.looks += 1
        return super().find(*args)  # type: ignore[arg-type]


@pytest.mark.parametrize("run", ["a", "?a", "a?a"])
def test_a_pattern_made_to_be_slow_takes_no_more_than_the_product_of_the_lengths(run: str) -> None:
    """A matcher that backtracks over its stars would not end in this universe."""
    pattern, text = f"*{run}" * 40 + "b", Counted("a" * 400)
    Counted.looks = 0
    assert not Wildcard.of(plain(pattern)).matches(text)
    assert not Wildcard.of(plain(f"*{run}" * 40 + "b*")).matches(text)
    assert Counted.looks <= 2 * len(pattern) * len(text)
    assert Patterns.of([read_pattern("*a" * 40)]).matches(text, {})


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("*a" * 500 + "b", "a" * 20_000),
        ("*" + "a?" * 300 + "b", "a" * 20_000),
        ("a*" * 1000, "a" * 6000),
        ("?" * 300 + "*" * 50 + "z", "x" * 20_000),
    ],
)
def test_no_pattern_takes_long(pattern: str, text: str) -> None:
    began = time.process_time()
    matches(pattern, text)
    assert time.process_time() - began < 1
