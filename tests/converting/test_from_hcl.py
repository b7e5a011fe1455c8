"""Policies of .tf files as JSON: what is static as it is, references as they are written."""

import json
from pathlib import Path

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from conftest import run, write_tree
from vpc_cni_iam.converting.from_hcl import (
    Reading,
    Unread,
    files,
    read_file,
    read_files,
    readings,
)
from vpc_cni_iam.hcl.module.given import GivenVariables, Renderer
from vpc_cni_iam.hcl.write import block, policy_document
from vpc_cni_iam.inputs.directory import Directory
from vpc_cni_iam.policy.document import to_json
from vpc_cni_iam.policy.parse import parse

STATEMENT = '{"Effect": "Allow", "Action": "a:b", "Resource": %s}'


def only(text: str) -> Reading:
    (reading,) = readings(read_file(text, "x.tf"))
    assert isinstance(reading, Reading), reading
    return reading


def unread(text: str) -> Unread:
    (reading,) = readings(read_file(text, "x.tf"))
    assert isinstance(reading, Unread), reading
    return reading


def data(body: str, top: str = "") -> str:
    return (
        f'data "aws_iam_policy_document" "x" {{\n{top}\n  statement {{\n    actions = ["a:b"]\n'
        f"    {body}\n  }}\n}}\n"
    )


def test_a_file_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import hcl2.api

    parsed = []
    parse_tree = hcl2.api.parses_to_tree

    def counted(text: str) -> object:
        parsed.append(text)
        return parse_tree(text)

    monkeypatch.setattr(hcl2.api, "parses_to_tree", counted)
    text = data('resources = ["once"]')
    assert only(text).document["Statement"][0]["Resource"] == "once"
    assert parsed == [text]


def test_aws_managed_policies_come_back_as_they_were() -> None:
    corpus = json.loads(aws_managed_policies_data)
    for name in sorted(corpus)[::25]:
        policy = parse(corpus[name]["Document"], name)
        finding = only(block(policy_document("x", policy)))
        assert finding.document == to_json(policy), name
        assert finding.references == ()


@pytest.mark.parametrize(
    ("resource", "expected", "references"),
    [
        ('["*"]', "*", ()),
        ('["x/&{aws:username}"]', "x/${aws:username}", ()),
        ('["x/$${aws:username}"]', "x/${aws:username}", ()),
        ('["${var.b}/$${aws:username}"]', "${var.b}/${aws:username}", ("var.b",)),
        ("[aws_s3_bucket.x[0].arn]", "${aws_s3_bucket.x[0].arn}", ("aws_s3_bucket.x[0].arn",)),
        ('[module.m["k"].arn]', '${module.m["k"].arn}', ('module.m["k"].arn',)),
        ("var.l", "${var.l}", ("var.l",)),
        ("flatten([var.l])", "${var.l}", ("var.l",)),
    ],
)
def test_data_sources(resource: str, expected: str, references: tuple[str, ...]) -> None:
    finding = only(data(f"resources = {resource}"))
    assert finding.document["Statement"][0]["Resource"] == expected
    assert (finding.address, finding.line) == ("data.aws_iam_policy_document.x", 1)
    assert finding.references == references


@pytest.mark.parametrize("indent", ["", "-"])
def test_heredocs(indent: str) -> None:
    statement = STATEMENT % r'["${var.b}/$${aws:username}\\\n", "%%{x}&{y}"]'
    document = f'    {{"Id": "é\\u00e9",\n  "Statement": {statement}}}'
    text = f"locals {{\n\n  p = <<{indent}EOF\n{document}\n  EOF\n}}\n"
    finding = only(text)
    assert finding.document == {
        "Version": "2008-10-17",
        "Id": "éé",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "a:b",
                "Resource": ["${var.b}/${aws:username}\\\n", "%{x}&{y}"],
            }
        ],
    }
    assert (finding.address, finding.line, finding.references) == ("locals.p", 3, ("var.b",))


