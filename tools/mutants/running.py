"""A copy of the checkout in which a package's own tests run with one change at a time."""

import enum
import json
import math
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import coverage
from tools.mutants import recording
from tools.mutants.forks import Forks, NoTimeError
from tools.mutants.mutations import Mutation

_PACKAGE = Path("generator", "vpc_cni_iam")
_NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", "build", "dist", "__pycache__", ".*_cache", ".hypothesis"
)
_HERE = Path(__file__).resolve().parents[2]
_NOT_INHERITED = ("PYTEST_ADDOPTS", "PYTHONDONTWRITEBYTECODE")
# Other tests of a package: it reads for these commands, or they have another name.
ELSEWHERE = {
    "account": (
        "cli/test_attachments.py",
        "cli/test_skipped.py",
        "coverage/test_coverage_boundaries.py",
        "coverage/test_coverage_of_plans.py",
    ),
    "catalog": ("audit/test_audit.py", "cli/test_commands.py"),
    "comparing": ("cli/test_compare_command.py", "cli/test_json_output.py"),
    "converting": ("cli/test_convert.py",),
    "coverage": ("cli/test_compare_command.py",),
    "files": (
        "vendoring",
        "cli/test_bad_inputs.py",
        "cli/test_publish.py",
        "cli/test_review_reports.py",
        "cli/test_vendoring.py",
    ),
    "generating": ("cli/test_commands.py", "cli/test_vendoring.py"),
    "hcl": (
        "inputs/test_embedded_policies.py",
        "inputs/test_modules_of_others.py",
        "inputs/test_rendered.py",
    ),
    "inputs": (
        "review",
        "audit",
        "explain",
        "coverage/test_coverage_daemonset.py",
        "cli/test_attachments.py",
        "cli/test_bad_inputs.py",
        "cli/test_parsed_once.py",
        "cli/test_skipped.py",
    ),
    "plugin": (
        "audit",
        "review",
        "coverage/test_coverage_daemonset.py",
        "cli/test_preflight_command.py",
    ),
    "publishing": ("cli/test_publish.py",),
    "texts": ("security", "test_nesting.py", "converting", "inputs", "hcl"),
    "verifying": ("cli/test_commands.py",),
}
STARTING = 15  # seconds of processor time that Python, pytest and the imports may take


class Outcome(enum.StrEnum):
    """The result of the tests for a change."""

    KILLED = "killed"
    TIMEOUT = "timeout"
    SURVIVED = "survived"
    UNCOVERED = "uncovered"


class BrokenTestsError(Exception):
    """Tests failed on unchanged code."""


def own_tests(root: Path, package: str) -> list[str]:
    """Return the paths of a package's own tests: its folder, its commands', and `ELSEWHERE`."""
    own = (package, f"test_{package}.py", f"cli/test_{package}.py", f"cli/test_{package}_*.py")
    patterns = (*own, *ELSEWHERE.get(package, ()))
    tests = root / "tests"
    places = (place for pattern in patterns for place in sorted(tests.glob(pattern)))
    return [place.relative_to(root).as_posix() for place in places]


@dataclass(frozen=True, slots=True)
class Records:
    """What the package's tests run.

    Args:
        seconds: The processor time of each test.
        lines: The tests of each line of each file; the empty one is the import.
        is_complete: Whether there was time for every test.
    """

    seconds: dict[str, float]
    lines: dict[str, dict[int, list[str]]]
    is_complete: bool

    def tests(self, path: str, mutation: Mutation, limit: float) -> list[str]:
        """Return the tests that may notice a change: those of its lines, of its file, then others.

        Of each the quickest come first. Others may notice it, too: of what is remembered, only the
        first test that asks for it runs the lines.

        Args:
            path: The file, below the root.
            mutation: The change.
            limit: Seconds of tests that are enough.
        """
        near = self._near(path, mutation)
        if not near & {"", *self.seconds}:
            return []
        of_file = {test for tests in self.lines.get(path, {}).values() for test in tests}
        chosen: list[str] = []
        for test in sorted(
            self.seconds,
            key=lambda test: (test not in near, test not in of_file, self.seconds[test], test),
        ):
            limit -= self.seconds[test]
            if chosen and limit < 0:
                break
            chosen.append(test)
        return chosen

    def is_run_at_import(self, path: str, mutation: Mutation) -> bool:
        """Return whether the lines of a change run when the file is imported."""
        return "" in self._near(path, mutation)

    def _near(self, path: str, mutation: Mutation) -> set[str]:
        by_line = self.lines.get(path, {})
        lines = range(mutation.line, mutation.last_line + 1)
        return {test for line in lines for test in by_line.get(line, ())}


