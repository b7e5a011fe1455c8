"""Reviews of plans in which the plugin's policy lists subnets and security groups."""

from pathlib import Path

import pytest

from conftest import run
from eks import OF_ACCOUNT, VERSION, addon, arn_of, own_role, same
from plugin_setup import hardened
from synthetic import inline, plan

LISTED, OTHER = "subnet-0123456789abcdef0", "subnet-0fedcba9876543210"
INSTALLED = {
    **VERSION,
    "pod_identity_association": [{"role_arn": arn_of("cni"), "service_account": "aws-node"}],
}
VPC = {
    "vpc_id": "vpc-0123456789abcdef0",
    "subnet_ids": [LISTED, OTHER],
    "security_group_ids": ["sg-0fedcba9876543210"],
}
CLUSTER = {
    "name": "prod",
    "arn": "arn:aws:eks:us-east-1:111122223333:cluster/prod",
    "vpc_config": [VPC],
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
    own = hardened("--harden")
    ids = ("--subnet-id", LISTED, "--security-group-id", "sg-0123456789abcdef0")
    changes = [
        *own_role("cni", OF_ACCOUNT),
        addon(INSTALLED, INSTALLED),
        same("aws_eks_cluster", "prod", CLUSTER),
        inline(own, hardened("--harden", *ids), role="cni"),
    ]
    if group:
        nodes = {"cluster_name": "prod", "node_role_arn": arn_of("nodes"), "subnet_ids": group}
        changes.append(same("aws_eks_node_group", "n", nodes))
    (tmp_path / "plan.json").write_bytes(plan(*changes))
    done = run("review", "plan.json", cwd=tmp_path)
    assert done.code == code, done.out
    assert words in done.out
    assert "can do less, and nothing new" in done.out
