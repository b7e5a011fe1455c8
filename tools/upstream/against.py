"""Compares the calls in a checkout with the catalog's calls of a version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tools.upstream.calls import Calls, Site
from vpc_cni_iam.catalog.facts import calls as catalog
from vpc_cni_iam.catalog.facts.known_versions import known
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.errors import UsageError

State = Literal["known", "guarded", "refused", "unknown", "not found"]
_NOTES: dict[State, str] = {
    "known": "",
    "guarded": "the catalog knows the call site, and that its guards never hold",
    "refused": "the catalog knows it, and that no document grants it",
    "unknown": "the catalog has no such call at this version: calls.json lacks it",
    "not found": "the catalog has it at this version, and no call site was found",
}


@dataclass(frozen=True, slots=True)
class Action:
    """One action in the source and the catalog.

    Args:
        name: Such as ``ec2:CreateTags``.
        state: ``known`` to both; ``guarded`` or ``refused``, also known; ``unknown`` to the
            catalog; ``not found`` in the source.
        sites: Where the source calls it.
        note: The state in words.
    """

    name: str
    state: State
    sites: tuple[Site, ...]
    note: str

    @property
    def clean(self) -> bool:
        """Whether the catalog is right about it."""
        return self.state not in ("unknown", "not found")


def release_to_compare(name: str | None) -> PluginVersion:
    """Return the latest known version that is not newer than a version.

    Args:
        name: As `PluginVersion.of` reads it; None for the newest known.

    Raises:
        UsageError: No version name, or one before all that are known.
    """
    if name is None:
        return known()[-1]
    asked = PluginVersion.of(name)
    before = [r for r in known() if r <= asked]
    if not before:
        raise UsageError(f"{asked} is before {known()[0]}, the oldest version that is known")
    return before[-1]


def against(result: Calls, version: PluginVersion) -> tuple[Action, ...]:
    """Return every action that the source or the catalog has at a version.

    Args:
        found: What `calls.calls` returns.
        version: A known release.
    """
    # The network policy agent, for one, is in no checkout of the plugin.
    own = [c for c in catalog.calls() if c.repository == catalog.calls_file().source.repository]
    called = {c.action for c in own if any(u.at(version) for u in c.ranges)}
    guarded = {c.action for c in own if not c.ranges}
    refused = {r.action for r in catalog.calls_file().refused if r.version == version}

    def state(action: str) -> State:
        if action not in result.sites:
            return "not found"
        if action in called:
            return "known"
        return "guarded" if action in guarded else "refused" if action in refused else "unknown"

    return tuple(
        Action(name, state(name), result.sites.get(name, ()), _NOTES[state(name)])
        for name in sorted(called | set(result.sites))
    )
