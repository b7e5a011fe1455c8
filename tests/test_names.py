"""Names that users write: one spelling with - or _, the nearest name, and no lists in one word."""

import json
from pathlib import Path

import pytest

from conftest import run
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.names import resolve
from vpc_cni_iam.vendoring.configuration.config import parse

NEAR = [
    ("policy ipv4-scop", "unknown variant 'ipv4-scop'; did you mean 'ipv4-scoped'?"),
    ("generate --variant ipv4-scop", "did you mean 'ipv4-scoped'?"),
    (
        "policy hyperpod",
        "hyperpod is a feature, not a variant; choose a variant such as ipv4, and "
        "--feature hyperpod",
    ),
    ("generate --variant Multi_NIC", "choose a variant such as ipv4, and --feature multi-nic"),
    ("generate --kind rol", "did you mean 'role'?"),
    ("generate --feature network-policy-log", "did you mean 'network-policy-logs'?"),
    ("generate --revision 2022-01-30", "did you mean '2022-01-31'?"),
    ("generate --cni-version v1.20.6", "did you mean v1.20.5 or v1.21.0?"),
    ("generate --format jsn", "unknown --format 'jsn'; did you mean 'json'?"),
    ("policy ipv4 --format tabel", "did you mean 'table'?"),
    ("verify x --engine terafrom", "did you mean 'terraform'?"),
    ("check --format markdwon", "did you mean 'markdown'?"),
    ("coverage --variant ipv4 --mode ipv", "unknown --mode 'ipv'"),
    ("coverage --variant ipv4 --scenario fresh-nod", "did you mean 'fresh-node'?"),
    ("catalog --explain describe-unscope", "did you mean 'describe-unscoped'?"),
    ("review x --fail-on new-acces", "did you mean 'new-access'?"),
    ("review x --format jnit", "did you mean 'junit'?"),
    ("review x --for githb", "did you mean 'github'?"),
    ("convert x --format hlc", "did you mean 'hcl'?"),
    ("generate --variant ipv4,ipv6", "is a list; repeat --variant for each variant"),
    ("generate --feature multi-nic,hyperpod", "is a list; repeat --feature for each feature"),
    ("coverage --variant ipv4 --scenario a,b", "is a list; repeat --scenario"),
    ("review x --fail-on error,note", "is a list; repeat --fail-on for each value"),
]


@pytest.mark.parametrize(("words", "answer"), NEAR, ids=[words for words, _ in NEAR])
def test_an_unknown_name_is_answered_with_the_nearest(words: str, answer: str) -> None:
    done = run(*words.split())
    assert (done.code, done.out) == (2, "")
    assert answer in done.err


@pytest.mark.parametrize("name", ["ipv4-scoped", "ipv4_scoped", "IPv4-Scoped"])
def test_a_variant_has_one_spelling(name: str) -> None:
    done = run("policy", name, "--cluster-name", "prod", "--vpc-id", "vpc-01234567")
    assert done.code == 0 and json.loads(done.out)["Statement"]


@pytest.mark.parametrize("name", ["ipv4-scoped", "ipv4_scoped"])
def test_the_configuration_takes_both_spellings(name: str) -> None:
    text = f"""[[module]]
path = "m"
cni_version = "v1.23.2"
variants = ["{name}"]
features = ["multi_nic"]
"""
    (module,) = parse(text, Path("c.toml")).modules
    assert [v.name for v in module.options.variants] == ["ipv4-scoped"]
    assert module.options.selection.features == ("multi-nic",)


def test_documents_of_an_input_have_one_spelling(tmp_path: Path) -> None:
    assert run("generate", "m", cwd=tmp_path).code == 0
    for name in ("ipv4_scoped", "ipv4-scoped"):
        assert run("coverage", "m", "--document", name, cwd=tmp_path).code in (0, 1)
    refused = run("coverage", "m", "--document", "ipv4-scop", cwd=tmp_path)
    assert refused.code == 2 and "did you mean 'ipv4_scoped'?" in refused.err


def test_two_names_that_differ_only_in_spelling_stay_apart() -> None:
    assert resolve("a_b", ["a-b", "a_b"], "document") == "a_b"
    with pytest.raises(UsageError, match="unknown document 'A-B'"):
        resolve("A-B", ["a-b", "a_b"], "document")


@pytest.mark.parametrize(
    ("word", "known", "problem"),
    [
        ("ipv4", [], "unknown variant 'ipv4'; there are none with names"),
        ("zzz", ["ipv4", "ipv6"], "unknown variant 'zzz'; known are ipv4, ipv6"),
        ("z" * 100, ["ipv4"], f"unknown variant '{'z' * 100}'; known is ipv4"),
        ("z" * 101, ["ipv4"], f"unknown variant '{'z' * 100}...'; known is ipv4"),
    ],
)
def test_an_unknown_name_is_answered_with_those_that_there_are(
    word: str, known: list[str], problem: str
) -> None:
    with pytest.raises(UsageError) as error:
        resolve(word, known, "variant")
    assert str(error.value) == problem
