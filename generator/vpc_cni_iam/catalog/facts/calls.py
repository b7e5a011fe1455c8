"""Which AWS actions each release of the plugin calls, in which mode, and what a denial breaks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.facts.store import calls_data, features_data
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.names import resolve

Mode = Literal["ipv4", "ipv6"]
Impact = Literal["fatal", "degraded"]


@dataclass(frozen=True, slots=True)
class CallRange:
    """One action as one mode uses it over a range of releases.

    Args:
        action: Such as ``ec2:DescribeSubnets``.
        mode: The IP family of the cluster.
        first: The first release of the range.
        last: The last one, None if the newest known release still calls it.
        impact: What a denial breaks. ``fatal``: the plugin does not start, or pods get no
            address; ``degraded``: it works with less.
        feature: The optional feature without which it is not called, None if always.
        evidence: Where in the plugin's source this was read.
        deniable: False where AWS answers whatever policies say.
    """

    action: str
    mode: Mode
    first: PluginVersion
    last: PluginVersion | None
    impact: Impact
    feature: str | None
    evidence: str
    deniable: bool = True

    def at(self, release: PluginVersion) -> bool:
        """Say whether this use is there at a release.

        Args:
            release: A known release.
        """
        return self.first <= release and (self.last is None or release <= self.last)


@dataclass(frozen=True, slots=True)
class Call:
    """One action with all its uses.

    Args:
        action: Such as ``ec2:DescribeSubnets``.
        component: The program that calls it.
        when: The conditions under which it is called, in words.
        resources: The resource ARNs that IAM checks.
        ranges: By mode and range of releases; empty for an action with a call site only.
    """

    action: str
    component: str
    when: str
    resources: tuple[str, ...]
    ranges: tuple[CallRange, ...]


@cache
def calls() -> tuple[Call, ...]:
    """Return every action that some release has a call site for."""
    return tuple(_call(entry) for entry in calls_data()["calls"])


def _call(entry: dict[str, object]) -> Call:
    modes: dict[Mode, list[dict[str, Any]]] = entry["modes"]  # type: ignore[assignment]
    general: list[str] = entry["impact_evidence"] or entry["evidence"]  # type: ignore[assignment]
    call_ranges = tuple(
        CallRange(
            action=str(entry["action"]),
            mode=mode,
            first=PluginVersion.of(call_range["first"]),
            last=PluginVersion.of(call_range["last"]) if call_range["last"] else None,
            impact=call_range["impact"],
            feature=call_range.get("feature"),
            evidence=call_range.get("evidence", general[0]),
            deniable=call_range.get("deniable", True),
        )
        for mode, entries in modes.items()
        for call_range in entries
    )
    return Call(
        action=str(entry["action"]),
        component=str(entry["component"]),
        when=str(entry["when"]),
        resources=tuple(entry["resources"]),  # type: ignore[arg-type]
        ranges=call_ranges,
    )


@cache
def call(action: str) -> Call:
    """Return the call of a known action.

    Args:
        action: Such as ``ec2:DescribeSubnets``.
    """
    return next(c for c in calls() if c.action == action)


def call_ranges(
    modes: Iterable[Mode], release: PluginVersion | None, feature: str | None = None
) -> tuple[CallRange, ...]:
    """Return what modes use at a release, without a feature or because of one.

    Args:
        modes: The modes to ask for.
        release: The release; None for any release that the catalog knows.
        feature: None for the calls made always, or the name of the feature.
    """
    chosen = tuple(modes)
    return tuple(
        call_range
        for c in calls()
        for call_range in c.ranges
        if call_range.mode in chosen
        and call_range.feature == feature
        and (release is None or call_range.at(release))
    )


def features() -> dict[str, str]:
    """Return the optional features that need actions of their own, with what each is."""
    return {name: entry["summary"] for name, entry in features_data().items()}


def feature_since(name: str) -> PluginVersion:
    """Return the first release that has a feature.

    Args:
        name: The feature.
    """
    return min(
        call_range.first for c in calls() for call_range in c.ranges if call_range.feature == name
    )


def check_features(names: Iterable[str], release: PluginVersion | None) -> tuple[str, ...]:
    """Return the features of these names, each once, in the catalog's order.

    Args:
        names: As the user wrote them.
        release: The release that must have them, None for any.

    Raises:
        UsageError: An unknown feature, or one that the release does not have yet.
    """
    chosen = {resolve(name, features(), "feature", "--feature") for name in names}
    for name in sorted(chosen):
        if release is not None and release < feature_since(name):
            raise UsageError(
                f"feature {name} exists from plugin {feature_since(name)} on, not at {release}; "
                f"leave it out, or choose a later --cni-version"
            )
    return tuple(name for name in features() if name in chosen)
