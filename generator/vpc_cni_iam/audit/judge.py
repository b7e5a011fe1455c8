"""What the policies of a role mean for the plugin, at every version."""

from __future__ import annotations

from collections.abc import Hashable, MutableMapping, Sequence
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from vpc_cni_iam.audit.trust import Credentials, Trust
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.calls import Mode, calls
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.known_documents import KnownDocument, recognise
from vpc_cni_iam.coverage import deployment as deployments
from vpc_cni_iam.coverage.analysis.excess import granted
from vpc_cni_iam.coverage.analysis.matrix import matrix
from vpc_cni_iam.coverage.analysis.risks import Risk, find_risks, risks_of_calls
from vpc_cni_iam.coverage.matrix_wording import works
from vpc_cni_iam.coverage.names import names_in, names_of
from vpc_cni_iam.coverage.simulate.send import Limits, consequence
from vpc_cni_iam.coverage.simulate.settings import PluginSetting
from vpc_cni_iam.inputs.daemonset import Deployment
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.evaluate import Request, compile_policies

# What gives pods their addresses, by IP family.
_ASSIGN: dict[Mode, str] = {
    "ipv4": "ec2:AssignPrivateIpAddresses",
    "ipv6": "ec2:AssignIpv6Addresses",
}
_BROAD = "interfaces-unscoped"
# The names that a document needs.
_NAMES = {"ipv4-scoped": " --cluster-name NAME --vpc-id ID", "ipv6-scoped": " --cluster-name NAME"}


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


class DeniedAction(Struct, frozen=True):
    """An action that the plugin needs and the role is not allowed."""

    action: str
    scenario: str  # the scenario in which it was seen first
    breaks: str  # what follows
    by: str = ""  # the boundary that does not allow it, empty if the policies do not
    undecided: str = ""  # why it may be allowed all the same, empty if it is denied

    @property
    def consequence(self) -> str:
        """The consequence, as a sentence."""
        return consequence(self.undecided, self.breaks)


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


def judge_cluster(role: PluginRole, deployment: Deployment) -> FamilyAudit:
    """Return what a role means for the plugin as a cluster has it."""
    mode = deployments.mode(deployment)
    if not deployments.says_mode(deployment) and modes(role) == ("ipv6",):
        mode = "ipv6"  # EKS sets up its add-on for the IP family of the cluster
    setting = role.setting(mode)
    return _family(role, deployments.apply(setting, deployment, {}))


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
    scope = RoleScope.broad if _BROAD in names_of_risks else RoleScope.scoped
    return PolicyAudit(
        scope if families else RoleScope.none,
        tuple(audits),
        tuple(names_of_risks),
        tuple(known for policy in role.policies for known in recognise(policy, names_in([policy]))),
    )


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
    missing = []
    for action, cell in zip(result.actions, here.cells if here else (), strict=False):
        if cell == "fatal":
            scenario, call = result.reasons[role.version, action]
            deciding = {c.decision.policy for c in call.checks if not c.decision.allowed}
            limited = any(d is not None and d >= len(role.policies) for d in deciding)
            by = role.boundary if limited else ""
            missing.append(DeniedAction(action, scenario, call.breaks, by, call.undecided))
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


def proposal(trust: Trust, audit: PolicyAudit, version: PluginVersion) -> tuple[str, ...]:
    """Return what to do about a role, in sentences; none if it is scoped and works."""
    every = (m for family in audit.families for m in family.missing)
    missing = {m.action: m.by for m in every if not m.undecided}
    actions: dict[str, list[str]] = {}
    for action, limit in missing.items():
        actions.setdefault(limit, []).append(action)
    denied = actions.pop("", [])
    lines = [f"allow {', '.join(names)} in {limit}" for limit, names in actions.items()]
    lines += _of_policy(audit, version, incomplete=bool(denied))
    if trust.credentials == (Credentials.node,) and audit.scope is not RoleScope.none:
        lines.append("give aws-node a role of its own, by EKS Pod Identity or IRSA")
    return tuple(lines)


def _of_policy(audit: PolicyAudit, version: PluginVersion, *, incomplete: bool) -> list[str]:
    """Return what to do about the policies themselves."""
    modes = "-".join(family.mode for family in audit.families)
    one_family = len(audit.families) == 1
    if audit.scope is RoleScope.none:
        return [f"attach {_policy('ipv4-scoped', version)} (or ipv6-scoped)"]
    if incomplete:
        variant = f"{modes}-scoped" if audit.scope is RoleScope.scoped and one_family else modes
        return [f"replace its policy by {_policy(variant, version)}"]
    if audit.scope is not RoleScope.broad:
        return []
    if one_family:
        return [f"scope it to its cluster: {_policy(f'{modes}-scoped', version)}"]
    return ["give each cluster a role of its own, and scope it to the cluster"]


def _policy(variant: str, version: PluginVersion) -> str:
    return f"`vpc-cni-iam policy {variant} --cni-version {version}{_NAMES.get(variant, '')}`"
