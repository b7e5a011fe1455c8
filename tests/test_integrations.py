"""Where people work: pre-commit, GitHub, GitLab, Renovate; each run for real as far as it goes."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import check_jsonschema
import pytest
import yaml
from click.testing import CliRunner

from conftest import ROOT, run, write_tree
from test_packaging import dependencies

PROJECT = ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml", "generator")


MODULE = "modules/vpc-cni-iam-policy"


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.test", *words]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def pip_environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which pip finds what the package needs, and what builds it, installed.

    It compiles nothing: most of what it installs is never run.
    """
    folder = tmp_path_factory.mktemp("site")
    for name in (*dependencies(), *dependencies("hatchling"), "hatchling"):
        for file in distribution(name).files or ():
            place = folder / file.parts[0]
            if ".." not in file.parts and not place.exists():
                place.symlink_to(distribution(name).locate_file(file.parts[0]))
    return {**os.environ, "PIP_NO_COMPILE": "1", "PYTHONPATH": str(folder)}


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
    main, remembered = consumer / MODULE / "main.tf", consumer / MODULE / ".vpc-cni-iam"
    before = hashlib.sha256(main.read_bytes()).hexdigest()
    main.write_text(main.read_text().replace('"ec2:CreateTags"', '"ec2:*"'))
    manifest = remembered / "manifest"
    after = hashlib.sha256(main.read_bytes()).hexdigest()
    assert before in manifest.read_text()
    manifest.write_text(manifest.read_text().replace(before, after))


def test_pre_commit(consumer: Path, pip_environ: dict[str, str], tmp_path: Path) -> None:
    revision = project_copy(tmp_path / "project")
    page = (ROOT / "docs" / "ci.md").read_text()
    (snippet,) = re.findall(r"```yaml\n(repos:\n  - repo: .*?)```", page, re.DOTALL)
    address = "https://github.com/OWNER/vpc-cni-iam"
    snippet = snippet.replace(address, str(tmp_path / "project")).replace("REVISION", revision)
    (consumer / ".pre-commit-config.yaml").write_text(snippet)
    hooks = snippet.partition("      - id")[0]
    git(consumer, "add", "-A")
    git(consumer, "commit", "-qm", "hook")
    environ = {**pip_environ, "PRE_COMMIT_HOME": str(tmp_path / "home")}

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
    # The configuration in its own folder, named as the page has it.
    page = (ROOT / "docs" / "vendoring.md").read_text()
    (named,) = re.findall(r"```yaml\n(- id: vpc-cni-iam-check\n.*?)```", page, re.DOTALL)
    ((option, place),) = (hook["args"] for hook in yaml.safe_load(named))
    git(consumer, "reset", "-q", "--hard")
    (consumer / place).parent.mkdir()
    for name in ("vpc-cni-iam.toml", "modules"):
        git(consumer, "mv", name, str(Path(place).parent))
    assert hook().returncode == 1
    indented = "".join(f"      {line}" for line in named.splitlines(keepends=True))
    (consumer / ".pre-commit-config.yaml").write_text(hooks + indented)
    git(consumer, "add", "-A")
    done = hook()
    assert (option, done.returncode) == ("--config", 0), done.stdout
    (consumer / Path(place).parent / MODULE / "main.tf").write_text("# mine\n")
    done = hook()
    assert done.returncode == 1
    assert f"vpc-cni-iam sync --config {place} {MODULE}" in done.stdout


class Action:
    """Runs the steps of action.yml as GitHub runs them, in folders with odd names."""

    def __init__(self, consumer: Path, outer: Path, environ: dict[str, str]) -> None:
        runner = outer / "it's a runner"
        runner.mkdir()
        (runner / "temp").mkdir()
        (runner / "action").symlink_to(ROOT)
        self.consumer = consumer.rename(runner / "con sumer")
        self.summary = runner / "summary.md"
        self.output = runner / "output"
        self.installed: dict[str, str] = {}  # the outputs of the step that installs
        self.environ = {
            **environ,
            "PIP_NO_BUILD_ISOLATION": "0",  # means that it is not isolated; pre-commit's is
            "RUNNER_TEMP": str(runner / "temp"),
            "GITHUB_ACTION_PATH": str(runner / "action"),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_OUTPUT": str(self.output),
        }
        action = yaml.safe_load((ROOT / "action.yml").read_text())
        self.inputs = {name: i["default"] for name, i in action["inputs"].items()}
        self.steps = [step for step in action["runs"]["steps"] if "run" in step]

    def step(self, number: int, **inputs: str) -> subprocess.CompletedProcess[str]:
        step = self.steps[number]
        values = self.inputs | {name.replace("_", "-"): value for name, value in inputs.items()}
        environ = dict(self.environ)
        for name, value in step.get("env", {}).items():
            environ[name] = re.sub(
                r"\$\{\{ (inputs|steps\.install\.outputs|steps\.review\.outputs)\.([a-z-]+) \}\}",
                lambda match: {
                    "inputs": values,
                    "steps.install.outputs": self.installed,
                    "steps.review.outputs": self.reviewed(),
                }[match[1]][match[2]],
                value,
            )
        done = self.bash(step["run"], environ)
        if number == 0 and done.returncode == 0:
            lines = self.output.read_text().splitlines()
            self.installed = dict(line.split("=", 1) for line in lines)
            self.output.unlink()
        return done

    def reviewed(self) -> dict[str, str]:
        """Return the outputs of the step that reviews."""
        lines = self.output.read_text().splitlines() if self.output.exists() else []
        return dict(line.split("=", 1) for line in lines)

    def bash(self, script: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.consumer,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )


