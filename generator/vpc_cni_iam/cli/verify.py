"""``vpc-cni-iam verify``."""

from __future__ import annotations

import os
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from vpc_cni_iam.cli import common
from vpc_cni_iam.cli.common import Format

HELP = """Compare the module in DIRECTORY with the catalog, edited or not.

It is compared with what its files say it was made from; options replace what they say. With an
engine, it is planned in a copy, with the provider that your configuration gives it, and what is
rendered decides. Without one its files are read. Exit code 1 says that something differs, or is
unknown without an engine.

\b
Examples:
  vpc-cni-iam verify vpc-cni-iam-policy
  vpc-cni-iam verify vpc-cni-iam-policy --engine none
  vpc-cni-iam verify modules/vpc-cni --cni-version latest
  vpc-cni-iam verify modules/vpc-cni --variant ipv4 --format json
"""


class EngineChoice(StrEnum):
    """Which engine renders the module."""

    auto = "auto"
    terraform = "terraform"
    tofu = "tofu"
    none = "none"


def verify(
    directory: Annotated[Path, typer.Argument(metavar="DIRECTORY", help="The module's directory.")],
    engine: Annotated[
        EngineChoice, typer.Option(help="Engine that renders it; auto takes what is on the PATH.")
    ] = EngineChoice.auto,
    variant: Annotated[
        list[str] | None,
        common.variant("Compare this variant; repeat for more.  [default: all]"),
    ] = None,
    revision: Annotated[
        str | None, common.revision("Compare with upstream's document of this date exactly.")
    ] = None,
    cni_version: Annotated[
        str | None, common.release("Compare with what works with this plugin release, or latest.")
    ] = None,
    feature: Annotated[
        list[str] | None,
        common.feature("Expect what an optional feature calls; repeat for more."),
    ] = None,
    no_gaps: common.NoGapsOption = False,
    output: common.FormatOption = Format.text,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.catalog.options import Options, options, override
    from vpc_cni_iam.engine.run import find
    from vpc_cni_iam.verifying.verify import verify as compare

    given = (variant or (), revision, cni_version, feature or (), not no_gaps)

    def wanted(stated: Options | None) -> Options | None:
        if stated is not None:
            return override(stated, *given)
        return options(*given) if any(given[:4]) or no_gaps else None

    found = None if engine is EngineChoice.none else find(engine.value, os.environ)
    result = compare(directory, wanted, found)
    for note in result.notes:
        common.say(note)
    if output is Format.json:
        common.show_json({"documents": [asdict(c) for c in result.checked]})
    for checked in result.checked if output is Format.text else ():
        typer.echo(
            f"{checked.state:<8}{checked.name:<12} {checked.statements} statements, "
            f"{checked.against}; {checked.seen}"
        )
        for difference in checked.differences:
            common.show(f"        {difference}")
    raise typer.Exit(0 if result.clean else 1)
