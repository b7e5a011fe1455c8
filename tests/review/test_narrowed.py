"""Reviews of plans in which the plugin's policy lists subnets and security groups."""

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import run, write_tree

Json = dict[str, Any]
ACCOUNT = "111122223333"
LISTED, OTHER = "subnet-0123456789abcdef0", "subnet-0fedcba9876543210"
TRUST = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    },
}
ROLE = {
    "name": "cni",
    "arn": f"arn:aws:iam::{ACCOUNT}:role/cni",
    "assume_role_policy": json.dumps(TRUST),
}
ADDON = {
    "cluster_name": "prod",
    "addon_name": "vpc-cni",
    "addon_version": "v1.23.2-eksbuild.1",
    "pod_identity_association": [{"role_arn": ROLE["arn"], "service_account": "aws-node"}],
}
CLUSTER = {
    "name": "prod",
    "arn": f"arn:aws:eks:us-east-1:{ACCOUNT}:cluster/prod",
    "vpc_config": [
        {
            "vpc_id": "vpc-0123456789abcdef0",
            "subnet_ids": [LISTED, OTHER],
            "security_group_ids": ["sg-0fedcba9876543210"],
        }
    ],
}


def policy(*words: str) -> Json:
    names = ("--cluster-name", "prod", "--vpc-id", "vpc-0123456789abcdef0", "--harden")
    done = run("policy", "ipv4-scoped", *names, *words)
    assert done.code == 0
    return {"name": "cni", "role": "cni", "policy": done.out}


def resource(kind: str, before: Json, after: Json) -> Json:
    actions = ["no-op"] if before == after else ["update"]
    sides = {"after_unknown": {}, "before_sensitive": {}, "after_sensitive": {}}
    return {
        "address": f"{kind}.prod",
        "mode": "managed",
        "type": kind,
        "name": "prod",
        "provider_name": "registry.terraform.io/hashicorp/aws",
        "change": {"actions": actions, "before": before, "after": after, **sides},
    }


@pytest.mark.parametrize(
    ("group", "code", "words"),
    [
        (None, 0, "aws-node in prod (us-east-1): works with v1.23.2"),
        ([LISTED], 0, "aws-node in prod (us-east-1): works with v1.23.2"),
        ([LISTED, OTHER], 1, "ec2:CreateNetworkInterface"),
    ],
)
def test_a_node_group_in_a_subnet_that_is_not_listed_breaks(
    group: list[str] | None, code: int, words: str, tmp_path: Path
) -> None:
    ids = ("--subnet-id", LISTED, "--security-group-id", "sg-0123456789abcdef0")
    changes = [
        resource("aws_iam_role", ROLE, ROLE),
        resource("aws_eks_addon", ADDON, ADDON),
        resource("aws_eks_cluster", CLUSTER, CLUSTER),
        resource("aws_iam_role_policy", policy(), policy(*ids)),
    ]
    if group:
        nodes = {"cluster_name": "prod", "node_role_arn": ROLE["arn"][:-3] + "nodes"}
        nodes |= {"subnet_ids": group}
        changes.append(resource("aws_eks_node_group", nodes, nodes))
    plan = {"format_version": "1.2", "terraform_version": "1.9.8", "complete": True}
    plan |= {"resource_changes": changes, "configuration": {"root_module": {}}}
    write_tree(tmp_path, {"plan.json": json.dumps(plan)})
    done = run("review", "plan.json", cwd=tmp_path)
    assert done.code == code, done.out
    assert words in done.out
    assert "can do less, and nothing new" in done.out
