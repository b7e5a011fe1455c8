"""Texts and docstrings have the terms of the field; `make check` holds it."""

from pathlib import Path

import pytest
from tools.words import __main__ as words

from conftest import ROOT, write_tree


def test_no_text_of_this_repository_has_a_word_that_it_should_not_have() -> None:
    assert [str(f) for f in words.findings(ROOT)] == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("README.md", "It fails for want of an action.\n"),
        ("docs/guide.md", "It fails for\nwant of an action.\n"),
        ("generator/p/a.py", 'def f():\n    raise E(f"fails for want of {x}")\n'),
        ("generator/p/a.py", 'HELP = """Fail for want of x."""\n'),
        ("generator/p/a.py", 'def f():\n    """Return it for want of x."""\n'),
        ("generator/p/main.tf.jinja", "# fails for want of x\n"),
        ("templates/ci.yml", "# fails for want of x\n"),
    ],
)
def test_a_word_is_found_wherever_users_read(path: str, text: str, tmp_path: Path) -> None:
    write_tree(tmp_path, {path: text})
    (finding,) = words.findings(tmp_path)
    assert finding.path == path and "'without'" in str(finding)


@pytest.mark.parametrize(
    "phrase",
    [
        "Return the role; None where the plan does not show it.",
        "Say whether the policy allows more.",
        "It names the role of whom it trusts.",
        "Yield what becomes of the policies.",
        "Read a name as far as it is known.",
        "The cluster was made anew.",
        "Use a copy in place of the file.",
        "A node may be of several clusters.",
        "No lock is to be had there.",
        "Hidden directories are passed over.",
        "FILE has what aws iam get-role-policy prints.",
        "The role has a policy of its own.",
        "A request that counts for the limit.",
        "The lost call is a finding.",
        "The policy by which the role is limited.",
        "A statement that goes first.",
        "The file is to have the tag.",
        "The key stands twice.",
        "--harden goes with --cni-version.",
        "A tool that cannot be had here.",
        "A graver finding.",
    ],
)
def test_a_phrase_that_has_to_be_read_twice_is_found(phrase: str, tmp_path: Path) -> None:
    write_tree(tmp_path, {"generator/p/a.py": f'def f():\n    """{phrase}"""\n'})
    (finding,) = words.findings(tmp_path)
    assert finding.line == 2


def test_other_words_are_left(tmp_path: Path) -> None:
    write_tree(tmp_path, {"generator/p/a.py": '"""Without x."""\n\nfor_want_of = "x"\n'})
    assert list(words.findings(tmp_path)) == []


def test_a_finding_names_its_line(tmp_path: Path) -> None:
    write_tree(tmp_path, {"README.md": "one\n\nfor want of it\n"})
    (finding,) = words.findings(tmp_path)
    assert str(finding) == "README.md:3: 'for want of': write 'without'"


def test_make_check_runs_both_checks_of_words() -> None:
    recipe = (ROOT / "Makefile").read_text().partition("\ncheck:")[2].partition("\n\n")[0]
    assert "/codespell" in recipe and "-m tools.words" in recipe
