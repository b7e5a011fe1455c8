"""The types of what commands print with ``--format json``, and the option for their schemas."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from inspect import Parameter
from typing import Annotated, Any

import typer

from vpc_cni_iam.cli import common
from vpc_cni_iam.cli.expand import with_parameters

# The types of the values that a command prints; one with several modes prints one of several.
TYPES = {
    "generate": ("files.tree:TreeChanges",),
    "policy": ("policy.document:PolicyDocument",),
    "verify": ("verifying.data:VerificationData",),
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
    "publish": ("publishing.data:PublishData",),
    "doctor": ("doctor.installation:Installation",),
}


def schema(command: str) -> dict[str, Any]:
    """Return the JSON Schema of what a command prints with ``--format json``."""
    from vpc_cni_iam import json_schema

    names = (name.split(":") for name in TYPES[command])
    kinds = (getattr(import_module(f"vpc_cni_iam.{module}"), name) for module, name in names)
    return json_schema.schema(f"What vpc-cni-iam {command} prints with --format json", *kinds)


def with_schema(name: str, command: Callable[..., None]) -> Callable[..., None]:
    """Return a command with ``--schema``, if it prints JSON."""
    if name not in TYPES:
        return command

    @wraps(command)
    def run(**values: Any) -> None:
        del values["schema"]
        command(**values)

    def show(asked: bool) -> None:
        if asked:
            common.show_json(schema(name))
            raise typer.Exit

    parameters = inspect.signature(command, eval_str=True).parameters.values()
    option = typer.Option(
        "--schema",
        help="Print the JSON Schema of --format json and exit.",
        callback=show,
        is_eager=True,
    )
    added = Parameter(
        "schema", Parameter.KEYWORD_ONLY, default=False, annotation=Annotated[bool, option]
    )
    return with_parameters(run, [*parameters, added])
