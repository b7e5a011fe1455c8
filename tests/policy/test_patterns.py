"""Wildcards against the plainest matcher there is, over every short text."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpc_cni_iam.policy.matching.patterns import (
    Patterns,
    arn_matches,
    arn_regex,
    glob_matches,
    regex,
    split_arn,
)
from vpc_cni_iam.policy.matching.places import Place
from vpc_cni_iam.policy.matching.variables import Plain, Template, expand, read

PLACE = Place("test")
ALPHABET = "ab:"
TEXTS = ["".join(t) for n in range(6) for t in product(ALPHABET, repeat=n)]
PATTERNS = st.text(alphabet="ab:*?", max_size=7)


def template(pattern: str) -> Template:
    return read(pattern, PLACE, variables=True, wildcards=True)


def plain(pattern: str) -> Plain:
    return expand(template(pattern), {}) or ()


def naive(pattern: str, text: str) -> bool:
    """Match by definition: a star is nothing, or one character and a star."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return naive(pattern[1:], text) or (bool(text) and naive(pattern, text[1:]))
    return bool(text) and pattern[0] in ("?", text[0]) and naive(pattern[1:], text[1:])


@given(PATTERNS)
def test_every_matcher_is_the_definition(pattern: str) -> None:
    expression = re.compile(regex(plain(pattern)), re.DOTALL)
    patterns = Patterns.of([template(pattern)])
    for text in TEXTS:
        wanted = naive(pattern, text)
        assert glob_matches(plain(pattern), text) is wanted, text
        assert bool(expression.fullmatch(text)) is wanted, text
        assert patterns.matches(text, {}) is wanted, text


@given(st.lists(PATTERNS, max_size=4))
def test_several_patterns_are_an_or(patterns: list[str]) -> None:
    joined = Patterns.of(map(template, patterns))
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
    wanted = len(values) == 6 and all(map(naive, [*front, last], values))
    assert arn_matches(plain(pattern), text) is wanted
    expression = arn_regex(plain(pattern))
    assert expression is not None
    assert bool(re.fullmatch(expression, text, re.DOTALL)) is wanted


@pytest.mark.parametrize("pattern", ["", "*", "arn:aws:ec2", "a:b:c:d:*"])
def test_fewer_than_six_parts_are_no_arn_pattern(pattern: str) -> None:
    assert split_arn(plain(pattern)) is None
    assert arn_regex(plain(pattern)) is None
    assert not arn_matches(plain(pattern), pattern)


@pytest.mark.parametrize(
    ("pattern", "text", "wanted"),
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
def test_only_star_and_question_mark_are_special(pattern: str, text: str, wanted: bool) -> None:
    assert Patterns.of([template(pattern)]).matches(text, {}) is wanted
    assert glob_matches(plain(pattern), text) is wanted


def test_a_pattern_made_to_be_slow_ends() -> None:
    """A matcher that backtracks over its stars would not end in this universe."""
    pattern, text = "*a" * 40 + "b", "a" * 400
    assert not Patterns.of([template(pattern)]).matches(text, {})
    assert not glob_matches(plain(pattern), text)
    assert Patterns.of([template("*a" * 40)]).matches(text, {})
    assert not re.fullmatch(
        arn_regex(plain("a:b:c:d:" + pattern + ":f")) or "", f"a:b:c:d:{text}:f"
    )
