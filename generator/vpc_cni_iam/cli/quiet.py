"""The option ``--quiet`` of commands that judge."""

from __future__ import annotations

import inspect
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from functools import wraps
from typing import Any

import typer

from vpc_cni_iam.cli.expand import flag, with_parameters

# Commands whose report says whether all is well. The output of other commands is never left out.
JUDGING = ("verify", "review", "compare", "coverage", "audit", "preflight")


class _Held(io.TextIOWrapper):
    """Holds back what is printed; code that prints takes it for standard output."""

    def __init__(self) -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, sys.stdout.encoding, write_through=True)
        self.isatty = sys.stdout.isatty  # type: ignore[method-assign]


@contextmanager
def _quiet() -> Iterator[None]:
    """Print the output of a command only if its exit code is not 0."""
    held, verdict = _Held(), None
    try:
        with redirect_stdout(held):
            yield
    except typer.Exit as done:
        verdict = done.exit_code
        raise
    finally:
        if verdict != 0:
            typer.echo(held.bytes.getvalue(), nl=False)


def with_quiet(name: str, command: Callable[..., None]) -> Callable[..., None]:
    """Return a command, with ``--quiet`` if its report says whether all is well."""
    if name not in JUDGING:
        return command

    @wraps(command)
    def run(*, quiet: bool, **values: Any) -> None:
        with _quiet() if quiet and values["output"] == "text" else nullcontext():
            command(**values)

    parameters = list(inspect.signature(command, eval_str=True).parameters.values())
    at = [parameter.name for parameter in parameters].index("output")
    option = flag("Print nothing if the exit code is 0.", "--quiet", "-q")
    parameters.insert(at, parameters[at].replace(name="quiet", default=option, annotation=bool))
    return with_parameters(run, parameters)
