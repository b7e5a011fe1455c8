"""Writes a set of files into a directory so that nobody sees half of it.

Every new text goes to a temporary name beside its place, reaches the disk, and only then are
all of them renamed. A failure or Ctrl-C on the way puts back what was there; after a SIGKILL
each file is old or new and whole, and the next run removes what was left lying about.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from vpc_cni_iam.errors import TreeError
from vpc_cni_iam.files.lock import missing, uninterrupted
from vpc_cni_iam.files.many import Listings, reach_disk
from vpc_cni_iam.files.read import check_inside, contents, decoded

# The names of files in flight; nothing else of the user's is called so.
_PREFIX = ".vpc-cni-iam-"
_NEW, _OLD = f"{_PREFIX}new-", f"{_PREFIX}old-"
# What git and engines keep in a directory; nobody's edits.
_OTHERS = (".git", ".terraform", ".terraform.lock.hcl", ".terraform.tfstate.lock.info")


@dataclass(frozen=True, slots=True)
class Change:
    """What writing a tree does to one file.

    Args:
        path: Relative to the directory, with forward slashes.
        kind: ``create``, ``replace``, ``remove`` or ``same``.
    """

    path: str
    kind: str


def entries(directory: Path) -> tuple[str, ...]:
    """Return what is in a directory, files and all else that is no directory, by relative path.

    What engines, git and an interrupted run of this tool left is passed over, and no symbolic
    link is followed.

    Args:
        directory: The directory; one that does not exist holds nothing.

    Raises:
        TreeError: It is no directory, or cannot be read.
    """
    _refuse_no_directory(directory)
    return tuple(sorted(p.relative_to(directory).as_posix() for p in _walk(directory)))


def texts(directory: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the texts of those of some files in a directory that are there.

    Args:
        directory: The directory; one that does not exist has no files.
        names: Paths relative to it, with forward slashes.

    Raises:
        TreeError: It is no directory, or a file cannot be read or lies behind a symbolic link.
    """
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
        raise TreeError(f"{directory}: cannot be read: {error.strerror}") from None
    for entry in entries:
        if entry.name in _OTHERS or entry.name.startswith(_PREFIX):
            continue
        path = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(path)
        else:
            yield path


def in_flight(name: str) -> str:
    """Return where a run keeps what it replaces until all is done; a killed run leaves it there.

    Args:
        name: The path of the file that is replaced, with forward slashes.
    """
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{_OLD}{last}"


def write(
    directory: Path,
    files: Mapping[str, str | bytes],
    remove: Iterable[str] = (),
    *,
    step: Callable[[str], None] = lambda _: None,
) -> tuple[Change, ...]:
    """Make the files of a directory what they should be, all of them or none.

    Files that already are so are not touched, nor are those that are not named.

    Args:
        directory: Where; made if it does not exist.
        files: Texts or bytes by path relative to it, with forward slashes. They are renamed
            into place in this order, so that one that names others may come after them.
        remove: Paths to take away.
        step: Called with a word before each change on disk, for tests that interrupt.

    Raises:
        TreeError: What is there may not be written; nothing in the directory was changed.
    """
    target = directory.resolve() if directory.exists() else directory
    removed, listings = tuple(remove), Listings()
    for name in (*files, *removed):
        _check_inside(target, name, listings)
    try:
        _clean({(target / name).parent for name in (*files, *removed)})
        return _write(target, files, removed, step)
    except OSError as error:
        place = error.filename or target
        hint = f"; nothing in {directory} was changed"
        raise TreeError(f"{place}: cannot be written: {error.strerror or error}{hint}") from None


def _check_inside(directory: Path, name: str, listings: Listings) -> None:
    """Refuse a name that leaves the directory, by itself or through a symbolic link."""
    check_inside(directory, name)
    parts = PurePosixPath(name).parts
    place = directory
    for part in parts:
        listings.refuse_other_case(place, part)
        place /= part
        if place.is_symlink():
            raise TreeError(f"{place}: is a symbolic link; this tool writes no file through one")
        if part != parts[-1] and place.exists() and not place.is_dir():
            raise TreeError(f"{place}: is a file where a directory is needed")
    if place.is_dir():
        raise TreeError(f"{place}: is a directory where a file is needed")
    if place.exists() and not place.is_file():
        raise TreeError(f"{place}: is a device or a pipe where a file is needed")


