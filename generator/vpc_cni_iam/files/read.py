"""Reads named files of a user's tree: only regular files inside it, without symbolic links."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from vpc_cni_iam.errors import TreeError, reason
from vpc_cni_iam.files.folder import Folder, open_folder

# The names in a folder that Terraform, OpenTofu or Terragrunt reads: configuration, values of
# variables, tests, state, and local providers. Plans and templates are data. Hidden files and
# backups of editors are not read.
READ_BY_ENGINES = re.compile(
    r"(?!\.|.*\.(?:tfplan|tftpl)$)(?:.*\.(?:(?:tf|tofu)[a-z]*(?:\.hcl)?|hcl)(?:\.json)?|terraform\.d)",
    re.DOTALL,
)


# The folder in which engines look for tests, in addition to the module's directory.
_TESTS = "tests"


class OpenTree:
    """A directory whose files have relative paths with forward slashes.

    It may not exist. From `top` on, a directory above it, symbolic links are not followed. Without
    `top`, the directory itself may not be a link, but its parents may be.
    """

    def __init__(self, directory: Path, top: Path | None = None) -> None:
        self._directory = directory
        self._top = top
        self._folders: dict[str, Folder | None] = {}
        self._others: list[Folder] = []
        self._made: list[tuple[Folder, str]] = []

    def __enter__(self) -> OpenTree:
        return self

    def __exit__(self, *_: object) -> None:
        for folder in (*self._folders.values(), *self._others):
            if folder is not None:
                folder.close()

    def find(self, path: str) -> Folder | None:
        """Return a folder by its relative path, empty for the directory; None if it is absent."""
        if path not in self._folders:
            if not path:
                self._folders[path] = self._find_root()
            else:
                above, _, name = path.rpartition("/")
                folder = self.find(above)
                self._folders[path] = folder.folder(name) if folder is not None else None
        return self._folders[path]

    def make(self, path: str) -> Folder:
        """Return a folder like `find`, and create it if it does not exist."""
        folder = self.find(path)
        if folder is not None:
            return folder
        if not path:
            folder = self._make_root()
        else:
            above, _, name = path.rpartition("/")
            folder = self._made_in(self.make(above), name)
        self._folders[path] = folder
        return folder

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a regular file, None if nothing has its path."""
        place, name = split(path)
        folder = self.find(place)
        return folder.read(name) if folder is not None else None

    def remove_made(self) -> None:
        """Remove the created folders that are empty."""
        for above, name in reversed(self._made):
            with contextlib.suppress(OSError):
                above.remove_folder(name)
        self._made.clear()

    def _find_root(self) -> Folder | None:
        if self._top is None:
            return open_folder(os.fspath(self._directory))
        start, names = self._way()
        folder = open_folder(os.path.realpath(start))
        for name in names:
            if folder is not None:
                self._others.append(folder)
                folder = folder.folder(name)
        if folder is not None:
            folder.path = os.fspath(self._directory)
        return folder

    def _make_root(self) -> Folder:
        start, names = self._way()
        folder = open_folder(os.path.realpath(start))
        if folder is None:
            raise TreeError(f"{start}: was removed during the write")
        for name in names:
            self._others.append(folder)
            folder = self._made_in(folder, name)
        folder.path = os.fspath(self._directory)
        return folder

    def _way(self) -> tuple[Path, tuple[str, ...]]:
        """Return the start directory, whose path may have links, and the path without links."""
        directory = Path(os.path.normpath(self._directory.absolute()))
        start = self._top
        if start is None:
            start = next(p for p in directory.parents if p.exists())
        return start, directory.relative_to(start).parts

    def _made_in(self, above: Folder, name: str) -> Folder:
        if above.make_folder(name):
            self._made.append((above, name))
        folder = above.folder(name)
        if folder is None:
            raise TreeError(f"{above.place(name)}: was removed during the write")
        return folder


def split(path: str) -> tuple[str, str]:
    """Return the folder of a path, empty for the directory itself, and its last name."""
    folder, _, name = path.rpartition("/")
    return folder, name


def check_inside(directory: Path, name: str) -> None:
    """Raise `TreeError` for a name that leaves a directory."""
    if not name or name.startswith("/") or ".." in name.split("/"):
        raise TreeError(f"{name}: is not a path inside {directory}")


def contents(directory: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Return the bytes of the existing files in a directory, by name; empty without a directory.

    Names have forward slashes. Raises `TreeError` if the directory or a file cannot be read, or is
    or has a symbolic link in its path.
    """
    files = {}
    with OpenTree(directory) as tree:
        tree.find("")
        for path in names:
            check_inside(directory, path)
            if (content := tree.read(path)) is not None:
                files[path] = content
    return files


def listed(directory: Path, place: str = "") -> list[str]:
    """Return the names of all entries of a directory, or of a folder in it; empty without it."""
    with OpenTree(directory) as tree:
        folder = tree.find(place)
        try:
            return folder.names() if folder is not None else []
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
