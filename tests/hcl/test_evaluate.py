"""Expressions of modules are evaluated as engines do, or said to be unknown."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from conftest import ROOT
from evaluated import CONTEXT, KNOWN, REFUSED, UNKNOWN
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.hcl.evaluate.domain import EvaluationError, HclValue, TooLargeError, Unevaluated
from vpc_cni_iam.hcl.evaluate.expressions import Evaluator
from vpc_cni_iam.hcl.evaluate.functions import FUNCTIONS
from vpc_cni_iam.hcl.module.given import GivenVariables
from vpc_cni_iam.hcl.module.reader import HclModule, joins_nothing, read, read_blocks
from vpc_cni_iam.hcl.parse import expression, parse
from vpc_cni_iam.hcl.syntax import Node

NO_VALUES = GivenVariables()


def module(
    text: str,
    values: Mapping[str, str | bool] | None = None,
    user_values: GivenVariables | None = NO_VALUES,
) -> HclModule:
    """A module of one file, with values for its names and for its variables."""
    blocks = parse(text, "main.tf").blocks
    return read_blocks(blocks, values or {}, user_values)


def evaluator(text: str, **texts: str) -> Evaluator:
    return module(text, {}, GivenVariables(texts)).evaluator


def node_of(code: str) -> Node:
    node = expression(code.rstrip("\n") if "<<" not in code else code)
    assert node is not None, code
    return node


def value(code: str, text: str = CONTEXT, **texts: str) -> HclValue:
    return evaluator(text, **texts).evaluate(node_of(code))


@pytest.mark.parametrize("code", KNOWN)
def test_known(code: str) -> None:
    result = json.loads(json.dumps(value(code)))
    assert (result, type(result)) == (KNOWN[code], type(KNOWN[code]))


@pytest.mark.parametrize("code", REFUSED)
def test_refused(code: str) -> None:
    """In `try` it leads to the next value where it is the path to one that is not there."""
    with pytest.raises(EvaluationError):
        value(code)
    result = value(f'try({code}, "fallback")')
    is_path = re.fullmatch(r"[\w.]+(\[\d+\])?", code)
    assert result == "fallback" if is_path else isinstance(result, Unevaluated)


@pytest.mark.parametrize("code", UNKNOWN)
def test_unknown_names_its_reason(code: str) -> None:
    result = value(code)
    assert isinstance(result, Unevaluated)
    assert result.code == UNKNOWN[code]


@pytest.mark.parametrize(
    ("locals_", "code"),
    [
        (
            f"n = {[*range(200)]}",
            "[for a in local.n : [for b in local.n : [for c in local.n : a]]]",
        ),
        (
            "".join(f"l{n} = [local.l{n - 1}, local.l{n - 1}]\n" for n in range(1, 60)) + "l0 = 1",
            "local.l59",
        ),
        (
            "".join(f't{n} = "${{local.t{n - 1}}}${{local.t{n - 1}}}"\n' for n in range(1, 60))
            + 't0 = "abcdefgh"',
            "local.t59",
        ),
        (
            "".join(f"c{n} = concat(local.c{n - 1}, local.c{n - 1})\n" for n in range(1, 60))
            + "c0 = [1]",
            "local.c59",
        ),
    ],
    ids=["nested for", "lists", "texts", "concat"],
)
def test_what_grows_without_end_is_stopped(locals_: str, code: str) -> None:
    with pytest.raises(TooLargeError, match="1,000,000 steps"):
        value(code, f"locals {{\n{locals_}\n}}\n")


@pytest.mark.parametrize(("sample", "result"), [(True, 1), (False, 2), ("true", None)])
def test_a_value_of_a_variable_decides_a_condition_if_it_is_true_or_false(
    sample: str | bool, result: int | None
) -> None:
    made = module('variable "x" {}\n', {"x": sample}, None)
    answer = made.evaluator.evaluate(node_of("var.x ? 1 : 2"))
    assert isinstance(answer, Unevaluated) if result is None else answer == result


def test_a_name_in_the_place_of_a_variable_is_a_text_even_if_it_is_true() -> None:
    text = 'variable "x" {}\ndata "aws_iam_policy_document" "d" {\n  policy_id = var.x\n}\n'
    for user_values in (None, NO_VALUES):
        (document,) = module(text, {"x": "true"}, user_values).documents
        assert document.policy.id == "true"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("var.x", "${var.x}"),
        ('"a-${var.x}"', "a-${var.x}"),
        ('"${"${var.x}-"}${data.y.z.id}"', "${var.x}-${data.y.z.id}"),
        ("coalesce(null, var.x)", "${var.x}"),
        ("coalesce(var.x, 1)", None),
        ('split(",", var.x)', None),
        ('"${lower(var.x)}"', None),
        ('[for k in ["a"] : "${k}${each.value}"][0]', "a${each.value}"),
        ('[for k in data.y.z : "${k}"][0]', None),
        ("[var.x, 1][0]", "${var.x}"),
        ("try(var.x, 1)", "${var.x}"),
        ("var.x == null ? 1 : var.x", "${var.x}"),
    ],
)
def test_a_variable_that_a_caller_fills_is_a_hole_and_nothing_is_computed_of_it(
    code: str, text: str | None
) -> None:
    made = module('variable "x" {}\n', {"x": "a,b"}, None)
    answer = made.evaluator.evaluate(node_of(code))
    assert isinstance(answer, Unevaluated)
    assert (None if answer.text is None else str(answer.text)) == text


@pytest.mark.parametrize("count", ["-1", '"-2"'])
def test_a_count_that_no_engine_takes_is_refused(count: str) -> None:
    (block,) = parse(f'data "a" "b" {{\n  count = {count}\n}}\n', "x").blocks
    with pytest.raises(EvaluationError):
        evaluator("").instances(block)


@pytest.mark.parametrize("count", ["1.5", '"$"', '"\u00b2"', '"0x1"', 'true ? "$" : 0'])
def test_a_count_that_is_perhaps_a_number_is_unknown(count: str) -> None:
    (block,) = parse(f'data "a" "b" {{\n  count = {count}\n}}\n', "x").blocks
    assert isinstance(evaluator("").instances(block), Unevaluated)


@pytest.mark.parametrize("text", ["[1", "{", "1e999999", "[[["])
def test_a_value_for_a_variable_of_another_file_that_is_no_value_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="variable 'x'"):
        evaluator("", x=text)


@pytest.mark.parametrize("text", ["[", "x", "{}"])
def test_a_given_value_of_another_type_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(UsageError, match="variable 'x'"):
        evaluator('variable "x" {\n  type = list(string)\n}\n', x=text)


def test_a_default_of_another_type_is_no_value() -> None:
    declared = 'variable "x" {\n  type    = number\n  default = "a"\n}\n'
    assert isinstance(value("var.x", declared), Unevaluated)


@pytest.mark.parametrize(
    ("repeat", "names"),
    [
        ("", ["d"]),
        ("count = 1", ["d"]),
        ("count = 2", ["d[0]", "d[1]"]),
        ('for_each = { a = 1, "b c" = 2 }', ['d["a"]', 'd["b c"]']),
    ],
)
def test_each_instance_of_a_document_has_its_address(repeat: str, names: list[str]) -> None:
    text = f'data "aws_iam_policy_document" "d" {{\n  {repeat}\n}}\n'
    assert [document.name for document in module(text).documents] == names


DATA_SOURCES = """
data "aws_partition" "p" {}
data "aws_region" "r" {}
data "aws_region" "other" {
  region = "eu-west-1"
}
data "aws_region" "aliased" {
  provider = aws.other
}
data "aws_iam_policy_document" "d" {}
"""


@pytest.mark.parametrize(
    ("code", "values", "result"),
    [
        ("data.aws_partition.p.partition", {}, "aws"),
        ("data.aws_partition.p.id", {"partition": "aws-cn"}, "aws-cn"),
        ("data.aws_partition.p.id", {"partition": "*"}, "aws"),
        ("data.aws_region.r.region", {"region": "eu-west-1"}, "eu-west-1"),
        ("data.aws_region.r.name", {}, None),
        ("data.aws_region.r.name", {"region": "*"}, None),
        ("data.aws_region.other.name", {"region": "us-east-1"}, "eu-west-1"),
        ("data.aws_region.aliased.name", {"region": "us-east-1"}, None),
        ('length(compact([data.aws_iam_policy_document.d.json, ""]))', {}, 1),
        ('data.aws_iam_policy_document.d.json == ""', {}, False),
        ("try(data.aws_region.r.name, 1)", {}, None),
        ("try(length([data.aws_iam_policy_document.d.json]), 2)", {}, 1),
    ],
)
def test_what_data_sources_say_without_an_engine(
    code: str, values: dict[str, str], result: object
) -> None:
    answer = module(DATA_SOURCES, values).evaluator.evaluate(node_of(code))
    assert isinstance(answer, Unevaluated) if result is None else answer == result


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("data.aws_region.r.name", "give --set region=REGION"),
        ("data.aws_caller_identity.c.account_id", "give --set account-id=ID"),
        ('"arn:${data.aws_caller_identity.c.id}"', "give --set account-id=ID"),
        ("var.x.y", "give --var x=VALUE"),
        ("data.aws_region.aliased.name", ""),
        ("aws_iam_role.x.arn", ""),
    ],
)
def test_what_is_unknown_says_what_would_make_it_known(code: str, advice: str) -> None:
    text = f'{DATA_SOURCES}data "aws_caller_identity" "c" {{}}\n'
    answer = value(code, text)
    assert isinstance(answer, Unevaluated) and answer.advice == advice


def test_a_name_that_counts_an_instance_is_true_where_there_is_one() -> None:
    """What depends on another name is not, nor what no instance needs."""
    text = """
