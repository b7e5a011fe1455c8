"""``vpc-cni-iam catalog``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import typer

from vpc_cni_iam.cli import common
from vpc_cni_iam.cli.common import Format
from vpc_cni_iam.cli.expand import flag, value
from vpc_cni_iam.cli.options import FORMAT

if TYPE_CHECKING:
    from vpc_cni_iam.versions.listing import EarlierDocumentData, RevisionData

# The width of a line without a terminal, or on a wider one.
_WIDTH = 100

HELP = """List the variants, features and revisions that this tool knows.

--history lists upstream's documents, the plugin versions that each works with, and the plugin
versions that changed a document or a call. --list-scenarios and --explain define the names in a
report of `coverage`.

\b
Examples:
  vpc-cni-iam catalog
  vpc-cni-iam catalog --history
  vpc-cni-iam catalog --format json
  vpc-cni-iam catalog --explain interfaces-unscoped
"""


def catalog(
    history: bool = flag("List upstream's documents and the plugin versions that changed."),
    list_scenarios: bool = flag("List the scenarios that `coverage` checks."),
    explain: str | None = value("RISK", "Explain a risk that `coverage` names."),
    output: Format = FORMAT,
) -> None:
    """See `HELP`."""
    from vpc_cni_iam.errors import UsageError

    asked = {
        "--history": history,
        "--list-scenarios": list_scenarios,
        "--explain": explain is not None,
    }
    names = [name for name, is_asked in asked.items() if is_asked]
    if len(names) > 1:
        raise UsageError(f"{' and '.join(names)} exclude each other; give one")
    if explain is not None or list_scenarios:
        _explain(explain, output)
    else:
        _show_listing(output, history=history)


def _show_listing(output: Format, *, history: bool) -> None:
    from vpc_cni_iam.catalog.facts import documents
    from vpc_cni_iam.versions import listing

    if output is Format.json:
        common.show_json(listing.listing())
        return
    newest, managed = listing.newest_version(), listing.managed_policy()
    typer.echo(f"newest plugin version: {newest['version']}, {newest['date']}")
    created = managed["created"][:10]
    typer.echo(f"managed policy: {managed['arn']}, {managed['version']}, {created}")
    revisions = [revision.name for revision in documents.revisions()]
    typer.echo(f"revisions of upstream's page: {', '.join(revisions)}")
    for title, rows in (_history() if history else _selectable()).items():
        _table(title, rows)


def _explain(risk: str | None, output: Format) -> None:
    """Print the explanation of a risk; without one, the list of scenarios."""
    from vpc_cni_iam.coverage.analysis import risks
    from vpc_cni_iam.coverage.simulate.scenarios import SCENARIOS
    from vpc_cni_iam.errors import UsageError

    if output is not Format.text:
        raise UsageError(f"--explain and --list-scenarios have no format {output}")
    if risk is not None:
        typer.echo(risks.explanation(risk), nl=False)
        return
    for scenario in SCENARIOS:
        typer.echo(f"{scenario.name:<24} {scenario.summary}")


def _selectable() -> dict[str, list[dict[str, str]]]:
    """Return the tables of what options select, by title."""
    from vpc_cni_iam.versions import listing

    return {
        "variants": [
            {
                "variant": v["name"],
                "for": v["for"],
                "works from": v["minimum_cni_version"],
                "published by": v["published_by"],
            }
            for v in listing.variants()
        ],
        "features": [
            {"feature": f["name"], "when": f["when"], "since": f["since"]}
            for f in listing.features()
        ],
    }


def _history() -> dict[str, list[dict[str, str]]]:
    """Return the tables of what changed, by title. The JSON has more than fits on a terminal."""
    from vpc_cni_iam.versions import listing

    return {
        "upstream's documents": list(map(_revision, listing.revisions())),
        "plugin versions that changed a document or a call": listing.changes(),
        "earlier documents": list(map(_earlier, listing.earlier_documents())),
    }


def _revision(revision: RevisionData) -> dict[str, str]:
    return {
        "revision": revision["revision"],
        "current at": _span(revision["first_version"], revision["last_version"]),
        "works with": _works_with(revision["works_with"]),
        "commit": _short(revision["source"]["commit"] or "-"),
    }


def _earlier(document: EarlierDocumentData) -> dict[str, str]:
    return {
        "document": document["document"],
        "current at": _span(document["first_version"], document["last_version"]),
        "works with": document["works_with"],
        "source": _short(document["source"]),
    }


def _span(first: str | None, last: str | None) -> str:
    return f"{first} to {last}" if last not in (None, first) else first or "-"


def _works_with(by_variant: dict[str, str]) -> str:
    """Return the plugin versions, with the variants that work with them."""
    return "\n".join(
        f"{', '.join(v for v in by_variant if by_variant[v] == versions)}: {versions}"
        for versions in dict.fromkeys(by_variant.values())
    )


def _short(source: str) -> str:
    """Return a source with its commit shortened, as git does."""
    return re.sub(r"\b([0-9a-f]{12})[0-9a-f]{28}\b", r"\1", source)


def _table(title: str, rows: list[dict[str, str]]) -> None:
    common.table(tuple(rows[0]), (tuple(row.values()) for row in rows), title, width=_WIDTH)
