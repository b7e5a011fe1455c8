"""Finds the roles of accounts that the plugin uses or could use, and judges each.

Roles whose policies have the same text are judged once.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from vpc_cni_iam.audit.assuming import not_allowed, untrusted
from vpc_cni_iam.audit.clusters import (
    ClusterKey,
    ClusterUse,
    MetricsHelperRole,
    configured_clusters,
    judge_metrics_helper,
    unknown_roles,
)
from vpc_cni_iam.audit.clusters import uses as cluster_uses
from vpc_cni_iam.audit.judge import (
    Calls,
    ClusterPlace,
    PluginRole,
    PolicyAudit,
    RoleVerdict,
    breaks_anyway,
    judge,
    judge_cluster,
    modes,
)
from vpc_cni_iam.audit.proposal import proposal
from vpc_cni_iam.audit.trust import Trust, read_trust, unread_trust
from vpc_cni_iam.catalog.credentials import Credentials
from vpc_cni_iam.catalog.facts import documents
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.coverage.subject import characters
from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.inputs.aws import eks
from vpc_cni_iam.inputs.aws.account import COMMAND, AccountDetails, RoleDetail, most_characters
from vpc_cni_iam.inputs.aws.eks import ClusterDetail
from vpc_cni_iam.inputs.daemonset import Deployment
from vpc_cni_iam.inputs.json_documents import JsonDocument
from vpc_cni_iam.inputs.skipped import Reason, Skipped
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.evaluate import compile_policies

# That of other partitions names resources of theirs, and may be another version.
_MANAGED = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"
# What makes the account matter to a policy: an account's number, whole or in part, or its key.
_ABOUT_ACCOUNT = re.compile(r"[0-9]{12}|[0-9][*?]|[*?][0-9]|account|\$\{", re.IGNORECASE)


class RoleAudit(Struct, frozen=True):
    """A role that the plugin uses or could use."""

    role: str  # its ARN
    account: str
    credentials: tuple[Credentials, ...]  # how the plugin could get it
    # The issuers by whose tokens, with IRSA; whether one is its cluster's is not known.
    issuers: tuple[str, ...]
    clusters: tuple[ClusterUse, ...]  # the clusters that are known to use it
    policies: PolicyAudit  # what its policies mean
    untrusted: tuple[str, ...]  # why aws-node cannot assume it, in sentences
    verdict: RoleVerdict  # whether the plugin works with it at the version that was asked for
    # What is not known about it, without which nothing of this is certain.
    undecided: tuple[str, ...]
    proposal: tuple[str, ...]  # what to do


class Audit(Struct, frozen=True):
    """The roles of accounts that the plugin uses or could use."""

    cni_version: str  # the plugin version that was asked about
    accounts: tuple[str, ...]  # the IDs of the accounts
    roles_read: int  # how many roles were read
    roles: tuple[RoleAudit, ...]  # those that the plugin uses or could use
    unread: tuple[Skipped, ...]  # what could not be read, or is not in the input
    complete: bool  # whether everything was read and decided
    breaks: bool  # whether the plugin fails with any of the roles at the version
    # The roles of cni-metrics-helper, which are not among them.
    metrics_helper: tuple[MetricsHelperRole, ...]


def audit(
    details: AccountDetails, version: PluginVersion, deployments: Iterable[Deployment] = ()
) -> Audit:
    """Return the roles that the plugin uses or could use, and what they mean for it.

    `version` is the one that is asked about; `deployments` say how it is configured in clusters.
    """
    clusters, configured, refused = configured_clusters(details.clusters, deployments)
    first = {c.by_role for c in clusters if c.by_role}
    auditor = _Auditor(
        clusters,
        version,
        configured,
        {c.role for c in clusters if c.role},
        {role.arn: role for role in details.roles() if role.arn in first} if first else {},
    )
    roles = [role for detail in details.roles() if (role := auditor.role(detail)) is not None]
    used = {use.key for role in roles for use in role.clusters}
    unknown = unknown_roles(clusters, configured, used, auditor.absent)
    unread = [*details.unread, *refused, *auditor.unread(), *unknown]
    if not auditor.accounts:
        advice = f"it holds no role; print roles too: {COMMAND}, without --filter"
        unread.append(Skipped("the input", Reason.not_read, advice))
    helpers = sorted(auditor.metrics_helper, key=lambda r: r.role)
    unknown_role = any(role.verdict is RoleVerdict.unknown for role in roles)
    undecided = any(r.undecided for r in roles) or any(r.undecided for r in helpers)
    return Audit(
        str(version),
        tuple(auditor.accounts),
        sum(auditor.accounts.values()),
        tuple(sorted(roles, key=lambda r: (-r.verdict.rank, r.role))),
        tuple(unread),
        not (unread or undecided or unknown_role),
        any(role.verdict is RoleVerdict.breaks for role in roles),
        tuple(helpers),
    )


class _Auditor(Struct):
    """Judges one role after another, and keeps what it learned of texts."""

    clusters: Sequence[ClusterDetail]
    version: PluginVersion
    deployments: Mapping[ClusterKey, Deployment]
    absent: set[str]
    # The roles by which EKS Pod Identity assumes others, by their ARNs.
    first_roles: Mapping[str, RoleDetail]
    accounts: Counter[str] = field(default_factory=Counter)
    metrics_helper: list[MetricsHelperRole] = field(default_factory=list)
    _trusts: dict[bytes, Trust | InputError] = field(default_factory=dict)
    _serving: dict[bytes, bool] = field(default_factory=dict)
    _judged: dict[bytes, PolicyAudit] = field(default_factory=dict)
    _families: dict[Hashable, Calls] = field(default_factory=dict)
    _missing: Counter[str] = field(default_factory=Counter)
    _refused: list[Skipped] = field(default_factory=list)

    def role(self, detail: RoleDetail) -> RoleAudit | None:
        """Return what a role means for the plugin, None if it is not for it."""
        self.accounts[detail.account] += 1
        self.absent.discard(detail.arn)
        uses = cluster_uses(detail.arn, eks.PLUGIN, self.clusters)
        helped = cluster_uses(detail.arn, eks.METRICS_HELPER, self.clusters)
        trust = self._trust(detail)
        if not isinstance(trust, Trust):
            self._refused.append(Skipped(f"{detail.arn} trust", Reason.not_read, str(trust)))
            trust = unread_trust(trust)
            if not (uses or helped):
                return None
        active = _active(uses)
        assumed = bool(trust.credentials or active)
        if helped or (trust.metrics_helper and not assumed):
            self._judge_metrics_helper(detail, trust, helped)
        if not (assumed or trust.undecided):
            return None
        credentials = trust.credentials if assumed else (Credentials.pod_identity,)
        role, missing, refused = self._with_policies(detail, credentials, active)
        key = _key(detail) + f"{role.session_tags} {role.partition} {role.regions}".encode()
        if not (active or self._serves(detail.arn, trust, role, key)):
            # Whether it could serve depends on what is not there.
            self._missing.update(missing)
            self._refused += [Skipped(detail.arn, Reason.not_read, text) for text in refused]
            return None
        if not assumed:
            reason = f"its policies serve the plugin, and {trust.undecided}"
            self._refused.append(Skipped(f"{detail.arn} trust", Reason.not_read, reason))
            return None
        uses = tuple(self._as_configured(use, role) for use in uses)
        undecided = _undecided(missing, refused)
        return self._audit(detail, role, trust, uses, self._judge(role, key), undecided)

    def _serves(self, arn: str, trust: Trust, role: PluginRole, key: bytes) -> bool:
        if trust.for_plugin and arn not in self.first_roles:
            return True
        if key not in self._serving:
            self._serving[key] = bool(modes(role))
        return self._serving[key]

    def _judge_metrics_helper(
        self, detail: RoleDetail, trust: Trust, uses: tuple[ClusterUse, ...]
    ) -> None:
        role, missing, refused = self._with_policies(detail, trust.metrics_helper, uses)
        undecided = _undecided(missing, refused)
        helper = judge_metrics_helper(detail.arn, trust.metrics_helper, uses, role, undecided)
        self.metrics_helper.append(helper)

    def _with_policies(
        self,
        detail: RoleDetail,
        credentials: tuple[Credentials, ...],
        uses: tuple[ClusterUse, ...],
    ) -> tuple[PluginRole, list[str], list[str]]:
        """Return a role, the ARNs of its policies without a document, and what was refused."""
        policies, missing, refused = _policies(detail)
        role = PluginRole(
            policies,
            *_boundary(detail, refused),
            detail.account,
            partition=detail.arn.split(":")[1],
            version=self.version,
            session_tags=all(use.has_tags for use in uses)
            if uses
            else credentials == (Credentials.pod_identity,),
            regions=tuple(dict.fromkeys(use.region for use in uses))
            if all(use.region for use in uses)
            else (),
        )
        return role, missing, refused

    def unread(self) -> Iterator[Skipped]:
        """Yield what was not read of roles that may serve the plugin."""
        yield from self._refused
        for arn, roles in self._missing.items():
            count = f"{roles:,} role{'s' * (roles != 1)}"
            detail = f"{count} may have permissions by it, and the input does not have it; "
            yield Skipped(arn, Reason.not_read, f"{detail}print it too: {COMMAND}, no --filter")

    def _trust(self, detail: RoleDetail) -> Trust | InputError:
        key = _digest(detail.trust) + detail.arn.rpartition(":")[0].encode()
        if key not in self._trusts:
            try:
                self._trusts[key] = read_trust(detail.trust.policy(), detail.arn)
            except InputError as error:
                self._trusts[key] = error
        return self._trusts[key]

    def _judge(self, role: PluginRole, key: bytes) -> PolicyAudit:
        if key not in self._judged:
            self._judged[key] = judge(role, self._families)
        return self._judged[key]

    def _as_configured(self, use: ClusterUse, role: PluginRole) -> ClusterUse:
        """Return a use with what the role means there, if aws-node has no other role."""
        if use.is_overridden:
            return use
        place = self._place(use)
        source = place.deployment.source if place.deployment else ""
        try:
            result = judge_cluster(replace(role, session_tags=use.has_tags), place)
        except (InputError, UsageError) as error:
            self._refused.append(Skipped(source or use.cluster, Reason.not_read, str(error)))
            return use
        return replace(use, configuration=source, result=result)

    def _place(self, use: ClusterUse) -> ClusterPlace:
        return ClusterPlace(use.cluster, use.region, self.deployments.get(use.key))

    def _audit(
        self,
        detail: RoleDetail,
        role: PluginRole,
        trust: Trust,
        uses: tuple[ClusterUse, ...],
        judgement: PolicyAudit,
        undecided: tuple[str, ...],
    ) -> RoleAudit:
        results = [use.result for use in uses if use.result]
        families = [*results]
        if not results or len(results) < len(_active(uses)):
            families += judgement.families
        no_trust, unknown = untrusted(trust, uses, detail.arn)
        for use in _active(uses):
            reasons, of_first = self._first_role(use, trust, detail.arn)
            no_trust += reasons
            unknown += of_first
        undecided += tuple(unknown)
        verdict = max((f.verdict for f in families), key=lambda v: v.rank)
        if no_trust:
            verdict = RoleVerdict.breaks
        elif undecided:
            known = [self._place(use) for use in uses if use.result]
            verdict = RoleVerdict.unknown
            denied = any(m.explicit for family in families for m in family.missing)
            if denied and breaks_anyway(role, known):
                verdict = RoleVerdict.breaks
        advice = proposal(trust, judgement, role, {u.key: u.result for u in uses if u.result})
        return RoleAudit(
            detail.arn,
            detail.account,
            trust.credentials,
            trust.issuers if Credentials.irsa in trust.credentials else (),
            uses,
            judgement,
            tuple(no_trust),
            verdict,
            undecided,
            advice,
        )

    def _first_role(self, use: ClusterUse, trust: Trust, role: str) -> tuple[list[str], list[str]]:
        """Return why the role that is to assume another cannot, and what is not known of that."""
        name, detail = use.by_role, self.first_roles.get(use.by_role)
        if detail is None:
            unknown = f"{name} is not in the input, so whether it may assume this role is not known"
            return [], [unknown] if name else []
        policies, missing, refused = _policies(detail)
        limits, _ = _boundary(detail, refused)
        own_trust = self._trust(detail)
        if not isinstance(own_trust, Trust):
            own_trust = unread_trust(own_trust)
        denied, undecided = untrusted(own_trust, [replace(use, by_role="")], name)
        undecided += _undecided(missing, refused)
        if not undecided:
            more, undecided = not_allowed(use, trust, role, policies, limits)
            denied += more
        return [f"{name}: {t}" for t in denied], [f"{name}: {t}" for t in undecided]


def _active(uses: Iterable[ClusterUse]) -> tuple[ClusterUse, ...]:
    """Return the uses without those in whose clusters aws-node has another role."""
    return tuple(use for use in uses if not use.is_overridden)


def _undecided(missing: Iterable[str], refused: Iterable[str]) -> tuple[str, ...]:
    return (*(f"{arn} is not in the input" for arn in missing), *refused)


def _policies(detail: RoleDetail) -> tuple[tuple[Policy, ...], list[str], list[str]]:
    """Return the policies of a role, the ARNs without a document, and what was refused."""
    policies, missing, refused = [], list(detail.missing), []
    for arn in detail.missing:
        if arn == _MANAGED:
            missing.remove(arn)
            policies.append(documents.managed_policy())
    for document in detail.policies:
        try:
            policies.append(_read(document))
        except InputError as error:
            refused.append(f"{'/'.join(document.names)}: {error.place}: {error.problem}")
    if detail.missing_boundary not in ("", _MANAGED):
        missing.append(detail.missing_boundary)
    return tuple(policies), missing, refused


def _boundary(detail: RoleDetail, refused: list[str]) -> tuple[tuple[tuple[Policy, ...], ...], str]:
    """Return the boundary of a role as limits, with its name."""
    if detail.missing_boundary == _MANAGED:
        return ((documents.managed_policy(),),), _MANAGED.rpartition("/")[2]
    if detail.boundary is None:
        return (), ""
    name = "/".join(detail.boundary.names)
    try:
        return ((_read(detail.boundary),),), name
    except InputError as error:
        refused.append(f"{name}: {error.place}: {error.problem}")
        return (), name


def _read(document: JsonDocument) -> Policy:
    """Return a policy that IAM and the evaluator take; raises `InputError` for another."""
    policy, most = document.policy(), most_characters(document)
    if most is not None and (size := characters(policy)) > most:
        problem = f"has {size:,} characters without white space, and IAM takes at most {most:,}"
        raise InputError(document.source, document.place, problem)
    compile_policies([policy])
    return policy


def _digest(*documents: JsonDocument) -> bytes:
    """Return what tells the texts of documents from those of others."""
    texts = sorted(str(document.content) for document in documents)
    return hashlib.sha256("\0".join(texts).encode()).digest()


def _key(detail: RoleDetail) -> bytes:
    """Return what the findings of a role depend on, besides how the plugin gets it."""
    every = (*detail.policies, *([detail.boundary] if detail.boundary else []))
    account = detail.account
    if not any(_ABOUT_ACCOUNT.search(str(document.content)) for document in every):
        account = ""
    boundary = _digest(detail.boundary) if detail.boundary else b""
    rest = "\0".join((account, detail.missing_boundary, *sorted(detail.missing)))
    return _digest(*detail.policies) + boundary + hashlib.sha256(rest.encode()).digest()
