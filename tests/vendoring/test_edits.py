"""An edit is judged by what it means for access, and no command is silent about it."""

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import Run, run
from vpc_cni_iam.catalog import parameters, trust
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.narrowing import IdList
from vpc_cni_iam.catalog.options import options
from vpc_cni_iam.policy.diff import Change
from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess, NotProven
from vpc_cni_iam.rendering.kinds import render
from vpc_cni_iam.vendoring.edits.access import adds_none, edits
from vpc_cni_iam.vendoring.edits.edit import Edit, EditAnswer
from vpc_cni_iam.vendoring.edits.meaning import ChangedBlock, ModuleReason
from vpc_cni_iam.vendoring.report.edits import edit_details, edit_text

NONE, ADDED, UNKNOWN = NoNewAccess, NewAccess, NotProven
VARIANTS = ("ipv4", "ipv4-scoped")
POLICY = render(options(VARIANTS, cni_version="v1.23.0", kind="policy"))
ROLE = render(options(VARIANTS, cni_version="v1.23.0", kind="role"))
EVIL = 'resource "aws_iam_role_policy" "x" {\n  role   = "x"\n  policy = "{}"\n}\n'
STATEMENT = '  statement {\n    actions   = ["s3:*"]\n    resources = ["*"]\n  }\n'
DYNAMIC = '  dynamic "statement" {\n    for_each = [1]\n    content {\n    }\n  }\n'
OPEN = 'data "aws_iam_policy_document" "ipv4" {\n'
EDITS: list[tuple[Any, ...]] = [
    # Of a module of policies, or below role/ of one of a role: the file, and what is edited.
    # What cannot matter.
    ("main.tf", "# mine", "", NONE),
    ("README.md", "# mine", "", NONE),
    ("tests/policy.tftest.hcl", "# mine", "", NONE),
    ("versions.tf", '">= 3.39"', '"~> 5.0"', NONE),
    ("versions.tf", '">= 1.6"', '">= 1.9"', NONE),
    ("variables.tf", '"AWS partition of', '"The partition of', NONE),
    ("outputs.tf", 'description = "Policy document', 'description = "Document', NONE),
    ("main.tf", "locals {\n", 'locals {\n  mine = "x"\n', NONE),
    ("main.tf", "locals {\n", "variable {\n}\nlocals {\n", UNKNOWN, "0 labels after variable"),
    # What the documents say.
    ("main.tf", '      "ec2:DescribeTags",\n', "", NONE),
    ("main.tf", '["ec2:CreateTags"]', '["ec2:*"]', ADDED, "ipv4: for instance ec2:"),
    ("main.tf", OPEN, OPEN + STATEMENT, ADDED, "ipv4: for instance s3:"),
    ("main.tf", "[local.cluster_name]", '["*"]', ADDED, "ipv4-scoped: "),
    ("main.tf", "[local.cluster_name]", "[var.vpc_id]", ADDED, "ipv4-scoped: "),
    ("main.tf", ":${var.region}:", ":*:", ADDED, "ipv4: for instance"),
    ("main.tf", OPEN, OPEN + DYNAMIC, UNKNOWN, "ipv4: the for_each of a dynamic block is changed"),
    ("main.tf", OPEN, f'{OPEN}  override_policy_documents = ["{{}}"]\n', UNKNOWN, "joi"),
    ("main.tf", "var.source_policy_documents", "[local.x]", UNKNOWN, "joins oth"),
    (
        "main.tf",
        "coalesce(var.vpc_owner_id, var.account_id)",
        '"*"',
        ADDED,
        "local.vpc_owner_id is changed",
        "ipv4-scoped: ",
    ),
    ("main.tf", OPEN, OPEN.replace("ipv4", "x") + STATEMENT + "}\n" + OPEN, ADDED, "s3"),
    # What depends on whether a caller passes a variable.
    *(
        (path, ":${var.account_id}:network", f":${{{code}}}:network", ADDED, "ipv4: ")
        for path, code in (
            ("main.tf", 'var.cluster_name == null ? "*" : var.account_id'),
            ("main.tf", 'var.vpc_id != null ? var.account_id : "*"'),
            ("main.tf", 'var.vpc_id == null && var.cluster_name != null ? "*" : var.account_id'),
            ("role/main.tf", 'var.pod_identity ? var.account_id : "*"'),
            ("role/main.tf", 'var.use_aws_managed_policy ? "*" : var.account_id'),
            ("role/main.tf", 'var.role_name == null ? var.account_id : "*"'),
            ("role/main.tf", "var.role_name_prefix"),
            (
                "role/main.tf",
                'var.pod_identity && var.eks_cluster_arn == null ? "*" : var.account_id',
            ),
        )
    ),
    # Defaults of what stands in documents are tried.
    ("variables.tf", 'default     = "*"', 'default     = "eu-west-1"', NONE),
    ("variables.tf", 'default     = "aws"', 'default     = "*"', ADDED, ": for instance "),
    (
        "role/variables.tf",
        "default     = false",
        "default     = true",
        ADDED,
        "trust: for instance sts:AssumeRole ",
    ),
    (
        "variables.tf",
        "default     = []",
        'default     = ["{}"]',
        UNKNOWN,
        "source_policy_documents",
    ),
    ("variables.tf", "var.region))", 'var.region)) || var.region == "x"', UNKNOWN, "regi"),
    # What no document says.
    ("outputs.tf", 'local.json["ipv4"]', 'local.json["x"]', UNKNOWN, "output ipv4_json"),
    ("main.tf", "policy_document.ipv4.json", "policy_document.x.json", UNKNOWN, "local.json"),
    (
        "role/main.tf",
        "var.pod_identity ? [true] : []",
        "[true]",
        ADDED,
        "trust: the for_each of a dynamic block is changed",
    ),
    ("versions.tf", "hashicorp/aws", "evil/aws", UNKNOWN, "terraform is changed"),
    ("versions.tf", "terraform {", 'provider "aws" {}\nterraform {', UNKNOWN, "provider"),
    # Of a caller who passes account_id alone, it was that account.
    (
        "variables.tf",
        'account_id if not given."\n  type        = string\n  default     = null',
        'account_id if not given."\n  type        = string\n  default     = "*"',
        ADDED,
        "ipv4-scoped: ",
    ),
    ("main.tf", OPEN, EVIL + OPEN, UNKNOWN, "aws_iam_role_policy x is added"),
    ("outputs.tf", "# G", EVIL.replace("resource", "data") + "# G", UNKNOWN, "is added"),
    ("main.tf", "locals {", "locals {{", UNKNOWN, "cannot be read"),
    ("main.tf", '"StringEquals"', '"StringSounds"', UNKNOWN, "StringSounds"),
    ("role/main.tf", "system:serviceaccount:kube-system:aws-node", "*", ADDED, "trust"),
    (
        "role/main.tf",
        '      values   = ["kube-system"]',
        '      values = ["x"]',
        ADDED,
        "trust: for instance",
        "kubernetes-namespace",
    ),
    (
        "role/main.tf",
        "permissions_boundary = var.permissions_boundary",
        "",
        UNKNOWN,
        "aws_iam_role",
    ),
    ("role/main.tf", 'policy/AmazonEKS_CNI_Policy"', 'policy/x"', UNKNOWN, "local"),
]


