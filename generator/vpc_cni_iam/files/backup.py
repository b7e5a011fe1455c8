"""Names for copies of files that a user edited and had replaced."""

from __future__ import annotations

from pathlib import Path

SUFFIX = ".orig"


def backup_name(directory: Path, path: str) -> str:
    """Return a name for a copy of a file that nothing in its directory has yet.

    Args:
        directory: The directory that the path is relative to.
        path: The file's path.
    """
    name, number = path + SUFFIX, 1
    while (directory / name).exists():
        name, number = f"{path}{SUFFIX}.{number}", number + 1
    return name
