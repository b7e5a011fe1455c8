"""Laws of the writer and the reader: what is written reads back, and is formatted."""

import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hcl_documents import documents_of
from test_policy_document import documents  # the same generated policies
from vpc_cni_iam.errors import InexpressibleError, InputError
from vpc_cni_iam.escape import escape_control
from vpc_cni_iam.hcl import resolve
from vpc_cni_iam.hcl.evaluate.domain import ValueScope
from vpc_cni_iam.hcl.evaluate.expressions import Evaluator
from vpc_cni_iam.hcl.literals import Expression, Interpolation, Literal, code
from vpc_cni_iam.hcl.parse import expression, parse
from vpc_cni_iam.hcl.syntax import (
    Conditional,
    Constant,
    FunctionCall,
    Heredoc,
    List,
    Node,
    Operation,
    Reference,
    Text,
)
from vpc_cni_iam.hcl.write import NewBlock, block, policy_document
from vpc_cni_iam.policy.document import Condition, Policy, Principal, Statement
from vpc_cni_iam.policy.parse import loads
from vpc_cni_iam.policy.template import Hole, HoleKind, Template, join

HARD = [
    "",
    "${",
    "%{",
    "$${",
    "$$${",
    "%%%{",
    "$",
    "$$",
    "${}",
    "${aws:username}",
    "${aws:PrincipalTag/team, 'none'}",
    "${*}${?}${$}",
    '"',
    '\\"',
    "\\",
    "\\\\",
    "\\n",
    "\n",
    "\r\n",
    "\t",
    "\x00",
    "\x1b[31m",
    "\x7f",
    "\x85",
    "\u2028",
    "\u202e}\u2066",
    "\u200b",
    "\ufeff",
    "\ue000",
    "\ue000${",
    "\U000e0041\ufe0f",
    "é",
    "日本",
    "😀",
    "}",
    "}\n}",
    "#",
    "//",
    "/* x",
    "<<EOT",
    '${file("/etc/passwd")}',
    "%{ if true }x%{ endif }",
    '{"a": "${b}"}',
    "x" * 10_000,
]


def attribute(text: str) -> str:
    return block(NewBlock("locals", [("x", Literal(text))]))


def read_attribute(text: str) -> Node:
    (document,) = parse(text, "x").blocks
    return document.attributes["x"]


@given(st.text())
@example("$")
@pytest.mark.parametrize("prefix", HARD)
def test_any_text_survives(prefix: str, text: str) -> None:
    whole = prefix + text
    try:
        written = attribute(whole)
    except InexpressibleError as error:
        assert "normal form C" in str(error) or "surrogate" in str(error)
        return
    assert written.isprintable() or written.replace("\n", "").isprintable() or not whole.isascii()
    assert escape_control(written.replace("\n", "")) == written.replace("\n", "")
    node = read_attribute(written)
    assert isinstance(node, Text)
    assert "".join(str(p) for p in node.parts) == whole


@pytest.mark.parametrize("text", ["e\u0301", "\u212b", "\ud800"])
def test_text_that_hcl_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(InexpressibleError):
        code(Literal(text))


@given(st.text(alphabet="$%{}a", max_size=6), st.text(alphabet="$%{}a", max_size=6))
def test_text_beside_an_interpolation_survives(before: str, after: str) -> None:
    value = Interpolation((Literal(before), Expression("var.x"), Literal(after)))
    node = read_attribute(block(NewBlock("locals", [("x", value)])))
    # "${x}" is x itself.
    parts = node.parts if isinstance(node, Text) else (node,)
    place = parts.index(Reference("var.x"))
    assert "".join(map(str, parts[:place])) == before
    assert "".join(map(str, parts[place + 1 :])) == after


def back(policy: Policy) -> Policy:
    text = block(policy_document("x", policy))
    (document,) = documents_of(parse(text, "x.tf").blocks)
    return document.policy


@given(documents)
def test_any_policy_survives(document: dict[str, Any]) -> None:
    policy = loads(json.dumps(document), "x")
    try:
        assert back(policy) == policy
    except InexpressibleError as error:
        assert re.search(
            r"normal form C|surrogate|&\{|Statement: is empty|is also the Sid of", str(error)
        )


@pytest.mark.parametrize("text", HARD)
def test_hard_text_survives_everywhere_in_a_policy(text: str) -> None:
    policy = Policy(
        (
            Statement(
                actions=(text or "a:b",),
                resources=(text or "*",),
                conditions=(Condition("StringEquals", "k" + text, (text, text)),),
                sid=text,
            ),
        )
    )
    assert back(policy) == policy


