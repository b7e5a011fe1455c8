"""Which AWS actions each plugin version calls, in which mode, and what a denial breaks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum, StrEnum
from functools import cache
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts import store
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.errors import OptionError
from vpc_cni_iam.names import resolve

Mode = Literal["ipv4", "ipv6"]
# The actions that assign pod addresses, by IP family.
ASSIGNING: dict[Mode, str] = {
    "ipv4": "ec2:AssignPrivateIpAddresses",
    "ipv6": "ec2:AssignIpv6Addresses",
}
FAMILIES: Mapping[str, str] = {"ipv4": "IPv4", "ipv6": "IPv6"}  # as people write them
# Features whose calls are made by other programs than the agent.
_OTHER_PROGRAMS = ("metrics-helper", "network-policy-logs")
_NAMED = 3  # the most observed versions that are named one by one


class DenialSeverity(StrEnum):
    """Whether the plugin works when a call is denied."""

    fatal = "fatal"  # aws-node exits, or a pod that should get an address gets none
    degraded = "degraded"


class Impact(Enum):
    """The effect of a denial on a node, the worst first."""

    EXITS = "exits at start"
    EXITS_LATER = "exits"
    NO_ADDRESS = "pods get no address"
    SOME_ADDRESSES = "some pods get no address"
    DELAYED = "start delayed"
    DEGRADED = "degraded"
    NO_EFFECT = "no effect"

    @property
    def severity(self) -> DenialSeverity:
        """Whether the plugin works when a call is denied with this impact."""
        harmless = (Impact.DELAYED, Impact.DEGRADED, Impact.NO_EFFECT)
        return DenialSeverity.degraded if self in harmless else DenialSeverity.fatal


class Basis(StrEnum):
    """How a fact is known."""

    OBSERVED = "observed"
    READ = "read from source"


class CallRange(Struct, frozen=True, cache_hash=True):
    """The calls of one action in one mode, over a range of versions."""

    action: str  # such as ``ec2:DescribeSubnets``
    mode: Mode  # the IP family of the cluster
    first: PluginVersion
    last: PluginVersion | None  # the last version; None if the newest known version still calls it
    impact: Impact  # what a denial does
    feature: str | None  # the optional feature that makes the call; None if always made
    evidence: str  # where in the plugin's source this was read
    deniable: bool = True  # false if AWS allows it whatever policies say
    delay: int = 0  # by how many seconds a denial delays the start
    # The versions of the range at which the denial was observed.
    observed: tuple[PluginVersion, ...] = ()
    breaks: str = ""  # what a denial breaks, in words; empty if the request's form says it

    @property
    def severity(self) -> DenialSeverity:
        """The severity of the impact."""
        return self.impact.severity

    @property
    def is_fatal(self) -> bool:
        """Whether the plugin does not work if the call is denied."""
        return self.severity is DenialSeverity.fatal

    @property
    def is_needed(self) -> bool:
        """Whether AWS can deny it, and the plugin then breaks or does less."""
        return self.deniable and self.impact is not Impact.NO_EFFECT

    @property
    def effect(self) -> str:
        """The impact in words, with the delay if any."""
        delayed = f"{Impact.DELAYED.value} by {self.delay} s"
        if self.impact is Impact.DELAYED:
            return delayed
        return f"{self.impact.value}, {delayed}" if self.delay else self.impact.value

    def basis(self, version: PluginVersion) -> Basis:
        """Return how the impact at a version is known."""
        return Basis.OBSERVED if version in self.observed else Basis.READ

    def known_by(self, first: PluginVersion, last: PluginVersion) -> str:
        """Return how the impact is known over a range of versions, in words."""
        observed = [str(r) for r in self.observed if first <= r <= last]
        if not observed:
            return Basis.READ.value
        known = map(PluginVersion.of, store.data("calls.json")["versions"])
        if len(observed) == sum(first <= version <= last for version in known):
            return Basis.OBSERVED.value
        named = ", ".join(observed)
        if len(observed) > _NAMED:
            named = f"{len(observed)} versions from {observed[0]} to {observed[-1]}"
        return f"observed at {named}, else {Basis.READ.value}"

    def at(self, version: PluginVersion) -> bool:
        """Return whether a known version makes this call."""
        return self.first <= version and (self.last is None or version <= self.last)


class Call(Struct, frozen=True):
    """One action with all its call ranges."""

    action: str  # such as ``ec2:DescribeSubnets``
    component: str  # the program that calls it
    when: str  # the conditions under which it is called, in words
    resources: tuple[str, ...]  # the resource ARNs that IAM checks
    # By mode and range of versions; empty if the source only has a call site.
    ranges: tuple[CallRange, ...]


@cache
def calls() -> tuple[Call, ...]:
    """Return every action that some version has a call site for."""
    return tuple(_call(entry) for entry in store.data("calls.json")["calls"])


def _call(entry: dict[str, Any]) -> Call:
    general = {"evidence": (entry["impact_evidence"] or entry["evidence"])[0]}
    action = entry["action"]
    return Call(
        action=action,
        component=entry["component"],
        when=entry["when"],
        resources=tuple(entry["resources"]),
        ranges=tuple(
            read_range(action, action, mode, general | part)
            for mode, parts in entry["modes"].items()
            for part in parts
        ),
    )


def read_range(action: str, name: str, mode: Mode, entry: dict[str, Any]) -> CallRange:
    """Return one entry of ``calls.json`` or ``requests.json``; denials refer to it by `name`."""
    first, feature = PluginVersion.of(entry["first"]), entry.get("feature")
    last = PluginVersion.of(entry["last"]) if entry["last"] else None
    by_name = store.data("denials.json").get(f"{mode} {feature}" if feature else mode, {})
    observed = map(PluginVersion.of, by_name.get(name, []))
    return CallRange(
        action=action,
        mode=mode,
        first=first,
        last=last,
        impact=Impact(entry["impact"]),
        feature=feature,
        evidence=entry["evidence"],
        deniable=entry.get("deniable", True),
        delay=entry.get("delay", 0),
        observed=tuple(r for r in observed if first <= r and (last is None or r <= last)),
        breaks=entry.get("breaks", ""),
    )


def at_version(call_range: CallRange, name: str, version: PluginVersion) -> CallRange:
    """Return a range at one of its versions: some versions exit on any denial."""
    exits = store.data("calls.json")["exits_on_denial"]
    first, last = PluginVersion.of(exits["first"]), PluginVersion.of(exits["last"])
    by_agent = call_range.action.startswith("ec2:") and call_range.feature not in _OTHER_PROGRAMS
    if not first <= version <= last or not by_agent or call_range.action in exits["but"]:
        return call_range
    at_start = call_range.impact is Impact.EXITS or name in exits["at_start"]
    return replace(
        call_range,
        first=max(first, call_range.first),
        last=min(last, call_range.last or last),
        impact=Impact.EXITS if at_start else Impact.EXITS_LATER,
        evidence=exits["evidence"],
        observed=tuple(r for r in call_range.observed if first <= r <= last),
        breaks=exits["breaks"],
    )


def observed_versions() -> frozenset[PluginVersion]:
    """Return the versions whose agent ran with calls denied."""
    denied = (names for mode in store.data("denials.json").values() for names in mode.values())
    return frozenset(PluginVersion.of(name) for names in denied for name in names)


@cache
def call(action: str) -> Call:
    """Return the call of a known action, such as ``ec2:DescribeSubnets``."""
    return next(c for c in calls() if c.action == action)


def call_ranges(
    modes: Iterable[Mode], version: PluginVersion | None, feature: str | None = None
) -> tuple[CallRange, ...]:
    """Return the call ranges of modes at a version, without a feature or of one feature.

    Version None means any known version; versions that exit on any denial are not separated then.
    """
    chosen = tuple(modes)
    return tuple(
        at_version(call_range, call_range.action, version) if version else call_range
        for c in calls()
        for call_range in c.ranges
        if call_range.mode in chosen
        and call_range.feature == feature
        and (version is None or call_range.at(version))
    )


def features() -> dict[str, str]:
    """Return the optional features that need more actions, with a description of each."""
    return {name: entry["summary"] for name, entry in store.data("features.json").items()}


def program_source(feature: str) -> str:
    """Return the source of the permissions of a program with its own service account."""
    return str(store.data("features.json")[feature]["source"])


def program_service_account(feature: str) -> str:
    """Return the service account of the program behind a feature."""
    return str(store.data("features.json")[feature]["service_account"])


def feature_since(name: str) -> PluginVersion:
    """Return the first version that has a feature."""
    return min(
        call_range.first for c in calls() for call_range in c.ranges if call_range.feature == name
    )


def check_features(names: Iterable[str], version: PluginVersion | None) -> tuple[str, ...]:
    """Return the features with these names, each once, in order; raises `UsageError`."""
    chosen = {resolve(name, features(), "feature", "--feature") for name in names}
    for name in sorted(chosen):
        if version is not None and version < feature_since(name):
            problem = (
                "feature {} exists from plugin {} on, not at {}; leave it out, or choose a later "
                "{--cni-version}"
            )
            raise OptionError("--feature", problem, name, feature_since(name), version)
    return tuple(name for name in features() if name in chosen)
