"""Each input means the same in every command, and a new kind of input needs one line here."""

import gzip
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from conftest import ROOT, run
from vpc_cni_iam.account.grants import Document
from vpc_cni_iam.comparing.compare import side
from vpc_cni_iam.coverage.subject import Opener, of_files
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs import identify, kind
from vpc_cni_iam.inputs.kind import Kind
from vpc_cni_iam.policy.parse import loads
from vpc_cni_iam.texts import unpacked
from vpc_cni_iam.texts.limits import Limit

POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}],
}
HCL = """data "aws_iam_policy_document" "cni" {
  statement {
    actions   = ["ec2:*"]
    resources = ["*"]
  }
}
"""
CHANGE = {"actions": ["create"], "before": None, "after": {"policy": json.dumps(POLICY)}}
PLAN: dict[str, Any] = {
    "format_version": "1.2",
    "configuration": {"root_module": {}},
    "resource_changes": [
        {"address": "aws_iam_policy.cni", "type": "aws_iam_policy", "name": "cni", "change": CHANGE}
    ],
}
ACCOUNT = {
    "RoleDetailList": [
        {
            "RoleName": "node",
            "RolePolicyList": [{"PolicyName": "cni", "PolicyDocument": POLICY}],
        }
    ]
}
TEXTS = {
    "policy.json": json.dumps(POLICY),
    "account.json": json.dumps(ACCOUNT),
    "plan.json": json.dumps(PLAN),
    "sorted-plan.json": json.dumps(PLAN, sort_keys=True),
    "state.json": json.dumps({"format_version": "1.0", "values": {"root_module": {}}}),
    "log.json": '{"@level":"info"}\n{"@level":"info"}\n',
    "instances.json": json.dumps({"Reservations": [{"Instances": []}]}),
    "main.tf": HCL,
    "main.tofu": HCL,
    "main.hcl": HCL,
    "main.tf.json": "{}",
    "tf-directory/main.tf": HCL,
    "tofu-directory/main.tofu": HCL,
    "notes.yaml": "a: b\n",
    "notes.txt": "some words\n",
}
READ = ""
PLAN_ONLY = "make one with: terraform show -json PLANFILE"
ENGINE_JSON = "is the JSON of Terraform or OpenTofu (a plan, a state or a log)"
INSTANCES = "is the output of aws ec2 describe-instances or describe-network-interfaces"
WAYS = "convert reads JSON"
ZIP = "is a zip archive, not text; print a saved plan with: terraform show -json"
YAML = "is YAML, not JSON; print it as JSON with: yq -o=json notes.yaml"
UNKNOWN = "is not JSON, and is none of: a directory, HCL"
# By input: what coverage and compare say, convert, and review.
TABLE = {
    "policy.json": (READ, READ, PLAN_ONLY),
    "account.json": (READ, READ, PLAN_ONLY),
    "plan.json": (READ, ENGINE_JSON, READ),
    "sorted-plan.json": (READ, ENGINE_JSON, READ),
    "plan.json.gz": (READ, ENGINE_JSON, READ),
    "state.json": ("is a state, not a plan", ENGINE_JSON, "is a state"),
    "log.json": ("is the log of terraform plan", ENGINE_JSON, "is the log"),
    "instances.json": (f"{INSTANCES}; the command preflight", INSTANCES, PLAN_ONLY),
    "main.tf": (READ, f"is HCL; {WAYS}", PLAN_ONLY),
    "main.tofu": (READ, f"is HCL; {WAYS}", PLAN_ONLY),
    "main.hcl": (READ, f"is HCL; {WAYS}", PLAN_ONLY),
    "main.tf.json": (*("is configuration in JSON",) * 2, PLAN_ONLY),
    "tf-directory": (READ, f"is a directory; {WAYS}", "has no saved plans"),
    "tofu-directory": (READ, f"is a directory; {WAYS}", "has no saved plans"),
    "tfplan": (ZIP, ZIP, None),  # which an engine has to show
    "notes.yaml": (YAML, YAML, YAML),
    "notes.txt": (UNKNOWN, UNKNOWN, PLAN_ONLY),
    "nowhere": ("nowhere: does not exist",) * 3,
}
COMMANDS = (
    (("coverage",), 0),
    (("compare", "policy.json"), 0),
    (("convert",), 1),
    (("review",), 2),
)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    for name, text in TEXTS.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    (folder / "plan.json.gz").write_bytes(gzip.compress(TEXTS["plan.json"].encode()))
    with zipfile.ZipFile(folder / "tfplan", "w") as archive:
        archive.writestr("tfplan", "x")
    return folder


