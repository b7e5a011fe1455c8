"""A data file of the package that cannot be read is named, with the reason and what to do."""

import os
import shutil
from pathlib import Path

import pytest

from conftest import ROOT, run


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("rendering/templates/main.tf.jinja", "generate m"),
        ("catalog/facts/data/calls.json", "catalog"),
        ("coverage/risks.md", "catalog --explain untagged-interfaces-claimable"),
    ],
)
@pytest.mark.parametrize("damage", ["directory", "missing", "no text"])
def test_a_damaged_installation_names_the_file(
    name: str, command: str, damage: str, tmp_path: Path
) -> None:
    package = tmp_path / "vpc_cni_iam"
    shutil.copytree(ROOT / "generator" / "vpc_cni_iam", package)
    damaged = package / name
    damaged.unlink()
    if damage == "directory":
        damaged.mkdir()
    elif damage == "no text":
        damaged.write_bytes(b"\xff\xfe\xff")
    work = tmp_path / "work"
    work.mkdir()
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = run(*command.split(), cwd=work, env={"PYTHONPATH": path})
    reason = {
        "directory": "Is a directory",
        "missing": "No such file or directory",
        "no text": "it is not UTF-8 text",
    }[damage]
    assert done.code == 3
    assert f"error: {damaged}: this file of vpc-cni-iam cannot be read: {reason}; " in done.err
    assert not list(work.iterdir())


def test_a_data_file_that_is_cut_off_is_named(tmp_path: Path) -> None:
    package = tmp_path / "vpc_cni_iam"
    shutil.copytree(ROOT / "generator" / "vpc_cni_iam", package)
    damaged = package / "catalog/facts/data/calls.json"
    damaged.write_text(damaged.read_text()[:100])
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = run("catalog", cwd=tmp_path, env={"PYTHONPATH": path})
    assert done.code == 3
    assert (
        f"error: {damaged}: this file of vpc-cni-iam cannot be read: it is not JSON; " in done.err
    )