def test_jsonencode_and_places_in_blocks() -> None:
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
    reading, other = readings(read_file(text, "x.tf"))
    assert isinstance(reading, Reading) and isinstance(other, Reading)
    assert reading.document["Statement"][0]["Condition"] == {
        "NumericLessThan": {"a:b": "1.5", "${var.k}": "-1", "x${var.k}": ["true", "1000"]}
    }
    assert reading.references == ("var.a", "var.k")
    assert reading.address == "aws_iam_role.r.inline_policy[0].policy"
    assert other.address == "aws_iam_role.r.inline_policy[1].policy"
    assert list(files([reading, other])) == [
        "aws_iam_role_r_inline_policy_0_policy.json",
        "aws_iam_role_r_inline_policy_1_policy.json",
    ]


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (data('resources = ["${file("X")}"]'), "line 5", "file(...) cannot be known"),
        (data("resources = var.a ? [] : var.b"), "line 5", "var.a cannot be known"),
        (data("resources = []", 'source_policy_documents = ["x"]'), "line 1", "joins other"),
        (data('resources = ["&{x}"]', 'version = "2008-10-17"'), "line 3", "refuses &{"),
        (data("resources = []", "version = var.v"), "line 2", "${var.v} decides the structure"),
        (data("effect = var.e"), "line 5", "${var.e} decides the structure"),
        (data('resources = ["$${var.a}", var.a]'), "line 1", "in one place and a reference"),
        (
            'locals {\n p = jsonencode({\n Statement = [{ Effect = "Allow", Action = "a",\n'
            ' Resource = lower("X") }] })\n}\n',
            "line 4",
            'lower("X") is computed',
        ),
        (
            "locals {\n p = jsonencode({ Statement = [for s in var.s : s] })\n}\n",
            "line 2, $.Statement",
            "decides the structure",
        ),
        (
            'locals {\n p = jsonencode({ Statement = [{ Effect = "Allow", Action = "a:b",\n'
            " Condition = var.c }] })\n}\n",
            "line 2, $.Statement[0].Condition",
            "decides the structure",
        ),
        (
            'locals {\n p = jsonencode({ Statement = [{ Effect = "Allow", Action = "a:b",\n'
            " Condition = { (var.o) = {} } }] })\n}\n",
            "line 2, $.Statement[0].Condition",
            "decides the structure",
        ),
        (
            'resource "aws_iam_policy" "x" {\n policy = <<EOF\n{"Statement": [}\nEOF\n}\n',
            "line 2",
            "in its JSON, line 1",
        ),
    ],
)
def test_what_takes_an_engine_is_refused_by_line(text: str, place: str, words: str) -> None:
    error = unread(text).error
    assert (error.source, error.place) == ("x.tf", place)
    assert words in error.problem


MAIN = """resource "aws_iam_policy" "x" {
  policy = jsonencode({ Version = "2012-10-17", Statement = [{
    Effect = "Allow", Action = "s3:GetObject", Resource = "${var.bucket}/$${aws:username}/*"
  }] })
}
"""


def test_one_is_printed_several_are_written(tmp_path: Path) -> None:
    (tmp_path / "a.tf").write_text("\ufeff" + MAIN)
    (tmp_path / "b.tf").write_text(MAIN.replace("aws_iam_policy", "aws_sqs_queue_policy"))
    (tmp_path / "bad.tf").write_text("locals {")
    done = run("convert", "--from-hcl", "a.tf", cwd=tmp_path)
    assert done.code == 0
    statement = json.loads(done.out)["Statement"][0]
    assert statement["Resource"] == "${var.bucket}/${aws:username}/*"
    assert "a.tf: line 2: aws_iam_policy.x.policy: refers to ${var.bucket};" in done.err
    assert "aws:username" not in done.err

    done = run("convert", "--from-hcl", "a.tf", "b.tf", cwd=tmp_path)
    assert done.code == 2 and "2 policies; name a directory with --output" in done.err
    done = run("convert", "--from-hcl", "a.tf", "b.tf", "bad.tf", "--output", "o", cwd=tmp_path)
    assert done.code == 3
    assert "bad.tf: line 1" in done.err and "2 read, 1 not" in done.err
    assert {p.name for p in (tmp_path / "o").iterdir()} == {
        "aws_iam_policy_x_policy.json",
        "aws_sqs_queue_policy_x_policy.json",
    }

    done = run("convert", "--from-hcl", "a.tf", "bad.tf", "--format", "json", cwd=tmp_path)
    report = json.loads(done.out)
    assert done.code == 3
    assert [d["references"] for d in report["documents"]] == [["var.bucket"]]
    assert [f["source"] for f in report["failures"]] == ["bad.tf"]


