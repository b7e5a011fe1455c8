"""Completion is installed for each shell as docs/reference.md says."""

import re
import sys
from pathlib import Path

import pytest

from conftest import ROOT, run

SECTION = (ROOT / "docs" / "reference.md").read_text().partition("## Completion\n")[2]
ROWS = dict(re.findall(r"^\| (bash|zsh|fish) \| (.*) \|$", SECTION, re.MULTILINE))


@pytest.mark.parametrize("shell", ROWS)
def test_completion_is_written_where_the_page_says(shell: str, tmp_path: Path) -> None:
    (tmp_path / ".bashrc").write_text("# mine\n")
    # So that a shell can be named; a person's is found by its process.
    environ = {"HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    program = str(Path(sys.executable).parent / "vpc-cni-iam")
    done = run("--install-completion", shell, env=environ, command=[program])
    assert done.code == 0, done.err
    named = re.findall(r"`~/([^`]+)`", ROWS[shell])
    written = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert written == {*named, ".bashrc"}
    assert "vpc-cni-iam" in (tmp_path / named[0]).read_text()
    assert (tmp_path / ".bashrc").read_text().startswith("# mine\n")


def test_the_page_has_each_shell() -> None:
    assert set(ROWS) == {"bash", "zsh", "fish"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("generate --variant ipv6-", "ipv6-scoped"),
        ("policy ipv6-", "ipv6-scoped"),
        ("coverage --feature net", "network-policy-logs"),
        ("generate m --cni-version v1.22.4", "v1.22.4"),
        ("generate m --revision 2024", "2024-07-22"),
        ("coverage --scenario leaked", "leaked-interface"),
        ("generate --kind r", "role"),
    ],
)
def test_a_value_is_completed(words: str, expected: str) -> None:
    line = f"vpc-cni-iam {words}"
    environ = {
        "_VPC_CNI_IAM_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(line.count(" ")),
    }
    program = str(Path(sys.executable).parent / "vpc-cni-iam")
    done = run(env=environ, command=[program])
    assert done.out.split() == [expected]
