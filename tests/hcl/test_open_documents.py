"""A data source that is read for any values: references stay, and all else is known."""

import pytest

from hcl_documents import documents_of
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl.evaluate.domain import ValueScope
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.policy.document import Policy

ANY_VALUES = ValueScope(holes=True)


def read(body: str, top: str = "") -> Policy:
    text = (
        f'data "aws_iam_policy_document" "x" {{\n{top}\n  statement {{\n    actions = ["a:b"]\n'
        f"    {body}\n  }}\n}}\n"
    )
    (document,) = documents_of(parse(text, "x.tf").blocks, ANY_VALUES)
    return document.policy


@pytest.mark.parametrize(
    ("resource", "expected", "references"),
    [
        ('["*"]', ["*"], []),
        ('["x/&{aws:username}"]', ["x/${aws:username}"], []),
        ('["x/$${aws:username}"]', ["x/${aws:username}"], []),
        ('["${var.b}/$${aws:username}"]', ["${var.b}/${aws:username}"], ["var.b"]),
        ("[aws_s3_bucket.x[0].arn]", ["${aws_s3_bucket.x[0].arn}"], ["aws_s3_bucket.x[0].arn"]),
        ('[module.m["k"].arn]', ['${module.m["k"].arn}'], ['module.m["k"].arn']),
        ("var.l", ["${var.l}"], ["var.l"]),
        ("flatten([var.l])", ["${var.l}"], ["var.l"]),
        # Text is in the normal form that engines give it.
        ('"e\u0301", "${"e\u0301"}/", <<E\ne\u0301\nE\n', ["é", "é/", "é\n"], []),
    ],
)
def test_references_are_holes(resource: str, expected: list[str], references: list[str]) -> None:
    resource = resource if resource[0] in "[fv" else f"[{resource}]"
    policy = read(f"resources = {resource}")
    assert [str(text) for text in policy.statements[0].resources] == expected
    assert [hole.place for hole in policy.holes()] == references


@pytest.mark.parametrize(
    ("body", "top", "place", "words"),
    [
        ('resources = ["${file("X")}"]', "", "line 5", "file(...) cannot be known"),
        ("resources = var.a ? [] : var.b", "", "line 5", "var.a cannot be known"),
        ('resources = ["&{x}"]', 'version = "2008-10-17"', "line 3", "refuses &{"),
        ("resources = []", "version = var.v", "line 2", "${var.v} decides the structure"),
        ("effect = var.e", "", "line 5", "${var.e} decides the structure"),
        ("resources = []", "count = 2", "line 2", "argument 'count'"),
    ],
)
def test_what_only_an_engine_knows_is_refused_by_line(
    body: str, top: str, place: str, words: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(body, top)
    assert (caught.value.source, caught.value.place) == ("x.tf", place)
    assert words in caught.value.problem


def test_principals_of_one_type_in_several_blocks_are_all_read() -> None:
    blocks = (f'principals {{\ntype = "AWS"\nidentifiers = ["{name}"]\n}}\n' for name in "ab")
    (statement,) = read("".join(blocks)).statements
    assert [p.identifiers for p in statement.principals] == [("a",), ("b",)]


def test_a_condition_key_in_two_spellings_is_refused_as_in_json() -> None:
    conditions = "".join(
        f'condition {{\n  test = "StringEquals"\n  variable = "{key}"\n  values = ["a"]\n}}\n'
        for key in ("aws:PrincipalTag/team", "aws:principaltag/team")
    )
    with pytest.raises(InputError, match="has a condition key twice"):
        read(conditions)
