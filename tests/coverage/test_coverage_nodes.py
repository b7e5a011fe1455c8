"""A node role of EKS works only if its nodes can join their cluster, and pull aws-node's image."""

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import run

AWS = "arn:aws:iam::aws:policy/"
CNI, WORKER = "AmazonEKS_CNI_Policy", "AmazonEKSWorkerNodePolicy"
PULL, READ = "AmazonEC2ContainerRegistryPullOnly", "AmazonEC2ContainerRegistryReadOnly"


def role(tmp_path: Path, *attached: str, service: str = "ec2.amazonaws.com", **more: Any) -> Path:
    """A file of CloudFormation with a role that a service can assume."""
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:*"}
    properties = {
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
        "ManagedPolicyArns": [a if a.startswith("arn:") else AWS + a for a in attached],
        **more,
    }
    path = tmp_path / "stack.json"
    path.write_text(
        json.dumps({"Resources": {"Node": {"Type": "AWS::IAM::Role", "Properties": properties}}})
    )
    return path


@pytest.mark.parametrize("pull", [PULL, READ, "AdministratorAccess"])
def test_a_node_role_with_all_works(pull: str, tmp_path: Path) -> None:
    done = run("coverage", role(tmp_path, CNI, WORKER, pull))
    assert done.code == 0 and "\nworks: " in done.out


@pytest.mark.parametrize(
    ("attached", "cannot"),
    [
        ((CNI, PULL), "join their cluster"),
        ((CNI, WORKER), "pull the image of aws-node"),
        ((CNI,), "join their cluster or pull the image of aws-node"),
    ],
)
@pytest.mark.parametrize("versions", [(), ("--all-versions",)])
def test_a_node_role_without_what_nodes_need_fails(
    attached: tuple[str, ...], cannot: str, versions: tuple[str, ...], tmp_path: Path
) -> None:
    path = role(tmp_path, *attached)
    done = run("coverage", *versions, path)
    assert done.code == 1
    assert f"nodes cannot {cannot}" in done.out.splitlines()[0 if versions else -1]
    for need, policy in (("join", WORKER), ("pull", PULL)):
        assert (f"to do: attach {policy}" in done.out) == (need in cannot)
    data = json.loads(run("coverage", *versions, path, "--format", "json").out)
    assert data["verdict"] == "fails"
    assert [each["need"] for each in data["nodes"]] == [n for n in ("join", "pull") if n in cannot]


def test_a_boundary_and_a_deny_count(tmp_path: Path) -> None:
    denied = {"Effect": "Deny", "Action": "ecr:*", "Resource": "*"}
    inline = [{"PolicyName": "no", "PolicyDocument": {"Statement": [denied]}}]
    done = run("coverage", role(tmp_path, CNI, WORKER, PULL, Policies=inline))
    assert done.code == 1 and "nodes cannot pull the image of aws-node: " in done.out
    boundary = AWS + CNI
    done = run("coverage", role(tmp_path, CNI, WORKER, PULL, PermissionsBoundary=boundary))
    assert done.code == 1 and "nodes cannot join their cluster: " in done.out


def test_a_policy_that_is_not_known_may_allow_it(tmp_path: Path) -> None:
    own = "arn:aws:iam::111122223333:policy/own"
    path = role(tmp_path, CNI, own)
    done = run("coverage", path)
    assert done.code == 1 and "unknown  nodes may be unable to join their cluster: " in done.out
    data = json.loads(run("coverage", path, "--format", "json").out)
    assert data["verdict"] == "unknown"


def test_it_is_asked_only_of_roles_of_nodes_of_eks(tmp_path: Path) -> None:
    """Nodes of kOps join in another way, and pods with a role of their own run on other roles."""
    assert run("coverage", role(tmp_path, CNI, service="pods.eks.amazonaws.com")).code == 0
    document = json.loads(run("policy", "ipv4").out)
    inline = [{"PolicyName": "cni", "PolicyDocument": document}]
    assert run("coverage", role(tmp_path, Policies=inline)).code == 0
