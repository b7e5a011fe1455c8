"""What SECURITY.md promises, as the system sees the main commands run."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

import watched
from conftest import ROOT, read_tree, run, write_tree
from upstream_standins import MAIN, page, source_of
from vpc_cni_iam.cli.main import application

SCOPED = "policy ipv4-scoped --cluster-name prod --vpc-id vpc-0123456789abcdef0"
ACTION = "ec2:CreateTags"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ACTION, "Resource": "*"}],
}
ROLE = {
    "RoleName": "nodes",
    "Arn": "arn:aws:iam::111122223333:role/nodes",
    "AssumeRolePolicyDocument": {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "ec2.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    },
    "RolePolicyList": [{"PolicyName": "own", "PolicyDocument": POLICY}],
    "AttachedManagedPolicies": [],
}
# Each after those before it, in one folder; what a command may start besides itself.
COMMANDS = {
    "generate": "",
    "generate role --kind role": "",
    "policy ipv4 --cni-version latest": "",
    f"{SCOPED} --format hcl": "",
    f"{SCOPED} --format table": "",
    "verify vpc-cni-iam-policy --engine none": "",
    "catalog": "",
    "init --path infra/cni --variant ipv4": "",
    "sync": "git",
    "accept infra/cni/README.md ours": "",
    "sync infra/cni": "git",
    "check": "",
    "sync --dry-run": "git",
    "upgrade --revision 2024-07-22": "git",
    "publish --cni-version latest --version 1.0.0 --output dist --namespace platform "
    "--registry-host registry.example.com": "",
    "convert policy.json --output hcl": "",
    "coverage policy.json": "",
    "coverage --variant ipv4-scoped --all-versions --format svg": "",
    "compare policy.json policy.json": "",
    "audit account.json": "",
    "explain denied.log": "",
    "preflight instances.json --cluster-name prod": "",
    "review plan.json --source . --format json": "",
    "schema review": "",
    "--version": "",
    "upstream check page.md": "",
    "upstream import new.md --cni-version v1.24.0 --date 2026-11-02 --output new --commit "
    + "ab" * 20: "",
    "upstream calls checkout": "",
}


def watch(words: str, cwd: Path, log: Path) -> tuple[int, list[list[str]], str]:
    log.write_text("")
    done = subprocess.run(
        [sys.executable, "-B", watched.__file__, str(log), *words.split()],
        cwd=cwd,
        env={
            **os.environ,
            "TMPDIR": str(temporary(log)),
            "PYTHONPATH": str(ROOT),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    events = [json.loads(line) for line in log.read_text().splitlines()]
    return done.returncode, events, done.stdout + done.stderr


def temporary(log: Path) -> Path:
    folder = log.with_name("temporary")
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def outer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outer")


@pytest.fixture(scope="module")
def system_calls(outer: Path) -> dict[str, list[list[str]]]:
    """What each command asked of the system, in its own folder inside a larger one."""
    work = outer / "work"
    new = page(ipv6=lambda t: t.replace("ec2:DescribeTags", "ec2:DescribeVpcs"))
    plans = ROOT / "tests" / "review" / "plans"
    files = {
        "infra/cni/README.md": "# ours\n",
        "page.md": page(),
        "new.md": new,
        "checkout/main.go": MAIN,
        "policy.json": json.dumps(POLICY),
        "iam.tf": 'resource "aws_iam_policy" "p" {\n'
        f"  policy = jsonencode({json.dumps(POLICY)})\n}}\n",
        "account.json": json.dumps({"RoleDetailList": [ROLE], "Policies": []}),
        "denied.log": f"Unauthorized operation: failed to call {ACTION} due to missing permissions",
        "instances.json": '{"Reservations": []}',
        "plan.json": (plans / "widen.terraform-1.15.5.json").read_text(),
    }
    sources = {f"checkout/{k}": v for k, v in source_of(["ec2:CreateTags"]).items()}
    write_tree(work, files | sources)
    result = {}
    for words in COMMANDS:
        code, events, stderr = watch(words, work, outer / "log")
        assert code in (0, 1), f"{words}: {stderr}"
        result[words] = events
    assert {p.name for p in outer.iterdir()} == {"work", "log", "temporary"}
    assert list((outer / "temporary").iterdir()) == []
    return result


def test_every_command_is_watched() -> None:
    commands = get_command(application([])).commands.keys()  # type: ignore[attr-defined]
    # `serve` listens.
    assert commands - {words.split()[0] for words in COMMANDS} == {"serve"}


def test_no_command_opens_a_connection(system_calls: dict[str, list[list[str]]]) -> None:
    for words, events in system_calls.items():
        assert [e for e in events if e[0] in watched.CONNECTS] == [], words


def test_no_command_starts_a_program_that_it_need_not(
    system_calls: dict[str, list[list[str]]],
) -> None:
    for words, events in system_calls.items():
        started = {e[1] for e in events if e[0] in watched.STARTS}
        assert started == {COMMANDS[words]} - {""}, words


def test_nothing_is_written_outside_the_directory(
    outer: Path, system_calls: dict[str, list[list[str]]]
) -> None:
    allowed = (f"{outer / 'work'}", f"{outer / 'temporary'}/", os.devnull)
    written = 0
    for words, events in system_calls.items():
        for event, *places in events:
            if event == "open" or event in watched.CHANGES:
                written += 1
                for place in places:
                    # The grammar's tables, which python-hcl2 keeps beside itself like bytecode.
                    own = place.endswith("/hcl2/.lark_cache.bin")
                    assert own or place.startswith(allowed), f"{words}: {event} {place}"
    assert written > 50  # the hook does see them


@pytest.mark.parametrize(
    ("git", "path", "place"),
    [
        (".", "../away", "away"),
        (".", "link/away", "away"),
        ("work", "../../away", "away"),
        ("work", "../other", "work/other"),
    ],
)
def test_a_module_outside_the_repository_is_refused(
    git: str, path: str, place: str, tmp_path: Path
) -> None:
    """Outside the git checkout; where there is none, outside the configuration's directory."""
    work = tmp_path / "work" / "infra" if git != "." else tmp_path / "work"
    toml = f'[[module]]\npath = "{path}"\ncni_version = "latest"\n'
    write_tree(work, {"vpc-cni-iam.toml": toml})
    if git != ".":
        (tmp_path / git / ".git").mkdir()
    (tmp_path / "away").mkdir()
    (work / "link").symlink_to(tmp_path)
    done = run("sync", cwd=work)
    inside = place != "away"
    assert done.code == (0 if inside else 2), done.out + done.err
    assert inside or f"vpc-cni-iam.toml: line 2: path '{path}' leaves" in done.err
    assert (tmp_path / place / "main.tf").exists() is inside


