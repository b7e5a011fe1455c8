"""The bar: on a terminal, when it takes long, and nowhere else."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

from account_details import NODES, details, role
from conftest import ROOT, write_tree

PLAN = ROOT / "tests" / "review" / "plans" / "nested.terraform-1.15.5.json"
IMPATIENT = """
import vpc_cni_iam.cli.main
import vpc_cni_iam.cli.common
vpc_cni_iam.cli.common.PATIENCE = {}
vpc_cni_iam.cli.main.main()
"""


def on_a_terminal(patience: float, *words: str) -> tuple[str, str]:
    """What a command prints to stdout, and to a terminal that is its stderr."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", IMPATIENT.format(patience), *words]
    environ = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=theirs, env=environ, text=True
    ) as process:
        os.close(theirs)
        seen = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # its other end is closed
                break
            seen += piece
            if not piece:
                break
        out, _ = process.communicate()
    os.close(ours)
    return out, seen.decode()


def test_a_bar_says_how_much_of_a_plan_is_read(tmp_path: Path) -> None:
    large = {**json.loads(PLAN.read_bytes()), "checks": [" " * 10**5] * 200}
    (tmp_path / "plan.json").write_text(json.dumps(large))
    out, seen = on_a_terminal(-1, "review", str(tmp_path / "plan.json"))
    assert "reading the plan" in seen and "%" in seen
    assert "reading" not in out and "the review fails" in out
    # It is gone in the end, and the cursor is back.
    assert seen.rstrip().endswith("\x1b[2K") and "\x1b[?25h" in seen


def test_a_bar_says_how_much_of_accounts_is_read(tmp_path: Path) -> None:
    (tmp_path / "account.json").write_text(details(*(role(f"r{n}", NODES) for n in range(300))))
    out, seen = on_a_terminal(-1, "audit", str(tmp_path / "account.json"))
    assert "reading accounts" in seen and "%" in seen
    assert "reading" not in out and "300 roles of 1 account read" in out


def test_a_bar_says_how_many_files_are_converted(tmp_path: Path) -> None:
    statement = {"Effect": "Allow", "Action": "s3:A", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    write_tree(tmp_path, {f"{n}.json": policy for n in range(9)})
    files = [str(tmp_path / f"{n}.json") for n in range(9)]
    out, seen = on_a_terminal(-1, "convert", *files, "--output", str(tmp_path / "out"))
    assert "converting" in seen and "100%" in seen
    assert "9 converted, 0 refused" in seen and len(out.splitlines()) == 9


def test_what_is_quick_has_no_bar() -> None:
    assert on_a_terminal(60, "review", str(PLAN))[1] == ""
