"""Writes one file whole, also where other files are written beside it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from vpc_cni_iam.errors import TreeError, reason


def write(path: Path, text: str | Iterable[str]) -> None:
    """Write a file, from all of its text or pieces in order, and the folders it lies in."""
    if path.is_symlink():
        raise TreeError(f"{path}: is a symbolic link; this tool writes no file through one")
    if path.exists() and not path.is_file():
        kind = "a directory" if path.is_dir() else "a device or a pipe"
        raise TreeError(f"{path}: is {kind} where a file is needed")
    # Of this run alone: another one may be at work in the same folder.
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with new.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines([text] if isinstance(text, str) else text)
            new.replace(path)
        finally:
            with contextlib.suppress(OSError):
                new.unlink()
    except OSError as error:
        raise TreeError(f"{path}: cannot be written: {reason(error)}") from None