@pytest.mark.parametrize(
    ("command", "column", "name"),
    [
        pytest.param(command, column, name, id=f"{' '.join(command)} {name}")
        for command, column in COMMANDS
        for name in TABLE
        if TABLE[name][column] is not None  # a saved plan needs an engine
    ],
)
def test_each_input_in_each_command(
    command: tuple[str, ...], column: int, name: str, inputs: Path
) -> None:
    words = TABLE[name][column]
    done = run(*command, name, cwd=inputs)
    if words == READ:
        # A review of this plan warns, with code 1.
        assert done.code == (1 if command == ("review",) else 0), done.err
    else:
        assert done.code in (2, 3) and words in done.err and name in done.err
        assert not done.out


def test_what_is_read_is_the_same_policy(inputs: Path) -> None:
    for name, (words, *_) in TABLE.items():
        if words == READ:
            opened = identify.open_account(str(inputs / name), str, {})
            (policy,) = (p.policy for p in opened.policies)
            assert policy.statements[0].actions == ("ec2:*",), name


def test_a_kind_of_input_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    letter = Kind(
        "a letter",
        "a `.letter` file",
        lambda content: content.has_suffix(".letter"),
        lambda content, _: [Document("written", loads(json.dumps(POLICY), content.source))],
    )
    (tmp_path / "a.letter").write_text("Dear administrator,")
    with pytest.raises(InputError, match=r"a\.letter: .* is not JSON, and is none of: "):
        identify.open_account(str(tmp_path / "a.letter"), str, {})
    monkeypatch.setattr(identify, "KINDS", (letter, *identify.KINDS))
    (policy,) = identify.open_account(str(tmp_path / "a.letter"), str, {}).policies
    assert (policy.name, policy.source) == ("written", str(tmp_path / "a.letter"))
    monkeypatch.chdir(tmp_path)
    subject = of_files(["a.letter"], (), Opener(str))
    assert subject.policies == (policy.policy,)
    assert side("a.letter", (), Opener(str)).policy == policy.policy
    assert "| a letter | a `.letter` file |" in identify.listing()
    (tmp_path / "b.txt").write_text("Dear administrator,")
    with pytest.raises(InputError, match="is none of: a letter, a directory, HCL"):
        identify.open_account(str(tmp_path / "b.txt"), str, {})


def test_the_documentation_lists_every_kind() -> None:
    page = (ROOT / "docs" / "coverage-inputs.md").read_text()
    missing = [row for row in identify.listing().splitlines() if row not in page]
    assert not missing, "run: make generate"


def test_compressed_json_that_is_damaged_or_grows_too_large(tmp_path: Path) -> None:
    damaged = tmp_path / "plan.json.gz"
    damaged.write_bytes(gzip.compress(b"{}" * 999)[:-9])
    with pytest.raises(InputError, match="is damaged gzip data"):
        identify.open_account(str(damaged), str, {})
    with pytest.raises(InputError, match="x: unpacks to more than 9 bytes, the limit"):
        unpacked(gzip.compress(b"{}" * 5), "x", Limit("", 9, ""))


def test_compressed_json_that_grows_by_more_than_its_ratio_is_refused(tmp_path: Path) -> None:
    packed = gzip.compress(bytes(100 << 20))
    with pytest.raises(InputError, match="x: unpacks to more than 200 times its size, the limit"):
        unpacked(packed, "x")
    assert len(unpacked(gzip.compress(bytes(10 << 20)), "x")) == 10 << 20, "a small one may"


