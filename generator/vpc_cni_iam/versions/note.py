"""The note on documents with which the plugin fails at some versions."""

from __future__ import annotations

from collections.abc import Iterable

from vpc_cni_iam.catalog.compose import Composed
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.options import Options
from vpc_cni_iam.catalog.selection import NO_ADDITIONS, Additions


def failure_note(options: Options) -> str:
    """Return the revision and the versions that fail with it; empty if none fails."""
    selection = options.selection
    revision = f"revision {selection.revision.name} of upstream's page"
    if selection.stands_in:
        return f"no document existed at plugin {selection.version}; {revision} stands in"
    if selection.version and selection.additions is not Additions.none:
        return ""  # all that the version needs is added
    failures = _failures(options.composed(), selection.version)
    if selection.version is not None and not failures:
        return ""
    if not failures:
        return revision
    reasons = "; ".join(f"{reason} ({', '.join(names)})" for reason, names in failures.items())
    advice = "Leave --revision out for the newest plugin"
    if selection.version is not None:
        advice = f"Without {NO_ADDITIONS}, the action is added"
    return f"{revision}: {reasons}. {advice}"


def _failures(policies: Iterable[Composed], version: PluginVersion | None) -> dict[str, list[str]]:
    """Return why documents fail at a version, or at any version, with the variants by reason."""
    from vpc_cni_iam.versions.works_with import composed_versions  # noqa: PLC0415 - slow to import

    failures: dict[str, list[str]] = {}
    newest = known_versions.newest()
    for composed in policies:
        fatal = {
            why: spans
            for why, spans in composed_versions(composed).failures().items()
            if version is None or any(version in span for span in spans)
        }
        for (action, scenario), spans in fatal.items():
            where = f"at {', '.join(map(str, spans))}"
            if spans[-1].last == newest and len(spans) == 1:
                where = f"from {spans[0].first} on"
            elif any(s[-1].last == newest and s[0].first <= spans[0].first for s in fatal.values()):
                continue  # from there on, it fails for another reason
            when = f" in the scenario {scenario}" if scenario else ""
            reason = f"the plugin fails {where}: {action} is not allowed{when}"
            failures.setdefault(reason, []).append(composed.variant.name)
    return failures
