"""Replaces one file without losing what another program saves at the same time.

The new file is exchanged with the existing one, which is compared with the observed content before
anything is removed. If another program has saved the file meanwhile, by writing or by renaming, the
two are exchanged again, so the last saved content stays in place.

One case is not covered: a program that opened the file before the exchange, and writes to it only
after the comparison, writes to a file that has no name any more.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct

from vpc_cni_iam.errors import TreeError
from vpc_cni_iam.files.folder import Folder

SUFFIX = ".orig"
# The names of temporary files; no file of a user has such a name.
PREFIX = ".vpc-cni-iam-"
_NEW = f"{PREFIX}new-"
# A temporary name has the start of the SHA-256 of the old and the new content. After a kill, the
# next run can tell the old, the new and a meanwhile saved content apart.
_NONE, _DIGITS = "none", 8
_ASIDE = re.compile(re.escape(PREFIX) + r"(spare-)?([0-9a-f]{8}|none)-([0-9a-f]{8}|none)-(.+)")


def backup_name(directory: Path, path: str) -> str:
    """Return a free name in a file's directory for a copy of the file."""
    return free_name(path, lambda name: os.path.lexists(directory / name))


def free_name(path: str, taken: Callable[[str], bool]) -> str:
    """Return a free name for a copy of a file."""
    name, number = path + SUFFIX, 1
    while taken(name):
        name, number = f"{path}{SUFFIX}.{number}", number + 1
    return name


class ChangedError(Exception):
    """Another program saved, removed or created a file during its replacement."""


class Replacement(Struct):
    """The replacement of one file."""

    folder: Folder
    name: str
    before: bytes | None  # its observed content, None if it did not exist
    after: bytes | None  # its new content, None to remove it
    _identity: tuple[int, int] | None = None

    @property
    def _new(self) -> str:
        return f"{_NEW}{self.name}"

    @property
    def _aside(self) -> str:
        """The name of the new file before the exchange, and of the old file after it."""
        return f"{PREFIX}{_mark(self.before)}-{_mark(self.after)}-{self.name}"

    @property
    def _spare(self) -> str:
        return f"{PREFIX}spare-{_mark(self.before)}-{_mark(self.after)}-{self.name}"

    def stage(self) -> None:
        """Write the new file to a temporary name."""
        if self.after is None:
            return
        status = self.folder.status(self.name)
        if status is not None and not self.folder.writable(self.name):
            raise PermissionError(errno.EACCES, "it is read-only", self.name)
        mode = stat.S_IMODE(status.st_mode) if status is not None else None
        self._identity = self.folder.write_new(self._new, self.after, mode)

    def reach_disk(self) -> None:
        """Wait until the new file is on the disk."""
        if self.after is not None:
            self.folder.reach_disk(self._new)

    def apply(self) -> None:
        """Exchange the new file with the old one; may raise `ChangedError`."""
        try:
            if self.after is None:
                self.folder.rename(self.name, self._aside)
            elif self.before is None:
                self.folder.rename_to_free(self._new, self.name)
            else:
                self.folder.rename(self._new, self._aside)
                self.folder.exchange(self._aside, self.name, self._spare)
        except (FileExistsError, FileNotFoundError):
            raise ChangedError from None

    def confirm(self) -> None:
        """Raise `ChangedError` if the replaced content is not the observed one.

        Call it after all files are in place.
        """
        if self.before is not None and _content(self.folder, self._aside) != self.before:
            raise ChangedError

    def finish(self) -> None:
        """Remove the replaced file."""
        if self.before is not None:
            self.folder.remove(self._aside)

    def undo(self) -> None:
        """Restore the replaced file, unless another program has saved the file since then."""
        self.folder.remove(self._new)
        if self.before is None:
            self._take_back()
        elif self.after is None:
            if self.folder.status(self._aside) is not None:
                self._put_back(self._aside)
        elif self.folder.status(self._aside) is not None:
            if _content(self.folder, self._aside) != self.after:
                try:
                    self._exchange_back(self.after)
                except FileNotFoundError:  # removed by another program
                    self._put_back(self._aside)
            self.folder.remove(self._aside)

    def _take_back(self) -> None:
        """Remove the new file, if it still has the written content."""
        status = self.folder.status(self.name)
        if status is None or (status.st_dev, status.st_ino) != self._identity:
            return
        self.folder.rename(self.name, self._aside)
        if _content(self.folder, self._aside) == self.after:
            self.folder.remove(self._aside)
        else:
            self._put_back(self._aside)

    def _put_back(self, name: str) -> None:
        try:
            self.folder.rename_to_free(name, self.name)
        except FileExistsError:  # saved again, over the earlier content
            self.folder.remove(name)

    def _exchange_back(self, expected: bytes | None) -> None:
        """Exchange the two again, if the file still has the expected content.

        Else the last saved content is in place afterwards.
        """
        previous = _content(self.folder, self._aside)
        while True:
            self.folder.exchange(self._aside, self.name, self._spare)
            taken = _content(self.folder, self._aside)
            if taken == expected:
                return
            # Exchange them once more, unless the file was saved again meanwhile.
            expected, previous = previous, taken


def _content(folder: Folder, name: str) -> bytes | None:
    """Return the bytes of a file, None if it is not a readable file."""
    try:
        return folder.read(name)
    except TreeError:
        return None


def _mark(content: bytes | None) -> str:
    return _NONE if content is None else hashlib.sha256(content).hexdigest()[:_DIGITS]


def left_behind(folder: Folder, name: str) -> Iterator[bytes]:
    """Yield the old contents of a file that a killed run replaced, if not saved since then."""
    now = _mark(_content(folder, name))
    for candidate in folder.names():
        match = _ASIDE.fullmatch(candidate)
        if match and match[4] == name and match[3] == now:
            content = _content(folder, candidate)
            if content is not None and _mark(content) == match[2]:
                yield content


def clean(folder: Folder) -> list[str]:
    """Remove the files that a killed run left in a folder; return the names of saved copies."""
    copies = []
    for name in sorted(folder.names()):
        if name.startswith(_NEW):
            folder.remove(name)
        elif match := _ASIDE.fullmatch(name):
            spare, before, after, place = match.groups()
            if spare and folder.status(place) is None:  # killed before the new file was in place
                folder.rename_to_free(name, place)
            elif _mark(_content(folder, name)) in (before, after):
                folder.remove(name)
            else:
                copies.append(free_name(place, lambda n: folder.status(n) is not None))
                folder.rename_to_free(name, copies[-1])
    return copies
