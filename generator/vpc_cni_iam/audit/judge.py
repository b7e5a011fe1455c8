"""Whether the plugin works with the policies of a role, at one plugin version."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from functools import lru_cache, partial
from itertools import product
from math import prod

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.calls import ASSIGNING, Mode, calls
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.known_documents import KnownDocument, recognise
from vpc_cni_iam.coverage.analysis.cover import PluginVerdict, run_scenarios, verdict_of
from vpc_cni_iam.coverage.analysis.denied import DeniedAction, denied_actions, denied_calls
from vpc_cni_iam.coverage.analysis.risks import (
    Risk,
    RiskLevel,
    RiskName,
    risks_of_access,
    with_risks_of_calls,
)
from vpc_cni_iam.coverage.names import (
    CheckedRegion,
    all_names,
    known_names,
    mode_of,
    modes_of,
    names_in,
    names_of,
    names_of_role,
    regions_to_check,
)
from vpc_cni_iam.coverage.simulate.scenarios import SCENARIOS, not_expected
from vpc_cni_iam.coverage.simulate.send import Answers, Limits
from vpc_cni_iam.coverage.simulate.settings import Names, RequestSetting
from vpc_cni_iam.plugin.cluster import ANY_CLUSTER, EksCluster
from vpc_cni_iam.plugin.settings import PluginSettings
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.evaluate import Decision

# A policy that was not read allows this at most.
_EVERYTHING = Policy((Statement(actions=("*",), resources=("*",)),))
# Each value that policies have for these names is tried, up to this number of combinations.
_EACH_ONE = frozenset({"cluster_name", "vpc_id"})
_MOST_PLACES = 16
# How many results are cached for roles with the same policies.
_REMEMBERED = 256


class RoleScope(StrEnum):
    """Whose network interfaces a role can change."""

    scoped = "scoped"
    broad = "broad"
    none = "no access"


class RoleVerdict(StrEnum):
    """Whether the plugin works with a role, from best to worst."""

    unused = "unused"  # aws-node has another role in each cluster that is known to have it
    works = "works"
    unknown = "unknown"  # it depends on something that was not read or decided
    breaks = "breaks"

    @property
    def rank(self) -> int:
        """Its position, from best to worst."""
        return list(RoleVerdict).index(self)


_VERDICTS = {
    PluginVerdict.works: RoleVerdict.works,
    PluginVerdict.degraded: RoleVerdict.works,
    PluginVerdict.unknown: RoleVerdict.unknown,
    PluginVerdict.fails: RoleVerdict.breaks,
}


class RegionAudit(Struct, frozen=True):
    """The result for a role in one of the Regions that its clusters are, or may be, in."""

    region: str | None  # the Region in its policies; None for a Region that no policy names
    checked: str  # the Region of the requests
    verdict: RoleVerdict


class RoleResult(Struct, frozen=True):
    """The result for a role in clusters of one IP family, at the checked version."""

    mode: Mode  # the IP family
    verdict: RoleVerdict  # whether the plugin works
    missing: tuple[DeniedAction, ...] = ()  # the denied actions that make the plugin fail
    # The verdict in each Region, if they differ; `verdict` is then the worst.
    regions: tuple[RegionAudit, ...] = ()
    scenarios_not_run: tuple[str, ...] = ()  # scenarios that are not expected


class PolicyAudit(Struct, frozen=True):
    """The result for the policies of a role."""

    scope: RoleScope  # whose network interfaces the role can change
    families: tuple[RoleResult, ...]  # the result for each IP family of the role
    risks: tuple[str, ...]  # the names of the risks that are warnings
    equal_to: tuple[KnownDocument, ...]  # the published documents that equal one of the policies


class ClusterPlace(Struct, frozen=True):
    """What is known about a cluster in which the plugin has a role."""

    cluster: EksCluster = ANY_CLUSTER
    settings: PluginSettings | None = None  # the plugin's settings there
    mode: Mode | None = None  # its IP family, if the input has it


class PluginRole(Struct, frozen=True):
    """A role with what the plugin's requests with it depend on."""

    policies: tuple[Policy, ...]  # all of its policies
    limits: Limits  # its boundary, if it has one
    boundary: str  # the boundary's name, empty without one
    account: str  # the ID of its account
    partition: str  # the partition of its account
    version: PluginVersion  # the plugin version to check
    session_tags: bool  # whether its session has the tags of EKS Pod Identity
    regions: tuple[str, ...] = ()  # the Regions of its clusters; none if one is not known

    def settings(self, mode: Mode, cluster: EksCluster = ANY_CLUSTER) -> tuple[RequestSetting, ...]:
        """Return the settings of requests in a cluster of an IP family, the likeliest first.

        If the policies name several clusters or VPCs, there is one setting for each.
        """
        own, named = self._known(cluster), all_names(self.policies)
        several = {k: v for k, v in named.items() if k in _EACH_ONE - {*own}}
        if prod(map(len, several.values())) > _MOST_PLACES:
            several = {}
        return tuple(
            RequestSetting(
                self.version,
                mode,
                names=names_of({**own, **dict(zip(several, values, strict=True))}, self.policies),
                session_tags=self.session_tags,
            )
            for values in product(*several.values())
        )

    def regions_to_check(self, cluster: EksCluster = ANY_CLUSTER) -> tuple[CheckedRegion, ...]:
        """Return each Region that a cluster may be in; none if its Region is known."""
        if self.regions and not cluster.region:
            return tuple(CheckedRegion(region, region) for region in self.regions)
        policies = [policy for layer in (self.policies, *self.limits) for policy in layer]
        return regions_to_check(policies, self._known(cluster))

    def _known(self, cluster: EksCluster) -> dict[str, str]:
        """Return the names that are known, by parameter."""
        surroundings = {
            "cluster_name": cluster.name,
            "region": cluster.region,
            "account_id": self.account,
            "partition": self.partition,
        }
        known = {name: value for name, value in surroundings.items() if value}
        limits = [policy for limit in self.limits for policy in limit]
        return known_names(known, names_of_role(self.policies, limits))


