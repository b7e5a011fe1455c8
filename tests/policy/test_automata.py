"""Inclusion of patterns, in both directions, against every short text."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpc_cni_iam.policy.matching.element_path import ElementPath
from vpc_cni_iam.policy.matching.variables import Pattern, PolicyVariable, read
from vpc_cni_iam.policy.proof import automata, globs
from vpc_cni_iam.policy.proof.budget import Budget, TooHardError
from vpc_cni_iam.policy.proof.globs import Atom, Characters, Glob

ALPHABET = "ab:"
TEXTS = ["".join(t) for n in range(6) for t in product(ALPHABET, repeat=n)]
PATTERN = st.text(alphabet="ab:*?", max_size=6)
PATTERNS = st.lists(PATTERN, max_size=4)


def read_pattern(text: str) -> Pattern:
    return read(text, ElementPath("test"), variables=True, wildcards=True)


def glob(text: str) -> Glob:
    return globs.of(read_pattern(text))


def accepts(pattern: Glob, text: str) -> bool:
    """Match by the definition of a Glob: skip what the loops take, spend one item a letter."""
    positions = {0}
    for letter in text:
        after = set()
        for p in positions:
            loop = pattern.loops[p]
            if loop is Characters.ALL or (loop is Characters.PART and letter != ":"):
                after.add(p)
            if p < len(pattern.items):
                item = pattern.items[p]
                if (isinstance(item, str) and letter in item) or (
                    isinstance(item, Characters) and (item is Characters.ALL or letter != ":")
                ):
                    after.add(p + 1)
        positions = after
    return len(pattern.items) in positions


def escape(
    groups: list[list[Glob]], readers: list[Glob], budget: Budget | None = None
) -> str | None:
    """Return a word of all groups that no reader matches, None if there is none."""
    for reading in automata.word_classes(groups, readers, budget or Budget()):
        if not reading.accepted:
            return automata.text(reading.word)
    return None


@given(PATTERN, PATTERNS)
def test_inclusion_in_a_union_is_exact(left: str, right: list[str]) -> None:
    readers = list(map(glob, right))
    word = escape([[glob(left)]], readers)
    if word is None:
        for text in TEXTS:
            assert not accepts(glob(left), text) or any(accepts(r, text) for r in readers), text
    else:
        assert accepts(glob(left), word)
        assert not any(accepts(r, word) for r in readers)


@given(PATTERNS.filter(bool), PATTERN, PATTERNS)
def test_intersections_of_unions_are_exact(left: list[str], other: str, right: list[str]) -> None:
    groups, readers = [list(map(glob, left)), [glob(other)]], list(map(glob, right))
    word = escape(groups, readers)
    texts = TEXTS if word is None else [word]
    for text in texts:
        inside = all(any(accepts(g, text) for g in group) for group in groups)
        covered = any(accepts(r, text) for r in readers)
        assert inside is not covered if word is not None else (not inside or covered), text
        if word is not None:
            assert inside


@given(PATTERN, PATTERNS)
def test_every_way_to_match_is_reported_with_a_shortest_word(left: str, right: list[str]) -> None:
    maker, readers = glob(left), list(map(glob, right))
    shortest = {
        r.accepted: automata.text(r.word)
        for r in automata.word_classes([[maker]], readers, Budget())
    }
    for text in TEXTS:
        if accepts(maker, text):
            way = frozenset(n for n, r in enumerate(readers) if accepts(r, text))
            assert len(shortest[way]) <= len(text), (text, way)
    for way, word in shortest.items():
        assert accepts(maker, word)
        assert way == frozenset(n for n, r in enumerate(readers) if accepts(r, word))


@given(st.lists(st.text(alphabet="ab*?", max_size=2), min_size=6, max_size=7), PATTERN)
def test_arn_patterns_do_not_cross_colons(parts: list[str], other: str) -> None:
    built = globs.of_arn(read_pattern(":".join(parts)), wide=False)
    assert built is not None
    assert built == globs.of_arn(read_pattern(":".join(parts)), wide=True)
    word = escape([[built]], [glob(other)])
    if word is not None:
        assert len(word.split(":", 5)) == 6
        assert accepts(built, word)
        assert not accepts(glob(other), word)
    assert escape([[built]], [built]) is None
    assert escape([[built]], [glob(":".join(parts))]) is None, "the wide reading has it all"


@pytest.mark.parametrize(
    ("left", "right", "included"),
    [
        ("a*", ["a?*", "a"], True),
        ("a*", ["a?*"], False),
        ("ec2:describetags", ["ec2:describe*"], True),
        ("ec2:describe*", ["ec2:describetags"], False),
        ("ec2:*", ["ec2:d*", "ec2:?*"], False),
        ("ec2:*", ["ec2:d*", "ec2:?*", "ec2:"], True),
        ("*a*b*", ["*a*"], True),
        ("*a*b*", ["*b*a*"], False),
        ("?", ["a", "b"], False),
        ("", ["*"], True),
        ("*", ["", "?", "??*"], True),
        ("**", ["*"], True),
        ("*?*", ["?*"], True),
        ("a?b", ["a*b"], True),
        ("a*b", ["a?b", "ab"], False),
        ("*", [], False),
    ],
)
def test_inclusions_by_hand(left: str, right: list[str], included: bool) -> None:
    assert (escape([[glob(left)]], list(map(glob, right))) is None) is included


class TestFolded:
    def test_case_is_ignored_even_in_the_one_letter_outside_ascii(self) -> None:
        folded = globs.of_folded(("Key",), wide=True)
        certain = globs.of_folded(("Key",), wide=False)
        assert folded is not None and certain is not None
        assert accepts(certain, "kEy") and not accepts(certain, "\u212aey")
        assert escape([[folded]], [glob("key")]) is not None
        for text in ("key", "KEY", "kEy", "\u212aey"):
            assert text.lower() == "key"
            assert accepts(folded, text)
        every = [glob(a + b + c) for a in "kK" for b in "eE" for c in "yY"]
        assert (escape([[folded]], every) or "").startswith("\u212a")
        assert escape([[folded]], [*every, glob("\u212a??")]) is None

    def test_letters_outside_ascii_are_not_attempted(self) -> None:
        assert globs.of_folded(("\u00e9",), wide=True) is None


class TestVariables:
    """A variable is one letter that only its equals and a star take."""

    def test_equal_variables_are_equal_and_others_are_not(self) -> None:
        name, identifier = glob("x/${aws:username}/*"), glob("x/${aws:userid}/*")
        assert escape([[name]], [name]) is None
        assert escape([[name]], [glob("x/${AWS:UserName}/*")]) is None
        assert escape([[name]], [identifier]) is not None
        assert escape([[name]], [glob("x/${aws:username, 'b'}/*")]) is not None

    def test_a_star_takes_a_variable_and_a_question_mark_does_not(self) -> None:
        pattern = glob("x/${aws:username}")
        assert escape([[pattern]], [glob("x/*")]) is None
        assert escape([[pattern]], [glob("x/?*")]) is not None, "its value may be empty"
        assert escape([[pattern]], [glob("x/?"), glob("x/??")]) is not None

    def test_what_a_star_makes_is_no_variable(self) -> None:
        assert escape([[glob("x/*")]], [glob("x/${aws:username}")]) is not None

    def test_a_variable_is_made_only_where_it_stands(self) -> None:
        readers = [glob("?*${aws:x}"), glob("${aws:x}")]
        assert escape([[glob("*${aws:x}")]], readers) is None

    def test_a_wildcard_that_stops_at_colons_does_not_take_a_variable(self) -> None:
        arn = globs.of_arn(read_pattern("a:b:c:d:*:f"), wide=False)
        assert arn is not None
        assert escape([[glob("a:b:c:d:${aws:x}:f")]], [arn]) is not None

    def test_what_follows_a_variable_may_be_in_the_last_part_of_an_arn(self) -> None:
        pattern = read_pattern("arn:aws:${aws:x}:*:1:role/x")
        narrow, wide = (globs.of_arn(pattern, wide=wide) for wide in (False, True))
        assert narrow is not None and wide is not None
        assert escape([[narrow]], [wide]) is None
        assert escape([[wide]], [narrow]) is not None
        assert globs.of_arn(read_pattern("arn:aws:${aws:x}:*:role/x"), wide=False) is None
        last = read_pattern("arn:aws:iam::1:role/${aws:x}*")
        assert globs.of_arn(last, wide=False) == globs.of_arn(last, wide=True)

    def test_certainty_ends_with_a_variable(self) -> None:
        readings = list(
            automata.word_classes(
                [
                    [glob("${aws:x}")],
                ],
                [glob("a")],
                Budget(),
            )
        )
        assert [(r.word, r.certain) for r in readings] == [
            ((Atom(PolicyVariable("aws:x")),), False)
        ]


class TestReadingsOfResources:
    """Page "IAM JSON policy elements: Resource": a ``*`` that ends a part may cross the colon."""

    @pytest.mark.parametrize(
        ("pattern", "ambiguous"),
        [
            ("*", False),
            ("arn:aws:ec2:*:*:subnet/*", False),
            ("arn:aws:ec2:us-*:1*:x", False),
            ("arn:aws:s3:::a*b?c", False),
            ("arn:aws:ec2:us-*-1:*:x", True),
            ("arn:aws:ec2:us-east-?:*:x", True),
            ("arn:aws:ec2:*", False),
            ("arn:aws:ec2:**:1:x", False),
        ],
    )
    def test_which_patterns_have_two(self, pattern: str, ambiguous: bool) -> None:
        assert globs.is_ambiguous(read_pattern(pattern)) is ambiguous
        wide = globs.of_resource(read_pattern(pattern), narrow=False)
        narrow = globs.of_resource(read_pattern(pattern), narrow=True)
        assert wide is not None
        assert narrow is not None
        assert (wide != narrow) is ambiguous
        assert escape([[narrow]], [wide]) is None
        assert (escape([[wide]], [narrow]) is not None) is ambiguous


def test_what_is_too_hard_is_said_and_not_guessed() -> None:
    right = [glob("*x" + "?" * 18 + "*z"), glob("*" + "?" * 9 + "y*w*")]
    with pytest.raises(TooHardError):
        escape([[glob("*z*x?" + "?" * 17 + "*z")]], right, Budget(50_000))
