"""A policy against the plugin as a cluster has it: ``coverage --daemonset``."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import run
from coverage_policies import reported
from daemonsets import daemonset


def covered(tmp_path: Path, text: str, *words: str) -> dict[str, Any]:
    (tmp_path / "ds.json").write_text(text)
    (tmp_path / "policy.json").write_text(run("policy", "ipv4").out)
    return reported(tmp_path, *(words or ("policy.json",)), "--daemonset", "ds.json")


def test_version_family_environment_and_features_are_those_of_the_cluster(tmp_path: Path) -> None:
    report = covered(tmp_path, daemonset())
    assert (report["verdict"], report["cni_version"]) == ("works", "v1.20.4")
    assert report["mode"] == "ipv4"
    assert report["features"] == []
    # The tag of the image is what runs; the variable may be of another manifest.
    for version in ("v1.18.0", None):
        other = covered(tmp_path, daemonset(VPC_CNI_VERSION=version))
        assert other["cni_version"] == "v1.20.4"
    tags = json.dumps(report["scenarios"])
    assert '"aws:RequestTag/cluster.k8s.amazonaws.com/name": "prod"' in tags
    assert "vpc/vpc-0123456789abcdef0" in tags
    report = covered(tmp_path, daemonset(ENABLE_IPv6="true", ENABLE_IPv4="false"))
    assert report["mode"] == "ipv6" and report["verdict"] == "fails"
    report = covered(tmp_path, daemonset(logs="true", ENABLE_MULTI_NIC="true"))
    assert report["features"] == ["multi-nic", "network-policy-logs"]
    report = covered(tmp_path, daemonset(AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG="true"))
    fresh = next(s for s in report["scenarios"] if s["name"] == "custom-networking")
    assert "describe-subnets" not in {c["call"] for c in fresh["calls"]}


@pytest.mark.parametrize("value", ["1", "t", "T", "True"])
def test_a_variable_has_every_value_that_go_takes_for_true(tmp_path: Path, value: str) -> None:
    names = ("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", "ENABLE_IPv6")
    for name in names:
        assert covered(tmp_path, daemonset(**{name: value})) == covered(
            tmp_path, daemonset(**{name: "true"})
        )
    shown = covered(tmp_path, daemonset(ENABLE_SUBNET_DISCOVERY="0"))
    assert shown == covered(tmp_path, daemonset(ENABLE_SUBNET_DISCOVERY="false"))


def test_a_cluster_without_cluster_name_fails_with_a_scoped_policy(tmp_path: Path) -> None:
    scoped = ("--variant", "ipv4-scoped")
    assert covered(tmp_path, daemonset(), *scoped)["verdict"] == "works"
    with_trunks = daemonset(ENABLE_POD_ENI="true")
    assert covered(tmp_path, with_trunks, *scoped)["verdict"] == "works, degraded"
    assert covered(tmp_path, daemonset(CLUSTER_NAME=None), *scoped)["verdict"] == "fails"


def test_a_policy_of_another_cluster_fails(tmp_path: Path) -> None:
    other = run("policy", "ipv4-scoped", "--cluster-name", "other", "--vpc-id", "vpc-01234567")
    (tmp_path / "other.json").write_text(other.out)
    assert covered(tmp_path, daemonset(), "other.json")["verdict"] == "fails"


def test_options_come_before_the_cluster(tmp_path: Path) -> None:
    words = ("policy.json", "--cni-version", "v1.22.1", "--mode", "ipv6", "--env", "CLUSTER_NAME=x")
    report = covered(tmp_path, daemonset(ENABLE_SUBNET_DISCOVERY="false"), *words)
    assert (report["cni_version"], report["mode"]) == ("v1.22.1", "ipv6")
    assert '"aws:RequestTag/cluster.k8s.amazonaws.com/name": "x"' in json.dumps(report)


def test_values_of_the_chart_and_lists_of_kubectl_are_read(tmp_path: Path) -> None:
    values = {
        "image": {"tag": "v1.19.0"},
        "env": {"ENABLE_IPv6": "true", "CLUSTER_NAME": "prod", "WARM_ENI_TARGET": 1},
        "nodeAgent": {"enabled": True, "enableCloudWatchLogs": "true"},
    }
    report = covered(tmp_path, json.dumps(values))
    assert (report["cni_version"], report["mode"]) == ("v1.19.0", "ipv6")
    assert report["features"] == ["network-policy-logs"]
    report = covered(tmp_path, json.dumps({"kind": "List", "items": [json.loads(daemonset())]}))
    assert report["cni_version"] == "v1.20.4"


VALUES = """\
# values.yaml
image:
  tag: v1.19.0
env:
  ENABLE_IPv6: yes
  CLUSTER_NAME: prod
  WARM_ENI_TARGET: 1
nodeAgent:
  enabled: true
  enableCloudWatchLogs: "true"
