"""Names for copies of files that a user edited and had replaced."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

SUFFIX = ".orig"


def backup_name(directory: Path, path: str) -> str:
    """Return a name for a copy of a file that nothing in its directory has yet."""
    return free_name(path, lambda name: os.path.lexists(directory / name))


def free_name(path: str, taken: Callable[[str], bool]) -> str:
    """Return a name for a copy of a file."""
    name, number = path + SUFFIX, 1
    while taken(name):
        name, number = f"{path}{SUFFIX}.{number}", number + 1
    return name
