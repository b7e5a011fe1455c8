"""The values of expressions that can be known without an engine, and what an expression chooses."""

import pytest

from hcl_documents import documents_of
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl import embedded
from vpc_cni_iam.hcl.attributes import attributes, is_read_elsewhere
from vpc_cni_iam.hcl.evaluate.domain import ValueScope
from vpc_cni_iam.hcl.parse import expression, parse
from vpc_cni_iam.hcl.repair import unclosed_string
from vpc_cni_iam.hcl.syntax import Node

WHOLE = 'Effect = "Allow", Action = "a:b"'


def node(code: str) -> Node:
    parsed = expression(code)
    assert parsed is not None
    return parsed


def resources(code: str, **local_values: str) -> list[str]:
    """The resources of a data source, with the values of some locals."""
    text = (
        f'data "aws_iam_policy_document" "d" {{\n  statement {{\n    resources = [{code}]\n  }}\n}}'
    )
    nodes = {f"local.{name}": node(value) for name, value in local_values.items()}
    (document,) = documents_of(parse(text, "x.tf").blocks, ValueScope(nodes=nodes))
    return list(document.policy.statements[0].resources)


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("local.a", ["x"]),
        ('"${local.a}-${local.b}"', ["x-x"]),
        ('coalesce(null, "", local.a)', ["x"]),
        ('element(split("/", "p/q/r"), 1)', ["q"]),
        ('element(split("/", "p/q/r"), 4)', ["q"]),
        ('true ? "y" : "n"', ["y"]),
        ('local.a == null ? "y" : "n"', ["n"]),
        ('local.a != null ? "y" : "n"', ["y"]),
        ("null", []),
    ],
)
def test_a_value_is_known(code: str, value: list[str]) -> None:
    assert resources(code, a='"x"', b="local.a") == value


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("var.x", "var.x cannot be known without an engine"),
        ("md5(local.a)", "md5(...) cannot be known"),
        ("local.itself", "local.itself refers to itself"),
        ('"a${local.in_text}"', "local.in_text refers to itself"),
        ("local.in_choice", "local.in_choice refers to itself"),
        ("coalesce(local.first)", "local.first refers to itself"),
        ('"a${null}"', "null where a string is needed"),
        ('element(split("", "a"), 0)', "split(...) cannot be known"),
    ],
)
def test_a_value_is_not_known(code: str, problem: str) -> None:
    with pytest.raises(InputError) as error:
        resources(
            code,
            a='"x"',
            itself="local.itself",
            in_text='"a${local.in_text}"',
            in_choice='true ? local.in_choice : ""',
            first="coalesce(local.first)",
        )
    assert error.value.place == "line 3" and problem in error.value.problem


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("data.aws_iam_policy_document.a.json", True),
        ("data.aws_iam_policy_document.a[0].minified_json", True),
        ("data.aws_iam_policy_document.z.json", False),
        ("x ? data.aws_iam_policy_document.a.json : data.aws_iam_policy_document.a.json", True),
        ("x ? data.aws_iam_policy_document.a.json : var.p", False),
        ("local.choice", True),
        ("local.circle", True),
        ("local.text", True),
        ("local.policy", True),
        ("local.other", False),
        ("var.x", False),
    ],
)
def test_whether_an_expression_chooses_among_documents(code: str, answer: bool) -> None:
    nodes = {
        "local.choice": node("x ? data.aws_iam_policy_document.a.json : null"),
        "local.circle": node("[local.circle]"),
        "local.policy": node("jsonencode({ Statement = [] })"),
        "local.other": node("local.not_there"),
        "local.text": node('"${data.aws_iam_policy_document.a.json}"'),
    }
    assert is_read_elsewhere(node(code), nodes, {"a"}) is answer


@pytest.mark.parametrize(
    ("text", "holds", "writes"),
    [
        ('resource "aws_iam_policy" "x" {\n  policy = var.p\n}\n', True, False),
        ('resource "aws_iam_policy" "x" {\n  name = "p"\n}\n', False, False),
        ('data "aws_iam_policy" "x" {\n  policy = var.p\n}\n', False, False),
        ('output "policy" {\n  value = jsonencode({ Statement = [] })\n}\n', False, True),
        ('output "policy" {\n  value = jsonencode({ a = "Statement" })\n}\n', False, False),
        ('output "policy" {\n  value = [jsonencode({ Statement = [] })]\n}\n', False, True),
        ('output "policy" {\n  value = [jsonencode({ a = 1 })]\n}\n', False, False),
    ],
)
def test_which_attributes_are_policies(text: str, *, holds: bool, writes: bool) -> None:
    (attribute,) = attributes(parse(text, "x.tf"))
    assert (attribute.holds_policy, attribute.writes_policy) == (holds, writes)


