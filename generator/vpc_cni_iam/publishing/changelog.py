"""The CHANGELOG.md of a published module: for each version, which permissions changed."""

from __future__ import annotations

import re
from collections.abc import Iterable

from vpc_cni_iam.catalog.options import Options
from vpc_cni_iam.escape import escape_emphasis
from vpc_cni_iam.publishing.comparison import Comparison
from vpc_cni_iam.publishing.interface import Finding
from vpc_cni_iam.publishing.semver import Version

_SECTION = re.compile(r"^## (\S+)$", re.MULTILINE)
_HEAD = (
    "# Changelog\n\nVersions follow [Semantic Versioning](https://semver.org/spec/v2.0.0.html).\n"
)


def changelog(
    version: Version, options: Options, comparison: Comparison | None, previous: str
) -> str:
    """Return the changelog with a section for a version on top.

    Args:
        version: The version.
        options: What it is made from.
        comparison: How it differs from the version before; None for the first one.
        previous: The changelog of the version before, empty if there is none.
    """
    selection = options.selection
    made = f"Made from revision {selection.revision.name} of upstream's page"
    if selection.release is not None:
        made += f", for plugin {selection.release}"
        made += "" if selection.gaps else ", without filling its gaps"
    if selection.features:
        made += f", with {' and '.join(selection.features)}"
    if selection.hardening is not None:
        made += ", the scoped policies hardened"
    lines = [f"## {version}", "", f"{made}."]
    if comparison is None:
        names = ", ".join(f"`{v.name}`" for v in options.variants)
        lines += ["", f"The first version. Policies: {names}."]
    else:
        lines += ["", "### Permissions", "", *_items(comparison.permissions)]
        if comparison.interface:
            lines += ["", "### Inputs, outputs and versions", "", *_items(comparison.interface)]
    _, mark, rest = previous.partition("\n## ")
    return _HEAD + "\n" + "\n".join(lines) + "\n" + mark + rest


def before(text: str) -> str | None:
    """Return the version before the newest one of a changelog, None if it is the first.

    Args:
        text: The changelog.
    """
    found = _SECTION.findall(text)
    return found[1] if len(found) > 1 else None


def _items(findings: Iterable[Finding]) -> list[str]:
    items = [
        f"- `{f.place}`: {escape_emphasis(f.text)}" if f.place else f"- {escape_emphasis(f.text)}"
        for f in findings
    ]
    return items or ["No change of access."]