@lru_cache(_REMEMBERED)
def modes(role: PluginRole) -> tuple[Mode, ...]:
    """Return the IP families for which a role could assign pod addresses."""
    return modes_of(role.policies, role.limits)


def judge_cluster(role: PluginRole, place: ClusterPlace) -> RoleResult:
    """Return the result for a role with a cluster's settings; the worst of the possible results."""
    regions = role.regions_to_check(place.cluster)
    return _worst_of_regions(_settings(role, place), regions, partial(_result, role))


def _worst_of_regions(
    settings: Sequence[RequestSetting],
    regions: Sequence[CheckedRegion],
    judge: Callable[[RequestSetting], RoleResult],
) -> RoleResult:
    """Return the worst result in some settings, and the verdicts in the Regions if they differ."""
    results = [_worst(map(judge, some)) for some in _by_region(settings, regions)]
    worst = _worst(results)
    audits = tuple(
        RegionAudit(region.name, region.checked, result.verdict)
        for region, result in zip(regions, results, strict=False)
    )
    differ = any(audit.verdict is not worst.verdict for audit in audits)
    return replace(worst, regions=audits) if differ else worst


def _by_region(
    settings: Sequence[RequestSetting], regions: Sequence[CheckedRegion]
) -> list[Sequence[RequestSetting]]:
    """Return the settings in each Region; only the settings if the Region is known."""
    return [
        [replace(setting, names=region.names(setting.names)) for setting in settings]
        for region in regions
    ] or [settings]


def _worst(results: Iterable[RoleResult]) -> RoleResult:
    return max(results, key=lambda result: result.verdict.rank)


def _settings(role: PluginRole, place: ClusterPlace) -> list[RequestSetting]:
    """Return the possible settings of requests with a role in a cluster.

    If the plugin's settings are not known, they are the defaults.
    """
    if place.settings is not None:
        # EKS configures its add-on for the IP family of the cluster.
        mode = place.settings.mode or place.mode or mode_of(role.policies, role.limits)
        return [s.configured(place.settings) for s in role.settings(mode, place.cluster)]
    own: Iterable[Mode] = (place.mode,) if place.mode else modes(role) or ASSIGNING
    return [s for mode in own for s in role.settings(mode, place.cluster)]


