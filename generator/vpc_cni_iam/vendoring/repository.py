"""Where the configuration is, and what its modules may be part of."""

from __future__ import annotations

import os
import posixpath
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
    """Return a configuration whose modules all lie inside its repository, and behind no link.

    Args:
        config: The configuration.

    Raises:
        InputError: A module lies outside, or behind a symbolic link; with the line.
    """
    top, places = root(config), Places(config.text)
    real = top.resolve()
    links: dict[str, str] = {}
    for number, module in enumerate(config.modules):
        folder = Path(os.path.normpath(config.path.absolute().parent / module.path))
        if top not in folder.parents:
            problem = f"leaves {top}: a module must lie inside it"
        elif real not in folder.resolve().parents:
            problem = f"leaves {top}: by a symbolic link"
        elif link := _link(config.path.parent, module.path, links):
            # By another path it may be another module, or one that nothing seems to name.
            problem = f"goes through the symbolic link {link}; write the path that it leads to"
        else:
            continue
        line = places.key(number, "path") or module.line
        raise InputError(str(config.path), f"line {line}", f"path {module.path!r} {problem}")
    return config


def _link(top: Path, folder: str, known: dict[str, str]) -> str:
    """Return the first symbolic link on the way to a folder, empty if there is none.

    Args:
        top: Where the way starts.
        folder: The folder, relative to it.
        known: What was found of others; added to.
    """
    if folder in ("", ".."):
        return ""
    if folder not in known:
        above = _link(top, posixpath.dirname(folder), known)
        known[folder] = above or (folder if (top / folder).is_symlink() else "")
    return known[folder]


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
        InputError: It is one, or lies in one.
    """
    parts = ("HEAD", "objects", "refs")
    for place in (folder.absolute(), *folder.absolute().parents):
        if all((place / part).exists() for part in parts):
            raise InputError(str(place), "", "is a bare git repository; work in a checkout of it")
        if (place / ".git").exists():
            return


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
