"""Reads named files of a user's tree: only regular files inside it, without symbolic links."""

from __future__ import annotations

import contextlib
import os
import posixpath
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from vpc_cni_iam.errors import TreeError, reason
from vpc_cni_iam.texts.limits import MODULE_TEXT

# The names in a folder that Terraform, OpenTofu or Terragrunt reads: configuration, values of
# variables, tests, state, and local providers. Plans and templates are data. Hidden files and
# backups of editors are not read.
READ_BY_ENGINES = re.compile(
    r"(?!\.|.*\.(?:tfplan|tftpl)$)(?:.*\.(?:(?:tf|tofu)[a-z]*(?:\.hcl)?|hcl)(?:\.json)?|terraform\.d)",
    re.DOTALL,
)
LINK = "is a symbolic link, which is not followed; name its target, or replace it with a copy"

# The folder in which engines look for tests, in addition to the module's directory.
_TESTS = "tests"
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
# Opening a pipe must not wait for its writer.
_READ = os.O_RDONLY | _NO_LINK | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_MORE = 1 << 20


class Folders:
    """The folders of a directory, none of which is a symbolic link; each is checked once.

    From `top` on, a directory above it, symbolic links are refused. Without `top`, the directory
    itself may not be a link, but its parents may be.
    """

    def __init__(self, directory: Path, top: Path | None = None) -> None:
        self.directory = directory
        self._top = top
        self._exists: dict[str, bool] = {}
        self._names: dict[str, list[str]] = {}

    def has(self, place: str) -> bool:
        """Return whether a folder exists, by its relative path, empty for the directory itself.

        Raises `TreeError` for a symbolic link or a file.
        """
        if place not in self._exists:
            if place:
                above = self.has(split(place)[0])
                self._exists[place] = above and is_folder(self.directory / place)
            else:
                self._exists[place] = all(map(is_folder, self._way())) and self.directory.is_dir()
        return self._exists[place]

    def names(self, place: str) -> list[str]:
        """Return the names in a folder, empty if it does not exist or cannot be listed."""
        if place not in self._names:
            self._names[place] = []
            if self.has(place):
                with contextlib.suppress(OSError):
                    self._names[place] = [p.name for p in (self.directory / place).iterdir()]
        return self._names[place]

    def _way(self) -> Iterator[Path]:
        """Yield the folders that may not be links, from below `top` to the directory itself."""
        if self._top is None:
            yield self.directory
            return
        parts = Path(os.path.normpath(self.directory.absolute())).relative_to(self._top).parts
        yield from (self._top.joinpath(*parts[: n + 1]) for n in range(len(parts)))


def is_folder(path: Path) -> bool:
    """Return whether a directory exists; raises `TreeError` for a symbolic link or a file."""
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise TreeError(f"{path}: cannot be read: {reason(error)}") from None
    if stat.S_ISLNK(mode):
        raise TreeError(f"{path}: {LINK}")
    if not stat.S_ISDIR(mode):
        raise TreeError(f"{path}: is a file; name a directory")
    return True


def read_file(path: Path) -> bytes | None:
    """Return the bytes of a regular file, None if nothing has its name.

    Raises `TreeError` for a symbolic link, and for a file that cannot be read or is too large.
    """
    try:
        if path.is_symlink():
            raise TreeError(f"{path}: {LINK}")
        handle = os.open(path, _READ)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise TreeError(f"{path}: cannot be read: {reason(error)}") from None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise TreeError(f"{path}: is not a regular file; move it away")
        size, parts = status.st_size, list[bytes]()
        while size <= MODULE_TEXT.most:
            parts.append(os.read(handle, _MORE if parts else status.st_size + 1))
            if not parts[-1]:
                return b"".join(parts)
            size = sum(map(len, parts))
        raise TreeError(f"{path}: is larger than {MODULE_TEXT.words()}, the limit")
    except OSError as error:
        raise TreeError(f"{path}: cannot be read: {reason(error)}") from None
    finally:
        os.close(handle)


def split(path: str) -> tuple[str, str]:
    """Return the folder of a path, empty for the directory itself, and its last name."""
    return posixpath.split(path)


def check_inside(directory: Path, name: str) -> None:
    """Raise `TreeError` for a name that leaves a directory."""
    if not name or name.startswith("/") or ".." in name.split("/"):
        raise TreeError(f"{name}: is not a path inside {directory}")


def contents(directory: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Return the bytes of the existing files in a directory, by name; empty without a directory.

    Names have forward slashes. Raises `TreeError` if the directory or a file cannot be read, or is
    or has a symbolic link in its path.
    """
    files, folders = {}, Folders(directory)
    folders.has("")
    for path in names:
        check_inside(directory, path)
        content = read_file(directory / path) if folders.has(split(path)[0]) else None
        if content is not None:
            files[path] = content
    return files


def listed(directory: Path, place: str = "") -> list[str]:
    """Return the names of all entries of a directory, or of a folder in it; empty without it."""
    if not Folders(directory).has(place):
        return []
    try:
        return [path.name for path in (directory / place).iterdir()]
    except OSError as error:
        raise TreeError(f"{directory / place}: cannot be read: {reason(error)}") from None


def read_by_engines(directory: Path) -> Iterator[str]:
    """Yield the paths that engines read in a directory: its files, and those of its tests.

    Other folders are configuration only if one of these files calls them.
    """
    for place, prefix in ((directory, ""), (directory / _TESTS, f"{_TESTS}/")):
        yield from (f"{prefix}{n}" for n in sorted(listed(place)) if READ_BY_ENGINES.fullmatch(n))


def unix(content: bytes) -> bytes:
    r"""Return a content with ``\n`` as line ends; git may have made them ``\r\n``."""
    return content.replace(b"\r\n", b"\n") if b"\r" in content else content


def decoded(content: bytes) -> str:
    r"""Return the text of a content, with ``\n`` as line ends.

    Bytes that are not UTF-8 are unchanged when the text is written again.
    """
    return unix(content).decode(errors="surrogateescape")
