"""A file that cannot be read stops nothing that does not need it, and is named."""

from pathlib import Path

import pytest

from conftest import write_tree
from vpc_cni_iam.converting.from_hcl import Reading, Unread, read_files
from vpc_cni_iam.converting.rewriting.module_names import ModuleFiles
from vpc_cni_iam.converting.rewriting.rewrite import rewrite_files, save_all
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.directory import Directory

POLICY = (
    'resource "aws_iam_policy" "p" {\n  policy = jsonencode({\n    Version = "2012-10-17"\n'
    '    Statement = [{ Effect = "Allow", Action = "s3:GetObject", Resource = "*" }]\n  })\n}\n'
)
BROKEN = 'resource "aws_iam_policy" {'


def unreadable() -> Directory:
    raise InputError("z.tf", "", "cannot be read: Permission denied")


def test_files_that_are_read_beside_broken_ones() -> None:
    together = [
        lambda: Directory({"a.tf": BROKEN, "b.tf": POLICY}, ()),
        unreadable,
        lambda: Directory({"c.tf": POLICY}, ()),
    ]
    results = read_files(together)
    unread = [result.error.source for result in results if isinstance(result, Unread)]
    policies = [result for result in results if isinstance(result, Reading)]
    assert unread == ["a.tf", "z.tf"] and len(policies) == 2


def test_files_that_are_rewritten_beside_broken_ones(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a/a.tf": BROKEN, "b/b.tf": POLICY, "c/c.txt": "", "d/d.tf": POLICY})
    (tmp_path / "a" / "binary.tf").write_bytes(b"\0\xff")
    paths = [str(tmp_path / name) for name in ("a/a.tf", "b", "c", "missing.tf", "d/d.tf")]
    rewritings, errors = rewrite_files(paths)
    assert [change.path.name for change in rewritings if change.replaced] == ["b.tf", "d.tf"]
    assert [error.source for error in errors] == [paths[2], paths[0], paths[3]]


def test_a_directory_that_changed_meanwhile_stops_no_other(tmp_path: Path) -> None:
    folder = write_tree(tmp_path, {"a/a.tf": POLICY, "b/b.tf": POLICY})
    rewritings, _ = rewrite_files([str(folder / "a"), str(folder / "b")])
    (folder / "a" / "a.tf").write_text(BROKEN)
    assert [str(error) for error in save_all(rewritings).values()] == [
        f"{folder}/a/a.tf: changed while it was read; run this again"
    ]
    assert (folder / "a" / "a.tf").read_text() == BROKEN
    assert "data.aws_iam_policy_document" in (folder / "b" / "b.tf").read_text()


def test_a_directory_that_cannot_be_listed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refused(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refused)
    with pytest.raises(InputError, match="cannot be read: Permission denied") as error:
        ModuleFiles(tmp_path)
    assert error.value.source == str(tmp_path)
