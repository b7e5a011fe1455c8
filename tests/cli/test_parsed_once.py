"""Each file is parsed once, however much is read from it."""

from collections import Counter
from pathlib import Path

import hcl2.api
import pytest

from conftest import write_tree
from vpc_cni_iam.inputs.identify import open_account

TEXT = """
locals {
  name%s = "x"
}
data "aws_iam_policy_document" "d%s" {
  statement {
    actions   = ["a:b"]
    resources = ["arn:${local.name%s}"]
  }
}
resource "aws_iam_policy" "p%s" {
  policy = jsonencode({
    Statement = { Effect = "Allow", Action = "a:b", Resource = "${local.name%s}" } })
}
"""
TEXT += f"# {'x' * (1 << 15)}\n"  # of a shorter one, the tree is remembered


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    texts: Counter[str] = Counter()
    parse_tree = hcl2.api.parses_to_tree

    def counted(text: str) -> object:
        texts[text] += 1
        return parse_tree(text)

    monkeypatch.setattr(hcl2.api, "parses_to_tree", counted)
    return texts


def test_each_file_of_a_module_is_parsed_once(tmp_path: Path, parsed: Counter[str]) -> None:
    files = {f"{name}.tf": TEXT.replace("%s", name) for name in ("a", "b", "c")}
    write_tree(tmp_path, files)
    opened = open_account(str(tmp_path), lambda: "", {})
    assert len(opened.policies) == 6
    assert parsed == Counter(files.values())
