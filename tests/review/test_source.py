"""What --source reads: policies and references that are written out, and files and lines."""

import json
import os
import re
from pathlib import Path

import pytest

from conftest import write_tree
from eks import NODE_TRUST
from synthetic import Json, allow, document, plan, resource
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.plan.arguments import Part
from vpc_cni_iam.inputs.plan.configuration import Module, PlanConfiguration
from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.policy.template import Hole, HoleKind, Side
from vpc_cni_iam.review.account.documents import Document
from vpc_cni_iam.review.account.grants import GrantKey
from vpc_cni_iam.review.account.iam_resource import InPlan
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.locate import Locator
from vpc_cni_iam.review.options import Options
from vpc_cni_iam.texts.limits import HCL

IN_JSON = """{
  "//": "made by a program",
  "terraform": {"required_version": ">= 1.0"},
  "resource": [
    {"aws_iam_policy": {
      "one": {
        "name": "one"
      },
      "two": [{"name": "two"}]
    }},
    {"aws_iam_role": [{"r": {}}, {"s": {}}]}
  ],
  "data": {"aws_iam_policy_document": {"d": {}}},
  "module": {
    "m": {"source": "./m"}
  }
}
"""


def located(folder: Path, address: str) -> tuple[str, int, int] | None:
    calls = {"m": Module(source="./m"), "far": Module(source="registry.example/m/aws")}
    place = Locator(folder, PlanConfiguration(Module(calls=calls))).place(address)
    return (place.file, place.line, place.end) if place else None


