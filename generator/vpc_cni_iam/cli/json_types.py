"""Options that several commands get besides their own: ``--quiet`` and ``--schema``.

A schema is made from the types of what a command prints with ``--format json``.
"""

from __future__ import annotations

import inspect
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from functools import wraps
from importlib import import_module
from inspect import Parameter
from typing import Annotated, Any

import typer

from vpc_cni_iam.cli import common
from vpc_cni_iam.cli.expand import flag, with_parameters

# Commands whose report is good news or bad news; what others print is what they were run for.
JUDGING = ("verify", "review", "compare", "coverage", "audit", "preflight", "doctor")
# The types of the values that a command prints; one with several modes prints one of several.
TYPES = {
    "generate": ("files.tree:TreeChanges",),
    "policy": ("policy.document:PolicyDocument",),
    "verify": ("verifying.verify:VerificationData",),
    "catalog": ("catalog.listing:CatalogData", "catalog.peers:Peers"),
    "init": ("files.tree:FileChange",),
    "sync": ("vendoring.data:SyncData",),
    "check": ("vendoring.data:CheckData",),
    "diff": ("vendoring.data:DiffsData",),
    "upgrade": ("vendoring.data:UpgradeData",),
    "review": ("review.findings:Review",),
    "compare": ("review.diff.two_policies:Between", "review.never:Never"),
    "coverage": (
        "coverage.data:CoverageData",
        "coverage.data:MatrixData",
        "coverage.usage.usage:Usage",
    ),
    "audit": ("audit.audit:Audit",),
    "explain": ("explain.explain:Explanations",),
    "preflight": ("preflight.findings:Preflight",),
    "convert": (
        "converting.data:ConversionData",
        "converting.data:ReadingData",
        "converting.data:RewritingData",
    ),
    "publish": ("publishing.publish:PublishData",),
    "doctor": ("doctor.installation:Installation",),
}


class _Held(io.TextIOWrapper):
    """Holds back what is printed, and looks like standard output to who prints it."""

    def __init__(self) -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, sys.stdout.encoding, write_through=True)
        self.isatty = sys.stdout.isatty  # type: ignore[method-assign]


@contextmanager
def _quiet() -> Iterator[None]:
    """Print nothing of what a command prints, if its exit code is 0."""
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


def schema(command: str) -> dict[str, Any]:
    """Return the JSON Schema of what a command prints with ``--format json``."""
    from vpc_cni_iam import json_schema

    names = (name.split(":") for name in TYPES[command])
    kinds = (getattr(import_module(f"vpc_cni_iam.{module}"), name) for module, name in names)
    return json_schema.schema(f"What vpc-cni-iam {command} prints with --format json", *kinds)


def with_options(name: str, command: Callable[..., None]) -> Callable[..., None]:
    """Return a command with ``--schema``, and with ``--quiet`` if it judges."""
    judges = name in JUDGING

    @wraps(command)
    def run(**values: Any) -> None:
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
