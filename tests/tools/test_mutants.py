"""The tool that changes code on purpose, on a package of two functions."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tools.mutants import __main__ as command
from tools.mutants import running
from tools.mutants.__main__ import main
from tools.mutants.forking import change
from tools.mutants.mutations import mutations

from conftest import write_tree

CODE = '''"""Texts stay."""


def number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return 0


def forever(steps: int) -> None:
    while steps > 0:
        steps -= 1
'''
TESTS = """
from vpc_cni_iam.example.code import forever, number


def test_number():
    assert number("7") == 7


def test_forever():
    forever(1)
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    package = "generator/vpc_cni_iam"
    return write_tree(
        tmp_path / "root",
        {
            f"{package}/__init__.py": "",
            f"{package}/example/__init__.py": "",
            f"{package}/example/code.py": CODE,
            f"{package}/quiet.py": "NUMBER = 1\n",
            "tests/example/test_code.py": TESTS,
            "pyproject.toml": '[tool.pytest.ini_options]\nmarkers = ["engine"]\n',
        },
    )


def git(root: Path, *words: str) -> None:
    author = ["-c", "user.name=ci", "-c", "user.email=ci@example.com"]
    subprocess.run(["git", *author, *words], cwd=root, check=True, capture_output=True)


@pytest.mark.parametrize(
    ("code", "kind", "after"),
    [
        ("a < b", "comparison", "(a <= b)"),
        ("a == b is c", "comparison", "(a == b is not c)"),
        ("a not in b", "comparison", "(a in b)"),
        ("a and b", "boolean", "(a or b)"),
        ("not a", "boolean", "(a)"),
        ("x = True", "constant", "(False)"),
        ("x = 7", "constant", "(8)"),
        ("a - b", "arithmetic", "(a + b)"),
        ("if a: b", "condition", "(not a)"),
        ("[a for a in b if a.c]", "filter", "True"),
        ("def f():\n    return a", "return", "return None"),
        ("raise A", "removed statement", "pass"),
        ("a += b", "removed statement", "pass"),
        ("é(); f(a)", "removed statement", "pass"),
        ("for a in b:\n    continue", "loop", "break"),
        ("try: a\nexcept B: c", "removed handler", "()"),
    ],
)
def test_each_kind_of_change(code: str, kind: str, after: str) -> None:
    change = [m for m in mutations(code) if m.kind == kind][-1]
    assert change.after == after
    before, place, rest = code.rpartition(change.before)
    assert place and change.text == before + after + rest


@pytest.mark.parametrize(
    "code",
    [
        '"""Text."""',
        "x = 'a'",
        "x: Literal[True] = None",
        "@dataclass(frozen=True)\nclass A: b: int",
        'f"{a + 1}"',
        "if TYPE_CHECKING:\n    x = 1",
        "x = a + 'b'",
        "x = A | B",
        "class A(B, frozen=True):\n    pass",
    ],
)
def test_what_is_left_alone(code: str) -> None:
    assert list(mutations(code)) == []


ALIVE = """
import functools


class Number:
    def __init__(self, number):
        self.number = number

    @property
    def more(self):
        return max([self.number + 1], key=lambda n: n - 0)


@functools.cache
def remembered():
    return 1


ONE = 1
"""


@pytest.mark.parametrize(
    ("before", "after", "more"),
    [
        ("self.number = number", "self.number = 5", 6),
        ("self.number + 1", "self.number + 7", 7),
        ("n - 0", "n + 0", 1),
        ("return 1", "return 2", 1),
    ],
)
def test_functions_that_are_alive_get_their_code_after_a_change(
    before: str, after: str, more: int, tmp_path: Path
) -> None:
    file = str(tmp_path / "alive.py")
    module: dict[str, Any] = {}
    exec(compile(ALIVE, file, "exec", dont_inherit=True), module)
    number = module["Number"](0)
    assert (number.more, module["remembered"].__wrapped__()) == (1, 1)
    assert change(file, ALIVE, ALIVE.replace(before, after))
    assert module["Number"](0).more == more
    assert module["remembered"].__wrapped__() == 1 + (before == "return 1")
    # What runs at import is not changed so, and nothing is where nothing is alive.
    assert not change(file, ALIVE, ALIVE.replace("ONE = 1", "ONE = 2"))
    assert not change(f"{file}x", ALIVE, ALIVE.replace(before, after))


def test_a_change_says_what_the_tests_said_to_it(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "STARTING", 3)
    monkeypatch.setattr(command, "FEWEST", 4)
    assert main(["example", "--kind", "re", "--at-least", "0.6"], root) == 1
    done = capsys.readouterr()
    assert done.out.splitlines() == [
        "killed    example/code.py:6: return: return int(text) -> return None",
        "uncovered example/code.py:7: removed handler: ValueError -> ()",
        "uncovered example/code.py:8: return: return 0 -> return None",
        "timeout   example/code.py:13: removed statement: steps -= 1 -> pass",
        "2 of 4 changes killed",
    ]
    assert done.err == "fewer than 60%: the tests miss too much\n"
    assert (root / "generator/vpc_cni_iam/example/code.py").read_text() == CODE
    lines = (root / "build/mutants/example.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["test"] == "tests/example/test_code.py::test_number"
    outcomes = [json.loads(line)["outcome"] for line in lines]
    assert outcomes == ["killed", "uncovered", "uncovered", "timeout"]


def test_the_files_of_the_last_commit_are_tried(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "first")
    assert main(["--changed"], root) == 0
    assert capsys.readouterr().out == "no code to change: nothing to try\n"
    path = root / "generator/vpc_cni_iam/quiet.py"
    path.write_text("NUMBER = 2\n")
    write_tree(
        root, {"tests/test_quiet.py": "from vpc_cni_iam import quiet\ndef test(): quiet.NUMBER\n"}
    )
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "second")
    assert main(["--changed"], root) == 0
    assert "survived  quiet.py:1: constant: 2 -> (3)" in capsys.readouterr().out


def test_without_time_nothing_is_said_of_a_change(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting = "import time\n\n\ndef test_wait():\n    time.sleep(600)\n"
    write_tree(root, {"tests/example/test_a.py": waiting})
    assert main(["example", "--kind", "return", "--seconds", "2"], root) == 0
    assert capsys.readouterr().out == "0 of 0 changes killed; 2 not tried: no time left\n"


@pytest.mark.parametrize("package", running.ELSEWHERE)
def test_a_package_has_the_tests_that_are_named_for_it(package: str) -> None:
    own = running.own_tests(command.ROOT, package)
    assert {f"tests/{package}", f"tests/test_{package}.py"} & {*own}
    assert {f"tests/{path}" for path in running.ELSEWHERE[package]} <= {*own}


def test_tests_that_fail_anyway_say_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tree(root, {"tests/example/test_more.py": "def test_red():\n    assert False\n"})
    assert main(["example"], root) == 3
    assert "test_red" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["example", "--changed"], ["no"], ["quiet"]])
def test_wrong_usage(words: list[str], root: Path) -> None:
    with pytest.raises(SystemExit) as end:
        main(words, root)
    assert end.value.code == 2
