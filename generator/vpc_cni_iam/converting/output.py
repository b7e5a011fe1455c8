"""Writes converted documents to a directory without losing a user's file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from vpc_cni_iam.errors import TreeError, first_of
from vpc_cni_iam.files.lock import locked
from vpc_cni_iam.files.read import contents
from vpc_cni_iam.files.replacement import SUFFIX, backup_name
from vpc_cni_iam.files.tree import FileChange, write


def save(
    directory: Path, files: Mapping[str, str], *, force: bool = False
) -> tuple[FileChange, ...]:
    """Write files to a directory, all of them or none; other files in it do not change.

    Raises `TreeError` if a file exists and differs; `force` replaces it and keeps a copy.
    """
    with locked(directory):
        current_files = contents(directory, files)
        differing = [n for n, content in current_files.items() if content != files[n].encode()]
        if differing and not force:
            raise TreeError(
                f"{directory}: has files that differ: {first_of(sorted(differing), 5)}; "
                "choose another directory, or replace them with --force, which keeps copies named "
                f"*{SUFFIX}"
            )
        backups = {backup_name(directory, n): current_files[n] for n in differing}
        return write(directory, {**backups, **files}, observed=current_files)