def judged(files: dict[str, str], path: str, text: str) -> Edit:
    return edits(files, {**files, path: text}, {path: False})[path]


HYPERPOD = render(options(VARIANTS, cni_version="v1.23.2", features=["hyperpod"]))
NARROWED = render(options(["ipv4-scoped"], hardening=Hardening(limits=tuple(IdList))))
HYPERPOD_ROLE = render(options(VARIANTS, cni_version="v1.23.2", features=["hyperpod"], kind="role"))


@pytest.mark.parametrize("text", ["another", "*", "var.{}", "$${{var.{}}}", "{}"])
@pytest.mark.parametrize("name", [p.name for p in trust.VARIABLES])
def test_text_in_the_place_of_any_variable_adds_access(name: str, text: str) -> None:
    """Whatever the text is, even what stands for the variable in a report."""
    text = text.format(name)
    trusted = name in [p.name for p in trust.PARAMETERS]
    generated = HYPERPOD_ROLE if trusted else HYPERPOD
    if name in [p.name for p in parameters.LISTS]:
        generated = NARROWED
    main = generated["main.tf"]
    edited = main.replace(f"${{var.{name}}}", text)
    edited = edited.replace(f"for id in var.{name} :", f'for id in ["{text}"] :')
    for owner in ("local", "var"):
        edited = edited.replace(f"[{owner}.{name}]", f'["{text}"]')
        edited = edited.replace(f"{{{owner}.{name}}}", f'{{"{text}"}}')
        edited = edited.replace(f"coalesce({owner}.{name},", f'coalesce("{text}",')
        edited = edited.replace(f"for_each = {owner}.{name}[*]", f'for_each = ["{text}"]')
    assert edited != main
    edit = judged(generated, "main.tf", edited)
    assert not isinstance(edit.answer, NoNewAccess), edit


