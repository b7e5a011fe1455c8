"""Locks a directory for one run at a time, and delays Ctrl-C while files are restored."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path

from vpc_cni_iam.errors import TreeError, reason
from vpc_cni_iam.files.read import Folders

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows has no fcntl
    fcntl = None  # type: ignore[assignment]

# The errors of a file system without locks, such as NFS without a lock manager on the server.
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
_WARNING = "this file system has no locks; run one command at a time"
_WAITING = "another command uses this directory; this one waits until it ends"


@contextlib.contextmanager
def locked(directory: Path, top: Path | None = None) -> Iterator[None]:
    """Hold a directory's lock, so that two runs that read and then write it take turns.

    The lock is on the directory's parent, which exists for every run, or on the directory itself if
    its parent cannot be read. Parents that were created for the lock are removed if they are still
    empty. Symbolic links from `top` on are refused. On a file system without locks, a warning is
    issued; each write is still complete or undone.
    """
    directory, made = directory.absolute(), list[Path]()
    handle = None
    try:
        Folders(directory.parent, top).has("")
        make_folders(directory.parent, made)
        if fcntl is not None:
            handle = _opened(directory)
            _lock(handle)
    except OSError as error:
        remove_folders(made)
        place = error.filename or directory
        raise TreeError(f"{place}: cannot be written: {reason(error)}") from None
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)
        remove_folders(made)


@contextlib.contextmanager
def at_rest(directory: Path) -> Iterator[None]:
    """Hold a directory's lock while it is read, so that no other run writes it meanwhile.

    Creates nothing. If the directory does not exist or cannot be locked, no lock is held.
    """
    handle = None
    if fcntl is not None:
        with contextlib.suppress(OSError):
            handle = _opened(directory.absolute())
            _wait(handle, fcntl.LOCK_SH)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _lock(handle: int) -> None:
    try:
        _wait(handle, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        warnings.warn(_WARNING, stacklevel=2)


def _wait(handle: int, lock: int) -> None:
    """Wait for a lock; say so, because the other command may have been suspended."""
    try:
        fcntl.flock(handle, lock | fcntl.LOCK_NB)
    except BlockingIOError:
        warnings.warn(_WAITING, stacklevel=2)
        fcntl.flock(handle, lock)


def _opened(directory: Path) -> int:
    """Return a handle of the directory that has the lock."""
    flags = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
    try:
        return os.open(directory.parent, flags)
    except PermissionError:
        return os.open(directory, flags)


def make_folders(folder: Path, made: list[Path]) -> None:
    """Create a folder and its missing parents, and add each created one to `made`."""
    if not folder.exists():
        make_folders(folder.parent, made)
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            made.append(folder)


def remove_folders(made: list[Path]) -> None:
    """Remove the created folders that are empty."""
    for folder in reversed(made):
        with contextlib.suppress(OSError):
            folder.rmdir()


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Delay SIGINT and SIGTERM while changes are completed or undone."""
    if not hasattr(signal, "pthread_sigmask"):  # pragma: no cover - Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
