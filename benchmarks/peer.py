"""Hold iam-policy-json-to-terraform and `convert` to one corpus, by what a real engine makes of it.

By hand, since that tool is in no registry that the set-up of this project uses: build it from
https://github.com/flosell/iam-policy-json-to-terraform, put `terraform` on the PATH, and call

    python benchmarks/peer.py PATH-TO-THE-TOOL
"""

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from moto.iam.aws_managed_policies import aws_managed_policies_data

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "tests/converting"))

from conftest import OFFLINE_PROVIDER, write_tree  # noqa: E402
from rendering_back import plain, rendered  # noqa: E402
from rows import COMMAND, environment  # noqa: E402
from vpc_cni_iam.engine.run import Engine, find  # noqa: E402

Converter = Callable[[str, str], list[str]]


def corpus() -> dict[str, dict[str, str]]:
    """Return AWS's managed policies as moto ships them, and the hard cases of the tests."""
    managed = json.loads(aws_managed_policies_data)
    hard = sorted((ROOT / "tests/data/policies").glob("*.json"))
    return {
        "AWS managed policies": {
            name.replace("-", "_"): json.dumps(p["Document"]) for name, p in managed.items()
        },
        "hard cases of the tests": {p.stem.replace("-", "_"): p.read_text() for p in hard},
    }


def outcome(command: list[str], texts: Mapping[str, str], engine: Engine) -> str:
    """Return a row: documents, converted, same bytes twice, valid, same meaning, and CPU time.

    Args:
        command: The converter; the data source's name comes after it.
        texts: Documents by name; each goes to a process of its own, on stdin.
        engine: What parses and renders the outcome.

    Returns:
        Five counts, and the milliseconds of processor time that a document took.
    """

    def converted(name: str) -> tuple[str, str] | None:
        twice = [
            subprocess.run(
                [*command, name],
                input=texts[name],
                env=environment(),
                capture_output=True,
                text=True,
                check=False,
            )
            for _ in range(2)
        ]
        return None if any(p.returncode for p in twice) else (twice[0].stdout, twice[1].stdout)

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with ThreadPoolExecutor() as pool:
        results = dict(zip(texts, pool.map(converted, texts), strict=True))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    done = {name: result for name, result in results.items() if result}
    repeated = sum(first == second for first, second in done.values())
    with tempfile.TemporaryDirectory() as folder:
        valid = _valid({f"{n}.tf": first for n, (first, _) in done.items()}, Path(folder), engine)
        documents = rendered(engine, Path(folder), valid) if valid else {}
    same = sum(plain(texts[name]) == plain(text) for name, text in documents.items())
    time = round(used * 1e3 / 2 / len(texts))
    return f"{len(texts):,} | {len(done):,} | {repeated:,} | {len(valid):,} | {same:,} | {time}"


def _valid(files: dict[str, str], folder: Path, engine: Engine) -> dict[str, str]:
    """Return the files that the engine takes; the others are no longer in the folder."""
    write_tree(folder, {"provider.tf": OFFLINE_PROVIDER, **files})
    left = _without_errors(files, folder, engine)  # Those of syntax: init fails with them.
    engine.run(["init", "-input=false", "-no-color"], folder)
    return _without_errors(left, folder, engine)


def _without_errors(files: dict[str, str], folder: Path, engine: Engine) -> dict[str, str]:
    command = [engine.binary, "validate", "-json", "-no-color"]
    while True:
        report = subprocess.run(
            command, cwd=folder, env=engine.environ, capture_output=True, text=True, check=False
        )
        broken = {
            d["range"]["filename"]
            for d in json.loads(report.stdout)["diagnostics"]
            if d["severity"] == "error" and "range" in d
        }
        if not broken:
            return files
        files = {name: text for name, text in files.items() if name not in broken}
        for name in broken:
            (folder / name).unlink()


def main() -> None:
    """Print the table."""
    engine = find("terraform", environment())
    if engine is None:
        sys.exit("terraform is not on the PATH")
    tools = {
        "iam-policy-json-to-terraform": [sys.argv[1], "-name"],
        "`convert`": [COMMAND, "convert", "-", "--name"],
    }
    print("| | documents | converted | the same bytes twice | valid | the same meaning | ms CPU |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for what, texts in corpus().items():
        for tool, command in tools.items():
            print(f"| {tool}, {what} | {outcome(command, texts, engine)} |", flush=True)


if __name__ == "__main__":
    main()