@pytest.mark.parametrize("row", EDITS, ids=lambda row: f"{row[0]} {row[1][:30]} {row[2][:30]}")
def test_what_an_edit_means(row: tuple[Any, ...]) -> None:
    place, old, new, access, *words = row
    path = place.removeprefix("role/")
    files = POLICY if place == path else ROLE
    text = files[path] + old if not new and old == "# mine" else files[path].replace(old, new, 1)
    assert text != files[path]
    edit = judged(files, path, text)
    assert type(edit.answer) is access, edit
    assert bool(edit_details(edit)) is bool(words)
    for word in words:
        assert word in edit_text(edit)


def test_of_an_edit_that_adds_and_removes_access_what_it_adds_is_said() -> None:
    text = POLICY["main.tf"].replace('      "ec2:DescribeTags",\n', "", 1)
    edit = judged(POLICY, "main.tf", text.replace(OPEN, OPEN + STATEMENT))
    assert isinstance(edit.answer, NewAccess)
    (detail,) = edit_details(edit)
    assert detail.startswith("ipv4: for instance s3:")


def test_a_deny_that_goes_may_add_access_that_other_policies_allow() -> None:
    """No module of today's catalog has a Deny; the next one may."""
    deny = STATEMENT.replace("  statement {", '  statement {\n    effect = "Deny"')
    statement = {**POLICY, "main.tf": POLICY["main.tf"].replace(OPEN, OPEN + deny)}
    document = {**POLICY, "main.tf": f"{POLICY['main.tf']}\n{OPEN.replace('ipv4', 'x')}{deny}}}\n"}
    both = [judged(files, "main.tf", POLICY["main.tf"]) for files in (statement, document)]
    assert [type(edit.answer) for edit in both] == [ADDED, UNKNOWN]
    assert edit_details(both[0])[0].startswith("ipv4: no longer denied, for instance s3:")
    assert edit_details(both[1]) == ("x: denies access and is removed",)


def test_an_edit_of_one_file_through_another() -> None:
    """A local that only one file adds and only another one uses is found."""
    texts = {
        "versions.tf": POLICY["versions.tf"] + 'locals {\n  mine = "s3:*"\n}\n',
        "main.tf": POLICY["main.tf"].replace('["ec2:CreateTags"]', "[local.mine]", 1),
    }
    meanings = edits(POLICY, {**POLICY, **texts}, dict.fromkeys(texts, False))
    kinds = [type(meanings[path].answer) for path in ("main.tf", "versions.tf")]
    assert kinds == [ADDED, NONE]
    # What main.tf means with the other file is not what was accepted of it.
    meanings = edits(POLICY, {**POLICY, **texts}, {"main.tf": True, "versions.tf": False})
    assert not isinstance(meanings["versions.tf"].answer, NoNewAccess)


WIDE = POLICY["main.tf"].replace('["ec2:CreateTags"]', '["ec2:CreateTags", "s3:*"]', 1)


