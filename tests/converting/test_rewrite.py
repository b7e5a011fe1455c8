"""Rewriting replaces policies and nothing else, byte for byte; what it cannot carry it leaves."""

import json
import re
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from conftest import run, write_tree
from test_policy_document import documents  # the same generated policies
from vpc_cni_iam.converting.from_hcl import Reading, Unread, read_file, readings
from vpc_cni_iam.converting.rewriting.module_names import Modules
from vpc_cni_iam.converting.rewriting.rewrite import Rewriting, WhyLeft, rewriting, save
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl.embedded import MARK
from vpc_cni_iam.hcl.literals import Literal, code
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.syntax import Block, Text
from vpc_cni_iam.hcl.write import block, policy_document, problems
from vpc_cni_iam.policy.document import to_json
from vpc_cni_iam.policy.parse import loads


def rewritten(folder: Path, text: str, **others: str) -> Rewriting:
    for name, other in others.items():
        (folder / name.replace("_", ".")).write_text(other)
    path = folder / "main.tf"
    path.write_bytes(text.encode())
    return rewriting(path, Modules())


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
    "\n",
    "\t \n\n",
    'module "é日😀" {\n  source="./x"\n  y={a=1,b:[1,2,]}\n}\n',
]
HEADS = ["", "# of the resource {\n", "/* two\n   lines } */\n// and one\n"]
TAILS = ["", " # behind it }", " // \u2028 x", '\n\n  tags = { a = "}" }']


@st.composite
def files(draw: st.DrawFn) -> tuple[str, str, list[Any]]:
    """A file, what is to become of it, and the documents in it."""
    before = after = ""
    results = []
    for number in range(draw(st.integers(1, 3))):
        filler = "".join(draw(st.lists(st.sampled_from(FILLERS), max_size=3)))
        document = draw(documents)
        policy = loads(json.dumps(document), "x")
        assume(not problems(policy))
        assume(not MARK.search(json.dumps(document, ensure_ascii=False)))
        results.append(to_json(policy))
        name = f"p{number}"
        head = draw(st.sampled_from(HEADS)) + f'resource "aws_iam_policy" "{name}" {{\n  policy = '
        form = draw(st.sampled_from(["jsonencode", "quoted", "indented", "flat"]))
        # Nothing follows the end of a heredoc on its line.
        tails = TAILS if form in ("jsonencode", "quoted") else [t for t in TAILS if t[:1] != " "]
        tail = draw(st.sampled_from(tails)) + "\n}\n"
        before += filler
        after += filler
        close = "" if after == "" or after.endswith("\n\n") else "\n"
        after += close + block(policy_document(name, policy)) + "\n"
        before += head + written(document, form) + tail
        after += head + f"data.aws_iam_policy_document.{name}.json" + tail
    if draw(st.booleans()):
        before, after = before.removesuffix("\n"), after.removesuffix("\n")
    return before, after, results


def structure(text: str) -> list[Block]:
    """The blocks of a file but its data sources of policies, without places and policies."""

    def bare(block: Block) -> Block:
        attributes = {n: Text(()) if n == "policy" else v for n, v in block.attributes.items()}
        return replace(block, attributes=attributes, blocks=tuple(map(bare, block.blocks)))

    blocks = parse(text, "x").blocks
    return [bare(b) for b in blocks if b.labels[:1] != ("aws_iam_policy_document",)]


