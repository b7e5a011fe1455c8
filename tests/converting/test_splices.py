"""What is spliced into JSON is followed to its literals; what may hold a quote is left."""

import json
import time
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import IO, Any

import hcl2.api
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from test_rewrite import files as whole_files
from vpc_cni_iam.converting.rewriting import carry
from vpc_cni_iam.converting.rewriting.module_names import ModuleFiles, Modules
from vpc_cni_iam.converting.rewriting.rewrite import rewriting
from vpc_cni_iam.converting.rewriting.splices import why_not_plain
from vpc_cni_iam.hcl.attributes import attributes, may_hold_policy
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.write import NewBlock, policy_document
from vpc_cni_iam.policy.document import Policy

LOCALS = r"""
variable "text" { default = "a" }
variable "count" { type = number }
variable "flag" { type = bool }
locals {
  plain    = "data"
  again    = local.plain
  third    = "x-${local.again}"
  number   = 3
  list     = ["a", local.third]
  map      = { a = "x", b = local.list[1] }
  escape   = "$${aws:username}%%{x}"
  unicode  = "é日😀 "
  quotes   = "a\", \"b"
  quotes2  = local.quotes
  quotes3  = "${local.quotes2}"
  back     = "a\\b"
  tab      = "a\tb"
  spelled  = "a\u0022b"
  heredoc  = <<-E
    a
  E
  mixed    = { a = "x", b = local.quotes }
  variable = "x-${var.text}"
  file     = file("x")
  one      = local.two
  two      = local.three
  three    = "${local.one}"
  each     = [for x in var.l : x]
}
"""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    (tmp_path / "locals.tf").write_text(LOCALS)
    return tmp_path


@pytest.mark.parametrize(
    "code",
    [
        "local.plain",
        "local.again",
        "(local.third)",
        "local.number",
        "local.list[0]",
        'local.map["b"]',
        "local.map.a",
        "local.escape",
        "local.unicode",
        '"x${local.plain}"',
        "lower(local.third)",
        'join("-", local.list)',
        'format("%s-%d%%", local.plain, var.count)',
        'var.text == "\\"" ? local.plain : "$${aws:username}"',
        "((var.flag ? 1 : (2)))",
        "var.count",
        "var.flag",
        "count.index",
        "terraform.workspace",
        "sha256(var.text)",
        "length(local.quotes)",
        "base64encode(local.quotes)",
        "aws_s3_bucket.b[0].arn",
        'aws_s3_bucket.b["x"].id',
        "data.aws_caller_identity.current.account_id",
        "data.aws_partition.current.partition",
        'replace(aws_iam_openid_connect_provider.x.url, "https://", "")',
    ],
)
def test_what_is_made_of_plain_literals_is_plain(code: str, module: Path) -> None:
    assert why_not_plain(code, ModuleFiles(module).surroundings) is None


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("local.quotes", "local.quotes: 'a\", \"b' holds '\"'"),
        ("local.quotes2", "local.quotes2: local.quotes: "),
        ("local.quotes3", "local.quotes3: local.quotes2: local.quotes: "),
        ("local.back", "holds '\\\\'"),
        ("local.tab", "holds '\\t'"),
        ("local.spelled", "holds '\"'"),
        ("local.heredoc", "holds '\\n'"),
        ("local.mixed.a", "local.mixed: local.quotes"),
        ("local.variable", "local.variable: the caller of the module sets var.text"),
        ("local.file", "only an engine knows what file(...) returns"),
        ("local.one", "local.one refers to itself"),
        ("local.each", "only an engine knows [for x"),
        ("local.missing", "local.missing is defined 0 times"),
        ("var.text", "the caller of the module sets var.text"),
        ("var.other", "the caller of the module sets var.other"),
        ("module.m.name", "module.m.name is the output of a module"),
        ("each.value", "each.value is what for_each gives"),
        ("each.key", "each.key is what for_each gives"),
        ("upper(var.text)", "the caller"),
        ('format("%q", local.plain)', "only an engine knows what format(...)"),
        ('replace(local.plain, "d", "\\"")', "holds '\"'"),
        ("jsonencode(local.plain)", "only an engine knows what jsonencode(...)"),
        ('templatefile("x", { a = jsonencode(local.plain) })', "templatefile(...)"),
        ("var.flag ? local.plain : local.quotes", "local.quotes"),
        ('"x${var.text}"', "the caller"),
        ("path.module", "only an engine knows path.module"),
        ("aws_cloudwatch_metric_alarm.x.arn", "only an engine knows aws_cloudwatch"),
        ("aws_s3_bucket_object.x.id", "only an engine knows aws_s3_bucket_object"),
        ("aws_ssm_parameter.x.value", "only an engine knows aws_ssm"),
        ("data.template_file.x.rendered", "only an engine knows data.template_file"),
        ("upper(local.plain...)", "only an engine knows upper(local.plain...)"),
        ("local.plain +", "is not an expression"),
        ("(local.plain) == (local.plain)", "only an engine knows"),
    ],
)
def test_what_may_hold_a_quote_is_not(code: str, why: str, module: Path) -> None:
    reasons = why_not_plain(code, ModuleFiles(module).surroundings)
    assert reasons is not None and why in reasons


