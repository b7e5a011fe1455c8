"""A pytest plugin that records which test runs which line, and each test's processor time.

It is loaded with ``-p tools.mutants.recording``; the environment says what and where.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import coverage

FOLDER = "VPC_CNI_IAM_RECORDING"  # where the records are written
FILES = "VPC_CNI_IAM_RECORDED"  # the pattern of the files whose lines are recorded
SECONDS = "VPC_CNI_IAM_RECORDING_SECONDS"  # when to stop
STOPPED = 100  # the exit code of a run that was stopped
_DAY = 86_400


class _Recorder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seconds: dict[str, float] = {}
        self._coverage = coverage.Coverage(
            data_file=str(folder / "lines"), include=[os.environ[FILES]], config_file=False
        )

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        def stop(_: int, __: object) -> None:
            # An exception would be reported, or caught by the test that is running.
            self._save(is_complete=False)
            sys.stdout.flush()
            os._exit(pytest.ExitCode.TESTS_FAILED if session.testsfailed else STOPPED)

        signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, min(float(os.environ[SECONDS]), _DAY))
        self._coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._coverage.switch_context(item.nodeid)
        start = time.process_time()
        try:
            return (yield)
        finally:
            self._seconds[item.nodeid] = time.process_time() - start

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        self._save(is_complete=session.testscollected == len(self._seconds))

    def _save(self, *, is_complete: bool) -> None:
        self._coverage.stop()
        self._coverage.save()
        records = {"is_complete": is_complete, "seconds": self._seconds}
        (self._folder / "tests.json").write_text(json.dumps(records))


def pytest_configure(config: pytest.Config) -> None:
    """Start recording, before the tests import the package."""
    config.pluginmanager.register(_Recorder(Path(os.environ[FOLDER])))
