"""What real engines render of converted policies means what the JSON meant. All in root modules."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from conftest import MATRIX, OFFLINE_PROVIDER, ROOT, write_tree
from hcl_documents import documents_of
from rendering_back import check_same, converted, rendered
from vpc_cni_iam.converting.batch import ConvertOptions, Input, convert
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.errors import EngineError
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.policy.diff import differences
from vpc_cni_iam.policy.parse import loads
from whole_policies import drawn

pytestmark = pytest.mark.engine

HARD = {
    p.stem.replace("-", "_"): p.read_text()
    for p in sorted((ROOT / "tests/data/policies").glob("*.json"))
}


@dataclass(frozen=True)
class Corpus:
    """AWS managed policies and every hard case: as JSON by name, and as files of HCL.

    `make matrix` takes every managed policy, `make test` every sixth.
    """

    texts: dict[str, str]
    files: dict[str, str]


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    moto = pytest.importorskip("moto.iam.aws_managed_policies")
    data = json.loads(moto.aws_managed_policies_data)
    assert len(data) > 1000
    names = list(data)[:: 1 if MATRIX else 6]
    managed = {name.replace("-", "_"): json.dumps(data[name]["Document"]) for name in names}
    texts = {**managed, **HARD}
    return Corpus(texts, converted(texts))


def test_the_corpus_is_rendered_as_it_was(engine: Engine, corpus: Corpus, tmp_path: Path) -> None:
    check_same(corpus.texts, rendered(engine, tmp_path, corpus.files))


def test_the_corpus_is_formatted(newest: Engine, corpus: Corpus, tmp_path: Path) -> None:
    newest.run(["fmt", "-check", "-diff"], write_tree(tmp_path, corpus.files))


def test_the_corpus_reads_back(corpus: Corpus) -> None:
    for file, text in corpus.files.items():
        name = file.removesuffix(".tf")
        (document,) = documents_of(parse(text, file).blocks)
        assert differences(loads(corpus.texts[name], name), document.policy) == ()


def test_whole_policies_of_any_text(engine: Engine, tmp_path: Path) -> None:
    """Those that cannot be expressed are left out before the engine."""
    texts = {}
    for number, text in enumerate(drawn(80, 1)):
        if not convert([Input("x", lambda t=text: t)], ConvertOptions()).failures:  # type: ignore[misc]
            texts[f"d{number}"] = text
    assert len(texts) > 40
    check_same(texts, rendered(engine, tmp_path, converted(texts)))
    engine.run(["fmt", "-check", "-diff"], tmp_path)


def test_partition_aware_means_the_same_here(engine: Engine, tmp_path: Path) -> None:
    texts = {n: t for n, t in HARD.items() if "arn:aws-cn:" not in t}
    files = converted(texts, ConvertOptions(partition_aware=True))
    arn = "arn:${data.aws_partition.current.partition}:iam::111122223333:root"
    assert "data.tf" in files and arn in files["key_default.tf"]
    check_same(texts, rendered(engine, tmp_path, files))
    engine.run(["fmt", "-check", "-diff"], tmp_path)


FACTS = """
data "aws_iam_policy_document" "no_statement" {
}
data "aws_iam_policy_document" "replaced" {
  statement {
    sid       = "&{"
    actions   = ["a:&{b}", ""]
    resources = ["&{r}"]
    principals {
      type        = "AWS"
      identifiers = ["&{p}"]
    }
    condition {
      test     = "T&{"
      variable = "&{k}"
      values   = ["&{v}"]
    }
  }
}
data "aws_iam_policy_document" "empty" {
  statement {
    actions   = []
    resources = []
    condition {
      test     = "Bool"
      variable = "a:b"
      values   = []
    }
  }
}
"""


def test_what_the_provider_cannot_express_is_as_said(engine: Engine, tmp_path: Path) -> None:
    """The facts that `vpc_cni_iam.hcl.write` and `vpc_cni_iam.policy.parse` rest on."""
    result = {
        name: json.loads(text)
        for name, text in rendered(engine, tmp_path, {"facts.tf": FACTS}).items()
    }
    assert result["no_statement"].get("Statement") is None
    (statement,) = result["replaced"]["Statement"]
    assert (statement["Resource"], statement["Principal"]) == ("${r}", {"AWS": "${p}"})
    assert statement["Condition"] == {"T&{": {"&{k}": ["${v}"]}}
    assert (statement["Sid"], statement["Action"]) == ("&{", ["a:&{b}", ""])
    (statement,) = result["empty"]["Statement"]
    assert statement == {"Sid": "", "Effect": "Allow", "Condition": {"Bool": {"a:b": []}}}


def test_a_sid_that_stands_twice_is_refused_by_the_provider(engine: Engine, tmp_path: Path) -> None:
    twice = '  statement {\n    sid = "A"\n  }\n' * 2
    block = f'data "aws_iam_policy_document" "x" {{\n{twice}}}\n'
    write_tree(tmp_path, {"main.tf": OFFLINE_PROVIDER + block})
    with pytest.raises(EngineError, match="duplicate Sid"):
        engine.plan(tmp_path)
