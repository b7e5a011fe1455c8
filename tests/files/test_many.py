"""Many files are written as safely as few."""

import os
from pathlib import Path

import pytest

from conftest import read_tree, write_tree
from vpc_cni_iam.errors import TreeError
from vpc_cni_iam.files.tree import write

MANY = {f"f{n}.tf": f"new {n}\n" for n in range(40)}


@pytest.mark.parametrize("count", [3, 40])
def test_a_file_that_does_not_reach_the_disk_undoes_all(
    count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = {"f1.tf": "old\n", "mine.tf": "mine\n"}
    write_tree(tmp_path / "t", old)
    synced = []

    def full(handle: int) -> None:
        synced.append(handle)
        if len(synced) == count:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TreeError, match="No space left"):
        write(tmp_path / "t", dict(list(MANY.items())[:count]))
    assert read_tree(tmp_path / "t") == old


def test_every_file_reaches_the_disk_before_any_is_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    seen = []
    write(tmp_path, MANY, step=lambda word: seen.append((word.split()[0], len(synced))))
    assert [n for word, n in seen if word == "rename"] == [len(MANY)] * len(MANY)


def test_each_folder_is_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tree(tmp_path, {"f1.tf": "old\n"})
    listed = []
    real = os.listdir
    monkeypatch.setattr(os, "listdir", lambda folder: listed.append(folder) or real(folder))
    write(tmp_path, MANY)
    assert listed == [tmp_path]
