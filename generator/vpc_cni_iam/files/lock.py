"""Keeps two runs, and a run and its user's Ctrl-C, out of each other's way."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from vpc_cni_iam.errors import TreeError

try:
    import fcntl
except ImportError:  # pragma: no cover - no such module on Windows
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold a directory's lock, so that two runs that read and then write it take turns.

    The lock is on the directory's parent, which is there for all that want it, or on the
    directory itself where its parent may not be read. Parents that had to be made for it and are
    still empty in the end are removed again.

    Args:
        directory: The directory that is to be read and written.

    Raises:
        TreeError: Neither may be read or made.
    """
    if fcntl is None:  # pragma: no cover
        yield
        return
    parent = directory.absolute().parent
    made = missing(parent)
    try:
        if made:
            parent.mkdir(parents=True, exist_ok=True)
        handle = _opened(directory)
    except OSError as error:
        raise TreeError(f"{error.filename}: cannot be written: {error.strerror}") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()


@contextlib.contextmanager
def at_rest(directory: Path) -> Iterator[None]:
    """Hold a directory as it is while it is read, so that no run is half way through writing it.

    Makes nothing, and holds nothing where there is nothing yet or locks are not to be had.

    Args:
        directory: The directory that is to be read.
    """
    handle = None
    if fcntl is not None:
        with contextlib.suppress(OSError):
            handle = _opened(directory)
            fcntl.flock(handle, fcntl.LOCK_SH)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _opened(directory: Path) -> int:
    """Return a handle of what the lock of a directory is on."""
    parent = directory.absolute().parent
    return os.open(parent if os.access(parent, os.R_OK) else directory, os.O_RDONLY)


def missing(folder: Path) -> list[Path]:
    """Return a folder and those above it that are not there, from the folder upwards.

    Args:
        folder: The folder.
    """
    found = []
    while not folder.exists():
        found.append(folder)
        folder = folder.parent
    return found


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back Ctrl-C and a polite kill for the moment that putting things in order takes."""
    if not hasattr(signal, "pthread_sigmask"):  # pragma: no cover - Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
