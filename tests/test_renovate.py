"""Renovate in docs/vendoring.md, each part applied as Renovate and GitHub apply it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import check_jsonschema
import pytest
import yaml
from click.testing import CliRunner

from conftest import ROOT, run
from test_integrations import consumer, git, gitlab_matches  # noqa: F401
from test_workflows import PINNED, actionlint, valid

# ruff: noqa: F811

PAGE = (ROOT / "docs" / "vendoring.md").read_text().partition("\n## Renovate\n")[2]
EMAIL = "41898282+github-actions[bot]@users.noreply.github.com"


def block(language: str) -> str:
    (text,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(text)


CONFIGURATION: dict[str, Any] = json.loads(block("json"))


def raised(consumer: Path, version: str) -> None:
    """Apply the custom manager to what init writes, as Renovate applies it."""
    (manager,) = CONFIGURATION["customManagers"]
    (name,) = (p.strip("/") for p in manager["managerFilePatterns"])
    assert re.search(name, "vpc-cni-iam.toml") and re.search(name, "infra/vpc-cni-iam.toml")
    (expression,) = (s.replace("(?<", "(?P<") for s in manager["matchStrings"])
    text = (consumer / "vpc-cni-iam.toml").read_text()
    match = re.search(expression, text)
    assert match is not None
    assert match["datasource"] == "github-releases"
    assert match["currentValue"] == "v1.23.2"
    (rule,) = CONFIGURATION["packageRules"]
    assert rule["matchDepNames"] == [match["depName"]] == ["aws/amazon-vpc-cni-k8s"]
    start, end = match.span("currentValue")
    (consumer / "vpc-cni-iam.toml").write_text(f"{text[:start]}{version}{text[end:]}")


def test_the_configuration_is_valid(tmp_path: Path) -> None:
    (tmp_path / "renovate.json").write_text(block("json"))
    words = ["--builtin-schema", "vendor.renovate", str(tmp_path / "renovate.json")]
    done = CliRunner().invoke(check_jsonschema.main, words)
    assert done.exit_code == 0, done.output


def test_renovate_raises_the_pin_and_its_command_writes_the_modules(consumer: Path) -> None:
    raised(consumer, "v1.22.4")
    done = run("check", cwd=consumer)
    assert done.code == 1 and "outdated" in done.out
    (rule,) = CONFIGURATION["packageRules"]
    (command,) = rule["postUpgradeTasks"]["commands"]
    (allowed,) = re.findall(r'allowedCommands: \["(.*)"\]', block("js"))
    assert re.search(allowed, command)
    program, *words = command.split()
    assert program == "vpc-cni-iam" and run(*words, cwd=consumer).code == 0
    assert run("check", cwd=consumer).code == 0
    changed = git(consumer, "diff", "--name-only").splitlines()
    assert "modules/vpc-cni-iam-policy/.vpc-cni-iam/manifest" in changed
    # Renovate's patterns match what is hidden, too.
    assert rule["postUpgradeTasks"]["fileFilters"] == ["**/*"]


@pytest.mark.engine
def test_the_workflow_is_valid(tmp_path: Path) -> None:
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "sync.yml").write_text(block("yaml"))
    actionlint(folder / "sync.yml")
    valid("github-workflows", folder / "sync.yml")
    assert len(PINNED.findall(block("yaml"))) == block("yaml").count("uses: ")


def test_the_workflow_of_the_app_pushes_the_modules_once(consumer: Path, tmp_path: Path) -> None:
    workflow = yaml.safe_load(block("yaml"))
    (paths,) = workflow[True]["push"]["paths"]  # `on` is a boolean in YAML 1.1
    *_, write = workflow["jobs"]["sync"]["steps"]
    remote = tmp_path / "remote.git"
    git(tmp_path, "init", "-q", "--bare", str(remote))
    git(consumer, "checkout", "-qb", "renovate/aws-amazon-vpc-cni-k8s-1.x")
    git(consumer, "remote", "add", "origin", str(remote))
    raised(consumer, "v1.22.4")
    git(consumer, "commit", "-qam", "Update dependency aws/amazon-vpc-cni-k8s")
    git(consumer, "push", "-qu", "origin", "HEAD")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def job() -> None:
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", write["run"]]
        subprocess.run(command, cwd=consumer, env={**os.environ, "PATH": path}, check=True)

    job()
    assert run("check", cwd=consumer).code == 0
    assert git(consumer, "log", "-1", "--format=%ae") == EMAIL
    assert CONFIGURATION["gitIgnoredAuthors"] == [EMAIL]
    assert git(consumer, "rev-parse", "HEAD") == git(consumer, "rev-parse", "@{upstream}")
    # The push of the modules does not start the workflow again, and a second run pushes nothing.
    assert not [
        n
        for n in git(consumer, "show", "--format=", "--name-only").splitlines()
        if gitlab_matches(paths, n)
    ]
    before = git(consumer, "rev-parse", "HEAD")
    job()
    assert git(consumer, "rev-parse", "HEAD") == before