def test_the_github_action_runs(
    consumer: Path, pip_environ: dict[str, str], tmp_path: Path
) -> None:
    action = Action(consumer, tmp_path, pip_environ)
    consumer = action.consumer
    assert action.step(0).returncode == 0
    done = action.step(1)
    assert done.returncode == 0, done.stderr
    assert action.summary.read_text().startswith("### vpc-cni-iam check: 1 module checked, 1 clean")
    forge(consumer)
    spoil(consumer, "variables.tf")
    done = action.step(1)
    assert done.returncode == 1
    assert "`main.tf` | is out of date" in action.summary.read_text()
    assert "`variables.tf` | was edited by hand" in action.summary.read_text()
    assert "+# mine" in done.stdout
    assert '-    actions   = ["ec2:*"]' in done.stdout
    (consumer / "vpc-cni-iam.toml").write_text("nonsense")
    assert action.step(1).returncode == 3
    reviews_a_plan(action)


@pytest.fixture
def action(consumer: Path, tmp_path: Path) -> Action:
    """The action, whose step that installs makes this tool's command instead of a package."""
    programs = tmp_path / "programs"
    target = '"$RUNNER_TEMP/vpc-cni-iam/bin'
    python = (
        f'#!/bin/sh\nmkdir -p {target}"\n'
        f'printf "#!/bin/sh\\nexec \\"{sys.executable}\\" -m vpc_cni_iam \\"\\$@\\"\\n" '
        f'> {target}/vpc-cni-iam"\n'
        f'printf \'#!/bin/sh\\nprintf "<%%s>" "$@"\\n\' > {target}/pip"\n'
        f'printf "#!/bin/sh\\nexec \\"{sys.executable}\\" \\"\\$@\\"\\n" > {target}/python"\n'
        f'chmod +x {target}/"*\n'
    )
    write_tree(programs, {"python3": python})
    (programs / "python3").chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return Action(consumer, tmp_path, {**os.environ, "PATH": path})


FLAGS = ("check", "outdated", "no_other_files", "comment", "sarif")


@pytest.mark.parametrize("value", ["true", "false", ""])
def test_a_flag_of_the_action_is_true_or_false(value: str, action: Action) -> None:
    on, off = dict.fromkeys(("check", "comment"), "true"), ("outdated", "no-other-files", "sarif")
    for name in FLAGS:
        done = action.step(0, plan="plan.json", **{name: value})
        assert done.returncode == 0, done.stderr
        chosen = {name.replace("_", "-"): value} if value else {}
        assert action.installed == on | dict.fromkeys(off, "false") | chosen
        assert done.stdout == f"<install><--quiet><{action.environ['GITHUB_ACTION_PATH']}>"


@pytest.mark.parametrize("name", FLAGS)
def test_another_word_for_a_flag_of_the_action_is_refused(name: str, action: Action) -> None:
    """It would pass as false, and the gate would be open."""
    for value in ("True ", "yes", "1", " ", "\n", "true\n", "false\ntrue", '"true"', "'"):
        done = action.step(0, plan="plan.json", **{name: value})
        assert (done.returncode, action.installed) == (2, {}), value
        assert done.stdout.startswith(f"::error::{name.replace('_', '-')} is ")
        assert done.stdout.count("\n") == 1