"""


def test_yaml_is_read_as_its_json(tmp_path: Path) -> None:
    report = covered(tmp_path, VALUES)
    assert (report["cni_version"], report["mode"]) == ("v1.19.0", "ipv6")
    assert report["features"] == ["network-policy-logs"]
    # A manifest has several documents; strings stay strings.
    manifest = yaml.safe_dump(json.loads(daemonset(ENABLE_MULTI_NIC="true")))
    account = "kind: ServiceAccount\nmetadata: {name: aws-node, created: 2024-01-01}\n"
    both = [covered(tmp_path, t) for t in (manifest, f"{account}---\n{manifest}---\n")]
    assert both[0] == both[1]
    assert both[0] == covered(tmp_path, daemonset(ENABLE_MULTI_NIC="true"))


def test_anchors_and_merge_keys_are_read_as_helm_reads_them(tmp_path: Path) -> None:
    text = VALUES.replace("env:", "env: &env") + "initContainer: {env: *env}\n"
    assert covered(tmp_path, text) == covered(tmp_path, VALUES)
    shared = "base: &base {CLUSTER_NAME: test, WARM_ENI_TARGET: 1}\nother: &o {ENABLE_IPv6: yes}\n"
    rest = VALUES.replace("env:", "env:\n  <<: [*o, *base]").replace("  WARM_ENI_TARGET: 1\n", "")
    merged = shared + rest.replace("  ENABLE_IPv6: yes\n", "")
    assert covered(tmp_path, merged) == covered(tmp_path, VALUES)


BOMB = "a0: &a0 [x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)


def test_what_the_file_does_not_say_counts(tmp_path: Path) -> None:
    source = {"configMapKeyRef": {"name": "cni", "key": "cluster"}}
    text = daemonset(CLUSTER_NAME=None, more=({"name": "CLUSTER_NAME", "valueFrom": source},))
    report = covered(tmp_path, text)
    assert report["verdict"] == "unknown" and "CLUSTER_NAME" in report["skipped"][0]["name"]
    done = run("coverage", "policy.json", "--daemonset", "ds.json", cwd=tmp_path)
    assert done.code == 1
    assert "ds.json: CLUSTER_NAME: its value is in another object: give it with --env" in done.out
    assert done.out.splitlines()[-1] == "incomplete: setting not read: ds.json: CLUSTER_NAME"
    report = covered(tmp_path, text, "policy.json", "--env", "CLUSTER_NAME=prod")
    assert report["verdict"] == "works"


@pytest.mark.parametrize(
    ("text", "code", "problem"),
    [
        ("kind: DaemonSet\napiVersion: apps/v1\n", 3, "is neither the DaemonSet"),
        ("env: {a: 1\n", 3, "is not YAML"),
        (
            "env: {A: x}\nenv: {A: y}\n",
            3,
            "line 2, column 1: is not YAML: the key 'env' is there twice",
        ),
        (BOMB, 3, "is not YAML: aliases repeat more than 100,000 values"),
        (
            "a: &a {b: *a}\nenv: {}\n",
            3,
            "line 1, column 11: is not YAML: the anchor 'a' contains itself",
        ),
        ("a: &a [*a]\nenv: {}\n", 3, "the anchor 'a' contains itself"),
        (
            "a: &a {A: x}\nenv: {A: y, <<: *a}\n",
            3,
            "line 2, column 13: is not YAML: a merge key (<<) is after other keys",
        ),
        ("env: {<<: x}\n", 3, "line 1, column 11: is not YAML: the merged value is not a mapping"),
        ("env: {<<: {A: x}, A: y, A: z}\n", 3, "the key 'A' is there twice"),
        ("env: [" * 3000, 3, "is not YAML: it nests too deeply"),
        ("env: {A: !!bool maybe}\n", 3, "is not YAML: a value does not fit its tag"),
        ("env: {A: !!int ''}\n", 3, "is not YAML: a value does not fit its tag"),
        ("env: {A: !!binary é}\n", 3, "line 1, column 10: is not YAML: is not text in base64"),
        ("plain text", 3, "is neither the DaemonSet"),
        ("", 3, "is neither the DaemonSet"),
        ("[]", 3, "is neither the DaemonSet"),
        ('{"kind": "Deployment"}', 3, "is neither the DaemonSet aws-node nor values"),
        (daemonset(image="cni@sha256:0", VPC_CNI_VERSION=None), 2, "use --cni-version"),
        (daemonset(ENABLE_SUBNET_DISCOVERY="maybe"), 3, "ENABLE_SUBNET_DISCOVERY"),
        (daemonset(CLUSTER_NAME="a b"), 3, "CLUSTER_NAME"),
        (daemonset(image="amazon-k8s-cni:v9.0.0"), 2, "v9.0.0 is newer than this catalog"),
    ],
)
def test_what_is_no_configuration_of_aws_node_is_refused(
    tmp_path: Path, text: str, code: int, problem: str
) -> None:
    (tmp_path / "ds.json").write_text(text)
    done = run("coverage", "--variant", "ipv4", "--daemonset", "ds.json", cwd=tmp_path)
    assert done.code == code and problem in done.err and "Traceback" not in done.err