def _clean(folders: Iterable[Path]) -> None:
    """Remove what a killed run left; the files themselves are whole, so nothing is lost.

    Only beside the files that are to be written: another run may be at work further down.
    """
    for folder in folders:
        if folder.is_dir():
            for path in folder.iterdir():
                if path.name.startswith((_NEW, _OLD)):
                    path.unlink()


def _write(
    directory: Path,
    files: Mapping[str, str | bytes],
    remove: tuple[str, ...],
    step: Callable[[str], None],
) -> tuple[Change, ...]:
    changes = [_change(directory, name, text) for name, text in files.items()]
    changes += [Change(name, "remove") for name in remove if (directory / name).exists()]
    undo: list[Callable[[], None]] = []
    staged: list[tuple[Path, Path]] = []
    try:
        for change in changes:
            if change.kind in ("create", "replace"):
                place = directory / change.path
                _make_folders(place.parent, undo)
                step(f"stage {change.path}")
                staged.append((_stage(place, files[change.path], undo), place))
        reach_disk([new for new, _ in staged])
        kept: list[Path] = []
        for new, place in staged:
            step(f"rename {place.name}")
            _replace(new, place, undo, kept)
        for change in changes:
            if change.kind == "remove":
                step(f"remove {change.path}")
                _remove(directory / change.path, undo, kept)
    except BaseException:
        with uninterrupted():
            for action in reversed(undo):
                with contextlib.suppress(OSError):
                    action()
        raise
    with uninterrupted():
        for old in kept:
            old.unlink(missing_ok=True)
    return tuple(changes)


def _encoded(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode(errors="surrogateescape")


def _change(directory: Path, name: str, content: str | bytes) -> Change:
    path = directory / name
    if not path.exists():
        return Change(name, "create")
    data = _encoded(content)
    same = path.stat().st_size == len(data) and path.read_bytes() == data
    return Change(name, "same" if same else "replace")


def _make_folders(folder: Path, undo: list[Callable[[], None]]) -> None:
    for new in reversed(missing(folder)):
        new.mkdir(exist_ok=True)
        undo.append(new.rmdir)


def _stage(place: Path, content: str | bytes, undo: list[Callable[[], None]]) -> Path:
    """Write the content beside its place under a temporary name."""
    if place.exists() and not os.access(place, os.W_OK):
        raise PermissionError(errno.EACCES, "it is read-only", str(place))
    new = place.with_name(f"{_NEW}{place.name}")
    undo.append(lambda: new.unlink(missing_ok=True))
    with new.open("xb") as handle:
        handle.write(_encoded(content))
    if place.exists():
        new.chmod(stat.S_IMODE(place.stat().st_mode))
    return new


def _replace(new: Path, place: Path, undo: list[Callable[[], None]], kept: list[Path]) -> None:
    if place.exists():
        old = _keep(place, kept)
        undo.append(lambda: _put_back(old, place))
    else:
        undo.append(lambda: place.unlink(missing_ok=True))
    new.replace(place)


def _remove(place: Path, undo: list[Callable[[], None]], kept: list[Path]) -> None:
    old = _keep(place, kept)
    undo.append(lambda: _put_back(old, place))
    place.unlink()


def _put_back(old: Path, place: Path) -> None:
    old.replace(place)


def _keep(place: Path, kept: list[Path]) -> Path:
    """Keep what is there under a second name, which takes no room on a full disk."""
    old = place.with_name(f"{_OLD}{place.name}")
    try:
        os.link(place, old)
    except OSError:  # a file system without hard links
        shutil.copyfile(place, old)
    kept.append(old)
    return old
