"""``vpc-cni-iam doctor``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from vpc_cni_iam.cli import common
from vpc_cni_iam.cli.common import Format, cache_folder
from vpc_cni_iam.cli.options import FORMAT

if TYPE_CHECKING:
    from vpc_cni_iam.doctor.installation import Installation

HELP = """Show the versions and directories in use, and what is wrong with them.

Add the output to a bug report. Exit code 1 means that there is an error or a warning.

\b
Examples:
  vpc-cni-iam doctor
  vpc-cni-iam doctor --format json
"""


def doctor(output: Format = FORMAT) -> None:
    """See `HELP`."""
    from vpc_cni_iam.doctor import installation

    examined = installation.examine(Path(), cache_folder(os.environ), os.environ)
    common.show_result(examined, output, _lines(examined))
    raise typer.Exit(0 if examined.is_sound else 1)


def _lines(examined: Installation) -> list[str]:
    catalog, python = examined.catalog, examined.python
    rows = [
        ("vpc-cni-iam", examined.tool.version, examined.tool.package),
        ("catalog", catalog.newest_plugin_version, f"newest plugin version, of {catalog.date}"),
        ("python", python.version, python.executable),
        ("system", python.system, ""),
    ]
    rows += [(d.name, d.version or "not installed", "") for d in examined.dependencies]
    for engine in examined.engines:
        rows.append((engine.name, engine.version or "fails", engine.path))
        rows += [(f"  {name}", version, "") for name, version in engine.providers.items()]
    rows.append(("cache", examined.cache.path or "none", ""))
    count = examined.configuration.modules
    modules = f"{count} module{'s' * (count != 1)}"
    path = examined.configuration.path
    rows.append(("configuration", path or "none", modules if path else ""))
    lines = [f"{name:<15} {value:<12} {more}".rstrip() for name, value, more in rows]
    problems = [f"{p.severity:<8}{p.text}" for p in examined.problems]
    return [*lines, *(problems or ["no problems"])]