@settings(
    max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
@given(files(), st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", "\ufeff"]))
def test_all_else_stays_byte_for_byte(
    file: tuple[str, str, list[Any]], newline: str, mark: str
) -> None:
    before, after, result = file
    before, after = (mark + text.replace("\n", newline) for text in (before, after))
    with tempfile.TemporaryDirectory() as folder:
        rewritten_text = rewritten(Path(folder), before)
        assert rewritten_text.left == ()
        assert rewritten_text.after == after
        assert structure(rewritten_text.after.removeprefix(mark)) == structure(
            before.removeprefix(mark)
        )
        # Once more changes nothing.
        again = rewritten(Path(folder), after)
        assert (again.after, again.replaced) == (after, ())
    for text in (before, after):
        read = readings(read_file(text.removeprefix(mark), "x"))
        assert [r.document for r in read if isinstance(r, Reading)] == result


def policy(body: str, kind: str = "aws_iam_policy", attribute: str = "policy") -> str:
    return f'resource "{kind}" "x" {{\n  {attribute} = {body}\n}}\n'


def encoded(resource: str, more: str = "") -> str:
    statement = f'{{ Effect = "Allow", Action = "a:b", Resource = {resource} {more}}}'
    return f'jsonencode({{ Version = "2012-10-17", Statement = [{statement}] }})'


def inlined(resource: str) -> str:
    statement = f'{{"Effect": "Allow", "Action": "a:b", "Resource": {resource}}}'
    return f'<<EOF\n{{"Version": "2012-10-17", "Statement": [{statement}]}}\nEOF'


@pytest.mark.parametrize(
    ("body", "resources"),
    [
        (encoded("aws_s3_bucket.b.arn"), "[aws_s3_bucket.b.arn]"),
        (encoded('"${aws_s3_bucket.b.arn}"'), "[aws_s3_bucket.b.arn]"),
        (encoded('"${aws_s3_bucket.b.arn}/*"'), '["${aws_s3_bucket.b.arn}/*"]'),
        (encoded('"${"${var.x}"}/$${aws:username}"'), '["${var.x}/$${aws:username}"]'),
        (encoded("[var.x]"), "[var.x]"),
        (encoded('"a...${var.x}"'), '["a...${var.x}"]'),
        (encoded("var.x"), "flatten([var.x])"),
        (encoded("(var.x)"), "flatten([var.x])"),
        (encoded("var.text"), "[var.text]"),
        (encoded("var.list"), "var.list"),
        (encoded("local.text"), "[local.text]"),
        (encoded("local.list"), "local.list"),
        (encoded("local.other"), "flatten([local.other])"),
        (encoded("aws_s3_bucket.b[*].arn"), "flatten([aws_s3_bucket.b[*].arn])"),
        (encoded("var.a ? var.b : [var.c]"), "flatten([var.a ? var.b : [var.c]])"),
        (encoded('[for x in var.l : "${x}/*"]'), 'flatten([[for x in var.l : "${x}/*"]])'),
        (encoded('[var.m["a}"], "b"]'), '[\n      var.m["a}"],\n      "b",\n    ]'),
        (inlined('"${aws_s3_bucket.b.arn}/*"'), '["${aws_s3_bucket.b.arn}/*"]'),
        (inlined('"${ aws_s3_bucket.b.arn }"'), "[aws_s3_bucket.b.arn]"),
        (inlined('"${lower("}")}/\\u00e9"'), '["${lower("}")}/é"]'),
        (inlined("${jsonencode(var.x)}"), "flatten([var.x])"),
        (inlined('["${lower("A")}", "$${*}"]'), '[\n      lower("A"),\n      "$${*}",\n    ]'),
    ],
)
def test_references_are_carried_over(body: str, resources: str, tmp_path: Path) -> None:
    others = """
variable "text" { type = string }
variable "list" { type = list(string) }
locals {
  text  = "x${var.text}"
  list  = ["a", var.text]
  other = var.list
}
"""
    rewritten_text = rewritten(tmp_path, policy(body), variables_tf=others)
    assert rewritten_text.left == ()
    assert f"    resources = {resources}\n" in rewritten_text.after.replace(
        "\n\n    resources", "\n    resources"
    )
    (located,) = (b for b in parse(rewritten_text.after, "x").blocks if b.type == "data")
    assert located.labels == ("aws_iam_policy_document", "x")


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
def test_a_number_is_written_as_engines_print_it(number: str, text: str, tmp_path: Path) -> None:
    """The texts are those of Terraform 1.15.5 for jsonencode."""
    condition = f", Condition = {{ StringEquals = {{ a = {number} }} }}"
    done = rewritten(tmp_path, policy(encoded('"*"', condition)))
    assert f'values   = ["{text}"]' in done.after


def test_each_instance_of_a_resource_keeps_its_provider(tmp_path: Path) -> None:
    """OpenTofu takes a provider by key, from 1.9 on."""
    arguments = "  for_each = var.regions\n  provider = aws.by_region[each.key]\n"
    text = policy(encoded('"*"')).replace("{\n", f"{{\n{arguments}", 1)
    done = rewritten(tmp_path, text)
    assert "  for_each = var.regions\n  provider = aws.by_region[each.key]\n\n  st" in done.after
    assert "policy = data.aws_iam_policy_document.x[each.key].json" in done.after


def test_a_policy_in_an_override_file_is_left(tmp_path: Path) -> None:
    """Engines refuse a data source there that no other file has."""
    write_tree(
        tmp_path, {"main.tf": policy(encoded('"*"')), "main_override.tf": policy(encoded('"a"'))}
    )
    done = run("convert", "--rewrite", "main_override.tf", cwd=tmp_path)
    assert (done.code, "line 2: stands in an override file" in done.err) == (3, True)
    assert (tmp_path / "main_override.tf").read_text() == policy(encoded('"a"'))


def test_a_policy_whose_instances_an_override_file_may_change_is_left(tmp_path: Path) -> None:
    text = policy(encoded('"${count.index}"')).replace("{\n", "{\n  count = 1\n", 1)
    override = 'resource "aws_iam_policy" "x" {\n  count = 2\n}\n'
    for other, status in (('provider "aws" {}\n', 0), (override, 3)):
        write_tree(tmp_path, {"main.tf": text, "override.tf": other})
        done = run("convert", "--rewrite", "main.tf", "--dry-run", cwd=tmp_path)
        assert (done.code, "override.tf may change count" in done.err) == (status, status == 3)


def test_a_note_names_a_reference_that_stands_twice(tmp_path: Path) -> None:
    (done,) = rewritten(tmp_path, policy(encoded("[local.a, local.a]"))).replaced
    assert "names '${local.a}' more than once" in done.notes[0]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (policy("jsonencode({ Statement = [for s in var.s : s] })"), 2, "decides the structure"),
        (policy("jsonencode({ Statement = concat([], []) })"), 2, "${concat([], [])} decides"),
        (policy("jsonencode({ Statement = [local.s] })"), 2, "$.Statement[0]: ${local.s} decides"),
        (policy(encoded('"*"', ", Principal = var.p")), 2, "Principal: ${var.p} decides"),
        (policy(encoded('"*"', ", Condition = var.c")), 2, "Condition: ${var.c} decides"),
        (policy(encoded('"*"', ", Resource = 1")), 2, "'Resource' stands twice"),
        (policy(encoded('"*"', ", resource = 1")), 2, "write Resource"),
        (policy(encoded('"%{ if var.x }a%{ endif }"')), 2, "template directive"),
        (policy(encoded('"&{aws:username}"')), 2, "holds '&{'"),
        (policy(inlined('"%{ if var.x }a%{ endif }"')), 3, "template directive"),
        (policy(inlined('"${~ var.x ~}"')), 3, "strip markers"),
        (policy(inlined('["${join("\\", \\"", var.x)}"]')), 3, "may write quotes"),
        (policy(inlined('["${local.joined}"]')), 3, "may write quotes"),
        (policy(inlined("${var.x}")), 3, "writes JSON itself"),
        (policy(inlined('"${var.x"')), 3, "does not end"),
        (policy(inlined('"${var.x +}"')), 3, "not an expression"),
        (policy(inlined('"a" "b"')), 2, "is not JSON"),
        (policy('<<EOF\n{"Version": "2012-10-17"}\nEOF'), 2, "has no Statement"),
        (policy(encoded("each.value")), 2, "each.value without count or for_each"),
        (policy(encoded('"\U000f0000"')), 2, "private plane"),
        (policy(encoded("1e999")), 2, "beyond all measure"),
        (policy(encoded('[local.many, "b"]')), 2, "local.many is a list inside a list"),
        (policy(inlined('[${jsonencode(local.many)}, "b"]')), 2, "local.many is a list inside a"),
        (policy(encoded('"*"', ", Condition = { StringLike = { a = 1e200 } }")), 2, "all measure"),
        (policy(inlined('"\\udb80\\udc00"')), 2, "private plane"),
        (
            'resource "aws_iam_role" "x" {\n  dynamic "inline_policy" {\n    for_each = var.p\n'
            f"    content {{\n      policy = {encoded('inline_policy.value')}\n    }}\n  }}\n}}\n",
            5,
            "dynamic block",
        ),
    ],
)
def test_what_cannot_be_carried_over_is_left_and_said(
    text: str, line: int, words: str, tmp_path: Path
) -> None:
    known = 'locals {\n  joined = join("\\", \\"", var.x)\n  many   = ["a", "b"]\n}\n'
    (tmp_path / "l.tf").write_text(known)
    # The other policy of the file is replaced all the same.
    good = policy(encoded('"*"')).replace('"x"', '"good"')
    try:
        rewritten_text = rewritten(tmp_path, text + good)
    except InputError as error:
        assert words in str(error) and f"line {line}" in str(error)
        return
    (left,) = rewritten_text.left
    assert left.refused
    assert words in str(left.error)
    assert left.error.place.split(",")[0] == f"line {line}"
    assert left.error.source.endswith("main.tf")
    assert text in rewritten_text.after and [r.name for r in rewritten_text.replaced] == ["good"]


