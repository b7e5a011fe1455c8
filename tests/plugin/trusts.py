"""Trust policies of roles, as tests write them."""

from typing import Any

from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.parse import parse

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/cni"
ISSUER = "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"
SUBJECT = "system:serviceaccount:kube-system:aws-node"
PODS, NODES = "pods.eks.amazonaws.com", "ec2.amazonaws.com"
BOTH = ("sts:AssumeRole", "sts:TagSession")
WEB = "sts:AssumeRoleWithWebIdentity"


def trust(*statements: dict[str, Any]) -> Policy:
    return parse({"Version": "2012-10-17", "Statement": list(statements)}, "trust.json")


def allow(
    principal: Any, *actions: str, effect: str = "Allow", **conditions: dict[str, Any]
) -> dict[str, Any]:
    statement = {"Effect": effect, "Principal": principal, "Action": list(actions)}
    return {**statement, "Condition": conditions} if conditions else statement


def pods(**conditions: dict[str, Any]) -> dict[str, Any]:
    return allow({"Service": PODS}, *BOTH, **conditions)


def nodes(**conditions: dict[str, Any]) -> dict[str, Any]:
    return allow({"Service": NODES}, "sts:AssumeRole", **conditions)


def irsa(subject: str = SUBJECT, operator: str = "StringEquals") -> dict[str, Any]:
    token = {f"{ISSUER}:sub": subject, f"{ISSUER}:aud": "sts.amazonaws.com"}
    return allow({"Federated": PROVIDER}, WEB, **{operator: token})
