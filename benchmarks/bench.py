"""Print one table of speed figures, each beside its yardstick measured in the same run.

python benchmarks/bench.py [--runs N]

A figure is the median of alternating runs; a ratio is the median over its yardstick's. Ratios
travel between machines, seconds do not.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import evaluation

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


MODULES = 1000
_SYNC = """
import sys
from pathlib import Path
from vpc_cni_iam.vendoring.config import load
from vpc_cni_iam.vendoring.sync import sync
config = load(Path(sys.argv[1]))
sync(config, config.modules[0])
"""


def monorepo(folder: Path, modules: int) -> list[str]:
    """Make a repository of many vendored modules.

    Args:
        folder: Where.
        modules: How many.

    Returns:
        The generated files in it.
    """
    table = '[[module]]\npath = "m{}"\ncni_version = "v1.23.0"\n'
    folder.mkdir()
    (folder / "vpc-cni-iam.toml").write_text("".join(map(table.format, range(modules))))
    command = [PYTHON, "-c", _SYNC, str(folder / "vpc-cni-iam.toml")]
    subprocess.run(command, check=True)
    for number in range(1, modules):
        shutil.copytree(folder / "m0", folder / f"m{number}")
    return [str(p) for p in folder.rglob("*") if p.is_file() and ".vpc-cni-iam" not in p.parts]


def peak(command: list[str], folder: Path) -> float:
    """Return the peak memory of one run of a command in MB.

    Args:
        command: The program and its arguments.
        folder: Where to run it.
    """
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    return usage.ru_maxrss / 1024


def report_check(say: Callable[[str], None], runs: int) -> None:
    """Measure `check` on a monorepo beside sha256sum of its files and a bare interpreter."""
    with tempfile.TemporaryDirectory() as temporary:
        many, few = Path(temporary, "many"), Path(temporary, "few")
        files = monorepo(many, MODULES)
        monorepo(few, MODULES // 10)
        check = [COMMAND, "check", "--quiet"]
        sums = ["sha256sum", *files]
        bare = [PYTHON, "-c", "pass"]
        for command in (check, sums, bare):
            seconds(command, many)
        timed = [[seconds(c, many) for c in (check, sums, bare)] for _ in range(runs)]
        own, other = [t[0] for t in timed], [t[1] + t[2] for t in timed]
        ratio = statistics.median(own) / statistics.median(other)
        say(
            f"| `check`, {MODULES} modules | {spread(own, 1000)} | `sha256sum` of their "
            f"{len(files)} files, and `python -c pass` | {spread(other, 1000)} | {ratio:.2f} | 3 |"
        )
        memory, less = peak(check, many), peak(check, few)
        say(
            f"\nPeak memory of `check`: {less:.0f} MB at {MODULES // 10} modules, "
            f"{memory:.0f} MB at {MODULES}."
        )


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
    report_check(say, runs)
    evaluation.report(say, runs)


if __name__ == "__main__":
    main()