SPLICED = """
resource "aws_iam_policy" "x" {
  policy = <<EOF
{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": "a:b", "Resource": "${CODE}"}
]}
EOF
}
"""


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"z_override.tf": 'locals {\n  plain = "a\\", \\"b"\n}\n'}, "defined 2 times"),
        ({"z.tofu": 'locals {\n  plain = "a\\", \\"b"\n}\n'}, "defined 2 times"),
        ({"z.tf.json": '{"locals": {"plain": "a\\", \\"b"}}'}, "configuration in JSON may set"),
        ({"z.tf": "locals {"}, "may be set in a file that cannot be read, z.tf"),
        ({"z.tf": 'locals {\n  x = "${~ a ~}"\n}\n'}, "in a file that cannot be read, z.tf"),
    ],
)
def test_a_local_that_another_file_may_set_is_not_known(
    files: dict[str, str], why: str, module: Path
) -> None:
    for name, text in files.items():
        (module / name).write_text(text)
    (module / "main.tf").write_text(SPLICED.replace("CODE", "local.plain"))
    (left,) = rewriting(module / "main.tf", Modules()).left
    assert left.refused and why in left.error.problem
    assert left.error.source == str(module / "main.tf") and left.error.place == "line 5"


@pytest.mark.parametrize("escape", ["$${aws:username}", "%%{if}", "$$${aws:username}"])
def test_an_escape_in_a_conditional_stays_text(escape: str, module: Path) -> None:
    choice = f'var.flag ? "{escape}" : "b"'
    (module / "main.tf").write_text(SPLICED.replace("CODE", choice))
    result = rewriting(module / "main.tf", Modules())
    assert (len(result.replaced), result.left) == (1, ())
    (document,) = (b for b in parse(result.after, "x.tf").blocks if b.type == "data")
    assert f"resources = [{choice}]" in document.span.code


def test_a_broken_neighbour_stops_nothing_that_does_not_need_it(module: Path) -> None:
    (module / "z.tf").write_text("locals {")
    (module / "main.tf").write_text(SPLICED.replace("CODE", "aws_s3_bucket.b.arn"))
    result = rewriting(module / "main.tf", Modules())
    assert (len(result.replaced), result.left) == (1, ())


def test_a_value_that_a_data_source_would_change_is_left(module: Path) -> None:
    (module / "l.tf").write_text('locals {\n  amp = "&{aws:username}"\n}\n')
    text = (
        'jsonencode({ Statement = [{ Effect = "Allow", Action = "a:b", Resource = local.amp }] })'
    )
    (module / "main.tf").write_text(f'resource "aws_iam_policy" "x" {{\n  policy = {text}\n}}\n')
    (left,) = rewriting(module / "main.tf", Modules()).left
    assert left.refused and "with the values of its locals, " in left.error.problem


