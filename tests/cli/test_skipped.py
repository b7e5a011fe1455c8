"""What a command skips is in every format that it prints, and keeps a verdict from standing."""

import html
import json
import os
from pathlib import Path

import pytest

from conftest import run, write_tree
from synthetic import allow, document, plan, policy, resource

EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}
ENCODED = f"jsonencode({json.dumps(EVERYTHING)})"
READ = """
data "aws_iam_policy_document" "read" {
  statement {
    actions   = ["*"]
    resources = ["*"]
  }
}
"""


def dynamic(body: str) -> str:
    return (
        'resource "aws_iam_role" "x" {\n  dynamic "inline_policy" {\n    for_each = var.x\n'
        f"    content {{\n      policy = {body}\n    }}\n  }}\n}}\n"
        'resource "aws_iam_role_policy" "x" {\n  role = aws_iam_role.x.name\n'
        "  policy = data.aws_iam_policy_document.read.json\n}\n"
    )


def computed(code: str) -> str:
    return f'resource "aws_iam_policy" "y" {{\n  policy = {code}\n}}\n'


PLAN = plan(
    policy("p", None, document(allow("*"))),
    policy("later", None, None, after_unknown=True, actions=["create"]),
).decode()
PART = plan(policy("p", None, document(allow("*"))), complete=False).decode()
INLINE = plan(
    resource(
        "aws_iam_role",
        "r",
        None,
        {"inline_policy": [{"name": "i"}, {"name": "p", "policy": document(allow("*"))}]},
        after_unknown={"inline_policy": [{"policy": True}, {}]},
    ),
).decode()
ACCOUNT = {
    "RoleDetailList": [
        {"PolicyName": "good", "PolicyDocument": EVERYTHING},
        {"PolicyName": "bad", "PolicyDocument": {"Statement": [{}]}},
    ]
}
Y = "aws_iam_policy.y.policy"
LOCAL = """
locals {
  y = {
    a = data.aws_iam_policy_document.read.json
    b = var.y
  }
}
"""
DYNAMIC = """
data "aws_iam_policy_document" "y" {
  dynamic "statement" {
    for_each = var.y
    content {
      actions = ["*"]
    }
  }
}
"""
JOINED = 'data "aws_iam_policy_document" "y" {\n  source_policy_documents = [var.y]\n}\n'
ONE_OF_TWO = "var.z ? data.aws_iam_policy_document.read.json : var.y"
# What stands beside a document that is read, and the name of what cannot be read.
IN_HCL = {
    "a file": (computed('file("y.json")'), Y),
    "a variable": (computed("var.y"), Y),
    "one of two": (computed(ONE_OF_TWO), Y),
    "one of a local": (computed("local.y[var.z]") + LOCAL, Y),
    "a computed part": (computed(ENCODED.replace('"*"', "var.y")), Y),
    "a computed statement": (READ.replace('"read"', '"y"').replace('["*"]', "var.y"), "y"),
    "dynamic statements": (DYNAMIC, "y"),
    "a join": (JOINED, "y"),
    "a dynamic block": (dynamic(ENCODED), "aws_iam_role.x.dynamic.inline_policy.policy"),
    "a conditional in a local": (f'locals {{\n  y = var.y ? {ENCODED} : ""\n}}\n', "locals.y"),
    "a module": ('module "y" {\n  source = "./y"\n}\n', "module.y"),
}
MISSPELT = {"read": EVERYTHING, "b": {"Version": "2012-10-17", "Statment": []}}
OF_ANOTHER_FILE = computed("data.aws_iam_policy_document.other.json")
JSON = json.dumps({"resource": {"aws_iam_policy": {}}})
# An input, its files, and the name of what cannot be read in it.
NOT_READ: dict[str, tuple[str, dict[str, str], str]] = {
    **{what: ("d", {"d/a.tf": READ + code}, name) for what, (code, name) in IN_HCL.items()},
    "a misspelt policy": ("f.json", {"f.json": json.dumps(MISSPELT)}, "$.b"),
    "a document of another file": ("d/a.tf", {"d/a.tf": READ + OF_ANOTHER_FILE}, Y),
    "the same address twice": (
        "d",
        {"d/a.tf": READ + computed(ENCODED), "d/b.tf": computed(ENCODED)},
        Y,
    ),
    "JSON configuration": ("d", {"d/a.tf": READ, "d/y.tf.json": JSON}, "d/y.tf.json"),
    "JSON configuration of OpenTofu": (
        "d",
        {"d/a.tf": READ, "d/y.tofu.json": json.dumps({"module": {}})},
        "d/y.tofu.json",
    ),
    "an override": ("d", {"d/a.tf": READ, "d/y_override.tf": READ}, "d/y_override.tf"),
    "what OpenTofu shadows": ("d", {"d/a.tofu": READ, "d/a.tf": READ}, "d/a.tf"),
    "an account": ("a.json", {"a.json": json.dumps(ACCOUNT)}, "bad"),
    "a plan": ("plan.json", {"plan.json": PLAN}, "aws_iam_policy.later"),
    "a part of a plan": ("plan.json", {"plan.json": PART}, "the rest of the plan"),
    "an inline policy of a plan": (
        "plan.json",
        {"plan.json": INLINE},
        'aws_iam_role.r.inline_policy["i"]',
    ),
}
TRUST = (
    'data "aws_iam_policy_document" "trust" {\n  statement {\n    actions = ["sts:AssumeRole"]\n'
    '    principals {\n      type = "Service"\n      identifiers = ["ec2.amazonaws.com"]\n    }\n'
    "  }\n}\n"
)
ROLE_OF_ACCOUNT = {
    "RoleName": "y",
    "AssumeRolePolicyDocument": {
        "Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:*"}
    },
    "RolePolicyList": [{"PolicyName": "p", "PolicyDocument": EVERYTHING}],
}
VERSIONS = {
    "PolicyName": "p",
    "PolicyVersionList": [
        {"VersionId": "v2", "IsDefaultVersion": True, "Document": EVERYTHING},
        {"VersionId": "v1", "IsDefaultVersion": False, "Document": EVERYTHING},
    ],
}
ROLE = 'resource "aws_iam_role" "y" {\n  assume_role_policy = var.y\n}\n'
BUCKET = 'resource "aws_s3_bucket_policy" "y" {\n  policy = var.y\n}\n'
# What is of no identity, or not in force, is named and does not count.
OTHERS: dict[str, tuple[str, dict[str, str], str]] = {
    "a trust policy": ("d", {"d/a.tf": READ + TRUST}, "trust"),
    "a trust policy in a role": (
        "d",
        {"d/a.tf": READ + ROLE},
        "aws_iam_role.y.assume_role_policy",
    ),
    "a policy of a bucket": ("d", {"d/a.tf": READ + BUCKET}, "aws_s3_bucket_policy.y.policy"),
    "the trust of a role in an account": (
        "a.json",
        {"a.json": json.dumps(ROLE_OF_ACCOUNT)},
        "y/trust",
    ),
    "a version that is not in force": ("a.json", {"a.json": json.dumps(VERSIONS)}, "p v1"),
}
COMPARE = ("text", "json")
COVERAGE = ("text", "json", "text --all-versions", "json --all-versions", "svg")


