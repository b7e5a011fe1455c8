"""How long the commands take that people run in hooks, beside an interpreter that imports."""

import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import plans
from rows import COMMAND, PYTHON, Row, environment, in_turns, processor, used

# The libraries that every command loads; commands that load others add them.
IMPORTS = "import typer, msgspec"
MODULES = 1000


def measure(runs: int) -> Iterator[Row]:
    """Measure commands of a single module, then `check` on many.

    Args:
        runs: How often each.
    """
    version = ["--cni-version", "latest"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        processor([COMMAND, "generate", "m", *version], folder)
        plans.write(folder / "plan.json", policies=1, others=0)
        policy = [COMMAND, "policy", "ipv4", *version]
        text = subprocess.run(policy, env=environment(), capture_output=True, check=True).stdout
        (folder / "policy.json").write_bytes(text)
        for arguments, imports, aim in (
            (["--help"], IMPORTS, "2"),
            (["policy", "ipv4", *version], IMPORTS, "1.3"),
            (["generate", "m", *version], f"{IMPORTS}, jinja2", "2"),
            (["verify", "m", "--engine", "none"], f"{IMPORTS}, jinja2, hcl2", "2"),
            (["convert", "policy.json"], IMPORTS, "2"),
            (["coverage", "policy.json", *version], IMPORTS, "2"),
            (["review", "plan.json"], IMPORTS, "2"),
        ):
            own, other = in_turns(
                partial(processor, [COMMAND, *arguments], folder),
                partial(processor, [PYTHON, "-c", imports], folder),
                runs,
            )
            yardstick = f"`python -c '{imports}'`"
            yield Row(f"`{' '.join(arguments)}`", own, yardstick, other, "ms", aim)
        yield from _many(folder, runs)


def _many(folder: Path, runs: int) -> Iterator[Row]:
    many, few = folder / "many", folder / "few"
    files = _monorepo(many, MODULES)
    _monorepo(few, MODULES // 10)
    check = [COMMAND, "check", "--quiet"]
    own, other = in_turns(
        lambda: processor(check, many),
        lambda: processor(["sha256sum", *files], many) + processor([PYTHON, "-c", "pass"], many),
        runs,
    )
    yardstick = f"`sha256sum` of their {len(files):,} files, and `python -c pass`"
    yield Row(f"`check`, {MODULES:,} modules", own, yardstick, other, "ms", "3")
    own, other = ([used(check, modules).megabytes] for modules in (many, few))
    yield Row("its peak memory", own, f"at {MODULES // 10} modules", other, "MB", "1")


def _monorepo(folder: Path, modules: int) -> list[str]:
    """Make a repository of many vendored modules; return the generated files in it."""
    table = '[[module]]\npath = "m{}"\ncni_version = "v1.23.0"\n'
    folder.mkdir()
    (folder / "vpc-cni-iam.toml").write_text("".join(map(table.format, range(modules))))
    sync = [COMMAND, "sync"]
    subprocess.run(sync, cwd=folder, env=environment(), capture_output=True, check=True)
    return [str(p) for p in folder.rglob("*") if p.is_file() and ".vpc-cni-iam" not in p.parts]
