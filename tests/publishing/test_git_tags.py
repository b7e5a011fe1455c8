"""The documented commands commit a version as it was published, and move no tag."""

from pathlib import Path

import pytest

from conftest import read_tree
from consuming import publish_one
from tagging import PAGES, commands, git, repository, tag


def test_a_tag_is_three_commands(tmp_path: Path) -> None:
    publish_one(tmp_path)
    for page in PAGES:
        assert [line.split()[0] for line in commands(page, tmp_path)] == ["git"] * 3


@pytest.mark.parametrize("page", PAGES)
def test_a_tag_has_the_files_of_its_version_and_no_others(page: str, tmp_path: Path) -> None:
    dist, module = tmp_path / "dist", repository(tmp_path)
    (module / "old.tf").write_text("locals {}\n")
    git(module, "add", "old.tf")
    git(module, "commit", "-qm", "before")
    # What git ignores is of the version all the same.
    (module / ".git" / "info" / "exclude").write_text("*.tf\n*.md\n")
    for version in ("1.0.0", "1.0.1"):
        folder = dist / publish_one(dist, version).folder
        done = tag(page, dist, version)
        assert done.returncode == 0, done.stderr
        there = tmp_path / version
        git(module, "worktree", "add", "--quiet", "--detach", str(there), f"v{version}")
        (there / ".git").unlink()
        assert read_tree(there) == read_tree(folder)
    assert git(module, "rev-parse", "HEAD") == git(module, "rev-parse", "v1.0.1")


@pytest.mark.parametrize("page", PAGES)
def test_a_tag_does_not_move(page: str, tmp_path: Path) -> None:
    dist, module = tmp_path / "dist", repository(tmp_path)
    publish_one(dist)
    assert tag(page, dist).returncode == 0
    before = git(module, "rev-parse", "v1.0.0")
    assert tag(page, dist).returncode != 0  # there is nothing to commit
    git(module, "rm", "-q", "--cached", "main.tf")
    git(module, "commit", "-qm", "other files")
    again = tag(page, dist)
    assert again.returncode != 0 and "already exists" in again.stderr
    assert git(module, "rev-parse", "v1.0.0") == before
