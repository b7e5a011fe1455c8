"""A renamed file is not made again beside its copy, and one directory has one configuration."""

import json
from pathlib import Path

import pytest

from conftest import read_tree, run, write_tree
from vpc_cni_iam.vendoring.manifest import MANIFEST

TABLE = '[[module]]\npath = "{}"\ncni_version = "v1.23.0"\nvariants = ["ipv4"]\n'


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    write_tree(tmp_path, {"vpc-cni-iam.toml": TABLE.format("infra/m")})
    assert run("sync", cwd=tmp_path).code == 0
    return tmp_path


DEFINED = (
    "policies.tf: defines data.aws_iam_policy_document.ipv4 and 1 more again, although main.tf"
)


def test_a_renamed_file_is_named_and_not_made_again(repo: Path) -> None:
    module = repo / "infra" / "m"
    (module / "main.tf").rename(module / "policies.tf")
    before = read_tree(repo)
    done = run("check", cwd=repo)
    assert done.code == 1
    assert DEFINED.replace(":", "", 1) in done.out
    for words in ("sync", "sync --dry-run", "upgrade"):
        done = run(*words.split(), cwd=repo)
        assert (done.code, DEFINED in done.err) == (3, True), words
        assert "rename it back if it was renamed" in done.err
        assert read_tree(repo) == before
    # As its user's own, beside a file that is deleted on purpose, it is no duplicate.
    assert run("accept", "infra/m/main.tf", "renamed", cwd=repo).code == 0
    assert run("check", cwd=repo).code == 0
    assert run("sync", cwd=repo).code == 0


@pytest.mark.parametrize(
    ("name", "text", "same"),
    [
        ("mine.tf", 'variable "region" {}\n', "var"),
        ("mine.tf", 'output "json" {\n  value = 1\n}\n', "output.json"),
        ("mine.tf", "variable region {}\n", "var"),
        (
            "mine.tf",
            'data aws_iam_policy_document "ipv4" {}\n',
            "data.aws_iam_policy_document.ipv4",
        ),
        ("mine.tf", "/*\nvariable region is not set here\n*/\n", ""),
        ("mine.tf", "locals {\n  json = 1\n}\n", "local.json"),
        ("mine.tf", '\ufeffvariable "region" {}\n', "var"),
        ("mine.tf", 'variable "r\\u0065gion" /* where */ {}\n', "variable.region"),
        ("mine.tf", '/* here */ variable "region" {}\n', "variable.region"),
        ("mine.tf", "/* here */ locals {\n  json = 1\n}\n", "local.json"),
        ("mine.tf", 'locals {\n  x = <<E\nvariable "region" {\n}\nE\n}\n', ""),
        ("mine.tf", '/*\nvariable "region" {\n}\n*/\n', ""),
        ("mine.tf", 'check "x" {\n  data aws_iam_policy_document "ipv4" {}\n}\n', "data.aws_iam"),
        ("mine.tf", 'locals {\n  x = "region%{ if true ~}%{ endif }"\n}\n', ""),
        ("mine.tf", "terraform {\n  required_providers {}\n}\n", "terraform.required_providers"),
        ("mine.tf", 'terraform {\n  required_version = ">= 1.6"\n}\n', ""),
        ("mine.tf", 'data "aws_iam_policy_document" "mine" {}\nlocals {\n  mine = 1\n}\n', ""),
        ("mine.tofu", 'variable "region" {}\n', "var"),
        ("mine.tf.json", '{"variable": {"region": {}}}', "variable.region"),
        ("mine.tf.json", '{"variable": {"region": {}}, "variable": {"x": {}}}', "variable.region"),
        (
            "mine.tf.json",
            '{"terraform": {"required_providers": {}}}',
            "terraform.required_providers",
        ),
        ("mine.tf.json", '[{"locals": [{"json": 1}]}]', "local.json"),
        (
            "mine.tofu.json",
            '{"data": {"aws_iam_policy_document": [{"ipv4": {}}]}}',
            "data.aws_iam_policy_document.ipv4",
        ),
        ("mine.tf.json", '{"data": {"aws_iam_policy_document": {"mine": {}}}}', ""),
        ("mine.tf.json", '{"data": [', ""),
        ("deep/mine.tf", 'variable "region" {}\n', ""),
        ("mine.txt", 'variable "region" {}\n', ""),
    ],
)
def test_what_is_defined_again(name: str, text: str, same: str, repo: Path) -> None:
    write_tree(repo / "infra" / "m", {name: text})
    done = run("check", "--format", "json", cwd=repo)
    files = json.loads(done.out)["modules"][0]["files"]
    assert done.code == bool(same)
    assert [f["state"] for f in files] == ["foreign"] * bool(same)
    assert not same or f"defines {same}" in files[0]["reason"]
    assert run("sync", cwd=repo).code == (3 if same else 0)


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("mine.tf", 'data "aws_iam_policy_document" "ipv4" {}\nnot HCL {{{\n', "line 2"),
        ("mine.tf", 'variable /* hidden */ "region" {}\n', "line 1"),
        ("mine.tf.json", '\ufeff{"variable": {"region": {}}}', "line 1"),
        ("mine.tf.json", '{"region": ' * 100_000, "nests too deeply"),
    ],
)
def test_a_file_that_cannot_be_read_may_define_again(
    name: str, text: str, problem: str, repo: Path
) -> None:
    write_tree(repo / "infra" / "m", {name: text})
    done = run("check", cwd=repo)
    words = f"{name} cannot be read, and may repeat generated definitions: {name}: {problem}"
    assert (done.code, words in done.out) == (1, True), done.out
    assert run("sync", cwd=repo).code == 1
    assert f"keep yours: vpc-cni-iam accept infra/m/{name} 'REASON'\n" in done.out
    assert run("accept", f"infra/m/{name}", "we need it", cwd=repo).code == 0
    assert run("check", cwd=repo).code == 0


