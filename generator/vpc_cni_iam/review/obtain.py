"""Gets the plan that a user names: JSON, or a saved plan that an engine shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext, suppress
from mmap import mmap
from pathlib import Path
from typing import BinaryIO

from msgspec.structs import replace

from vpc_cni_iam.engine.run import NAMES, Engine, find
from vpc_cni_iam.errors import EngineError
from vpc_cni_iam.inputs.plan.reader import Plan, read_plan
from vpc_cni_iam.inputs.plan.saved import contents, opened, saved_plan
from vpc_cni_iam.texts import STDIN, path_of, unreadable


def obtain(
    target: str,
    stdin: BinaryIO,
    engine: str,
    environ: Mapping[str, str],
    passed: Callable[[int, int], None] | None = None,
    directory: Path | None = None,
) -> Plan:
    """Read a plan from a file, a directory with a saved plan, or ``-``.

    `engine` shows a saved plan: ``terraform``, ``tofu`` or ``auto``. It runs in `directory`, or, if
    that is None, in the directory of the plan. `passed` is called with the bytes read and the
    total.
    """
    path = path_of(target)
    if path is not None:
        try:
            path.stat()
        except OSError as error:
            raise unreadable(path, error) from None
        saved = saved_plan(path)
        if saved is not None:
            here = directory if directory is not None and directory.is_dir() else saved.parent
            return _shown(saved, here, engine, environ, passed)
    with opened(path, stdin) as data:
        return _read(data, STDIN if path is None else target, passed)


def _read(data: bytes | mmap, source: str, passed: Callable[[int, int], None] | None) -> Plan:
    size = len(data)
    return read_plan(data, source, (lambda done: passed(done, size)) if passed else None)


def _shown(
    saved: Path,
    directory: Path,
    engine: str,
    environ: Mapping[str, str],
    passed: Callable[[int, int], None] | None,
) -> Plan:
    """Return a saved plan as an engine shows it; an engine needs the directory of the plan."""
    from tempfile import TemporaryFile  # noqa: PLC0415 - few plans need one

    failed: list[EngineError] = []
    show = ["show", "-json", "-no-color", str(saved.absolute())]
    for chosen in _engines(engine, environ):
        with TemporaryFile() as file:
            try:
                chosen.run(show, directory, file)
            except EngineError as error:
                failed.append(error)
            else:
                return _read(contents(file, str(saved)), str(saved), passed)
    if not failed:
        how = "run terraform show -json PLANFILE > plan.json, then review plan.json"
        raise EngineError(
            f"{saved} is a saved plan, but no engine to show it is on the PATH; {how}"
        )
    messages = "\n".join(map(str, failed))
    raise EngineError(
        f"{saved}: {messages}\n"
        f"Only the engine and version that made a saved plan can show it, in the initialised "
        f"directory of the root module. {directory} was used: name another with --source, or "
        f"review the output of: terraform show -json {saved.name}"
    )


def _engines(choice: str, environ: Mapping[str, str]) -> Iterator[Engine]:
    """Yield the chosen engine, or all installed ones: only the one that made a plan reads it."""
    # The engine only reads the directory that the user initialised, which may be elsewhere.
    where = {k: v for k, v in environ.items() if k == "TF_DATA_DIR"}
    for name in NAMES if choice == "auto" else (choice,):
        with suppress(EngineError) if choice == "auto" else nullcontext():
            if installed := find(name, environ):
                yield replace(installed, environ={**installed.environ, **where})