# The commands that read only JSON, with their other arguments.
YAML_REFUSED = {
    "coverage": [],
    "compare": ["t.yaml"],
    "convert": [],
    "audit": [],
    "review": [],
    "preflight": ["--cluster-name", "prod"],
}


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("AWSTemplateFormatVersion: 2010-09-09\n", "rain fmt --json"),
        ("# a stack\n---\nResources:\n  A: !Sub x\n", "rain fmt --json"),
        ("---\nResources: {}\n", "rain fmt --json"),
        ("- Resources: {}\n", "yq -o=json"),
        ("apiVersion: infrastructure.cluster.x-k8s.io/v1beta2\n", "yq -o=json"),
    ],
)
def test_yaml_is_refused_with_the_command_that_prints_it_as_json(
    text: str, command: str, tmp_path: Path
) -> None:
    (tmp_path / "t.yaml").write_text(text)
    for reader, arguments in YAML_REFUSED.items():
        done = run(reader, "t.yaml", *arguments, cwd=tmp_path)
        assert (done.code, done.out) == (3, ""), reader
        assert f"t.yaml: is YAML, not JSON; print it as JSON with: {command} t.yaml\n" in done.err
        piped = run(reader, "-", *arguments, cwd=tmp_path, stdin=text)
        words = f"standard input: is YAML, not JSON; print it as JSON with: {command}\n"
        assert piped.code == 3 and words in piped.err, reader


@pytest.mark.parametrize(
    "text",
    ["Error: Failed to load plan\n", "-----------\n|  DescribeInstances  |\n", "\n" * 99 + "x y"],
)
@pytest.mark.parametrize("reader", YAML_REFUSED)
def test_other_text_is_not_said_to_be_yaml(reader: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(text)
    arguments = [word.replace("yaml", "json") for word in YAML_REFUSED[reader]]
    done = run(reader, "t.json", *arguments, cwd=tmp_path)
    assert done.code == 3 and "YAML" not in done.err


@pytest.mark.parametrize(
    "beginning", ["{", '{"Version": "2012-10-17",', '{\n"Version" : "x" , "Id": "y", ']
)
@pytest.mark.parametrize("encode", [str, quote])
def test_one_policy_that_is_larger_than_any_is_not_decoded(
    beginning: str, encode: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kind, "load_json", lambda *_: pytest.fail("JSON was decoded"))
    text = encode(f'{beginning} "Statement": ["{"x" * (1 << 20)}"]}}')
    words = "is one policy document of 1,0.*IAM takes 6,144 characters in a managed policy"
    for read in (
        lambda: identify.policy_documents(text, "policy"),
        lambda: of_files(["-"], (), Opener(lambda: text)),
    ):
        with pytest.raises(InputError, match=words):
            read()


def test_many_policies_may_be_larger_than_one(tmp_path: Path) -> None:
    roles = [
        {"PolicyName": f"p{n}", "PolicyDocument": {"Id": "x" * 60_000, **POLICY}} for n in range(20)
    ]
    path = tmp_path / "account.json"
    path.write_text(json.dumps({"RoleDetailList": [{"RoleName": "r", "RolePolicyList": roles}]}))
    assert len(identify.open_account(str(path), str, {}).policies) == 20


def test_every_kind_is_in_the_one_table_and_is_told_by_it_alone() -> None:
    folder = ROOT / "generator" / "vpc_cni_iam"
    texts = {path: path.read_text() for path in folder.rglob("*.py")}
    made = [
        name
        for text in texts.values()
        for name in re.findall(r"^(\w+) = (?:Kind|without_policies)\(", text, re.MULTILINE)
    ]
    assert len(made) == len(identify.KINDS)
    asking = {path.name for path, text in texts.items() if "kind.matches(" in text}
    reading = {path.name for path, text in texts.items() if "kind.facts(" in text}
    assert (asking, reading) == ({"identify.py"}, {"identify.py"})


def test_of_many_parts_that_are_not_read_those_of_the_plugin_are_named(tmp_path: Path) -> None:
    text = 'variable "role" {}\n'
    for number, name in enumerate([*"abcdefgh", "vpc_cni"]):
        text += (
            f'resource "aws_iam_role_policy_attachment" "{name}" {{\n'
            f"  count      = {'0' if number < 3 else 'length(var.role)'}\n"
            f"  role       = var.role\n  policy_arn = module.policies.{name}\n}}\n"
        )
    (tmp_path / "main.tf").write_text(text)
    done = run("coverage", str(tmp_path))
    assert done.code == 3 and len(done.err) < 1000
    names = [m for m in "abcdefgh" if f"attachment.{m}:" in done.err]
    assert done.err.index("attachment.vpc_cni:") < done.err.index("attachment.d:")
    assert names == [*"defg"] and "; and 4 more)" in done.err