@pytest.mark.parametrize("name", ["my main_override.tf", "my\nmain_override.tf"])
def test_a_name_that_no_manifest_holds_is_not_accepted(name: str, repo: Path) -> None:
    write_tree(repo / "infra" / "m", {name: "{}\n"})
    manifest = repo / "infra" / "m" / ".vpc-cni-iam" / "manifest"
    before = manifest.read_bytes()
    done = run("accept", f"infra/m/{name}", "we need it", cwd=repo)
    assert (done.code, done.out) == (2, "")
    assert "cannot record a name with spaces; rename the file" in done.err
    assert manifest.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("override.tf", "overrides the generated files"),
        ("main_override.tf", "overrides the generated files"),
        ("x_override.tf.json", "overrides the generated files"),
        ("override.tofu", "overrides the generated files"),
        ("main.tofu", "is read by OpenTofu instead of main.tf"),
    ],
)
def test_a_file_that_replaces_generated_code_is_not_clean(
    name: str, words: str, repo: Path
) -> None:
    write_tree(repo / "infra" / "m", {name: "{}\n"})
    done = run("check", "--format", "json", cwd=repo)
    (file,) = json.loads(done.out)["modules"][0]["files"]
    assert (done.code, file["path"], file["state"]) == (1, name, "foreign")
    assert file["reason"].startswith(words)
    assert file["reason"].endswith("it is not proven to add no access")
    for command in ("sync", "sync --dry-run", "upgrade"):
        done = run(*command.split(), cwd=repo)
        assert (done.code, file["reason"] in done.out) == (1, True), (command, done.out)
        data = json.loads(run(*command.split(), "--format", "json", cwd=repo).out)
        (each,) = data["modules"][0]["files"]
        assert (each["path"], each["fine"]) == (name, False)
    assert run("accept", f"infra/m/{name}", "we need it", cwd=repo).code == 0
    done = run("check", cwd=repo)
    assert done.code == 0
    assert "accepted: we need it" in done.out
    for command in ("sync", "sync --dry-run"):
        done = run(*command.split(), cwd=repo)
        assert (done.code, "accepted: we need it" in done.out) == (0, True)
    assert run("check", "--no-accepted", cwd=repo).code == 1
    write_tree(repo / "infra" / "m", {name: "{ }\n"})
    assert run("check", cwd=repo).code == 1


OTHERS = (
    "extra.tf",
    "extra.tf.json",
    "extra.tofu",
    "extra.tofu.json",
    "x.tftest.hcl",
    "tests/x.tftest.hcl",
    "tests/x.tofutest.json",
    "terraform.tfvars",
    "x.auto.tfvars.json",
    "terraform.tfstate",
    "terragrunt.hcl",
    "terraform.d/plugins/x",
)
READ_BY_NONE = ("NOTES.md", "tests/README.md", "main.tf.orig", ".hidden.tf", "x.tf~", "deep/x.tf")
ATTACHED = """resource "aws_iam_role_policy_attachment" "x" {
  role       = "vpc-cni"
  policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"
}
"""


