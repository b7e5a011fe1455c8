"""Why aws-node cannot assume a role, or why that is not known, in sentences."""

from __future__ import annotations

from msgspec.structs import asdict

from vpc_cni_iam.audit.assuming import Obstacle, ObstacleKind
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.plugin.mending import TrustFault

_TRUST = "its trust policy"
_SENTENCES = {
    ObstacleKind.never_met: f"{_TRUST} has conditions that are never met when aws-node assumes it",
    ObstacleKind.no_tag_session: (
        f"{_TRUST} does not allow sts:TagSession, with which {{pods}} assumes roles"
    ),
    ObstacleKind.tags_required: f"{_TRUST} asks for session tags, which {{where}} does not have",
    ObstacleKind.issuer: f"{_TRUST} trusts {{on}}, which is not the issuer of cluster {{cluster}}",
    ObstacleKind.node_role: (
        "the nodes of cluster {cluster} have this role, and its policies do not allow {action}, "
        "without which {pods} gives aws-node no credentials"
    ),
    ObstacleKind.absent_node_role: (
        "{on} is the role of nodes of cluster {cluster} and not in the input, so whether it allows "
        "{action} is not known"
    ),
    ObstacleKind.node_role_undecided: (
        "whether its policies allow {action} is not decided: {problem}"
    ),
    ObstacleKind.node_role_region: (
        "whether its policies allow {action} in the Region of cluster {cluster} is not known; add "
        "aws eks describe-cluster"
    ),
    ObstacleKind.identity: f"{_TRUST} does not let {{where}} assume it by {{identity}}",
    ObstacleKind.cluster: f"the conditions of {_TRUST} do not let {{where}} assume it",
    ObstacleKind.first_role: f"{_TRUST} does not let {{on}} assume it{{tags}} for {{where}}",
    ObstacleKind.first_role_policies: "its policies do not allow {action} on {on}",
    ObstacleKind.anyone: (
        f'{_TRUST} names the principal "*": AWS does not say whether that means services and web '
        "identities, too; name who assumes it"
    ),
    ObstacleKind.unread_trust: f"{_TRUST}: {{problem}}",
    ObstacleKind.absent: "{on} is not in the input",
    ObstacleKind.absent_first_role: (
        "{on} is not in the input, so whether it may assume this role is not known"
    ),
    ObstacleKind.unread_policy: "{on}: {problem}",
    ObstacleKind.first_role_undecided: (
        "whether its policies allow {action} on {on} is not decided: {problem}"
    ),
}


_FAULTS = {
    TrustFault.principal: "names the principal {present}, and tokens of aws-node need {value}",
    TrustFault.action: "allows {present}, and IRSA sends {value}",
    TrustFault.issuer: "asks for {present}, and tokens of its OIDC provider have {key}",
    TrustFault.audience: "asks for the audience {present}, and tokens of aws-node have {value}",
    TrustFault.subject: "asks for the subject {present}, and tokens of aws-node have {value}",
}


def sentence(obstacle: Obstacle) -> str:
    """Return an obstacle as a sentence."""
    if repair := obstacle.repair:
        words = _FAULTS[repair.fault].format(**asdict(repair))
        return f"{_TRUST} {words}"
    text = _SENTENCES[obstacle.kind].format(
        pods=Identity.pod_identity,
        cluster=obstacle.cluster,
        where=f"aws-node of cluster {obstacle.cluster}",
        identity=obstacle.identity,
        action=obstacle.action,
        on=obstacle.on,
        problem=obstacle.problem,
        tags=" with session tags" if obstacle.tags else "",
    )
    return f"{obstacle.of}: {text}" if obstacle.of else text
