"""What the policies of a role mean for the plugin, at every version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import lru_cache
from itertools import product
from math import prod

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.calls import Mode, calls
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.known_documents import KnownDocument, recognise
from vpc_cni_iam.coverage.analysis.excess import granted
from vpc_cni_iam.coverage.analysis.matrix import matrix
from vpc_cni_iam.coverage.analysis.risks import UNSCOPED, Risk, find_risks, risks_of_calls
from vpc_cni_iam.coverage.matrix_wording import works
from vpc_cni_iam.coverage.names import all_names, names_in, names_of
from vpc_cni_iam.coverage.repair import DeniedAction, denied_actions
from vpc_cni_iam.coverage.simulate.scenarios import AS_CONFIGURED
from vpc_cni_iam.coverage.simulate.send import Limits
from vpc_cni_iam.coverage.simulate.settings import Names, PluginSetting
from vpc_cni_iam.plugin.cluster import ANY_CLUSTER, EksCluster
from vpc_cni_iam.plugin.settings import PluginSettings
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.evaluate import Decision, Request

# What gives pods their addresses, by IP family.
_ASSIGN: dict[Mode, str] = {
    "ipv4": "ec2:AssignPrivateIpAddresses",
    "ipv6": "ec2:AssignIpv6Addresses",
}
# What a policy that was not read allows at most.
_EVERYTHING = Policy((Statement(actions=("*",), resources=("*",)),))
# The names of which each that policies have is tried, and how many together at most.
_EACH_ONE = frozenset({"cluster_name", "vpc_id"})
_MOST_PLACES = 16


class RoleScope(StrEnum):
    """Whose network interfaces a role can change."""

    scoped = "scoped"
    broad = "broad"
    none = "no access"


class RoleVerdict(StrEnum):
    """Whether the plugin works with a role; the worst comes last."""

    works = "works"
    unknown = "unknown"  # something that it depends on is not read or decided
    breaks = "breaks"

    @property
    def rank(self) -> int:
        """Its place in the order."""
        return list(RoleVerdict).index(self)


class VersionRun(Struct, frozen=True):
    """A `VersionRange` in JSON."""

    first: str
    last: str


class FamilyAudit(Struct, frozen=True):
    """A role for clusters of one IP family."""

    mode: Mode  # the IP family
    works_with: str  # the plugin versions that it works with, in words
    breaks_at: tuple[VersionRun, ...]  # the versions at which the plugin fails
    verdict: RoleVerdict  # whether it works at the version that was asked for
    missing: tuple[DeniedAction, ...] = ()  # what it lacks there, without which the plugin fails


class PolicyAudit(Struct, frozen=True):
    """What the policies of a role mean."""

    scope: RoleScope  # whose network interfaces they let it change
    families: tuple[FamilyAudit, ...]  # by IP family that they are for
    risks: tuple[str, ...]  # the names of the risks that are warnings
    equal_to: tuple[KnownDocument, ...]  # the documents of upstream and AWS that one of them equals


class ClusterPlace(Struct, frozen=True):
    """A cluster in which the plugin has a role, as far as it is known."""

    cluster: EksCluster = ANY_CLUSTER
    settings: PluginSettings | None = None  # how the plugin is set up there


class PluginRole(Struct, frozen=True):
    """A role as the plugin gets it."""

    policies: tuple[Policy, ...]  # its policies, taken together
    limits: Limits  # its boundary, if it has one
    boundary: str  # the name of that, empty without one
    account: str  # the ID of its account
    partition: str  # the partition of its account
    version: PluginVersion  # the plugin version that is asked about
    session_tags: bool  # whether its session has the tags of EKS Pod Identity

    def settings(self, mode: Mode, cluster: EksCluster = ANY_CLUSTER) -> tuple[PluginSetting, ...]:
        """Return the plugin with this role in a cluster of an IP family, the likeliest first.

        Where its policies name several clusters or VPCs, there is one for each.
        """
        named = all_names(self.policies)
        limits = names_in([policy for limit in self.limits for policy in limit])
        own = {name: value for name, value in limits.items() if name not in named}
        own |= names_in(self.policies) | {"account_id": self.account, "partition": self.partition}
        known = {"cluster_name": cluster.name, "region": cluster.region}
        own |= {name: value for name, value in known.items() if value}
        several = {k: v for k, v in named.items() if k in _EACH_ONE - {*own}}
        if prod(map(len, several.values())) > _MOST_PLACES:
            several = {}
        return tuple(
            PluginSetting(
                self.version,
                mode,
                names=names_of(
                    {**own, **dict(zip(several, values, strict=True))},
                    owner_known="vpc_owner_id" in own,
                ),
                session_tags=self.session_tags,
            )
            for values in product(*several.values())
        )


@lru_cache(1024)
def modes(role: PluginRole) -> tuple[Mode, ...]:
    """Return the IP families for whose pods a role could assign addresses."""
    layers = [granted(layer) for layer in (role.policies, *role.limits)]
    return tuple(
        mode
        for mode, action in _ASSIGN.items()
        if all(layer.evaluate(Request(action, "*")).allowed for layer in layers)
    )


def judge_cluster(role: PluginRole, place: ClusterPlace) -> FamilyAudit:
    """Return what a role means for the plugin as a cluster has it; the worst of what may be."""
    return _worst(_family(role, setting) for setting in _settings(role, place))


def _worst(families: Iterable[FamilyAudit]) -> FamilyAudit:
    return max(families, key=lambda family: family.verdict.rank)


def _settings(role: PluginRole, place: ClusterPlace) -> list[PluginSetting]:
    """Return the plugin with a role in a cluster, in each way that is possible.

    Where it is not known how the plugin is set up, it has the defaults.
    """
    if place.settings is not None:
        # EKS sets up its add-on for the IP family of the cluster.
        mode = place.settings.mode or ("ipv6" if modes(role) == ("ipv6",) else "ipv4")
        return [s.configured(place.settings) for s in role.settings(mode, place.cluster)]
    return [s for mode in modes(role) or _ASSIGN for s in role.settings(mode, place.cluster)]


@lru_cache(1024)
def judge(role: PluginRole) -> PolicyAudit:
    """Return what a role means for the plugin."""
    of_calls = _about_calls(role)
    families: tuple[Mode, ...] = modes(role)
    audits: list[FamilyAudit] = []
    risks: list[Risk] = []
    for mode in families or tuple(_ASSIGN):
        audited = []
        for setting in role.settings(mode):
            audit, risks_of = _audited(of_calls, mode, setting.names)
            audited.append(audit)
            risks += find_risks(role.policies, setting, role.limits, risks_of) if families else ()
        audits.append(_worst(audited))
    names_of_risks = dict.fromkeys(r.identifier for r in risks if r.severity == "warning")
    scope = RoleScope.broad if UNSCOPED in names_of_risks else RoleScope.scoped
    return PolicyAudit(
        scope if families else RoleScope.none,
        tuple(audits),
        tuple(names_of_risks),
        tuple(known for policy in role.policies for known in recognise(policy, names_in([policy]))),
    )


def breaks_anyway(role: PluginRole, places: Sequence[ClusterPlace]) -> bool:
    """Say whether a Deny breaks the plugin, whatever the policies allow that were not read.

    `places` are the clusters in which the plugin is known to have the role.
    """
    # Which tags interfaces have, and with that what is denied, depends on what is allowed.
    both = role, replace(role, policies=(*role.policies, _EVERYTHING))
    return any(
        all(_denied(_family(r, setting) for r in both) for setting in _settings(both[1], place))
        for place in places or [ClusterPlace()]
    )


def _denied(families: Iterable[FamilyAudit]) -> set[str]:
    """Return the actions that a Deny denies in each of some audits."""
    every = ({m.action for m in f.missing if m.explicit and not m.undecided} for f in families)
    return set.intersection(*every)


def _about_calls(role: PluginRole) -> PluginRole:
    """Return a role with the statements alone on which the plugin's calls depend."""
    actions = [call.action for call in calls()]

    def about(policies: Iterable[Policy]) -> tuple[Policy, ...]:
        some = (
            replace(p, statements=tuple(s for s in p.statements if any(map(s.is_about, actions))))
            for p in policies
        )
        return tuple(p for p in some if p.statements) or (Policy(()),)

    # Settings have the names of its account.
    limits = tuple(map(about, role.limits))
    return replace(role, policies=about(role.policies), limits=limits, account="")


