"""A data file of the package that cannot be read is named, with the reason and what to do."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import ROOT, run

CALLS = ("catalog/facts/data/calls.json", "catalog")
FILES = [
    ("rendering/templates/main.tf.jinja", "generate m"),
    CALLS,
    ("coverage/risks.md", "catalog --explain untagged-interfaces-claimable"),
]
DAMAGES: dict[str, Callable[[Path], object]] = {
    "Is a directory": Path.mkdir,
    "No such file or directory": lambda path: None,
    "it is not UTF-8 text": lambda path: path.write_bytes(b"\xff\xfe\xff"),
}


@pytest.mark.parametrize(
    ("name", "command", "reason", "damage"),
    [(*file, *damage) for file in FILES for damage in DAMAGES.items()]
    + [(*CALLS, "it is not JSON", lambda path: path.write_text('{"calls": ['))],
)
def test_a_damaged_installation_names_the_file(
    name: str, command: str, reason: str, damage: Callable[[Path], object], tmp_path: Path
) -> None:
    package = tmp_path / "vpc_cni_iam"
    shutil.copytree(ROOT / "generator" / "vpc_cni_iam", package)
    damaged = package / name
    damaged.unlink()
    damage(damaged)
    work = tmp_path / "work"
    work.mkdir()
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = run(*command.split(), cwd=work, env={"PYTHONPATH": path})
    assert done.code == 3
    assert f"error: {damaged}: this file of vpc-cni-iam cannot be read: {reason}; " in done.err
    assert not list(work.iterdir())
