"""Where the configuration is, and what its modules may be part of."""

from __future__ import annotations

import os
from pathlib import Path

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.vendoring.config import NAME, Config, Vendored, key_line, load


def find(start: Path, named: Path | None) -> Config:
    """Return the configuration that applies in a directory.

    Args:
        start: The directory; the nearest configuration in it or above it is taken.
        named: The file, if the user named one.

    Raises:
        InputError: There is none, or it does not hold; or a module lies outside.
    """
    refuse_bare(start)
    config = load(named or _nearest(start))
    for number, module in enumerate(config.modules):
        line = key_line(config.text, number, "path") or module.line
        _refuse_outside(config, module, f"line {line}")
    return config


def _nearest(start: Path) -> Path:
    for folder in (start, *start.absolute().parents):
        if (folder / NAME).is_file():
            return folder / NAME
        if (folder / ".git").exists():
            break
    return start / NAME


def refuse_bare(folder: Path) -> None:
    """Refuse the inside of a bare repository, in which no file is checked out.

    Args:
        folder: The directory that is worked in.

    Raises:
        InputError: It is one.
    """
    parts = ("HEAD", "objects", "refs")
    if all((folder / part).exists() for part in parts):
        raise InputError(str(folder), "", "is a bare git repository; work in a checkout of it")


def root(config: Config) -> Path:
    """Return the directory that modules may not leave.

    Args:
        config: The configuration.

    Returns:
        The root of the git checkout, or the configuration's own directory if it is in none.
    """
    folder = config.path.absolute().parent
    for candidate in (folder, *folder.parents):
        if (candidate / ".git").exists():
            return candidate
    return folder


def _refuse_outside(config: Config, module: Vendored, place: str) -> None:
    inside = root(config)
    folder = Path(os.path.normpath(config.path.absolute().parent / module.path))
    if inside not in folder.parents:
        problem = f"path {module.path!r} leaves {inside}; a module must lie inside it"
        raise InputError(str(config.path), place, problem)
    if inside.resolve() not in folder.resolve().parents:
        problem = f"path {module.path!r} leaves {inside} through a symbolic link"
        raise InputError(str(config.path), place, problem)
