"""Change the code on purpose, one place at a time, and report what the package's own tests miss.

python -m tools.mutants policy                     every change of a package: hours
python -m tools.mutants policy --sample 20         a sample, the same each time
python -m tools.mutants --changed --seconds 300    changes of the files of the last commits

Each line is an outcome: "killed" or "timeout" by the tests, "survived", or "uncovered", if no test
runs the line. A survivor is a change without a meaning, or a test is missing.
build/mutants/NAME.jsonl has the outcomes, too. Exit codes: 0 done, 1 a smaller share was killed
than --at-least asks for, 2 wrong usage, 3 the tests fail without a change.
"""

import argparse
import contextlib
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.mutants.forks import NoTimeError
from tools.mutants.mutations import Mutation, mutations
from tools.mutants.running import BrokenTestsError, Copy, Outcome, own_tests

ROOT = Path(__file__).resolve().parents[2]
_PACKAGE = "generator/vpc_cni_iam"
FEWEST = 10  # fewer changes are no sample


@dataclass(frozen=True, slots=True)
class Result:
    """What tests said to a change of a file."""

    path: str
    mutation: Mutation
    outcome: Outcome
    test: str

    def __str__(self) -> str:
        """Return the result as a line."""
        before, after = (" ".join(c.split()) for c in (self.mutation.before, self.mutation.after))
        place = f"{self.path.removeprefix(_PACKAGE)[1:]}:{self.mutation.line}"
        return f"{self.outcome:9} {place}: {self.mutation.kind}: {before} -> {after}"

    def record(self) -> dict[str, object]:
        """Return the result as JSON has it."""
        change = self.mutation
        return {
            "path": self.path,
            "line": change.line,
            "kind": change.kind,
            "before": change.before,
            "after": change.after,
            "outcome": self.outcome,
            "test": self.test,
        }


def main(words: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("package", nargs="?", help="below generator/vpc_cni_iam, such as policy")
    parser.add_argument("--changed", action="store_true", help="the files of the last commits")
    parser.add_argument("--sample", type=int, help="how many changes; all without it")
    parser.add_argument("--seed", type=int, default=1, help="another sample")
    parser.add_argument("--file", default="", help="only files whose path has this text")
    parser.add_argument("--kind", default="", help="only changes whose kind has this text")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after them")
    parser.add_argument("--tests-seconds", type=float, default=20, help="of tests for each change")
    parser.add_argument("--marks", default="not engine", help="which tests, as pytest -m takes it")
    parser.add_argument("--at-least", type=float, default=0, help="the share to be killed, 0 to 1")
    options = parser.parse_args(words)
    if bool(options.package) == options.changed:
        parser.error("name a package, or --changed")
    if options.package and not _files(root, options.package):
        parser.error(f"{_PACKAGE}/{options.package} is not there")
    if options.package and not own_tests(root, options.package):
        parser.error(f"{options.package} has no tests of its own")
    paths = _changed(root) if options.changed else _files(root, options.package)
    chosen = _sample([path for path in paths if options.file in path], root, options)
    if not chosen:
        print("no code to change: nothing to try")
        return 0
    results = []
    with tempfile.TemporaryDirectory() as temporary:
        try:
            for result in _results(root, Path(temporary), chosen, options):
                print(result, flush=True)
                results.append(result)
        except BrokenTestsError as problem:
            print(f"the tests fail without a change:\n{problem}", file=sys.stderr)
            return 3
    return _summary(results, len(chosen), root, options)


def _files(root: Path, package: str) -> list[str]:
    path = root / _PACKAGE / package
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
    return [file.relative_to(root).as_posix() for file in files if file.is_file()]


def _changed(root: Path) -> list[str]:
    """Return the files that differ from the main branch, or that the last commit changed there."""
    head = _git(root, "rev-parse", "HEAD")
    base = _git(root, "merge-base", "HEAD", "origin/main")
    if base in ("", head):
        base = _git(root, "rev-parse", "HEAD~1")
    if not base:
        print("the commit before is not in this clone", file=sys.stderr)
        return []
    names = _git(root, "diff", "--name-only", "--diff-filter=d", base, "HEAD", "--", _PACKAGE)
    return [name for name in names.splitlines() if name.endswith(".py")]


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _package_of(path: str) -> str:
    return path.removeprefix(f"{_PACKAGE}/").partition("/")[0].removesuffix(".py")


def _sample(
    paths: list[str], root: Path, options: argparse.Namespace
) -> list[tuple[str, Mutation]]:
    every = [
        (path, mutation)
        for path in paths
        if own_tests(root, _package_of(path))
        for mutation in mutations((root / path).read_text(encoding="utf-8"))
        if options.kind in mutation.kind
    ]
    if options.sample is None or options.sample >= len(every):
        return every
    chosen = random.Random(options.seed).sample(every, options.sample)  # noqa: S311
    return sorted(chosen, key=lambda pair: (pair[0], pair[1].line))


def _results(
    root: Path,
    folder: Path,
    chosen: list[tuple[str, Mutation]],
    options: argparse.Namespace,
) -> Iterator[Result]:
    end = time.monotonic() + options.seconds
    packages = sorted({_package_of(path) for path, _ in chosen})
    with contextlib.closing(Copy(root, folder, end)) as copy:
        for position, package in enumerate(packages):
            share = (end - time.monotonic()) / (len(packages) - position)
            package_end = time.monotonic() + share
            with contextlib.suppress(NoTimeError):
                records = copy.record(package, options.marks, share / 2)
                for path, mutation in chosen:
                    if _package_of(path) == package and time.monotonic() < package_end:
                        outcome, test = copy.outcome(path, mutation, records, options.tests_seconds)
                        if outcome is not Outcome.UNCOVERED or records.is_complete:
                            yield Result(path, mutation, outcome, test)


def _summary(results: list[Result], chosen: int, root: Path, options: argparse.Namespace) -> int:
    folder = root / "build" / "mutants"
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(result.record()) + "\n" for result in results]
    (folder / f"{options.package or 'changed'}.jsonl").write_text("".join(lines))
    killed = sum(result.outcome in (Outcome.KILLED, Outcome.TIMEOUT) for result in results)
    untried = chosen - len(results)
    print(f"{killed} of {len(results)} changes killed", end="")
    print(f"; {untried} not tried: no time left" if untried else "")
    if len(results) < FEWEST:
        return 0
    if killed < options.at_least * len(results):
        print(f"fewer than {options.at_least:.0%}: the tests miss too much", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
