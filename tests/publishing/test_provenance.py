"""The statement names what was published by digest, and the commit that it was made from."""

import hashlib
import json
import re
from pathlib import Path

from conftest import run
from consuming import FOLDER, publish_one
from vpc_cni_iam.catalog.options import options


def test_the_statement(tmp_path: Path) -> None:
    done = publish_one(tmp_path)
    folder = tmp_path / FOLDER / "1.0.0"
    data = json.loads((folder / "terraform-aws-vpc-cni-iam-1.0.0.intoto.json").read_text())
    assert data["_type"] == "https://in-toto.io/Statement/v1"
    assert data["predicateType"] == "https://slsa.dev/provenance/v1"
    subjects = {s["name"]: s["digest"]["sha256"] for s in data["subject"]}
    assert f"sha256:{subjects.pop('platform/vpc-cni-iam:1.0.0')}" == done.digest
    assert subjects == {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in done.sums
    }
    definition = data["predicate"]["buildDefinition"]
    assert definition["externalParameters"]["selection"] == ["--cni-version", "v1.23.2"]
    (source,) = definition["resolvedDependencies"]
    # Of a revision whose commit is not known, git's name of the page itself.
    assert list(source["digest"]) == ["gitBlob"]
    assert source["digest"]["gitBlob"] in (tmp_path / done.folder / "main.tf").read_text()


def test_the_statement_names_the_commit_where_it_is_known(tmp_path: Path) -> None:
    done = publish_one(tmp_path, chosen=options(cni_version="v1.23.0"))
    path = tmp_path / FOLDER / "1.0.0" / "terraform-aws-vpc-cni-iam-1.0.0.intoto.json"
    definition = json.loads(path.read_text())["predicate"]["buildDefinition"]
    (source,) = definition["resolvedDependencies"]
    assert list(source["digest"]) == ["gitCommit"]
    assert source["digest"]["gitCommit"] in (tmp_path / done.folder / "main.tf").read_text()


def test_the_directory_s_readme_says_only_what_there_is(tmp_path: Path) -> None:
    publish_one(tmp_path)
    text = (tmp_path / "README.md").read_text()
    sums = (tmp_path / FOLDER / "1.0.0" / "SHA256SUMS").read_text().split()
    tar = "terraform-aws-vpc-cni-iam-1.0.0.tar.gz"
    assert f"{tar}?checksum=sha256:{sums[sums.index(tar) - 1]}" in text
    assert 'version = "~> 1.0"' in text
    for path in re.findall(r"`((?:registry|oci|terraform-aws)[^` ]*)`", text):
        assert (tmp_path / path).exists(), path
    for path in re.findall(
        r"(terraform-aws-vpc-cni-iam-1\.0\.0\.(?:tar\.gz|intoto\.json))[ \n]", text
    ):
        assert (tmp_path / FOLDER / "1.0.0" / path).is_file()
    options = re.findall(r"^ +(--[a-z-]+) ", run("publish", "--help").out, re.MULTILINE)
    assert "--oci-repository" in text and "--oci-repository" in options
    assert "registry.example.test/platform/vpc-cni-iam/aws" in text
