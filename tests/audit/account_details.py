"""Account details as the AWS CLI prints them, for tests."""

import json
from typing import Any

from vpc_cni_iam.catalog.facts.documents import find, managed_policy
from vpc_cni_iam.policy.document import to_json

ACCOUNT = "111122223333"
ISSUER = "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
MANAGED = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"
WORKER = "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"


def allow(*actions: str, resource: str = "*") -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return {"Version": "2012-10-17", "Statement": [statement]}


def irsa(subject: str = "system:serviceaccount:kube-system:aws-node") -> dict[str, Any]:
    """The trust policy of terraform-aws-iam's module iam-role-for-service-accounts-eks."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "",
                "Effect": "Allow",
                "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com"},
                    "StringLike": {f"{ISSUER}:sub": subject},
                },
            }
        ],
    }


def service(name: str, *actions: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": name}, "Action": list(actions)}
    return {"Version": "2012-10-17", "Statement": [statement]}


NODES = service("ec2.amazonaws.com", "sts:AssumeRole")
PODS = service("pods.eks.amazonaws.com", "sts:AssumeRole", "sts:TagSession")


def role(
    name: str,
    trust: dict[str, Any],
    *,
    inline: dict[str, dict[str, Any]] | None = None,
    attached: tuple[str, ...] = (),
    boundary: str = "",
    account: str = ACCOUNT,
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "Path": "/",
        "RoleName": name,
        "RoleId": "AROA1234567890EXAMPLE",
        "Arn": f"arn:aws:iam::{account}:role/{name}",
        "CreateDate": "2024-05-01T12:00:00+00:00",
        "AssumeRolePolicyDocument": trust,
        "InstanceProfileList": [],
        "RolePolicyList": [
            {"PolicyName": n, "PolicyDocument": document} for n, document in (inline or {}).items()
        ],
        "AttachedManagedPolicies": [
            {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in attached
        ],
        "Tags": [],
        "RoleLastUsed": {},
    }
    if boundary:
        described["PermissionsBoundary"] = {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": boundary,
        }
    return described


def managed(arn: str, *versions: dict[str, Any]) -> dict[str, Any]:
    """A managed policy whose first version is its default."""
    return {
        "PolicyName": arn.rpartition("/")[2],
        "Arn": arn,
        "DefaultVersionId": f"v{len(versions)}",
        "PolicyVersionList": [
            {
                "Document": document,
                "VersionId": f"v{len(versions) - index}",
                "IsDefaultVersion": index == 0,
            }
            for index, document in enumerate(versions)
        ],
    }


def details(*roles: dict[str, Any], policies: tuple[dict[str, Any], ...] = (), **more: Any) -> str:
    page = {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": list(roles)}
    return json.dumps({**page, "Policies": list(policies), **more}, indent=4)


MANAGED_POLICY = managed(MANAGED, to_json(managed_policy()))
OLD = to_json(find("2022-01-31").document("ipv4"))
SCOPED = to_json(find("2026-06-01").document("ipv4-scoped"))