def test_an_action_that_checks_nothing_fails(action: Action) -> None:
    done = action.step(0, check="false")
    assert (done.returncode, "nothing would be checked" in done.stdout) == (2, True)
    assert action.step(0, check="false", plan="plan.json").returncode == 0
    assert action.step(0, check="false", coverage="policy.json").returncode == 0
    conditions = [step.get("if", "") for step in action.steps]
    assert conditions[1] == "steps.install.outputs.check == 'true'"
    assert conditions[2] == "${{ !cancelled() && inputs.coverage != '' }}"
    assert conditions[3] == "${{ !cancelled() && inputs.plan != '' }}"


def test_the_action_fails_on_what_its_flags_name(action: Action) -> None:
    assert action.step(0, outdated="true", no_other_files="true").returncode == 0
    assert action.step(1).returncode == 0
    (action.consumer / MODULE / "mine.tf").write_text("# mine\n")
    assert action.step(1).returncode == 1
    assert action.step(0, outdated="true").returncode == 0
    assert action.step(1).returncode == 0
    toml = action.consumer / "vpc-cni-iam.toml"
    toml.write_text(toml.read_text().replace("v1.23.2", "v1.23.1"))
    run("sync", cwd=action.consumer)
    assert action.step(1).returncode == 1
    assert action.step(0).returncode == 0
    assert action.step(1).returncode == 0


WIDEN = ROOT / "tests" / "review" / "plans" / "widen.terraform-1.15.5.json"
NEW, LOST = "new-access", "coverage-lost"


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("fail_on", LOST, 0),
        ("fail_on", f"{LOST}\n{NEW}", 1),
        ("fail_on", f"{LOST}\n{NEW}\n", 1),
        ("fail_on", f"\n\n  {LOST}\r\n\t{NEW}\r\n", 1),
        ("fail_on", f"{LOST},\n{NEW}", 1),
        ("fail_on", f"{LOST} , {NEW}", 1),
        ("fail_on", f"  {LOST}\n\n", 0),
        ("fail_on", "", 1),  # the default, a warning
        ("fail_on", " \n ", 1),
        ("fail_on", f"{LOST}\nnew-acess", 2),
        ("fail_on", f"- {LOST}\n- {NEW}", 2),
        ("fail_on", f'{LOST}\n"{NEW}"', 2),
        ("fail_on", f"{LOST}\n'{NEW}'", 2),
        ("fail_on", f"{LOST},,{NEW}", 2),
        ("fail_on", f"{LOST}\n*", 2),
        ("fail_on", f"{LOST}\n$(touch ran)", 2),
        ("fail_on", f"{LOST} --help", 2),
        ("working_directory", "", 1),
        ("working_directory", "./", 1),
        ("mode", "ipv4", 1),
        ("mode", "ipv4\n", 2),
        ("mode", "ipv4\nipv6", 2),
        ("mode", " ", 2),
        ("mode", '"ipv4"', 2),
        ("cni_version", "v1.20.4\nv1.23.2", 2),
        ("cni_version", "v1.20.4\n", 2),
        ("cni_version", "'v1.20.4'", 2),
        ("cni_version", "\n", 2),
        ("source", " ", 3),
        ("source", ".\n.", 3),
        ("source", '"."', 3),
        ("plan", "plan.json\nplan.json", 3),
        ("plan", " ", 3),
        ("plan", '"plan.json"', 3),
        ("plan", "*.json", 3),
    ],
)
def test_an_input_of_the_review_is_read_whole_or_refused(
    name: str, value: str, code: int, action: Action
) -> None:
    shutil.copy(WIDEN, action.consumer / "plan.json")
    assert action.step(0).returncode == 0
    done = action.step(3, **{"plan": "plan.json", name: value})
    assert done.returncode == code, done.stdout + done.stderr
    assert not (action.consumer / "ran").exists()
    reviewed = "the plan was not reviewed" not in action.summary.read_text()
    assert reviewed is (code < 2)


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("document", "ipv4-scoped", 0),
        ("document", "ipv4-scoped\n", 2),
        ("document", "ipv4-scoped\nipv4", 2),
        ("document", '"ipv4-scoped"', 2),
        ("mode", "ipv4", 0),
        ("mode", "ipv4\n", 2),
        ("cni_version", "v1.20.4", 0),
        ("cni_version", "v1.20.4\n", 2),
        ("cni_version", " ", 2),
        ("coverage", MODULE, 0),
        ("coverage", f"{MODULE}\n", 3),
        ("coverage", "modules/*", 3),
    ],
)
def test_an_input_of_the_coverage_is_read_whole_or_refused(
    name: str, value: str, code: int, action: Action
) -> None:
    assert action.step(0).returncode == 0
    done = action.step(2, **{"coverage": MODULE, name: value})
    assert done.returncode == code, done.stdout + done.stderr


