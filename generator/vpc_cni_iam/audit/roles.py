"""Judges the roles that the plugin uses or could use, each by itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from vpc_cni_iam.account.access import RoleAccess
from vpc_cni_iam.account.doubts import NotInInput, NotKnown
from vpc_cni_iam.audit.assuming import (
    Obstacle,
    ObstacleKind,
    TrustAudit,
    audit_trust,
    obstacle_of_doubt,
    obstacle_of_node,
    obstacles_of,
    obstacles_of_first,
    of_version,
)
from vpc_cni_iam.audit.clusters import (
    ClusterUse,
    MetricsHelperRole,
    judge_metrics_helper,
    not_read,
)
from vpc_cni_iam.audit.clusters import uses as cluster_uses
from vpc_cni_iam.audit.grants import GrantingPolicy, granting_policies, is_about_account
from vpc_cni_iam.audit.judge import (
    ClusterPlace,
    PluginRole,
    PolicyAudit,
    judge,
    judge_cluster,
    modes,
)
from vpc_cni_iam.audit.proposal import proposal
from vpc_cni_iam.audit.report.proposal import to_do_text
from vpc_cni_iam.audit.report.remedies import remedies
from vpc_cni_iam.audit.report.wording import sentence
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.node_needs import AGENT_ACTION
from vpc_cni_iam.catalog.facts.partitions import partition_of
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.trust import POD_IDENTITY_SINCE
from vpc_cni_iam.coverage.judge.nodes import NodeDenial, node_denials
from vpc_cni_iam.coverage.judge.verdict import Verdict, every, one_of
from vpc_cni_iam.coverage.report.sentences.nodes import node_remedy
from vpc_cni_iam.coverage.simulate.settings import EXAMPLE
from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.inputs.aws import eks
from vpc_cni_iam.inputs.aws.account import RoleDetail
from vpc_cni_iam.inputs.aws.eks import ClusterDetail
from vpc_cni_iam.plugin.cluster import EksCluster
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.plugin.issuers import region_of
from vpc_cni_iam.plugin.settings import PluginSettings


class RoleAudit(Struct, frozen=True):
    """A role that the plugin uses or could use."""

    role: str  # its ARN
    account: str
    credentials: tuple[Identity, ...]  # how the plugin could get it
    # With IRSA, the issuers whose tokens it accepts; it is not known whether a cluster has them.
    issuers: tuple[str, ...]
    clusters: tuple[ClusterUse, ...]  # the clusters that are known to use it
    policies: PolicyAudit  # what its policies mean
    untrusted: tuple[str, ...]  # why aws-node cannot assume it, in sentences
    nodes: tuple[NodeDenial, ...]  # what nodes cannot do with it, if it is theirs
    verdict: Verdict  # whether the plugin works with it at `cni_version`
    # Whether aws-node has another role in each cluster that is known to have it.
    is_unused: bool
    # What is not known about it; the rest depends on it.
    undecided: tuple[str, ...]
    proposal: tuple[str, ...]  # what to do


class RoleResults(Struct):
    """What is known of one role."""

    arn: str
    account: str
    audit: RoleAudit | None = None  # None if it is not a role of the plugin
    metrics_helper: MetricsHelperRole | None = None
    # If it is asked: the policies of a node role that have permissions of the plugin.
    granting: tuple[GrantingPolicy, ...] = ()
    unread: list[NotKnown] = []
    missing: list[str] = []  # the ARNs of policies that may give it permissions of the plugin

    @property
    def has_any(self) -> bool:
        """Whether the report says anything of the role; of most roles of an account, nothing."""
        return bool(
            self.audit or self.metrics_helper or self.granting or self.unread or self.missing
        )


class RoleAuditor(Struct):
    """Judges roles; it reads each trust policy once."""

    clusters: Sequence[ClusterDetail]
    version: PluginVersion
    settings: Mapping[EksCluster, PluginSettings]
    # The roles that nodes have, or with which EKS Pod Identity assumes other roles, by ARN.
    roles_beside: Mapping[str, RoleDetail]
    asks_nodes: bool  # whether it is asked if the roles of nodes need the permissions
    _trusts: dict[bytes, TrustAudit] = field(default_factory=dict)

    def role(self, detail: RoleDetail) -> RoleResults:
        """Return what is known of a role."""
        results = RoleResults(detail.arn, detail.account)
        uses = cluster_uses(detail.arn, eks.PLUGIN, self.clusters)
        helped = cluster_uses(detail.arn, eks.METRICS_HELPER, self.clusters)
        trust = self._trust(detail)
        if trust.trust is None:
            results.unread.append(not_read(f"{detail.arn} trust", trust.problem))
            if not (uses or helped):
                return results
        assumed = bool(trust.identities or _active(uses))
        identities = {*trust.identities, *(use.by for use in uses)}
        if self.asks_nodes and Identity.node_role in identities:
            results.granting = tuple(granting_policies(detail))
        if helped or (trust.metrics_helper and not assumed):
            results.metrics_helper = self._metrics_helper(detail, trust, helped)
        if assumed or trust.undecided or trust.is_broken:
            results.audit = self._of_plugin(detail, trust, uses, results, assumed=assumed)
        return results

    def _of_plugin(
        self,
        detail: RoleDetail,
        trust: TrustAudit,
        uses: tuple[ClusterUse, ...],
        results: RoleResults,
        *,
        assumed: bool,
    ) -> RoleAudit | None:
        """Return the audit of a role that aws-node may have, None if the plugin cannot use it.

        What is not read is added to `results`.
        """
        active = _active(uses)
        meant = Identity.irsa if trust.is_broken else Identity.pod_identity
        identities = trust.identities if assumed else (meant,)
        role, undecided = self._with_policies(detail, trust, identities, active)
        is_first = any(c.by_role == detail.arn for c in self.clusters)
        is_plugins = active or (trust.for_plugin and not is_first) or trust.is_broken
        if not (is_plugins or modes(role)):
            _may_serve(results, undecided)
            return None
        if not assumed and trust.undecided:
            reason = f"its policies have permissions of the plugin; {sentence(trust.undecided)}"
            results.unread.append(not_read(f"{detail.arn} trust", reason))
            return None
        doubts = tuple(NotKnown("", d.reason, "") for d in undecided if d.counts)
        doubts = tuple(dict.fromkeys(doubts))
        uses = tuple(self._as_configured(use, role, doubts, results) for use in uses)
        account = detail.account if is_about_account(detail) else EXAMPLE["account_id"]
        judgement = judge(replace(role, account=account), doubts)
        obstacles = tuple(map(obstacle_of_doubt, undecided))
        return self._audit(detail, role, trust, uses, judgement, obstacles)

    def _metrics_helper(
        self, detail: RoleDetail, trust: TrustAudit, uses: tuple[ClusterUse, ...]
    ) -> MetricsHelperRole:
        role, undecided = self._with_policies(detail, trust, trust.metrics_helper, uses)
        unknown = tuple(sentence(obstacle_of_doubt(doubt)) for doubt in undecided)
        return judge_metrics_helper(detail.arn, trust.metrics_helper, uses, role, unknown)

    def _with_policies(
        self,
        detail: RoleDetail,
        trust: TrustAudit,
        identities: tuple[Identity, ...],
        uses: tuple[ClusterUse, ...],
    ) -> tuple[PluginRole, tuple[NotKnown, ...]]:
        """Return a role with its policies, and what is not known about them."""
        access = detail.access
        role = PluginRole(
            access.known,
            access.limiting,
            "".join(document.name for limit in access.limits for document in limit),
            detail.account,
            partition=detail.arn.split(":")[1],
            version=self.version,
            session_tags=all(use.has_tags for use in uses)
            if uses
            else identities == (Identity.pod_identity,),
            regions=_regions(detail.arn, identities, uses, trust),
        )
        return role, _counting(access)

    def _trust(self, detail: RoleDetail) -> TrustAudit:
        text = str(detail.trust.content)
        key = hashlib.sha256(text.encode()).digest() + detail.arn.rpartition(":")[0].encode()
        if key not in self._trusts:
            try:
                self._trusts[key] = audit_trust(detail.trust.policy(), detail.arn)
            except InputError as error:
                unread = Obstacle(ObstacleKind.unread_trust, problem=str(error))
                self._trusts[key] = TrustAudit(undecided=unread)
        return self._trusts[key]

    def _as_configured(
        self,
        use: ClusterUse,
        role: PluginRole,
        doubts: Sequence[NotKnown],
        results: RoleResults,
    ) -> ClusterUse:
        """Return a use with the role's result in the cluster, unless aws-node has another role."""
        if use.is_overridden:
            return use
        place = self._place(use)
        source = place.settings.file if place.settings else ""
        try:
            result = judge_cluster(replace(role, session_tags=use.has_tags), place, doubts)
        except (InputError, UsageError) as error:
            results.unread.append(not_read(source or use.cluster, str(error)))
            return use
        return replace(use, configuration=source, result=result, running=self._running(use, role))

    def _running(self, use: ClusterUse, role: PluginRole) -> Verdict | None:
        """Return the verdict at the plugin versions of a cluster's pods."""
        own = [d for d in self.clusters if d.is_running and d.cluster == use.where]
        place = self._place(use)
        verdicts = []
        for text in {detail.version for detail in own}:
            version = PluginVersion.parse(text)
            at = version and replace(role, version=version, session_tags=use.has_tags)
            try:
                known_versions.find(text)
                verdicts.append(judge_cluster(at, place).verdict if at else Verdict.unknown)
                if use.by is Identity.pod_identity and at and at.version < POD_IDENTITY_SINCE:
                    verdicts.append(Verdict.fails)
            except (InputError, UsageError):
                verdicts.append(Verdict.unknown)
        return max(verdicts, key=lambda verdict: verdict.rank, default=None)

    def _place(self, use: ClusterUse) -> ClusterPlace:
        modes = (c.mode for c in self.clusters if c.mode and c.cluster == use.where)
        return ClusterPlace(use.where, self.settings.get(use.where), next(modes, None))

    def _audit(
        self,
        detail: RoleDetail,
        role: PluginRole,
        trust: TrustAudit,
        uses: tuple[ClusterUse, ...],
        judgement: PolicyAudit,
        undecided: tuple[Obstacle, ...],
    ) -> RoleAudit:
        results = [use.result.verdict for use in uses if use.result]
        if not results or len(results) < len(_active(uses)):
            results.append(one_of(family.verdict for family in judgement.families))
        obstacles = [*obstacles_of(trust, uses), *of_version(trust, uses, self.version)]
        for use in _active(uses):
            obstacles += [*self._first_role(use, trust, detail.arn), *self._roles_of_nodes(use)]
        is_of_nodes = trust.identities == (Identity.node_role,)
        is_unused = bool(uses) and not _active(uses) and is_of_nodes
        asked = is_of_nodes and not is_unused
        nodes = node_denials(detail.access, is_of_eks=bool(uses)) if asked else ()
        no_trust = [o for o in obstacles if o.kind.is_certain]
        others = tuple(o for o in obstacles if not o.kind.is_certain)
        undecided += others
        results += [Verdict.fails] * bool(no_trust) + [Verdict.unknown] * bool(others)
        results += [denial.verdict for denial in nodes]
        by_cluster = {use.where: use.result for use in uses if use.result}
        advice = remedies(detail.arn, no_trust)
        advice += tuple(map(node_remedy, nodes))
        if not is_unused:
            only_repairs = bool(no_trust)
            steps = proposal(
                trust.identities, judgement, role, by_cluster, only_repairs=only_repairs
            )
            advice += tuple(dict.fromkeys(map(to_do_text, steps)))
        return RoleAudit(
            detail.arn,
            detail.account,
            trust.identities,
            trust.issuers if Identity.irsa in trust.identities else (),
            uses,
            judgement,
            tuple(map(sentence, no_trust)),
            nodes,
            every(results),
            is_unused,
            tuple(map(sentence, undecided)),
            advice,
        )

    def _first_role(self, use: ClusterUse, trust: TrustAudit, role: str) -> Iterator[Obstacle]:
        """Yield why the role that must assume another cannot, or what is not known about it."""
        name, detail = use.by_role, self.roles_beside.get(use.by_role)
        if detail is None:
            if name:
                yield Obstacle(ObstacleKind.absent_first_role, on=name)
            return
        access = detail.access
        unknown = map(obstacle_of_doubt, _counting(access))
        obstacles = [*obstacles_of(self._trust(detail), [replace(use, by_role="")]), *unknown]
        if all(o.kind.is_certain for o in obstacles):
            obstacles += obstacles_of_first(use, trust, role, access)
        yield from (replace(o, of=name) for o in obstacles)

    def _roles_of_nodes(self, use: ClusterUse) -> Iterator[Obstacle]:
        """Yield why nodes get no credentials from EKS Pod Identity, or what is not known."""
        for name in use.node_roles if use.by is Identity.pod_identity else ():
            if (detail := self.roles_beside.get(name)) is None:
                absent = ObstacleKind.absent_node_role
                yield Obstacle(absent, use.cluster, action=AGENT_ACTION, on=name)
                continue
            access = detail.access
            unknown = list(map(obstacle_of_doubt, _counting(access)))
            if obstacle := obstacle_of_node(use, name, access.known, access.limiting):
                is_open = unknown and obstacle.kind.is_certain
                yield from (replace(o, of=name) for o in unknown) if is_open else (obstacle,)


