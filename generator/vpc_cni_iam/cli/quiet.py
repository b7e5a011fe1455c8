"""``--quiet`` of the commands that judge: they print nothing if all is well."""

from __future__ import annotations

import inspect
import io
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import wraps
from typing import Any

import typer

from vpc_cni_iam.cli.expand import flag, with_parameters

# Commands whose report is good news or bad news; what others print is what they were run for.
JUDGING = ("verify", "review", "compare", "coverage", "audit", "preflight", "doctor")


class _Held(io.TextIOWrapper):
    """Holds back what is printed, and looks like standard output to who prints it."""

    def __init__(self) -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, sys.stdout.encoding, write_through=True)
        self.isatty = sys.stdout.isatty  # type: ignore[method-assign]


def with_quiet(name: str, command: Callable[..., None]) -> Callable[..., None]:
    """Return a command with ``--quiet``, if it judges."""
    if name not in JUDGING:
        return command

    @wraps(command)
    def run(*, quiet: bool, **values: Any) -> None:
        if not quiet or values["output"] != "text":
            command(**values)
            return
        held, verdict = _Held(), None
        try:
            with redirect_stdout(held):
                command(**values)
        except typer.Exit as done:
            verdict = done.exit_code
            raise
        finally:
            if verdict != 0:
                typer.echo(held.bytes.getvalue(), nl=False)

    parameters = list(inspect.signature(command, eval_str=True).parameters.values())
    at = [parameter.name for parameter in parameters].index("output")
    option = flag("Print nothing if the exit code is 0.", "--quiet", "-q")
    added = parameters[at].replace(name="quiet", default=option, annotation=bool)
    return with_parameters(run, [*parameters[:at], added, *parameters[at:]])