@pytest.mark.parametrize(
    ("text", "accepted", "proven"),
    [
        (WIDE, [WIDE], True),
        (WIDE, [], False),
        (WIDE.replace("s3:*", "s3:GetObject"), [WIDE], True),
        (WIDE.replace('"s3:*"', '"s3:*", "sqs:*"'), [WIDE], False),
        (WIDE.replace("s3:*", "sqs:*"), [WIDE, WIDE.replace("s3:*", "sqs:*")], True),
        (f"{EVIL}{WIDE}", [WIDE], False),
        (f"{EVIL}{WIDE}", [f"{EVIL}{WIDE}"], True),
        (f"{EVIL}{WIDE}", [f"{EVIL}{POLICY['main.tf']}", WIDE], True),
        (f"{EVIL}{WIDE}", [f"{EVIL.replace('{}', '[]')}{WIDE}"], False),
        (WIDE.replace(OPEN, OPEN + DYNAMIC), [WIDE], False),
        (WIDE.replace("s3:*", "${local.x}"), [WIDE], False),
        (f"{WIDE}{{", [WIDE], False),
    ],
)
def test_a_merged_text_is_proven_to_add_nothing_to_what_was_accepted(
    text: str, accepted: list[str], proven: bool
) -> None:
    texts = {**POLICY, "main.tf": text}
    assert adds_none(POLICY, texts, "main.tf", accepted) is proven


OWN_ACCOUNT = ':${coalesce(var.account_id, "*")}:network'


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("variables.tf", 'regex("^([*]|[0-9]{12})$", var.account_id)', "var.account_id"),
        ("variables.tf", '"The vpc_id must be', '"The vpc_id is'),
        ("variables.tf", 'for any account."\n  type        = string', '"\n  type        = any'),
        ("override.tf", "", 'variable "account_id" {\n  nullable = true\n}\n'),
    ],
)
def test_an_edit_rests_on_validations_as_they_are(
    path: str, old: str, new: str, tmp_path: Path
) -> None:
    """An account ID that may be empty since an accepted edit is every account by another one."""
    folder = tmp_path / MODULE
    (tmp_path / "vpc-cni-iam.toml").write_text(PINNED)
    assert run("sync", cwd=tmp_path).code == 0
    edit(tmp_path, ":${var.account_id}:network", OWN_ACCOUNT)
    assert "it adds no access" in accept(tmp_path, "main.tf").out
    text = (folder / path).read_text() if old else ""
    assert old in text
    (folder / path).write_text(text.replace(old, new, 1) if old else new)
    assert run("check", cwd=tmp_path).code == 1
    done = accept(tmp_path, path)
    unsettled = "account_id" in new or "account_id" in old or "any account" in old
    words = "ipv4: depends on variables with other limits than generated: account_id"
    # Whoever accepts the one is told what that makes of the other.
    assert (words in done.out) is unsettled
    for command in ("check", "sync", "sync --dry-run"):
        done = run(*command.split(), cwd=tmp_path)
        assert (done.code, words in done.out) == (0, unsettled), done.out
    # Merged with an update, it stays accepted if that is proven; and no later edit rests on it.
    done = run("upgrade", "--cni-version", "v1.22.4", "--quiet", cwd=tmp_path)
    assert (done.code, words in done.out) == (int(unsettled), unsettled), done.out
    edit(tmp_path, "# ipv4: ", "# IPv4: ")
    done = run("check", cwd=tmp_path)
    assert (done.code, words in done.out) == (1, unsettled), done.out


MODULE = "modules/vpc-cni-iam-policy"


PINNED = f'[[module]]\npath = "{MODULE}"\ncni_version = "v1.23.2"\n'


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    (tmp_path / "vpc-cni-iam.toml").write_text(PINNED)
    assert run("sync", cwd=tmp_path).code == 0
    edit(tmp_path, '["ec2:CreateTags"]', '["ec2:*"]')
    return tmp_path


def edit(repo: Path, old: str, new: str) -> None:
    main = repo / MODULE / "main.tf"
    main.write_text(main.read_text().replace(old, new, 1))


def accept(repo: Path, name: str, reason: str = "we need it") -> Run:
    done = run("accept", f"{MODULE}/{name}", reason, cwd=repo)
    assert done.code == 0, done.err
    return done


