"""Plans as CI, shells and engines of any age hand them over."""

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import run
from synthetic import allow, document, plan, policy

PLAN = plan(policy("p", document(allow("s3:A")), document(allow("s3:B"))))
# What the wrapper of hashicorp/setup-terraform prints around the output of an engine.
HEAD = b"[command]/home/runner/work/_temp/terraform-bin show -json tfplan\n"
TAIL = b"\n::debug::Terraform exited with code 0.\n::debug::stdout: {%0A}\n::debug::exitcode: 0\n"


@pytest.mark.parametrize(
    "text",
    [
        HEAD + PLAN,
        HEAD + PLAN + TAIL,
        b"::debug::x\n" + HEAD + b"\n" + PLAN + b"\n" + TAIL.rstrip(),
        b"\xef\xbb\xbf" + HEAD + PLAN + TAIL,
        (HEAD + PLAN + TAIL).decode().encode("utf-16"),
        gzip.compress(HEAD + PLAN + TAIL),
    ],
    ids=["head", "both", "debug", "mark", "UTF-16", "gzip"],
)
def test_what_a_wrapper_writes_around_a_plan_is_passed(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(text)
    done = run("review", path, "--format", "json")
    assert (done.code, "new-access" in done.out, done.err) == (1, True, "")
    command = [sys.executable, "-m", "vpc_cni_iam", "review", "-", "--format", "json"]
    piped = subprocess.run(command, input=text, capture_output=True, check=False)
    assert (piped.returncode, b"new-access" in piped.stdout) == (1, True), piped.stderr


@pytest.mark.parametrize("text", [HEAD, HEAD + b"Error: x\n", b"[1]", PLAN + b"x", HEAD + b"[1]"])
def test_what_is_no_plan_is_refused(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(text)
    done = run("review", path)
    assert (done.code, done.out) == (3, ""), done.out
