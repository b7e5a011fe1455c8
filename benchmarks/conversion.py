"""Conversion of AWS's managed policies, as moto ships them."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from moto.iam.aws_managed_policies import aws_managed_policies_data

from rows import COMMAND, PYTHON, Row, environment, in_turns, processor

# What conversion of the same texts takes inside a process, without files and start-up.
_INSIDE = """
import sys, time
from pathlib import Path
from vpc_cni_iam.converting.batch import ConvertOptions, Input, convert
texts = [p.read_text() for p in sorted(Path(sys.argv[1]).glob("*.json"))]
inputs = [Input(f"p{n}.json", lambda t=t: t) for n, t in enumerate(texts)]
start = time.process_time()
convert(inputs, ConvertOptions())
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
# A process a file is measured on so many of them.
_SAMPLE = 40


def measure(runs: int) -> Iterator[Row]:
    """Measure the conversion of the whole corpus.

    Args:
        runs: How often each, five times at most.
    """
    policies, runs = json.loads(aws_managed_policies_data), min(runs, 5)
    with tempfile.TemporaryDirectory() as temporary:
        corpus, out = Path(temporary, "corpus"), Path(temporary, "out")
        corpus.mkdir()
        for name, policy in policies.items():
            (corpus / f"{name}.json").write_text(json.dumps(policy["Document"], indent=2))
        files = sorted(map(str, corpus.iterdir()))
        size = sum(Path(f).stat().st_size for f in files) / 1e6
        what = f"`convert`, {len(files):,} policies, {size:.1f} MB"

        def printed(script: str) -> Callable[[], float]:
            return lambda: float(_printed([PYTHON, "-c", script, str(corpus)])) * 1e3

        def once() -> float:
            shutil.rmtree(out, ignore_errors=True)
            return processor([COMMAND, "convert", *files, "--output", str(out)])

        def apart() -> float:
            some = files[:: len(files) // _SAMPLE][:_SAMPLE]
            return sum(processor([COMMAND, "convert", f]) for f in some) * len(files) / _SAMPLE

        own, other = in_turns(printed(_INSIDE), printed(_LOADS), runs)
        yield Row(f"{what}, in process", own, "`json.loads` of the same", other, "ms")
        if engine := shutil.which("terraform"):
            own, other = in_turns(once, lambda: processor([engine, "fmt", str(out)]), runs)
            yield Row("the whole command, files written", own, "`terraform fmt`", other, "ms")
        own, other = in_turns(once, apart, min(runs, 2))
        yardstick = f"a command a file, from {_SAMPLE} of them"
        yield Row("the whole command, files written", own, yardstick, other, "ms")


def _printed(command: list[str]) -> str:
    return subprocess.run(
        command, env=environment(), capture_output=True, text=True, check=True
    ).stdout