@pytest.mark.parametrize("field", ["resources", "not_resources"])
def test_what_the_provider_would_rewrite_is_refused(field: str) -> None:
    statement = Statement(actions=("a:b",), **{field: ("&{aws:username}",)})  # type: ignore[arg-type]
    with pytest.raises(InexpressibleError, match="changes to"):
        policy_document("x", Policy((statement,)))


@pytest.mark.parametrize("version", ["2008-10-17", "2012-10-17"])
def test_a_version_and_an_id_survive(version: str) -> None:
    policy = Policy((Statement(actions=("a:b",), resources=("*",)),), version, "id")
    assert back(policy) == policy


def test_arguments_of_one_line_are_aligned_and_stand_apart_from_lists() -> None:
    """As ``terraform fmt`` has them."""
    texts = (Literal("x"), Literal("y"))
    arguments = [("a", texts[0]), ("bc", texts[1]), ("d", texts), ("efg", texts[:1]), ("h", ())]
    assert block(NewBlock("locals", arguments)) == (
        'locals {\n  a  = "x"\n  bc = "y"\n\n  d = [\n    "x",\n    "y",\n  ]\n\n'
        '  efg = ["x"]\n  h   = []\n}\n'
    )


def test_an_empty_list_of_values_survives() -> None:
    policy = Policy((Statement(actions=("a:b",), conditions=(Condition("Bool", "a:b", ()),)),))
    assert back(policy) == policy


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        ((), r"\$.Statement: is empty"),
        (
            (Statement(sid="A"), Statement(sid="B"), Statement(sid="A")),
            r"\[2\].Sid: 'A' is also the Sid",
        ),
        ((Statement(resources=("x", "e\u0301")),), r"\$.Statement\[0\].Resource: .*normal form C"),
        (
            (Statement(conditions=(Condition("Bool", "a:b", ("\ud800",)),)),),
            r"\[0\].Condition.Bool.a:b: .*surrogate",
        ),
        (
            (Statement(not_principals=(Principal("AWS", ("&{x}",)),)),),
            r"\[0\].NotPrincipal.AWS: .*changes to",
        ),
    ],
)
def test_what_the_data_source_cannot_express_is_refused_by_place(
    statements: tuple[Statement, ...], words: str
) -> None:
    with pytest.raises(InexpressibleError, match=words):
        policy_document("x", Policy(statements))


def test_what_the_provider_replaces_only_elsewhere_is_not_refused() -> None:
    condition = Condition("x&{", "k&{", ("v",))
    policy = Policy((Statement(actions=("a:&{b}",), conditions=(condition,), sid="&{"),), id="&{")
    assert back(policy) == policy


def test_comments_cannot_end_early() -> None:
    text = block(NewBlock("locals", [("x", Literal("y"))], comment=["a\nb\u2028c */ \x1b[31m d"]))
    assert text.splitlines()[0] == "# a b c */  [31m d"
    assert len(parse(text, "x").blocks) == 1


SAMPLE = """
# a comment with $${ and " in it
locals {
  ref   = var.a.b
  call  = coalesce(var.a, "b",)
  list  = ["x", var.y, "${var.z}-w"]
  doc   = <<-EOT
    { "a": $${b} }
  EOT
  other = var.a == null ? 1 : 2
  splat = concat(var.a...)
}
data "a" "b" {
  nested { x = 1 }
}
"""


