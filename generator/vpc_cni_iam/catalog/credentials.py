"""How a service account gets a role: the requests that a role's trust policy decides.

Sources: Amazon EKS User Guide, "Assign IAM roles to Kubernetes service accounts" and "EKS Pod
Identity trust policy"; Amazon EC2 User Guide, "IAM roles for Amazon EC2".
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from enum import StrEnum

from msgspec.structs import replace

from vpc_cni_iam.catalog.trust import AUDIENCE, issuer
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.evaluate import Request

PODS, NODES = "pods.eks.amazonaws.com", "ec2.amazonaws.com"
OF_TOKENS = (":sub", ":aud")  # how the keys of tokens end
_CLUSTER_NAME, _CLUSTER_ARN = "aws:requesttag/eks-cluster-name", "aws:requesttag/eks-cluster-arn"
_ARN_PARTS = 6


class Credentials(StrEnum):
    """How the plugin gets a role."""

    irsa = "IRSA"
    pod_identity = "EKS Pod Identity"
    node = "node role"


def role_requests(
    statement: Statement, service_account: tuple[str, str]
) -> Iterator[tuple[Credentials, Request]]:
    """Yield the requests for the role that a statement could allow to a service account."""
    if statement.effect != "Allow":
        return
    namespace, account = service_account
    for principal in statement.principals:
        for name in principal.identifiers:
            service = name.removesuffix(".cn") if principal.type == "Service" else ""
            if service == NODES:
                yield Credentials.node, Request("sts:AssumeRole", "*", name)
            elif service == PODS:
                tags = {
                    "aws:requesttag/kubernetes-namespace": namespace,
                    "aws:requesttag/kubernetes-service-account": account,
                }
                yield Credentials.pod_identity, Request("sts:AssumeRole", "*", name, tags)
            elif principal.type == "Federated" and ":oidc-provider/" in name:
                prefix = issuer(name).lower()
                token = {
                    f"{prefix}:sub": f"system:serviceaccount:{namespace}:{account}",
                    f"{prefix}:aud": AUDIENCE,
                }
                action = "sts:AssumeRoleWithWebIdentity"
                yield Credentials.irsa, Request(action, "*", name, token)


def cluster_sessions(policy: Policy, cluster: str, account: str) -> Iterator[dict[str, str]]:
    """Yield the tags of a cluster that sessions of EKS Pod Identity may have.

    Its Region is one that the trust policy names, as is its account, if that is empty.
    """
    conditions = [c for s in policy.statements for c in s.conditions]
    arns = [v for c in conditions if c.key.lower() == _CLUSTER_ARN for v in c.values]
    places = {(p[1], p[3], p[4]) for arn in arns if len(p := arn.split(":")) == _ARN_PARTS}
    for partition, region, named in places or {("aws", "us-east-1", "")}:
        arn = f"arn:{partition}:eks:{region}:{account or named}:cluster/{cluster}"
        yield {_CLUSTER_NAME: cluster, _CLUSTER_ARN: arn}


def most_open(policy: Policy, keys: Collection[str]) -> Policy:
    """Return a policy with the conditions on some keys; any other one is met if that allows.

    What a token says stays: nobody else has that, and one issuer's token not what another's says.
    """
    statements = []
    for statement in policy.statements:
        conditions = tuple(
            c for c in statement.conditions if (k := c.key.lower()) in keys or k.endswith(OF_TOKENS)
        )
        if statement.effect == "Allow" or conditions == statement.conditions:
            statements.append(replace(statement, conditions=conditions))
    return replace(policy, statements=tuple(statements))