def test_a_package_is_one_word(action: Action) -> None:
    package = "vpc-cni-iam @ git+https://git.example.com/x@v1\n*"
    done = action.step(0, package=package)
    assert (done.returncode, done.stdout) == (0, f"<install><--quiet><{package}>")


def reviews_a_plan(action: Action) -> None:
    reviewed = ROOT / "tests" / "review"
    shutil.copy(reviewed / "plans" / "widen.terraform-1.15.5.json", action.consumer / "plan.json")
    shutil.copy(reviewed / "configurations" / "widen" / "after" / "main.tf", action.consumer)
    action.summary.unlink()
    assert action.step(3, plan="plan.json").returncode == 1
    action.summary.unlink()
    action.output.unlink()
    done = action.step(3, plan="plan.json", source=".")
    assert done.returncode == 1, done.stderr
    assert "ec2:TerminateInstances" in done.stdout
    assert "### IAM review fails: 2 errors" in action.summary.read_text()
    written = action.reviewed()
    assert action.summary.read_text() == "\n" + Path(written["markdown"]).read_text()
    results = json.loads(Path(written["sarif"]).read_text())["runs"][0]["results"]
    place = results[0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "main.tf"
    assert "<h1>IAM review of plan.json</h1>" in Path(written["html"]).read_text()
    assert action.step(3, plan="plan.json", fail_on="coverage-lost").returncode == 0
    several = action.step(3, plan="plan.json", fail_on="coverage-lost, new-access")
    assert "fails (--fail-on coverage-lost or new-access)" in several.stdout
    plan = json.loads((action.consumer / "plan.json").read_text())
    addon = {"cluster_name": "c", "addon_name": "vpc-cni", "addon_version": "v1.20.4-eksbuild.1"}
    change = {"actions": ["no-op"], "before": addon, "after": addon, "after_unknown": {}}
    provider = "registry.terraform.io/hashicorp/aws"
    plan["resource_changes"].append(
        {
            **{"address": "aws_eks_addon.c", "mode": "managed", "type": "aws_eks_addon"},
            **{"name": "c", "provider_name": provider, "change": change},
        }
    )
    (action.consumer / "addon.json").write_text(json.dumps(plan))
    assert "aws-node in c: unknown with v1.20.4" in action.step(3, plan="addon.json").stdout
    # What is left of an earlier run is not shown again.
    for inputs in ({"plan": "gone.json"}, {"plan": "--help"}, {"plan": "plan.json", "mode": "5"}):
        action.summary.unlink()
        action.output.unlink(missing_ok=True)
        assert action.step(3, **inputs).returncode in (2, 3)
        assert "the plan was not reviewed" in action.summary.read_text()
        assert not action.output.exists()
    assert (
        "v1.20.4 (IPv6, --cni-version)"
        in action.step(3, plan="plan.json", mode="ipv6", cni_version="v1.20.4").stdout
    )


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ("vendor.github-actions", "action.yml"),
        ("vendor.gitlab-ci", "templates/vpc-cni-iam.gitlab-ci.yml"),
    ],
)
def test_published_schemas_accept_our_files(schema: str, name: str) -> None:
    words = ["--builtin-schema", schema, str(ROOT / name)]
    if "gitlab" in schema:
        words += ["--data-transform", "gitlab-ci"]
    done = CliRunner().invoke(check_jsonschema.main, words)
    assert done.exit_code == 0, done.output


def gitlab_matches(pattern: str, name: str) -> bool:
    """As Ruby's File.fnmatch does with the flags that GitLab sets, for the patterns we use."""
    parts = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
    return re.fullmatch(parts, name) is not None


