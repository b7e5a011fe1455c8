"""What the policies of a role mean for the plugin, at every version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.known_documents import KnownDocument, recognise
from vpc_cni_iam.coverage import deployment as deployments
from vpc_cni_iam.coverage.analysis.excess import granted
from vpc_cni_iam.coverage.analysis.matrix import Matrix, matrix
from vpc_cni_iam.coverage.analysis.risks import Risk, find_risks
from vpc_cni_iam.coverage.matrix_wording import works
from vpc_cni_iam.coverage.simulate.send import Limits
from vpc_cni_iam.coverage.simulate.settings import Names, PluginSetting
from vpc_cni_iam.coverage.subject import names_in, names_of
from vpc_cni_iam.inputs.daemonset import Deployment
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.evaluate import Request

# What gives pods their addresses, by IP family.
_ASSIGN: dict[Mode, str] = {
    "ipv4": "ec2:AssignPrivateIpAddresses",
    "ipv6": "ec2:AssignIpv6Addresses",
}
_BROAD = "interfaces-unscoped"
_RISKS = ("high", "medium")


class RoleScope(StrEnum):
    """Whose network interfaces a role can change."""

    scoped = "scoped"
    broad = "broad"
    none = "no access"


@dataclass(frozen=True, slots=True)
class VersionRun:
    """Plugin versions that follow one another."""

    first: str
    last: str

    def __str__(self) -> str:
        return self.first if self.first == self.last else f"{self.first} to {self.last}"


@dataclass(frozen=True, slots=True)
class DeniedAction:
    """An action that the plugin needs and the role is not allowed.

    Args:
        scenario: The scenario in which it was seen first.
        breaks: What follows.
        by: The boundary that does not allow it, empty if the policies do not.
    """

    action: str
    scenario: str
    breaks: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class FamilyAudit:
    """A role for clusters of one IP family.

    Args:
        mode: The IP family.
        works_with: The plugin versions that it works with, in words.
        breaks_at: The versions at which the plugin fails.
        works: Whether it works at the version that was asked for.
        missing: What it lacks there, without which the plugin fails.
    """

    mode: Mode
    works_with: str
    breaks_at: tuple[VersionRun, ...]
    works: bool
    missing: tuple[DeniedAction, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyAudit:
    """What the policies of a role mean.

    Args:
        scope: Whose network interfaces they let it change.
        families: By IP family that they are for.
        risks: The names of the risks that are high or medium.
        equal_to: The documents of upstream and AWS that one of them equals.
    """

    scope: RoleScope
    families: tuple[FamilyAudit, ...]
    risks: tuple[str, ...]
    equal_to: tuple[KnownDocument, ...]


def modes(policies: Sequence[Policy], limits: Limits) -> tuple[Mode, ...]:
    """Return the IP families for whose pods policies could assign addresses.

    Args:
        policies: The policies of a role.
        limits: Its boundary.
    """
    layers = [granted(layer) for layer in (policies, *limits)]
    return tuple(
        mode
        for mode, action in _ASSIGN.items()
        if all(layer.evaluate(Request(action, "*")).allowed for layer in layers)
    )


def judge_cluster(
    policies: Sequence[Policy],
    limits: Limits,
    boundary: str,
    *,
    account: str,
    partition: str,
    release: PluginVersion,
    session_tags: bool,
    deployment: Deployment,
) -> FamilyAudit:
    """Return what policies mean for the plugin as a cluster has it; as `judge` in all else.

    Raises:
        InputError: A policy that the evaluator refuses, or a value that the plugin does not take.
    """
    names = role_names(policies, account, partition)
    mode = deployments.mode(deployment)
    setting = PluginSetting(release, mode, names=names, session_tags=session_tags)
    setting = deployments.apply(setting, deployment, {})
    result = matrix(policies, setting, limits=limits)
    return _family(result, release, boundary, len(policies))


def judge(
    policies: Sequence[Policy],
    limits: Limits,
    boundary: str,
    *,
    account: str,
    partition: str,
    release: PluginVersion,
    session_tags: bool,
) -> PolicyAudit:
    """Return what policies mean for the plugin.

    Args:
        policies: The policies of a role, taken together.
        limits: Its boundary, if it has one.
        release: The plugin version that is asked about.
        session_tags: Whether it has the session tags of EKS Pod Identity.

    Raises:
        InputError: A policy that the evaluator refuses.
    """
    names = role_names(policies, account, partition)
    families: tuple[Mode, ...] = modes(policies, limits)
    audits: list[FamilyAudit] = []
    risks: list[Risk] = []
    for mode in families or tuple(_ASSIGN):
        at = PluginSetting(release, mode, names=names, session_tags=session_tags)
        result = matrix(policies, at, limits=limits)
        audits.append(_family(result, release, boundary, len(policies)))
        risks += find_risks(policies, at, limits) if families else ()
    names_of_risks = dict.fromkeys(r.identifier for r in risks if r.severity in _RISKS)
    scope = RoleScope.broad if _BROAD in names_of_risks else RoleScope.scoped
    return PolicyAudit(
        scope if families else RoleScope.none,
        tuple(audits),
        tuple(names_of_risks),
        tuple(known for policy in policies for known in recognise(policy, names_in([policy]))),
    )


def role_names(policies: Sequence[Policy], account: str, partition: str) -> Names:
    """Return the names in the requests of a role: those that its policies have, and its account."""
    own = names_in(policies)
    return names_of(
        {**own, "account_id": account, "partition": partition},
        owner_known="vpc_owner_id" in own,
    )


def _family(result: Matrix, release: PluginVersion, boundary: str, policies: int) -> FamilyAudit:
    runs: list[list[PluginVersion]] = []
    before = False
    for row in result.rows:
        if row.fatal and before:
            runs[-1][1] = row.release
        elif row.fatal:
            runs.append([row.release, row.release])
        before = row.fatal
    here = next((row for row in result.rows if row.release == release), None)
    missing = []
    for action, cell in zip(result.actions, here.cells if here else (), strict=False):
        if cell == "fatal":
            scenario, call = result.reasons[release, action]
            deciding = {c.decision.policy for c in call.checks if not c.decision.allowed}
            by = boundary if any(d is not None and d >= policies for d in deciding) else ""
            missing.append(DeniedAction(action, scenario, call.consequence, by))
    return FamilyAudit(
        result.setting.mode,
        works(result),
        tuple(VersionRun(str(first), str(last)) for first, last in runs),
        here is not None and not here.fatal,
        tuple(missing),
    )
