"""Puts converted documents into a directory without losing a file of the user's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from vpc_cni_iam.errors import TreeError
from vpc_cni_iam.files.backup import SUFFIX, backup_name
from vpc_cni_iam.files.lock import locked
from vpc_cni_iam.files.read import contents
from vpc_cni_iam.files.tree import FileChange, write

_SHOWN = 5


def save(
    directory: Path, files: Mapping[str, str], *, force: bool = False
) -> tuple[FileChange, ...]:
    """Write files into a directory, all of them or none; others in it are left alone.

    Args:
        directory: Where; made if it does not exist.
        files: Texts by name.
        force: Replace files that are there and differ, and keep a copy of each.

    Raises:
        TreeError: A file is there and differs; nothing was changed.
    """
    with locked(directory):
        current_files = contents(directory, files)
        differing = [n for n, content in current_files.items() if content != files[n].encode()]
        if differing and not force:
            shown = ", ".join(sorted(differing)[:_SHOWN])
            more = f" and {len(differing) - _SHOWN} more" if len(differing) > _SHOWN else ""
            raise TreeError(
                f"{directory}: {shown}{more} there already and not the same; choose another "
                f"directory, or replace with --force, which keeps a copy named *{SUFFIX}"
            )
        backups = {backup_name(directory, n): current_files[n] for n in differing}
        return write(directory, {**backups, **files}, observed=current_files)
