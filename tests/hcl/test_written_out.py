"""Policies that are written out in .tf files come back as they were, in every form."""

import json
import re

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from test_policy_document import documents  # the same generated policies
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl import embedded, resolve
from vpc_cni_iam.hcl.attributes import attributes, may_hold_policy
from vpc_cni_iam.hcl.evaluate.domain import ValueScope
from vpc_cni_iam.hcl.evaluate.expressions import Evaluator
from vpc_cni_iam.hcl.literals import Literal, code
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.syntax import Node
from vpc_cni_iam.hcl.write import problems
from vpc_cni_iam.policy.document import Policy, to_json
from vpc_cni_iam.policy.parse import loads


def policies(text: str) -> list[Node]:
    """The policy arguments of a file."""
    return [a.value for a in attributes(parse(text, "x.tf")) if a.holds_policy]


def evaluated(value: Node) -> Policy:
    """A policy without references, by the evaluator."""
    return loads(resolve.text_of(value, Evaluator(ValueScope())), "x.tf")


def hcl(value: object) -> str:
    """A JSON value as an HCL expression, as people write it for jsonencode."""
    if isinstance(value, dict):
        inner = "".join(f"\n    {code(Literal(k))} = {hcl(v)}" for k, v in value.items())
        return f"{{{inner}\n  }}"
    if isinstance(value, list):
        return f"[{', '.join(map(hcl, value))}]"
    return code(Literal(value)) if isinstance(value, str) else json.dumps(value)


def heredoc(document: object, indent: int | None) -> str:
    text = json.dumps(document, indent=indent)
    if re.search(r"\$\$\{|%%\{", text):
        text = re.sub(r"[$%](?=\{)", lambda m: f"\\u{ord(m[0]):04x}", text)
    text = text.replace("${", "$${").replace("%{", "%%{")
    return f"<<{'-' if indent else ''}E_O-F\n{text}\n  E_O-F"


def written(document: object, form: str) -> str:
    if form == "jsonencode":
        return f"jsonencode({hcl(document)})"
    if form == "quoted":
        return code(Literal(json.dumps(document)))
    return heredoc(document, 2 if form == "indented" else None)


FILLERS = [
    'variable "v" {}\n',
    'locals {\n  a = "${"${var.v}"} } \\" # no ${var.v == "}" ? "{" : "<<EOF"}" // x\n}\n',
    'output "o" {\n  value = <<X\n}\n" # ${var.v} $${ %%{ /*\n  X\n}\n',
    '# resource "a" "b" { " <<EOF ${\n\n',
    "// }\n\n",
    '/* multi\n resource "aws_iam_policy" "y" {\n\n  policy = jsonencode({}) */\n\n',
    'resource "aws_ecr_lifecycle_policy" "l" { policy = "{}" } # its own\n',
    "\t \n\n",
    'module "é日😀" {\n  source="./x"\n  y={a=1,b:[1,2,]}\n}\n',
]
TAILS = ["", " # behind it }", " // \u2028 x", '\n\n  tags = { a = "}" }']


@st.composite
def files(draw: st.DrawFn) -> tuple[str, list[object]]:
    """A file, and the documents in it."""
    text, results = "", []
    for number in range(draw(st.integers(1, 3))):
        document = draw(documents)
        policy = loads(json.dumps(document), "x")
        assume(not problems(policy))
        results.append(to_json(policy))
        form = draw(st.sampled_from(["jsonencode", "quoted", "indented", "flat"]))
        # Nothing follows the end of a heredoc on its line.
        tails = TAILS if form in ("jsonencode", "quoted") else [t for t in TAILS if t[:1] != " "]
        text += "".join(draw(st.lists(st.sampled_from(FILLERS), max_size=3)))
        text += f'resource "aws_iam_policy" "p{number}" {{\n  policy = {written(document, form)}'
        text += draw(st.sampled_from(tails)) + "\n}\n"
    return text, list(results)


@settings(
    max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
@given(files(), st.sampled_from(["\n", "\r\n"]))
def test_a_document_is_what_its_json_is(file: tuple[str, list[object]], newline: str) -> None:
    text, documents_written = file
    values = policies(text.replace("\n", newline))
    assert [to_json(embedded.read(value)) for value in values] == documents_written
    assert [to_json(evaluated(value)) for value in values] == documents_written


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(files(), st.sampled_from(["resource", "provider", "data"]))
def test_a_file_with_a_policy_is_never_skipped(file: tuple[str, list[object]], kind: str) -> None:
    text = file[0].replace('resource "aws_iam_policy"', f'{kind} "x"')
    for item in (file[0], text):
        results = [a for a in attributes(parse(item, "x")) if a.holds_policy or a.writes_policy]
        assert not results or may_hold_policy(item)


def policy(body: str, name: str = "x") -> str:
    return f'resource "aws_iam_policy" "{name}" {{\n  policy = {body}\n}}\n'


def encoded(resource: str, more: str = "") -> str:
    statement = f'{{ Effect = "Allow", Action = "a:b", Resource = {resource} {more}}}'
    return f'jsonencode({{ Version = "2012-10-17", Statement = [{statement}] }})'


def inlined(resource: str) -> str:
    statement = f'{{"Effect": "Allow", "Action": "a:b", "Resource": {resource}}}'
    return f'<<EOF\n{{"Version": "2012-10-17", "Statement": [{statement}]}}\nEOF'


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("0.10", "0.1"),
        ("1e-7", "0.0000001"),
        ("1.50e2", "150"),
        ("-0", "-0"),
        ("1e30", "1000000000000000000000000000000"),
        ("0.1234567890123456789012345678901234567890", "0.123456789012345678901234567890123456789"),
    ],
)
def test_a_number_is_written_as_engines_print_it(number: str, text: str) -> None:
    """The texts are those of Terraform 1.15.5 for jsonencode."""
    condition = f", Condition = {{ StringEquals = {{ a = {number} }} }}"
    (value,) = policies(policy(encoded('"*"', condition)))
    (written,) = embedded.read(value).statements[0].conditions
    assert written.values == (text,)


