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
        f"{_TRUST} does not allow sts:TagSession, which {{pods}} needs to assume roles"
    ),
    ObstacleKind.tags_required: f"{_TRUST} requires session tags, which {{where}} does not have",
    ObstacleKind.issuer: f"{_TRUST} trusts {{on}}, which is not the issuer of cluster {{cluster}}",
    ObstacleKind.node_role: (
        "it is the node role of cluster {cluster}, and its policies do not allow {action}, so "
        "{pods} gives aws-node no credentials"
    ),
    ObstacleKind.absent_node_role: (
        "{on}, a node role of cluster {cluster}, is not in the input, so it is not known whether "
        "it allows {action}"
    ),
    ObstacleKind.node_role_undecided: (
        "it is not decided whether its policies allow {action}: {problem}"
    ),
    ObstacleKind.node_role_region: (
        "it is not known whether its policies allow {action} in the Region of cluster {cluster}; "
        "add aws eks describe-cluster"
    ),
    ObstacleKind.identity: f"{_TRUST} does not allow {{where}} to assume it {{how}}",
    ObstacleKind.cluster: f"the conditions of {_TRUST} do not allow {{where}} to assume it",
    ObstacleKind.first_role: f"{_TRUST} does not allow {{on}} to assume it{{tags}} for {{where}}",
    ObstacleKind.first_role_policies: "its policies do not allow {action} on {on}",
    ObstacleKind.old_version: "plugin {on} gets no credentials from {pods}",
    ObstacleKind.anyone: (
        f'{_TRUST} names the principal "*"; AWS does not say whether this includes services and '
        "web identities; name the principals"
    ),
    ObstacleKind.unread_trust: f"{_TRUST}: {{problem}}",
    ObstacleKind.absent: "{on} is not in the input",
    ObstacleKind.absent_first_role: (
        "{on} is not in the input, so it is not known whether it may assume this role"
    ),
    ObstacleKind.unread_policy: "{on}: {problem}",
    ObstacleKind.first_role_undecided: (
        "it is not decided whether its policies allow {action} on {on}: {problem}"
    ),
}


_FAULTS = {
    TrustFault.principal: "names the principal {present}, but tokens of aws-node need {value}",
    TrustFault.action: "allows {present}, but IRSA uses {value}",
    TrustFault.issuer: "requires {present}, but tokens of its OIDC provider have {key}",
    TrustFault.audience: "requires the audience {present}, but tokens of aws-node have {value}",
    TrustFault.subject: "requires the subject {present}, but tokens of aws-node have {value}",
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
        how="as a node role"
        if obstacle.identity is Identity.node_role
        else f"with {obstacle.identity}",
        action=obstacle.action,
        on=obstacle.on,
        problem=obstacle.problem or "the trust policy of that role decides",
        tags=" with session tags" if obstacle.tags else "",
    )
    return f"{obstacle.of}: {text}" if obstacle.of else text
