"""What is wrong with the trust of EKS Pod Identity, by the requests that it lets in."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from vpc_cni_iam.plugin import trust
from vpc_cni_iam.plugin.principals import may_assume
from vpc_cni_iam.policy.document import ANYONE, Condition, Policy, Statement
from vpc_cni_iam.policy.evaluate import Request
from vpc_cni_iam.policy.matching.variables import Context
from vpc_cni_iam.review.diff.trust.tokens import TrustFlaw, values_of
from vpc_cni_iam.review.rules import Rule

_REGION, _ACCOUNT = "us-east-1", "999999999999"
_CLUSTER = f"arn:aws:eks:{_REGION}:{_ACCOUNT}:cluster/zz-example"
_ASSOCIATION = ":podidentityassociation/"


def pod_flaws(policy: Policy, *, tags: bool) -> Iterator[TrustFlaw]:
    """Yield what is wrong with the trust of EKS Pod Identity."""
    allows = policy.only("Allow").statements
    services = (trust.PODS, f"{trust.PODS}.cn")
    service = next((n for n in services for s in allows if _names(s, n, alone=True)), None)
    if service is None or not _may(policy, service, trust.ASSUME):
        return
    denies = policy.only("Deny").statements
    policy = replace(policy, statements=(*denies, *(s for s in allows if _names(s, service))))
    action = trust.TAG if tags else trust.ASSUME
    if not _may(policy, service, action, tags=tags):
        yield TrustFlaw(Rule.PODS_NO_TAGS if tags else Rule.PODS_TAGS_OFF)
    conditions = [c for s in policy.only("Allow").statements for c in s.conditions]
    if all(isinstance(condition.key, str) for condition in conditions):
        yield from _of_scope(policy, service, conditions)


def _of_scope(policy: Policy, service: str, conditions: list[Condition]) -> Iterator[TrustFlaw]:
    """Yield that no cluster's pods are let in, or any pod."""
    values = values_of(c for c in conditions if str(c.key).lower() == trust.SOURCE_ARN)
    associations = tuple(value for value in values if _ASSOCIATION in value)
    if associations and not any(
        _may(policy, service, trust.ASSUME, {trust.SOURCE_ARN: _of_cluster(arn)})
        for arn in associations
    ):
        yield TrustFlaw(Rule.PODS_SOURCE_ARN, values=associations)
    elif _lets_any_pod(policy, service):
        yield TrustFlaw(Rule.PODS_UNSCOPED)


def _lets_any_pod(policy: Policy, service: str) -> bool:
    """Say whether a pod that nobody means is let in: by its tags, or without any."""
    has = {trust.SOURCE_ARN: _CLUSTER, trust.SOURCE_ACCOUNT: _ACCOUNT}
    tags = {**trust.STRANGER.tags, **trust.STRANGER.pod_tags, **trust.cluster_tags(_CLUSTER)}
    return any(
        _may(policy, service, trust.ASSUME, {**has, **sent}, tags=bool(sent)) for sent in (tags, {})
    )


def _may(
    policy: Policy, service: str, action: str, has: Context | None = None, *, tags: bool = True
) -> bool:
    """Say whether EKS Pod Identity may be allowed an action for any pod, or for some."""
    may_have = trust.may_have_but(trust.OF_CALLERS, tags=tags)
    return may_assume(policy, Request(action, "*", service, has or {}, may_have))


def _names(statement: Statement, name: str, *, alone: bool = False) -> bool:
    """Say whether a statement names a service; `alone` is whether ``*`` is no name of it."""
    names = {name} if alone else {name, ANYONE}
    return any(names & {*p.identifiers} for p in statement.principals)


def _of_cluster(association: str) -> str:
    """Return the ARN of the cluster of an association, by its ARN."""
    before, _, after = association.partition(_ASSOCIATION)
    return f"{before}:cluster/{after.partition('/')[0]}"
