"""Writes a set of files to a directory: all of them, or none.

Every new text is first written to a temporary name in the same folder, and reaches the disk. Then
each replaces its old file in one step. A failure, Ctrl-C or a file that another program saves
meanwhile restores the old files. After a SIGKILL, each file is whole, either old or new, and the
next run removes temporary files.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from vpc_cni_iam.errors import TreeError, reason
from vpc_cni_iam.files.lock import make_folders, remove_folders, uninterrupted
from vpc_cni_iam.files.read import (
    LINK,
    Folders,
    check_inside,
    contents,
    decoded,
    read_file,
    split,
)
from vpc_cni_iam.files.replacement import (
    PREFIX,
    ChangedError,
    Replacement,
    clean,
    left_behind,
)

# Files of git and engines in a directory; they are not edits.
_OTHERS = (".git", ".terraform", ".terraform.lock.hcl", ".terraform.tfstate.lock.info")


class WriteAction(StrEnum):
    """What is done to a file."""

    CREATE = "create"
    REPLACE = "replace"
    REMOVE = "remove"
    SAME = "same"


class FileChange(Struct, frozen=True):
    """The change of one file."""

    path: str  # relative to its directory, with forward slashes
    kind: WriteAction


class TreeChanges(Struct, frozen=True):
    """The changes of the files of a directory."""

    path: str
    changes: tuple[FileChange, ...]


def entries(directory: Path) -> tuple[str, ...]:
    """Return the relative paths in a directory of files and of all other entries but directories.

    Files of engines, git and an interrupted run of this tool are skipped, and symbolic links are
    not followed. The result is empty if the directory does not exist.
    """
    _refuse_no_directory(directory)
    return tuple(sorted(p.relative_to(directory).as_posix() for p in _walk(directory)))


def texts(directory: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the texts of the existing files in a directory, by name; see `contents`."""
    return {name: decoded(content) for name, content in contents(directory, names).items()}


def _refuse_no_directory(directory: Path) -> None:
    if directory.exists() and not directory.is_dir():
        raise TreeError(f"{directory}: is a file; name a directory")
    if directory.is_symlink() and not directory.exists():
        raise TreeError(f"{directory}: is a symbolic link to nothing; name a directory")


def _walk(directory: Path) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(directory), key=lambda e: e.name)
    except FileNotFoundError:
        return
    except OSError as error:
        raise TreeError(f"{directory}: cannot be read: {reason(error)}") from None
    for entry in entries:
        if entry.name in _OTHERS or entry.name.startswith(PREFIX):
            continue
        path = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(path)
        else:
            yield path


def left_by_killed(directory: Path, path: str) -> list[bytes]:
    """Return the old contents of a file that a killed run replaced, if not saved since then."""
    return list(left_behind(directory / path, Folders(directory).names(split(path)[0])))


def write(
    directory: Path,
    files: Mapping[str, str | bytes],
    remove: Iterable[str] = (),
    *,
    observed: Mapping[str, bytes] | None = None,
    top: Path | None = None,
    step: Callable[[str], None] = lambda _: None,
) -> tuple[FileChange, ...]:
    """Write and remove files of a directory, all of them or none.

    Files that have their new content already, and files that are not named, are not touched. Files
    are renamed into place in the order of `files`, so that a file can come after those that it
    names. `observed` has the contents on which the caller decided what to write, without missing
    files; None if it did not read any. Symbolic links from `top` on are refused. `step` is called
    with a word before each change on disk, for tests that interrupt.

    Raises `TreeError` if a file cannot be written, or another program saved it meanwhile. Then
    nothing in the directory has changed.
    """
    after = {path: _bytes(content) for path, content in files.items()} | dict.fromkeys(remove)
    folders = Folders(directory, top)
    try:
        for path in after:
            _check(folders, path)
        copies = _clean(folders, after)
        return (*copies, *_write(directory, after, observed, step))
    except ChangedError as error:
        raise TreeError(
            f"{directory / str(error)}: another program changed it while this command ran; "
            f"nothing in {directory} was changed; run the command again"
        ) from None
    except OSError as error:
        place = error.filename or directory
        hint = f"; nothing in {directory} was changed"
        raise TreeError(f"{place}: cannot be written: {reason(error)}{hint}") from None