def test_many_references_do_not_flood_the_terminal(tmp_path: Path) -> None:
    text = """
resource "aws_iam_policy" "p%s" {
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "*", Resource = var.x }] })
}
"""
    (tmp_path / "a.tf").write_text("".join(text % n for n in range(60)))
    lines = run("convert", "--from-hcl", "a.tf", "--output", "o", cwd=tmp_path).err.splitlines()
    assert len(lines) == 52
    assert lines[50:] == [
        "vpc-cni-iam: 10 more like these; --format json prints all",
        "vpc-cni-iam: 60 read, 0 not",
    ]
    refused = run("convert", "--from-hcl", "a.tf", cwd=tmp_path)
    assert (refused.code, len(refused.err.splitlines())) == (2, 52)


def test_a_file_without_policies_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.tf").write_text("locals {}\n")
    done = run("convert", "--from-hcl", "a.tf", cwd=tmp_path)
    assert (done.code, done.out) == (3, "")
    assert "has no policy as text" in done.err


COMPUTED = """resource "aws_iam_policy" "y" {
  policy = %s
}
data "aws_iam_policy_document" "z" {
  statement {
    actions = ["a:b"]
    resources = ["*"]
  }
}
"""


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('file("x.json")', "is computed"),
        ("var.x", "is computed"),
        ("local.other", "is computed"),
        ("var.x ? data.aws_iam_policy_document.z.json : var.y", "is computed"),
        ("var.x ? jsonencode({ Statement = [] }) : null", "is part of an expression"),
        ("data.aws_iam_policy_document.z.json", ""),
        ("one(data.aws_iam_policy_document.z[*].json)", ""),
        ("local.chosen[var.x]", ""),
        ("null", ""),
        ('""', ""),
    ],
)
def test_what_is_left_out_is_named_and_the_exit_code_says_so(
    body: str, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "a.tf").write_text(COMPUTED % body)
    (tmp_path / "b.tf").write_text(
        'locals {\n  chosen = { a = data.aws_iam_policy_document.z.json }\n  other = file("x")\n}\n'
    )
    files = ("a.tf", "b.tf")
    done = run("convert", "--from-hcl", *files, cwd=tmp_path)
    assert done.code == (1 if reason else 0), done.err
    assert json.loads(done.out)["Statement"][0]["Action"] == "a:b"
    if reason:
        assert f"error: aws_iam_policy.y.policy: a.tf: line 2: {reason}" in done.err
    report = json.loads(run("convert", "--from-hcl", *files, "--format", "json", cwd=tmp_path).out)
    assert [f["address"] for f in report["failures"]] == ["aws_iam_policy.y.policy"] * bool(reason)
    for name in ("z", "data.aws_iam_policy_document.z"):
        done = run("convert", "--from-hcl", *files, "--document", name, cwd=tmp_path)
        assert (done.code, done.err) == (0, "")
    words = ("--document", "aws_iam_policy.y.policy")
    done = run("convert", "--from-hcl", *files, *words, cwd=tmp_path)
    assert (done.code, done.out) == ((3, "") if reason else (2, ""))


