"""Policies that are written out in .tf files come back as they were, in every form."""

import json
import re

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from test_policy_document import documents  # the same generated policies
from vpc_cni_iam.converting.from_hcl import Reading, Unread, read_file, readings
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl.attributes import attributes, may_hold_policy
from vpc_cni_iam.hcl.literals import Literal, code
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.write import problems
from vpc_cni_iam.policy.document import to_json
from vpc_cni_iam.policy.parse import loads


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
    read = readings(read_file(text.replace("\n", newline), "x.tf"))
    assert [r.document for r in read if isinstance(r, Reading)] == documents_written


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
    (reading,) = readings(read_file(policy(encoded('"*"', condition)), "x.tf"))
    assert isinstance(reading, Reading)
    assert reading.document["Statement"][0]["Condition"] == {"StringEquals": {"a": text}}


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
        (f"var.x ? data.aws_iam_policy_document.x.json : {encoded('1')}", 2, "of an expression"),
        (f"chomp({inlined('1')}\n)", 2, "of an expression"),
    ],
)
def test_a_policy_that_is_not_read_leaves_others_readable(body: str, line: int, words: str) -> None:
    unread, reading = readings(read_file(policy(body) + policy(encoded('"*"'), "good"), "x.tf"))
    assert isinstance(unread, Unread) and isinstance(reading, Reading)
    assert (unread.address, reading.address) == (
        "aws_iam_policy.x.policy",
        "aws_iam_policy.good.policy",
    )
    assert words in str(unread.error)
    assert unread.error.place.split(",")[0] == f"line {line}"


def test_a_template_that_does_not_end_is_refused_by_its_line() -> None:
    with pytest.raises(InputError, match="line 3: a template starts here that does not end"):
        read_file("locals {\n  x = <<E\n${a\nE\n}\n", "x")


@pytest.mark.parametrize("body", ['"${CODE}"', "(CODE)", "((CODE))", '"${(CODE)}"', "( CODE\n)"])
def test_parentheses_and_quotes_around_a_policy_change_nothing(body: str) -> None:
    (reading,) = readings(read_file(policy(body.replace("CODE", encoded('"*"'))), "x.tf"))
    assert isinstance(reading, Reading) and reading.document["Statement"][0]["Resource"] == "*"
