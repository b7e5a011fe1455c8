"""Where people work: pre-commit, GitHub, GitLab, Renovate; each run for real as far as it goes."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from conftest import ROOT, run

PROJECT = ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml", "generator")


MODULE = "modules/vpc-cni-iam-policy"
# What is installed for a test is run a few times; most of it never.
UNCOMPILED = {**os.environ, "PIP_NO_COMPILE": "1"}


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.test", *words]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def project_copy(folder: Path) -> str:
    """Commit the project as it is in the work tree; pre-commit and pip take it from there."""
    folder.mkdir()
    for name in PROJECT:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copy(source, folder / name)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "project")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def consumer(tmp_path: Path) -> Path:
    folder = tmp_path / "consumer"
    folder.mkdir()
    git(folder, "init", "-q")
    run("init", cwd=folder)
    run("sync", cwd=folder)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "vendored")
    return folder


def spoil(consumer: Path, name: str = "main.tf") -> None:
    file = consumer / MODULE / name
    file.write_text(file.read_text() + "# mine\n")
    git(consumer, "add", "-A")


def forge(consumer: Path) -> None:
    """Edit a file, and with it what sync remembers of it."""
    main = consumer / MODULE / "main.tf"
    before = hashlib.sha256(main.read_bytes()).hexdigest()
    main.write_text(main.read_text().replace('"ec2:CreateTags"', '"ec2:*"'))
    manifest = consumer / MODULE / ".vpc-cni-iam" / "manifest.json"
    after = hashlib.sha256(main.read_bytes()).hexdigest()
    manifest.write_text(manifest.read_text().replace(before, after))
    assert run("check", cwd=consumer).code == 0


def test_pre_commit(consumer: Path, tmp_path: Path) -> None:
    revision = project_copy(tmp_path / "project")
    (consumer / ".pre-commit-config.yaml").write_text(
        f"repos:\n- repo: {tmp_path / 'project'}\n  rev: {revision}\n"
        "  hooks:\n  - id: vpc-cni-iam-check\n"
    )
    git(consumer, "add", "-A")
    git(consumer, "commit", "-qm", "hook")
    environ = {**UNCOMPILED, "PRE_COMMIT_HOME": str(tmp_path / "home")}

    def hook(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pre_commit", *(words or ("run", "--all-files"))]
        return subprocess.run(
            command, cwd=consumer, env=environ, capture_output=True, text=True, check=False
        )

    done = hook()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed" in done.stdout
    spoil(consumer)
    done = hook()
    assert done.returncode == 1
    assert "main.tf was edited by hand" in done.stdout
    # A commit that only deletes: what is staged then is no file to look at.
    git(consumer, "reset", "-q", "--hard")
    git(consumer, "rm", "-q", f"{MODULE}/main.tf")
    done = hook("run")
    assert done.returncode == 1, done.stdout
    assert "main.tf is missing" in done.stdout


def steps() -> list[str]:
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    return [step["run"] for step in action["runs"]["steps"]]


def test_the_github_action_runs(consumer: Path, tmp_path: Path) -> None:
    """As on a runner whose folders have spaces in their names."""
    odd = tmp_path / "it's a runner"
    odd.mkdir()
    summary = odd / "summary.md"
    consumer = consumer.rename(odd / "con sumer")
    (odd / "action").symlink_to(ROOT)
    environ = {
        **UNCOMPILED,
        "RUNNER_TEMP": str(odd / "temp"),
        "GITHUB_ACTION_PATH": str(odd / "action"),
        "GITHUB_STEP_SUMMARY": str(summary),
        "OUTDATED": "false",
    }

    def shell(script: str) -> subprocess.CompletedProcess[str]:
        # As GitHub runs `shell: bash`.
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=consumer,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )

    install, check = steps()
    assert shell(install).returncode == 0
    done = shell(check)
    assert done.returncode == 0, done.stderr
    assert summary.read_text().startswith("### vpc-cni-iam check: 1 clean")
    forge(consumer)
    spoil(consumer, "variables.tf")
    done = shell(check)
    assert done.returncode == 1
    assert "`main.tf` | is out of date" in summary.read_text()
    assert "`variables.tf` | was edited by hand" in summary.read_text()
    assert "-# mine" in done.stdout
    assert '-    actions   = ["ec2:*"]' in done.stdout
    (consumer / "vpc-cni-iam.toml").write_text("nonsense")
    assert shell(check).returncode == 3


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ("vendor.github-actions", "action.yml"),
        ("vendor.gitlab-ci", "templates/vpc-cni-iam.gitlab-ci.yml"),
    ],
)
def test_published_schemas_accept_our_files(schema: str, name: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema]
    if "gitlab" in schema:
        command += ["--data-transform", "gitlab-ci"]
    done = subprocess.run([*command, ROOT / name], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def gitlab_matches(pattern: str, name: str) -> bool:
    """As Ruby's File.fnmatch does with the flags that GitLab sets, for the patterns we use."""
    parts = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
    return re.fullmatch(parts, name) is not None