@pytest.mark.parametrize(
    "text",
    [
        policy(encoded('"*"'), "aws_ecr_lifecycle_policy"),
        policy(encoded('"*"'), "aws_dlm_lifecycle_policy"),
        policy(encoded('"*"'), "google_project_iam_policy"),
        policy(encoded('"*"'), "aws_iam_policy", "description"),
        policy("data.aws_iam_policy_document.y.json"),
        policy("data.aws_iam_policy_document.y[count.index].json"),
        policy(encoded('"*"')).replace("resource", "data", 1),
        f'module "m" {{\n  policy = {encoded("1")}\n}}\n',
        'resource "aws_organizations_policy" "x" {\n  type = "TAG_POLICY"\n'
        "  content = jsonencode({ tags = {} })\n}\n",
        'resource "aws_organizations_policy" "x" {\n  type = ""\n  content = "{}"\n}\n',
        f'resource "aws_iam_policy" {{\n  policy = {encoded("1")}\n}}\n',
        "",
        "\n# nothing\n",
    ],
)
def test_what_is_no_policy_is_not_touched(text: str, tmp_path: Path) -> None:
    rewritten_text = rewritten(tmp_path, text)
    assert (rewritten_text.after, rewritten_text.replaced) == (text, ())
    # What looks like a policy all the same is named.
    named = "Statement" in text
    assert [left.refused for left in rewritten_text.left] == ([False] if named else [])


