"""Options that commands share, and the few ways a command speaks to its user."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from vpc_cni_iam.catalog.hardening import Hardening
    from vpc_cni_iam.catalog.options import Options
    from vpc_cni_iam.files.tree import FileChange


_LISTED = ", as the command catalog lists them"


class Format(StrEnum):
    """How to print a result."""

    text = "text"
    json = "json"


def choices(name: str, values: Iterable[str]) -> type[StrEnum]:
    """Return the type of an option whose values are only known at run time."""
    make: Any = StrEnum
    kind: type[StrEnum] = make(name, {value: value for value in values})
    return kind


class Mode(StrEnum):
    """The IP family of a cluster."""

    ipv4 = "ipv4"
    ipv6 = "ipv6"


def _kinds() -> list[str]:
    from vpc_cni_iam.catalog.options import ModuleKind

    return list(ModuleKind)


def _variants() -> list[str]:
    from vpc_cni_iam.catalog.variants import VARIANTS

    return [v.name for v in VARIANTS]


def _revisions() -> list[str]:
    from vpc_cni_iam.catalog.facts.documents import revisions

    return [r.name for r in revisions()]


def _features() -> list[str]:
    from vpc_cni_iam.catalog.facts.calls import features

    return list(features())


# Options that commands put to different uses, under one name, one metavar and one completion.


def variant(text: str) -> Any:
    """Return the option that names a variant of the catalog.

    Args:
        text: Its help.
    """
    return typer.Option("--variant", metavar="VARIANT", help=text, autocompletion=_variants)


def revision(text: str = "Take upstream's document of this date exactly.") -> Any:
    """Return the option that names a revision of upstream's page.

    Args:
        text: Its help.
    """
    return typer.Option("--revision", metavar="DATE", help=text, autocompletion=_revisions)


def feature(text: str) -> Any:
    """Return the option that names an optional feature of the plugin.

    Args:
        text: Its help.
    """
    return typer.Option("--feature", metavar="FEATURE", help=text, autocompletion=_features)


KindOption = Annotated[
    str,
    typer.Option(
        "--kind", metavar="KIND", help="Kind of module, policy or role.", autocompletion=_kinds
    ),
]
VariantArgument = Annotated[
    str,
    typer.Argument(metavar="VARIANT", help=f"Variant{_LISTED}.", autocompletion=_variants),
]
VariantOption = Annotated[
    list[str] | None,
    variant(f"Variant to generate{_LISTED}; repeat for more.  [default: ipv4, ipv6, ipv4-scoped]"),
]
RevisionOption = Annotated[
    str | None,
    revision("Take upstream's document of this date exactly, not what a release needs."),
]
FeatureOption = Annotated[
    list[str] | None,
    feature(f"Grant what an optional feature calls{_LISTED}; repeat for more."),
]
NoGapsOption = Annotated[
    bool,
    typer.Option("--no-gaps", help="Add nothing to the release's document of upstream."),
]
HardenOption = Annotated[
    bool,
    typer.Option(
        "--harden",
        help="Narrow a scoped document to the tags and the VPC that the release needs.",
    ),
]
TagKeyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--additional-tag-key",
        metavar="KEY",
        help="With --harden: a key of the plugin's ADDITIONAL_ENI_TAGS; repeat for more.",
    ),
]
ClaimTagOption = Annotated[
    str | None,
    typer.Option(
        "--eni-claim-tag",
        metavar="KEY=VALUE",
        help="With --harden: claim only interfaces with this tag, which what makes the nodes sets.",
    ),
]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print it.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Say only what is wrong.")]


# Where no terminal bounds a table; as wide as none of them is.
_UNBOUND = 1000


def path(given: str | None, default: str) -> Path:
    """Return the path that a user gave, or the default.

    Args:
        given: As given; None if it was not.
        default: What stands then.

    Raises:
        UsageError: An empty text, which the system would take for the current directory.
    """
    from vpc_cni_iam.errors import UsageError

    if given == "":
        raise UsageError("the directory is empty text; write . for the current one")
    return Path(default if given is None else given)


def hardening(
    harden: bool, additional_tag_key: list[str] | None, eni_claim_tag: str | None
) -> Hardening | None:
    """Return how the options that narrow documents say to narrow them."""
    from vpc_cni_iam.catalog.hardening import Hardening

    return Hardening.of(
        harden=harden,
        additional_tag_keys=additional_tag_key or (),
        eni_claim_tag=eni_claim_tag,
    )


def say(text: str) -> None:
    """Print a line for the user to stderr, where the result of a command never is.

    Args:
        text: The line.
    """
    show(f"vpc-cni-iam: {text}", err=True)


def show(text: str, err: bool = False) -> None:
    """Print lines, with what a terminal would obey or hide in them made visible.

    Args:
        text: The lines, which may hold text from a policy, a page or a path of somebody else's.
        err: Print to stderr.
    """
    from vpc_cni_iam.escape import escape_control

    typer.echo("\n".join(map(escape_control, text.split("\n"))), err=err)


def show_json(value: object) -> None:
    """Print the result of a command as JSON to stdout.

    Args:
        value: What `json.dumps` takes; text in it is escaped, so that no terminal obeys it.
    """
    import json

    typer.echo(json.dumps(value, indent=2))


def changes_data(folder: Path, changes: Iterable[FileChange]) -> dict[str, object]:
    """Return what was done to the files of a directory as plain data.

    Args:
        folder: The directory.
        changes: What was done to each file.
    """
    done = [{"path": c.path, "kind": c.kind} for c in changes]
    return {"path": str(folder), "changes": done}


def show_changes(folder: Path, changes: Sequence[FileChange], output: Format, quiet: bool) -> None:
    """Print what was done to the files of a directory.

    Args:
        folder: The directory.
        changes: What was done to each file.
        output: How to print it.
        quiet: Whether to leave lines out, since nothing is wrong.
    """
    if output is Format.json:
        show_json(changes_data(folder, changes))
    for change in changes if output is Format.text and not quiet else ():
        typer.echo(f"{change.kind:<7} {folder / change.path}")


def notify(options: Options) -> None:
    """Tell the user what to know about the documents chosen, if anything.

    Args:
        options: What was chosen.
    """
    from vpc_cni_iam.catalog.notes import failure_note, hardening_notes

    if text := failure_note(options):
        say(text)
    for note in hardening_notes(options):
        say(f"hardened: {note.line}")


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], title: str = "") -> None:
    """Print a table to stdout: as wide as the terminal, or as it needs if it goes elsewhere.

    Args:
        headers: The names of the columns.
        rows: The cells; shown as they are, without markup.
        title: A heading above it.
    """
    from rich.box import ASCII2
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    shown = Table(
        *(Column(h.replace("_", " "), overflow="fold") for h in headers),
        box=ASCII2,
        show_lines=True,
    )
    for row in rows:
        shown.add_row(*(Text(cell, overflow="fold") for cell in row))
    if title:
        typer.echo(f"\n{title.replace('_', ' ')}")
    bound = sys.stdout.isatty() or "COLUMNS" in os.environ
    Console(highlight=False, width=None if bound else _UNBOUND).print(shown)
