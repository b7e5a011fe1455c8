"""Finds the roles of accounts that the plugin uses or could use, and judges each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from vpc_cni_iam.account.doubts import NotKnown, is_complete
from vpc_cni_iam.audit.clusters import (
    MetricsHelperRole,
    configured_clusters,
    node_roles,
    not_read,
    unknown_roles,
)
from vpc_cni_iam.audit.node_roles import Evidence, NodeAnswer, OtherRole
from vpc_cni_iam.audit.report.nodes import changes, reason
from vpc_cni_iam.audit.roles import RoleAudit, RoleAuditor, RoleResults
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.coverage.judge.verdict import Verdict
from vpc_cni_iam.inputs.aws.account import COMMAND, AccountDetails, RoleDetail
from vpc_cni_iam.inputs.aws.eks import ClusterDetail
from vpc_cni_iam.plugin.settings import PluginSettings


class NodeRole(Struct, frozen=True):
    """A node role that has permissions of the plugin."""

    role: str  # its ARN
    answer: NodeAnswer  # whether they can be removed
    clusters: tuple[str, ...]  # the names of the clusters whose nodes have it, or may have it
    other_roles: tuple[str, ...]  # the ARNs of the roles that aws-node has there
    reasons: tuple[str, ...]  # why they cannot be removed, or why that is not known
    proposal: tuple[str, ...]  # what to do


class Audit(Struct, frozen=True):
    """The roles of accounts that the plugin uses or could use."""

    cni_version: str  # the plugin version that was checked
    accounts: tuple[str, ...]  # the IDs of the accounts
    roles_read: int  # how many roles were read
    roles: tuple[RoleAudit, ...]  # the roles that the plugin uses or could use
    unread: tuple[NotKnown, ...]  # what could not be read, or is not in the input
    complete: bool  # whether everything was read and decided
    fails: bool  # whether the plugin fails with any of the roles at the version
    # The roles of cni-metrics-helper, which are not in `roles`.
    metrics_helper: tuple[MetricsHelperRole, ...]
    # With --nodes: whether the plugin's permissions can be removed from the node roles.
    node_roles: tuple[NodeRole, ...] | None = None

    @property
    def is_good(self) -> bool:
        """Whether the exit code is 0; with --nodes, whether every answer is safe."""
        if self.node_roles is not None:
            return self.complete and all(r.answer is NodeAnswer.safe for r in self.node_roles)
        return self.complete and not self.fails


def audit(
    details: AccountDetails,
    version: PluginVersion,
    settings: Iterable[PluginSettings] = (),
    *,
    nodes: bool = False,
) -> Audit:
    """Return the roles that the plugin uses or could use, and whether it works with them.

    `version` is the plugin version to check, and `settings` are the plugin's settings in clusters.
    With `nodes`, also say whether the node roles need the permissions of the plugin.
    """
    clusters, configured, refused = configured_clusters(details.clusters, settings, details.pods)
    known = _roles_beside(details, clusters)
    auditor = RoleAuditor(clusters, version, configured, known, asks_nodes=nodes)
    results = list[RoleResults]()
    accounts, absent = Counter[str](), {c.role for c in clusters if c.role}
    for detail in details.roles():
        accounts[detail.account] += 1
        absent.discard(detail.arn)
        if (result := auditor.role(detail)).has_any:
            results.append(result)
    roles = [each.audit for each in results if each.audit is not None]
    used = {use.where for role in roles for use in role.clusters}
    unknown = list(unknown_roles(clusters, configured, used, absent))
    unread = [*details.unread, *refused, *_unread(results), *unknown]
    if not accounts:
        advice = f"it has no role; add the roles: {COMMAND}, without --filter"
        unread.append(not_read("the input", advice))
    helpers = sorted(
        (each.metrics_helper for each in results if each.metrics_helper), key=lambda r: r.role
    )
    used_roles = [role for role in roles if not role.is_unused]
    unknown_role = any(role.verdict is Verdict.unknown for role in used_roles)
    undecided = any([*(r.undecided for r in roles), *(r.undecided for r in helpers)])
    is_unread = not is_complete((*details.unread, *refused, *unknown))
    of_nodes = _node_roles(details, clusters, results, is_unread=is_unread)
    return Audit(
        str(version),
        tuple(accounts),
        accounts.total(),
        tuple(sorted(roles, key=lambda r: (r.is_unused, -r.verdict.rank, r.role))),
        tuple(unread),
        not (unread or undecided or unknown_role),
        any(role.verdict is Verdict.fails for role in used_roles),
        tuple(helpers),
        tuple(of_nodes) if nodes else None,
    )


def _roles_beside(
    details: AccountDetails, clusters: Iterable[ClusterDetail]
) -> dict[str, RoleDetail]:
    """Return the roles that nodes have, or with which EKS Pod Identity assumes other roles."""
    beside = {c.by_role for c in clusters if c.by_role} | node_roles(clusters)
    return {role.arn: role for role in details.roles() if role.arn in beside} if beside else {}


def _node_roles(
    details: AccountDetails,
    clusters: Sequence[ClusterDetail],
    results: Sequence[RoleResults],
    *,
    is_unread: bool,
) -> Iterator[NodeRole]:
    """Yield the node roles that have permissions of the plugin, and the answer for each."""
    known = {
        each.arn: OtherRole(bool(audit.untrusted), bool(audit.undecided), audit.clusters)
        for each in results
        if (audit := each.audit)
    }
    evidence = Evidence(clusters, details.pods, details.nodes, known, is_unread)
    grants = {each.arn: each.granting for each in results if each.granting}
    for role, policies in sorted(grants.items()):
        answer, concerned, reasons = evidence.answer(role)
        yield NodeRole(
            role,
            answer,
            tuple(sorted({c.cluster.name for c in concerned})),
            tuple(sorted({other for c in concerned for other in c.other_roles})),
            tuple(dict.fromkeys(map(reason, reasons))),
            tuple(dict.fromkeys(changes(answer, reasons, policies))),
        )


def _unread(results: Iterable[RoleResults]) -> Iterator[NotKnown]:
    """Yield what was not read about roles that the plugin may use."""
    for each in results:
        yield from each.unread
    for arn, roles in Counter(arn for each in results for arn in each.missing).items():
        count = f"{roles:,} role{'s' * (roles != 1)}"
        detail = f"it may give {count} permissions, but is not in the input; "
        yield not_read(arn, f"{detail}add it: {COMMAND}, without --filter")
