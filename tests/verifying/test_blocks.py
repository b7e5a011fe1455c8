"""Whatever somebody puts into a module is named with its file and line, and never ok."""

import os
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import read_tree, run, write_tree
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.options import Options, options
from vpc_cni_iam.catalog.selection import Additions
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.publishing.address import ModuleAddress
from vpc_cni_iam.publishing.package import package_files, package_options
from vpc_cni_iam.publishing.versioning.semver import FIRST
from vpc_cni_iam.rendering.kinds import render
from vpc_cni_iam.verifying.code import compare_files
from vpc_cni_iam.verifying.verify import Verification, verify

POLICY = options(cni_version="v1.23.0")
ROLE = options(cni_version="v1.23.0", kind="role")
STATEMENT = 'actions   = ["ec2:CreateTags"]'
MINE = "is not in the catalog's module"
OTHER = "is not as in the catalog's module"


def published(made_from: Options) -> dict[str, str]:
    return package_files(made_from, FIRST, ModuleAddress())


def verified(folder: Path, engine: Engine | None = None) -> Verification:
    return verify(folder, lambda stated: stated, engine, published)


def replace(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text, old
        return text.replace(old, new, 1)

    return change


def add(code: str) -> Callable[[str], str]:
    return lambda text: f"{text}\n{code}\n"


# The file of the policy module, or below role/ of the role module, how it is changed, and what is
# said of it.
TRICKS: dict[str, tuple[str, Callable[[str], str], str]] = {
    "a policy of * on *": (
        "role/main.tf",
        add(
            'resource "aws_iam_role_policy" "x" {\n  role   = aws_iam_role.this.id\n  policy = '
            'jsonencode({ Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })\n}'
        ),
        f"resource aws_iam_role_policy.x {MINE}",
    ),
    "a description that AWS is sent": (
        "role/main.tf",
        replace("Amazon VPC CNI plugin (", "Mine ("),
        f'resource aws_iam_role.this {OTHER}: description = "Mine (',
    ),
    "a program run by a data source": (
        "main.tf",
        add('data "external" "x" {\n  program = ["touch", "ran"]\n}'),
        f"data external.x {MINE}",
    ),
    "a provider": ("versions.tf", add('provider "aws" {}'), f"provider aws {MINE}"),
    "another provider's source": (
        "versions.tf",
        replace('"hashicorp/aws"', '"evil/aws"'),
        f'terraform {OTHER}: source = "evil/aws"',
    ),
    "a provisioner": (
        "role/main.tf",
        replace(
            "  role       = aws_iam_role.this[0].name\n",
            "  role       = aws_iam_role.this[0].name\n"
            '  provisioner "local-exec" {\n    command = "touch ran"\n  }\n',
        ),
        f'resource aws_iam_role_policy_attachment.this {OTHER}: provisioner "local-exec" {{',
    ),
    "a module": ("main.tf", add('module "x" {\n  source = "./x"\n}'), f"module x {MINE}"),
    "an output": ("x.tf", add('output "x" {\n  value = 1\n}'), f"output x {MINE}"),
    "a local": ("main.tf", add("locals {\n  x = 1\n}"), f"local x {MINE}"),
    "a variable": ("variables.tf", add('variable "x" {}'), f"variable x {MINE}"),
    "a document beside ours": (
        "main.tf",
        add('data "aws_iam_policy_document" "mine" {}'),
        f"data aws_iam_policy_document.mine {MINE}",
    ),
    "a default": (
        "variables.tf",
        replace('default     = "aws"', 'default     = "aws-cn"'),
        'default = "aws-cn"; in the catalog\'s module: default = "aws"',
    ),
    "a text of works_with": (
        "outputs.tf",
        replace('"v1.1.0 to', '"v1.0.0 to'),
        'output works_with ["ipv4"] text',
    ),
    "a validation removed": (
        "variables.tf",
        lambda text: re.sub(r"\n  validation \{.*?\n  \}\n", "", text, count=1, flags=re.DOTALL),
        f"variable cluster_name {OTHER}; in the catalog's module: validation {{",
    ),
    "a validation that lets all pass": (
        "variables.tf",
        lambda text: re.sub(r"condition     = can.*", "condition     = true", text, count=1),
        f"variable partition {OTHER}: condition = true; in the catalog's module: condition = can",
    ),
    "a precondition removed": (
        "outputs.tf",
        lambda text: re.sub(r"\n  precondition \{.*?\n  \}\n", "", text, count=1, flags=re.DOTALL),
        f"output ipv4_scoped_json {OTHER}; in the catalog's module: precondition {{",
    ),
    "a dynamic statement": (
        "main.tf",
        replace(
            "  statement {\n",
            '  dynamic "statement" {\n    for_each = var.cluster_name == "prod" ? [1] : []\n'
            '    content {\n      actions   = ["*"]\n      resources = ["*"]\n    }\n  }\n\n'
            "  statement {\n",
        ),
        f'data aws_iam_policy_document.ipv4 {OTHER}: dynamic "statement" {{',
    ),
    "a conditional on the region": (
        "main.tf",
        replace(STATEMENT, 'actions = [var.region == "eu-west-1" ? "*" : "ec2:CreateTags"]'),
        f"data aws_iam_policy_document.ipv4 {OTHER}: actions = [var.region ==",
    ),
    "a conditional on the workspace in a local": (
        "main.tf",
        replace('"ipv4"        = ', '"ipv4" = terraform.workspace == "prod" ? "{}" : '),
        f'local json ["ipv4"] {OTHER}: "ipv4" = terraform.workspace ==',
    ),
    "a sample value of verify itself": (
        "main.tf",
        replace("${var.partition}", "aws-us-gov"),
        f"data aws_iam_policy_document.ipv4 {OTHER}: resources = ",
    ),
    "a local that ignores the cluster": (
        "main.tf",
        replace('coalesce(var.cluster_name, "(none)")', '"*"'),
        f'local cluster_name {OTHER}: cluster_name = "*"; in the catalog\'s module',
    ),
    "documents from elsewhere": (
        "main.tf",
        replace(
            "source_policy_documents = var.source_policy_documents",
            "override_policy_documents = var.source_policy_documents",
        ),
        f"data aws_iam_policy_document.ipv4 {OTHER}: override_policy_documents = var.",
    ),
    "a role's boundary removed": (
        "role/main.tf",
        replace("  permissions_boundary = var.permissions_boundary\n", ""),
        f"resource aws_iam_role.this {OTHER}; in the catalog's module: permissions_boundary = ",
    ),
    "a role's trust of another": (
        "role/main.tf",
        replace("identifiers = [statement.value]", 'identifiers = [statement.value, "*"]'),
        f"data aws_iam_policy_document.trust {OTHER}: identifiers = [statement.value, ",
    ),
    "a meta-argument": (
        "role/main.tf",
        replace(
            'resource "aws_iam_role" "this" {\n',
            'resource "aws_iam_role" "this" {\n  provider = aws.mine\n',
        ),
        f"resource aws_iam_role.this {OTHER}: provider = aws.mine",
    ),
    "an error message that reads a file": (
        "role/main.tf",
        replace('error_message = "Nothing could', 'error_message = "${file("/x")}Nothing could'),
        f'resource aws_iam_role.this {OTHER}: error_message = "${{file("/x")}}',
    ),
    "a block moved": (
        "main.tf",
        add("moved {\n  from = aws_iam_role.a\n  to   = aws_iam_role.b\n}"),
        f"moved {MINE}",
    ),
    "an import": (
        "main.tf",
        add('import {\n  id = "x"\n  to = aws_iam_role.b\n}'),
        f"import {MINE}",
    ),
    "a block removed": ("main.tf", add("removed {\n  from = aws_iam_role.a\n}"), f"removed {MINE}"),
    "a check": (
        "main.tf",
        add('check "x" {\n  data "http" "y" {\n    url = "https://example.com"\n  }\n}'),
        f"check x {MINE}",
    ),
    "a backend": (
        "versions.tf",
        replace("terraform {\n", 'terraform {\n  backend "http" {}\n'),
        f'terraform {OTHER}: backend "http" {{}}',
    ),
    "an experiment": (
        "versions.tf",
        replace("terraform {\n", "terraform {\n  experiments = [x]\n"),
        f"terraform {OTHER}: experiments = [x]",
    ),
    "a test that does more": (
        "tests/policy.tftest.hcl",
        add('run "x" {\n  module {\n    source = "./x"\n  }\n}'),
        f"run x {MINE}",
    ),
}
# Files that an engine may read and this comparison does not.
FILES = (
    "override.tf",
    "x_override.tf",
    "more.tf.json",
    "x_override.tf.json",
    "main.tofu",
    "main.tofu.json",
    "terraform.tfvars",
    "x.auto.tfvars",
    "x.auto.tfvars.json",
    "x.tftest.json",
    "tests/x.tofutest.hcl",
    "modules/x/main.tf.json",
    "terraform.tfstate",
    "terragrunt.hcl",
    "terragrunt.hcl.json",
    "root.hcl",
    "terraform.d/plugins/registry.terraform.io/hashicorp/aws/1.0.0/linux_amd64/provider",
)
NESTED = (
    "modules/x/main.tf",
    "x/main.tf",
    "tests/setup/main.tf",
    "x.tftest.hcl",
    "examples/x/a.tf",
)


def changed(folder: Path, name: str) -> Path:
    place, change, _ = TRICKS[name]
    file = place.removeprefix("role/")
    files = render(POLICY if file == place else ROLE)
    return write_tree(folder, {**files, file: change(files.get(file, ""))})


@pytest.mark.parametrize("name", TRICKS)
def test_a_trick_is_named_with_file_and_line(name: str, tmp_path: Path) -> None:
    place, _, text = TRICKS[name]
    result = verified(changed(tmp_path / "m", name))
    assert not result.clean
    named = [f for f in result.findings if text in f.text]
    assert named, result.findings
    assert all(f.file == place.removeprefix("role/") and f.line for f in named)
    # Nothing besides: what was changed is named as what it is.
    assert len({f.line for f in result.findings}) <= 2, result.findings


@pytest.mark.parametrize(
    "labels", ['"aws_iam_policy_document.ipv4"', "", '"aws_iam_policy_document" "ipv4" "x"']
)
def test_a_block_that_every_engine_refuses_is_an_error(labels: str, tmp_path: Path) -> None:
    files = render(POLICY)
    block = f"data {labels} {{}}\n"
    module = write_tree(tmp_path / "m", {**files, "main.tf": f"{block}{files['main.tf']}"})
    done = run("verify", module, "--engine", "none")
    assert done.code == 3
    assert f"{module / 'main.tf'}: line 1: has " in done.err


@pytest.mark.parametrize("path", [*FILES, *NESTED])
def test_another_file_that_an_engine_reads_is_named(path: str, tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "m", {**render(POLICY), path: ""})
    result = verified(folder)
    assert not result.clean
    assert [f.file for f in result.findings] == [path]
    assert MINE in result.findings[0].text
    if path in FILES and "/" not in path:
        assert {c.state for c in result.documents} == {"unknown"}


def test_a_file_that_no_engine_reads_stands_for_none_that_it_does(tmp_path: Path) -> None:
    """Engines leave out hidden files and those that editors leave behind."""
    files = render(POLICY)
    hidden = write_tree(tmp_path / "m", {**files, ".outputs.tf": files["outputs.tf"]})
    (hidden / "outputs.tf").unlink()
    result = verified(hidden)
    assert not result.clean
    assert "outputs.tf: output ipv4_json is missing" in map(str, result.findings)


def test_hidden_folders_and_backups_of_editors_are_not_compared(tmp_path: Path) -> None:
    """Engines keep the modules that they downloaded in a hidden folder."""
    more = {".terraform/modules/x/main.tf": "{", "main.tf~": "{", "#main.tf#": "{"}
    result = verified(write_tree(tmp_path / "m", {**render(POLICY), **more}))
    assert result.clean
    assert result.notes == ("no engine was used: the module was read, not rendered",)


def test_what_is_added_beside_the_documents_leaves_them_ok(tmp_path: Path) -> None:
    """The documents are what the catalog has, and the module is not."""
    result = verified(changed(tmp_path / "m", "a policy of * on *"))
    assert ({c.state for c in result.documents}, result.clean) == ({"ok"}, False)


@pytest.mark.engine
def test_a_document_that_is_added_is_rendered_with_the_others(
    newest: Engine, tmp_path: Path
) -> None:
    files = render(POLICY)
    files["main.tf"] += 'data "aws_iam_policy_document" "own" {\n}\n'
    result = verify(write_tree(tmp_path / "m", files), lambda stated: stated, newest)
    assert not result.clean
    assert {c.seen for c in result.documents} == {f"read, rendered by {newest.version()}"}


def test_other_files_are_said_to_be_not_compared(tmp_path: Path) -> None:
    more = {"NOTES.md": "mine\n", "x.tftpl": "", "README.md": "mine\n"}
    folder = write_tree(tmp_path / "m", {**render(POLICY), **more})
    (folder / "tests" / "policy.tftest.hcl").unlink()
    result = verified(folder)
    assert result.clean
    assert result.notes == (
        "tests/policy.tftest.hcl is missing; it only tests the module, so no policy depends on it",
        "not compared, because no engine reads it: NOTES.md, README.md, x.tftpl",
        "no engine was used: the module was read, not rendered",
    )


def test_line_ends_of_a_checkout_are_no_difference_of_a_file(tmp_path: Path) -> None:
    files = {path: text.replace("\n", "\r\n") for path, text in render(POLICY).items()}
    assert verified(write_tree(tmp_path / "m", files)).notes == (
        "no engine was used: the module was read, not rendered",
    )


def test_a_folder_that_is_a_link_is_not_passed_over(tmp_path: Path) -> None:
    """What it leads to may be used as a module, as its own folder may."""
    folder = write_tree(tmp_path / "m", render(POLICY))
    (folder / "modules").symlink_to(write_tree(tmp_path / "other", {"role/main.tf": ""}))
    result = verified(folder)
    assert ({c.state for c in result.documents}, result.clean) == ({"ok"}, False)
    assert [str(f).partition(",")[0] for f in result.findings] == [
        "modules: is a symbolic link to a directory"
    ]


@pytest.mark.parametrize(
    "path", ["main.tf", "README.md", "tests/policy.tftest.hcl", "modules/role/main.tf", "."]
)
def test_nothing_is_read_through_a_link(path: str, tmp_path: Path) -> None:
    """A secret that a link leads to would show, by the names of its keys."""
    folder = write_tree(tmp_path / "m", render(POLICY))
    place = folder / path
    if path == ".":
        place = tmp_path / "link"
        place.symlink_to(folder)
        folder = place
    else:
        secret = write_tree(tmp_path, {"secret": "hunter2 = 1\n"}) / "secret"
        place.unlink(missing_ok=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(secret)
    done = run("verify", folder, "--engine", "none")
    assert (done.code, done.out) == (3, "")
    assert done.err == (
        f"vpc-cni-iam: error: {place}: is a symbolic link, which is not followed; name its "
        "target, or replace it with a copy\n"
    )


HARMLESS: dict[str, Callable[[dict[str, str]], dict[str, str]]] = {
    "line ends": lambda files: {p: t.replace("\n", "\r\n") for p, t in files.items()},
    "comments": lambda files: {
        p: re.sub(r"^(.*\S.*)$", r"\1 # more", t, flags=re.MULTILINE).replace("{ #", "{ /* x */ #")
        for p, t in files.items()
        if p.endswith(".tf")
    },
    "no comments": lambda files: {
        # The first comment of main.tf states the options.
        p: re.sub(r"^ *#(?! Generated|   vpc-cni).*\n", "", t, flags=re.MULTILINE)
        for p, t in files.items()
    },
    "white space": lambda files: {
        p: re.sub(r" +=", "=", t).replace("\n  ", "\n\t") for p, t in files.items()
    },
    "one file": lambda files: {
        "main.tf": "\n".join(t for p, t in files.items() if p.endswith(".tf") and "/" not in p)
    },
    "blocks in another order": lambda files: {
        p: "\n}\n".join(reversed(t.removesuffix("\n}\n").split("\n}\n"))) + "\n}\n"
        if p in ("variables.tf", "outputs.tf")
        else t
        for p, t in files.items()
    },
    "arguments in another order": lambda files: {
        p: re.sub(r"(  description .*\n)(  type .*\n)", r"\2\1", t) for p, t in files.items()
    },
    "interpolations of one name": lambda files: {
        p: re.sub(r"= ((?:var|local)\.\w+)\n", r'= "${\1}"\n', t) for p, t in files.items()
    },
    "lists of a document in another order": lambda files: {
        p: re.sub(
            r"actions = \[\n((?: +\".*\",\n)+)",
            lambda m: "actions = [\n" + "\n".join(m[1].splitlines()[::-1]) + "\n",
            t,
        )
        for p, t in files.items()
    },
}


@pytest.mark.parametrize("made_from", [POLICY, ROLE], ids=["policy", "role"])
@pytest.mark.parametrize("name", HARMLESS)
def test_what_means_the_same_is_ok(name: str, made_from: Options, tmp_path: Path) -> None:
    files = render(made_from)
    other = HARMLESS[name](files)
    assert other != files
    result = verified(write_tree(tmp_path / "m", other))
    assert result.clean, result.findings


def test_texts_for_people_are_no_difference(tmp_path: Path) -> None:
    files = render(POLICY)
    files["variables.tf"] = files["variables.tf"].replace("AWS partition", "My partition", 1)
    files["variables.tf"] = re.sub(
        r'error_message = ".*"', 'error_message = "No."', files["variables.tf"]
    )
    result = verified(write_tree(tmp_path / "m", files))
    assert result.clean, result.findings


@pytest.mark.parametrize(
    "made_from",
    [
        options(revision="2022-01-31"),
        options(revision="2024-07-22", kind="role"),
        options(revision="2026-06-01"),
        options(["ipv4-pod-identity"], cni_version="v1.23.0", kind="role"),
        options(["ipv4-scoped"], cni_version="v1.23.0", hardening=Hardening(("Name",))),
        options(
            ["ipv4-ipv6"], cni_version="v1.22.4", features=["multi-nic"], additions=Additions.none
        ),
    ],
    ids=lambda o: o.command,
)
def test_every_kind_of_module_is_ok_and_its_neighbour_is_not(
    made_from: Options, tmp_path: Path
) -> None:
    files = render(made_from)
    assert verified(write_tree(tmp_path / "m", files)).clean
    other = re.sub(r'"ec2:DescribeTags"', '"ec2:DescribeTag*"', files["main.tf"], count=1)
    assert other != files["main.tf"]
    result = verified(write_tree(tmp_path / "m", {"main.tf": other}))
    assert "differs" in {c.state for c in result.documents}


def test_a_published_version_is_ok_with_its_modules_and_examples(tmp_path: Path) -> None:
    files = published(package_options(POLICY))
    folder = write_tree(tmp_path / "m", files)
    result = verified(folder)
    assert result.clean, result.findings
    assert verified(folder / "modules" / "role").clean
    role = folder / "modules" / "role" / "main.tf"
    role.write_text(role.read_text().replace("var.permissions_boundary\n", "null\n", 1))
    result = verified(folder)
    assert [f.file for f in result.findings] == ["modules/role/main.tf"]
    assert {c.state for c in result.documents} == {"ok"}


@pytest.mark.engine
@pytest.mark.parametrize("name", ["a program run by a data source", "a provisioner"])
def test_what_would_run_is_never_run(name: str, newest: Engine, tmp_path: Path) -> None:
    result = verified(changed(tmp_path / "m", name), newest)
    assert not result.clean
    assert not list(tmp_path.rglob("ran"))
    if "data source" in name:
        assert any(
            n.startswith("not rendered, because an engine might run or read") for n in result.notes
        )
        assert {c.seen for c in result.documents} == {"read"}


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("main.tf", replace(STATEMENT, 'actions = [file("/etc/hostname")]')),
        ("main.tf", replace(STATEMENT, 'actions = [ filebase64 ("/etc/hostname")]')),
        ("main.tf", replace(STATEMENT, 'actions = ["${templatefile("/etc/x", {})}"]')),
        ("x.tf", add('output "x" {\n  value = fileset("/", "*")\n}')),
        ("x.tf", add('locals {\n  x = <<-T\n    ${file("/etc/hostname")}\n  T\n}')),
        ("x.tf", add('data "external" "x" {\n  program = ["/bin/sh"]\n}')),
        ("x.tf", add('module "x" {\n  source = "./x"\n}')),
        ("x.tf.json", add('{"data": {"external": {"x": {"program": ["/bin/sh"]}}}}')),
        ("x_override.tf", add("")),
        ("versions.tf", replace("hashicorp/aws", "example/aws")),
    ],
)
def test_code_that_may_run_or_read_files_of_this_machine_is_not_planned(
    file: str, change: Callable[[str], str], tmp_path: Path
) -> None:
    """Else a module of somebody else's shows them among its differences."""
    binary = tmp_path / "engine"
    binary.write_text(f"#!/bin/sh\ntouch '{tmp_path}/ran'\nexit 1\n")
    binary.chmod(0o755)
    files = render(POLICY)
    folder = write_tree(tmp_path / "m", {**files, file: change(files.get(file, ""))})
    result = verified(folder, Engine("terraform", str(binary), {}))
    assert any(
        n.startswith("not rendered, because an engine might run or read") for n in result.notes
    )
    assert not result.clean
    assert not (tmp_path / "ran").exists()


