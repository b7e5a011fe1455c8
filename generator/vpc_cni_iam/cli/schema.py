"""``vpc-cni-iam schema``."""

from __future__ import annotations

from typing import Annotated

import typer

from vpc_cni_iam.cli import common, json_types
from vpc_cni_iam.names import resolve

HELP = """Print the JSON Schema of what a command prints with --format json.

\b
Examples:
  vpc-cni-iam schema review
  vpc-cni-iam schema coverage >coverage.schema.json
"""


def schema(
    command: Annotated[
        str,
        typer.Argument(
            metavar="COMMAND",
            help=f"One of {', '.join(json_types.TYPES)}.",
            autocompletion=lambda: list(json_types.TYPES),
        ),
    ],
) -> None:
    """See `HELP`."""
    common.show_json(json_types.schema(resolve(command, json_types.TYPES, "schema")))
