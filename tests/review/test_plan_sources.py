"""Where a plan may come from, and what is said where it cannot be had."""

import gzip
import io
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from conftest import (
    COMMAND,
    OFFLINE_PROVIDER,
    TERRAFORM_NEWEST,
    TOFU,
    engine_environment,
    run,
)
from synthetic import allow, document, plan, policy
from vpc_cni_iam.errors import EngineError, InputError
from vpc_cni_iam.review.obtain import obtain

PLAN = plan(policy("p", None, document(allow("ec2:A"))))


def through_a_pipe(text: bytes, folder: Path) -> str:
    """Make a pipe with a name, as ``<(terraform show -json tfplan)`` is one."""
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    threading.Thread(target=pipe.write_bytes, args=(text,), daemon=True).start()
    return str(pipe)


@pytest.mark.parametrize("text", [PLAN, gzip.compress(PLAN)])
def test_a_plan_may_come_through_a_pipe_with_a_name(text: bytes, tmp_path: Path) -> None:
    plan = obtain(through_a_pipe(text, tmp_path), io.BytesIO(), "auto", {})
    assert [r.address for r in plan.resources] == ["aws_iam_policy.p"]


def test_a_plan_says_where_it_comes_from(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_bytes(PLAN)
    for name in ("-", str(tmp_path / "plan.json")):
        source = obtain(name, io.BytesIO(PLAN), "auto", {}).source
        assert source == ("standard input" if name == "-" else name)


def test_a_saved_plan_that_comes_through_a_pipe_cannot_be_shown(tmp_path: Path) -> None:
    name = through_a_pipe(b"PK\x03\x04", tmp_path)
    with pytest.raises(InputError, match=r"pipe: is a saved plan.*name the file"):
        obtain(name, io.BytesIO(), "auto", {})


def test_a_plan_without_a_name_is_wrong_usage() -> None:
    done = run("review", "")
    assert (done.code, done.out) == (2, "")
    assert "PLAN is empty" in done.err


@pytest.mark.parametrize(
    ("closed", "name", "code"),
    [("<&-", "-", 3), (">&-", "plan.json", 1), ("2>&-", "gone.json", 3), ("2>&-", "plan.json", 1)],
)
def test_a_closed_stream_is_no_crash(closed: str, name: str, code: int, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_bytes(PLAN)
    words = [*map(str, COMMAND), "review", name]
    done = subprocess.run(
        ["bash", "-c", f'"$@" {closed}', "bash", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == code, done.stderr


@pytest.mark.parametrize(("name", "problem"), [("gone", "does not exist"), ("x" * 300, "too long")])
def test_a_file_that_cannot_be_opened_is_an_error_that_names_it(name: str, problem: str) -> None:
    with pytest.raises(InputError, match=f"^{name}: .*{problem}"):
        obtain(name, io.BytesIO(), "auto", {})


FAILS = "echo no plan of mine >&2; exit 1"
SHOWS = 'test "$*" = "show -json -no-color $PWD/tfplan" && cat plan.json'


@pytest.mark.parametrize(
    ("engines", "choice", "problem"),
    [
        ({"terraform": SHOWS}, "auto", ""),
        ({"terraform": FAILS, "tofu": SHOWS}, "auto", ""),
        ({"terraform": FAILS, "tofu": SHOWS}, "tofu", ""),
        (
            {"terraform": FAILS, "tofu": SHOWS},
            "terraform",
            "terraform show .*no plan",
        ),
        (
            {"terraform": FAILS, "tofu": FAILS},
            "auto",
            "terraform show .*tofu show .*Only",
        ),
        ({}, "auto", "is a saved plan, but no engine to show it is on the PATH"),
        ({"terraform": SHOWS}, "tofu", "tofu"),
    ],
)
def test_a_saved_plan_is_shown_by_the_engine_that_can(
    engines: dict[str, str], choice: str, problem: str, tmp_path: Path
) -> None:
    environ = shown_by(engines, tmp_path)
    if not problem:
        plan = obtain(str(tmp_path / "tfplan"), io.BytesIO(), choice, environ)
        assert [r.address for r in plan.resources] == ["aws_iam_policy.p"]
        return
    with pytest.raises(EngineError, match=f"(?s){problem}"):
        obtain(str(tmp_path / "tfplan"), io.BytesIO(), choice, environ)


def test_an_engine_shows_a_plan_in_the_directory_that_is_named_if_it_is_one(tmp_path: Path) -> None:
    """And with the data directory that the user initialised."""
    environ = shown_by({"terraform": 'test -z "$TF_CLI_ARGS" && cat "$TF_DATA_DIR.json"'}, tmp_path)
    environ |= {"TF_DATA_DIR": "data", "TF_CLI_ARGS": "-bad"}
    (tmp_path / "other").mkdir()
    for folder, name in ((tmp_path, "here"), (tmp_path / "other", "there")):
        text = plan(policy(name, None, document(allow("ec2:A"))))
        (folder / "data.json").write_bytes(text)
    for directory, name in (
        (None, "here"),
        (tmp_path / "gone", "here"),
        (tmp_path / "other", "there"),
    ):
        shown = obtain(str(tmp_path / "tfplan"), io.BytesIO(), "auto", environ, directory=directory)
        assert [r.address for r in shown.resources] == [f"aws_iam_policy.{name}"]


def shown_by(engines: dict[str, str], folder: Path) -> dict[str, str]:
    """Make a saved plan beside its JSON, and engines; return an environment with these alone."""
    (folder / "plan.json").write_bytes(PLAN)
    with zipfile.ZipFile(folder / "tfplan", "w") as archive:
        archive.writestr("tfplan", "")
    (folder / "bin").mkdir()
    for name, script in engines.items():
        (folder / "bin" / name).write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
        (folder / "bin" / name).chmod(0o755)
    return {"PATH": str(folder / "bin")}


PLANNED = """
resource "aws_iam_policy" "p" {
  name   = "p"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "s3:*", Resource = "*" }] })
}
"""


def saved(name: str, folder: Path, **more: str) -> tuple[Path, dict[str, str]]:
    """Plan its own root module; return it, with the environment that the engine had."""
    folder.mkdir()
    root = folder / "root"
    root.mkdir()
    (root / "main.tf").write_text(OFFLINE_PROVIDER + PLANNED)
    environ = engine_environment(name, folder) | more
    binary = folder / "engine-bin" / name.partition("-")[0]
    for words in (["init", "-input=false"], ["plan", "-input=false", "-out=tfplan"]):
        subprocess.run([binary, *words], cwd=root, env=environ, check=True, capture_output=True)
    return root, environ


def test_auto_finds_the_engine_that_made_a_plan(tmp_path: Path) -> None:
    root, environ = saved(TOFU, tmp_path / "tofu")
    newest = engine_environment(TERRAFORM_NEWEST, tmp_path)
    both = {
        **environ,
        "PATH": f"{newest['PATH'].split(os.pathsep)[0]}{os.pathsep}{environ['PATH']}",
    }
    plan = obtain(str(root), io.BytesIO(), "auto", both)
    assert [r.address for r in plan.resources] == ["aws_iam_policy.p"]
    with pytest.raises(EngineError, match=r"(?s)tfplan: terraform show failed.*engine and version"):
        obtain(str(root), io.BytesIO(), "terraform", both)


def test_a_plan_that_was_saved_elsewhere_is_shown_in_its_root_module(tmp_path: Path) -> None:
    root, environ = saved(TERRAFORM_NEWEST, tmp_path / "one", TF_DATA_DIR=".elsewhere")
    assert not (root / ".terraform").exists()
    odd = tmp_path / "-plans with spaces"
    odd.mkdir()
    plan_file = (root / "tfplan").rename(odd / "-tfplan")
    with pytest.raises(EngineError, match=r"(?s)tfplan: terraform show failed.*with --source"):
        obtain(str(plan_file), io.BytesIO(), "auto", environ)
    done = run("review", "--source", root, "--", "-tfplan", cwd=odd, env=environ)
    assert (done.code, done.err) == (1, "")
    assert "aws_iam_policy.p policy, main.tf:12" in done.out


MEASURED = r"""
import atexit, re, sys
from vpc_cni_iam.cli.main import main
# That of getrusage may be the test's own, from which this process was forked.
peak = lambda: re.search(r"VmHWM:\s*(\d+)", open("/proc/self/status").read())[1]
atexit.register(lambda: print(peak(), file=sys.stderr))
main()
"""


def test_what_an_engine_shows_is_not_in_memory_as_a_whole(tmp_path: Path) -> None:
    large = "printf '{\"other\": \"'; head -c 150M /dev/zero | tr '\\0' x; printf '\", '"
    path = shown_by({"terraform": f"{large}; tail -c +2 plan.json"}, tmp_path)["PATH"]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, "review", "tfplan"],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "aws_iam_policy.p" in done.stdout) == (1, True), done.stderr
    # Pages that were passed are the system's to take back; the text itself would be there thrice.
    assert int(done.stderr) < 250 * 1024
