"""Runs terraform and tofu: without a shell, and with the engine's whole output in errors."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import selectors
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from msgspec import Struct

from vpc_cni_iam.errors import EngineError, reason
from vpc_cni_iam.texts.limits import ENGINE_OUTPUT, PLAN, Limit

NAMES = ("terraform", "tofu")
AUTO = "auto"
# Environment variables that would change what a run does.
_REMOVED = r"TF_(CLI_ARGS.*|VAR_.*|WORKSPACE|DATA_DIR|LOG.*|INPUT|IN_AUTOMATION)"
# Downloading a provider can take minutes, but a run that hangs must end.
_TIMEOUT = 900
# Printing a version downloads nothing.
VERSION_TIMEOUT = 60
# How long an engine may take to stop its providers when it is interrupted.
_GRACE = 5
_PIECE = 1 << 16
_COLOUR = r"\x1b\[[0-9;]*m"


class _Output(Struct):
    """The output of a process to one stream, up to the limit."""

    file: BinaryIO
    limit: Limit
    size: int = 0

    def takes(self, piece: bytes) -> bool:
        """Store a piece; return False if the output is over the limit."""
        self.size += len(piece)
        self.file.write(piece)
        return self.size <= self.limit.most

    def content(self) -> bytes:
        self.file.seek(0)
        return self.file.read()


class Engine(Struct, frozen=True):
    """An installed terraform or tofu."""

    name: str  # ``terraform`` or ``tofu``
    binary: str
    environ: Mapping[str, str]

    def run(
        self,
        arguments: list[str],
        directory: Path,
        into: BinaryIO | None = None,
        seconds: int = _TIMEOUT,
    ) -> str:
        """Run it in a directory and return its stdout, unless `into` receives the stdout.

        Raises `EngineError` if it cannot run, takes longer, prints too much, or its exit code is
        not 0.
        """
        try:
            code, stdout, stderr = self._finish([self.binary, *arguments], directory, into, seconds)
        except OSError as error:
            raise EngineError(f"{self.binary} cannot run: {reason(error)}") from None
        except subprocess.TimeoutExpired:
            problem = f"did not end within {seconds} s"
            raise EngineError(f"{self.name} {arguments[0]} {problem}") from None
        if code != 0:
            problem = f"failed with exit code {code}:\n{stderr or stdout}"
            raise EngineError(f"{self.name} {arguments[0]} {problem}")
        return stdout

    def _finish(
        self, command: list[str], directory: Path, into: BinaryIO | None, seconds: int
    ) -> tuple[int, str, str]:
        """Run a command to its end; if this process ends first, end its whole process group."""
        with contextlib.ExitStack() as stack:
            with _deferred_signals():
                process = stack.enter_context(
                    subprocess.Popen(  # noqa: S603 - a list of arguments, and no shell
                        command,
                        cwd=directory,
                        env=dict(self.environ),
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE,
                        # Its providers are its children; they survive a kill of only the engine.
                        start_new_session=True,
                    )
                )
                stack.push(lambda error, *_: _stop(process) if error else None)
            stdout, stderr = self._printed(process, into, seconds)
        return process.returncode, _text(stdout), _text(stderr).strip()

    def _printed(
        self, process: subprocess.Popen[bytes], into: BinaryIO | None, seconds: int
    ) -> tuple[bytes, bytes]:
        """Return the whole stdout and stderr of a process; may raise `TimeoutExpired`."""
        assert process.stdout is not None and process.stderr is not None  # noqa: S101 - pipes
        printed = _Output(into or io.BytesIO(), PLAN if into else ENGINE_OUTPUT)
        errors = _Output(io.BytesIO(), ENGINE_OUTPUT)
        until = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ, printed)
            selector.register(process.stderr, selectors.EVENT_READ, errors)
            while selector.get_map():
                if (left := until - time.monotonic()) <= 0:
                    raise subprocess.TimeoutExpired(process.args, seconds)
                for key, _ in selector.select(left):
                    piece = os.read(key.fd, _PIECE)
                    if not piece:
                        selector.unregister(key.fileobj)
                    elif not key.data.takes(piece):
                        words = key.data.limit.words()
                        raise EngineError(f"{self.name} prints more than the limit of {words}")
        process.wait(max(0, until - time.monotonic()))
        printed.file.flush()  # a piece smaller than its buffer
        return b"" if into else printed.content(), errors.content()

    def version(self) -> str:
        """Return its name and version, such as ``terraform 1.15.5``."""
        printed = self._json(["version", "-json"], Path("/"), VERSION_TIMEOUT)
        version = printed.get("terraform_version")
        if not isinstance(version, str):
            raise EngineError(f"{self.binary} version -json printed no version: {printed!r:.200}")
        return f"{self.name} {version}"

    def plan(self, directory: Path) -> dict[str, Any]:
        """Initialise and plan a root module, and return the plan in its JSON form."""
        self.run(["init", "-input=false", "-no-color", "-backend=false"], directory)
        plan = ["plan", "-input=false", "-no-color", "-lock=false", "-out=plan.bin"]
        self.run(plan, directory)
        return self._json(["show", "-json", "plan.bin"], directory)

    def _json(
        self, arguments: list[str], directory: Path, seconds: int = _TIMEOUT
    ) -> dict[str, Any]:
        printed = self.run(arguments, directory, seconds=seconds)
        value: Any = None
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(printed)
        if not isinstance(value, dict):
            problem = f"{arguments[0]} -json printed no JSON object: {printed[:200]!r}"
            raise EngineError(f"{self.binary} {problem}")
        return value


def _text(printed: bytes) -> str:
    return re.sub(_COLOUR, "", printed.decode("utf-8", "replace"))


@contextlib.contextmanager
def _deferred_signals() -> Iterator[None]:
    """Delay signals that end this process until a started engine can be stopped.

    They are not blocked, because an engine would inherit the block.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python runs the handlers of signals in the main thread only
        return
    received: list[int] = []
    handlers = [(n, signal.getsignal(n)) for n in (signal.SIGINT, signal.SIGTERM)]
    handlers = [(n, handler) for n, handler in handlers if callable(handler)]
    for number, _ in handlers:
        signal.signal(number, lambda number, _: received.append(number))
    try:
        yield
    finally:
        for number, handler in handlers:
            signal.signal(number, handler)
        for arrived in received:
            signal.raise_signal(arrived)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Interrupt a process group, and kill it if it does not stop in time."""
    for number in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(OSError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
    # Kill providers that the engine did not stop.
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)


def find(choice: str, environ: Mapping[str, str]) -> Engine | None:
    """Return an engine on the PATH; for ``auto`` the first one, None if there is none."""
    clean = {k: v for k, v in environ.items() if not re.fullmatch(_REMOVED, k)}
    clean |= {"TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1"}
    for name in NAMES if choice == AUTO else (choice,):
        if binary := shutil.which(name, path=environ.get("PATH", "")):
            return Engine(name, binary, clean)
    if choice == AUTO:
        return None
    raise EngineError(f"{choice} is not on the PATH; install it, or choose another --engine")
