"""What --source reads: policies and references that are written out."""

import copy
import json
import re
from pathlib import Path

import pytest

from conftest import run, write_tree
from eks import CNI, NODE_TRUST, addon, irsa, own_role
from synthetic import Json, block, configured, plan, refers, resource, reviewed
from vpc_cni_iam.review.options import ReviewOptions

TRUST = """resource "aws_iam_role" "r" {
  inline_policy {
    policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "ec2:A", Resource = "*" }] })
  }
  assume_role_policy = jsonencode({
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = "*" } }]
  })
}
"""


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
    findings = reviewed(change, options=ReviewOptions(source=tmp_path)).findings
    rules = {"trust-widened"} if is_read else {"unknown-policy"}
    assert {(f.rule, f.place and f.place.line) for f in findings} == {(r, 1) for r in rules}
    assert "ec2:A" not in str(findings)


OF_PROVIDER = """resource "aws_iam_role" "r" {
  assume_role_policy = jsonencode({
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = aws_iam_openid_connect_provider.p.arn }
      Condition = { OPERATOR = { CLAIMS } }
    }]
  })
}
"""


@pytest.mark.parametrize(
    ("claims", "level"),
    [
        ({"aud": "sts.amazonaws.com", "sub": "system:serviceaccount:kube-system:aws-node"}, "note"),
        ({"aud": "sts.amazonaws.com", "sub": "system:serviceaccount:*:aws-node"}, "warning"),
        ({"aud": "sts.amazonaws.com", "sub": "*"}, "error"),
        ({"aud": "sts.amazonaws.com"}, "error"),
        ({"sub": "system:serviceaccount:kube-system:aws-node"}, "warning"),
    ],
)
def test_a_new_trust_policy_has_its_level_also_if_its_provider_is_known_after_apply(
    claims: dict[str, str], level: str, tmp_path: Path
) -> None:
    """The keys of its conditions are expressions too."""
    url = '${replace(aws_iam_openid_connect_provider.p.url, "https://", "")}'
    written = ", ".join(f'"{url}:{claim}" = "{value}"' for claim, value in claims.items())
    operator = "StringLike" if "*" in written else "StringEquals"
    text = OF_PROVIDER.replace("OPERATOR", operator).replace("CLAIMS", written)
    write_tree(tmp_path, {"main.tf": text})
    unknown = {"assume_role_policy": True}
    change = resource("aws_iam_role", "r", None, {"name": "r"}, after_unknown=unknown)
    findings = reviewed(change, options=ReviewOptions(source=tmp_path)).findings
    assert [(str(f.rule), str(f.level)) for f in findings] == [("new-policy", level)]


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
    change = resource("aws_iam_policy", "p", None, {"name": "p"}, after_unknown={"policy": True})

    def lines(source: Path | None) -> list[str]:
        (policy,) = reviewed(change, options=ReviewOptions(source=source)).policies
        return ["".join(line.text.partition("allows ")[1:]) for line in policy.lines]

    unknown = "${aws_iam_policy.p.policy: aws_s3_bucket.b.arn}"
    assert lines(tmp_path) == [
        f"allows s3:GetObject on {unknown}/*",
        f"allows s3:* on {unknown}",
    ]
    assert lines(None) == [""]


LATER = plan(
    resource("aws_iam_role", "made", None, {"name": "made", "assume_role_policy": NODE_TRUST}),
    resource("aws_iam_instance_profile", "f", None, {}, after_unknown={"role": True}),
    configuration=configured(
        block("aws_iam_role.made"),
        block("aws_iam_instance_profile.f", role=refers("aws_iam_role.made.name")),
    ),
)


