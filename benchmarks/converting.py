"""Conversion of AWS's managed policies, as moto ships them, beside its yardsticks."""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from moto.iam.aws_managed_policies import aws_managed_policies_data

COMMAND = str(Path(sys.executable).with_name("vpc-cni-iam"))
# What conversion of the same texts takes inside a process, without files and start-up.
_INSIDE = """
import sys, time
from pathlib import Path
from vpc_cni_iam.converting.batch import Input, Options, convert
texts = [p.read_text() for p in sorted(Path(sys.argv[1]).glob("*.json"))]
inputs = [Input(f"p{n}.json", lambda t=t: t) for n, t in enumerate(texts)]
start = time.process_time()
convert(inputs, Options())
print(time.process_time() - start)
"""
_LOADS = """
import json, sys, time
from pathlib import Path
texts = [p.read_text() for p in sorted(Path(sys.argv[1]).glob("*.json"))]
start = time.process_time()
for text in texts:
    json.loads(text)
print(time.process_time() - start)
"""
_SAMPLE = 40


def report(say: Callable[[str], None], runs: int) -> None:
    """Measure and print the rows of one table.

    Args:
        say: Prints a line.
        runs: How often each is measured.
    """
    policies = json.loads(aws_managed_policies_data)
    with tempfile.TemporaryDirectory() as temporary:
        corpus, out = Path(temporary, "corpus"), Path(temporary, "out")
        corpus.mkdir()
        for name, policy in policies.items():
            (corpus / f"{name}.json").write_text(json.dumps(policy["Document"], indent=2))
        files = sorted(map(str, corpus.iterdir()))
        size = sum(Path(f).stat().st_size for f in files) / 1e6
        say(
            f"\n`convert`, {len(files)} AWS managed policies, {size:.1f} MB, "
            "processor time in milliseconds\n"
        )
        say("| what | time | ratio to the first | aim |")
        say("| --- | --- | --- | --- |")
        rows: list[tuple[str, Callable[[], float], str]] = [
            (
                "converted inside a process, validation included",
                lambda: float(_printed([sys.executable, "-c", _INSIDE, str(corpus)])),
                f"{600 * len(files) / 1500:.0f} ms",
            ),
            (
                "bare `json.loads` of the same texts",
                lambda: float(_printed([sys.executable, "-c", _LOADS, str(corpus)])),
                "",
            ),
            ("one command, start-up and files included", lambda: _once(files, out), ""),
            (
                f"a command a file ({_SAMPLE} measured, times {len(files) / _SAMPLE:.0f})",
                lambda: (
                    sum(_seconds([COMMAND, "convert", f]) for f in files[:_SAMPLE])
                    * (len(files) / _SAMPLE)
                ),
                "",
            ),
        ]
        if fmt := shutil.which("terraform"):
            rows.append(
                ("`terraform fmt` of the result", lambda: _seconds([fmt, "fmt", str(out)]), "")
            )
        first = 0.0
        for what, measure, aim in rows:
            times = [measure() for _ in range(min(runs, 5))]
            middle = statistics.median(times)
            first = first or middle
            low, high = min(times) * 1000, max(times) * 1000
            say(
                f"| {what} | {middle * 1000:.0f} ({low:.0f} to {high:.0f}) | "
                f"{middle / first:.2f} | {aim} |"
            )


def _once(files: list[str], out: Path) -> float:
    shutil.rmtree(out, ignore_errors=True)
    return _seconds([COMMAND, "convert", *files, "--output", str(out)])


def _printed(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _seconds(command: list[str]) -> float:
    """Return the processor time of a command, which other work on the machine stretches less."""
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environ, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    report(print, 5)
