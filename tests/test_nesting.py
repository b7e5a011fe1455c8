"""Texts that nest too deeply are refused before a parser sees them, and others never are."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import ROOT
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.texts.limits import HCL_DEPTH, HCL_TOKENS, TOML_DEPTH
from vpc_cni_iam.texts.nesting import check_hcl, check_toml
from vpc_cni_iam.vendoring.configuration.config import load

Check = Callable[[str, str], None]


def nested(start: str, opening: str, inner: str, closing: str, end: str) -> Callable[[int], str]:
    return lambda depth: f"{start}{opening * depth}{inner}{closing * depth}{end}"


# Each kind of nesting, with how deep its text is beside what is nested.
KINDS: list[tuple[Check, int, Callable[[int], str], int]] = [
    (check_toml, TOML_DEPTH, nested("\na = ", "[", "1", "]", ""), 0),
    (check_toml, TOML_DEPTH, nested("\na = ", "{a = ", "1", "}", ""), 0),
    (check_toml, TOML_DEPTH, nested("\n", "a.", "a", "", " = 1"), 1),
    (check_toml, TOML_DEPTH, nested("\n", '"x" . ', "a", "", " = 1"), 1),
    (check_toml, TOML_DEPTH, nested("\n[", "a.", "a", "", "]"), 1),
    (check_toml, TOML_DEPTH, nested("\nb = { ", "a.", "a", "", " = 1}"), 1),
    (check_hcl, HCL_DEPTH, nested("\na = ", "[", "1", "]", "\n"), 0),
    (check_hcl, HCL_DEPTH, nested("\na = ", "{ a = ", "1", " }", "\n"), 0),
    (check_hcl, HCL_DEPTH, nested("\na = ", "f(", "1", ")", "\n"), 0),
    (check_hcl, HCL_DEPTH, nested("\n", "b {\n", "", "}\n", "\n"), 0),
]


@pytest.mark.parametrize(("check", "limit", "text", "own"), KINDS)
def test_each_kind_of_nesting_has_a_limit(
    check: Check, limit: int, text: Callable[[int], str], own: int
) -> None:
    step = text(1).count("[") + text(1).count("{") - text(0).count("[") - text(0).count("{")
    depth = (limit - own) // max(1, step)
    check(text(depth), "f")
    for deeper in (depth + 1, 100_000):
        with pytest.raises(InputError) as caught:
            check(text(deeper), "f")
        assert f"nests more than {limit} deep, the limit" in str(caught.value)
        assert caught.value.place.startswith("line ")
    if "\n" not in text(1)[1:-1]:
        assert caught.value.place == "line 2"


def test_templates_in_texts_nest_as_brackets_do() -> None:
    check_hcl("a = " + '"${' * 40 + "1" + '}"' * 40, "f")
    with pytest.raises(InputError, match="nests more than 100 deep"):
        check_hcl("a = " + '"${f(' * 40 + "1" + ')}"' * 40, "f")


def toml(text: str, source: str) -> None:
    Path(source).write_text(text)
    load(Path(source))


@pytest.mark.parametrize(
    ("read", "text", "limit"),
    [
        (parse, "a = " + "[" * 101 + "]" * 101, 100),
        (toml, "a." * 20 + "a = 1", 20),
    ],
)
def test_nesting_is_refused_by_what_reads_files(
    read: Callable[[str, str], object],
    text: str,
    limit: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"nests more than {limit} deep"):
        read(text, "f")


@pytest.mark.parametrize(
    "expression",
    [
        "a" + "[0]" * 60_000,
        "a ? b : " * 50_000 + "c",
        "a" + " + 1" * 80_000,
        "a" + ".b" * 80_000,
        '"' + "${a}" * 60_000 + '"',
        "[" + "f(1)," * 40_000 + "]",
    ],
    ids=lambda expression: expression[:12],
)
def test_flat_expressions_of_many_tokens_are_refused_at_once(expression: str) -> None:
    # The parser takes 5 to 17 s for each of them.
    with pytest.raises(InputError, match="holds more than 150,000 tokens, the limit"):
        parse(f"x = {expression}\n", "f")


@pytest.mark.parametrize(
    "text",
    [
        "# " + "a + " * HCL_TOKENS,
        "/*" + "a + " * HCL_TOKENS + "*/",
        'a = "' + "a + " * HCL_TOKENS + '"',
        'a = "${b}/*//#' + "a + " * HCL_TOKENS + '"',
        "a = <<EOT\n" + "a + " * HCL_TOKENS + "\nEOT\n",
        "  " * HCL_TOKENS,
    ],
    ids=lambda text: text[:12],
)
def test_texts_and_comments_are_few_tokens(text: str) -> None:
    check_hcl(text, "f")


@pytest.mark.parametrize(
    "text",
    [
        "# ([{" * 300,
        "// ([{\n" * 300,
        "/* ([{\n" * 300 + "*/",
        'a = "([{"\n' * 300,
        'a = "\\"([{"\n' * 300,
        'a = "$${([{"\n' * 300,
        'a = "%%{([{"\n' * 300,
        "a = <<EOT\n([{ ${ \nEOT\n" * 300,
        "a = <<-EOT\n([{\n   EOT\n" * 300,
        'a = f("${x["k"]}")\n' * 300,
        "a = ]\n" * 300 + "b = []\n" * 300,
    ],
)
def test_brackets_that_open_nothing_are_not_counted(text: str) -> None:
    check_hcl(text, "f")


@pytest.mark.parametrize(
    "text",
    [
        "# [[[{{{ a.b.c.d\n" * 50,
        'a = "[[[...."\n' * 50,
        "a = '[[[....'\n" * 50,
        'a = """\n[[[....""\\""" .\n"""\n' * 50,
        "a = '''\n[[[....'''\n" * 50,
        "a = 1.5\n" * 50,
        "a = [1.5, 1.5, 1.5]\n" * 50,
    ],
)
def test_what_is_in_texts_of_toml_is_not_counted(text: str) -> None:
    check_toml(text, "f")


def test_no_module_here_is_refused() -> None:
    for path in sorted(ROOT.glob("**/*.tf"))[:200]:
        check_hcl(path.read_text(encoding="utf-8", errors="replace"), str(path))


@given(st.text(alphabet="[]{}.=,'\"\\#\na1 ", max_size=60))
def test_what_toml_takes_and_nests_little_is_taken(text: str) -> None:
    try:
        tomllib.loads(text)
    except ValueError:
        return
    if sum(map(text.count, "[{.")) < TOML_DEPTH:
        check_toml(text, "f")