def test_no_command_is_silent_about_access_that_an_edit_adds(repo: Path) -> None:
    added = "main.tf was edited by hand; it adds access: ipv4: for instance "
    for words in ("check", "check --outdated", "check --quiet", "check --format markdown"):
        done = run(*words.split(), cwd=repo)
        assert done.code == 1, words
        assert "it adds access: ipv4: for instance" in done.out
    done = run("check", cwd=repo)
    assert f"show the difference: vpc-cni-iam sync --dry-run {MODULE}\n" in done.out
    assert f"keep yours: vpc-cni-iam accept {MODULE}/main.tf 'REASON'\n" in done.out
    remove = f"rm {MODULE}/main.tf && vpc-cni-iam sync {MODULE}"
    assert f"use the generated one: {remove}\n" in done.out
    table = run("check", "--format", "markdown", cwd=repo).out
    assert f"| `{MODULE}` | edited | `main.tf` | was edited by hand; it adds access" in table
    assert f"show the difference: `vpc-cni-iam sync --dry-run {MODULE}`" in table
    for words in ("sync", "sync --quiet", "sync --dry-run", "upgrade", "upgrade --dry-run"):
        done = run(*words.split(), cwd=repo)
        assert (done.code, f"edited   {MODULE}/{added}" in done.out) == (1, True), words
        assert ('+    actions   = ["ec2:*"]\n' in done.out) == ("--quiet" not in words)
    for words in ("check", "sync", "sync --dry-run", "upgrade"):
        data = json.loads(run(*words.split(), "--format", "json", cwd=repo).out)
        (file,) = data["modules"][0]["files"]
        assert (file["state"], file["adds_access"], file["fine"]) == ("edited", True, False)
        assert file["accepted"] == ""
        summary = dict.fromkeys(("clean", "accepted", "outdated", "both", "failed"), 0)
        summary["edited"] = 1
        assert data.get("summary", summary) == summary
        if words != "check":
            assert '+    actions   = ["ec2:*"]\n' in data["modules"][0]["edits"]["main.tf"]


def test_an_example_names_the_values_that_are_not_known(tmp_path: Path) -> None:
    """The name of a variable is no part of an ARN."""
    assert run("init", "--path", MODULE, cwd=tmp_path).code == 0
    assert run("sync", cwd=tmp_path).code == 0
    edit(tmp_path, '"ec2:DeleteNetworkInterface"', '"ec2:CreateNetworkInterfacePermission"')
    shown = run("check", cwd=tmp_path).out
    example = "on arn:<partition>:ec2:<region>:<account>:network-interface/eni-"
    assert example in shown
    assert "aws:ResourceTag/cluster.k8s.amazonaws.com/name = <cluster-name>" in shown
    assert "var." not in shown.splitlines()[1]
    # A variable that an edit adds is another one, whatever its name.
    main = tmp_path / MODULE / "main.tf"
    main.write_text(main.read_text().replace("${var.account_id}:network", "${var.account}:network"))
    variables = tmp_path / MODULE / "variables.tf"
    variables.write_text(variables.read_text() + '\nvariable "account" {\n  type = string\n}\n')
    assert "adds no access" not in run("check", cwd=tmp_path).out


@pytest.mark.parametrize(
    ("actions", "impossible"),
    [
        ('"ec2:TerminateInstances"', "ec2:TerminateInstances"),
        ('"ec2:DescribeVpcs"', "ec2:DescribeVpcs"),
        ('"ec2:TerminateInstances", "ec2:*NetworkInterfacePermission"', ""),
    ],
)
def test_an_example_is_on_a_resource_of_its_action_or_the_report_says_so(
    tmp_path: Path, actions: str, impossible: str
) -> None:
    assert run("init", "--path", MODULE, cwd=tmp_path).code == 0
    assert run("sync", cwd=tmp_path).code == 0
    edit(tmp_path, '"ec2:DeleteNetworkInterface"', actions)
    example = (
        f"{impossible or 'ec2:CreateNetworkInterfacePermission'} on arn:<partition>:ec2:<region>:"
    )
    accepted = run("accept", f"{MODULE}/main.tf", "x", cwd=tmp_path).out
    for report in (run("check", cwd=tmp_path).out, accepted):
        assert f"for instance {example}<account>:network-interface/eni-0123456789abcdef0" in report
        says_so = f"(AWS does not check {impossible} on such a resource)"
        assert (says_so in report) is bool(impossible)