class Copy:
    """A copy of a checkout.

    Args:
        end: When the time is over, as `time.monotonic` has it.
    """

    def __init__(self, root: Path, folder: Path, end: float) -> None:
        self._end = end
        self._root = folder / "copy"
        self._folder = folder
        self._forks: Forks | None = None
        shutil.copytree(root, self._root, ignore=_NOT_COPIED, symlinks=True)

    def close(self) -> None:
        """End what still runs."""
        if self._forks:
            self._forks.close()

    def record(self, package: str, marks: str, seconds: float) -> Records:
        """Run the tests of a package, and return what each ran.

        Args:
            package: The package, or the file, below ``generator/vpc_cni_iam``.
            marks: Which tests, as ``pytest -m`` takes it.
            seconds: How long at most.

        Raises:
            BrokenTestsError: A test fails.
            NoTimeError: The time is over.
        """
        path = self._root / _PACKAGE / package
        files = f"{path}/*" if path.is_dir() else f"{path}.py"
        environment = {
            recording.FOLDER: str(self._folder),
            recording.FILES: files,
            recording.SECONDS: str(seconds),
        }
        tests = ["-m", marks, *own_tests(self._root, package)]
        done = self._pytest(["-p", "tools.mutants.recording", *tests], environment)
        records = self._folder / "tests.json"
        content = json.loads(records.read_text()) if records.exists() else {}
        if done.returncode not in (0, recording.STOPPED) or not content:
            raise BrokenTestsError(done.stdout + done.stderr)
        data = coverage.CoverageData(str(self._folder / "lines"))
        data.read()
        lines = {
            str(Path(file).relative_to(self._root)): data.contexts_by_lineno(file)
            for file in data.measured_files()
        }
        self.close()
        self._forks = Forks(
            self._command(["-p", "tools.mutants.forking", *tests]),
            self._root,
            self._environment({}),
            f"vpc_cni_iam.{package}",
        )
        return Records(content["seconds"], lines, content["is_complete"])

    def outcome(
        self, path: str, mutation: Mutation, records: Records, limit: float
    ) -> tuple[Outcome, str]:
        """Return the outcome of the tests for a change, and the first failing test.

        Args:
            path: The file, below the root.
            mutation: The change.
            records: The lines that the tests run.
            limit: Seconds of tests that are enough.

        Raises:
            BrokenTestsError: They cannot be run without the change, either.
            NoTimeError: The time is over.
        """
        tests = records.tests(path, mutation, limit)
        if not tests:
            return Outcome.UNCOVERED, ""
        file = self._root / path
        seconds = int(3 * sum(records.seconds[test] for test in tests)) + STARTING
        if self._forks and not records.is_run_at_import(path, mutation):
            answer = self._forks.ask(file, mutation.text, tests, seconds, self._end)
            if answer:
                return Outcome(answer["outcome"]), answer.get("test", "")
        original = file.read_bytes()
        try:
            self._write(file, mutation.text.encode())
            done = self._run(tests, seconds)
        finally:
            self._write(file, original)
        if done.returncode == 0:
            return Outcome.SURVIVED, ""
        if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
            return Outcome.TIMEOUT, ""
        if done.returncode != 1 and (control := self._run(tests, seconds)).returncode:
            raise BrokenTestsError(control.stdout + control.stderr)
        failed = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - |$)", done.stdout, re.MULTILINE)
        return Outcome.KILLED, failed[1] if failed else ""

    def _run(self, tests: Sequence[str], seconds: int) -> subprocess.CompletedProcess[str]:
        names = self._folder / "names"
        names.write_text("\n".join(tests))
        return self._pytest(["-x", f"@{names}"], {}, seconds)

    @staticmethod
    def _write(file: Path, data: bytes) -> None:
        """Write a file, and remove its compiled code, which Python would still take as current."""
        for compiled in file.parent.glob(f"__pycache__/{file.stem}.*"):
            compiled.unlink()
        file.write_bytes(data)

    def _pytest(
        self, words: Sequence[str], environment: dict[str, str], seconds: int = 0
    ) -> subprocess.CompletedProcess[str]:
        if seconds:
            environment = {**environment, "PYTHONDONTWRITEBYTECODE": "1"}
        # Processor time: a busy machine makes no change look as if it hung.
        limits = (seconds, seconds + 5) if seconds else (resource.RLIM_INFINITY,) * 2
        asleep = 20 * seconds or math.inf  # one that waits for ever takes no processor time
        left = max(1.0, self._end - time.monotonic())
        try:
            return subprocess.run(
                self._command(words),
                cwd=self._root,
                env=self._environment(environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=None if math.isinf(min(asleep, left)) else min(asleep, left),
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, limits),
                check=False,
            )
        except subprocess.TimeoutExpired:
            if left < asleep:
                raise NoTimeError from None
            return subprocess.CompletedProcess(words, -signal.SIGKILL, "", "")

    @staticmethod
    def _command(words: Sequence[str]) -> list[str]:
        return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words]

    def _environment(self, more: dict[str, str]) -> dict[str, str]:
        paths = [str(self._root / "generator"), str(self._root), str(_HERE)]
        return {
            **{k: v for k, v in os.environ.items() if k not in _NOT_INHERITED},
            "CI": "1",
            "PYTHONPATH": os.pathsep.join(paths),
            **more,
        }
