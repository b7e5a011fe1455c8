"""What every benchmark yields: a figure beside its yardstick, measured in turns in one run.

Times are processor time: what else a machine does would be in the others.
"""

import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

PYTHON = sys.executable
COMMAND = str(Path(PYTHON).with_name("vpc-cni-iam"))
HEADER = (
    "| what | figure | beside | its figure | ratio | aim |\n| --- | --- | --- | --- | --- | --- |"
)

_LAUNCHER = """
import os, shutil, sys
command = sys.argv[1:]
pid = os.posix_spawn(shutil.which(command[0]), command, os.environ)
_, _, usage = os.wait4(pid, 0)
print()
print(usage.ru_utime + usage.ru_stime, usage.ru_maxrss, end="")
"""


@dataclass(frozen=True)
class Row:
    """A figure and its yardstick.

    Args:
        name: What was measured.
        own: Its values, one a run.
        yardstick: What it stands beside.
        other: The yardstick's values, in the same unit.
        unit: Such as ``ms`` or ``MB``.
        aim: The ratio that is aimed at, or empty.
    """

    name: str
    own: list[float]
    yardstick: str
    other: list[float]
    unit: str
    aim: str = ""

    @property
    def ratio(self) -> float:
        """The median over the yardstick's."""
        return statistics.median(self.own) / statistics.median(self.other)

    def __str__(self) -> str:
        return (
            f"| {self.name} | {_spread(self.own, self.unit)} | {self.yardstick} | "
            f"{_spread(self.other, self.unit)} | {self.ratio:.2f} | {self.aim} |"
        )


def _spread(values: list[float], unit: str) -> str:
    """Return median, minimum and maximum as text."""
    middle = statistics.median(values)
    digits = 0 if middle >= 20 else 1
    low, middle_text, high = (f"{v:,.{digits}f}" for v in (min(values), middle, max(values)))
    spread = f" ({low} to {high})" if low != high else ""
    return f"{middle_text}{spread} {unit}"


def in_turns(
    own: Callable[[], float], other: Callable[[], float], runs: int
) -> tuple[list[float], list[float]]:
    """Measure two things in turns, after one run of each that is not counted.

    Args:
        own: Returns one value of the figure.
        other: Returns one of the yardstick.
        runs: How often each.
    """
    own(), other()
    pairs = [(own(), other()) for _ in range(runs)]
    return [a for a, _ in pairs], [b for _, b in pairs]


def environment() -> dict[str, str]:
    """Return the environment of measured programs: one in which Python keeps compiled files."""
    # An installed package has its compiled files; so must this checkout.
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def processor(
    command: list[str], folder: Path | None = None, codes: Container[int] = (0,)
) -> float:
    """Return the milliseconds of processor time of a command.

    Args:
        command: The program and its arguments.
        folder: Where to run it; the current directory without one.
        codes: The exit codes of a run that counts.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in codes:
        raise SystemExit(f"{command[:3]}: exit code {done.returncode}: {done.stderr.decode()}")
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used * 1e3


class Used(NamedTuple):
    """What one run of a command took, and what it printed."""

    seconds: float  # of processor time
    megabytes: float  # its peak memory
    printed: str


def used(command: list[str], folder: Path) -> Used:
    """Return what one run of a command takes.

    Args:
        command: The program and its arguments.
        folder: Where to run it.
    """
    # A child starts with the peak of its parent, so the parent is a bare interpreter.
    launched = [PYTHON, "-S", "-c", _LAUNCHER, *command]
    done = subprocess.run(
        launched, cwd=folder, env=environment(), capture_output=True, text=True, check=True
    )
    printed, _, figures = done.stdout.rpartition("\n")
    seconds, kilobytes = figures.split()
    return Used(float(seconds), int(kilobytes) / 1024, printed)
