"""Print one table of speed figures, each beside its yardstick measured in the same run.

python benchmarks/bench.py [--runs N]

A figure is the median of alternating runs; a ratio is the median over its yardstick's. Ratios
travel between machines, seconds do not.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PYTHON = sys.executable
COMMAND = str(Path(PYTHON).with_name("vpc-cni-iam"))
IMPORTS = [PYTHON, "-c", "import typer, jinja2"]
IMPORTS_HCL = [PYTHON, "-c", "import typer, jinja2, hcl2"]


@dataclass(frozen=True)
class Figure:
    """A command to time beside a yardstick, with the ratio that is aimed at."""

    name: str
    command: list[str]
    yardstick_name: str
    yardstick: list[str]
    aim: float | None


def seconds(command: list[str], folder: Path) -> float:
    """Time one run of a command.

    Args:
        command: The program and its arguments.
        folder: Where to run it.

    Returns:
        Wall time in seconds.
    """
    # An installed package has its compiled files; so must this checkout.
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environ, capture_output=True, check=True)
    return time.perf_counter() - start


def compare(figure: Figure, folder: Path, runs: int) -> tuple[list[float], list[float]]:
    """Time a command and its yardstick in turns.

    Args:
        figure: What to time.
        folder: Where to run it.
        runs: How often each.

    Returns:
        The seconds of the command and those of the yardstick.
    """
    seconds(figure.command, folder)
    seconds(figure.yardstick, folder)
    pairs = [
        (seconds(figure.command, folder), seconds(figure.yardstick, folder)) for _ in range(runs)
    ]
    return [a for a, _ in pairs], [b for _, b in pairs]


def figures() -> list[Figure]:
    """Return what is measured."""
    imports = "python -c 'import typer, jinja2'"
    release = ["--cni-version", "latest"]
    return [
        Figure("--help", [COMMAND, "--help"], imports, IMPORTS, None),
        Figure("policy ipv4", [COMMAND, "policy", "ipv4", *release], imports, IMPORTS, 1.3),
        Figure("generate", [COMMAND, "generate", "m", *release], imports, IMPORTS, 1.3),
        Figure(
            "verify --engine none",
            [COMMAND, "verify", "m", "--engine", "none"],
            "python -c 'import typer, jinja2, hcl2'",
            IMPORTS_HCL,
            None,
        ),
    ]


def spread(values: list[float], scale: float = 1.0) -> str:
    """Return median, minimum and maximum as text.

    Args:
        values: What was measured.
        scale: What to multiply with.
    """
    low, high = min(values) * scale, max(values) * scale
    return f"{statistics.median(values) * scale:.0f} ({low:.0f} to {high:.0f})"


def main(say: Callable[[str], None] = print) -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    say(
        f"Python {sys.version.split()[0]}, {runs} runs each, in milliseconds: median (min to max)\n"
    )
    say("| command | time | beside | its time | ratio | aim |")
    say("| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        seconds([COMMAND, "generate", "m", "--cni-version", "latest"], Path(folder))
        for figure in figures():
            own, other = compare(figure, Path(folder), runs)
            ratio = statistics.median(own) / statistics.median(other)
            aim = f"{figure.aim}" if figure.aim else "none"
            say(
                f"| `{figure.name}` | {spread(own, 1000)} | `{figure.yardstick_name}` | "
                f"{spread(other, 1000)} | {ratio:.2f} | {aim} |"
            )


if __name__ == "__main__":
    main()
