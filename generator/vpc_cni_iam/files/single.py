"""Writes one whole file, also while other runs write to the same folder."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from vpc_cni_iam.errors import TreeError, reason


def write(path: Path, text: str | Iterable[str]) -> None:
    """Write a file and its parent folders; `text` is the whole text, or pieces in order."""
    if path.is_symlink():
        raise TreeError(f"{path}: is a symbolic link, which is not followed; name its target")
    if path.exists() and not path.is_file():
        kind = "a directory" if path.is_dir() else "a device or a pipe"
        raise TreeError(f"{path}: is {kind} where a file is needed")
    # The name has the process ID: another run may write to the same folder.
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with new.open("w", encoding="utf-8", newline="\n") as file:
                if path.exists():
                    new.chmod(stat.S_IMODE(path.stat().st_mode))
                file.writelines([text] if isinstance(text, str) else text)
            new.replace(path)
        finally:
            with contextlib.suppress(OSError):
                new.unlink()
    except OSError as error:
        raise TreeError(f"{path}: cannot be written: {reason(error)}") from None
