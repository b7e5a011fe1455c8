"""Words name modules and files as the configuration does, or from where one is."""

from pathlib import Path

import pytest

from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.vendoring.configuration.config import Config, parse
from vpc_cni_iam.vendoring.select import select

TABLE = '[[module]]\npath = "{}"\ncni_version = "v1.20.4"\n'


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return parse("".join(map(TABLE.format, ("a/x", "x"))), tmp_path / "vpc-cni-iam.toml")


@pytest.mark.parametrize(
    ("here", "word", "module", "files"),
    [
        ("", "a/x", "a/x", set()),
        ("", "a/x/", "a/x", set()),
        ("", "./a/x", "a/x", set()),
        ("", "a/../x", "x", set()),
        ("a", "./x", "a/x", set()),
        ("a", "../x", "x", set()),
        ("a", "a/x", "a/x", set()),
        ("a/x", ".", "a/x", set()),
        ("a/x/tests", "..", "a/x", set()),
        ("", "x/main.tf", "x", {"main.tf"}),
        ("", "x/tests/policy.tftest.hcl/", "x", {"tests/policy.tftest.hcl"}),
        ("a/x", "main.tf", "a/x", {"main.tf"}),
        ("a/x", "a/x/main.tf", "a/x", {"main.tf"}),
        ("a/x", "x/main.tf", "x", {"main.tf"}),
        ("elsewhere", "x/main.tf", "x", {"main.tf"}),
    ],
)
def test_what_a_word_names(
    here: str, word: str, module: str, files: set[str], config: Config, tmp_path: Path
) -> None:
    (selection,) = select(config, tmp_path / here, [word])
    assert (selection.module.path, selection.files) == (module, files)
    (selection,) = select(config, tmp_path / here, [str(tmp_path / module), word])
    assert (selection.module.path, selection.files) == (module, set())


def test_a_word_may_be_in_another_form_of_unicode(tmp_path: Path) -> None:
    config = parse(TABLE.format("caf\u00e9"), tmp_path / "vpc-cni-iam.toml")
    (selection,) = select(config, tmp_path, ["cafe\u0301/main.tf"])
    assert (selection.module.path, selection.files) == ("caf\u00e9", {"main.tf"})


def test_without_words_all_are_meant(config: Config, tmp_path: Path) -> None:
    assert [s.module.path for s in select(config, tmp_path, ())] == ["a/x", "x"]
    (selection,) = select(config, tmp_path, ["x/main.tf", "x/variables.tf"])
    assert selection.files == {"main.tf", "variables.tf"}


@pytest.mark.parametrize(
    ("here", "word", "message"),
    [
        ("", "", "an empty text: is not a module"),
        ("", "a", "is not a module of .*; its modules: a/x, x"),
        ("", "a/x/../../..", "is not a module"),
        ("", "x/y.tf", "is not a file that sync writes into x; its files: README.md, main.tf"),
        ("", "x/.vpc-cni-iam/manifest.json", "is not a file that sync writes into x"),
        ("a", "x", "x: may mean .*/a/x or .*/x; write ./x for the former"),
    ],
)
def test_what_names_nothing_or_too_much(
    here: str, word: str, message: str, config: Config, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        select(config, tmp_path / here, [word])