@pytest.mark.parametrize(
    ("name", "text", "reason", "codes"),
    [
        ("a.tf.json", '{"resource": {"aws_iam_policy": {}}}', "in JSON is not read", (1, 0)),
        ("a.tf.json", '{"provider": {"aws": {}}}', "", (0, 0)),
        ("z_override.tf", COMPUTED % "null", "an override file changes blocks", (3, 3)),
        ("main.tofu", COMPUTED % "null", "OpenTofu reads main.tofu in its place", (3, 3)),
    ],
)
def test_a_file_of_a_directory_that_is_not_read_is_named(
    name: str, text: str, reason: str, codes: tuple[int, int], tmp_path: Path
) -> None:
    write_tree(tmp_path / "m", {"main.tf": COMPUTED % "null", name: text})
    place = f"m/{'main.tf' if name == 'main.tofu' else name}"
    for more, code in zip(([], ["--document", "z"]), codes, strict=True):
        command = ["convert", "--from-hcl", "m", *more]
        done = run(*command, cwd=tmp_path)
        assert done.code == code, done.err
        assert json.loads(done.out)["Statement"][0]["Action"] == "a:b"
        assert (f"error: {place}: " in done.err and reason in done.err) is bool(code)
        done = run(*command, "--format", "json", cwd=tmp_path)
        failures = json.loads(done.out)["failures"]
        assert (done.code, [f["source"] for f in failures]) == (code, [place] * bool(code))
        assert run(*command, "--output", f"o{code}", "--force", cwd=tmp_path).code == code


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ('module "m" {\n  p = [jsonencode({ Statement = [] })]\n}\n', "module.m.p"),
        ('locals {\n  p = var.x ? jsonencode({ Statement = [] }) : ""\n}\n', "locals.p"),
    ],
)
def test_a_policy_in_an_expression_is_named_wherever_it_stands(text: str, address: str) -> None:
    problems = unread(text)
    assert problems.address == address and "is part of an expression" in problems.error.problem


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--document", "x"], "--document needs --from-hcl"),
        ([], "x.tf is HCL; --from-hcl prints its policies"),
        (["--from-hcl", "--name", "x", "--partition-aware"], "--name, --partition-aware cannot"),
    ],
)
def test_options_that_do_not_go_together(arguments: list[str], words: str, tmp_path: Path) -> None:
    done = run("convert", *arguments, "x.tf", cwd=tmp_path)
    assert done.code == 2 and words in done.err


@pytest.mark.parametrize(
    "content", [b"locals { # Statement", b"\xff", b'locals {\n  a = "Statement"\n  a = 2\n}\n']
)
def test_a_file_that_is_no_hcl_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_bytes(content)
    done = run("convert", "--from-hcl", "main.tf", cwd=tmp_path)
    assert done.code == 3 and "error: main.tf: line" in done.err


def test_a_list_that_is_spread_into_arguments_is_not_read_as_an_argument() -> None:
    document = '{ Statement = { Effect = "Allow", Action = "a:b", Resource = "*" } }'
    body = f"output o {{ value = jsonencode({document}%s) }}\noutput p {{ value = 1 }}"
    assert only(body % "").document["Statement"]
    assert list(readings(read_file(body % "...", "x.tf"))) == []
    three_dots = document.replace('"a:b"', '"a:b", Sid = "a...b"')
    assert only(body.replace(document, three_dots) % "").document["Statement"]


VALUES = """
variable "buckets" {
  type = list(string)
}

locals {
  prefix = format("arn:aws:s3:::%s", var.buckets[0])
}
"""
FILLED = """
data "aws_iam_policy_document" "read" {
  statement {
    actions   = ["s3:GetObject"]
    resources = ["${local.prefix}/*", "${aws_s3_bucket.logs.arn}/*"]
  }

  dynamic "statement" {
    for_each = var.buckets
    content {
      actions   = ["s3:List*"]
      resources = ["arn:aws:s3:::${statement.value}"]
    }
  }
}

resource "aws_iam_policy" "whole" {
  policy = jsonencode({
    Statement = { Effect = "Allow", Action = "s3:GetObject", Resource = var.buckets }
  })
}

resource "aws_iam_policy" "part" {
  policy = jsonencode({
    Statement = { Effect = "Allow", Action = "s3:Get*", Resource = [local.prefix, var.other] }
  })
}
"""


