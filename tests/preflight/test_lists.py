"""The subnets and security groups of nodes, as the values of a module's variables."""

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import run, write_tree

A, B, C = (f"subnet-{n:017x}" for n in range(10, 13))
OWN, PODS = "sg-00000000000000001", "sg-00000000000000002"
TAGS = [
    {"Key": "kubernetes.io/cluster/prod", "Value": "owned"},
    {"Key": "eks:cluster-name", "Value": "prod"},
]


def described(instance: str, *places: tuple[str, str]) -> dict[str, Any]:
    own = [{"SubnetId": subnet, "Groups": [{"GroupId": group}]} for subnet, group in places]
    return {"InstanceId": instance, "Tags": TAGS, **({"NetworkInterfaces": own} if own else {})}


def instances(*described_: dict[str, Any]) -> str:
    return json.dumps({"Reservations": [{"Instances": list(described_)}]})


CONFIGS = {
    "apiVersion": "v1",
    "kind": "List",
    "items": [
        {"kind": "ENIConfig", "spec": {"subnet": C, "securityGroups": [PODS]}},
        {"kind": "ENIConfig", "spec": {"subnet": B}},
    ],
}
CONFIGS_IN_YAML = f"""\
kind: ENIConfig
spec:
  subnet: {C}
  securityGroups: [{PODS}]
---
kind: ENIConfig
spec:
  subnet: {B}
"""
WORDS = ("preflight", "i.json", "--cluster-name", "prod")


def test_the_lists_are_those_of_the_nodes_and_of_their_eni_configs(tmp_path: Path) -> None:
    nameless = {"NetworkInterfaces": [{"SubnetId": A, "Groups": [{"GroupName": "x"}]}]}
    other = described("i-00000003", (C, "sg-00000003")) | {
        "Tags": [{"Key": "eks:cluster-name", "Value": "test"}]
    }
    nodes = (described("i-00000001", (B, OWN), (B, OWN)), described("i-00000002") | nameless, other)
    write_tree(tmp_path, {"i.json": instances(*nodes), "c.json": json.dumps(CONFIGS)})
    done = run(*WORDS, cwd=tmp_path)
    assert f'\n  subnet_ids         = ["{A}", "{B}"]\n' in done.out
    assert f'\n  security_group_ids = ["{OWN}"]\n' in done.out
    assert "with custom networking, also add the ENIConfigs" in done.out
    assert "Name=tag:kubernetes.io/role/cni" in done.out and "incomplete" not in done.out
    write_tree(tmp_path, {"c.yaml": CONFIGS_IN_YAML})
    for configs in ("c.json", "c.yaml"):
        done = run(*WORDS, "--eni-configs", configs, cwd=tmp_path)
        assert f'["{A}", "{B}", "{C}"]' in done.out and f'["{OWN}", "{PODS}"]' in done.out
        assert "with custom networking" not in done.out
    as_json = json.loads(run(*WORDS, "--format", "json", cwd=tmp_path).out)["lists"]
    assert as_json == {
        "subnet_ids": [A, B],
        "security_group_ids": [OWN],
        "not_read": [],
        "has_eni_configs": False,
    }
    bare = (*WORDS, "--no-harden")
    assert "subnet_ids" not in run(*bare, cwd=tmp_path).out
    refused = run(*bare, "--eni-configs", "c.json", cwd=tmp_path)
    assert (refused.code, refused.out) == (2, "")
    assert "--eni-configs needs --harden" in refused.err
    assert "subnet_ids" not in run(*WORDS, "--variant", "ipv6-scoped", cwd=tmp_path).out


def test_the_lists_are_values_that_a_narrowed_module_takes(tmp_path: Path) -> None:
    write_tree(tmp_path, {"i.json": instances(described("i-00000001", (A, OWN), (B, PODS)))})
    lines = run(*WORDS, cwd=tmp_path).out.splitlines()
    values = [line.strip() for line in lines if "_ids" in line]
    write_tree(tmp_path, {"lists.tfvars": "\n".join(values)})
    limits = ("--limit-to", "subnets", "--limit-to", "security-groups")
    words = ("generate", "m", "--variant", "ipv4-scoped", "--harden", *limits)
    assert run(*words, cwd=tmp_path).code == 0
    covered = run("coverage", "m", "--var-file", "lists.tfvars", cwd=tmp_path)
    assert covered.code == 0, covered.err


def test_described_interfaces_count_and_nodes_without_any_are_named(tmp_path: Path) -> None:
    interface = {
        "NetworkInterfaceId": "eni-00000001",
        "VpcId": "vpc-00000001",
        "SubnetId": C,
        "Groups": [{"GroupId": PODS}],
        "Attachment": {"InstanceId": "i-00000001"},
        "TagSet": [{"Key": "cluster.k8s.amazonaws.com/name", "Value": "prod"}],
    }
    of_both = instances(described("i-00000001"), described("i-00000002"))
    described_ = json.dumps({"NetworkInterfaces": [interface]})
    write_tree(tmp_path, {"i.json": of_both, "e.json": described_})
    done = run(*WORDS, "e.json", cwd=tmp_path)
    assert f'["{C}"]' in done.out and f'["{PODS}"]' in done.out
    assert "incomplete: the input has no interface of i-00000002\n" in done.out


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            '{"kind": "DaemonSet"}',
            "c.json: object 1: is not an ENIConfig; use the output of kubectl get eni",
        ),
        (
            '{"kind": "ENIConfig"}',
            "c.json: object 1: has no spec.subnet; use the output of kubectl",
        ),
        ('{"kind": "ENIConfig", "spec": {"subnet": "x"}}', "'x' is not a subnet ID: subnet- and 8"),
        (
            '{"kind": "ENIConfig", "spec": {"subnet": "subnet-01234567", "securityGroups": ["*"]}}',
            "object 1: '*' is not a security group ID",
        ),
        (
            '{"kind": "ENIConfig", "spec": {"subnet": "subnet-01234567", "securityGroups": "sg"}}',
            "object 1: spec.securityGroups is not a list",
        ),
        ("[1", "is not JSON"),
    ],
)
def test_what_is_no_eni_config_is_refused(text: str, problem: str, tmp_path: Path) -> None:
    write_tree(tmp_path, {"i.json": instances(described("i-00000001")), "c.json": text})
    done = run(*WORDS, "--eni-configs", "c.json", cwd=tmp_path)
    assert (done.code, done.out) == (3, "") and problem in done.err
    wrong = instances(described("i-00000001", ("subnet-*", OWN)))
    write_tree(tmp_path, {"i.json": wrong})
    done = run(*WORDS, cwd=tmp_path)
    assert done.code == 3 and "'subnet-*' is not an ID of EC2's" in done.err
