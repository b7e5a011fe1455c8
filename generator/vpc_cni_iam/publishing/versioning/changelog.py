"""The CHANGELOG.md of a published module: the changed permissions of each version."""

from __future__ import annotations

import re
from collections.abc import Iterable

from vpc_cni_iam.catalog.options import Options
from vpc_cni_iam.escape import escape_emphasis
from vpc_cni_iam.publishing.versioning.comparison import Comparison
from vpc_cni_iam.publishing.versioning.semver import Version, VersionChange

FILE = "CHANGELOG.md"
_SECTION = re.compile(r"^## (\S+)$", re.MULTILINE)
_HEAD = (
    "# Changelog\n\nVersions follow [Semantic Versioning](https://semver.org/spec/v2.0.0.html).\n"
)


def changelog(
    version: Version, options: Options, comparison: Comparison | None, previous: str
) -> str:
    """Return a changelog with a section for a new version on top.

    Of the first version there is no comparison, and the previous changelog is empty.
    """
    selection = options.selection
    origin = f"Made from revision {selection.revision.name} of upstream's page"
    if selection.version is not None:
        origin += f", for plugin {selection.version}"
        origin += "" if selection.gaps else ", without filling its gaps"
    if selection.features:
        origin += f", with {' and '.join(selection.features)}"
    if selection.hardening is not None:
        origin += ", the scoped policies hardened"
    lines = [f"## {version}", "", f"{origin}."]
    if comparison is None:
        names = ", ".join(f"`{v.name}`" for v in options.variants)
        lines += ["", f"The first version. Policies: {names}."]
    else:
        lines += ["", "### Permissions", "", *_items(comparison.permissions)]
        if comparison.interface:
            lines += ["", "### Inputs, outputs and versions", "", *_items(comparison.interface)]
    _, mark, rest = previous.partition("\n## ")
    return _HEAD + "\n" + "\n".join(lines) + "\n" + mark + rest


def version_before_newest(text: str) -> Version | None:
    """Return the version before the newest one of a changelog; None if it has one version."""
    names = _SECTION.findall(text)
    return Version.of(names[1]) if len(names) > 1 else None


def _items(changes: Iterable[VersionChange]) -> list[str]:
    items = []
    for change in changes:
        text = escape_emphasis(change.text)
        items.append(f"- `{change.subject}`: {text}" if change.subject else f"- {text}")
    return items or ["No change of access."]
