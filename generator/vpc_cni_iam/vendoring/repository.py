"""Where the configuration is, and what its modules may be part of."""

from __future__ import annotations

import os
from pathlib import Path

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.vendoring.config import NAME, Config, load
from vpc_cni_iam.vendoring.places import Places


def find(start: Path, named: Path | None) -> Config:
    """Return the configuration that applies in a directory.

    Args:
        start: The directory; the nearest configuration in it or above it is taken.
        named: The file, if the user named one.

    Raises:
        InputError: There is none, or it does not hold; or a module lies outside.
    """
    refuse_bare(start)
    return inside(load(named or _nearest(start)))


def inside(config: Config) -> Config:
    """Return a configuration whose modules all lie inside its repository.

    Args:
        config: The configuration.

    Raises:
        InputError: A module lies outside; with the line.
    """
    top, places = root(config), Places(config.text)
    real = top.resolve()
    for number, module in enumerate(config.modules):
        folder = Path(os.path.normpath(config.path.absolute().parent / module.path))
        if top not in folder.parents:
            problem = "a module must lie inside it"
        elif real not in folder.resolve().parents:
            problem = "by a symbolic link"
        else:
            continue
        line = places.key(number, "path") or module.line
        problem = f"path {module.path!r} leaves {top}: {problem}"
        raise InputError(str(config.path), f"line {line}", problem)
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