def test_values_fill_what_follows_from_them_and_other_names_stay(tmp_path: Path) -> None:
    write_tree(tmp_path, {"m/variables.tf": VALUES, "m/iam.tf": FILLED})
    values = ("--var", 'buckets=["a", "b"]', "--format", "json")
    for target in ("m", "m/iam.tf"):
        done = run("convert", "--from-hcl", target, *values, cwd=tmp_path)
        assert done.code == 0, done.err
        read = {d["address"]: d for d in json.loads(done.out)["documents"]}
        document = read["data.aws_iam_policy_document.read"]
        resources = [s["Resource"] for s in document["document"]["Statement"]]
        assert resources == [
            ["arn:aws:s3:::a/*", "${aws_s3_bucket.logs.arn}/*"],
            "arn:aws:s3:::a",
            "arn:aws:s3:::b",
        ]
        assert document["references"] == ["aws_s3_bucket.logs.arn"]
        whole = read["aws_iam_policy.whole.policy"]
        assert whole["document"]["Statement"][0]["Resource"] == ["a", "b"]
        part = read["aws_iam_policy.part.policy"]
        assert part["document"]["Statement"][0]["Resource"] == ["arn:aws:s3:::a", "${var.other}"]
        assert part["references"] == ["var.other"]
    plain = run("convert", "--from-hcl", "m/iam.tf", "--format", "json", cwd=tmp_path)
    assert (plain.code, "${local.prefix}/*" in plain.out) == (1, False)
    typo = run("convert", "--from-hcl", "m/iam.tf", "--var", "bucket=a", cwd=tmp_path)
    assert (typo.code, "did you mean 'buckets'?" in typo.err) == (2, True)
    write_tree(tmp_path, {"alone/iam.tf": FILLED})
    for target in ("alone", "alone/iam.tf"):
        alone = run("convert", "--from-hcl", target, "--var", "othr=a", cwd=tmp_path)
        assert (alone.code, "did you mean 'other'?" in alone.err) == (2, True)
    forward = run("convert", "m/iam.tf", "--var", "buckets=[]", cwd=tmp_path)
    assert forward.code == 2 and "--var, --var-file and --engine need --from-hcl" in forward.err


@pytest.mark.parametrize(
    "resources",
    [
        "var.buckets",
        "local.arns",
        "flatten([var.buckets])",
        "[for b in var.buckets : b]",
        "var.buckets[*]",
        'concat(var.buckets, ["c"])',
    ],
)
def test_a_list_that_a_value_gives_is_read(resources: str, tmp_path: Path) -> None:
    text = f"""
variable "buckets" {{ type = list(string) }}
locals {{ arns = [for b in var.buckets : "arn:aws:s3:::${{b}}"] }}
data "aws_iam_policy_document" "a" {{
  statement {{
    actions   = ["s3:GetObject"]
    resources = {resources}
  }}
}}
"""
    (tmp_path / "main.tf").write_text(text)
    done = run("convert", "--from-hcl", "main.tf", "--var", 'buckets=["a", "b"]', cwd=tmp_path)
    assert done.code == 0, done.err
    start = "arn:aws:s3:::" if "local" in resources else ""
    read = json.loads(done.out)["Statement"][0]["Resource"]
    assert (
        read == [f"{start}{name}" for name in ("a", "b", "c")][: 3 if "concat" in resources else 2]
    )


def test_text_is_in_the_normal_form_that_engines_give_it(tmp_path: Path) -> None:
    resources = '"e\u0301", "e\\u0301", "${"e\u0301"}/", <<E\ne\u0301\nE\n'
    statement = f'statement {{\n  actions = ["s3:*"]\n  resources = [{resources}]\n}}\n'
    text = f'data "aws_iam_policy_document" "a" {{\n{statement}}}\n'
    (tmp_path / "main.tf").write_text(text)
    done = run("convert", "--from-hcl", "main.tf", cwd=tmp_path)
    assert done.code == 0, done.err
    read = json.loads(done.out)["Statement"][0]["Resource"]
    assert read == ["\u00e9", "\u00e9", "\u00e9/", "\u00e9\n"]


def test_principals_of_one_type_in_several_blocks_are_all_printed() -> None:
    blocks = (f'principals {{\ntype = "AWS"\nidentifiers = ["{name}"]\n}}\n' for name in "ab")
    (statement,) = only(data("".join(blocks))).document["Statement"]
    assert statement["Principal"] == {"AWS": ["a", "b"]}