@pytest.mark.parametrize(
    ("type_line", "holds"),
    [
        ('type = "SERVICE_CONTROL_POLICY"', True),
        ('type = "TAG_POLICY"', False),
        ('type = ""', False),
        ("", True),
    ],
)
def test_a_policy_of_an_organization_is_one_by_its_type(type_line: str, *, holds: bool) -> None:
    text = f'resource "aws_organizations_policy" "x" {{\n  {type_line}\n  content = "{{}}"\n}}\n'
    *_, content = attributes(parse(text, "x.tf"))
    assert (content.path, content.holds_policy) == (("content",), holds)


@pytest.mark.parametrize(
    ("code", "is_document", "has_statement"),
    [
        ("jsonencode({ Statement = [] })", True, True),
        ("jsonencode({ a = 1 })", True, False),
        ("jsonencode(var.x)", False, False),
        ("f({ Statement = [] })", False, False),
        ('" {\\"Statement\\": []}"', True, True),
        ('" {}"', True, False),
        ('"[\\"Statement\\"]"', False, False),
        ('""', False, False),
        ("var.x", False, False),
        ('"${var.x}{"', False, False),
    ],
)
def test_whether_an_expression_writes_a_policy(
    code: str, is_document: bool, has_statement: bool
) -> None:
    assert embedded.is_document(node(code)) is is_document
    assert embedded.has_statement(node(code)) is has_statement


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ("Version = var.x, Statement = []", "$.Version"),
        ("Statement = var.x", "$.Statement"),
        ("Statement = [var.x]", "$.Statement[0]"),
        ("Statement = [{ Effect = var.x }]", "$.Statement[0].Effect"),
        ("Statement = { %s, Principal = var.x }", "$.Statement.Principal"),
        ("Statement = { %s, Condition = var.x }", "$.Statement.Condition"),
        ("Statement = { %s, Condition = { Bool = var.x } }", "$.Statement.Condition.Bool"),
        ("Statement = { %s, Condition = { (var.x) = {} } }", "$.Statement.Condition"),
    ],
)
def test_an_expression_that_decides_what_a_policy_is_is_refused(fields: str, place: str) -> None:
    with pytest.raises(InputError, match=r"var\.x} decides the structure") as error:
        embedded.read(node(f"jsonencode({{ {fields.replace('%s', WHOLE)} }})"))
    assert error.value.place == f"line 2, {place}"


def test_a_label_with_a_template_is_its_texts_or_refused() -> None:
    text = 'a "b${c}d" {\n}\n'
    (block,) = parse(text, "x.tf").blocks
    assert block.labels == ("bd",)
    with pytest.raises(InputError, match="a label of a block is a template"):
        parse(text, "x.tf", strict=True)


@pytest.mark.parametrize(
    ("text", "place"),
    [('"a', 0), ('a = "b"', None), ('a = "b"\nc = "d', 12), ('a = "b${"c"}"', None)],
)
def test_where_a_string_is_not_closed(text: str, place: int | None) -> None:
    assert unclosed_string(text) == place


@pytest.mark.parametrize(
    ("heredoc", "place", "problem"),
    [
        ("<<EOT\nx\nEOT\x0c\nEOT\n", "line 3", "space after EOT"),
        ("<<-EOT\nx\n  EOT \n  EOT\n", "line 3", "space after EOT"),
        ("<<EOT\nEOT\x85\nEOT\n", "line 2", "space after EOT"),
        ("<<EOT\nx\n\x1cEOT\n", "line 3", "control character before EOT"),
        ("<<-EOT\n  \u0301s3:*\n  EOT\n", "line 2", "combining character"),
    ],
)
def test_a_heredoc_that_an_engine_reads_as_another_text_is_refused(
    heredoc: str, place: str, problem: str
) -> None:
    with pytest.raises(InputError, match=problem) as error:
        parse(f"x = {heredoc}", "x.tf")
    assert error.value.place == place
