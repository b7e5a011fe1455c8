"""Whether the plugin works with the policies of a role, at one plugin version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from itertools import product
from math import prod

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.account.doubts import NotKnown
from vpc_cni_iam.catalog.facts.calls import ASSIGNING, Mode, calls
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.known_documents import KnownDocument, recognise
from vpc_cni_iam.coverage.analysis.denied import DeniedAction, denied_actions, denied_calls
from vpc_cni_iam.coverage.analysis.risks import (
    Risk,
    RiskName,
    risks_of_access,
    with_risks_of_calls,
)
from vpc_cni_iam.coverage.judge.judge import Judgement, any_of, doubted
from vpc_cni_iam.coverage.judge.judge import judge as judge_in
from vpc_cni_iam.coverage.judge.verdict import Verdict
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
from vpc_cni_iam.coverage.simulate.scenarios import not_expected
from vpc_cni_iam.coverage.simulate.send import Answers, Limits
from vpc_cni_iam.coverage.simulate.settings import Names, RequestSetting
from vpc_cni_iam.levels import Level
from vpc_cni_iam.plugin.cluster import ANY_CLUSTER, EksCluster
from vpc_cni_iam.plugin.settings import PluginSettings
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.evaluate import Decision

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


class RoleResult(Struct, frozen=True):
    """The verdict on a role in clusters of one IP family, at the checked version, in brief."""

    mode: Mode  # the IP family
    verdict: Verdict  # whether the plugin works
    missing: tuple[DeniedAction, ...] = ()  # the denied actions that the plugin needs
    # The verdict in each Region, if they differ.
    regions: tuple[RegionAudit, ...] = ()
    scenarios_not_run: tuple[str, ...] = ()  # scenarios that are not expected


class RegionAudit(Struct, frozen=True):
    """The result for a role in one of the Regions that its clusters are, or may be, in."""

    region: str | None  # the Region in its policies; None for a Region that no policy names
    checked: str  # the Region of the requests
    verdict: Verdict


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
        every = [{**own, **dict(zip(several, v, strict=True))} for v in product(*several.values())]
        return tuple(
            RequestSetting(
                self.version,
                mode,
                names=names_of(names, self.policies),
                session_tags=self.session_tags,
            )
            for names in (_of_one_cluster(every, self.policies) if len(every) > 1 else every)
        )

    def regions_to_check(self, cluster: EksCluster = ANY_CLUSTER) -> tuple[CheckedRegion, ...]:
        """Return each Region that a cluster may be in; none if its Region is known."""
        if self.regions and not cluster.region:
            return tuple(CheckedRegion(region, region) for region in self.regions)
        policies = [policy for layer in (self.policies, *self.limits) for policy in layer]
        return regions_to_check(policies, self._known(cluster))

    def answers(self) -> Answers:
        """Return the answers of its policies to requests."""
        return Answers(self.policies, self.limits)

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


def _of_one_cluster(
    every: Sequence[dict[str, str]], policies: Iterable[Policy]
) -> Sequence[dict[str, str]]:
    """Return names of one cluster each: its VPC is in the policies that name the cluster."""
    by_policy = [all_names([policy]) for policy in policies]

    def may_be(names: Mapping[str, str]) -> bool:
        cluster = names.get("cluster_name", "")
        own = [of_policy for of_policy in by_policy if cluster in of_policy.get("cluster_name", ())]
        return not own or any(
            all(value in of_policy.get(name, (value,)) for name, value in names.items())
            for of_policy in own
        )

    return [names for names in every if may_be(names)] or every


@lru_cache(_REMEMBERED)
def modes(role: PluginRole) -> tuple[Mode, ...]:
    """Return the IP families for which a role could assign pod addresses."""
    return modes_of(role.policies, role.limits)


def judge_cluster(
    role: PluginRole, place: ClusterPlace, doubts: Sequence[NotKnown] = ()
) -> RoleResult:
    """Return the result for a role with a cluster's settings; the worst of the possible results."""
    answers, regions = role.answers(), role.regions_to_check(place.cluster)
    by_family: dict[Mode, list[RequestSetting]] = {}
    for setting in _settings(role, place):
        by_family.setdefault(setting.mode, []).append(setting)
    judgement = any_of([judge_in(answers, each, regions) for each in by_family.values()])
    return _brief(role, doubted(judgement, doubts, role.policies, role.limits))


def _brief(role: PluginRole, judgement: Judgement) -> RoleResult:
    """Return what a report says about a role."""
    worst = judgement.worst

    def by(decision: Decision) -> str:
        limited = decision.policy is not None and decision.policy >= len(role.policies)
        return role.boundary if limited else ""

    denied = denied_calls(worst.runs)
    needed = [
        denied[call.action]
        for call in calls()
        if call.action in denied and denied[call.action][1].range.is_needed
    ]
    missing = dict.fromkeys(d for reason in needed for d in denied_actions(*reason, by))
    return RoleResult(
        worst.setting.mode,
        judgement.verdict,
        tuple(missing),
        tuple(
            RegionAudit(region.name, region.checked, verdict)
            for region, verdict in judgement.by_region.items()
        ),
        tuple(scenario.name for scenario in not_expected(worst.setting)),
    )


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
def judge(role: PluginRole, doubts: tuple[NotKnown, ...] = ()) -> PolicyAudit:
    """Return the result for a role."""
    families: tuple[Mode, ...] = modes(role)
    regions = role.regions_to_check()
    about_calls, risks, results = _about_calls(role), list[Risk](), list[RoleResult]()
    for mode in families or ASSIGNING:
        names = tuple(setting.names for setting in role.settings(mode))
        judgement, of_calls = _judged(about_calls, mode, names, regions)
        results.append(_brief(role, doubted(judgement, doubts, role.policies, role.limits)))
        for case in judgement.cases if families else ():
            risks += with_risks_of_calls(role.policies, case.setting, role.limits, of_calls)
    names_of_risks = dict.fromkeys(r.identifier for r in risks if r.severity is Level.WARNING)
    scope = RoleScope.broad if RiskName.interfaces_unscoped in names_of_risks else RoleScope.scoped
    return PolicyAudit(
        scope if families else RoleScope.none,
        tuple(results),
        tuple(names_of_risks),
        tuple(known for policy in role.policies for known in recognise(policy, names_in([policy]))),
    )


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


@lru_cache(_REMEMBERED // 8)  # it has every call
def _judged(
    role: PluginRole,
    mode: Mode,
    names: tuple[Names, ...],
    regions: tuple[CheckedRegion, ...],
) -> tuple[Judgement, tuple[Risk, ...]]:
    """Return the verdict and the risks of the plugin's calls with a role, for an IP family."""
    tags = role.session_tags
    settings = [RequestSetting(role.version, mode, names=n, session_tags=tags) for n in names]
    judgement = judge_in(role.answers(), settings, regions)
    of_cases = (risks_of_access(role.policies, c.setting, role.limits) for c in judgement.cases)
    return judgement, tuple(dict.fromkeys(risk for risks in of_cases for risk in risks))