@pytest.mark.parametrize(
    ("written", "is_open"),
    [
        (None, True),
        ("aws_iam_role.made.name", False),
        ('aws_iam_role.made["a"].arn # the role', False),
        ("var.role", True),
        ('try(aws_iam_role.made.name, "")', True),
        ('replace(aws_iam_role.made.name, "made", "admin")', True),
        ('"${aws_iam_role.made.name}-admin"', True),
        ('format("%sx", aws_iam_role.made.name)', True),
        ('"${aws_iam_role.made.name}"', False),
        ("(\n    aws_iam_role.made.name\n  )", False),
        ('coalesce(\n    format("%sx", aws_iam_role.made.name)\n  )', True),
    ],
)
def test_a_reference_that_is_known_after_apply_is_not_taken_for_the_role_in_silence(
    written: str | None, *, is_open: bool, tmp_path: Path
) -> None:
    """What a function makes of a reference is not in a plan; it may stand in the source."""
    (tmp_path / "plan.json").write_bytes(LATER)
    words = ["review", "plan.json", "--format", "json"]
    if written is not None:
        other = 'path = lower("A")'
        text = f'resource "aws_iam_instance_profile" "f" {{\n  {other}\n  role = {written}\n}}\n'
        (tmp_path / "main.tf").write_text(text + 'resource "aws_iam_role" "made" {\n}\n')
        words += ["--source", "."]
    review = json.loads(run(*words, cwd=tmp_path).out)
    assert any("aws_iam_instance_profile.f" in part for part in review["not_shown"]) is is_open
    assert not [f for f in review["findings"] if "aws_iam_instance_profile" in f["address"]]


@pytest.mark.parametrize("name", ["override.tf", "z_override.tf.json", "main.tofu"])
def test_what_another_file_may_override_is_not_read(name: str, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_bytes(LATER)
    (tmp_path / "main.tf").write_text(
        'resource "aws_iam_instance_profile" "f" {\n  role = aws_iam_role.made.name\n}\n'
    )
    shown = run("review", "plan.json", "--source", ".", cwd=tmp_path).out
    assert "taken as what they refer to" not in shown and "main.tf:1" not in shown
    other = {"role": '${replace(aws_iam_role.made.name, "made", "admin")}'}
    text = json.dumps({"resource": {"aws_iam_instance_profile": {"f": other}}})
    if not name.endswith(".json"):
        text = f'resource "aws_iam_instance_profile" "f" {{\n  role = "{other["role"]}"\n}}\n'
    (tmp_path / name).write_text(text)
    shown = run("review", "plan.json", "--source", ".", cwd=tmp_path).out
    assert "taken as what they refer to (aws_iam_instance_profile.f)" in shown


CONFIGURATION = {
    "root_module": {
        "module_calls": {"vpc_cni": {"source": "./modules/cni", "module": {}}},
    }
}


@pytest.mark.parametrize(
    ("planned", "others", "answer"),
    [
        ({}, "", "v1.22.4 (IPv4, pinned in vpc-cni-iam.toml)"),
        ({"addon_version": "v1.22.4-eksbuild.1"}, "", "v1.22.4 (IPv4)"),
        ({"addon_version": "v1.21.2"}, "", "v1.21.2 (IPv4; vpc-cni-iam.toml pins v1.22.4)"),
        # A module that the root module does not call has another pin.
        ({}, '[[module]]\npath = "x"\ncni_version = "v1.20.4"\n', "v1.22.4 (IPv4, pinned in"),
        # Of two modules that it calls, neither is the one.
        ({}, '[[module]]\npath = "modules/b"\ncni_version = "v1.20.4"\n', "version assumed)"),
        ({}, "[[module]]\n", "(IPv4, version assumed)"),  # a configuration that is not valid
    ],
)
def test_the_version_that_a_plan_does_not_have_is_the_one_that_the_module_pins(
    planned: Json, others: str, answer: str, tmp_path: Path
) -> None:
    called = copy.deepcopy(CONFIGURATION)
    if "modules/b" in others:
        called["root_module"]["module_calls"]["b"] = {"source": "./modules/b", "module": {}}
    changes = [addon(None, planned), *own_role("cni", irsa(), CNI)]
    (tmp_path / "plan.json").write_bytes(plan(*changes, configuration=called))
    (tmp_path / "main.tf").write_text('module "vpc_cni" {\n  source = "./modules/cni"\n}\n')
    pinned = '[[module]]\npath = "modules/cni"\ncni_version = "v1.22.4"\n'
    (tmp_path / "vpc-cni-iam.toml").write_text(pinned + others)
    done = run("review", "plan.json", "--source", ".", cwd=tmp_path)
    assert answer in done.out, done.out
    assert ("; v1.22.4 is assumed" in done.out) is ("pinned" in answer)
    # Without --source, and with an option, the configuration decides nothing.
    assert "vpc-cni-iam.toml" not in run("review", "plan.json", cwd=tmp_path).out
    words = ("review", "plan.json", "--source", ".", "--cni-version", "v1.20.4")
    assert "v1.20.4 (IPv4, --cni-version)" in run(*words, cwd=tmp_path).out
