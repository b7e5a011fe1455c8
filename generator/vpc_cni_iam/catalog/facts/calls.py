"""Which AWS actions each plugin version calls, in which mode, and what a denial breaks.

A call has steps, and a step the versions that send it. IAM checks an action differently for
different steps, such as ec2:ModifyNetworkInterfaceAttribute for security groups or for
delete-on-termination.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum, StrEnum
from functools import cache
from itertools import groupby, pairwise, product
from operator import itemgetter
from typing import Literal

from msgspec.structs import asdict, replace

from vpc_cni_iam.catalog.facts import store
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.errors import OptionError
from vpc_cni_iam.names import resolve
from vpc_cni_iam.resources import Facts

Mode = Literal["ipv4", "ipv6"]
Feature = Literal[
    "multi-nic", "excluded-primary-subnet", "hyperpod", "metrics-helper", "network-policy-logs"
]
ResourceKind = Literal[
    "*", "network-interface", "subnet", "security-group", "instance", "cluster", "log-group"
]
# The actions that assign pod addresses, by IP family.
ASSIGNING: dict[Mode, str] = {
    "ipv4": "ec2:AssignPrivateIpAddresses",
    "ipv6": "ec2:AssignIpv6Addresses",
}
FAMILIES: Mapping[Mode, str] = {"ipv4": "IPv4", "ipv6": "IPv6"}  # as people write them
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

    @property
    def rank(self) -> int:
        """Its place in the order; 0 is the worst."""
        return _ORDER[self]


_ORDER = {impact: place for place, impact in enumerate(Impact)}


class StepRange(Facts, frozen=True):
    """The versions that send a step in one mode, and what a denial does there."""

    mode: Mode  # the IP family of the cluster
    first: PluginVersion
    last: PluginVersion | None  # the last version; None if the newest known version still sends it
    feature: Feature | None  # the optional feature that sends it; None if always sent
    impact: Impact  # what a denial does
    delay: int  # by how many seconds a denial delays the start
    deniable: bool  # false if AWS allows it whatever policies say
    breaks: str  # what a denial breaks, in words
    evidence: str  # where in the plugin's source this was read

    def at(self, version: PluginVersion) -> bool:
        """Return whether a known version sends it."""
        return self.first <= version and (self.last is None or version <= self.last)


class Step(Facts, frozen=True):
    """One way in which the plugin sends a call."""

    name: str  # such as ``set-groups``
    does: str  # what it is for, in words
    within: str | None  # the step whose request is also checked as this action; None if sent itself
    at_start: bool  # whether every start sends it first, without a resource
    # The kinds of resource that IAM checks, such as ``instance``; none if AWS allows it whatever
    # policies say.
    on: tuple[ResourceKind, ...]
    # Kinds of resource that IAM can check for the action but not for this step, with the reason.
    never_on: dict[str, str]
    ranges: tuple[StepRange, ...]


class Basis(StrEnum):
    """How a fact is known."""

    OBSERVED = "observed"
    READ = "read from source"


class CallRange(StepRange, frozen=True, cache_hash=True):
    """The calls of one action in one mode, over a range of versions."""

    action: str  # such as ``ec2:DescribeSubnets``
    # The versions of the range at which the denial was observed.
    observed: tuple[PluginVersion, ...]

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
        if len(observed) == sum(first <= version <= last for version in calls_file().versions):
            return Basis.OBSERVED.value
        named = ", ".join(observed)
        if len(observed) > _NAMED:
            named = f"{len(observed)} versions from {observed[0]} to {observed[-1]}"
        return f"observed at {named}, else {Basis.READ.value}"


class Call(Facts, frozen=True):
    """One action that some version has a call site for."""

    action: str  # such as ``ec2:DescribeSubnets``
    component: str  # the program that calls it
    repository: str  # the repository of the program
    when: str  # the conditions under which it is called, in words
    resources: tuple[str, ...]  # the resource ARNs that IAM checks
    evidence: tuple[str, ...]
    impact_evidence: tuple[str, ...]
    steps: tuple[Step, ...]  # empty if the source only has a call site

    @property
    def ranges(self) -> tuple[CallRange, ...]:
        """What a denial of all its steps does, by mode, feature and versions."""
        return _ranges_of(self.action)


class RefusedVersion(Facts, frozen=True):
    """A version that no policy works with."""

    version: PluginVersion
    action: str  # the action that no document grants
    reason: str
    evidence: str


class ExitsOnDenial(Facts, frozen=True):
    """The versions that exit on any denial."""

    first: PluginVersion
    last: PluginVersion
    but: tuple[str, ...]  # the actions whose denial does not end them
    at_start: tuple[str, ...]  # the actions and steps whose denial already ends the start
    breaks: str
    evidence: str


class CallsSource(Facts, frozen=True):
    """How the calls were found."""

    repository: str
    commit: str
    modules: str
    newest_version: PluginVersion
    newest_version_date: str
    beside: dict[str, PluginVersion]  # the versions of other modules that were read last
    method: str
    resources: str
    other_binaries_without_ec2_calls: tuple[str, ...]


class CallsFile(Facts, frozen=True):
    """The plugin versions and their calls."""

    source: CallsSource
    versions: tuple[PluginVersion, ...]
    refused: tuple[RefusedVersion, ...]
    exits_on_denial: ExitsOnDenial
    calls: tuple[Call, ...]


class ObservedDenials(Facts, frozen=True):
    """The versions at which a denial of an action or a step was observed."""

    mode: Mode
    feature: Feature | None
    name: str  # of the action or the step
    versions: tuple[PluginVersion, ...]


class FeatureProgram(Facts, frozen=True):
    """A program with its own service account."""

    service_account: str
    source: str  # of its permissions


class FeatureFacts(Facts, frozen=True):
    """An optional feature that needs more actions."""

    summary: str
    program: FeatureProgram | None  # the program that makes its calls; None for aws-node


@cache
def calls_file() -> CallsFile:
    """Return the versions and their calls."""
    return store.data("calls.json", CallsFile)


def calls() -> tuple[Call, ...]:
    """Return every action that some version has a call site for."""
    return calls_file().calls


@cache
def _ranges_of(action: str) -> tuple[CallRange, ...]:
    return tuple(_ranges(call(action)))


def _ranges(of: Call) -> Iterator[CallRange]:
    rows = [row for step in of.steps for row in step.ranges]
    known = calls_file().versions
    for mode, feature in product(FAMILIES, (None, *_features())):
        always = [row for row in rows if row.mode == mode and row.feature is None]
        own = [row for row in rows if row.mode == mode and row.feature == feature]
        starts = _starts([*always, *own]) if own else []
        worst = ((_worst(own, always if feature else (), start), start) for start in starts)
        runs = [(row, next(run)[1]) for row, run in groupby(worst, itemgetter(0))]
        for (row, first), (_, following) in pairwise([*runs, (None, None)]):
            if row and first:
                last = known[known.index(following) - 1] if following else None
                yield call_range_of(replace(row, first=first, last=last), of.action, of.action)


def _starts(rows: Iterable[StepRange]) -> list[PluginVersion]:
    """Return the versions at which rows start, and those after they end."""
    known, starts = calls_file().versions, {row.first for row in rows}
    ends = {row.last for row in rows if row.last and row.last < known[-1]}
    return sorted(starts | {known[bisect_right(known, end)] for end in ends})


def _worst(
    rows: Sequence[StepRange], always: Iterable[StepRange], version: PluginVersion
) -> StepRange | None:
    """Return the worst of rows at a version, with the longest delay of all.

    None if the version sends none of them, or always sends one whose denial is as bad.
    """
    sent = [row for row in rows if row.at(version)]
    worst = min(sent, key=lambda row: row.impact.rank, default=None)
    if worst is None or any(
        row.at(version) and row.impact.rank <= worst.impact.rank for row in always
    ):
        return None
    delayed = max(sent, key=lambda row: row.delay)
    if delayed.delay > worst.delay:
        evidence = f"{worst.evidence}; {delayed.evidence}"
        return replace(worst, delay=delayed.delay, evidence=evidence)
    return worst


def call_range_of(row: StepRange, action: str, name: str) -> CallRange:
    """Return a call range of an action; denials name the action or the step."""
    observed = _denials().get((row.mode, row.feature, name), ())
    return CallRange(**asdict(row), action=action, observed=tuple(filter(row.at, observed)))


@cache
def _denials() -> dict[tuple[str, str | None, str], tuple[PluginVersion, ...]]:
    return {(row.mode, row.feature, row.name): row.versions for row in _observed_denials()}


def _observed_denials() -> tuple[ObservedDenials, ...]:
    return store.data("denials.json", tuple[ObservedDenials, ...])


def _features() -> dict[str, FeatureFacts]:
    return store.data("features.json", dict[str, FeatureFacts])


def at_version(call_range: CallRange, name: str, version: PluginVersion) -> CallRange:
    """Return a range at one of its versions: some versions exit on any denial."""
    exits = calls_file().exits_on_denial
    by_agent = call_range.action.startswith("ec2:") and call_range.feature not in _OTHER_PROGRAMS
    if not exits.first <= version <= exits.last or not by_agent or call_range.action in exits.but:
        return call_range
    at_start = call_range.impact is Impact.EXITS or name in exits.at_start
    return replace(
        call_range,
        first=max(exits.first, call_range.first),
        last=min(exits.last, call_range.last or exits.last),
        impact=Impact.EXITS if at_start else Impact.EXITS_LATER,
        evidence=exits.evidence,
        observed=tuple(v for v in call_range.observed if exits.first <= v <= exits.last),
        breaks=exits.breaks,
    )


def observed_versions() -> frozenset[PluginVersion]:
    """Return the versions whose agent ran with calls denied."""
    return frozenset(version for row in _observed_denials() for version in row.versions)


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
    return {name: feature.summary for name, feature in _features().items()}


def program_of(feature: str) -> FeatureProgram:
    """Return the program with its own service account that makes the calls of a feature."""
    known = _features()[feature].program
    assert known is not None, feature  # noqa: S101 - for the type
    return known


def feature_since(name: str) -> PluginVersion:
    """Return the first version that has a feature."""
    return min(
        row.first for c in calls() for step in c.steps for row in step.ranges if row.feature == name
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
