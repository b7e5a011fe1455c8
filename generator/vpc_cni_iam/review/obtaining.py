"""Gets a plan from what a user names: JSON, or a saved plan that an engine is asked to show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from vpc_cni_iam.engine.run import find
from vpc_cni_iam.errors import EngineError, InputError
from vpc_cni_iam.sources.plan import Plan, read_plan
from vpc_cni_iam.sources.plan_file import opened, saved_plan
from vpc_cni_iam.texts import STDIN


def obtain(
    target: str,
    stdin: BinaryIO,
    engine: str,
    environ: Mapping[str, str],
    passed: Callable[[int, int], None] | None = None,
) -> Plan:
    """Read a plan.

    Args:
        target: A file, a directory with a saved plan, or ``-``.
        stdin: Standard input.
        engine: The engine that shows a saved plan: ``terraform``, ``tofu`` or ``auto``.
        environ: The user's environment.
        passed: Called now and then with how many bytes of how many are read.

    Raises:
        InputError: Not a plan.
        EngineError: A saved plan that no engine shows.
    """
    path = None if target == "-" else Path(target)
    if path is not None:
        if not path.exists():
            raise InputError(target, "", "is not there")
        saved = saved_plan(path)
        if saved is not None:
            return _shown(saved, engine, environ)
    with opened(path, stdin) as data:
        size = len(data)
        tell = (lambda done: passed(done, size)) if passed else None
        return read_plan(data, STDIN if path is None else target, tell)


def _shown(saved: Path, engine: str, environ: Mapping[str, str]) -> Plan:
    """Have an engine show a saved plan; it must be run where the plan was made."""
    found = find(engine, environ)
    if found is None:
        how = "terraform show -json PLANFILE > plan.json, then name plan.json"
        raise EngineError(
            f"{saved} is a saved plan, and no engine is on the PATH to show it; {how}"
        )
    text = found.run(["show", "-json", "-no-color", saved.name], saved.parent)
    return read_plan(text.encode(), str(saved))
