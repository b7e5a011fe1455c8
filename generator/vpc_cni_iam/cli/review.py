"""``vpc-cni-iam review``."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from vpc_cni_iam.review.findings import Review
    from vpc_cni_iam.review.review import Ignoring

HELP = """Say what a plan will do to IAM policies: access gained, access lost, whether the plugin
still works, and what upstream's documents it equals.

PLAN is what `terraform show -json` (or `tofu show -json`) prints, as a file, compressed by gzip or
not, or - for standard input; or a saved plan, or a directory with one, which the engine is then
asked to show. Exit code 1 says that a finding is at or above --fail-on, 3 that the plan cannot be
read.

\b
Examples:
  terraform show -json tfplan | vpc-cni-iam review -
  vpc-cni-iam review tfplan --source . --fail-on new-access
  vpc-cni-iam review plan.json --cni-version v1.20.4 --mode ipv4 --format json
"""


class Format(StrEnum):
    """How to print the result."""

    text = "text"
    json = "json"


class Mode(StrEnum):
    """The IP family of the cluster."""

    ipv4 = "ipv4"
    ipv6 = "ipv6"


class EngineChoice(StrEnum):
    """Which engine shows a saved plan."""

    auto = "auto"
    terraform = "terraform"
    tofu = "tofu"


def review(
    plan: Annotated[
        str,
        typer.Argument(metavar="PLAN", help="The plan: JSON, -, a saved plan or its directory."),
    ],
    cni_version: Annotated[
        str, typer.Option(help="The plugin's release, such as v1.20.4, or latest.")
    ] = "latest",
    mode: Annotated[
        Mode | None, typer.Option(help="IP family of the cluster. [default: each policy's]")
    ] = None,
    fail_on: Annotated[
        str,
        typer.Option(
            help="What fails: new-access, coverage-lost, any-change, error, warning or note."
        ),
    ] = "warning",
    source: Annotated[
        Path | None, typer.Option(help="The root module's directory, to name files and lines.")
    ] = None,
    ignore_file: Annotated[
        Path | None,
        typer.Option(help="Findings to ignore. [default: vpc-cni-iam-ignore.toml, if there]"),
    ] = None,
    engine: Annotated[
        EngineChoice, typer.Option(help="Engine that shows a saved plan.")
    ] = EngineChoice.auto,
    output: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.text,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.catalog import releases
    from vpc_cni_iam.review.needs import Wanted
    from vpc_cni_iam.review.obtaining import obtain
    from vpc_cni_iam.review.review import check_fail_on
    from vpc_cni_iam.review.review import review as reviewed

    check_fail_on(fail_on)
    wanted = Wanted(releases.find(cni_version), mode.value if mode else None)
    ignored = _ignoring(ignore_file)
    with _progress() as passed:
        read = obtain(plan, sys.stdin.buffer, engine.value, os.environ, passed)
    result = reviewed(read, wanted, directory=source, fail_on=fail_on, ignored=ignored)
    _print(result, output)
    raise typer.Exit(1 if result.failed else 0)


def _ignoring(path: Path | None) -> Ignoring | None:
    import datetime

    from vpc_cni_iam.review import ignoring
    from vpc_cni_iam.review.review import Ignoring

    chosen = path or Path(ignoring.NAME)
    if path is None and not chosen.exists():
        return None
    return Ignoring(ignoring.load(chosen), str(chosen), datetime.date.today())


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[int, int], None] | None]:
    """Show how far a large plan is read, on a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress

    with Progress(
        "reading the plan",
        BarColumn(),
        DownloadColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("", total=None, visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=True)


def _print(result: Review, output: Format) -> None:
    if output is Format.json:
        from vpc_cni_iam.review.json_report import report

        typer.echo(report(result), nl=False)
    else:
        from vpc_cni_iam.cli.review_text import show

        show(result)
