"""Hypothesis strategies for whole policies as JSON text, numbers and odd text included."""

import json
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

PIECES = (
    "$", "%", "{", "}", "${", "%{", "$${", "&", "\"", "\\", "\n", "\t", "<", "é", "日", "😀", "*",
    "?", "${aws:username}", "${aws:PrincipalTag/t, 'none'}", "${*}", "${?}", "${$}",
    "arn:aws:s3:::", "prod", ":", "/", " ", "#", "EOT", "\x00", "\u2028", "",
)  # fmt: skip
texts = st.lists(st.sampled_from(PIECES), max_size=5).map("".join)
labels = st.text(alphabet="abAB01-_ ", max_size=5)
named = texts.map(lambda t: f"x:{t}")
# As they are written in JSON, since json.dumps writes no 1e5; put in the place of marks below.
NUMBERS = ("0", "-0", "1", "10", "2.50", "1e5", "1E-2", "123456789012345678901234567890")
numbers = st.sampled_from(NUMBERS).map(lambda n: f"\x07{n}\x07")
scalars = texts | st.booleans() | numbers
BASES = ("StringEquals", "StringLike", "NumericLessThan", "Bool", "IpAddress", "ArnLike")
PREFIXES = ("", "ForAllValues:", "ForAnyValue:")
OPERATORS = [
    *(p + b + s for b in BASES for p in PREFIXES for s in ("", "IfExists")),
    *("Null", "BinaryEquals", "DateGreaterThan"),
]


def one_or_many(values: st.SearchStrategy[Any], least: int = 1) -> st.SearchStrategy[Any]:
    return values | st.lists(values, min_size=least, max_size=4)


principals = st.just("*") | st.dictionaries(
    st.sampled_from(["AWS", "Service", "Federated", "CanonicalUser"]),
    one_or_many(texts | st.just("*")),
    min_size=1,
)
conditions = st.dictionaries(
    st.sampled_from(OPERATORS),
    st.dictionaries(named, one_or_many(scalars, least=0), max_size=3).filter(
        lambda keys: len({k.lower() for k in keys}) == len(keys)
    ),
    max_size=3,
)


@st.composite
def statements(draw: st.DrawFn) -> dict[str, Any]:
    """One statement, its elements in any order."""
    values: dict[str, Any] = {"Effect": draw(st.sampled_from(["Allow", "Deny"]))}
    values[draw(st.sampled_from(["Action", "NotAction"]))] = draw(one_or_many(texts))
    if draw(st.booleans()):
        values[draw(st.sampled_from(["Resource", "NotResource"]))] = draw(one_or_many(texts))
    if draw(st.booleans()):
        values[draw(st.sampled_from(["Principal", "NotPrincipal"]))] = draw(principals)
    if draw(st.booleans()):
        values["Condition"] = draw(conditions)
    if draw(st.booleans()):
        values["Sid"] = draw(labels)
    return dict(draw(st.permutations(list(values.items()))))


@st.composite
def documents(draw: st.DrawFn) -> str:
    """The text of one document."""
    values: dict[str, Any] = {
        "Statement": draw(statements() | st.lists(statements(), min_size=1, max_size=3))
    }
    if draw(st.booleans()):
        values["Version"] = draw(st.sampled_from(["2012-10-17", "2008-10-17"]))
    if draw(st.booleans()):
        values["Id"] = draw(texts)
    text = json.dumps(values, ensure_ascii=draw(st.booleans()))
    return text.replace('"\\u0007', "").replace('\\u0007"', "")


whole_policies = documents()


def drawn(number: int, start: int) -> list[str]:
    """So many documents, the same each time for one start."""
    texts: dict[str, None] = {}

    @seed(start)
    @settings(
        max_examples=3 * number,
        database=None,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(whole_policies)
    def draw(text: str) -> None:
        texts[text] = None

    draw()
    assert len(texts) > number
    return [*texts][-number:]
