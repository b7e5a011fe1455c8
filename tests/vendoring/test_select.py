"""Words name modules and files as the configuration does, or from where one is."""

from pathlib import Path

import pytest

from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.vendoring.configuration.config import Config, parse
from vpc_cni_iam.vendoring.select import select, select_file

TABLE = '[[module]]\npath = "{}"\ncni_version = "v1.20.4"\n'


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return parse("".join(map(TABLE.format, ("a/x", "x"))), tmp_path / "vpc-cni-iam.toml")


@pytest.mark.parametrize(
    ("here", "word", "module", "file"),
    [
        ("", "a/x", "a/x", ""),
        ("", "a/x/", "a/x", ""),
        ("", "./a/x", "a/x", ""),
        ("", "a/../x", "x", ""),
        ("a", "./x", "a/x", ""),
        ("a", "../x", "x", ""),
        ("a", "a/x", "a/x", ""),
        ("a/x", ".", "a/x", ""),
        ("a/x/tests", "..", "a/x", ""),
        ("", "x/main.tf", "x", "main.tf"),
        ("", "x/tests/policy.tftest.hcl/", "x", "tests/policy.tftest.hcl"),
        ("a/x", "main.tf", "a/x", "main.tf"),
        ("a/x", "a/x/main.tf", "a/x", "main.tf"),
        ("a/x", "x/main.tf", "x", "main.tf"),
        ("elsewhere", "x/main.tf", "x", "main.tf"),
    ],
)
def test_what_a_word_names(
    here: str, word: str, module: str, file: str, config: Config, tmp_path: Path
) -> None:
    if file:
        chosen, path = select_file(config, tmp_path / here, word)
        assert (chosen.path, path) == (module, file)
        with pytest.raises(UsageError, match=f"{file} is a file in {module}; name the module"):
            select(config, tmp_path / here, [word])
        return
    (chosen,) = select(config, tmp_path / here, [word])
    assert chosen.path == module
    (chosen,) = select(config, tmp_path / here, [str(tmp_path / module), word])
    assert chosen.path == module
    with pytest.raises(UsageError, match="is a module; name a file in it"):
        select_file(config, tmp_path / here, word)


def test_a_word_may_be_in_another_form_of_unicode(tmp_path: Path) -> None:
    config = parse(TABLE.format("caf\u00e9"), tmp_path / "vpc-cni-iam.toml")
    module, file = select_file(config, tmp_path, "cafe\u0301/main.tf")
    assert (module.path, file) == ("caf\u00e9", "main.tf")


def test_without_words_all_are_meant(config: Config, tmp_path: Path) -> None:
    assert [m.path for m in select(config, tmp_path, ())] == ["a/x", "x"]
    assert [m.path for m in select(config, tmp_path, ["x", "a/x", "x/"])] == ["x", "a/x"]


@pytest.mark.parametrize(
    ("here", "word", "message"),
    [
        ("", "", "an empty path: is not a module"),
        ("", "a", "is not a module of .*; its modules: a/x, x"),
        ("", "a/x/../../..", "is not a module"),
        ("", "x/y.tf", "y.tf is a file in x; name the module"),
        ("a", "x", "x: may mean .*/a/x or .*/x; write ./x for the former"),
    ],
)
def test_what_names_nothing_or_too_much(
    here: str, word: str, message: str, config: Config, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        select(config, tmp_path / here, [word])
