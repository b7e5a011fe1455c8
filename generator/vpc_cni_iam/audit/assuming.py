"""Whether aws-node can assume a role in the clusters that give it the role."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vpc_cni_iam.audit.clusters import ClusterUse
from vpc_cni_iam.audit.trust import Trust, naming, takes_cluster, takes_role
from vpc_cni_iam.catalog.credentials import ASSUMING, Credentials
from vpc_cni_iam.coverage.simulate.send import Answers, Limits
from vpc_cni_iam.inputs.aws.eks import ClusterDetailKind
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.evaluate import Request
from vpc_cni_iam.policy.matching.variables import UNKNOWN

_NO_TAGS = (
    "its trust policy does not allow sts:TagSession, with which EKS Pod Identity assumes roles"
)
_NEVER = "its trust policy has conditions that are never met when aws-node assumes it"
# How aws-node has a role, by what says so.
_WAYS = {
    ClusterDetailKind.addon: Credentials.irsa,
    ClusterDetailKind.association: Credentials.pod_identity,
    ClusterDetailKind.node_group: Credentials.node,
    ClusterDetailKind.pod: Credentials.irsa,
}
# What a trust policy allows to a role of its account that it names. Source: STS API reference,
# AssumeRole.
_TO_NAMED = Policy((Statement(actions=ASSUMING, resources=("*",)),))


def untrusted(trust: Trust, uses: Sequence[ClusterUse], role: str) -> tuple[list[str], list[str]]:
    """Return why aws-node cannot assume a role, by its ARN, and what is not known of that."""
    reasons = []
    if not uses and trust.credentials and trust.ways.isdisjoint(trust.credentials):
        reasons.append(_NEVER)
    elif not uses and trust.credentials == (Credentials.pod_identity,) and not trust.tagged:
        reasons.append(_NO_TAGS)
    for use in uses:
        if not use.is_overridden:
            reasons += _untrusted(trust, use, role)
    return ([], [trust.undecided]) if reasons and trust.undecided else (reasons, [])


def _untrusted(trust: Trust, use: ClusterUse, role: str) -> Iterator[str]:
    way, where = _WAYS[use.by], f"aws-node of cluster {use.cluster}"
    place = use.cluster, use.region
    if use.by_role:
        if not takes_role(trust, use.by_role, *place, tags=use.session_tags):
            how = " with session tags" if use.session_tags else ""
            yield f"its trust policy does not let {use.by_role} assume it{how} for {where}"
    elif way not in trust.ways:
        yield f"its trust policy does not let {where} assume it by {way}"
    elif way is not Credentials.pod_identity:
        return
    elif use.session_tags and not trust.tagged:
        yield _NO_TAGS
    elif not (use.session_tags or trust.untagged):
        yield f"its trust policy asks for session tags, which {where} does not have"
    elif not takes_cluster(trust, role, *place, tags=use.session_tags):
        yield f"the conditions of its trust policy do not let {where} assume it"


def not_allowed(
    use: ClusterUse, trust: Trust, role: str, policies: Sequence[Policy], limits: Limits
) -> tuple[list[str], list[str]]:
    """Return why policies do not let a role assume another, by its ARN, and what is not known.

    `trust` is that of the other one. Policies and limits are of the role that is to assume it.
    """
    place, tags = (use.cluster, use.region), use.session_tags
    if role.split(":")[4] == use.by_role.split(":")[4] and (
        trust.undecided or takes_role(naming(trust, use.by_role), use.by_role, *place, tags=tags)
    ):
        policies = (*policies, _TO_NAMED)
    answers = Answers(policies, limits)
    denied, undecided = [], []
    for action in ASSUMING[: 1 + tags]:
        decision = answers.evaluate(Request(action, role, may_have=lambda key: UNKNOWN))
        if decision.denied:
            denied.append(f"its policies do not allow {action} on {role}")
        elif not decision.allowed:
            what = f"whether its policies allow {action} on {role} is not decided"
            undecided.append(f"{what}: {decision.reason}")
    return denied, undecided
