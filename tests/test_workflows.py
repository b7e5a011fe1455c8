"""Workflows of this repository, and the snippets of docs/ci that others paste into theirs."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import check_jsonschema
import pytest
import yaml
from click.testing import CliRunner

from conftest import ROOT, tool
from vpc_cni_iam.cli.main import application
from vpc_cni_iam.hcl import repair
from vpc_cni_iam.hcl.parse import parse

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
TEMPLATE = ROOT / "templates" / "vpc-cni-iam.gitlab-ci.yml"
DOCS = ROOT / "docs"
PAGE = (DOCS / "ci.md").read_text()
PLAN = ROOT / "tests" / "review" / "plans" / "widen.terraform-1.15.5.json"
PINNED = re.compile(r"uses: (?!\./|OWNER/)(\S+)@([0-9a-f]{40}) # v[\d.]+\n")
# Stands in for an engine: `show` prints the plan of a test, the others do nothing.
TERRAFORM = '#!/bin/sh\n[ "$1" != show ] || cat "$SHOWN_PLAN"\n'


def snippet(heading: str, language: str = "yaml") -> str:
    """The one snippet of a section of the page."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    (text,) = re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)
    return str(text)


def actionlint(path: Path) -> None:
    command = [tool("actionlint-1.7.12"), "-no-color", "-shellcheck=", "-pyflakes=", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def valid(schema: str, path: Path, *options: str) -> None:
    words = ["--builtin-schema", f"vendor.{schema}", *options, str(path)]
    done = CliRunner().invoke(check_jsonschema.main, words)
    assert done.exit_code == 0, done.output


def run_all(scripts: Iterable[str], folder: Path, **variables: str) -> list[int]:
    """Run scripts as a CI does, with a stand-in for Terraform; the exit codes until one fails."""
    programs = folder / "programs"
    programs.mkdir()
    shutil.copy(PLAN.parents[1] / "configurations" / "widen" / "after" / "main.tf", folder)
    (programs / "terraform").write_text(TERRAFORM)
    (programs / "terraform").chmod(0o755)
    path = (str(Path(sys.executable).parent), str(programs), os.environ["PATH"])
    environ = {
        **os.environ,
        "PATH": os.pathsep.join(path),
        "SHOWN_PLAN": str(PLAN),
        **variables,
    }
    codes = []
    for script in scripts:
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", script],
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        codes.append(done.returncode)
        if done.returncode:
            assert "ec2:TerminateInstances" in done.stdout, done.stderr
            break
    return codes


@pytest.mark.engine
@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_valid_pinned_and_has_no_more_rights_than_it_needs(path: Path) -> None:
    actionlint(path)
    valid("github-workflows", path)
    text = path.read_text()
    assert len(PINNED.findall(text)) == text.count("uses: ")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] in ({}, {"contents": "read"})
    for name, job in workflow["jobs"].items():
        assert "timeout-minutes" in job, name
        for step in job["steps"]:
            assert "${{" not in step.get("run", ""), f"{name}: a value is code in {step['run']}"
            if step.get("uses", "").startswith("actions/checkout"):
                assert step["with"]["persist-credentials"] is False


def test_the_workflows_run_targets_that_there_are() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = {
        target for path in WORKFLOWS for target in re.findall(r"\bmake ([a-z]+)", path.read_text())
    }
    assert {"docs", "dist", "venv"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_ci_runs_on_every_python_that_is_supported_and_on_both_systems() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    matrix = workflow["jobs"]["pythons"]["strategy"]["matrix"]
    text = (ROOT / "pyproject.toml").read_text()
    assert matrix["python"] == re.findall(r"Python :: (3\.\d+)\"", text)
    assert [name.partition("-")[0] for name in matrix["os"]] == ["ubuntu", "macos"]


def test_a_release_is_published_without_a_token() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())
    build, publish = workflow["jobs"]["build"], workflow["jobs"]["publish"]
    assert build["permissions"] == {"contents": "read"}
    assert publish["environment"] == "pypi" and publish["needs"] == "build"
    assert publish["permissions"]["id-token"] == publish["permissions"]["attestations"] == "write"
    assert not any("checkout" in step.get("uses", "") for step in publish["steps"])
    assert "secrets." not in (ROOT / ".github" / "workflows" / "release.yml").read_text()


def test_issue_templates_are_valid() -> None:
    folder = ROOT / ".github" / "ISSUE_TEMPLATE"
    valid("github-issue-config", folder / "config.yml")
    valid("dependabot", ROOT / ".github" / "dependabot.yml")
    forms = [path for path in folder.iterdir() if path.name != "config.yml"]
    assert len(forms) == 2
    for form in forms:
        valid("github-issue-forms", form)


@pytest.mark.engine
def test_the_workflow_of_the_page(tmp_path: Path) -> None:
    text = snippet("GitHub Actions")
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "iam.yml").write_text(text.replace("@REVISION", f"@{'0' * 40}"))
    actionlint(folder / "iam.yml")
    valid("github-workflows", folder / "iam.yml")
    steps = yaml.safe_load(text)["jobs"]["iam"]["steps"]
    (used,) = (step for step in steps if step.get("uses") == "OWNER/vpc-cni-iam@REVISION")
    assert set(used["with"]) <= ACTION["inputs"].keys()
    plan = next(step["run"] for step in steps if "run" in step)
    assert run_all([plan], tmp_path) == [0]
    assert (tmp_path / "plan.json").read_text() == PLAN.read_text()


