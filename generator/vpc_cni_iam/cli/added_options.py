"""Options that several commands get besides their own: ``--quiet`` and ``--schema``."""

from __future__ import annotations

import gc
import inspect
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from functools import wraps
from inspect import Parameter
from typing import Annotated, Any

import typer

from vpc_cni_iam.cli import common
from vpc_cni_iam.cli.expand import flag, with_parameters
from vpc_cni_iam.cli.json_types import schema

# Commands whose report says whether all is well. The output of other commands is never left out.
JUDGING = ("verify", "review", "compare", "coverage", "audit", "preflight", "doctor")


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


def with_options(name: str, command: Callable[..., None]) -> Callable[..., None]:
    """Return a command with ``--schema``, and with ``--quiet`` if it judges."""
    judges = name in JUDGING

    @wraps(command)
    def run(**values: Any) -> None:
        # A command makes hardly any reference cycles; the collector takes a tenth of its time.
        gc.disable()
        del values["schema"]
        quiet = judges and values.pop("quiet") and values["output"] == "text"
        with _quiet() if quiet else nullcontext():
            command(**values)

    parameters = list(inspect.signature(command, eval_str=True).parameters.values())
    if judges:
        at = [parameter.name for parameter in parameters].index("output")
        quiet = flag("Print nothing if the exit code is 0.", "--quiet", "-q")
        parameters.insert(at, parameters[at].replace(name="quiet", default=quiet, annotation=bool))
    return with_parameters(run, [*parameters, _schema_parameter(name)])


def _schema_parameter(command: str) -> Parameter:
    def show(asked: bool) -> None:
        if asked:
            common.show_json(schema(command))
            raise typer.Exit

    text = "Print the JSON Schema of --format json and exit."
    option = typer.Option("--schema", help=text, callback=show, is_eager=True)
    kind = Annotated[bool, option]
    return Parameter("schema", Parameter.KEYWORD_ONLY, default=False, annotation=kind)