def test_the_gitlab_template_runs_what_it_should(consumer: Path) -> None:
    template = yaml.safe_load((ROOT / "templates" / "vpc-cni-iam.gitlab-ci.yml").read_text())
    job = template["vpc-cni-iam"]
    # A variable of the job would hide one of the same name at the top of the user's file.
    assert "variables" not in job
    install, *checking = job["script"]
    check = "\n".join(checking)
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environ["VPC_CNI_IAM_OPTIONS"] = "--outdated --quiet"
    unset = subprocess.run(
        ["bash", "-ec", install], env=environ, check=False, capture_output=True, text=True
    )
    assert unset.returncode != 0
    assert "set it to what pip is to install" in unset.stderr
    command = install.replace("pip install", "printf '%s\\n'")
    expected = {**environ, "VPC_CNI_IAM": "vpc-cni-iam @ git+https://x.test/y@v1"}
    result = subprocess.run(["bash", "-ec", command], env=expected, capture_output=True, check=True)
    assert result.stdout.decode().splitlines()[-1] == expected["VPC_CNI_IAM"]
    done = subprocess.run(["bash", "-ec", check], cwd=consumer, env=environ, check=False)
    assert done.returncode == 0
    # All lines count, and no name of a file is an option.
    (consumer / "--quiet").touch()
    for options, code in (("--quiet\n--no-other-files", 1), ("--quiet", 0), ("--qui*", 2)):
        (consumer / MODULE / "mine.tf").touch()
        words = {**environ, "VPC_CNI_IAM_OPTIONS": options}
        done = subprocess.run(["bash", "-ec", check], cwd=consumer, env=words, check=False)
        assert done.returncode == code, options
    git(consumer, "clean", "-fdq")
    (rule,) = template["vpc-cni-iam"]["rules"]
    tracked = git(consumer, "ls-files").splitlines()
    replacing = ("m/main.tofu", "m/override.tf.json", "m/x_override.tofu.json")
    for name in (*tracked, *replacing):
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


def test_the_gitlab_template_reviews_a_plan(tmp_path: Path) -> None:
    template = yaml.safe_load((ROOT / "templates" / "vpc-cni-iam.gitlab-ci.yml").read_text())
    job = template["vpc-cni-iam-review"]
    assert "variables" not in job
    assert job["script"][0] == template["vpc-cni-iam"]["script"][0]

    def gitlab(**variables: str) -> subprocess.CompletedProcess[str]:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return subprocess.run(
            ["bash", "-ec", "\n".join(job["script"][1:])],
            cwd=tmp_path,
            env={**os.environ, "PATH": path, **variables},
            check=False,
            capture_output=True,
            text=True,
        )

    plan = ROOT / "tests" / "review" / "plans" / "widen.terraform-1.15.5.json"
    done = gitlab(VPC_CNI_IAM_PLAN=str(plan))
    assert done.returncode == 1, done.stderr
    artifacts = job["artifacts"]
    names = {*artifacts["paths"], artifacts["reports"]["junit"]}
    assert {path.name for path in tmp_path.iterdir()} == names
    source = tmp_path / "the root"
    shutil.copytree(plan.parent.parent / "configurations" / "widen" / "after", source)
    values = {"PLAN": str(plan), "SOURCE": source.name, "REVIEW_OPTIONS": "--fail-on coverage-lost"}
    done = gitlab(**{f"VPC_CNI_IAM_{name}": v for name, v in values.items()})
    assert done.returncode == 0, done.stderr
    assert 'file="the root/main.tf"' in (tmp_path / artifacts["reports"]["junit"]).read_text()
    assert gitlab(VPC_CNI_IAM_PLAN="--help").returncode == 3
    shutil.copy(plan, tmp_path / "plan.json")
    (tmp_path / "coverage-lost").touch()
    for value, code in (
        ("--fail-on coverage-lost\n--fail-on new-access\n", 1),
        ("--fail-on\n  coverage-lost", 0),
        ("--fail-on coverage-lost,new-access", 2),
        ('--fail-on "coverage-lost"', 2),
        ("--fail-on *", 2),
        ("--fail-on coverage-l*", 2),
        ("--fail-on $(touch ran)", 2),
        ("\n", 1),
    ):
        done = gitlab(VPC_CNI_IAM_PLAN="plan.json", VPC_CNI_IAM_REVIEW_OPTIONS=value)
        assert done.returncode == code, (value, done.stderr)
    for name, value, code in (
        ("PLAN", "plan.json\nplan.json", 3),
        ("PLAN", " ", 3),
        ("SOURCE", " ", 3),
        ("SOURCE", '"."', 3),
    ):
        variables = {"VPC_CNI_IAM_PLAN": "plan.json", f"VPC_CNI_IAM_{name}": value}
        assert gitlab(**variables).returncode == code, (name, value)
    assert not (tmp_path / "ran").exists()


def test_pre_commit_looks_at_the_files_that_matter() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert hook["require_serial"] is True
    assert hook["pass_filenames"] is False
    for name in (
        "vpc-cni-iam.toml",
        "a/m/main.tf",
        "a/m/tests/policy.tftest.hcl",
        "a/m/README.md",
        "a/m/.vpc-cni-iam/manifest",
    ):
        assert re.search(hook["files"], name), name
    assert not re.search(hook["files"], "src/main.py")


def test_ci_kills_some_hundreds_of_times() -> None:
    text = (ROOT / ".ci" / "run").read_text()
    assert text.index("export CI=1") < text.index("step make test")