def test_the_gitlab_template_runs_what_it_should(consumer: Path) -> None:
    template = yaml.safe_load((ROOT / "templates" / "vpc-cni-iam.gitlab-ci.yml").read_text())
    job = template["vpc-cni-iam"]
    # A variable of the job would hide one of the same name at the top of the user's file.
    assert "variables" not in job
    install, check = job["script"]
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environ["VPC_CNI_IAM_OPTIONS"] = "--outdated --quiet"
    unset = subprocess.run(
        ["bash", "-ec", install], env=environ, check=False, capture_output=True, text=True
    )
    assert unset.returncode != 0
    assert "set it to what pip is to install" in unset.stderr
    given = install.replace("pip install", "printf '%s\\n'")
    wanted = {**environ, "VPC_CNI_IAM": "vpc-cni-iam @ git+https://x.test/y@v1"}
    said = subprocess.run(["bash", "-ec", given], env=wanted, capture_output=True, check=True)
    assert said.stdout.decode().splitlines()[-1] == wanted["VPC_CNI_IAM"]
    done = subprocess.run(["bash", "-ec", check], cwd=consumer, env=environ, check=False)
    assert done.returncode == 0
    (rule,) = template["vpc-cni-iam"]["rules"]
    tracked = git(consumer, "ls-files").splitlines()
    for name in tracked:
        assert any(gitlab_matches(pattern, name) for pattern in rule["changes"]), name
    forge(consumer)
    done = subprocess.run(["bash", "-ec", check], cwd=consumer, env=environ, check=False)
    assert done.returncode == 1
    git(consumer, "reset", "-q", "--hard")
    spoil(consumer)
    done = subprocess.run(
        ["bash", "-ec", check], cwd=consumer, env=environ, check=False, capture_output=True
    )
    assert done.returncode == 1


def test_pre_commit_looks_at_the_files_that_matter() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert hook["require_serial"] is True
    assert hook["pass_filenames"] is False
    for name in (
        "vpc-cni-iam.toml",
        "a/m/main.tf",
        "a/m/tests/policy.tftest.hcl",
        "a/m/README.md",
        "a/m/.vpc-cni-iam/manifest.json",
    ):
        assert re.search(hook["files"], name), name
    assert not re.search(hook["files"], "src/main.py")


def test_renovate_finds_and_moves_the_pin(consumer: Path) -> None:
    """The custom manager of the page, applied as Renovate applies it, to what init writes."""
    page = (ROOT / "docs" / "vendoring.md").read_text()
    (pattern,) = re.findall(r'"matchStrings": \[\s*"(.*)"\s*\]', page)
    expression = pattern.replace("\\\\", "\\").replace('\\"', '"').replace("(?<", "(?P<")
    text = (consumer / "vpc-cni-iam.toml").read_text()
    found = re.search(expression, text)
    assert found is not None
    assert found["depName"] == "aws/amazon-vpc-cni-k8s"
    assert found["datasource"] == "github-releases"
    assert found["currentValue"] == "v1.23.0"
    start, end = found.span("currentValue")
    (consumer / "vpc-cni-iam.toml").write_text(f"{text[:start]}v1.22.4{text[end:]}")
    done = run("check", cwd=consumer)
    assert done.code == 1
    assert "outdated" in done.out
