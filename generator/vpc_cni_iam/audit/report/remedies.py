"""What to do if aws-node cannot assume a role, in sentences."""

from __future__ import annotations

from collections.abc import Iterable

from vpc_cni_iam.audit.assuming import Obstacle, ObstacleKind
from vpc_cni_iam.catalog.trust import POD_IDENTITY_SINCE
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.plugin.trust import AWS_NODE, NODES, PODS

_TAGS = '`"Action": ["sts:AssumeRole", "sts:TagSession"]`'
_STATEMENTS = {
    Identity.pod_identity: f'`"Principal": {{"Service": "{PODS}"}}`, {_TAGS}',
    Identity.node_role: f'`"Principal": {{"Service": "{NODES}"}}`, `"Action": "sts:AssumeRole"`',
}
_PROVIDER = (
    '`"Principal": {{"Federated": "arn:{partition}:iam::{account}:oidc-provider/{issuer}"}}`'
)
_ISSUER = "ISSUER"
_REMEDIES = {
    ObstacleKind.never_met: "remove the conditions that are never met from its trust policy",
    ObstacleKind.no_tag_session: f"in its trust policy, write {_TAGS}",
    ObstacleKind.tags_required: (
        "enable session tags in the association of cluster {cluster}, or remove the conditions "
        "on aws:RequestTag from its trust policy"
    ),
    ObstacleKind.cluster: "in its trust policy, make the conditions match cluster {cluster}",
    ObstacleKind.first_role: "in its trust policy, allow {on} to assume it",
    ObstacleKind.first_role_policies: "allow {action} on {on} in the policies of {of}",
    ObstacleKind.old_version: (
        f"install plugin {POD_IDENTITY_SINCE} or later, or give aws-node the role through IRSA"
    ),
    ObstacleKind.node_role: (
        "allow {action} in the policies of {of}: attach AmazonEKSWorkerNodePolicy"
    ),
}


def remedies(role: str, obstacles: Iterable[Obstacle]) -> tuple[str, ...]:
    """Return what to do so that aws-node can assume a role; `role` is its ARN."""
    return tuple(dict.fromkeys(_remedy(role, obstacle) for obstacle in obstacles))


def _remedy(role: str, obstacle: Obstacle) -> str:
    if repair := obstacle.repair:
        return f'in its trust policy, write `"{repair.key}": "{repair.value}"`'
    if obstacle.kind in (ObstacleKind.identity, ObstacleKind.issuer):
        if own := _STATEMENTS.get(obstacle.identity):
            return f"add a statement to its trust policy: {own}"
        return (
            f"in its trust policy, trust the issuer of cluster {obstacle.cluster}: "
            f'{_provider(role)}, `"{_ISSUER}:sub": "{AWS_NODE.subject}"`; aws eks '
            f"describe-cluster prints {_ISSUER}"
        )
    return _REMEDIES[obstacle.kind].format(
        cluster=obstacle.cluster, on=obstacle.on, action=obstacle.action, of=obstacle.of
    )


def _provider(role: str) -> str:
    _, partition, _, _, account, _ = role.split(":", 5)
    return _PROVIDER.format(partition=partition, account=account, issuer=_ISSUER)
