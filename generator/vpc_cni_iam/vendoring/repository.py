"""Finds the configuration, and the repository that must contain its modules."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator, Set
from pathlib import Path

from vpc_cni_iam.catalog.options import Options
from vpc_cni_iam.errors import ConfigurationError, InputError, TreeError, VpcCniIamError
from vpc_cni_iam.vendoring.configuration.config import (
    NAME,
    Config,
    TomlLineIndex,
    VendoredModule,
    load,
)


def find(start: Path, named: Path | None, *, strict: bool = False) -> Config:
    """Return the configuration that a user named, or the nearest one in a directory or above it.

    Raises `InputError` if there is none, it is not valid, or a module is outside the repository.
    """
    refuse_bare(start)
    path = named or _nearest(start)
    if (
        named is not None and ".." in named.parts
    ):  # with .., modules would seem to leave its directory
        path = Path(os.path.realpath(named.parent), named.name)
    if path is None:
        first, last = (_searched(start)[end].absolute() for end in (0, -1))
        above = f" and the directories above it, up to {last}" if last != first else ""
        advice = "create one with vpc-cni-iam init, or name one with --config"
        raise InputError(NAME, "", f"does not exist; searched {first}{above}; {advice}")
    return inside(load(path, strict=strict))


def inside(config: Config) -> Config:
    """Return a configuration; raises `InputError` for modules outside it or behind a link."""
    here, top, places = config.path.absolute().parent, root(config), TomlLineIndex(config.text)
    real = os.path.realpath(top)
    links: dict[str, str] = {}
    for number, module in enumerate(config.modules):
        folder = os.path.normpath(here / module.path)
        if not _lies_in(folder, os.fspath(top)):
            problem = f"leaves {top}; a module must be inside it"
        elif not _lies_in(os.path.realpath(folder), real):
            problem = f"leaves {top} through a symbolic link; a module must be inside it"
        elif link := _link(config.path.parent, module.path, links):
            # Another path may name the same module, or make it seem unnamed.
            problem = f"goes through the symbolic link {link}; write the path to which it points"
        else:
            continue
        line = places.key(number, "path") or module.line
        raise ConfigurationError(
            str(config.path), f"line {line}", f"path {module.path!r} {problem}"
        )
    return config


def _lies_in(folder: str, top: str) -> bool:
    return folder.startswith(f"{top.rstrip(os.sep)}{os.sep}")


def _link(top: Path, folder: str, known: dict[str, str]) -> str:
    """Return the first symbolic link on the path to a folder, empty for none; adds to `known`."""
    if folder in ("", ".."):
        return ""
    if folder not in known:
        above = _link(top, posixpath.dirname(folder), known)
        known[folder] = above or (folder if (top / folder).is_symlink() else "")
    return known[folder]


def _nearest(start: Path) -> Path | None:
    """Return the nearest configuration in a directory or above it, inside its git checkout.

    Raises `InputError` if a directory, for example, has its name and hides one further up.
    """
    path = next((f / NAME for f in _searched(start) if os.path.lexists(f / NAME)), None)
    if path is not None and not path.is_file():
        problem = "is not a regular file; remove it, or name another with --config"
        raise InputError(str(path), "", problem)
    return path


def _searched(start: Path) -> list[Path]:
    folders = []
    for folder in (start, *start.absolute().parents):
        folders.append(folder)
        if (folder / ".git").exists():
            break
    return folders


def refuse_bare(folder: Path) -> None:
    """Refuse a directory inside a bare repository, which has no checked-out files."""
    parts = ("HEAD", "objects", "refs")
    for place in (folder.absolute(), *folder.absolute().parents):
        if all((place / part).exists() for part in parts):
            raise InputError(str(place), "", "is a bare git repository; work in a checkout of it")
        if (place / ".git").exists():
            return


def above(config: Config, module: VendoredModule) -> Path:
    """Return the directory from which the path to a module has no symbolic link."""
    folder = config.path.absolute().parent
    for part in Path(module.path).parts:
        folder = folder.parent if part == ".." else folder
    return folder


def name_from(config: Config, module: VendoredModule) -> str:
    """Return the path of a configuration relative to a module; it is the same in every clone."""
    if ".." not in module.path:  # true for nearly all modules
        return f"{'../' * (module.path.count('/') + 1)}{config.path.name}"
    folder = config.folder(module).absolute()
    return Path(os.path.relpath(config.path.absolute(), folder)).as_posix()


def refuse_other_owner(config: Config, module: VendoredModule, owners: Set[str]) -> None:
    """Refuse a module whose manifest names another configuration that still names it."""
    folder = config.folder(module)
    for problem in kept_elsewhere(config, folder, owners - {name_from(config, module)}):
        raise TreeError(
            f"{folder}: {problem}; to move it to {config.path}, remove the module there and run "
            "this command again"
        )


def kept_elsewhere(config: Config, folder: Path, owners: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each other configuration that still names a module."""
    for owner in sorted(owners):
        place = Path(os.path.normpath(folder.absolute()))
        owner_path = Path(os.path.normpath(place / owner))
        if not owner_path.is_file() or owner_path.samefile(config.path):
            continue
        try:
            theirs = load(owner_path)
        except InputError as error:
            yield f"was written for {owner_path}, which cannot be read: {error}"
            continue
        places = {os.path.normpath(theirs.folder(m).absolute()): m.line for m in theirs.modules}
        if (line := places.get(str(place))) is not None:
            yield f"is managed by {owner_path}, line {line}"


def root(config: Config) -> Path:
    """Return the directory that modules may not leave: the git checkout's, else its own."""
    folder = config.path.absolute().parent
    return next((f for f in (folder, *folder.parents) if (f / ".git").exists()), folder)


def options_of(directory: Path) -> Options | None:
    """Return the options of a module from the configuration that names it, None without one."""
    try:
        config = find(directory.absolute(), None)
    except VpcCniIamError:
        return None
    place = directory.resolve()
    named = (m for m in config.modules if config.folder(m).resolve() == place)
    return next((module.options for module in named), None)
