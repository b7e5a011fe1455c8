"""Whatever holds a policy is opened by one function, and refused with what to do."""

import json
from pathlib import Path
from urllib.parse import quote

import pytest
from msgspec.structs import replace

from conftest import write_tree
from vpc_cni_iam.account.choice import choose_policies, choose_role
from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.inputs.identify import open_account

JSON = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:*","Resource":"*"}}'
HCL = """
variable "cluster" {
  default = null
}

data "aws_iam_policy_document" "one" {
  statement {
    actions   = ["ec2:Describe*"]
    resources = [coalesce(var.cluster, "*")]
  }
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}
"""
JOINED = """
data "aws_iam_policy_document" "two" {
  source_policy_documents = [file("two.json")]
}
"""


def never() -> str:
    raise AssertionError


def test_json_from_a_file_and_from_standard_input(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(JSON)
    filed = open_account(str(tmp_path / "p.json"), never, {})
    piped = open_account("-", lambda: JSON, {})
    assert filed.policies[0].policy == piped.policies[0].policy
    assert piped.source == "standard input"
    assert choose_role(filed).policies == filed.policies


POLICY = json.loads(JSON)
ROLE = {
    "RoleName": "node",
    "AssumeRolePolicyDocument": {
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    },
    "RolePolicyList": [{"PolicyName": "cni", "PolicyDocument": POLICY}],
}
WRONG = {"RoleName": "other", "PolicyName": "bad", "PolicyDocument": {"Statement": [{}]}}


@pytest.mark.parametrize(
    ("printed", "name"),
    [
        ({"PolicyVersion": {"VersionId": "v2", "Document": POLICY}}, ""),
        ({"RoleName": "node", "PolicyName": "cni", "PolicyDocument": POLICY}, "node/cni"),
        ({"PolicyDocument": quote(JSON)}, ""),
        (JSON, ""),
        ({"RoleDetailList": [ROLE]}, "node/cni"),
    ],
    ids=["get-policy-version", "get-role-policy", "url-encoded", "a string", "of an account"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_the_aws_cli_prints(printed: object, name: str, encoding: str, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(json.dumps(printed), encoding=encoding)
    (result,) = choose_role(open_account(str(tmp_path / "p.json"), never, {})).policies
    assert (result.name, result.policy.statements[0].actions) == (name, ("ec2:*",))


def test_of_several_that_the_aws_cli_prints_one_is_chosen() -> None:
    twice = {"RoleDetailList": [ROLE, ROLE, {**ROLE, "RoleName": "pods"}, WRONG]}
    contents = open_account("-", lambda: json.dumps(twice), {})
    places = [f"$.RoleDetailList[{i}].RolePolicyList[0].PolicyDocument" for i in (0, 1)]
    assert [o.name for o in contents.policies] == [*places, "pods/cni"]
    assert choose_policies(contents, ["pods/cni"]).policies[0].policy.statements
    with pytest.raises(UsageError, match=r"pods; choose [^,]*,[^,]*\n.*other/bad cannot be read"):
        choose_role(contents)
    with pytest.raises(InputError, match=r"other/bad is not read: .*Statement\[0\]"):
        choose_policies(contents, ["other/bad"])


@pytest.mark.parametrize("times", [1, 2])
def test_what_names_principals_is_of_no_identity(times: int) -> None:
    trusts = [ROLE["AssumeRolePolicyDocument"]] * times
    with pytest.raises(InputError, match="has no identity policy"):
        open_account("-", lambda: json.dumps(trusts), {})


def test_a_module_and_a_file_of_it(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(HCL)
    (tmp_path / "notes.txt").write_text("{")
    module = open_account(str(tmp_path), never, {"cluster": "arn:aws:ec2:*:*:vpc/x"})
    assert [o.name for o in module.policies] == ["one"]
    assert module.policies[0].policy.statements[0].resources == ("arn:aws:ec2:*:*:vpc/x",)
    alone = open_account(str(tmp_path / "main.tf"), never, {})
    assert alone.policies[0].policy.statements[0].resources == ("*",)


def test_a_directory_of_opentofu(tmp_path: Path) -> None:
    (tmp_path / "main.tofu").write_text(HCL)
    (tmp_path / ".ignored.tf").write_text(HCL)
    alone = open_account(str(tmp_path), never, {})
    assert [o.name for o in alone.policies] == ["one"]
    assert alone.policies == tuple(
        replace(o, source=str(tmp_path))
        for o in open_account(str(tmp_path / "main.tofu"), never, {}).policies
    )
    # OpenTofu reads main.tofu in the place of main.tf, and Terraform main.tf.
    (tmp_path / "main.tf").write_text(HCL.replace("Describe", "Create"))
    both = open_account(str(tmp_path), never, {})
    assert both.policies == alone.policies
    (skipped,) = (s for s in both.not_known if s.counts)
    assert skipped.name == str(tmp_path / "main.tf")
    assert "OpenTofu reads main.tofu in its place" in skipped.detail


def test_files_that_decide_no_policy_are_not_named(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            "main.tf": HCL,
            "versions.tf": "terraform {}\n",
            "versions.tofu": "terraform {}\n",
            "providers_override.tf": 'provider "aws" {}\n',
            "backend.tf.json": '{"terraform": {}}',
        },
    )
    policies = open_account(str(tmp_path), never, {})
    assert [s.name for s in policies.not_known] == ["trust"]


def test_one_of_several_is_chosen_by_name(tmp_path: Path) -> None:
    more = HCL.replace("one", "other").replace("trust", "more").replace("cluster", "name")
    (tmp_path / "main.tf").write_text(HCL + more)
    (tmp_path / "more.tf").write_text(JOINED)
    contents = open_account(str(tmp_path), never, {})
    assert [o.name for o in choose_policies(contents, ("other", "one")).policies] == [
        "one",
        "other",
    ]
    with pytest.raises(
        UsageError, match=r"policies, one, other; choose [^,]*\n.*two cannot be read"
    ):
        choose_role(contents)
    with pytest.raises(UsageError, match="unknown document 'nope'; known are one, other"):
        choose_policies(contents, ("nope",))
    with pytest.raises(InputError, match="two is not read: line 2: it joins other documents"):
        choose_policies(contents, ("two",))


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("p.json", "", "is empty"),
        ("p.json", "{", "is not JSON"),
        ("p.json", "[]", r"has no .*policy"),
        ("p.json", '{"PolicyVersion": 1}', r"has no .*policy"),
        ("p.tf", "data {", "not valid HCL"),
        ("p.tf", 'variable "x" {}', "has no identity policy"),
    ],
)
def test_what_is_refused(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=words) as error:
        choose_role(open_account(str(tmp_path / name), never, {}))
    assert str(error.value).startswith(str(tmp_path / name))


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        open_account(str(tmp_path / "nope"), never, {})
    with pytest.raises(InputError, match=r"has no \.tf or \.tofu file"):
        open_account(str(tmp_path), never, {})
    (tmp_path / "latin.json").write_bytes(b"{\xff}")
    with pytest.raises(InputError, match="UTF-8"):
        open_account(str(tmp_path / "latin.json"), never, {})


def test_an_account_of_many_roles_does_not_flood_the_terminal() -> None:
    roles = [{**ROLE, "RoleName": f"r{n}"} for n in range(1030)]
    policies = open_account("-", lambda: json.dumps({"RoleDetailList": roles}), {})
    with pytest.raises(UsageError, match="r19 and 1,010 more; choose with --role"):
        choose_role(policies)