@pytest.mark.parametrize(
    ("body", "line", "words"),
    [
        ("jsonencode({ Statement = concat([], []) })", 2, "${concat([], [])} decides"),
        (encoded('"*"', ", Principal = var.p"), 2, "Principal: ${var.p} decides"),
        (encoded('"*"', ", Resource = 1"), 2, "'Resource' is there twice"),
        (encoded('"*"', ", resource = 1"), 2, "write Resource"),
        (encoded('"%{ if var.x }a%{ endif }"'), 2, "template directive"),
        (inlined('"%{ if var.x }a%{ endif }"'), 3, "template directive"),
        (inlined('"${~ var.x ~}"'), 3, "strip markers"),
        (inlined("${var.x}"), 3, "generates JSON"),
        (inlined('"a" "b"'), 2, "is not JSON"),
        ('<<EOF\n{"Version": "2012-10-17"}\nEOF', 2, "has no Statement"),
        (inlined('"${var.x}-\\u0024{var.x}"'), 2, "text in one place and a reference"),
        (encoded("1e999"), 2, "too large"),
        (encoded('"*"', ", Condition = { StringLike = { a = 1e200 } }"), 2, "too large"),
    ],
)
def test_a_policy_that_only_an_engine_knows_is_refused_by_line(
    body: str, line: int, words: str
) -> None:
    (value,) = policies(policy(body))
    with pytest.raises(InputError) as caught:
        embedded.read(value)
    assert words in str(caught.value)
    assert caught.value.place.split(",")[0] == f"line {line}"


def test_a_template_that_does_not_end_is_refused_by_its_line() -> None:
    with pytest.raises(InputError, match="line 3: a template starts here that does not end"):
        parse("locals {\n  x = <<E\n${a\nE\n}\n", "x")


@pytest.mark.parametrize("body", ['"${CODE}"', "(CODE)", "((CODE))", '"${(CODE)}"', "( CODE\n)"])
def test_parentheses_and_quotes_around_a_policy_change_nothing(body: str) -> None:
    (value,) = policies(policy(body.replace("CODE", encoded('"*"'))))
    for read in (embedded.read, evaluated):
        assert read(value).statements[0].resources == ("*",)


@pytest.mark.parametrize("indent", ["", "-"])
def test_escapes_in_a_heredoc_and_in_its_json(indent: str) -> None:
    resource = r'["${var.b}/$${aws:username}\\\n", "%%{x}&{y}"]'
    statement = f'{{"Effect": "Allow", "Action": "a:b", "Resource": {resource}}}'
    document = f'    {{"Id": "é\\u00e9",\n  "Statement": {statement}}}'
    (value,) = policies(policy(f"<<{indent}EOF\n{document}\n  EOF"))
    read = embedded.read(value)
    assert (read.id, read.version) == ("éé", "2008-10-17")
    assert [str(text) for text in read.statements[0].resources] == [
        "${var.b}/${aws:username}\\\n",
        "%{x}&{y}",
    ]
    assert [hole.place for hole in read.holes()] == ["var.b"]


def test_what_jsonencode_writes_with_its_references() -> None:
    text = """
resource "aws_iam_role" "r" {
  inline_policy {
    policy = jsonencode({ Version : "2012-10-17", "Statement" = {
      Effect = "Allow", Action = ["a:b", "${var.a}"], Resource = "*" # why
      Condition = { NumericLessThan = { "a:b" = 1.50, (var.k) = -1, "x${var.k}" = [true, 1e3] } }
    } })
  }
  inline_policy {
    policy = "{\\"Statement\\": [{\\"Effect\\": \\"Deny\\", \\"NotAction\\": \\"a:b\\"}]}"
  }
}
output "o" { value = jsonencode({ Rules = [] }) }
"""
    role, other = (a for a in attributes(parse(text, "x.tf")) if a.writes_policy)
    assert role.address == "aws_iam_role.r.inline_policy[0].policy"
    assert other.address == "aws_iam_role.r.inline_policy[1].policy"
    read = embedded.read(role.value)
    assert to_json(read)["Statement"][0]["Condition"] == {
        "NumericLessThan": {"a:b": "1.5", "${var.k}": "-1", "x${var.k}": ["true", "1000"]}
    }
    assert [hole.place for hole in read.holes()] == ["var.a", "var.k"]
    assert embedded.read(other.value).statements[0].not_actions == ("a:b",)


def test_a_list_that_is_spread_into_arguments_is_not_a_document() -> None:
    document = '{ Statement = { Effect = "Allow", Action = "a:b", Resource = "*" } }'
    for body, is_document in ((document, True), (f"{document}...", False)):
        (attribute,) = attributes(parse(f"output o {{ value = jsonencode({body}) }}\n", "x.tf"))
        assert embedded.is_document(attribute.value) is is_document
