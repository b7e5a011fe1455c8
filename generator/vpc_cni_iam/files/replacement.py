"""Replaces one file, and keeps the old one beside it until all files of a run are in place.

The file is compared with the observed content just before it is replaced. The old file is compared
once more when all files are in place, because another program may have had it open.

One save is not seen: another program renames its own file into place between the comparison and the
replacement, which are two consecutive calls of the system.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from vpc_cni_iam.errors import TreeError
from vpc_cni_iam.files.read import read_file

SUFFIX = ".orig"
# The names of temporary files; no file of a user has such a name.
PREFIX = ".vpc-cni-iam-"
_NEW = f"{PREFIX}new-"
# The name of a kept file has the start of the SHA-256 of the old and of the new content. After a
# kill, the next run can tell the old and a meanwhile saved content apart.
_NONE, _DIGITS = "none", 8
_KEPT = re.compile(re.escape(PREFIX) + r"([0-9a-f]{8}|none)-([0-9a-f]{8}|none)-(.+)")
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def backup_name(directory: Path, path: str) -> str:
    """Return a free name in a file's directory for a copy of the file."""
    name, number = path + SUFFIX, 1
    while os.path.lexists(directory / name):
        name, number = f"{path}{SUFFIX}.{number}", number + 1
    return name


class ChangedError(Exception):
    """Another program saved, removed or created a file during its replacement."""


class Replacement(Struct):
    """The replacement of one file."""

    path: Path
    before: bytes | None  # its observed content, None if it did not exist
    after: bytes | None  # its new content, None to remove it
    _identity: tuple[int, int] | None = None

    @property
    def _new(self) -> Path:
        return self.path.with_name(f"{_NEW}{self.path.name}")

    @property
    def _kept(self) -> Path:
        """The name of the old file, until all files are in place."""
        marks = f"{_mark(self.before)}-{_mark(self.after)}"
        return self.path.with_name(f"{PREFIX}{marks}-{self.path.name}")

    def stage(self) -> None:
        """Write the new file to a temporary name, and wait until it is on the disk."""
        if self.after is None:
            return
        mode = _mode(self.path)
        if mode is not None and not os.access(self.path, os.W_OK):
            raise PermissionError(errno.EACCES, "it is read-only", str(self.path))
        with os.fdopen(os.open(self._new, _CREATE, 0o666), "wb") as file:
            status = os.fstat(file.fileno())
            self._identity = status.st_dev, status.st_ino
            file.write(self.after)
            file.flush()
            if mode is not None:
                self._new.chmod(mode)
            os.fsync(file.fileno())

    def apply(self) -> None:
        """Put the new file instead of the old one; may raise `ChangedError`."""
        try:
            if self.before is None:
                _rename_to_free(self._new, self.path)
            elif self.after is None:
                self.path.rename(self._kept)
            else:
                self._replace()
        except (FileExistsError, FileNotFoundError):
            raise ChangedError from None

    def _replace(self) -> None:
        saved = _saved(self.path)
        _link(self.path, self._kept)
        if _content(self._kept) != self.before or _saved(self.path) != saved:
            raise ChangedError
        self._new.replace(self.path)

    def confirm(self) -> None:
        """Raise `ChangedError` if the replaced content is not the observed one.

        Call it after all files are in place.
        """
        if self.before is not None and _content(self._kept) != self.before:
            raise ChangedError

    def finish(self) -> None:
        """Remove the replaced file."""
        self._kept.unlink(missing_ok=True)

    def undo(self) -> None:
        """Restore the replaced file, unless another program has saved the file since then."""
        self._new.unlink(missing_ok=True)
        with suppress(FileNotFoundError, FileExistsError):  # removed or saved meanwhile
            if self.before is None:
                self._take_back()
            elif not os.path.lexists(self.path):
                _rename_to_free(self._kept, self.path)
            elif self.after is not None:
                saved = _saved(self.path)
                if _content(self.path) == self.after and _saved(self.path) == saved:
                    self._kept.replace(self.path)
        self._kept.unlink(missing_ok=True)

    def _take_back(self) -> None:
        """Remove the created file, if it still has the written content."""
        status = self.path.lstat()
        if (status.st_dev, status.st_ino) == self._identity:
            self.path.rename(self._kept)
            if _content(self._kept) != self.after:
                _rename_to_free(self._kept, self.path)


def _link(path: Path, name: Path) -> None:
    """Give a file a second name; without hard links, copy it."""
    try:
        os.link(path, name, follow_symlinks=False)
    except (FileExistsError, FileNotFoundError):
        raise
    except (OSError, NotImplementedError):
        name.write_bytes(read_file(path) or b"")


def _rename_to_free(path: Path, name: Path) -> None:
    """Rename a file to a name that nothing has, or raise `FileExistsError`."""
    try:
        os.link(path, name, follow_symlinks=False)
    except (FileExistsError, FileNotFoundError):
        raise
    except (OSError, NotImplementedError):  # the file system has no hard links
        if os.path.lexists(name):
            raise FileExistsError(errno.EEXIST, "is there", str(name)) from None
        path.rename(name)
    else:
        path.unlink()


def _saved(path: Path) -> tuple[int, ...]:
    """Return numbers that differ after another program saved a file."""
    status = path.lstat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _mode(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.lstat().st_mode)
    except FileNotFoundError:
        return None


def _content(path: Path) -> bytes | None:
    """Return the bytes of a file, None if it is not a readable file."""
    try:
        return read_file(path)
    except TreeError:
        return None


def _mark(content: bytes | None) -> str:
    return _NONE if content is None else hashlib.sha256(content).hexdigest()[:_DIGITS]


def left_behind(path: Path, names: Iterable[str]) -> Iterator[bytes]:
    """Yield the old contents of a file that a killed run replaced, if not saved since then.

    `names` are the names in the file's folder.
    """
    now = _mark(_content(path))
    for name in names:
        match = _KEPT.fullmatch(name)
        if match and match[3] == path.name and match[2] == now:
            content = _content(path.with_name(name))
            if content is not None and _mark(content) == match[1]:
                yield content


def clean(folder: Path, names: Iterable[str]) -> list[str]:
    """Remove the files that a killed run left in a folder; return the names of saved copies."""
    copies = []
    for name in sorted(names):
        if name.startswith(_NEW):
            (folder / name).unlink(missing_ok=True)
        elif match := _KEPT.fullmatch(name):
            old, _, place = match.groups()
            content = _content(folder / name)
            if _mark(content) == old or content == _content(folder / place):
                (folder / name).unlink()
            else:  # another program saved it before the kill
                copies.append(backup_name(folder, place))
                (folder / name).rename(folder / copies[-1])
    return copies
