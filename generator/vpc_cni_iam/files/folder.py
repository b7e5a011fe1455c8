"""An open directory, whose files are named relative to its handle, without symbolic links.

Every call resolves a path again, so a directory in it can be replaced by a link between two calls.
A handle always refers to the directory that was opened. A system without such handles, such as
Windows, checks the paths only when it opens a directory.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Callable
from functools import cache

from msgspec import Struct

from vpc_cni_iam.errors import TreeError, reason
from vpc_cni_iam.texts.limits import MODULE_TEXT

# The number is the same on both systems.
_EXCHANGES = {"linux": "renameat2", "darwin": "renameatx_np"}
_EXCHANGE = 2
# The errors of a system or a file system that does not support the call.
_UNKNOWN = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM}
_CALLS = {os.open, os.stat, os.mkdir, os.rmdir, os.rename, os.link, os.unlink, os.access}
HANDLES = (
    os.supports_dir_fd >= _CALLS and os.scandir in os.supports_fd and hasattr(os, "O_NOFOLLOW")
)
# O_PATH does not need the permission to list the directory; naming a file in it does not need it.
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
# Opening a pipe must not wait for its writer.
_READ = os.O_RDONLY | _NO_LINK | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK | getattr(os, "O_BINARY", 0)
_MORE = 1 << 20
LINK = "is a symbolic link, which is not followed; name its target, or replace it with a copy"


def exchange(name: str, other: str, above: int | None) -> bool:
    """Exchange the names of two files; return False, and do nothing, if it is not supported.

    Both are in the directory of the handle `above`. Raises `OSError` if one does not exist.
    """
    call = _call()
    if call is None or above is None:
        return False
    code = call(above, os.fsencode(name), above, os.fsencode(other))
    if code in _UNKNOWN:
        return False
    if code:
        raise OSError(code, os.strerror(code), name)
    return True


@cache
def _call() -> Callable[[int, bytes, int, bytes], int] | None:
    """Return the system's function, which returns 0 or an error number; None if there is none."""
    try:
        import ctypes  # some builds of Python do not have it

        function = getattr(ctypes.CDLL(None, use_errno=True), _EXCHANGES[sys.platform])
    except (ImportError, KeyError, OSError, AttributeError):
        return None
    function.argtypes = [ctypes.c_int, ctypes.c_char_p] * 2 + [ctypes.c_uint]

    def call(above: int, name: bytes, beside: int, other: bytes) -> int:
        failed = function(above, name, beside, other, _EXCHANGE)
        return ctypes.get_errno() if failed else 0

    return call


