"""Trust policies, of which the tests of a review put plans together."""

from typing import Any

from synthetic import Json, document, found, resource
from vpc_cni_iam.review.report.shown import ShownFinding

OIDC = "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"
PROVIDER = f"arn:aws:iam::111122223333:oidc-provider/{OIDC}"
GITHUB = "token.actions.githubusercontent.com"
AUD = {f"{OIDC}:aud": "sts.amazonaws.com"}
SUB = {f"{OIDC}:sub": "system:serviceaccount:kube-system:aws-node"}
NAMESPACE = {"StringEquals": {"aws:RequestTag/kubernetes-namespace": "kube-system"}}
WEB = "sts:AssumeRoleWithWebIdentity"
BOTH = ("sts:AssumeRole", "sts:TagSession")
CNI = document({"Effect": "Allow", "Action": "ec2:AssignPrivateIpAddresses", "Resource": "*"})
OWN, OTHER = "111122223333", "999999999999"
OF_OWN = resource("aws_iam_user", "there", *[{"arn": f"arn:aws:iam::{OWN}:user/there"}] * 2)


def trust(principal: Any, *actions: str, **conditions: Any) -> Json:
    """A statement of a trust policy."""
    statement = {"Effect": "Allow", "Action": list(actions), "Principal": principal}
    return {**statement, "Condition": conditions} if conditions else statement


def trusting(principal: Any, *actions: str, **conditions: Any) -> str:
    """A trust policy of one statement."""
    return document(trust(principal, *actions, **conditions))


def irsa(**conditions: Any) -> str:
    return trusting({"Federated": PROVIDER}, WEB, **conditions)


def token(issuer: str, subject: str | None, like: bool = False, aud: bool = True) -> str:
    """The trust of an OIDC provider that is not a cluster."""
    equals = {f"{issuer}:aud": "sts.amazonaws.com"} if aud else {}
    operator = "StringLike" if like else "StringEquals"
    conditions = {"StringEquals": equals} if equals else {}
    if subject:
        conditions.setdefault(operator, {})
        conditions[operator] = {**conditions[operator], f"{issuer}:sub": subject}
    principal = {"Federated": f"arn:aws:iam::111122223333:oidc-provider/{issuer}"}
    return trusting(principal, WEB, **conditions)


def pods(*actions: str, **conditions: Any) -> str:
    return trusting({"Service": "pods.eks.amazonaws.com"}, *actions, **conditions)


def of(name: str) -> str:
    return trusting({"Service": f"{name}.amazonaws.com"}, "sts:AssumeRole")


GOOD = irsa(StringEquals={**AUD, **SUB})
POD = pods(*BOTH, **NAMESPACE)


def of_rule(rule: str, *changes: Json, **more: Any) -> list[ShownFinding]:
    return [f for f in found(*changes, **more) if f.rule == rule]


def message(rule: str, *changes: Json) -> str:
    (finding,) = of_rule(rule, *changes)
    return finding.message


def inline(statement: Json | None = None) -> Json:
    text = document(statement) if statement else CNI
    values = {"name": "i", "role": "r", "policy": text}
    return resource("aws_iam_role_policy", "i", None, values)