MUTATIONS = 500 if os.environ.get("VPC_CNI_IAM_FUZZ") else 10
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\w.*-]+|[^\s\w",]')
_OTHERS = ('"*"', "null", "true", "1", "var.x", "data", "{", "}", "[", "]", "=", "!", "==", "||")


def mutated(text: str, chance: random.Random) -> str:
    """Change one token of a file's code, outside of comments and texts for people."""
    places = []
    position = 0
    for line in text.splitlines(keepends=True):
        if not re.match(r" *(#|description|error_message)", line):
            places += [(position + m.start(), position + m.end()) for m in _TOKEN.finditer(line)]
        position += len(line)
    start, end = chance.choice(places)
    token = text[start:end]
    choices = [other for other in _OTHERS if other != token]
    inner = [f"{token[:-1]}x{token[-1]}", token[0] + token[2:]] if len(token) > 2 else []
    new = chance.choice(["", f"{token} {token}", chance.choice(choices), *inner])
    return text[:start] + new + text[end:]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("made_from", [POLICY, ROLE], ids=["policy", "role"])
def test_no_mutation_of_one_token_is_ok(made_from: Options, seed: int, tmp_path: Path) -> None:
    files = {p: t for p, t in render(made_from).items() if p.endswith(".tf")}
    chance = random.Random(seed)
    for _ in range(MUTATIONS):
        path = chance.choice(sorted(files))
        other = mutated(files[path], chance)
        try:
            findings = compare_files({path: files[path]}, {path: other}, tmp_path)
        except InputError:
            continue
        assert findings, other
    write_tree(tmp_path / "m", {**files, path: other})
    try:
        assert not verified(tmp_path / "m").clean
    except InputError as error:
        assert path in str(error)


def test_the_module_s_own_files_are_left_alone(tmp_path: Path) -> None:
    folder = write_tree(tmp_path / "m", render(POLICY))
    before = read_tree(folder)
    verified(folder)
    assert read_tree(folder) == before
