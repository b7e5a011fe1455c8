"""What the policies of a role mean for the plugin, at every version."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, MutableMapping, Sequence
from enum import StrEnum
from functools import lru_cache, partial
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.audit.trust import Credentials, Trust
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.calls import Mode, calls
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.known_documents import KnownDocument, recognise
from vpc_cni_iam.coverage import deployment as deployments
from vpc_cni_iam.coverage.analysis.excess import granted
from vpc_cni_iam.coverage.analysis.matrix import matrix
from vpc_cni_iam.coverage.analysis.risks import UNSCOPED, Risk, find_risks, risks_of_calls
from vpc_cni_iam.coverage.matrix_wording import works
from vpc_cni_iam.coverage.names import names_in, names_of
from vpc_cni_iam.coverage.repair import DeniedAction, denied_actions, repairs, replacement
from vpc_cni_iam.coverage.simulate.send import Limits
from vpc_cni_iam.coverage.simulate.settings import Names, PluginSetting, configure
from vpc_cni_iam.inputs.daemonset import Deployment
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.evaluate import Decision, Request, compile_policies

# What gives pods their addresses, by IP family.
_ASSIGN: dict[Mode, str] = {
    "ipv4": "ec2:AssignPrivateIpAddresses",
    "ipv6": "ec2:AssignIpv6Addresses",
}
# What a policy that was not read allows at most.
_EVERYTHING = Policy((Statement(actions=("*",), resources=("*",)),))

_EACH = "give each cluster a role of its own, and scope it to the cluster"


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


# What the plugin's calls with a role mean for an IP family, and their risks.
Calls: TypeAlias = tuple[FamilyAudit, tuple[Risk, ...]]


class PolicyAudit(Struct, frozen=True):
    """What the policies of a role mean."""

    scope: RoleScope  # whose network interfaces they let it change
    families: tuple[FamilyAudit, ...]  # by IP family that they are for
    risks: tuple[str, ...]  # the names of the risks that are warnings
    equal_to: tuple[KnownDocument, ...]  # the documents of upstream and AWS that one of them equals


class PluginRole(Struct, frozen=True):
    """A role as the plugin gets it."""

    policies: Sequence[Policy]  # its policies, taken together
    limits: Limits  # its boundary, if it has one
    boundary: str  # the name of that, empty without one
    account: str  # the ID of its account
    partition: str  # the partition of its account
    version: PluginVersion  # the plugin version that is asked about
    session_tags: bool  # whether its session has the tags of EKS Pod Identity

    def setting(self, mode: Mode) -> PluginSetting:
        """Return the plugin with this role in a cluster of an IP family."""
        own, limits = names_in(self.policies), [p for limit in self.limits for p in limit]
        regions = {k: v for k, v in names_in(limits).items() if k == "region"}
        names = names_of(
            {**regions, **own, "account_id": self.account, "partition": self.partition},
            owner_known="vpc_owner_id" in own,
        )
        return PluginSetting(self.version, mode, names=names, session_tags=self.session_tags)


def modes(role: PluginRole) -> tuple[Mode, ...]:
    """Return the IP families for whose pods a role could assign addresses."""
    layers = [granted(layer) for layer in (role.policies, *role.limits)]
    return tuple(
        mode
        for mode, action in _ASSIGN.items()
        if all(layer.evaluate(Request(action, "*")).allowed for layer in layers)
    )


def judge_cluster(role: PluginRole, cluster: str, deployment: Deployment | None) -> FamilyAudit:
    """Return what a role means for the plugin as a cluster has it; the worst of what may be."""
    families = (_family(role, setting) for setting in _settings(role, cluster, deployment))
    return max(families, key=lambda family: family.verdict.rank)


def _settings(role: PluginRole, cluster: str, deployment: Deployment | None) -> list[PluginSetting]:
    """Return the plugin with a role in a cluster, for each IP family that it may have.

    Without a deployment it has the defaults, and the name of its cluster if that is known.
    """
    if deployment is not None:
        mode = deployments.mode(deployment)
        if not deployments.says_mode(deployment) and modes(role) == ("ipv6",):
            mode = "ipv6"  # EKS sets up its add-on for the IP family of the cluster
        return [deployments.apply(role.setting(mode), deployment, {})]
    settings = [role.setting(mode) for mode in modes(role) or _ASSIGN]
    return [configure(s, {"CLUSTER_NAME": cluster}, ()) for s in settings] if cluster else settings


def judge(role: PluginRole, remembered: MutableMapping[Hashable, Calls]) -> PolicyAudit:
    """Return what a role means for the plugin; `remembered` has what earlier roles mean."""
    families: tuple[Mode, ...] = modes(role)
    audits: list[FamilyAudit] = []
    risks: list[Risk] = []
    for mode in families or tuple(_ASSIGN):
        setting = role.setting(mode)
        question = _question(role, setting)
        if question not in remembered:
            of_calls = risks_of_calls(role.policies, setting, role.limits)
            remembered[question] = _family(role, setting), of_calls
        audit, of_calls = remembered[question]
        audits.append(audit)
        risks += find_risks(role.policies, setting, role.limits, of_calls) if families else ()
    names_of_risks = dict.fromkeys(r.identifier for r in risks if r.severity == "warning")
    scope = RoleScope.broad if UNSCOPED in names_of_risks else RoleScope.scoped
    return PolicyAudit(
        scope if families else RoleScope.none,
        tuple(audits),
        tuple(names_of_risks),
        tuple(known for policy in role.policies for known in recognise(policy, names_in([policy]))),
    )


def breaks_anyway(role: PluginRole, uses: Sequence[tuple[str, Deployment | None]]) -> bool:
    """Say whether a Deny breaks the plugin, whatever the policies allow that were not read.

    `uses` are the clusters in which the plugin is known to have the role, each as `judge_cluster`
    takes it.
    """
    # Which tags interfaces have, and with that what is denied, depends on what is allowed.
    both = role, replace(role, policies=(*role.policies, _EVERYTHING))
    return any(
        all(_denied(_family(r, setting) for r in both) for setting in _settings(both[1], *use))
        for use in uses or [("", None)]
    )


def _denied(families: Iterable[FamilyAudit]) -> set[str]:
    """Return the actions that a Deny denies in each of some audits."""
    every = ({m.action for m in f.missing if m.explicit and not m.undecided} for f in families)
    return set.intersection(*every)


def _question(role: PluginRole, setting: PluginSetting) -> Hashable:
    """Return what the plugin's calls with a role depend on.

    Of its policies that is the statements about a call alone; those that are alike are equal here.
    """
    layers = [compile_policies(layer) for layer in (role.policies, *role.limits)]
    about = tuple(layer.tests(call.action) for layer in layers for call in calls())
    return (*about, role.boundary, setting.version, setting.mode, setting.names, role.session_tags)


def _family(role: PluginRole, setting: PluginSetting) -> FamilyAudit:
    result = matrix(role.policies, setting, limits=role.limits, excess=False)
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


def proposal(
    trust: Trust, audit: PolicyAudit, role: PluginRole, clusters: Mapping[str, FamilyAudit]
) -> tuple[str, ...]:
    """Return what to do about a role, in sentences; none if it is scoped and works.

    `clusters` has what it means in each cluster that is known to have it, by name.
    """
    modes = tuple(family.mode for family in audit.families)
    missing = [m for family in audit.families for m in family.missing]
    whole, scoped = "-".join(modes), f"{modes[0]}-scoped"

    def advice(
        what: str, *variants: str, modes: tuple[Mode, ...] = modes, cluster: str = ""
    ) -> str:
        names = role.setting(modes[0]).names
        names = replace(names, cluster_name=cluster) if cluster else names
        return _advice(what, variants, role.version, names, modes, session_tags=role.session_tags)

    def other() -> str:
        if audit.scope is RoleScope.none:
            attach = advice("attach", scoped, modes[0], modes=modes[:1])
            return f"{attach} (or ipv6-scoped)"
        narrow = [scoped] if audit.scope is RoleScope.scoped and len(modes) == 1 else []
        return advice("replace its policy by", *narrow, whole)

    lines = [*repairs(missing, other)]
    is_replaced = any(not (m.undecided or m.explicit or m.by) for m in missing)
    if audit.scope is RoleScope.broad and not is_replaced:
        lines.append(advice("scope it to its cluster:", scoped) if len(modes) == 1 else _EACH)
    for cluster, family in () if missing else clusters.items():
        mode = family.mode
        words = "replace its policy by", f"{mode}-scoped", mode
        other = partial(advice, *words, modes=(mode,), cluster=cluster)
        lines += repairs(family.missing, other if len(clusters) == 1 else lambda: _EACH)
    if trust.credentials == (Credentials.node,) and audit.scope is not RoleScope.none:
        lines.append("give aws-node a role of its own, by EKS Pod Identity or IRSA")
    return tuple(dict.fromkeys(filter(None, lines)))


@lru_cache(maxsize=1024)
def _advice(
    what: str,
    variants: tuple[str, ...],
    version: PluginVersion,
    names: Names,
    modes: tuple[Mode, ...],
    *,
    session_tags: bool,
) -> str:
    settings = [PluginSetting(version, m, names=names, session_tags=session_tags) for m in modes]
    return replacement(what, variants, settings)