@pytest.mark.parametrize("text", [SAMPLE, SAMPLE.replace("\n", "\r\n")])
def test_reading_what_people_write(text: str) -> None:
    first, data = parse(text, "x").blocks
    nodes = dict(first.attributes)
    assert nodes["ref"] == Reference("var.a.b")
    assert nodes["call"] == FunctionCall("coalesce", (Reference("var.a"), Text(("b",))))
    assert nodes["list"] == List(
        (Text(("x",)), Reference("var.y"), Text((Reference("var.z"), "-w")))
    )
    assert isinstance(nodes["doc"], Heredoc)
    end = "\r\n" if "\r" in text else "\n"
    assert nodes["doc"].plain == '{ "a": ${b} }' + end
    assert isinstance(nodes["other"], Conditional)
    assert nodes["other"].options == (Constant("1"), Constant("2"))
    assert isinstance(nodes["splat"], Operation)
    places = {name: (node.span.line, node.span.code) for name, node in nodes.items()}
    assert places["ref"] == (4, "var.a.b")
    assert places["other"] == (10, "var.a == null ? 1 : 2")
    assert places["splat"] == (11, "concat(var.a...)")
    assert (data.type, data.labels, data.span.line) == ("data", ("a", "b"), 13)
    assert [b.type for b in data.blocks] == ["nested"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("locals {", "line"),
        ("locals {\n  x = = 1\n}", "line 2"),
        ('locals {\n  x = "\\q"\n}', "line 2"),
        ("locals {\n  x = 1\n  x = 2\n}", "line 3"),
        ("\nresource {\n}", "line 2"),
        ('data "x" {\n}', "line 1"),
        ('variable "x" "y" {\n}', "line 1"),
        ("output {\n}", "line 1"),
    ],
)
def test_what_is_not_hcl_is_refused_by_place(text: str, place: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(text, "main.tf")
    assert caught.value.source == "main.tf"
    assert caught.value.place.startswith(place)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("source_json = var.json", "argument 'source_json'"),
        ('dynamic "statement" {\n}', "block 'dynamic'"),
        ("dynamic {\n}", "block 'dynamic'"),
        ('dynamic "statement" "x" {\n for_each = [1]\n content {\n}\n}', "block 'dynamic'"),
        ("statement {\n actions = var.actions\n}", "var.actions cannot be known"),
        ("statement {\n actions = [var.action]\n}", "var.action cannot be known"),
        ('statement {\n effect = "Maybe"\n}', "Allow or Deny"),
        ("statement {\n action = []\n}", "unknown argument 'action'"),
        ("statement {\n condition {\n}\n}", "has no 'test'"),
        ('statement {\n sid = file("x")\n}', "file(...) cannot be known"),
        ("statement {\n resources = [local.loop]\n}", "refers to itself"),
    ],
)
def test_documents_that_need_an_engine_say_so(body: str, words: str) -> None:
    text = f'data "aws_iam_policy_document" "x" {{\n{body}\n}}\n'
    scope = ValueScope(nodes={"local.loop": Reference("local.loop")})
    with pytest.raises(InputError) as caught:
        documents_of(parse(text, "x.tf").blocks, scope)
    assert words in str(caught.value)
    assert re.match(r"line \d+", caught.value.place)


HOLE = Hole(HoleKind.PARAMETER, "var.p")


def test_values_are_filled_in() -> None:
    text = """
data "aws_iam_policy_document" "x" {
  statement {
    actions   = ["a:b"]
    resources = ["arn:${var.p}:${local.r}", coalesce(null, "", "z")]
  }
}
"""
    names = {"local.r": Text(("r", Reference("var.p")))}
    for value in ("aws", join([HOLE])):
        scope = ValueScope({"var.p": value}, names)
        (document,) = documents_of(parse(text, "x").blocks, scope)
        expected = join(["arn:", value, ":r", value])
        assert document.policy.statements[0].resources == (expected, "z")


@pytest.mark.parametrize(
    "code",
    [
        "lower(var.p)",
        'var.p == "aws" ? "a" : "b"',
        "element([1, 2], var.n)",
        "{ (var.p) = 1 }.aws",
        'can(var.p) ? "a" : "b"',
        'contains(["aws"], var.p) ? "a" : "b"',
        "var.n + 1",
        "var.p ? 1 : 2",
    ],
)
def test_nothing_is_computed_of_what_stands_for_any_value(code: str) -> None:
    scope = ValueScope({"var.p": Template((HOLE,)), "var.n": Template((HOLE,))})
    node = expression(code)
    assert node is not None
    with pytest.raises(InputError):
        resolve.text_of(node, Evaluator(scope))


@pytest.mark.parametrize(
    ("number", "piece"), [(0, "a"), (1, "b"), (2, "c"), (3, "a"), (4, "b"), (301, "b")]
)
def test_element_counts_on_from_the_first_after_the_last(number: int, piece: str) -> None:
    """As Terraform's function does; it refuses an empty list, which split never returns."""
    code = f'element(split(":", var.name), {number})'
    (block,) = parse(f"locals {{\n  x = {code}\n}}\n", "x.tf").blocks
    scope = ValueScope({"var.name": "a:b:c"}, {"local.x": block.attributes["x"]})
    assert resolve.text_of(Reference("local.x"), Evaluator(scope)) == piece