@lru_cache(1024)
def _audited(role: PluginRole, mode: Mode, names: Names) -> tuple[FamilyAudit, tuple[Risk, ...]]:
    """Return what the plugin's calls with a role mean for an IP family, and their risks."""
    setting = PluginSetting(role.version, mode, names=names, session_tags=role.session_tags)
    return _family(role, setting), risks_of_calls(role.policies, setting, role.limits)


def _family(role: PluginRole, setting: PluginSetting) -> FamilyAudit:
    result = matrix(role.policies, setting, AS_CONFIGURED, role.limits, excess=False)
    failing = known_versions.spans(frozenset(r.version for r in result.rows if r.breaks))
    here = next((row for row in result.rows if row.version == role.version), None)

    def by(decision: Decision) -> str:
        limited = decision.policy is not None and decision.policy >= len(role.policies)
        return role.boundary if limited else ""

    fatal = (
        result.reasons[role.version, action]
        for action, cell in zip(result.actions, here.cells if here else (), strict=False)
        if cell == "fatal"
    )
    missing = dict.fromkeys(d for reason in fatal for d in denied_actions(*reason, by))
    verdict = RoleVerdict.breaks
    if here is not None and not here.breaks:
        verdict = RoleVerdict.unknown if here.fatal else RoleVerdict.works
    return FamilyAudit(
        result.setting.mode,
        works(result),
        tuple(VersionRun(str(run.first), str(run.last)) for run in failing),
        verdict,
        tuple(missing),
    )
