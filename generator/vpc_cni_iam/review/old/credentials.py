"""How a service account gets a role: the requests that a role's trust policy decides.

Sources: Amazon EKS User Guide, "Assign IAM roles to Kubernetes service accounts" and "EKS Pod
Identity trust policy"; Amazon EC2 User Guide, "IAM roles for Amazon EC2".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from enum import StrEnum

from msgspec.structs import replace

from vpc_cni_iam.catalog.trust import AUDIENCE, issuer
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.evaluate import Request, evaluate
from vpc_cni_iam.policy.matching.variables import Context
from vpc_cni_iam.policy.template import known

PODS, NODES = "pods.eks.amazonaws.com", "ec2.amazonaws.com"
# What only a principal of an account, or who sends it, has in a request: services and tokens do
# not. And what only a service has; of EKS Pod Identity it is the cluster, and its account, which
# is the role's. Source: IAM User Guide, "AWS global condition context keys".
CALLER = "aws:principalarn"
NO_ACCOUNT: Context = dict.fromkeys((
    "aws:principalaccount", CALLER, "aws:principalorgid", "aws:principalorgpaths",
    "aws:username", "sts:externalid",
), ())  # fmt: skip
SOURCE_ARN, SOURCE_ACCOUNT = "aws:sourcearn", "aws:sourceaccount"
NO_SOURCE: Context = dict.fromkeys(
    (SOURCE_ARN, SOURCE_ACCOUNT, "aws:sourceorgid", "aws:sourceorgpaths"), ()
)
_CLUSTER_NAME, _CLUSTER_ARN = "aws:requesttag/eks-cluster-name", "aws:requesttag/eks-cluster-arn"
# What a role is assumed by, without session tags and with them.
ASSUMING = ("sts:AssumeRole", "sts:TagSession")
# Partition, Region, account and name in the ARN of a cluster, or in a pattern of such ARNs.
_CLUSTER = r"(?:arn:([^:]*):eks:([^:]*)(?::([^:]*):)?)?[^/]*(?:/(.*))?"
_EXAMPLE = ("aws", "us-east-1", "111122223333", "example")
OF_TOKENS = (":sub", ":aud")


class Credentials(StrEnum):
    """How the plugin gets a role."""

    irsa = "IRSA"
    pod_identity = "EKS Pod Identity"
    node = "node role"


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
        for name in known(principal.identifiers):
            service = name.removesuffix(".cn") if principal.type == "Service" else ""
            if service == NODES:
                yield Credentials.node, Request("sts:AssumeRole", "*", name, NO_ACCOUNT)
            elif service == PODS:
                for cluster in clusters:
                    context: Context = {
                        **NO_ACCOUNT,
                        SOURCE_ARN: cluster,
                        SOURCE_ACCOUNT: cluster.split(":")[4],
                        **account_tags(namespace, account),
                    }
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


def _most_open(policy: Policy, keys: Collection[str]) -> Policy:
    """Return a policy with the conditions on some keys; any other one is met if that allows.

    What a token says stays: nobody else has that, and one issuer's token not what another's says.
    """
    statements = []
    for statement in policy.statements:
        conditions = tuple(
            c
            for c in statement.conditions
            if (k := str(c.key).lower()) in keys or k.endswith(OF_TOKENS)
        )
        if statement.effect == "Allow" or conditions == statement.conditions:
            statements.append(replace(statement, conditions=conditions))
    return replace(policy, statements=tuple(statements))


def account_tags(namespace: str, account: str) -> Context:
    """Return the session tags that name a service account."""
    return {
        "aws:requesttag/kubernetes-namespace": namespace,
        "aws:requesttag/kubernetes-service-account": account,
    }


def cluster_tags(cluster: str) -> Context:
    """Return the session tags that name a cluster, by its ARN."""
    return {_CLUSTER_ARN: cluster, _CLUSTER_NAME: cluster.partition("/")[2]}


def cluster_arns(policy: Policy, role: str, cluster: str = "", region: str = "") -> list[str]:
    """Return the ARNs that a cluster in the account of a role, by its ARN, may have.

    What is empty of that, of its Region and of its name is as the policy names it.
    """
    conditions = (c for s in policy.statements for c in s.conditions)
    about = (c for c in conditions if str(c.key).lower() in (_CLUSTER_ARN, SOURCE_ARN))
    named = [v for c in about for v in known(c.values)]
    places = [("",) * 4, *(m.groups("") for v in named if (m := re.match(_CLUSTER, v)))]
    _, partition, _, _, account, _ = role.split(":", 5)
    own_place = (partition, region, account, cluster)
    return [
        "arn:{}:eks:{}:{}:cluster/{}".format(
            *(
                own or other.replace("*", "") or example
                for own, other, example in zip(own_place, place, _EXAMPLE, strict=True)
            )
        )
        for place in places
    ]


def allows(policy: Policy, request: Request, met: Collection[str] = ()) -> bool:
    """Say whether a policy allows a request, if conditions on keys that it does not name are met.

    `met` are keys that it names and on which conditions count as met, too.
    """
    opened = _most_open(policy, request.context.keys() - met)
    return not evaluate([opened], request).denied
