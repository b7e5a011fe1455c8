"""Reads named files of a user's tree: regular ones inside it, and through no symbolic link."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from vpc_cni_iam.errors import TreeError
from vpc_cni_iam.texts.limits import MODULE_TEXT

# Opening a pipe must not wait for its writer.
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_MORE = 1 << 20


def contents(directory: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Return the bytes of those of some files in a directory that are there.

    Args:
        directory: The directory; one that does not exist has no files.
        names: Paths relative to it, with forward slashes.

    Raises:
        TreeError: It is no directory or a symbolic link, or a file cannot be read or lies behind
            a symbolic link.
    """
    top = os.fspath(directory)
    found = ((name, _content(f"{top}/{name}")) for name in _reachable(directory, names))
    return {name: content for name, content in found if content is not None}


def absent(directory: Path, names: Iterable[str]) -> list[str]:
    """Return those of some files in a directory that are not there, without reading the others.

    Args:
        directory: The directory; one that does not exist has no files.
        names: Paths relative to it, with forward slashes.

    Raises:
        TreeError: It is no directory or a symbolic link, or a file lies behind one.
    """
    every, top = list(names), os.fspath(directory)
    there = {n for n in _reachable(directory, every) if os.path.lexists(f"{top}/{n}")}
    return [name for name in every if name not in there]


def _reachable(directory: Path, names: Iterable[str]) -> Iterator[str]:
    """Yield the names whose folders are there, and are folders."""
    top = os.fspath(directory)
    known = {"": _is_folder(top)}
    for name in names:
        check_inside(directory, name)
        folder, place = "", known[""]
        for part in name.split("/")[:-1]:
            folder = f"{folder}/{part}"
            if place and folder not in known:
                known[folder] = _is_folder(top + folder)
            place = place and known[folder]
        if place:
            yield name


def unix(content: bytes) -> bytes:
    r"""Return a content with the line ends of this tool, which git may have made ``\r\n``.

    Args:
        content: The content.
    """
    return content.replace(b"\r\n", b"\n") if b"\r" in content else content


def decoded(content: bytes) -> str:
    """Return the text of a content, with the line ends of this tool.

    Args:
        content: The content; bytes that are not UTF-8 come back as they were when the text is
            written again.
    """
    return unix(content).decode(errors="surrogateescape")


def check_inside(directory: Path, name: str) -> None:
    """Refuse a name that leaves a directory.

    Args:
        directory: The directory.
        name: A path relative to it.

    Raises:
        TreeError: It does.
    """
    if not name or name.startswith("/") or ".." in name.split("/"):
        raise TreeError(f"{name}: is not a path inside {directory}")


def _is_folder(name: str) -> bool:
    """Say whether a name is that of a directory, False if there is nothing."""
    try:
        mode = os.lstat(name).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise TreeError(f"{name}: cannot be read: {error.strerror}") from None
    if stat.S_ISLNK(mode):
        raise TreeError(f"{name}: is a symbolic link, and this tool follows none")
    if not stat.S_ISDIR(mode):
        raise TreeError(f"{name}: is a file where a directory is needed")
    return True


def _content(name: str) -> bytes | None:
    try:
        handle = os.open(name, _FLAGS)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        link = Path(name).is_symlink()
        what = "is a symbolic link" if link else f"cannot be read: {error.strerror}"
        raise TreeError(f"{name}: {what}") from None
    try:
        there = os.fstat(handle)
        if not stat.S_ISREG(there.st_mode):
            raise TreeError(f"{name}: is not a regular file; move it away")
        size, parts = there.st_size, list[bytes]()
        while size <= MODULE_TEXT.most:
            parts.append(os.read(handle, _MORE if parts else there.st_size + 1))
            if not parts[-1]:
                return b"".join(parts)
            size = sum(map(len, parts))
        raise TreeError(f"{name}: is larger than {MODULE_TEXT.words()}, the most that is read")
    except OSError as error:
        raise TreeError(f"{name}: cannot be read: {error.strerror}") from None
    finally:
        os.close(handle)
