"""Converting many: names, what is refused and what that keeps from being converted, notes."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hcl_documents import documents_of
from rendering_back import plain
from vpc_cni_iam.converting import naming
from vpc_cni_iam.converting.batch import STDIN, Batch, ConvertOptions, Input, convert
from vpc_cni_iam.converting.report import lines
from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.policy.document import dumps
from vpc_cni_iam.policy.strict_json import load_json
from whole_policies import whole_policies

S = {"Effect": "Allow", "Action": "a:b", "Resource": "*"}
P = {"Version": "2012-10-17", "Statement": [S]}


def batch(values: dict[str, Any], **options: Any) -> Batch:
    texts = {n: v if isinstance(v, str) else json.dumps(v) for n, v in values.items()}
    return convert(
        [Input(n, lambda t=t: t) for n, t in texts.items()],  # type: ignore[misc]
        ConvertOptions(**options),
    )


def one(**elements: Any) -> dict[str, Any]:
    merged = {**S, **elements}
    return {**P, "Statement": [{k: v for k, v in merged.items() if v is not ...}]}


@given(whole_policies)
def test_any_policy_reads_back_or_is_refused_by_place(text: str) -> None:
    result = batch({"x.json": text})
    for failure in result.failures:
        assert re.match(r"\$\.(Statement(\[\d\])?|Id)", failure.path)
        assert re.search(r"&\{|is also the Sid of", failure.reason)
    for converted in result.documents:
        (back,) = documents_of(parse(converted.hcl, "x.tf").blocks)
        assert plain(dumps(back.policy)) == plain(text)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(whole_policies, JUNK, st.randoms())
def test_a_wrong_value_anywhere_is_refused_or_means_what_it_says(
    text: str, junk: Any, random: Any
) -> None:
    """One value of a policy, whichever, is replaced by something else."""
    value = json.loads(text)
    place, key = None, None
    inner = value
    while isinstance(inner, dict | list) and inner and (place is None or random.random() < 0.7):
        place, key = (
            inner,
            random.choice(list(inner) if isinstance(inner, dict) else range(len(inner))),
        )
        inner = inner[key]
    place[key] = junk
    result = batch({"x.json": json.dumps(value), "good.json": P})
    assert result.documents[-1].name == "good"
    assert len(result.documents) + result.refused == 2
    for failure in result.failures:
        assert failure.source == "x.json"
        assert failure.path or "NaN" in failure.reason


@given(whole_policies, st.integers(0, 400), st.sampled_from(["", "}", '"', "\\", ",", "\x00", "["]))
def test_broken_text_is_refused(text: str, at: int, piece: str) -> None:
    at %= len(text)
    result = batch({"x.json": text[:at] + piece + text[at + 1 :], "good.json": P})
    assert result.documents[-1].name == "good"
    assert len(result.documents) + result.refused == 2


@given(whole_policies, whole_policies)
def test_what_one_document_becomes_hangs_on_no_other(item: str, other: str) -> None:
    alone = batch({"x.json": item}).documents
    both = batch({"x.json": item, "y.json": other}).documents
    assert [c.hcl for c in both if c.source == "x.json"] == [c.hcl for c in alone]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a-b", "a_b"),
        ("a b.c", "a_b_c"),
        ("Größe", "Groe"),
        ("1st", "policy_1st"),
        ("", "policy"),
        ("日本", "policy"),
        ("__", "policy"),
        ('x" {}\n${y}', "x_y"),
    ],
)
def test_names_from_any_text(text: str, name: str) -> None:
    assert naming.identifier(text) == name


@given(st.text())
def test_every_derived_name_is_one_that_may_be_given(text: str) -> None:
    name = naming.identifier(text)
    assert naming.valid(name) == name


@pytest.mark.parametrize("name", ["1a", "a b", "", "é", 'x" "y', "a\n"])
def test_given_names_that_terraform_refuses(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a data source"):
        naming.valid(name)


def test_names_collide_with_none() -> None:
    expected = ["a", "A", "a_2", "a", "b"]
    assert naming.unique(expected) == ("a", "A_3", "a_2", "a_4", "b")


@given(st.lists(st.sampled_from(["a", "A", "a_2", "A_2", "a_3", "b"])))
def test_names_are_unique_whatever_is_wanted(expected: list[str]) -> None:
    names_made = naming.unique(expected)
    assert len({n.lower() for n in names_made}) == len(expected)
    for place, name in enumerate(names_made):
        assert name == expected[place] or expected[place].lower() in {
            n.lower() for n in names_made[:place]
        }


def test_names_come_from_files_and_of_several_from_what_aws_calls_them() -> None:
    details = {
        "RoleDetailList": [
            {
                "RoleName": "app",
                "AssumeRolePolicyDocument": P,
                "RolePolicyList": [{"PolicyName": "s3-read", "PolicyDocument": P}],
            }
        ]
    }
    alone = {"RoleName": "app", "PolicyName": "s3", "PolicyDocument": P}
    result = batch(
        {"d/a.json": P, "all.json": details, "b/a.json": P, "c.json": alone, STDIN: alone}
    )
    names = [c.name for c in result.documents]
    assert names == ["a", "app_trust", "app_s3_read", "a_2", "c", "app_s3"]
    assert batch({STDIN: P}).documents[0].name == "policy"
    assert batch({"a.json": P}, name="mine").documents[0].name == "mine"
    with pytest.raises(UsageError, match="one document, but there are 2"):
        batch({"x.json": [P, P]}, name="mine")


def test_no_file_is_one_that_an_engine_merges_over_others() -> None:
    """In an override file, engines refuse a data source that no other file has."""
    policy = (
        '{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}'
    )
    names = ("override.json", "scp_override.json", "scp_override_policy.json", "override_scp.json")
    batch = convert([Input(name, lambda: policy) for name in names], ConvertOptions())
    assert list(batch.files()) == [
        "override_policy.tf",
        "scp_override_policy.tf",
        "scp_override_policy_2.tf",
        "override_scp.tf",
    ]
    assert [c.name for c in batch.documents][:2] == ["override", "scp_override"]


def test_names_do_not_hang_on_what_is_refused() -> None:
    result = batch({"a.json": {"Statement": 1}, "b/a.json": P})
    assert [c.name for c in result.documents] == ["a_2"]


def test_large_files_take_time_by_their_size_alone() -> None:
    """Each of these took the square of its size: minutes."""
    many = [f"s3:A{n}" for n in range(60_000)]
    (converted,) = batch({"x.json": one(Action=[*many, many[-1]])}).documents
    assert "names 's3:A59999' more than once" in converted.notes[0].text
    keys = ", ".join(f'"k{n}": "v"' for n in (*range(60_000), 59_999))
    with pytest.raises(InputError, match="'k59999' is there twice"):
        load_json(f"{{{keys}}}", "x.json")
    assert naming.unique(["policy"] * 60_000)[-1] == "policy_60000"


REFUSED = [
    ({"Statement": []}, [("$.Statement", "would leave it out")]),
    (one(Action=[]), [("$.Statement[0].Action", "empty list")]),
    (
        {**P, "Statement": [{**S, "Sid": "A"}, {**S, "Sid": "A"}]},
        [("$.Statement[1].Sid", "'A' is also the Sid of an earlier statement")],
    ),
    (
        {"Statement": {**S, "Resource": ["&{a}", "e\u0301"]}},
        [("$.Statement.Resource", "changes to"), ("$.Statement.Resource", "normal form C")],
    ),
    (
        {"Policy": json.dumps(one(Condition={"StringLike": {"a:b": "&{x}"}}))},
        [("$.Policy.Statement[0].Condition.StringLike.a:b", "changes to")],
    ),
    (one(Principal={"AWS": "\ud800"}), [("$.Statement[0].Principal.AWS", "surrogate")]),
    (one(Condition={"Bool": {"a:B": 1, "a:b": 2}}), [("$.Statement[0].Condition.Bool", "twice")]),
    ({**P, "Id": "e\u0301"}, [("$.Id", "normal form C")]),
]


@pytest.mark.parametrize(("value", "expected"), REFUSED)
def test_what_is_refused_is_named_and_the_others_are_converted(
    value: Any, expected: list[tuple[str, str]]
) -> None:
    result = batch({"bad.json": value, "good.json": P})
    assert [c.name for c in result.documents] == ["good"]
    assert result.refused == 1
    for failure, (place, words) in zip(result.failures, expected, strict=True):
        assert (failure.source, failure.path) == ("bad.json", place)
        assert words in failure.reason
    assert list(lines(result))[-1] == "1 converted, 1 refused"
    assert len(result.failures) == len(expected)
    with pytest.raises(InputError, match=re.escape(expected[0][0])):
        batch({"bad.json": value, "good.json": P}, keep_going=False)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (P, []),
        ({"Statement": [S]}, [("$", "has no Version, which means 2008-10-17")]),
        ({**P, "Id": ""}, [("$.Id", "left out")]),
        (one(Sid="", Condition={}), [("[0].Sid", "left out"), ("[0].Condition", "left out")]),
        (one(Condition={"Bool": {}}), [("[0].Condition.Bool", "has no condition key")]),
        (
            one(Condition={"Bool": {"a:b": [True, "x"]}, "NumericEquals": {"c:d": 1.50}}),
            [("Bool.a:b", 'the string "true"'), ("NumericEquals.c:d", 'the string "1.5"')],
        ),
        (one(Action=["a:b", "a:c", "a:b"]), [("[0].Action", "names 'a:b' more than once")]),
        (one(Principal={"AWS": ["1", "1"]}), [("[0].Principal.AWS", "more than once")]),
        ({**P, "Statement": {**S, "Sid": ""}}, [("$.Statement.Sid", "left out")]),
        ({"PolicyDocument": {"Statement": S}}, [("$.PolicyDocument", "has no Version")]),
    ],
)
def test_what_is_normalised_is_said(value: Any, expected: list[tuple[str, str]]) -> None:
    (converted,) = batch({"x.json": value}).documents
    for note, (place, words) in zip(converted.notes, expected, strict=True):
        assert note.path.endswith(place)
        assert words in note.text


def test_versions_that_are_not_in_force_are_said() -> None:
    versions = [
        {"Document": P, "VersionId": "v2", "IsDefaultVersion": True},
        {"Document": P, "VersionId": "v1", "IsDefaultVersion": False},
    ]
    converted = batch(
        {"x.json": {"Policies": [{"PolicyName": "m", "PolicyVersionList": versions}]}}
    )
    assert "left out: versions v1" in next(iter(lines(converted)))