@pytest.mark.parametrize(
    ("text", "address", "kind"),
    [
        ("module m {\n  a = 1\n  policy = %s\n}\n", "module.m.policy", WhyLeft.module_argument),
        ("module m {\n\n  p = { x = [%s] }\n}\n", "module.m.p", WhyLeft.module_argument),
        ("locals {\n  a = 1\n  p = %s\n}\n", "locals.p", WhyLeft.local),
        ("locals {\n\n  p = var.x ? %s : null\n}\n", "locals.p", WhyLeft.local),
        ("output o {\n  sensitive = true\n  value = %s\n}\n", "output.o.value", WhyLeft.other),
    ],
)
def test_a_policy_that_no_resource_takes_is_named(
    text: str, address: str, kind: WhyLeft, tmp_path: Path
) -> None:
    text = text.replace("%s", encoded("1"))
    rewritten_text = rewritten(tmp_path, text)
    assert rewritten_text.after == text
    (left,) = rewritten_text.left
    assert (left.address, left.kind, left.refused) == (address, kind, False)
    assert (left.error.place, left.error.problem) == ("line 3", f"not rewritten: {kind}")
    done = run("convert", "--rewrite", "main.tf", "--format", "json", cwd=tmp_path)
    ((result,),) = (file["left"] for file in json.loads(done.out)["files"])
    assert done.code == 0
    assert (result["address"], result["kind"], result["path"]) == (address, str(kind), "line 3")
    assert f"{address} is left: main.tf: line 3: not rewritten: {kind}" in done.err


@pytest.mark.parametrize(
    "body",
    [
        'file("x.json")',
        "jsonencode()",
        '""',
        "var.p",
        'templatefile("x", {})',
        "null",
        "<<E\n${var.p}\nE",
    ],
)
def test_a_policy_that_is_written_elsewhere_is_left_and_said(body: str, tmp_path: Path) -> None:
    text = rewritten(tmp_path, policy(body))
    assert text.after == text.before
    assert [left.refused for left in text.left] == [False]


@pytest.mark.parametrize(
    "body",
    [
        f"var.x ? data.aws_iam_policy_document.x.json : {encoded('1')}",
        f"chomp({inlined('1')}\n)",
    ],
)
def test_a_policy_inside_an_expression_is_refused(body: str, tmp_path: Path) -> None:
    text = rewritten(tmp_path, policy(body))
    assert text.after == text.before
    assert [left.refused for left in text.left] == [True]
    (reading,) = readings(read_file(policy(body), "x.tf"))
    assert isinstance(reading, Unread)
    assert "stands in an expression" in str(reading.error)


