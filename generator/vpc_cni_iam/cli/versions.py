"""Options that name a plugin version, and what is done with one newer than the catalog."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vpc_cni_iam.cli.common import say

_STRICT = "vpc_cni_iam.strict"


def _releases() -> list[str]:
    from vpc_cni_iam.catalog.facts.plugin_version import LATEST
    from vpc_cni_iam.catalog.facts.releases import known

    return [LATEST, *map(str, reversed(known()[1:]))]


def release(text: str, *, known: bool = True) -> Any:
    """Return the option that names a release of the plugin.

    Args:
        text: Its help.
        known: Whether it must be one that the catalog knows.
    """
    return typer.Option(
        "--cni-version",
        metavar="RELEASE",
        help=text,
        autocompletion=_releases,
        callback=_known_release if known else None,
    )


def _known_release(context: typer.Context, value: str | None) -> str | None:
    """Take the newest release known for a later patch release, with a warning, if allowed."""
    from vpc_cni_iam.catalog.facts.releases import stand_in, stand_in_warning

    if value is None or context.resilient_parsing or context.meta.get(_STRICT):
        return value
    known_release = stand_in(value)
    if known_release is None:
        return value
    say(f"warning: {stand_in_warning(value)}")
    return str(known_release)


def _note_strict(context: typer.Context, value: bool) -> bool:
    context.meta[_STRICT] = value
    return value


def strict(text: str) -> Any:
    """Return the option that refuses what is not known.

    Args:
        text: Its help.
    """
    # Eager, so that it is known when the release is read.
    return typer.Option("--strict", help=text, is_eager=True, callback=_note_strict)


VersionOption = Annotated[
    str | None,
    release("Take what works with this plugin release.  [default: latest]"),
]
StrictOption = Annotated[bool, strict("Refuse a plugin release newer than the catalog.")]