def test_a_condition_key_in_two_spellings_is_refused_as_in_json(tmp_path: Path) -> None:
    conditions = "".join(
        f'condition {{\n  test = "StringEquals"\n  variable = "{key}"\n  values = ["a"]\n}}\n'
        for key in ("aws:PrincipalTag/team", "aws:principaltag/team")
    )
    statement = f'statement {{\nactions = ["s3:*"]\nresources = ["*"]\n{conditions}}}\n'
    text = f'data "aws_iam_policy_document" "a" {{\n{statement}}}\n'
    (tmp_path / "main.tf").write_text(text)
    done = run("convert", "--from-hcl", "main.tf", cwd=tmp_path)
    assert (done.code, "has a condition key twice" in done.err) == (3, True)


def test_a_file_that_is_not_read_does_not_make_its_variables_unknown(tmp_path: Path) -> None:
    write_tree(tmp_path, {"m/main.tf": 'variable "bucket" {}\nlocals { a = = var.bucket }\n'})
    done = run("convert", "--from-hcl", "m", "--var", "bucket=a", cwd=tmp_path)
    assert done.code == 3
    assert "m/main.tf: line 2, column 14: is not valid HCL" in done.err


def test_a_default_stays_a_reference_beside_a_value_that_is_given(tmp_path: Path) -> None:
    statement = 'actions = ["s3:*"]\nresources = ["arn:aws:s3:::${var.bucket}/${var.prefix}*"]'
    code = f'data "aws_iam_policy_document" "a" {{\nstatement {{\n{statement}\n}}\n}}\n'
    more = 'variable "bucket" {\n}\nvariable "prefix" {\n  default = "logs/"\n}\n'
    write_tree(tmp_path, {"m/main.tf": code, "m/variables.tf": more})
    done = run("convert", "--from-hcl", "m", "--var", "bucket=b", cwd=tmp_path)
    assert '"arn:aws:s3:::b/${var.prefix}*"' in done.out


@pytest.mark.parametrize("file", ["a.tf", "a.json"])
def test_with_json_nothing_else_is_printed_though_files_are_written(
    file: str, tmp_path: Path
) -> None:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    (tmp_path / "a.json").write_text(policy)
    (tmp_path / "a.tf").write_text(
        f'resource "aws_iam_policy" "a" {{\n  policy = <<E\n{policy}\nE\n}}\n'
    )
    way = ["--from-hcl"] if file == "a.tf" else []
    done = run("convert", *way, file, "--output", "made", "--format", "json", cwd=tmp_path)
    assert len(json.loads(done.out)["documents"]) == 1
    assert len(list((tmp_path / "made").iterdir())) == 1


@pytest.mark.parametrize("joins", ["source_policy_documents", "override_policy_documents"])
def test_a_document_that_is_given_as_text_is_joined(joins: str, tmp_path: Path) -> None:
    text = f'variable "more" {{}}\n{data("resources = []", f"{joins} = [var.more]")}'
    (tmp_path / "main.tf").write_text(text)
    statement = {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}
    more = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    done = run("convert", "--from-hcl", "main.tf", "--var", f"more={more}", cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert statement in json.loads(done.out)["Statement"]
    assert len(json.loads(done.out)["Statement"]) == 2
    broken = run("convert", "--from-hcl", "main.tf", "--var", "more={}", cwd=tmp_path)
    assert (broken.code, "a document that it joins" in broken.err) == (3, True)


def test_what_a_data_source_joins_is_a_part_of_it(tmp_path: Path) -> None:
    joined = 'jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:*", Resource = "*" }] })'
    text = data("resources = []", f"source_policy_documents = [{joined}]")
    (tmp_path / "main.tf").write_text(f'variable "a" {{}}\n{text}')
    alone = run("convert", "--from-hcl", "main.tf", cwd=tmp_path)
    assert alone.err.count("error: ") == 1 and "joins other documents" in alone.err
    done = run("convert", "--from-hcl", "main.tf", "--var", "a=b", cwd=tmp_path)
    assert (done.code, done.err, "iam:*" in done.out) == (0, "", True)
    rendered = {"Version": "2012-10-17", "Statement": [json.loads(STATEMENT % '"*"')]}
    renderer = Renderer("x", lambda *_: {"x": {"": json.dumps(rendered)}})
    directory = Directory({"main.tf": text}, ())
    (reading,) = read_files([lambda: directory], variables=GivenVariables(renderer=renderer))
    assert isinstance(reading, Reading) and reading.engine == "x"
    assert reading.document == rendered