@pytest.mark.parametrize("body", ['"${CODE}"', "(CODE)", "((CODE))", '"${(CODE)}"', "( CODE\n)"])
def test_parentheses_and_quotes_around_a_policy_change_nothing(body: str, tmp_path: Path) -> None:
    code = encoded('"*"')
    plain = rewritten(tmp_path, policy(code))
    text = rewritten(tmp_path, policy(body.replace("CODE", code)))
    assert (text.after, text.replaced) == (plain.after, plain.replaced) and len(text.replaced) == 1
    (reading,) = readings(read_file(policy(body.replace("CODE", code)), "x.tf"))
    assert isinstance(reading, Reading) and reading.document["Statement"][0]["Resource"] == "*"


@pytest.mark.parametrize(
    ("template", "words"),
    [("%{ if x }a%{ endif }", "directive"), ("${~ var.x ~}", "strip markers")],
)
def test_a_heredoc_that_only_an_engine_reads_leaves_others_readable(
    template: str, words: str, tmp_path: Path
) -> None:
    text = policy(inlined(f'"{template}"')).replace('"x"', '"bad"') + policy(encoded('"*"'))
    text += f'resource "aws_instance" "i" {{\n  user_data = <<E\n{template}\nE\n}}\n'
    rewritten_text = rewritten(tmp_path, text)
    assert [r.name for r in rewritten_text.replaced] == ["x"]
    (left,) = rewritten_text.left
    assert left.refused and words in left.error.problem and left.error.place == "line 3"


def test_a_template_that_does_not_end_is_refused_by_its_line() -> None:
    with pytest.raises(InputError, match="line 3: a template starts here that does not end"):
        read_file("locals {\n  x = <<E\n${a\nE\n}\n", "x")


def test_names_do_not_collide_in_the_directory(tmp_path: Path) -> None:
    others = 'data aws_iam_policy_document x {\n}\n# data "aws_iam_policy_document" "y" {}\n'
    json_names = '{"data": {"aws_iam_policy_document": {"z": {}}}}'
    (tmp_path / "other.tf").write_text(others)
    (tmp_path / "generated.tf.json").write_text(json_names)
    text = "".join(policy(encoded('"*"')).replace('"x"', f'"{name}"') for name in "wxyz")
    text += policy(encoded('"*"'), "aws_sqs_queue_policy").replace('"x"', '"w"')
    text += policy(encoded('"*"'), "aws_iam_role", "assume_role_policy")
    (tmp_path / "more.tf").write_text(policy(encoded('"*"')).replace('"x"', '"w"'))
    (tmp_path / "main.tf").write_text(text)
    modules = Modules()
    result = rewriting(tmp_path / "main.tf", modules)
    assert [r.name for r in result.replaced] == [
        "w",
        "x_iam_policy",
        "y_iam_policy",
        "z_iam_policy",
        "w_sqs_queue_policy",
        "x_assume_role",
    ]
    # Files of one run know of each other's names.
    (replaced,) = rewriting(tmp_path / "more.tf", modules).replaced
    assert replaced.name == "w_iam_policy"


def test_comments_in_a_policy_go_above_their_statements(tmp_path: Path) -> None:
    text = """resource "aws_iam_policy" "x" {
  policy = jsonencode({ # Of the document.
    Version = "2012-10-17"
    Statement = [
      // Read.
      {
        Effect = "Allow"
        Action = [
          "a:Get", # for ${var.x}
          "a:List",
        ]
        /* Two
         * lines. */
        Resource = "*"
      }, # Behind it.
      { Effect = "Deny", Action = "a:b", Resource = "*" }
      # { Effect = "Deny" }
    ]
  }) # Stays.
}
"""
    after = rewritten(tmp_path, text).after
    data, _, rest = after.partition("resource ")
    assert [line.strip() for line in data.splitlines() if "#" in line] == [
        "# Of the document.",
        '# { Effect = "Deny" }',
        "# Read.",
        '# "a:Get": for ${var.x}',
        "# Two",
        "# lines.",
        "# Behind it.",
    ]
    assert data.startswith("# Of the document.")
    assert (
        rest
        == '"aws_iam_policy" "x" {\n  policy = data.aws_iam_policy_document.x.json # Stays.\n}\n'
    )