# Text that would show if it were run by Python, a shell, jinja2 or an engine.
HOSTILE = 'x"; touch ran; $(touch ran) `touch ran` {{ 7*7 }} {% raw %} ${file("/etc/passwd")}'


def test_no_code_from_input_is_run(tmp_path: Path) -> None:
    statement = {"Effect": "Allow", "Action": HOSTILE, "Resource": HOSTILE}
    hostile_page = json.dumps({"Version": "2012-10-17", "Statement": statement})
    quoted = json.dumps(HOSTILE)
    files = {
        "page.md": hostile_page + page().partition("## ")[2],
        "m/main.tf": 'data "aws_iam_policy_document" "ipv4" {\n statement {\n'
        f'  actions = [{quoted.replace("${", "$${")}, file("/etc/passwd")]\n }}\n}}\n',
        "a/vpc-cni-iam.toml": f"[[module]]\npath = {quoted}\n",
        "b/vpc-cni-iam.toml": f'[[module]]\npath = "m"\nvariants = [{quoted}]\n',
        "policy.json": json.dumps(POLICY),
        "daemonset.yaml": 'spec: !!python/object/apply:os.system ["touch ran"]\n',
        "go/main.go": f"package main\n\nfunc main() {{ run({quoted}) }}\n",
    }
    work = write_tree(tmp_path / "work", files)
    for words in (
        "upstream check page.md",
        "verify m --engine none",
        "sync --config a/vpc-cni-iam.toml",
        "check --config b/vpc-cni-iam.toml",
        "upstream calls go",
        "coverage policy.json --daemonset daemonset.yaml",
    ):
        _, events, stderr = watch(words, work, tmp_path / "log")
        assert "Traceback" not in stderr
        assert [e for e in events if e[0] in watched.STARTS] == [], words
        compiled = [e[1] for e in events if e[0] == "compile"]
        assert not any("touch ran" in source or "7*7" in source for source in compiled), words
        assert "49" not in stderr.replace("2849", ""), words
    assert not list(tmp_path.rglob("ran"))


def test_a_template_in_a_name_stays_text(tmp_path: Path) -> None:
    done = run(
        "policy", "ipv4-scoped", "--cluster-name", "{{7*7}}", "--vpc-id", "vpc-1", cwd=tmp_path
    )
    assert (done.code, "49" in done.out + done.err) == (2, False)
    done = run("generate", "{{7*7}}", cwd=tmp_path)
    assert done.code == 0
    # The README of the module names its directory.
    texts = read_tree(tmp_path)
    assert not any("49" in text for name, text in texts.items() if name.endswith("README.md"))
    assert [n for n, text in texts.items() if "{{7*7}}" in text] == ["{{7*7}}/README.md"]


def test_a_secret_is_in_no_output_and_no_file(tmp_path: Path) -> None:
    secret = "glpat-0123456789-hush"
    names = ("GITLAB_TOKEN", "AWS_SECRET_ACCESS_KEY", "TF_VAR_password")
    words = "publish --cni-version latest --version 1.0.0 --output dist --namespace platform"
    words += " --registry-host registry.example.com"
    for more, code in (("", 0), (" --oci-repository 127.0.0.1:1/x", 3)):
        done = run(*(words + more).split(), cwd=tmp_path, env=dict.fromkeys(names, secret))
        assert done.code == code
        assert secret not in done.out + done.err
    assert "cannot be asked for its tags" in done.err
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes()


def table() -> list[tuple[str, str]]:
    text = (ROOT / "SECURITY.md").read_text()
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", text, re.MULTILINE)
    return [(promise, tests) for promise, tests in rows if "---" not in promise]


def test_every_promise_names_tests_that_exist() -> None:
    rows = table()[1:]
    assert len(rows) >= 10
    for promise, tests in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", tests)
        assert named, promise
        for path, name in named:
            assert_is_a_test(path, name)


def assert_is_a_test(path: str, name: str) -> None:
    assert re.search(rf"^def {name}\(", (ROOT / path).read_text(), re.MULTILINE), name


def test_the_threat_model_names_tests_that_exist() -> None:
    text = (ROOT / "docs" / "threat-model.md").read_text()
    defences = text.partition("## What stops them")[2].partition("## What is not")[0]
    for defence in re.split(r"^\*\*", defences, flags=re.MULTILINE)[1:]:
        tests = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", defence)
        assert tests, defence
        for path, name in tests:
            assert_is_a_test(path, name)
