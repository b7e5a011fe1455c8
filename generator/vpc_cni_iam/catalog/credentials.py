"""How a service account gets a role: the requests that a role's trust policy decides.

Sources: Amazon EKS User Guide, "Assign IAM roles to Kubernetes service accounts" and "EKS Pod
Identity trust policy"; Amazon EC2 User Guide, "IAM roles for Amazon EC2"; IAM User Guide, "AWS
global condition context keys".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from enum import StrEnum

from msgspec.structs import replace

from vpc_cni_iam.catalog.trust import AUDIENCE, issuer
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.evaluate import Request
from vpc_cni_iam.policy.matching.variables import Context

PODS, NODES = "pods.eks.amazonaws.com", "ec2.amazonaws.com"
OF_TOKENS = (":sub", ":aud")  # how the keys of tokens end
# What only a principal of an account, or who sends it, has in a request: services and tokens do
# not. And what only a service has; of EKS Pod Identity it is the cluster, and its account, which
# is the role's.
CALLER = "aws:principalarn"
NO_ACCOUNT: Context = dict.fromkeys((
    "aws:principalaccount", CALLER, "aws:principalorgid", "aws:principalorgpaths",
    "aws:username", "sts:externalid",
), ())  # fmt: skip
_SOURCE_ARN, _SOURCE_ACCOUNT = "aws:sourcearn", "aws:sourceaccount"
NO_SOURCE: Context = dict.fromkeys(
    (_SOURCE_ARN, _SOURCE_ACCOUNT, "aws:sourceorgid", "aws:sourceorgpaths"), ()
)
_CLUSTER_NAME, _CLUSTER_ARN = "aws:requesttag/eks-cluster-name", "aws:requesttag/eks-cluster-arn"
# The parts of the ARN of a cluster, or of a pattern of such ARNs.
_CLUSTER = r"arn:([^:]*):eks:([^:]*)(?::([^:]*)(?::cluster/(.*))?)?"


class Credentials(StrEnum):
    """How the plugin gets a role."""

    irsa = "IRSA"
    pod_identity = "EKS Pod Identity"
    node = "node role"


def cluster_arns(
    policy: Policy, *, partition: str = "", region: str = "", account: str = "", cluster: str = ""
) -> list[str]:
    """Return the ARNs that a cluster may have of which some parts are known, and others empty.

    Those are what a trust policy names. The account is empty if it names none.
    """
    conditions = (c for s in policy.statements for c in s.conditions)
    named = (
        v for c in conditions if c.key.lower() in (_CLUSTER_ARN, _SOURCE_ARN) for v in c.values
    )
    places = [m.groups("") for v in named if (m := re.match(_CLUSTER, v))]
    known = partition, region, account, cluster
    usual = "aws", "us-east-1", next((place[2] for place in places), ""), "example"
    parts = (
        [k or p.replace("*", "") or u for k, p, u in zip(known, place, usual, strict=True)]
        for place in [("",) * 4, *places]
    )
    return ["arn:{}:eks:{}:{}:cluster/{}".format(*part) for part in parts]


def cluster_tags(arn: str) -> Context:
    """Return the session tags that name a cluster, by its ARN, as far as that is known."""
    name = {_CLUSTER_NAME: arn.partition("/")[2]}
    return {_CLUSTER_ARN: arn, **name} if _account(arn) else name


def account_tags(namespace: str, account: str) -> Context:
    """Return the session tags that name a service account."""
    return {
        "aws:requesttag/kubernetes-namespace": namespace,
        "aws:requesttag/kubernetes-service-account": account,
    }


def role_requests(
    statement: Statement, service_account: tuple[str, str], clusters: Iterable[str]
) -> Iterator[tuple[Credentials, Request]]:
    """Yield the requests for the role that a statement could allow to a service account.

    `clusters` are the ARNs of those that EKS Pod Identity may ask for.
    """
    if statement.effect != "Allow":
        return
    namespace, account = service_account
    for principal in statement.principals:
        for name in principal.identifiers:
            service = name.removesuffix(".cn") if principal.type == "Service" else ""
            if service == NODES:
                yield Credentials.node, Request("sts:AssumeRole", "*", name, NO_ACCOUNT)
            elif service == PODS:
                for arn in clusters:
                    known = _account(arn)
                    source = {_SOURCE_ARN: arn, _SOURCE_ACCOUNT: known} if known else {}
                    context = {**NO_ACCOUNT, **source, **account_tags(namespace, account)}
                    yield Credentials.pod_identity, Request("sts:AssumeRole", "*", name, context)
            elif principal.type == "Federated" and ":oidc-provider/" in name:
                prefix = issuer(name).lower()
                token: Context = {
                    **NO_ACCOUNT,
                    **NO_SOURCE,
                    f"{prefix}:sub": f"system:serviceaccount:{namespace}:{account}",
                    f"{prefix}:aud": AUDIENCE,
                }
                action = "sts:AssumeRoleWithWebIdentity"
                yield Credentials.irsa, Request(action, "*", name, token)


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


def _account(arn: str) -> str:
    return arn.split(":")[4]