@pytest.mark.parametrize("name", ["main.tf.json", "main.tofu.json"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_blocks_in_json_have_their_lines(name: str, mark: str, tmp_path: Path) -> None:
    inner = '{"resource": {"aws_iam_policy": {\n"p": {}}}}'
    write_tree(tmp_path, {name: mark + IN_JSON, "m/m.tf.json": inner})
    for block, lines in (
        ("aws_iam_policy.one", (6, 8)),
        ("aws_iam_policy.two", (9, 9)),
        ("aws_iam_role.s[0]", (11, 11)),
        ("data.aws_iam_policy_document.d", (13, 13)),
    ):
        assert located(tmp_path, block) == (name, *lines)
    assert located(tmp_path, "module.m[0].aws_iam_policy.p") == ("m/m.tf.json", 2, 2)
    assert located(tmp_path, "module.m.aws_iam_policy.none") == (name, 15, 15)
    assert located(tmp_path, "aws_iam_policy.none") is None


def test_a_damaged_file_in_json_does_not_end_the_review(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a.tf.json": IN_JSON[:-20], "b.tf": 'resource "a" "b" {}\n'})
    assert located(tmp_path, "aws_iam_policy.one") == ("a.tf.json", 6, 8)
    assert located(tmp_path, "a.b") == ("b.tf", 1, 1)


def test_hidden_files_and_folders_are_no_configuration(tmp_path: Path) -> None:
    """Engines do not read them."""
    text = 'resource "a" "%s" {}\n'
    write_tree(tmp_path, {"b.tf": text % "b", ".c.tf": text % "c", ".d/d.tf": text % "d"})
    assert located(tmp_path, "a.b") == ("b.tf", 1, 1)
    assert not (located(tmp_path, "a.c") or located(tmp_path, "a.d"))


def test_a_file_that_is_too_large_to_be_read_has_no_places(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a.tf": "", "b.tf": 'resource "a" "b" {}\n'})
    os.truncate(tmp_path / "a.tf", HCL.most + 1)
    assert located(tmp_path, "a.b") == ("b.tf", 1, 1)


def test_a_module_from_elsewhere_is_where_it_is_called(tmp_path: Path) -> None:
    write_tree(tmp_path, {"main.tf": '\nmodule "far" {\n  source = "registry.example/m/aws"\n}\n'})
    for module in ("module.far", 'module.far["a.b"].module.deeper[0]'):
        assert located(tmp_path, f"{module}.aws_iam_policy.p") == ("main.tf", 2, 4)


def test_a_module_that_the_plan_does_not_have_is_nowhere(tmp_path: Path) -> None:
    write_tree(tmp_path, {"main.tf": 'module "m" {\n  source = "./m"\n}\n', "m/m.tf": ""})
    for module in ("module.gone", "module.m.module.gone"):
        assert located(tmp_path, f"{module}.aws_iam_policy.p") is None


@pytest.mark.parametrize(
    ("source", "folder"),
    [
        ("../b", "modules/b"),
        ("./../b/", "modules/b"),
        ("./b", "modules/a/b"),
        (".//b//c", "modules/a/b/c"),
        ("../../b", "b"),
        ("../../../b", "../b"),
        ("../../../../b", "../../b"),
    ],
)
def test_a_module_is_found_from_the_one_that_calls_it(
    source: str, folder: str, tmp_path: Path
) -> None:
    root = tmp_path / "live" / "prod"
    text = 'resource "aws_iam_policy" "p" {}\n'
    write_tree(root, {"main.tf": 'module "a" {}\n', "modules/a/main.tf": 'module "b" {}\n'})
    write_tree(root / folder, {"policy.tf": text})
    calls = {"a": Module(source="./modules/a", calls={"b": Module(source=source)})}
    locator = Locator(root, PlanConfiguration(Module(calls=calls)))
    place = locator.place("module.a.module.b.aws_iam_policy.p")
    assert place is not None and (place.file, place.line) == (f"{folder}/policy.tf", 1)


@pytest.mark.parametrize(
    ("name", "problem"), [("gone", "is not a directory"), (".", "has no block")]
)
def test_a_directory_without_configuration_is_refused(
    name: str, problem: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=problem):
        Context(read_plan(plan(), "plan.json"), Options(source=tmp_path / name))


TRUST = """resource "aws_iam_role" "r" {
  inline_policy {
    policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "ec2:A", Resource = "*" }] })
  }
  assume_role_policy = jsonencode({
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = "*" } }]
  })
}
"""


def content(folder: Path, key: Part, *changes: Json, **more: object) -> object:
    """What the first change's principal has after the plan."""
    made = read_plan(plan(*changes, **more), "plan.json")
    grants = Context(made, Options(source=folder)).accounts.after.of(InPlan(changes[0]["address"]))
    return next(grant.content for name, grant in grants.items() if name.part is key)


@pytest.mark.parametrize(
    ("text", "is_read"),
    [
        (TRUST, True),
        (TRUST.replace("=", "=="), False),
        (re.sub(r"(assume_role_policy =) .*", r"\1 var.trust\n}\n", TRUST, flags=re.DOTALL), False),
    ],
)
def test_a_trust_policy_is_read_where_it_is_written_if_an_engine_reads_that(
    text: str, tmp_path: Path, *, is_read: bool
) -> None:
    """Not the other document of the block, and nothing of what is no HCL."""
    write_tree(tmp_path, {"main.tf": text})
    sides = [{"name": "r", "assume_role_policy": NODE_TRUST}, {"name": "r"}]
    change = resource("aws_iam_role", "r", *sides, after_unknown={"assume_role_policy": True})
    read = content(tmp_path, Part.TRUST, change)
    assert isinstance(read, Document) is is_read
    if isinstance(read, Document):
        assert [s.actions for s in read.policy.statements] == [("sts:AssumeRole",)]


POLICY = """resource "aws_iam_policy" "p" {
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "s3:GetObject", Resource = "${aws_s3_bucket.b.arn}/*" },
      { Effect = "Allow", Action = "s3:*", Resource = aws_s3_bucket.b.arn },
    ]
  })
}
"""


def test_each_expression_of_a_policy_is_unknown_in_its_place(tmp_path: Path) -> None:
    write_tree(tmp_path, {"main.tf": POLICY})
    values = {"name": "p"}
    change = resource("aws_iam_policy", "p", None, values, after_unknown={"policy": True})
    made = read_plan(plan(change), "plan.json")
    grants = Context(made, Options(source=tmp_path)).accounts.after.of(InPlan("aws_iam_policy.p"))
    read = grants[GrantKey(Part.PERMISSIONS)].content
    assert isinstance(read, Document)
    hole = Hole(HoleKind.UNKNOWN, "aws_iam_policy.p.policy: aws_s3_bucket.b.arn", Side.AFTER)
    assert read.policy.holes() == (hole,)
    assert [s.actions for s in read.policy.statements] == [("s3:GetObject",), ("s3:*",)]
    assert not isinstance(content_without_source(change), Document)


def content_without_source(change: Json) -> object:
    made = read_plan(plan(change), "plan.json")
    grants = Context(made, Options()).accounts.after.of(InPlan(change["address"]))
    return grants[GrantKey(Part.PERMISSIONS)].content


@pytest.mark.parametrize("name", ["override.tf", "z_override.tf.json", "main.tofu"])
def test_what_another_file_may_override_is_not_read(name: str, tmp_path: Path) -> None:
    other = {"resource": {"aws_iam_policy": {"p": {"policy": document(allow("*"))}}}}
    text = json.dumps(other)
    if not name.endswith(".json"):
        text = 'resource "aws_iam_policy" "p" {\n  policy = var.policy\n}\n'
    write_tree(tmp_path, {"main.tf": POLICY, name: text})
    unknown = {"policy": True}
    change = resource("aws_iam_policy", "p", None, {"name": "p"}, after_unknown=unknown)
    made = read_plan(plan(change), "plan.json")
    grants = Context(made, Options(source=tmp_path)).accounts.after.of(InPlan("aws_iam_policy.p"))
    assert not isinstance(grants[GrantKey(Part.PERMISSIONS)].content, Document)


ARGUMENT = {"references": ["aws_iam_role.made.arn", "aws_iam_role.made"]}
LATER = plan(
    resource("aws_iam_role", "made", None, {"name": "made", "assume_role_policy": NODE_TRUST}),
    resource("aws_lambda_function", "f", None, {}, after_unknown={"role": True}),
    configuration={
        "root_module": {
            "resources": [
                {"type": "aws_iam_role", "name": "made", "expressions": {}},
                {"type": "aws_lambda_function", "name": "f", "expressions": {"role": ARGUMENT}},
            ]
        }
    },
)


@pytest.mark.parametrize(
    ("written", "is_shown"),
    [
        (None, False),
        ("aws_iam_role.made.arn", True),
        ("(\n    aws_iam_role.made.arn\n  )", True),
        ("var.role", False),
        ('try(aws_iam_role.made.arn, "")', False),
        ('replace(aws_iam_role.made.arn, "made", "admin")', False),
        ('"${aws_iam_role.made.arn}-admin"', False),
        ('format("%sx", aws_iam_role.made.arn)', False),
    ],
)
def test_a_reference_that_is_known_after_apply_is_not_taken_for_the_role_in_silence(
    written: str | None, tmp_path: Path, *, is_shown: bool
) -> None:
    """What a function makes of a reference is not in a plan; it may stand in the source."""
    text = 'resource "aws_iam_role" "made" {\n}\n'
    text += f'resource "aws_lambda_function" "f" {{\n  role = {written}\n}}\n' if written else ""
    write_tree(tmp_path, {"main.tf": text})
    parts = Context(read_plan(LATER, "plan.json"), Options(source=tmp_path)).not_shown
    assert (parts == ()) is is_shown
