"""Nodes are equal for the same code and no other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import write_tree
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.errors import EngineError, InputError
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.syntax import Block, File, Node

SAME = [
    ('a = { b = 1, "c" : [1, 2,], }', "a = {\n  c = [\n    1,\n    2\n  ]\n  b = 1\n}"),
    ('a = "${var.x}"', "a = var.x"),
    ('a = "x\\u0061"', 'a = "xa"'),
    ("a = f(\n  1,\n  2,\n)", "a = f(1, 2)"),
    ("a = (b\n? c\n: d) # x", "a = (b ? c : d)"),
    ('data "x" "y" {\r\n}', "data x y { /* z */ }"),
    ("a = x[\n0\n]", "a = x[0]"),
    ('a = "${"b"}c"', 'a = "bc"'),
    ("a = (!!b ? - -1 : c)", "a = (! !b ? --1 : c)"),
    ("a = (1 +\n2 * b - c)", "a = (1 + 2 * b - c)"),
    ("a = { b = 1, c = 2 }", 'a = { "c" = 2, "b" = 1 }'),
]
OTHER = [
    ('a = "1"', "a = 1"),
    ('a = "true"', "a = true"),
    ("a = [1, 2]", "a = [2, 1]"),
    ("a = f(x...)", "a = f(x)"),
    ("a = (b)", "a = b"),
    ('a = "$${b}"', 'a = "${b}"'),
    ('a = "${b}${c}"', 'a = "${b}c"'),
    ("a = { (b) = 1 }", "a = { b = 1 }"),
    ("a = { b = 1, b = 1 }", "a = { b = 1 }"),
    ("a = [for x in y : x]", "a = [for x in y : x if x]"),
    ("a = <<E\nx\nE\n", "a = <<-E\nx\nE\n"),
    ("a = !b", "a = b"),
    ("a = !!b", "a = b"),
    ("a = !!b ? c : d", "a = !(!b ? c : d)"),
    ("a = b - c", "a = b + c"),
    ("a = b - (c - d)", "a = b - c - d"),
    ("a = (x[*].y)[0]", "a = x[*].y[0]"),
    ("a = { b = 1, b = 2 }", "a = { b = 2, b = 1 }"),
    ("a = { (b) = 1, (c) = 2 }", "a = { (c) = 2, (b) = 1 }"),
    ('a = { "${b}" = 1 }', "a = { b = 1 }"),
    ("a = <<E\nx\nE\n", 'a = "x\\n"'),
    ("a = p::x::f(1)", "a = p::y::f(1)"),
    ("a = x.*.y", "a = x[*].y"),
    ('a = "%{ if b }c%{ endif }"', 'a = "%{ if b }d%{ endif }"'),
    ("a = p::x::f(1)", "a = f(1)"),
]


def syntax(text: str) -> object:
    file = parse(text + "\n", "x.tf", strict=True)
    return file.attributes, file.blocks


@pytest.mark.parametrize(("item", "other"), SAME)
def test_the_same_code_is_equal(item: str, other: str) -> None:
    assert syntax(item) == syntax(other)


@pytest.mark.parametrize(("item", "other"), OTHER)
def test_other_code_is_not(item: str, other: str) -> None:
    assert syntax(item) != syntax(other)


# Which line breaks an engine refuses is otherwise for the engine to say.
BROKEN = ['a = "x\ny"', "a = 1\rb = 2"]


def nodes(holder: Node | Block | File) -> Iterator[Node]:
    """Every expression that is written in a file, a block or an expression."""
    inner: list[Any] = [getattr(holder, name, ()) for name in ("parts", "arguments", "options")]
    inner += [getattr(holder, name, ()) for name in ("items", "blocks")]
    inner += [getattr(holder, "attributes", {}).values(), *getattr(holder, "fields", ())]
    inner.append([getattr(holder, "condition", "")])
    for node in (node for several in inner for node in several if not isinstance(node, str)):
        if isinstance(node, Node):
            yield node
        yield from nodes(node)


POSITIONS = """resource "a" "b" {
  c = [{ d = (e ? f : !g), "${h}" = i[*].j, k = "l${m + (n)}o" }]
  p = <<-EOT
    q ${
      r
    } ${s}${t} %{ if u }v%{ endif }
    w ${ x([y]...) }
  EOT
  dynamic "z" {
    for_each = { for k, v in aa : k => v... if bb(1, -2) }
  }
}
"""


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_each_expression_is_where_it_stands(line_end: str) -> None:
    text = POSITIONS.replace("\n", line_end)
    every = [*nodes(parse(text, "x.tf"))]
    for span in (span for node in every for span in (node.span, node.outer)):
        assert span.code == span.code.strip() == text[span.start : span.end] != ""
        assert span.line == text.count("\n", 0, span.start) + 1, span.code
    codes = [node.span.code for node in every]
    names = ["e", "f", "g", "h", "i", "m", "n", "r", "s", "t", "aa", "k", "1", "-2"]
    assert {*names, "x([y]...)", "%{ if u }"} <= {*codes}
    assert {"(n)", "(e ? f : !g)", '"${h}"'} <= {node.outer.code for node in every}


@pytest.mark.parametrize("text", BROKEN)
def test_line_breaks_that_an_engine_refuses_are_refused(text: str) -> None:
    lines = []
    for before in ("", "x = 1\n# x\n\n"):
        with pytest.raises(InputError) as caught:
            parse(f"{before}{text}\n", "x.tf", strict=True)
        lines.append(int(caught.value.place.removeprefix("line ").partition(",")[0]))
    assert 1 <= lines[0] <= text.count("\n") + 1
    assert lines[1] == lines[0] + 3


def accepted(engine: Engine, folder: Path, text: str) -> bool:
    write_tree(folder, {"x.tf": text})
    try:
        engine.run(["fmt", "-write=false", "-list=false", "x.tf"], folder)
    except EngineError:
        return False
    return True


@pytest.mark.engine
def test_a_real_engine_says_the_same_of_them(newest: Engine, tmp_path: Path) -> None:
    assert [t for t in BROKEN if accepted(newest, tmp_path, t + "\n")] == []


@pytest.mark.parametrize("text", ["[", "{ x = ", "(", "f(", "-", '"${', "x ? 1 : "])
def test_what_nests_too_deeply_is_an_error(text: str) -> None:
    closing = {"[": "]", "{": "}", "(": ")", "f": ")", '"': '}"'}.get(text[0], "")
    with pytest.raises(InputError):
        parse(f"a = {text * 700}1{closing * 700}\n", "x.tf", strict=True)