data "aws_iam_policy_document" "d" {
  count = module.m.enabled && module.m.other ? 1 : 0
  statement {
    actions   = module.m.enabled && !module.m.other ? ["a:b"] : ["a:c"]
    resources = ["*"]
  }
}
data "aws_iam_policy_document" "e" {
  count = module.m.enabled ? 0 : 1
  statement {
    actions   = module.m.enabled ? ["a:b"] : ["a:c"]
    resources = ["*"]
  }
}
module "m" {}
"""
    made = module(text)
    (document,) = made.documents
    assert document.policy.statements[0].actions == ("a:c",)
    assert "module.m.enabled cannot be known" in document.doubt
    assert "module.m.enabled cannot be known" in made.unread["e"]


@pytest.mark.parametrize(
    ("argument", "default", "nothing"),
    [
        ("source_policy_documents = var.more", "[]", True),
        ("source_policy_documents = var.more", '["{}"]', False),
        ("source_policy_documents = var.others", "[]", False),
        ("source_policy_documents = [var.more]", "[]", False),
        ("override_policy_documents = var.more", "[]", False),
        ("", "[]", True),
    ],
)
def test_a_document_joins_nothing_unless_a_caller_passes_some(
    argument: str, default: str, *, nothing: bool
) -> None:
    text = f'data "aws_iam_policy_document" "d" {{\n  {argument}\n}}\n'
    text += "".join(f'variable "{n}" {{\n  default = {default}\n}}\n' for n in ("more", "others"))
    made = module(text, None, None)
    (document,) = made.documents
    assert joins_nothing(document, made, ["more"]) is nothing


@pytest.mark.parametrize("nothing", ["", "source_policy_documents = []\n", "version = null\n"])
def test_a_document_joins_what_it_names(nothing: str) -> None:
    text = 'data "aws_iam_policy_document" "a" {\n  statement {\n    actions = ["a:b"]\n  }\n}\n'
    text += f'data "aws_iam_policy_document" "d" {{\n{nothing}'
    text += "override_policy_documents = [data.aws_iam_policy_document.a.json]\n}\n"
    documents = module(text).documents
    assert [d.policy.statements[0].actions for d in documents] == [("a:b",), ("a:b",)]


def test_a_module_is_read_from_the_texts_of_its_files() -> None:
    document = (
        'data "aws_iam_policy_document" "d" {\n  statement {\n    actions = [var.a]\n  }\n}\n'
    )
    texts = {"main.tf": document, "variables.tf": 'variable "a" {}\n'}
    from_texts = read(texts, {"a": "ec2:A", "b": "ec2:B"})
    read_document = from_texts.document("d")
    assert read_document is not None
    assert read_document.policy.statements[0].actions == ("ec2:A",)
    assert from_texts.document("e") is None


def test_a_count_of_a_billion_is_refused_at_once() -> None:
    (block,) = parse('data "a" "b" {\n  count = 1000000000\n}\n', "x").blocks
    with pytest.raises(TooLargeError, match="1,000,000,000 instances"):
        evaluator("").instances(block)


@pytest.mark.parametrize(
    ("declared", "text", "code", "result"),
    [
        ("type = string", "[1]", "var.x", "[1]"),
        ("type = bool", "true", "var.x", True),
        ("type = list(string)", '["a", "b"]', "var.x", ("a", "b")),
        ("type = map(number)", '{ a = "1" }', "var.x.a", 1),
        ("type = any", "[1]", "var.x", (1,)),
        (
            "type = object({ a = string, b = optional(bool, true) })",
            "{ a = 1 }",
            "var.x",
            {"a": "1", "b": True},
        ),
        ("", "[1]", "var.x", "[1]"),
        ('type = string\n  nullable = false\n  default = "d"', "t", "var.x", "t"),
    ],
)
def test_a_given_text_is_read_by_the_type(
    declared: str, text: str, code: str, result: object
) -> None:
    assert value(code, f'variable "x" {{\n  {declared}\n}}\n', x=text) == result


@pytest.mark.engine
def test_an_engine_says_the_same(newest: Engine, tmp_path: Path) -> None:
    outputs = {f"known_{n}": f"jsonencode({code})" for n, code in enumerate(KNOWN)}
    outputs |= {f"refused_{n}": f"jsonencode(can({code}))" for n, code in enumerate(REFUSED)}
    text = "".join(f'output "{n}" {{\n  value = {code}\n}}\n' for n, code in outputs.items())
    (tmp_path / "main.tf").write_text(CONTEXT + text)
    planned = newest.plan(tmp_path)["planned_values"]["outputs"]
    values = {name: json.loads(output["value"]) for name, output in planned.items()}
    assert {code: values[f"known_{n}"] for n, code in enumerate(KNOWN)} == KNOWN
    assert [code for n, code in enumerate(REFUSED) if values[f"refused_{n}"]] == []


def test_every_function_has_a_case_and_is_documented() -> None:
    names = {*FUNCTIONS, "try"}
    assert {n for n in names if not any(f"{n}(" in code for code in KNOWN)} == set()
    page = (ROOT / "docs" / "coverage-module.md").read_text()
    listed = page.partition("and these functions:")[2].partition(".")[0]
    documented = re.sub(r"\([^)]*\)", "", listed.replace("\n", " "))
    assert {name.strip() for name in documented.split(",")} == names