def _may_serve(results: RoleResults, undecided: Iterable[NotKnown]) -> None:
    """Record why it is not known whether the plugin could use a role."""
    for doubt in undecided:
        if isinstance(doubt, NotInInput):
            results.missing.append(doubt.name)
        else:
            results.unread.append(not_read(results.arn, sentence(obstacle_of_doubt(doubt))))


def _regions(
    role: str, identities: tuple[Identity, ...], uses: tuple[ClusterUse, ...], trust: TrustAudit
) -> tuple[str, ...]:
    """Return the Regions of the clusters that have a role; empty if one is not known.

    Without a cluster, return the Regions of the issuers that the role trusts.
    """
    regions = [use.region for use in uses]
    if not uses and identities == (Identity.irsa,):
        regions = [region_of(issuer) for issuer in trust.issuers]
    of_partition = all(r and partition_of(r) == role.split(":")[1] for r in regions)
    return tuple(dict.fromkeys(regions)) if of_partition else ()


def _counting(access: RoleAccess) -> tuple[NotKnown, ...]:
    """Return what is not known about a role's policies."""
    return tuple(doubt for doubt in access.not_known if doubt.counts)


def _active(uses: Iterable[ClusterUse]) -> tuple[ClusterUse, ...]:
    """Return the uses except those in clusters where aws-node has another role."""
    return tuple(use for use in uses if not use.is_overridden)