def holds(out: str, name: str) -> bool:
    """Say whether an output names something, in whatever way its format spells it."""
    spelled = (name, json.dumps(name)[1:-1], html.escape(name))
    return any(text in out for text in spelled)


@pytest.mark.parametrize("what", NOT_READ)
def test_what_was_not_read_is_in_every_format_and_counts(what: str, tmp_path: Path) -> None:
    target, files, name = NOT_READ[what]
    write_tree(tmp_path, {**files, "old.json": json.dumps(EVERYTHING)})
    for sides in (("old.json", target), (target, "old.json")):
        for form in COMPARE:
            done = run("compare", *sides, "--format", *form.split(), cwd=tmp_path)
            assert (done.code, done.err) == (1, ""), (sides, form)
            assert holds(done.out, name), (sides, form)
            assert "(proven)" not in done.out
            if form == "json":
                data = json.loads(done.out)
                assert data["verdict"] == "not proven"
                skipped = data["new_skipped"] + data["old_skipped"]
                assert {part["name"] for part in skipped} == {name}
    for form in COVERAGE:
        done = run("coverage", target, "--format", *form.split(), cwd=tmp_path)
        assert done.code == 1, form
        assert holds(done.out, name), form
        assert form.startswith("json") or "incomplete" in done.out, form
        if form.startswith("json"):
            assert json.loads(done.out)["verdict"] == "unknown"


@pytest.mark.parametrize("name", ["b.tf", "b.tf.json", "b.auto.tfvars"])
def test_a_link_to_nothing_and_a_pipe_are_named_and_count(tmp_path: Path, name: str) -> None:
    write_tree(tmp_path, {"d/a.tf": READ})
    (tmp_path / "d" / name).symlink_to("nowhere")
    os.mkfifo(tmp_path / "d" / f"c{name}")
    done = run("coverage", "d", "--format", "json", cwd=tmp_path)
    skipped = json.loads(done.out)["skipped"]
    # Values that an engine reads may be others than the defaults.
    reason = "may change what was read" if name.endswith("vars") else "not read"
    assert {(s["name"], s["reason"]) for s in skipped} == {
        (f"d/{name}", reason),
        (f"d/c{name}", reason),
    }
    assert done.code == 1


@pytest.mark.parametrize("what", OTHERS)
def test_what_is_of_no_identity_is_named_and_does_not_count(what: str, tmp_path: Path) -> None:
    target, files, name = OTHERS[what]
    write_tree(tmp_path, {**files, "old.json": json.dumps(EVERYTHING)})
    for form in COMPARE:
        done = run("compare", "old.json", target, "--format", *form.split(), cwd=tmp_path)
        assert (done.code, done.err) == (0, ""), form
        assert holds(done.out, name), form
    for form in COVERAGE:
        done = run("coverage", target, "--format", *form.split(), cwd=tmp_path)
        assert done.code == 0, form
        assert "incomplete" not in done.out
        assert holds(done.out, name) or form == "svg", form


def test_who_names_the_policies_has_left_the_others_out(tmp_path: Path) -> None:
    write_tree(tmp_path, {"old.json": json.dumps(EVERYTHING)})
    for what, (target, files, _) in NOT_READ.items():
        write_tree(tmp_path, files)
        if not target.startswith("d"):
            continue
        done = run("compare", "old.json", target, "--document", "read", cwd=tmp_path)
        # What changes blocks of others, or stands in the place of what was read, still counts.
        changed = what in ("an override", "what OpenTofu shadows")
        assert done.code == int(changed), done.out
        for file in files:
            (tmp_path / file).unlink()


def test_a_request_that_is_new_in_what_was_read_is_shown_as_that(tmp_path: Path) -> None:
    nothing = {"Version": "2012-10-17", "Statement": [{**EVERYTHING["Statement"][0]}]}
    nothing["Statement"][0]["Action"] = "s3:GetObject"
    write_tree(tmp_path, {"old.json": json.dumps(nothing), "a.tf": READ + computed("var.y")})
    done = run("compare", "old.json", "a.tf", cwd=tmp_path)
    assert done.code == 1
    last = done.out.splitlines()[-1]
    assert last.startswith(f"not proven: not read: {Y}; ")
    assert "; what was read newly allows, for instance " in last