def _bytes(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode(errors="surrogateescape")


def _check(folders: Folders, path: str) -> None:
    """Refuse a path that leaves the directory, directly or through a symbolic link."""
    check_inside(folders.directory, path)
    place = ""
    for part in path.split("/"):
        if not folders.has(place):
            return
        _refuse_other_case(folders, place, part)
        place = f"{place}/{part}" if place else part
    _refuse_no_file(folders.directory / path)


def _refuse_other_case(folders: Folders, place: str, name: str) -> None:
    """Refuse a name that differs only in case from an existing one."""
    for existing in folders.names(place):
        if existing.casefold() == name.casefold() and existing != name:
            raise TreeError(
                f"{folders.directory / place / existing}: differs from {name} only in case, and "
                "some file systems treat both as one; rename it"
            )


def _refuse_no_file(path: Path) -> None:
    """Refuse a path at which something else than a regular file is."""
    if path.is_symlink():
        problem = LINK
    elif path.is_dir():
        problem = "is a directory where a file is needed"
    elif path.exists() and not path.is_file():
        problem = "is a device or a pipe where a file is needed"
    else:
        return
    raise TreeError(f"{path}: {problem}")


def _clean(folders: Folders, paths: Iterable[str]) -> list[FileChange]:
    """Remove the files that a killed run left, and return the copies of files saved meanwhile.

    Only the folders of files to write are cleaned: another run may write to folders below.
    """
    places = dict.fromkeys(split(path)[0] for path in paths)
    return [
        FileChange(f"{place}/{name}" if place else name, WriteAction.CREATE)
        for place in places
        for name in clean(folders.directory / place, folders.names(place))
    ]


def _write(
    directory: Path,
    after: Mapping[str, bytes | None],
    observed: Mapping[str, bytes] | None,
    step: Callable[[str], None],
) -> tuple[FileChange, ...]:
    before = {path: read_file(directory / path) for path in after}
    for path, content in before.items():
        if observed is not None and content != observed.get(path):
            raise ChangedError(path)
    changes = [
        FileChange(path, _action(before[path], content))
        for path, content in after.items()
        if (before[path], content) != (None, None)
    ]
    work: dict[str, Replacement] = {}
    made: list[Path] = []
    try:
        for path in (c.path for c in changes if c.kind is not WriteAction.SAME):
            # In `work` before any of its files exists, so that all of them are undone.
            work[path] = Replacement(directory / path, before[path], after[path])
            with _named(directory, path):
                make_folders((directory / path).parent, made)
            if after[path] is not None:
                step(f"stage {path}")
            with _named(directory, path):
                work[path].stage()
        for path, replacement in work.items():
            step(f"{'remove' if after[path] is None else 'rename'} {path}")
            with _named(directory, path):
                replacement.apply()
        for path, replacement in work.items():
            with _named(directory, path):
                replacement.confirm()
    except BaseException:
        _undo(work.values(), made)
        raise
    with uninterrupted():
        for replacement in work.values():
            replacement.finish()
    return tuple(changes)


def _undo(replacements: Iterable[Replacement], made: list[Path]) -> None:
    with uninterrupted():
        for replacement in reversed(list(replacements)):
            with contextlib.suppress(OSError):
                replacement.undo()
        remove_folders(made)


@contextlib.contextmanager
def _named(directory: Path, path: str) -> Iterator[None]:
    """Name the file in errors, instead of its temporary name."""
    try:
        yield
    except ChangedError:
        raise ChangedError(path) from None
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(directory / path)) from None


def _action(before: bytes | None, after: bytes | None) -> WriteAction:
    if after is None:
        return WriteAction.REMOVE
    if before is None:
        return WriteAction.CREATE
    return WriteAction.SAME if before == after else WriteAction.REPLACE