@lru_cache(_REMEMBERED)
def judge(role: PluginRole) -> PolicyAudit:
    """Return the result for a role."""
    about_calls = _about_calls(role)
    families: tuple[Mode, ...] = modes(role)
    risks: list[Risk] = []

    def judged(setting: RequestSetting) -> RoleResult:
        result, of_calls = _audited(about_calls, setting.mode, setting.names)
        if families:
            risks.extend(with_risks_of_calls(role.policies, setting, role.limits, of_calls))
        return result

    regions = role.regions_to_check()
    audits = [
        _worst_of_regions(role.settings(mode), regions, judged) for mode in families or ASSIGNING
    ]
    names_of_risks = dict.fromkeys(r.identifier for r in risks if r.severity is RiskLevel.warning)
    scope = RoleScope.broad if RiskName.interfaces_unscoped in names_of_risks else RoleScope.scoped
    return PolicyAudit(
        scope if families else RoleScope.none,
        tuple(audits),
        tuple(names_of_risks),
        tuple(known for policy in role.policies for known in recognise(policy, names_in([policy]))),
    )


def breaks_anyway(role: PluginRole, places: Sequence[ClusterPlace]) -> bool:
    """Return whether a Deny breaks the plugin, whatever the policies that were not read allow.

    `places` are the clusters in which the plugin is known to have the role.
    """
    # What is allowed decides which tags interfaces have, and so what is denied.
    both = role, replace(role, policies=(*role.policies, _EVERYTHING))
    return any(
        all(
            _denied(_result(r, setting) for r in both)
            for settings in _by_region(
                _settings(both[1], place), role.regions_to_check(place.cluster)
            )
            for setting in settings
        )
        for place in places or [ClusterPlace()]
    )


def _denied(results: Iterable[RoleResult]) -> set[str]:
    """Return the actions that a Deny denies in every result."""
    every = ({m.action for m in f.missing if m.explicit and not m.undecided} for f in results)
    return set.intersection(*every)


def _about_calls(role: PluginRole) -> PluginRole:
    """Return a role with only the statements on which the plugin's calls depend."""
    actions = [call.action for call in calls()]

    def about(policies: Iterable[Policy]) -> tuple[Policy, ...]:
        some = (
            replace(p, statements=tuple(s for s in p.statements if any(map(s.is_about, actions))))
            for p in policies
        )
        return tuple(p for p in some if p.statements) or (Policy(()),)

    # The role's account is one of the names in settings.
    limits = tuple(map(about, role.limits))
    return replace(role, policies=about(role.policies), limits=limits, account="")


@lru_cache(_REMEMBERED)
def _audited(role: PluginRole, mode: Mode, names: Names) -> tuple[RoleResult, tuple[Risk, ...]]:
    """Return the results and the risks of the plugin's calls with a role, for an IP family."""
    setting = RequestSetting(role.version, mode, names=names, session_tags=role.session_tags)
    return _result(role, setting), risks_of_access(role.policies, setting, role.limits)


def _result(role: PluginRole, setting: RequestSetting) -> RoleResult:
    """Return the result for a role in one setting."""
    runs = run_scenarios(Answers(role.policies, role.limits), setting, SCENARIOS)
    verdict = _VERDICTS[verdict_of(runs)] if runs else RoleVerdict.breaks

    def by(decision: Decision) -> str:
        limited = decision.policy is not None and decision.policy >= len(role.policies)
        return role.boundary if limited else ""

    denied = denied_calls(runs)
    fatal = [denied[c.action] for c in calls() if c.action in denied and denied[c.action][1].fails]
    missing = dict.fromkeys(d for reason in fatal for d in denied_actions(*reason, by))
    others = tuple(scenario.name for scenario in not_expected(setting))
    return RoleResult(setting.mode, verdict, tuple(missing), scenarios_not_run=others)
