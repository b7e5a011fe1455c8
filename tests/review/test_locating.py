"""Where resources are written: in HCL, in JSON, in modules, and in a directory that is another."""

import json
import os
from pathlib import Path

import pytest

from conftest import run, write_tree
from eks import addon
from synthetic import allow, document, plan, policy
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.plan.configuration import Module, PlanConfiguration
from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.locate import Locator
from vpc_cni_iam.review.options import ReviewOptions
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
        ('aws_iam_policy.one["a.b"]', (6, 8)),
        ("aws_iam_policy.two", (9, 9)),
        ("aws_iam_role.s", (11, 11)),
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
    for address in ("module.far", 'module.far["a.b"].module.deeper[0]'):
        assert located(tmp_path, f"{address}.aws_iam_policy.p") == ("main.tf", 2, 4)


def test_a_module_that_the_plan_does_not_have_is_nowhere(tmp_path: Path) -> None:
    write_tree(tmp_path, {"main.tf": 'module "m" {\n  source = "./m"\n}\n', "m/m.tf": ""})
    for address in ("module.gone", "module.m.module.gone"):
        assert located(tmp_path, f"{address}.aws_iam_policy.p") is None


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
        Locator(tmp_path / name, PlanConfiguration())
    with pytest.raises(InputError, match=problem):
        Context(read_plan(plan(), "plan.json"), ReviewOptions(source=tmp_path / name))


def test_a_directory_of_another_module_is_told(tmp_path: Path) -> None:
    blocks = [{"type": "aws_iam_policy", "name": "p", "expressions": {}}]
    configuration = {"root_module": {"resources": blocks}}
    text = plan(policy("p", None, document(allow("ec2:A"))), configuration=configuration)
    other = {"resource": {"aws_iam_policy": {"q": {}}}}
    own = {"resource": {"aws_iam_policy": {"p": {}}}}
    files = {"own/m.tf.json": json.dumps(own), "other/m.tf.json": json.dumps(other)}
    write_tree(tmp_path, files)
    (tmp_path / "plan.json").write_bytes(text)
    wrong = run("review", "plan.json", "--source", "other", cwd=tmp_path)
    assert (wrong.code, "--source other has no resource of the plan" in wrong.err) == (
        1,
        True,
    )
    right = run("review", "plan.json", "--source", "own", cwd=tmp_path)
    assert (right.code, right.err, "m.tf.json:1" in right.out) == (1, "", True)


def test_a_change_of_the_plugin_has_the_line_where_it_is_written(tmp_path: Path) -> None:
    sides = [{"addon_version": v} for v in ("v1.21.2-eksbuild.1", "v1.22.1-eksbuild.1")]
    write_tree(tmp_path, {"main.tf": '\n\nresource "aws_eks_addon" "vpc_cni" {}\n'})
    (tmp_path / "plan.json").write_bytes(plan(addon(*sides)))
    report = run("review", "plan.json", "--source", ".", "--format", "json", cwd=tmp_path)
    places = {f["rule"]: f["place"] for f in json.loads(report.out)["findings"]}
    assert places["plugin-version-changed"] == {"file": "main.tf", "line": 3, "end": 3}
    named = run("review", "plan.json", "--source", ".", cwd=tmp_path)
    assert "aws_eks_addon.vpc_cni, main.tf:3 [plugin-version-changed]\n" in named.out
    bare = run("review", "plan.json", cwd=tmp_path)
    assert "aws_eks_addon.vpc_cni [plugin-version-changed]\n" in bare.out
