"""A variant is one entry of the catalog: what lists, checks or renders variants follows it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT

# What a contributor writes: one entry, with the function that derives the document.
VARIANT = """
import sys
from vpc_cni_iam.catalog import variants
from vpc_cni_iam.catalog.variants import Scope, Variant

def derive(revision):
    (scoped,) = variants.find(["ipv6-scoped"])
    return Scope.SESSION_TAGS.apply(scoped.document(revision))

words = "many IPv6 clusters, for this test"
variants.VARIANTS += (Variant("ipv6-made-up", ("ipv6",), words, Scope.SESSION_TAGS, derive),)
"""
COMMAND = """
from vpc_cni_iam.cli.main import main
main()
"""
TABLE = """
from tools.generate.__main__ import variants_table
print(variants_table())
"""


def python(code: str, folder: Path, *arguments: str, exit_code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-c", VARIANT + code, *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "COLUMNS": "200", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == exit_code, done.stderr
    return done.stdout + done.stderr


def cli(folder: Path, *arguments: str, exit_code: int = 0) -> str:
    return python(COMMAND, folder, *arguments, exit_code=exit_code)


def test_it_is_listed_and_offered(tmp_path: Path) -> None:
    listing = json.loads(cli(tmp_path, "catalog", "--format", "json"))
    (variant,) = (v for v in listing["variants"] if v["name"] == "ipv6-made-up")
    assert variant["published_by"] == "derived by vpc-cni-iam"
    assert variant["minimum_cni_version"] == "v1.15.5"
    assert ", ipv6-made-up" in cli(tmp_path, "policy", "nope", exit_code=2)


def test_its_document_is_the_derived_one(tmp_path: Path) -> None:
    text = cli(tmp_path, "policy", "ipv6-made-up", "--revision", "2022-01-31")
    assert "${aws:PrincipalTag/eks-cluster-name}" in text
    assert "ec2:AssignIpv6Addresses" in text


@pytest.mark.parametrize("kind", ["policy", "role"])
def test_a_module_of_it_is_generated_and_described(kind: str, tmp_path: Path) -> None:
    cli(tmp_path, "generate", "m", "--variant", "ipv6-made-up", "--kind", kind)
    main = (tmp_path / "m" / "main.tf").read_text()
    assert 'data "aws_iam_policy_document" "ipv6_made_up"' in main
    page = (tmp_path / "m" / "README.md").read_text()
    assert "| `ipv6-made-up` | many IPv6 clusters, for this test | hardened by" in page
    assert "`ipv6-made-up` needs a role that trusts EKS Pod Identity" in page
    assert "ipv4-pod-identity" not in page


def test_a_configuration_and_its_schema_know_it(tmp_path: Path) -> None:
    cli(tmp_path, "init")
    config = tmp_path / "vpc-cni-iam.toml"
    assert "\n#   ipv6-made-up       many IPv6 clusters, for this test\n" in config.read_text()
    schema = json.loads(cli(tmp_path, "init", "--config-schema"))
    keys = schema["$defs"]["ModuleTable"]["properties"]
    assert "ipv6-made-up" in keys["variants"]["items"]["enum"]
    config.write_text(config.read_text().replace('"ipv4-scoped"]', '"ipv6-made-up"]'))
    cli(tmp_path, "sync")
    assert "ipv6_made_up" in (tmp_path / "modules/vpc-cni-iam-policy/main.tf").read_text()


def test_the_table_of_variants_has_it(tmp_path: Path) -> None:
    row = "| `ipv6-made-up` | many IPv6 clusters, for this test | derived by vpc-cni-iam |"
    assert f"{row} v1.15.5 to v1.21.2 |" in python(TABLE, tmp_path)


def test_a_published_module_has_an_example_of_it(tmp_path: Path) -> None:
    place = ("--namespace", "platform", "--registry-host", "registry.example.com")
    words = ("--output", "r", "--version", "1.0.0", *place)
    cli(tmp_path, "publish", *words, "--format", "json")
    assert any("ipv6-made-up" in str(path) for path in (tmp_path / "r").rglob("*"))
