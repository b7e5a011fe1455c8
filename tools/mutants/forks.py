"""Sends changes to the process of `forking`, one after another."""

import contextlib
import json
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.mutants import forking


class NoTimeError(Exception):
    """The time is over before there is an outcome."""


class Forks:
    """A process that has imported the tests of a package, and answers in a fork for each change.

    Args:
        command: Starts it.
        folder: Where it runs.
        environment: Its environment.
        package: The changed package, such as ``vpc_cni_iam.review``.
    """

    def __init__(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str], package: str
    ) -> None:
        self._package = package
        reading, questions = os.pipe()
        answers, writing = os.pipe()
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env={**environment, forking.PIPES: f"{reading} {writing}"},
            pass_fds=(reading, writing),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(reading)
        os.close(writing)
        self._questions = os.fdopen(questions, "w")
        self._answers = os.fdopen(answers)

    def ask(
        self, file: Path, text: str, tests: Sequence[str], seconds: int, end: float
    ) -> dict[str, str]:
        """Return the outcome of a change and the first failing test; empty if there is no answer.

        Args:
            file: The file that is changed.
            text: Its text after the change.
            tests: The tests to run.
            seconds: Of processor time that the tests may take.
            end: The end of the time, by `time.monotonic`.

        Raises:
            NoTimeError: The time is over.
        """
        question = {
            "package": self._package,
            "file": str(file),
            "text": text,
            "tests": tests,
            "seconds": seconds,
        }
        try:
            print(json.dumps(question), file=self._questions, flush=True)
        except BrokenPipeError:
            return {}
        left = min(max(1.0, end - time.monotonic()), threading.TIMEOUT_MAX)
        if not select.select([self._answers], [], [], left)[0]:
            raise NoTimeError
        line = self._answers.readline()
        return json.loads(line) if line else {}

    def close(self) -> None:
        """End the process, and the fork that is running."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._answers.close()
        with contextlib.suppress(BrokenPipeError):
            self._questions.close()
