"""Roles of cni-metrics-helper, which is a program of its own beside the plugin."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vpc_cni_iam.audit.clusters import ClusterUse
from vpc_cni_iam.audit.judge import DeniedAction, PluginRole
from vpc_cni_iam.audit.trust import Credentials
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.plugin_version import LATEST
from vpc_cni_iam.catalog.known_documents import KnownDocument, recognise
from vpc_cni_iam.coverage.analysis.cover import cover
from vpc_cni_iam.coverage.simulate.scenarios import find
from vpc_cni_iam.coverage.subject import names_in

_NAME = "metrics-helper"


@dataclass(frozen=True, slots=True)
class MetricsHelperRole:
    """A role that cni-metrics-helper alone can get, or has in a cluster."""

    role: str  # its ARN
    # How cni-metrics-helper alone could get it; empty if others could as well.
    credentials: tuple[Credentials, ...]
    clusters: tuple[ClusterUse, ...]  # the clusters in which it has the role
    # Its calls that are not allowed at the version that was asked for; at the newest one, if the
    # other is older than the program.
    denied: tuple[DeniedAction, ...]
    equal_to: tuple[KnownDocument, ...]  # the published documents that one of its policies equals
    undecided: tuple[str, ...]  # what is not known about it


def judge_metrics_helper(
    arn: str,
    credentials: tuple[Credentials, ...],
    clusters: tuple[ClusterUse, ...],
    role: PluginRole,
    undecided: tuple[str, ...],
) -> MetricsHelperRole:
    """Return what a role of cni-metrics-helper is denied."""
    setting, scenarios = replace(role.setting("ipv4"), features=(_NAME,)), find((_NAME,))
    if not scenarios[0].arises(setting):
        setting = setting.at(known_versions.find(LATEST))
    denied = cover(role.policies, setting, scenarios, role.limits).denied()
    return MetricsHelperRole(
        arn,
        credentials,
        clusters,
        tuple(DeniedAction(c.template.action, s.name, c.consequence) for s, c in denied),
        tuple(known for p in role.policies for known in recognise(p, names_in([p]))),
        undecided,
    )
