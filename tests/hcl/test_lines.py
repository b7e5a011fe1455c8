from pathlib import Path

import pytest

from conftest import ROOT
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.repair import locate, usable

TRICKY = """# resource "a" "comment" {
/* resource "a" "comment" {
*/
resource "aws_iam_policy" "one" { // }
  policy = <<-EOT
    { "Statement": [ {
  EOT
  name   = "a } \\" { ${upper("b } ${"c"}")} $${ {"
}

resource aws_iam_policy "two" {}
locals { a = { b = "}" } }
module "m" {
  source = "./m"
} # }
"""


def test_braces_in_texts_and_comments_are_none() -> None:
    results = [(b.type, b.labels, b.line, b.end) for b in locate(TRICKY)]
    assert results == [
        ("resource", ("aws_iam_policy", "one"), 4, 9),
        ("resource", ("aws_iam_policy", "two"), 11, 11),
        ("locals", (), 12, 12),
        ("module", ("m",), 13, 15),
    ]


FILES = sorted((ROOT / "modules").rglob("*.tf")) + sorted((ROOT / "examples").rglob("*.tf"))


@pytest.mark.parametrize("path", FILES[::4], ids=lambda p: str(p.relative_to(ROOT)))
def test_blocks_are_found_where_the_parser_finds_them(path) -> None:  # type: ignore[no-untyped-def]
    text = path.read_text()
    parsed = [(b.type, b.labels, b.span.line) for b in parse(text, str(path)).blocks]
    assert [(b.type, b.labels, b.line) for b in locate(text)] == parsed


@pytest.mark.parametrize(
    ("mode", "private"), [(0o700, True), (0o755, True), (0o770, False), (0o707, False)]
)
def test_tables_are_kept_where_nobody_else_may_write(
    mode: int, private: bool, tmp_path: Path
) -> None:
    """They hold code that Python runs."""
    tmp_path.chmod(mode)
    assert usable(tmp_path) is private


@pytest.mark.parametrize(
    "text", ["", "{", "}", '"', '"${', "<<EOT\n", "a {\n/*", "${{{", "a\x00b {}"]
)
def test_any_text_is_read_to_its_end(text: str) -> None:
    assert len(list(locate(text * 50))) <= 50
