"""What writing a thousand files must not do a thousand times, one after the other."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from vpc_cni_iam.errors import TreeError

# So many files reach the disk together, which a journalling file system does in one go.
_TOGETHER = 16


class Listings:
    """The names in folders, each folder read once, to find those that differ only in case."""

    def __init__(self) -> None:
        self._names: dict[Path, dict[str, list[str]]] = {}

    def refuse_other_case(self, folder: Path, name: str) -> None:
        """Refuse a name that a case-insensitive file system takes for another one that is there.

        Args:
            folder: The folder it is to be in.
            name: The name.

        Raises:
            TreeError: There is such another name.
        """
        if folder not in self._names:
            found: dict[str, list[str]] = {}
            with contextlib.suppress(OSError):
                for path in folder.iterdir():
                    found.setdefault(path.name.casefold(), []).append(path.name)
            self._names[folder] = found
        for other in self._names[folder].get(name.casefold(), ()):
            if other != name:
                raise TreeError(
                    f"{folder / other}: differs from {name} only in case, and some file systems "
                    "take the two for one; rename it"
                )


def reach_disk(paths: Sequence[Path]) -> None:
    """Return when what was written to some files is on the disk.

    Args:
        paths: The files.

    Raises:
        OSError: One of them could not be written.
    """
    if len(paths) < _TOGETHER:
        _reach_disk(paths)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_TOGETHER) as pool:
        list(pool.map(_reach_disk, (paths[n::_TOGETHER] for n in range(_TOGETHER))))


def _reach_disk(paths: Iterable[Path]) -> None:
    for path in paths:
        handle = os.open(path, os.O_WRONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
