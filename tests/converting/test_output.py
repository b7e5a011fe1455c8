"""What is put into a directory never replaces what somebody wrote, unless told so."""

from pathlib import Path

import pytest

from conftest import read_tree, write_tree
from vpc_cni_iam.converting.output import save
from vpc_cni_iam.errors import TreeError

FILES = {"a.tf": "a\n", "b.tf": "b\n"}


def test_beside_other_files(tmp_path: Path) -> None:
    write_tree(tmp_path / "d", {"main.tf": "mine\n"})
    assert [c.kind for c in save(tmp_path / "d", FILES)] == ["create", "create"]
    assert [c.kind for c in save(tmp_path / "d", FILES)] == ["same", "same"]
    assert read_tree(tmp_path / "d") == {**FILES, "main.tf": "mine\n"}


def test_a_differing_file_is_kept(tmp_path: Path) -> None:
    write_tree(tmp_path, {"b.tf": "edited\r\n", "b.tf.orig": "older\n"})
    before = {p: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(TreeError, match=r"files that differ: b\.tf"):
        save(tmp_path, FILES)
    assert {p: p.read_bytes() for p in tmp_path.iterdir()} == before
    save(tmp_path, FILES, force=True)
    assert (tmp_path / "b.tf.orig.1").read_bytes() == b"edited\r\n"
    assert read_tree(tmp_path).keys() == {*FILES, "b.tf.orig", "b.tf.orig.1"}
    (tmp_path / "b.tf").write_text("third\n")
    save(tmp_path, FILES, force=True)
    assert (tmp_path / "b.tf.orig.2").read_bytes() == b"third\n"
    assert (tmp_path / "b.tf.orig.1").read_bytes() == b"edited\r\n"


def test_names_that_differ_in_case_only(tmp_path: Path) -> None:
    write_tree(tmp_path, {"B.tf": "b\n"})
    with pytest.raises(TreeError, match="only in case"):
        save(tmp_path, FILES)


def test_a_thousand_files(tmp_path: Path) -> None:
    files = {f"f{n}.tf": f"{n}\n" for n in range(1000)}
    save(tmp_path, files)
    save(tmp_path, {**files, "f7.tf": "new\n"}, force=True)
    assert read_tree(tmp_path) == {**files, "f7.tf": "new\n", "f7.tf.orig": "7\n"}
