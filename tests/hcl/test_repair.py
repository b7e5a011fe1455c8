"""What python-hcl2 does not read, or reads as another thing: one test for each gap.

docs/development/python-hcl2.md lists them. A test that passes by python-hcl2 alone says so: then
what repairs the gap goes.
"""

from pathlib import Path

import hcl2
import pytest

from conftest import ROOT
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.errors import EngineError, InputError
from vpc_cni_iam.hcl import repair
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.syntax import Code, CodeKind, File, Node, Operation, Reference, Text

GAPS = {
    "an escaped template with a quote": 'a = "$${"\nb = "%%{ if x }"\nc = 1',
    "a name with letters outside of ASCII": 'größe = { naïve = [for ü in y : ü] }\nq "ß" {\n}',
    "a strip marker in a string": 'a = "x ${~ b ~} y ${c ~}"\nd = "~} ${e}"',
    "a line break after ${": 'a = "x-${\n  b\n}-y"\nc = 1',
    "a line break and a comment before }": 'a = "${b # ${\n}"\nc = "${ /* } */ d\n  /* \n */ }"',
    "a line break in a template of a template": 'a = "${f("${\n b\n }", {\n c = 1\n d = 2\n })\n}"',
    "an operator after an operator": "a = !!b\nc = - -1",
    "all of them": 'é = "$${ ${~\n !!ü\n} %{ if x ~} z %{ endif }"',
}
HEREDOC = "<<-EOT\n    `a` is b\n    ^c$\n    \u00b4d\u00b4 ${~ e ~}\n  EOT\n"


def values(text: str) -> File:
    return parse(text + "\n", "x.tf", strict=True)


def python_hcl2(text: str) -> object:
    from hcl2.api import parses_to_tree

    return parses_to_tree(text + "\n")


@pytest.mark.parametrize("name", GAPS)
def test_what_python_hcl2_does_not_read_is_read(name: str) -> None:
    values(GAPS[name])
    swallows = name == "an escaped template with a quote"
    try:
        python_hcl2(GAPS[name])
    except Exception:
        swallows = True
    assert swallows, "python-hcl2 reads it now: drop what repairs it"


@pytest.mark.engine
@pytest.mark.parametrize("name", GAPS)
def test_an_engine_takes_it(name: str, newest: Engine, tmp_path: Path) -> None:
    (tmp_path / "x.tf").write_text(GAPS[name] + "\n")
    newest.run(["fmt", "-write=false", "-list=false", "x.tf"], tmp_path)
    (tmp_path / "x.tf").write_text(f"a = {HEREDOC}")
    newest.run(["fmt", "-write=false", "-list=false", "x.tf"], tmp_path)


def only(text: str) -> Node:
    return values(text).attributes["a"]


def test_both_escapes_are_the_text_that_they_stand_for() -> None:
    file = values(GAPS["an escaped template with a quote"])
    assert file.attributes["a"] == Text(("${",)) and file.attributes["b"] == Text(("%{ if x }",))
    assert only('a = "$$${b}"') == Text(("$${b}",))
    assert only(r'a = "\u0024${b}"') == Text(("$", Reference("b")))


def test_a_name_is_as_it_is_written() -> None:
    file = values(GAPS["a name with letters outside of ASCII"])
    assert [*file.attributes] == ["größe"] and file.blocks[0].labels == ("ß",)
    assert only("a = b.é.ü") == Reference("b.é.ü")


def test_text_with_strip_markers_is_code_that_only_an_engine_reads() -> None:
    file = values(GAPS["a strip marker in a string"])
    text = file.attributes["a"]
    assert isinstance(text, Text)
    kinds = [part.kind for part in text.parts if isinstance(part, Code)]
    assert kinds == [CodeKind.stripped, CodeKind.stripped]
    assert file.attributes["d"] == Text(("~} ", Reference("e")))


def test_an_expression_goes_over_lines() -> None:
    file = values(GAPS["a line break after ${"])
    assert file.attributes["a"] == Text(("x-", Reference("b"), "-y"))
    file = values(GAPS["a line break and a comment before }"])
    assert file.attributes == {"a": Reference("b"), "c": Reference("d")}
    assert isinstance(only("a = !!b"), Operation)


def test_a_line_of_a_heredoc_begins_with_any_sign_that_stands_alone() -> None:
    heredoc = only(f"a = {HEREDOC}")
    assert isinstance(heredoc, Text)
    assert heredoc.parts[0] == "    `a` is b\n    ^c$\n    \u00b4d\u00b4 "


@pytest.mark.parametrize(
    "text", ["a = b ~}", "a = ${b}", 'a = "${~}"', "a = é é", "é", 'a = "${\n']
)
def test_what_no_engine_reads_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not valid HCL"):
        values(text)


@pytest.mark.engine
def test_no_engine_reads_that(newest: Engine, tmp_path: Path) -> None:
    for text in ["a = b ~}\n", "a = ${b}\n", "a = é é\n"]:
        (tmp_path / "x.tf").write_text(text)
        with pytest.raises(EngineError):
            newest.run(["fmt", "-write=false", "-list=false", "x.tf"], tmp_path)


def test_each_correction_is_of_a_part_of_the_grammar() -> None:
    grammar = Path(hcl2.__file__).with_name("hcl2.lark").read_text("utf-8")
    assert [part for part in repair.CORRECTIONS if grammar.count(part) != 1] == []


def test_the_gaps_are_listed_for_python_hcl2() -> None:
    page = (ROOT / "docs" / "development" / "python-hcl2.md").read_text()
    assert page.count("\n- ") == 7
