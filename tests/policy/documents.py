"""Policies as JSON has them, written shortly."""

from typing import Any

from smt.request import Document

INTERFACE = "arn:aws:ec2:us-east-1:111122223333:network-interface/eni-0123456789abcdef0"
CLUSTER = "aws:ResourceTag/cluster.k8s.amazonaws.com/name"


def document(*statements: dict[str, Any], version: str = "2012-10-17") -> Document:
    return {
        "Version": version,
        "Statement": [{"Effect": "Allow", "Resource": "*"} | s for s in statements],
    }


def tagged(cluster: str, *actions: str, **more: Any) -> dict[str, Any]:
    return {"Action": list(actions), "Condition": {"StringEquals": {CLUSTER: cluster}}} | more
