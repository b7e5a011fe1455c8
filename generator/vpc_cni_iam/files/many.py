"""Waits for many files to reach the disk at the same time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

# So many files reach the disk together, which a journalling file system does in one go.
_TOGETHER = 16


def reach_disk(files: Sequence[Callable[[], None]]) -> None:
    """Return when each function has, which returns when its file is on the disk."""
    if len(files) < _TOGETHER:
        _each(files)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_TOGETHER) as pool:
        list(pool.map(_each, (files[n::_TOGETHER] for n in range(_TOGETHER))))


def _each(files: Sequence[Callable[[], None]]) -> None:
    for reach in files:
        reach()