def test_locals_that_double_are_followed_in_time(tmp_path: Path) -> None:
    doubled = "".join(f'  l{n} = "${{local.l{n + 1}}}${{local.l{n + 1}}}"\n' for n in range(24))
    (tmp_path / "l.tf").write_text(f'locals {{\n{doubled}  l24 = "x"\n}}\n')
    (tmp_path / "main.tf").write_text(SPLICED.replace("CODE", "local.l0"))
    begun = time.process_time()
    result = rewriting(tmp_path / "main.tf", Modules())
    assert time.process_time() - begun < 5
    assert [r.name for r in result.replaced] == ["x"]


KINDS = json.loads(files("vpc_cni_iam.hcl.data").joinpath("policy_attributes.json").read_text())


@pytest.mark.parametrize("head", ['resource "KIND" "x"', "resource KIND x"])
def test_a_file_with_a_policy_is_never_skipped(head: str) -> None:
    for kind, path in ((k, path) for k, paths in KINDS["attributes"].items() for path in paths):
        *outer, name = path.split(".")
        body = f'{name} = "{{}}"'
        for item in reversed(outer):
            body = f"{item} {{\n{body}\n}}"
        text = f"{head.replace('KIND', kind)} {{\n{body}\n}}\n"
        for spelled in (text, text.replace('"aws_', '"\\u0061ws_')):
            held = [a for a in attributes(parse(spelled, "x")) if a.path == (*outer, name)]
            assert held and may_hold_policy(spelled), spelled


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(whole_files(), st.sampled_from(["resource", "module", "data"]))
def test_nor_is_one_that_people_might_write(file: tuple[str, str, list[Any]], kind: str) -> None:
    text = file[0].replace('resource "aws_iam_policy"', f'{kind} "x"')
    for item in (file[0], text):
        results = [a for a in attributes(parse(item, "x")) if a.holds_policy or a.writes_policy]
        assert not results or may_hold_policy(item)


def test_each_file_is_read_once_however_many_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: Counter[str] = Counter()
    opened: Counter[str] = Counter()

    def counted(text: str) -> object:
        parsed[text] += 1
        return parse_tree(text)

    parse_tree = hcl2.api.parses_to_tree
    monkeypatch.setattr(hcl2.api, "parses_to_tree", counted)

    def open_counted(path: Path, mode: str = "r", **more: str) -> IO[Any]:
        opened[path.name] += "w" not in mode
        return open_file(path, mode, **more)

    open_file = Path.open
    monkeypatch.setattr(Path, "open", open_counted)
    number = 20
    for n in range(number):
        text = SPLICED.replace("CODE", f"local.l{n}").replace('"x"', f'"p{n}"')
        (tmp_path / f"p{n}.tf").write_text(text)
        (tmp_path / f"l{n}.tf").write_text(f'locals {{\n  l{n} = "x"\n}}\n')
        (tmp_path / f"o{n}.tf").write_text(f'output "o{n}" {{\n  value = 1\n}}\n')
    opened.clear()
    modules = Modules()
    results = [rewriting(path, modules) for path in sorted(tmp_path.glob("*.tf"))]
    assert sum(len(item.replaced) for item in results) == number
    # A file of locals once; one with a policy before and after; its data source in the proof.
    assert not any("output" in text for text in parsed)
    assert sum(times for text, times in parsed.items() if "local" in text) <= 5 * number
    assert len(opened) == 3 * number == opened.total()


def test_a_data_source_that_would_mean_something_else_is_not_written(
    module: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def narrowed(name: str, policy: Policy, **more: Any) -> NewBlock:
        first = replace(policy.statements[0], resources=("*",))
        return policy_document(name, replace(policy, statements=(first,)), **more)

    monkeypatch.setattr(carry, "policy_document", narrowed)
    (module / "main.tf").write_text(SPLICED.replace("CODE", "local.plain"))
    result = rewriting(module / "main.tf", Modules())
    assert result.after == result.before
    (left,) = result.left
    assert left.refused
    assert "could not be proven to mean the same: statement 1 (a:b)" in left.error.problem
    assert "${local.plain}" in left.error.problem
