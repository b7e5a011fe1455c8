"""Policies that HCL writes out are read, and those that it computes are named."""

import re
from pathlib import Path

import pytest

from conftest import run
from vpc_cni_iam.account.account import Account
from vpc_cni_iam.account.choice import choose_policies, choose_role
from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.inputs.identify import open_account
from vpc_cni_iam.policy.document import Policy, Statement

ENCODED = """
variable "region" {
  default = "eu-west-1"
}

locals {
  actions = "Describe"
}

resource "aws_iam_policy" "cni" {
  name = "cni"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = local.actions
      Effect   = "Allow"
      Action   = "ec2:${local.actions}*"
      Resource = ["arn:aws:ec2:${var.region}:*:subnet/*", "arn:aws:s3:::$${aws:username}"]
    }]
  })
}
"""
HEREDOC = """
resource "aws_iam_role_policy" "cni" {
  role   = "node"
  policy = <<-EOT
    {
      "Version": "2012-10-17",
      "Statement": {"Effect": "Allow", "Action": "ec2:*", "Resource": "${var.what}"}
    }
  EOT
}
"""
READONLY = """
data "aws_iam_policy_document" "readonly" {
  statement {
    actions   = ["ec2:Describe*"]
    resources = ["*"]
  }
}
"""
NAME = "aws_iam_policy.cni.policy"
OTHER = "aws_iam_role_policy.cni.policy"


def opened(tmp_path: Path, text: str) -> Account:
    (tmp_path / "main.tf").write_text(text)
    return open_account(str(tmp_path), lambda: "", {})


def test_jsonencode_alone_with_references_of_the_module(tmp_path: Path) -> None:
    (result,) = choose_role(opened(tmp_path, ENCODED)).policies
    arns = ("arn:aws:ec2:eu-west-1:*:subnet/*", "arn:aws:s3:::${aws:username}")
    statement = Statement(sid="Describe", actions=("ec2:Describe*",), resources=arns)
    assert (result.name, result.policy) == (NAME, Policy((statement,)))


def test_a_heredoc_alone(tmp_path: Path) -> None:
    text = HEREDOC + 'variable "what" {\n  default = "*"\n}\n'
    (result,) = choose_role(opened(tmp_path, text)).policies
    statement = Statement(actions=("ec2:*",), resources=("*",))
    assert (result.name, result.policy) == (OTHER, Policy((statement,)))


@pytest.mark.parametrize(
    "text",
    [
        HEREDOC,
        'data "aws_iam_policy_document" "cni" {\n  statement {\n'
        '    actions   = ["ec2:*"]\n    resources = [var.what]\n  }\n}\n',
    ],
)
def test_a_resource_of_an_empty_variable_is_not_read_and_the_variable_named(
    text: str, tmp_path: Path
) -> None:
    text += 'variable "what" {\n  default = ""\n}\nvariable "other" {\n  default = ""\n}\n'
    (tmp_path / "main.tf").write_text(text)
    done = run("coverage", str(tmp_path))
    assert done.code == 3 and "is neither an ARN" not in done.err
    assert "a resource is empty with these values; give --var what=VALUE)" in done.err
    assert run("coverage", str(tmp_path), "--var", "what=*").code == 0


def test_beside_a_data_source_one_has_to_choose(tmp_path: Path) -> None:
    contents = opened(tmp_path, READONLY + ENCODED)
    with pytest.raises(UsageError, match=f"several policies, readonly, {NAME}; choose"):
        choose_role(contents)
    assert [o.name for o in choose_policies(contents, (NAME,)).policies] == [NAME]


def test_each_instance_of_a_document_is_joined(tmp_path: Path) -> None:
    text = """
data "aws_iam_policy_document" "all" {
  source_policy_documents = flatten([data.aws_iam_policy_document.readonly[*].json])
}
"""
    each = READONLY.replace("{\n", "{\n  count = 2\n", 1)
    (document,) = choose_policies(opened(tmp_path, each + text), ("all",)).policies
    assert [s.actions for s in document.policy.statements] == [("ec2:Describe*",)] * 2


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        (
            "",
            "line 4: it is computed: var.what cannot be known without an engine; give",
        ),
        ('variable "what" {\n  default = "a\\"b"\n}\n', "line 4: in its JSON, "),
    ],
)
def test_one_with_a_computed_part_is_not_passed_over(
    tmp_path: Path, variable: str, words: str
) -> None:
    contents = opened(tmp_path, HEREDOC + variable + READONLY)
    # A role has the policy that is not read, and nobody is known to have the other one.
    with pytest.raises(UsageError, match=rf"whether node has readonly; .*\n.* {re.escape(OTHER)} "):
        choose_role(contents)
    with pytest.raises(InputError) as error:
        choose_policies(contents, (OTHER,))
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("code", "noted"),
    [
        ('file("cni.json")', True),
        ("var.policy", True),
        ("replace(data.aws_iam_policy_document.readonly.json, var.a, var.b)", True),
        ('var.all ? jsonencode({ Statement = [] }) : "{}"', True),
        ("local.computed", True),
        ("data.aws_iam_policy_document.readonly.json", False),
        ("data.aws_iam_policy_document.readonly[0].json", False),
        ("local.chosen[var.which]", False),
    ],
)
def test_what_is_computed_is_named(tmp_path: Path, code: str, noted: bool) -> None:
    text = f"""{READONLY}
locals {{
  computed = templatefile("cni.json", {{}})
  chosen   = {{ a = data.aws_iam_policy_document.readonly.json }}
}}

resource "aws_iam_policy" "cni" {{
  name   = "cni"
  policy = {code}
}}
"""
    contents = opened(tmp_path, text)
    assert [o.name for o in choose_role(contents).policies] == ["readonly"]
    assert [s.name for s in contents.not_known] == ([NAME] if noted else [])
    for skipped in contents.not_known:
        assert "main.tf, line 16: it is computed: " in skipped.detail