@pytest.mark.parametrize("path", OTHERS)
def test_a_file_beside_a_module_that_an_engine_reads_is_named(path: str, repo: Path) -> None:
    write_tree(repo / "infra" / "m", {path: ATTACHED if path == "extra.tf" else "{}\n"})
    name = "terraform.d" if path.startswith("terraform.d") else path
    line = (
        f"infra/m/{name} was not written by sync, but an engine reads it with the module; its "
        "access is not compared"
    )
    done = run("check", cwd=repo)
    assert done.code == 0, done.out
    assert f"note     {line}\n" in done.out
    assert "1 module checked, 1 clean, 1 other file\n" in done.out
    assert line not in run("check", "--quiet", cwd=repo).out
    data = json.loads(run("check", "--format", "json", cwd=repo).out)
    assert data["modules"][0]["other_files"] == [name]
    for words in ((), ("--quiet",)):
        done = run("check", "--no-other-files", *words, cwd=repo)
        assert (done.code, f"other    {line}\n" in done.out) == (1, True)
        done = run("check", "--no-other-files", *words, "--format", "markdown", cwd=repo)
        assert (done.code, "was not written by sync" in done.out) == (1, True)
    assert run("sync", cwd=repo).code == 0


def test_what_no_engine_reads_and_what_is_named_already_is_no_other_file(repo: Path) -> None:
    module = repo / "infra" / "m"
    write_tree(module, dict.fromkeys(READ_BY_NONE, "{}\n"))
    done = run("check", "--no-other-files", cwd=repo)
    assert (done.code, "other file" in done.out) == (0, False), done.out
    write_tree(module, {"x_override.tf": "{}\n", "x.tf": 'variable "region" {}\n'})
    done = run("check", "--no-other-files", cwd=repo)
    assert (done.code, "other file" in done.out) == (1, False), done.out


def test_two_configurations_do_not_keep_one_directory(repo: Path) -> None:
    other = repo / "infra" / "vpc-cni-iam.toml"
    other.write_text(TABLE.format("m").replace("v1.23.0", "v1.20.4"))
    before = read_tree(repo)
    problem = f"m: is managed by {repo}/vpc-cni-iam.toml, line 1; to move it to vpc-cni-iam.toml"
    for words in ("check", "sync", "sync --dry-run", "upgrade"):
        done = run(*words.split(), cwd=repo / "infra")
        assert (done.code, problem in done.err) == (3, True), (words, done.err)
        assert read_tree(repo) == before
    assert run("check", cwd=repo).code == 0
    (repo / "vpc-cni-iam.toml").write_text(TABLE.format("else"))
    assert run("sync", cwd=repo / "infra").code == 0
    assert run("check", cwd=repo / "infra").code == 0
    facts = (repo / "infra" / "m" / MANIFEST).read_text().splitlines()
    assert [f for f in facts if f.startswith("conf")] == ["configuration ../vpc-cni-iam.toml"]


def test_two_configurations_in_a_directory_do_not_know_of_each_other(repo: Path) -> None:
    (repo / "other.toml").write_text(TABLE.format("b"))
    (repo / "deep").mkdir()
    named = ("--config", "../other.toml")
    assert run("sync", *named, cwd=repo / "deep").code == 0
    done = run("check", *named, cwd=repo / "deep")
    pinned = (
        "note     1 module pinned to --cni-version v1.23.0; the newest version known is v1.23.2"
    )
    assert done.out == (
        f"{pinned}: vpc-cni-iam upgrade --config ../other.toml\n1 module checked, 1 clean\n"
    )
    assert (
        run("check", cwd=repo).out == f"{pinned}: vpc-cni-iam upgrade\n1 module checked, 1 clean\n"
    )
    # Once no configuration names it, it is left behind.
    (repo / "other.toml").unlink()
    assert "b was written by sync" in run("check", cwd=repo).out


def test_an_owner_that_cannot_be_read_is_named(repo: Path) -> None:
    (repo / "vpc-cni-iam.toml").write_text("not TOML")
    (repo / "infra" / "vpc-cni-iam.toml").write_text(TABLE.format("m"))
    done = run("sync", cwd=repo / "infra")
    assert (done.code, "which cannot be read" in done.err) == (3, True)


def test_a_manifest_without_an_owner_is_read(repo: Path) -> None:
    manifest = repo / "infra" / "m" / MANIFEST
    text = manifest.read_text()
    line = "configuration ../../vpc-cni-iam.toml\n"
    assert line in text
    manifest.write_text(text.replace(line, ""))
    assert "manifest is out of date" in run("check", cwd=repo).out
    assert run("sync", cwd=repo).code == 0
    assert manifest.read_text() == text


def test_a_configuration_that_was_renamed_or_moved_with_its_modules_keeps_them(
    repo: Path, tmp_path: Path
) -> None:
    (repo / "vpc-cni-iam.toml").rename(repo / "modules.toml")
    for words in (("check",), ("sync",)):
        assert run(*words, "--config", "modules.toml", cwd=repo).code == 0
    (repo / "infra").rename(repo / "moved")
    toml = repo / "modules.toml"
    toml.write_text(toml.read_text().replace("infra", "moved"))
    assert run("check", "--config", "modules.toml", cwd=repo).code == 0
