"""Writes a set of files to a directory: all of them, or none.

Every new text is first written to a temporary name and reaches the disk. Then all of them are
exchanged with the old files. A failure, Ctrl-C or a file that another program saves meanwhile
restores the old files. After a SIGKILL, each file is whole, either old or new, and the next run
removes temporary files.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from vpc_cni_iam.errors import TreeError, reason
from vpc_cni_iam.files.folder import LINK
from vpc_cni_iam.files.lock import uninterrupted
from vpc_cni_iam.files.read import OpenTree, check_inside, contents, decoded, split
from vpc_cni_iam.files.replacement import (
    PREFIX,
    ChangedError,
    Replacement,
    clean,
    left_behind,
)

# Files of git and engines in a directory; they are not edits.
_OTHERS = (".git", ".terraform", ".terraform.lock.hcl", ".terraform.tfstate.lock.info")
# How many files reach the disk together; a journalling file system does this in one step.
_TOGETHER = 16


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
    place, name = split(path)
    with OpenTree(directory) as tree:
        folder = tree.find(place)
        return list(left_behind(folder, name)) if folder is not None else []


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
    files; None if it did not read any. Symbolic links from `top` on are not followed. `step` is
    called with a word before each change on disk, for tests that interrupt.

    Raises `TreeError` if a file cannot be written, or another program saved it meanwhile. Then
    nothing in the directory has changed.
    """
    removed = tuple(remove)
    with OpenTree(directory, top) as tree:
        for path in (*files, *removed):
            _check(tree, directory, path)
        try:
            cleaned = _clean(tree, (*files, *removed))
            return (*cleaned, *_write(tree, directory, files, removed, observed, step))
        except ChangedError as error:
            raise TreeError(
                f"{directory / str(error)}: another program changed it while this command ran; "
                f"nothing in {directory} was changed; run the command again"
            ) from None
        except OSError as error:
            place = error.filename or directory
            hint = f"; nothing in {directory} was changed"
            raise TreeError(f"{place}: cannot be written: {reason(error)}{hint}") from None


def _check(tree: OpenTree, directory: Path, path: str) -> None:
    """Refuse a path that leaves the directory, directly or through a symbolic link."""
    check_inside(directory, path)
    folder, place, part = None, "", ""
    for part in path.split("/"):
        folder = tree.find(place)
        if folder is None:
            return
        folder.refuse_other_case(part)
        place = f"{place}/{part}" if place else part
    status = folder.status(part) if folder is not None else None
    if folder is None or status is None or stat.S_ISREG(status.st_mode):
        return
    if stat.S_ISLNK(status.st_mode):
        problem = LINK
    elif stat.S_ISDIR(status.st_mode):
        problem = "is a directory where a file is needed"
    else:
        problem = "is a device or a pipe where a file is needed"
    raise TreeError(f"{folder.place(part)}: {problem}")


def _clean(tree: OpenTree, paths: Iterable[str]) -> list[FileChange]:
    """Remove the files that a killed run left, and return the copies of files saved meanwhile.

    Only the folders of files to write are cleaned: another run may write to folders below.
    """
    copies = []
    for place in dict.fromkeys(split(path)[0] for path in paths):
        folder = tree.find(place)
        for name in clean(folder) if folder is not None else ():
            copies.append(FileChange(f"{place}/{name}" if place else name, WriteAction.CREATE))
    return copies


def _undo(tree: OpenTree, replacements: Iterable[Replacement]) -> None:
    with uninterrupted():
        for replacement in replacements:
            with contextlib.suppress(OSError):
                replacement.undo()
        tree.remove_made()


def _refuse_changed(
    before: Mapping[str, bytes | None], observed: Mapping[str, bytes] | None
) -> None:
    for path, content in before.items():
        if observed is not None and content != observed.get(path):
            raise ChangedError(path)


def _bytes(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode(errors="surrogateescape")


def _write(
    tree: OpenTree,
    directory: Path,
    files: Mapping[str, str | bytes],
    removed: tuple[str, ...],
    observed: Mapping[str, bytes] | None,
    step: Callable[[str], None],
) -> tuple[FileChange, ...]:
    contents = {path: _bytes(content) for path, content in files.items()}
    before = {path: tree.read(path) for path in (*contents, *removed)}
    _refuse_changed(before, observed)
    changes = [
        FileChange(path, _action(content, contents.get(path)))
        for path, content in before.items()
        if path in contents or content is not None
    ]
    work: dict[str, Replacement] = {}
    try:
        for path in (c.path for c in changes if c.kind is not WriteAction.SAME):
            place, name = split(path)
            with _named(directory, path):
                folder = tree.make(place)
            if path in contents:
                step(f"stage {path}")
            # In `work` before any of its files exists, so that all of them are undone.
            work[path] = Replacement(folder, name, before[path], contents.get(path))
            with _named(directory, path):
                work[path].stage()
        reach_disk([replacement.reach_disk for replacement in work.values()])
        for path, replacement in work.items():
            step(f"{'rename' if path in contents else 'remove'} {path}")
            with _named(directory, path):
                replacement.apply()
        for path, replacement in work.items():
            with _named(directory, path):
                replacement.confirm()
    except BaseException:
        _undo(tree, reversed(work.values()))
        raise
    with uninterrupted():
        for replacement in work.values():
            replacement.finish()
    return tuple(changes)


@contextlib.contextmanager
def _named(directory: Path, path: str) -> Iterator[None]:
    """Name the file in errors, instead of its temporary name in an open folder."""
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


def reach_disk(files: Sequence[Callable[[], None]]) -> None:
    """Call each function, which returns when its file is on the disk."""
    if len(files) < _TOGETHER:
        _each(files)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_TOGETHER) as pool:
        list(pool.map(_each, (files[n::_TOGETHER] for n in range(_TOGETHER))))


def _each(files: Sequence[Callable[[], None]]) -> None:
    for reach in files:
        reach()
