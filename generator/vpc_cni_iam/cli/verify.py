"""``vpc-cni-iam verify``."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from vpc_cni_iam.cli import common

HELP = """Compare the module in DIRECTORY with the catalog, edited or not.

It is compared with what its files say it was made from, or with what the options say. With an
engine, it is planned in a copy and what the provider renders is compared too. Exit code 1 says
that something differs.

\b
Examples:
  vpc-cni-iam verify vpc-cni-iam-policy
  vpc-cni-iam verify vpc-cni-iam-policy --engine none
  vpc-cni-iam verify modules/vpc-cni --cni-version latest
"""


class Format(StrEnum):
    """How to print the result."""

    text = "text"
    json = "json"


class EngineChoice(StrEnum):
    """Which engine renders the module."""

    auto = "auto"
    terraform = "terraform"
    tofu = "tofu"
    none = "none"


def verify(
    directory: Annotated[Path, typer.Argument(help="The module's directory.")],
    engine: Annotated[
        EngineChoice, typer.Option(help="Engine that renders it; auto takes what is on the PATH.")
    ] = EngineChoice.auto,
    variant: common.VariantOption = None,
    revision: common.RevisionOption = None,
    cni_version: common.VersionOption = None,
    feature: common.FeatureOption = None,
    no_gaps: common.NoGapsOption = False,
    output: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.text,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.catalog.options import options
    from vpc_cni_iam.engine.run import find
    from vpc_cni_iam.verifying.verify import verify as compare

    given = variant or revision or cni_version or feature or no_gaps
    wanted = options(variant or (), revision, cni_version, feature or (), not no_gaps)
    found = None if engine is EngineChoice.none else find(engine.value, os.environ)
    result = compare(directory, wanted if given else None, found)
    for note in result.notes:
        common.say(note)
    if output is Format.json:
        typer.echo(json.dumps({"variants": [asdict(c) for c in result.checked]}, indent=2))
    for checked in result.checked if output is Format.text else ():
        seen = ", ".join(checked.seen) or "not seen"
        state = "differs" if checked.differences else "ok"
        typer.echo(
            f"{state:<8}{checked.variant:<12} {checked.statements} statements, "
            f"{checked.against}; {seen}"
        )
        for difference in checked.differences:
            typer.echo(f"        {difference}")
    raise typer.Exit(0 if result.clean else 1)