def test_a_local_that_writes_it_out_is_read_there(tmp_path: Path) -> None:
    text = """
locals {
  cni = jsonencode({ Statement = [{ Effect = "Allow", Action = "ec2:*", Resource = "*" }] })
}

resource "aws_iam_policy" "cni" {
  policy = local.cni
}
"""
    contents = opened(tmp_path, text)
    assert [o.name for o in choose_role(contents).policies] == ["locals.cni"]
    assert not contents.not_known


@pytest.mark.parametrize(
    "text",
    [
        'resource "aws_iam_role" "x" {\n  assume_role_policy = file("trust.json")\n}\n',
        'resource "aws_s3_bucket_policy" "x" {\n  policy = file("bucket.json")\n}\n',
        'resource "aws_organizations_policy" "x" {\n  content = jsonencode({ Statement = ['
        '{ Effect = "Allow", Action = "*", Resource = "*" }] })\n}\n',
    ],
    ids=["trust", "bucket", "service control"],
)
def test_what_is_of_no_identity_is_not_read_and_does_not_count(tmp_path: Path, text: str) -> None:
    contents = opened(tmp_path, READONLY + text)
    assert [o.name for o in choose_role(contents).policies] == ["readonly"]
    assert [s.counts for s in contents.not_known] == [False]


def test_nothing_but_what_is_computed_is_refused_by_name(tmp_path: Path) -> None:
    text = 'resource "aws_iam_policy" "cni" {\n  policy = file("cni.json")\n}\n'
    with pytest.raises(InputError) as error:
        opened(tmp_path, text)
    assert "has no identity policy that can be read; give " in str(error.value)
    assert f"({NAME}: " in str(error.value)
    computed = "it is computed: file(...) cannot be known without an engine"
    assert f"{computed}; name the file that it reads instead" in str(error.value)


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ('"Effect": "${var.cluster_name}", "Action": "ec2:*"', "$.Statement[0].Effect"),
        ('"${var.cluster_name}": "Allow", "Action": "ec2:*"', "$.Statement[0]"),
        (
            '"Effect": "Allow", "Action": "*", "Condition": {"${var.cluster_name}": {"a:b": "c"}}',
            "$.Statement[0].Condition",
        ),
        (
            '"Effect": "Allow", "Action": "*", "Condition": {"Bool": "${var.cluster_name}"}',
            "$.Statement[0].Condition.Bool",
        ),
    ],
)
def test_a_value_cannot_decide_the_structure(statement: str, place: str, tmp_path: Path) -> None:
    policy = f'{{"Version": "2012-10-17", "Statement": [{{{statement}, "Resource": "*"}}]}}'
    resource = f'resource "aws_iam_policy" "p" {{\n  policy = <<EOT\n{policy}\nEOT\n}}\n'
    (tmp_path / "main.tf").write_text(f'variable "cluster_name" {{}}\n{resource}')
    done = run("coverage", ".", cwd=tmp_path)
    assert done.code == 3
    assert f"in its JSON, {place}: ${{var.cluster_name}} decides the structure" in done.err


@pytest.mark.parametrize("form", ["jsonencode", "heredoc"])
def test_the_name_of_the_cluster_is_filled_in(form: str, tmp_path: Path) -> None:
    statement = (
        'Effect = "Allow", Action = "ec2:*", Resource = ["arn:x:${var.cluster_name}", "<\\"&"], '
        "Condition = { StringEquals = { k = var.cluster_name } }"
    )
    code = f'jsonencode({{ Version = "2012-10-17", Statement = [{{ {statement} }}] }})'
    if form == "heredoc":
        code = (
            '<<EOT\n{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:*", '
            '"Resource": ["arn:x:${var.cluster_name}", "<\\"&"], '
            '"Condition": {"StringEquals": {"k": "${var.cluster_name}"}}}]}\nEOT'
        )
    text = (
        f'variable "cluster_name" {{}}\nresource "aws_iam_policy" "p" {{\n  policy = {code}\n}}\n'
    )
    (tmp_path / "main.tf").write_text(text)
    (read,) = open_account(str(tmp_path), str, {"cluster_name": 'a"b'}).policies
    (statement_read,) = read.policy.statements
    assert statement_read.resources == ('arn:x:a"b', '<"&')
    assert statement_read.conditions[0].values == ('a"b',)


def test_a_list_in_jsonencode_is_not_one_of_its_items(tmp_path: Path) -> None:
    statement = 'Effect = "Allow", Action = "ec2:*", NotResource = var.subnet_ids'
    resource = f'"p" {{\n  policy = jsonencode({{ Statement = [{{ {statement} }}] }})\n}}\n'
    variable = 'variable "subnet_ids" {\n  type = list(string)\n}\n'
    (tmp_path / "main.tf").write_text(f'{variable}resource "aws_iam_policy" {resource}')
    with pytest.raises(InputError, match="a list whose items are not known"):
        open_account(str(tmp_path), str, {"subnet_ids": "subnet-0123456789abcdef0"})
