"""``vpc-cni-iam catalog``."""

from __future__ import annotations

from typing import Any

import typer

from vpc_cni_iam.cli import common
from vpc_cni_iam.cli.expand import flag
from vpc_cni_iam.cli.options import FORMAT, Format

HELP = """List the variants, revisions, features and plugin versions that this tool knows.

With --peers, it lists the policies for the plugin that other projects and AWS ship or shipped, the
plugin versions that each works with, and when each worked with v1.22.0 and later.

\b
Examples:
  vpc-cni-iam catalog
  vpc-cni-iam catalog --format json
  vpc-cni-iam catalog --peers
"""


def catalog(
    peers: bool = flag("List the policies that other projects ship instead."),
    output: Format = FORMAT,
) -> None:
    """See `HELP`."""
    if peers:
        _show_peers(output)
        return
    from vpc_cni_iam.catalog.listing import changes, listing

    entries: dict[str, Any] = {**listing()}
    if output is Format.json:
        common.show_json(entries)
        return
    for title, entry in {**entries, "versions": changes()}.items():
        rows = entry if isinstance(entry, list) else [entry]
        headers = tuple(rows[0])
        common.table(headers, ([_cell(row[h]) for h in headers] for row in rows), title)


def _show_peers(output: Format) -> None:
    from dataclasses import asdict

    from vpc_cni_iam.catalog.peers import peers

    if output is Format.json:
        common.show_json(peers())
        return
    typer.echo("documents")
    for report in peers().documents:
        name = " ".join(filter(None, (report.project, report.document, report.versions)))
        typer.echo(f"\n{name} ({report.mode}, {report.date or 'date not known'})")
        typer.echo(f"  works with {report.works_with}")
        for missing in report.breaks:
            typer.echo(f"  breaks at {missing}")
        unverified = "" if report.verified else "; not compared with it"
        typer.echo(f"  source {report.source}{unverified}")
    rows = [asdict(repair) for repair in peers().repairs]
    common.table(
        tuple(rows[0]), ([_cell(value) for value in row.values()] for row in rows), "repairs"
    )


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{k}: {_cell(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return "\n".join(map(str, value))
    return {True: "yes", False: "no", None: "-"}.get(value, str(value))  # type: ignore[call-overload,no-any-return]
