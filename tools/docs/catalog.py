"""The pages of the catalog: what plugin versions call, and what a denial breaks."""

import re
from collections.abc import Iterator, Set
from itertools import groupby, pairwise

from tools.docs import source_links
from vpc_cni_iam.catalog.facts import calls, documents, known_versions
from vpc_cni_iam.catalog.facts.calls import FAMILIES, CallRange
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion

LIST, FOLDER = "catalog.md", "catalog"


def pages() -> dict[str, str]:
    """Return the pages by their path below docs/, the newest versions first; first the list."""
    # The first version is not supported.
    groups = [list(group) for _, group in groupby(known_versions.known()[1:], key=_uses)]
    lines = [
        "# Catalog by plugin version",
        "",
        f"The AWS actions that each of the {len(known_versions.known())} known versions calls.",
        "Versions with the same calls have one page. `vpc-cni-iam catalog` prints the same.",
        "",
        "| plugin | what is new |",
        "| --- | --- |",
    ]
    made = {LIST: ""}
    changes = [
        (groups[0], "the first versions"),
        *((b, _change(a, b)) for a, b in pairwise(groups)),
    ]
    for group, change in reversed(changes):
        place, title = f"{FOLDER}/{group[0]}.md", _title(group)
        lines.append(f"| [{title}]({place}) | {change} |")
        made[place] = "\n".join(_page(group[0], group[-1], change)) + "\n"
    lines += [
        "",
        "## Upstream's documents",
        "",
        "| document | current with plugin | commit |",
        "| --- | --- | --- |",
    ]
    for revision in documents.revisions():
        commit = f"`{revision.source.commit[:12]}`" if revision.source.commit else "not known"
        last = revision.last or "the newest"
        lines.append(f"| {revision.name} | {revision.first} to {last} | {commit} |")
    return made | {LIST: "\n".join(lines) + "\n"}


def _title(group: list[PluginVersion]) -> str:
    return str(group[0]) if len(group) == 1 else f"{group[0]} to {group[-1]}"


def _uses(version: PluginVersion) -> tuple[CallRange, ...]:
    return tuple(
        use
        for feature in (None, *calls.features())
        for use in calls.call_ranges(("ipv4", "ipv6"), version, feature)
    )


def _change(before: list[PluginVersion], after: list[PluginVersion]) -> str:
    """Return which calls a group of versions adds and drops, or what else differs."""
    effects = [
        {(u.action, u.feature, FAMILIES[u.mode]): u.effect for u in _uses(group[0])}
        for group in (before, after)
    ]
    old, new = effects
    parts = [*_named("calls", new.keys() - old.keys())]
    parts += _named("no longer calls", old.keys() - new.keys())
    other = dict.fromkeys(
        key[0] for key in sorted(old.keys() & new.keys(), key=str) if old[key] != new[key]
    )
    if other:
        parts.append(f"a denial of {', '.join(f'`{a}`' for a in other)} has another effect")
    return "; ".join(parts) or "the same calls, at other places of the source"


def _named(verb: str, calls_of: Set[tuple[str, str | None, str]]) -> Iterator[str]:
    """Yield calls in words, grouped by feature and IP family."""
    families: dict[tuple[str, str | None], list[str]] = {}
    for action, feature, family in sorted(calls_of, key=str):
        families.setdefault((action, feature), []).append(family)
    together: dict[str, list[str]] = {}
    for (action, feature), only in families.items():
        where = f" with `{feature}`" if feature else ""
        where += f" in {only[0]} clusters" if len(only) == 1 else ""
        together.setdefault(where, []).append(f"`{action}`")
    for where, actions in together.items():
        yield f"{verb} {', '.join(actions)}{where}"


def _page(first: PluginVersion, last: PluginVersion, change: str) -> Iterator[str]:
    yield f"# Plugin {_title([first] if first == last else [first, last])}"
    yield ""
    yield f"New: {change}. [All versions](../{LIST})."
    yield ""
    yield "Brackets say [how the effect of a denial is known](../evidence.md)."
    uses = _uses(first)
    for feature, group in groupby(uses, key=lambda use: use.feature):
        yield from ("", f"## With the feature `{feature}`" if feature else "## Always called", "")
        yield "| action | without it | read at |"
        yield "| --- | --- | --- |"
        rows: dict[tuple[str, str, str], list[str]] = {}
        for use in group:
            impact = "cannot be denied"
            if use.deniable:
                impact = f"{use.effect} ({use.known_by(first, last)})"
            rows.setdefault((use.action, impact, use.evidence), []).append(FAMILIES[use.mode])
        for (action, impact, evidence), families in rows.items():
            only = f" {families[0]}" if len(families) == 1 else ""
            yield f"| `{action}`{only} | {impact} | {_linked(evidence)} |"


def _linked(evidence: str) -> str:
    return "".join(
        f"[{text}]({address})" if address else re.sub(r"([|<>*_\[\]])", r"\\\1", text)
        for text, address in source_links.parts(evidence)
    )
