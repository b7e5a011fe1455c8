"""The page of the catalog: what each plugin version calls, and what a denial breaks."""

from collections.abc import Iterator
from itertools import groupby

from vpc_cni_iam.catalog.facts import calls, documents, known_versions
from vpc_cni_iam.catalog.facts.calls import FAMILIES, CallRange
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion


def page() -> str:
    """Return the page as Markdown."""
    lines = [
        "# Catalog by plugin version",
        "",
        f"The AWS actions that each of the {len(known_versions.known())} known versions calls.",
        "A plugin version has a table if its calls differ from those of the version before.",
        "`vpc-cni-iam catalog` prints the same.",
        "",
        "Upstream's documents:",
        "",
        "| document | current from plugin | current to plugin | commit |",
        "| --- | --- | --- | --- |",
    ]
    for revision in documents.revisions():
        commit = f"`{revision.source.commit[:12]}`" if revision.source.commit else "not known"
        last = revision.last or "the newest"
        lines.append(f"| {revision.name} | {revision.first} | {last} | {commit} |")
    # The first version is not supported.
    for _, group in groupby(known_versions.known()[1:], key=_uses):
        versions = list(group)
        lines += ["", *_section(versions[0], versions[-1])]
    return "\n".join(lines) + "\n"


def _uses(version: PluginVersion) -> tuple[CallRange, ...]:
    return tuple(
        use
        for feature in (None, *calls.features())
        for use in calls.call_ranges(("ipv4", "ipv6"), version, feature)
    )


def _section(first: PluginVersion, last: PluginVersion) -> Iterator[str]:
    yield f"## {first}" + (f" to {last}" if last != first else "")
    yield ""
    yield "| action | IP family | called | without it | read at |"
    yield "| --- | --- | --- | --- | --- |"
    for use in _uses(first):
        called = f"with feature `{use.feature}`" if use.feature else "always"
        impact = "cannot be denied"
        if use.deniable:
            impact = f"{use.effect} ({use.known_by(first, last)})"
        family, evidence = FAMILIES[use.mode], use.evidence.replace("|", "\\|").replace("<", "&lt;")
        yield f"| `{use.action}` | {family} | {called} | {impact} | {evidence} |"