class Folder(Struct):
    """An open directory."""

    path: str  # its path in messages
    handle: int | None  # its handle, None if the system has none
    _names: dict[str, list[str]] | None = None

    def close(self) -> None:
        """Close the handle."""
        if self.handle is not None:
            os.close(self.handle)

    def place(self, name: str) -> str:
        """Return the path of a file in messages."""
        return name if self.path == "." else f"{self.path}/{name}"

    def _at(self, name: str) -> str:
        return name if self.handle is not None else f"{self.path}/{name}"

    def folder(self, name: str) -> Folder | None:
        """Open a folder in this one; return None if nothing has that name."""
        return open_folder(self.place(name), self._at(name), self.handle)

    def make_folder(self, name: str) -> bool:
        """Create a folder, and say whether it did not exist."""
        try:
            os.mkdir(self._at(name), dir_fd=self.handle)
        except FileExistsError:
            return False
        except OSError as error:
            raise OSError(error.errno, error.strerror, self.place(name)) from None
        return True

    def remove_folder(self, name: str) -> None:
        """Remove an empty folder."""
        os.rmdir(self._at(name), dir_fd=self.handle)

    def names(self) -> list[str]:
        """Return the names of all entries of the folder."""
        handle = self.path if self.handle is None else self.open()
        try:
            with os.scandir(handle) as entries:
                return [entry.name for entry in entries]
        finally:
            if isinstance(handle, int):
                os.close(handle)

    def open(self) -> int:
        """Return another handle, for listing and locking."""
        flags = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
        try:
            return os.open(self._at("."), flags, dir_fd=self.handle)
        except OSError as error:
            raise OSError(error.errno, error.strerror, self.path) from None

    def refuse_other_case(self, name: str) -> None:
        """Refuse a name that differs only in case from an existing one."""
        if self._names is None:  # read once for many files
            self._names = {}
            with contextlib.suppress(OSError):
                for existing in self.names():
                    self._names.setdefault(existing.casefold(), []).append(existing)
        for existing in self._names.get(name.casefold(), ()):
            if existing != name:
                raise TreeError(
                    f"{self.place(existing)}: differs from {name} only in case, and some file "
                    "systems treat both as one; rename it"
                )

    def status(self, name: str) -> os.stat_result | None:
        """Return the status of a name, or of a link itself; None if nothing has the name."""
        try:
            return os.stat(self._at(name), dir_fd=self.handle, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise OSError(error.errno, error.strerror, self.place(name)) from None

    def writable(self, name: str) -> bool:
        """Return whether a file may be written."""
        return os.access(self._at(name), os.W_OK, dir_fd=self.handle)

    def read(self, name: str) -> bytes | None:
        """Return the bytes of a regular file, None if nothing has that name."""
        place = self.place(name)
        try:
            handle = os.open(self._at(name), _READ, dir_fd=self.handle)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            problem = f"cannot be read: {reason(error)}"
            with contextlib.suppress(OSError):
                status = self.status(name)
                link = status is not None and stat.S_ISLNK(status.st_mode)
                problem = LINK if link else problem
            raise TreeError(f"{place}: {problem}") from None
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise TreeError(f"{place}: is not a regular file; move it away")
            size, parts = status.st_size, list[bytes]()
            while size <= MODULE_TEXT.most:
                parts.append(os.read(handle, _MORE if parts else status.st_size + 1))
                if not parts[-1]:
                    return b"".join(parts)
                size = sum(map(len, parts))
            raise TreeError(f"{place}: is larger than {MODULE_TEXT.words()}, the limit")
        except OSError as error:
            raise TreeError(f"{place}: cannot be read: {reason(error)}") from None
        finally:
            os.close(handle)

    def write_new(self, name: str, content: bytes, mode: int | None) -> tuple[int, int]:
        """Write a new file, and return its device and inode."""
        handle = os.open(self._at(name), _CREATE, 0o666, dir_fd=self.handle)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            if mode is not None and hasattr(os, "fchmod"):
                os.fchmod(handle, mode)
            status = os.fstat(handle)
            return status.st_dev, status.st_ino

    def reach_disk(self, name: str) -> None:
        """Wait until the content of a file is on the disk."""
        handle = os.open(self._at(name), os.O_WRONLY | _NO_LINK, dir_fd=self.handle)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def remove(self, name: str) -> None:
        """Remove a file, if it exists."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._at(name), dir_fd=self.handle)

    def rename(self, name: str, new: str) -> None:
        """Rename a file; a file with the new name is replaced."""
        os.rename(self._at(name), self._at(new), src_dir_fd=self.handle, dst_dir_fd=self.handle)

    def rename_to_free(self, name: str, new: str) -> None:
        """Rename a file to a name that nothing has, or raise `FileExistsError`."""
        try:
            os.link(
                self._at(name),
                self._at(new),
                src_dir_fd=self.handle,
                dst_dir_fd=self.handle,
                follow_symlinks=False,
            )
        except FileExistsError:
            raise
        except (
            OSError,
            NotImplementedError,
        ) as error:  # hard links are not supported, or not to this file
            if isinstance(error, FileNotFoundError):
                raise
            if self.status(new) is not None:
                raise FileExistsError(errno.EEXIST, "is there", self.place(new)) from None
            self.rename(name, new)
        else:
            self.remove(name)

    def exchange(self, name: str, other: str, spare: str) -> None:
        """Exchange the names of two files, so that neither is ever lost.

        If the system cannot do this in one step, the second name, which other programs may write,
        does not exist for a moment. `spare` is a free name.
        """
        if exchange(self._at(name), self._at(other), self.handle):
            return
        self.rename(other, spare)
        while True:
            try:
                self.rename_to_free(name, other)
                break
            except FileExistsError:  # another program saved the file in between
                self.rename(other, spare)
        self.rename(spare, name)


def open_folder(path: str, name: str = "", above: int | None = None) -> Folder | None:
    """Open a directory; return None if nothing has that name.

    `path` is for messages. `name` is in the folder of the handle `above`, or a path if there is no
    handle. Raises `TreeError` for a symbolic link or a file.
    """
    try:
        if HANDLES:
            return Folder(path, os.open(name or path, _FOLDER | _NO_LINK, dir_fd=above))
        mode = os.lstat(name or path).st_mode
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno not in (errno.ENOTDIR, errno.ELOOP):
            raise TreeError(f"{path}: cannot be read: {reason(error)}") from None
        try:
            mode = os.stat(name or path, dir_fd=above, follow_symlinks=False).st_mode
        except OSError:  # a file is above it
            return None
    if stat.S_ISLNK(mode):
        raise TreeError(f"{path}: {LINK}")
    if HANDLES or not stat.S_ISDIR(mode):
        raise TreeError(f"{path}: is a file; name a directory")
    return Folder(path, None)