@pytest.mark.parametrize(
    ("meta", "resource", "written"),
    [
        ("provider = aws.west", '"*"', ["provider = aws.west"]),
        ("for_each = var.m", "each.value", ["for_each  = var.m", "x[each.key].json"]),
        ("count = 2", "var.l[count.index]", ["count = 2", "x[count.index].json"]),
        # It would not be there where its resource is not.
        ("count = var.n", "aws_s3_bucket.b[0].arn", ["count = var.n", "x[count.index].json"]),
        ("count = var.n", '"*"', ["document.x.json"]),
    ],
)
def test_a_data_source_is_there_for_each_of_its_resources(
    meta: str, resource: str, written: list[str], tmp_path: Path
) -> None:
    text = f'resource "aws_iam_policy" "x" {{\n  {meta}\n  policy = {encoded(resource)}\n}}\n'
    after = rewritten(tmp_path, text).after
    for words in written:
        assert words.replace("  =", " =") in re.sub(r" +=", " =", after)


def test_a_file_that_changed_meanwhile_is_not_written(tmp_path: Path) -> None:
    text = rewritten(tmp_path, policy(encoded('"*"')))
    (tmp_path / "main.tf").write_text("# new\n")
    with pytest.raises(InputError, match="changed while"):
        save(tmp_path, [text])
    assert (tmp_path / "main.tf").read_text() == "# new\n"


def test_what_cannot_be_saved_hides_nothing_that_was_done_or_refused(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a/x.tf": policy(encoded('"*"')), "b/real": policy(encoded('"*"'))})
    (tmp_path / "b/y.tf").symlink_to("real")
    done = run("convert", "--rewrite", "a/x.tf", "b/y.tf", "none.tf", cwd=tmp_path)
    assert (done.code, done.out.count("replace ")) == (3, 1)
    assert "replace a/x.tf: aws_iam_policy.x.policy" in done.out
    assert "none.tf" in done.err
    assert "error: b: nothing in it was written: " in done.err and "symbolic link" in done.err


def test_the_report_says_what_was_saved_and_what_not(tmp_path: Path) -> None:
    text = policy(encoded('"*"'))
    write_tree(tmp_path, {"a/x.tf": text, "b/real": text, "c/z.tf": text, "c/none.tf": ""})
    (tmp_path / "b/y.tf").symlink_to("real")
    files = ("a/x.tf", "b/y.tf", "c/z.tf", "c/none.tf")
    for extra, saved in (("--dry-run", [False] * 4), ("--rewrite", [True, False, True, False])):
        done = run("convert", "--rewrite", *files, extra, "--format", "json", cwd=tmp_path)
        report = json.loads(done.out)
        assert [f["saved"] for f in report["files"]] == saved
        assert all(f["replaced"] for f in report["files"][:3])
    assert done.code == 3
    (failure,) = report["failures"]
    assert failure["source"] == "b" and "symbolic link" in failure["reason"]
    assert (tmp_path / "b/real").read_text() == text


def test_many_policies_that_are_left_do_not_flood_the_terminal(tmp_path: Path) -> None:
    left = inlined('"${jsonencode(var.x)}"')
    text = "\n".join(policy(left).replace('"x"', f'"x{n}"') for n in range(60))
    write_tree(tmp_path, {"main.tf": text})
    lines = run("convert", "--rewrite", "main.tf", cwd=tmp_path).err.splitlines()
    assert len(lines) == 51 and lines[50].endswith("10 more like these; --format json prints all")


def test_many_policies_in_a_file_take_work_in_proportion_to_their_number(tmp_path: Path) -> None:
    def calls(number: int) -> int:
        """Return how many functions of the rewriting are called, each resumption counted."""
        statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
        policy = heredoc({"Version": "2012-10-17", "Statement": [statement]}, indent=None)
        text = "".join(
            f'# policy {n}\nresource "aws_iam_policy" "p{n}" {{\n  policy = {policy}\n}}\n'
            for n in range(number)
        )
        called = 0

        def counted(frame: FrameType, event: str, _: object) -> None:
            nonlocal called
            called += event == "call" and "rewriting" in frame.f_code.co_filename

        sys.setprofile(counted)
        try:
            change = rewritten(tmp_path, text)
        finally:
            sys.setprofile(None)
        assert len(change.replaced) == number
        return called

    assert calls(60) <= 2.1 * calls(30)