def test_an_accepted_edit_is_a_note_with_its_reason(repo: Path) -> None:
    done = accept(repo, "main.tf", "the team agreed")
    assert "it adds access: ipv4: for instance" in done.out
    for words in ("check", "sync", "sync --dry-run", "upgrade", "check --format markdown"):
        done = run(*words.split(), cwd=repo)
        assert (done.code, "accepted: the team agreed" in done.out) == (0, True), done
        assert "it adds access" in done.out
    again = ("accept", f"{MODULE}/main.tf", "the team agreed")
    for words in (("sync", "--dry-run"), again):
        assert run(*words, "--quiet", cwd=repo).out == ""
    (file,) = json.loads(run(*again, "--format", "json", cwd=repo).out)["files"]
    assert (file["accepted"], file["adds_access"]) == ("the team agreed", True)
    data = json.loads(run("check", "--format", "json", cwd=repo).out)
    (file,) = data["modules"][0]["files"]
    assert (file["accepted"], file["fine"], file["next_steps"]) == ("the team agreed", True, [])
    # The module is not clean, and the summary says what was accepted.
    assert (data["modules"][0]["state"], data["summary"]["clean"]) == ("accepted", 0)
    summary = run("check", cwd=repo).out.splitlines()[-1]
    assert summary == "1 module checked, 1 accepted, 1 edit adds access"
    main = repo / MODULE / "main.tf"
    main.write_text(main.read_text().replace("locals {", 'resource "x" "y" {}\n\nlocals {', 1))
    main.write_text(main.read_text().replace('"ec2:*"', '"ec2:CreateTags"'))
    accept(repo, "main.tf", "the team agreed")
    summary = run("check", cwd=repo).out.splitlines()[-1]
    assert summary == "1 module checked, 1 accepted, 1 edit is not proven to add no access"
    # Another text of the file is not accepted.
    edit(repo, "# Generated", "# Once generated")
    assert run("check", cwd=repo).code == 1
    assert run("sync", cwd=repo).code == 1
    (repo / MODULE / "main.tf").unlink()
    assert run("sync", cwd=repo).code == 0
    assert run("check", "--no-accepted", cwd=repo).code == 0


def test_no_edit_may_be_accepted_if_none_is_to_be(repo: Path) -> None:
    accept(repo, "main.tf")
    (repo / MODULE / "README.md").unlink()
    accept(repo, "README.md")
    assert run("check", cwd=repo).code == 0
    for output in ("text", "json", "markdown"):
        done = run("check", "--no-accepted", "--format", output, cwd=repo)
        assert (done.code, done.out.count("--no-accepted does not allow accepted edits")) == (1, 2)
    (repo / MODULE / "main.tf").unlink()
    manifest = repo / MODULE / ".vpc-cni-iam" / "manifest"
    lines = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join(line for line in lines if not line.startswith("deleted")))
    assert run("sync", cwd=repo).code == 0
    assert run("check", "--no-accepted", cwd=repo).code == 0


def test_calls_that_are_too_many_to_compare_are_not_proven() -> None:
    names = [f"x{number}" for number in range(12)]
    variables = "".join(f'variable "{name}" {{\n  default = null\n}}\n' for name in names)
    all_null = " && ".join(f"var.{name} == null" for name in names)
    before = {**POLICY, "variables.tf": POLICY["variables.tf"] + variables}
    text = POLICY["main.tf"].replace("${var.region}", f'${{{all_null} ? "*" : var.region}}')
    edit = judged(before, "main.tf", text)
    assert isinstance(edit.answer, NotProven)
    assert edit_details(edit) == (
        "the documents depend on too many variables to compare every call",
    )


def test_documents_with_the_same_answer_are_named_together() -> None:
    block: Answer = NotProven(ModuleReason.block, ChangedBlock(("output", "x"), Change.changed))
    joins: Answer = NotProven(ModuleReason.joins)
    answers = (EditAnswer(joins, "ipv4"), EditAnswer(block), EditAnswer(joins, "ipv6"))
    edit = Edit(answers)
    assert edit_text(edit) == (
        "it is not proven to add no access: ipv4, ipv6: joins other documents "
        "(only an engine can evaluate it; run vpc-cni-iam verify); output x is changed"
    )
