"""Resources of EKS in plans put together by hand, in the form of the newest provider."""

from typing import Any

from synthetic import Json, document, resource
from vpc_cni_iam.catalog.facts.documents import managed_policy
from vpc_cni_iam.policy.document import dumps

ISSUER = "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"
PROVIDER = f"arn:aws:iam::111122223333:oidc-provider/{ISSUER}"
NODE_TRUST = document(
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
)
# What nodes need to join their cluster, to pull images and for the EKS Pod Identity Agent.
OF_NODES = document(
    {
        "Effect": "Allow",
        "Action": [
            "ec2:DescribeInstances",
            "eks:DescribeCluster",
            "ecr:GetAuthorizationToken",
            "ecr:BatchGetImage",
            "ecr:GetDownloadUrlForLayer",
            "eks-auth:AssumeRoleForPodIdentity",
        ],
        "Resource": "*",
    }
)
POD_TRUST = document(
    {
        "Effect": "Allow",
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Condition": {
            "StringEquals": {
                "aws:RequestTag/kubernetes-namespace": "kube-system",
                "aws:RequestTag/kubernetes-service-account": "aws-node",
            }
        },
    }
)
OF_ACCOUNT = document(
    {
        "Effect": "Allow",
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}},
    }
)
MANAGED = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"
CNI = dumps(managed_policy())
VERSION = {"addon_version": "v1.23.2-eksbuild.1"}


def irsa(
    provider: str = PROVIDER,
    issuer: str = ISSUER,
    subject: str = "system:serviceaccount:kube-system:aws-node",
    operator: str = "StringEquals",
) -> str:
    condition = {"StringEquals": {f"{issuer}:aud": "sts.amazonaws.com"}}
    condition.setdefault(operator, {})[f"{issuer}:sub"] = subject
    return document(
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": provider},
            "Condition": condition,
        }
    )


def arn_of(name: str, account: str = "111122223333") -> str:
    return f"arn:aws:iam::{account}:role/{name}"


def same(kind: str, name: str, values: Json, **more: Any) -> Json:
    return resource(kind, name, values, values, **more)


def own_role(name: str, trust: str, *texts: str) -> list[Json]:
    """A role that stays, with inline policies."""
    values = {"name": name, "arn": arn_of(name), "assume_role_policy": trust}
    inline = [
        same("aws_iam_role_policy", f"{name}-{i}", {"role": name, "name": f"i{i}", "policy": text})
        for i, text in enumerate(texts)
    ]
    return [same("aws_iam_role", name, values), *inline]


def addon(before: Json | None, after: Json | None, **more: Any) -> Json:
    base = {"cluster_name": "prod", "addon_name": "vpc-cni"}
    sides = [None if side is None else {**base, **side} for side in (before, after)]
    return resource("aws_eks_addon", "vpc_cni", *sides, **more)


def association(role_before: str | None, role_after: str | None, **more: Any) -> Json:
    def side(name: str | None) -> Json | None:
        base = {"cluster_name": "prod", "namespace": "kube-system", "service_account": "aws-node"}
        return None if name is None else {**base, "role_arn": arn_of(name)}

    kind = "aws_eks_pod_identity_association"
    return resource(kind, "aws_node", side(role_before), side(role_after), **more)


AGENT = same(
    "aws_eks_addon", "agent", {"cluster_name": "prod", "addon_name": "eks-pod-identity-agent"}
)


def node_group(before: str, after: str) -> Json:
    sides = [{"cluster_name": "prod", "node_role_arn": arn_of(name)} for name in (before, after)]
    return resource("aws_eks_node_group", "n", *sides)


def provider(before: Json | None, after: Json | None, name: str = "eks", **more: Any) -> Json:
    base = {"url": f"https://{ISSUER}", "arn": PROVIDER, "client_id_list": ["sts.amazonaws.com"]}
    base["thumbprint_list"] = ["a" * 40]
    sides = [None if side is None else {**base, **side} for side in (before, after)]
    return resource("aws_iam_openid_connect_provider", name, *sides, **more)