def test_the_page_has_every_input_of_the_action_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `([a-z-]+)` \|(.*?)\|", PAGE, re.MULTILINE))
    assert rows.keys() == ACTION["inputs"].keys()
    for name, shown in rows.items():
        default = ACTION["inputs"][name]["default"]
        if "`" in shown:
            assert shown.strip(" `") == default, name
        else:  # words, or nothing
            assert not default or default.startswith("${{"), name
    assert set(re.findall(r"The outputs `(\w+)`, `(\w+)` and `(\w+)`", PAGE)[0]) == set(
        ACTION["outputs"]
    )


def test_the_action_uses_nothing_that_is_not_pinned() -> None:
    text = (ROOT / "action.yml").read_text()
    assert len(PINNED.findall(text)) == text.count("uses: ") == 2


def test_the_action_installs_what_is_named_or_its_own_checkout() -> None:
    setup, install = ACTION["runs"]["steps"][:2]
    assert re.fullmatch(r"actions/setup-python@[0-9a-f]{40}", setup["uses"])
    assert setup["if"] == "inputs.python-version != ''"
    for package, expected in (("", "/action"), ("vpc-cni-iam==1.0.0", "vpc-cni-iam==1.0.0")):
        script = install["run"].splitlines()[-1].replace('"$RUNNER_TEMP', 'echo "$RUNNER_TEMP')
        environ = {"PACKAGE": package, "GITHUB_ACTION_PATH": "/action", "RUNNER_TEMP": "/t"}
        done = subprocess.run(
            ["bash", "-ec", script], env=environ, capture_output=True, text=True, check=True
        )
        assert done.stdout.split()[-1] == expected


def test_the_gitlab_configuration_of_the_page(tmp_path: Path) -> None:
    text = snippet("GitLab")
    (tmp_path / ".gitlab-ci.yml").write_text(text)
    valid("gitlab-ci", tmp_path / ".gitlab-ci.yml", "--data-transform", "gitlab-ci")
    configuration = yaml.safe_load(text)
    (included,) = configuration["include"]
    assert (ROOT / included["file"]).read_text() == TEMPLATE.read_text()
    used = set(re.findall(r"VPC_CNI_IAM\w*", TEMPLATE.read_text()))
    assert configuration["variables"].keys() <= used
    stages = {job["stage"] for job in yaml.safe_load(TEMPLATE.read_text()).values()}
    assert {"plan", *stages} == set(configuration["stages"])
    (tmp_path / "infra").mkdir()
    script = "\n".join(configuration["plan"]["script"])
    assert run_all([script], tmp_path) == [0]
    assert (tmp_path / configuration["variables"]["VPC_CNI_IAM_PLAN"]).exists()


def test_the_atlantis_workflow_of_the_page(tmp_path: Path) -> None:
    configuration: dict[str, Any] = yaml.safe_load(snippet("Atlantis"))
    (repo,) = configuration["repos"]
    steps = configuration["workflows"][repo["workflow"]]["plan"]["steps"]
    assert steps[:2] == ["init", "plan"]
    scripts = [step["run"] for step in steps[2:]]
    planfile = str(tmp_path / "default.tfplan")
    assert run_all(scripts, tmp_path, PLANFILE=planfile, DIR=str(tmp_path)) == [0, 1]


def test_the_terramate_script_of_the_page(tmp_path: Path) -> None:
    import hcl2

    text = snippet("Terramate", "hcl")
    repair.tree(text)
    (script,) = hcl2.loads(text)["script"]
    commands = re.search(r"commands = (\[.*\])\n  \}", text, re.DOTALL)
    assert commands is not None and script
    words = yaml.safe_load(commands[1])
    codes = run_all([subprocess.list2cmdline(w).replace('"', "'") for w in words], tmp_path)
    assert codes == [0, 0, 0, 1]


def test_the_spacelift_hooks_of_the_page(tmp_path: Path) -> None:
    configuration = yaml.safe_load(snippet("Spacelift"))
    hooks = configuration["stack_defaults"]["after_plan"]
    (tmp_path / "spacelift.plan").touch()
    assert run_all(hooks, tmp_path) == [0, 1]


def test_the_terragrunt_hooks_of_the_page(tmp_path: Path) -> None:
    (block,) = parse(snippet("Terragrunt", "hcl"), "root.hcl").blocks
    hooks = [b.attributes["execute"] for b in block.blocks if b.type == "after_hook"]
    assert [b.type for b in block.blocks] == ["extra_arguments", "after_hook", "after_hook"]
    words = [[str(item.parts[0]) for item in hook.items] for hook in hooks]  # type: ignore[union-attr]
    assert run_all(map(shlex.join, words), tmp_path, TG_CTX_TF_PATH="terraform") == [0, 1]


def test_the_commands_of_the_pages_exist() -> None:
    from typer.main import get_command

    known = get_command(application([])).commands  # type: ignore[attr-defined]
    for name in re.findall(r"(?:`|- |run: )vpc-cni-iam ([a-z]+)", PAGE):
        assert name in known, name


def test_each_section_of_a_service_says_how_far_it_was_tried() -> None:
    for heading in ("pre-commit", "Atlantis", "Spacelift", "Terramate", "Terragrunt"):
        section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
        assert "**Tried**" in section, heading
