"""The folder for engines outside the repository, and safe ways to write into it."""

import contextlib
import fcntl
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

VARIABLE = "VPC_CNI_IAM_TOOLS"


class UnavailableError(Exception):
    """A tool cannot be had on this machine; the message says why in one line."""


def say(message: str) -> None:
    """Print progress for the user."""
    print(f"engines: {message}", file=sys.stderr, flush=True)


def home_directory(environ: Mapping[str, str]) -> Path | None:
    """Find the user's home, from HOME or, where that is unset, the password database.

    Args:
        environ: The process's environment.

    Returns:
        An existing folder, or None.
    """
    candidates = [environ.get("HOME", "")]
    with contextlib.suppress(KeyError):
        candidates.append(pwd.getpwuid(os.getuid()).pw_dir)
    for candidate in candidates:
        if candidate and Path(candidate).is_dir():
            return Path(candidate)
    return None


def cache_directory(environ: Mapping[str, str]) -> Path:
    """Find the folder that holds this machine's engines; it may not exist yet.

    Args:
        environ: The process's environment: VPC_CNI_IAM_TOOLS, XDG_CACHE_HOME, HOME.

    Returns:
        An absolute path.
    """
    if chosen := environ.get(VARIABLE):
        return Path(chosen).absolute()
    shared = Path(environ.get("XDG_CACHE_HOME", ""))
    if shared.is_absolute():  # the XDG rule: any other is ignored
        return shared / "vpc-cni-iam" / "tools"
    if home := home_directory(environ):
        return home / ".cache" / "vpc-cni-iam" / "tools"
    return Path(tempfile.gettempdir(), f"vpc-cni-iam-tools-{os.getuid()}")


@contextlib.contextmanager
def locked(cache: Path, name: str) -> Iterator[None]:
    """Hold the lock of one tool; the kernel drops it when the process dies.

    Args:
        cache: The cache folder, which is created.
        name: The tool's name.

    Yields:
        None, once the lock is held.
    """
    (cache / "locks").mkdir(parents=True, exist_ok=True)
    with (cache / "locks" / name).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"{name}: waiting for another run that is installing it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def workspace(cache: Path, name: str) -> Iterator[Path]:
    """Yield a temporary folder in the cache's file system, so that results can be renamed.

    It first removes the files of an interrupted run: call it while holding the tool's lock.

    Args:
        cache: The cache folder.
        name: The tool's name.

    Yields:
        An empty folder, removed at the end.
    """
    folder = cache / "unfinished" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file in one step, unless it already has this content.

    Args:
        path: Where it goes; its folder is created.
        content: The whole content.
        mode: Its permission bits.
    """
    with contextlib.suppress(FileNotFoundError):
        if path.read_bytes() == content:
            return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        Path(name).write_bytes(content)
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise


def run(command: Sequence[str], environ: Mapping[str, str], folder: Path | None = None) -> str:
    """Run a command to its end.

    Args:
        command: The program and its arguments.
        environ: Its environment.
        folder: Where to run it; else here.

    Returns:
        What it wrote to stdout.

    Raises:
        UnavailableError: It could not be started or failed; the message ends in its last words.
    """
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=True,
        )
    except OSError as error:
        raise UnavailableError(f"{command[0]}: {error.strerror}") from error
    except subprocess.CalledProcessError as error:
        lines = [line.strip() for line in error.stderr.splitlines() if line.strip()]
        words = f"exit {error.returncode}: {' | '.join(lines[-3:]) or 'no message'}"
        raise UnavailableError(f"{Path(command[0]).name} {words}") from error
    return done.stdout
