"""Reads named files of a user's tree: regular ones inside it, and through no symbolic link."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from vpc_cni_iam.errors import TreeError, reason
from vpc_cni_iam.files.opened import OpenTree, check_inside, split


def contents(directory: Path, names: Iterable[str]) -> dict[str, bytes]:
    """Return the bytes of the files in a directory that exist, by name; none without it.

    Names have forward slashes. Raises `TreeError` if the directory or a file cannot be read, or is
    or lies behind a symbolic link.
    """
    files = {}
    with OpenTree(directory) as tree:
        tree.find("")
        for path in names:
            check_inside(directory, path)
            if (content := tree.read(path)) is not None:
                files[path] = content
    return files


def listed(directory: Path) -> list[str]:
    """Return the names of all that is in a directory, none if it does not exist."""
    with OpenTree(directory) as tree:
        folder = tree.find("")
        try:
            return folder.names() if folder is not None else []
        except OSError as error:
            raise TreeError(f"{directory}: cannot be read: {reason(error)}") from None


def absent(directory: Path, names: Iterable[str]) -> list[str]:
    """Return the files that a directory does not have, without reading the others."""
    missing = []
    with OpenTree(directory) as tree:
        for path in names:
            check_inside(directory, path)
            place, name = split(path)
            folder = tree.find(place)
            if folder is None or folder.status(name) is None:
                missing.append(path)
    return missing


def unix(content: bytes) -> bytes:
    r"""Return a content with the line ends of this tool, which git may have made ``\r\n``."""
    return content.replace(b"\r\n", b"\n") if b"\r" in content else content


def decoded(content: bytes) -> str:
    """Return the text of a content, with the line ends of this tool.

    Bytes that are not UTF-8 come back as they were when the text is written again.
    """
    return unix(content).decode(errors="surrogateescape")
