"""Options that name a plugin version, and the handling of one newer than the catalog."""

from __future__ import annotations

from functools import partial
from typing import Any

import typer

from vpc_cni_iam.cli.expand import value

_STRICT = "vpc_cni_iam.strict"


def _versions() -> list[str]:
    from vpc_cni_iam.catalog.facts.known_versions import known
    from vpc_cni_iam.catalog.facts.plugin_version import LATEST

    return [LATEST, *map(str, reversed(known()[1:]))]


def _known_version(context: typer.Context, value: str | None) -> str | None:
    """Take the newest known version for a later patch version, with a warning, if allowed."""
    if value is None or context.resilient_parsing:
        return value
    return known(value, strict=bool(context.meta.get(_STRICT)))


def known(name: str, *, strict: bool) -> str:
    """Return a version, or the newest known one for a later patch version, with a warning."""
    from vpc_cni_iam.catalog.facts.known_versions import stand_in, stand_in_warning
    from vpc_cni_iam.cli.common import say

    version = None if strict else stand_in(name)
    if version is None:
        return name
    say(f"warning: {stand_in_warning(name)}")
    return str(version)


def _note_strict(context: typer.Context, value: bool) -> bool:
    context.meta[_STRICT] = value
    return value


def strict(text: str) -> Any:
    """Return the option that refuses unknown versions."""
    # Eager: the callback of --cni-version needs its value.
    return typer.Option(False, "--strict", help=text, is_eager=True, callback=_note_strict)


# The option that names a plugin version.
plugin_version = partial(value, "VERSION", autocompletion=_versions, callback=_known_version)
STRICT = strict("Refuse a plugin version newer than the catalog.")
