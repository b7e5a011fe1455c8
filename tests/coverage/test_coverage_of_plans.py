"""What a plan says of aws-node counts: cluster, version, IP family, tags and trust policy."""

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import run
from eks import (
    AGENT,
    CNI,
    ISSUER,
    NODE_TRUST,
    POD_TRUST,
    VERSION,
    addon,
    arn_of,
    association,
    irsa,
    own_role,
    same,
)
from plugin_setup import at
from synthetic import Json, plan

CLUSTER = {
    "name": "prod",
    "arn": "arn:aws:eks:eu-west-1:111122223333:cluster/prod",
    "identity": [{"oidc": [{"issuer": f"https://{ISSUER}"}]}],
    "kubernetes_network_config": [{"ip_family": "ipv4"}],
}
PODS = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }
    ],
}
NAMES = ("--vpc-id", "vpc-01234567", "--region", "eu-west-1", "--account-id", "111122223333")


def scoped(cluster: str) -> str:
    return run("policy", "ipv4-scoped", "--cluster-name", cluster, *NAMES).out


def cluster(name: str = "prod", family: str = "ipv4") -> Json:
    arn = CLUSTER["arn"].replace("prod", name)  # type: ignore[attr-defined]
    network = [{"ip_family": family}]
    own = {**CLUSTER, "name": name, "arn": arn, "kubernetes_network_config": network}
    return same("aws_eks_cluster", name, own)


def with_role(version: str = "v1.23.2") -> Json:
    values = {**at(version), "service_account_role_arn": arn_of("cni")}
    return addon(values, values)


def covered(folder: Path, *changes: Json, words: tuple[str, ...] = ()) -> tuple[str, Any]:
    (folder / "plan.json").write_bytes(plan(*changes))
    done = run("coverage", "plan.json", "--format", "json", *words, cwd=folder)
    assert done.code in (0, 1), done.err
    return done.err, json.loads(done.out)


def test_the_cluster_the_version_and_the_family_of_a_plan_are_checked(tmp_path: Path) -> None:
    role = own_role("cni", irsa(), CNI)
    told, result = covered(tmp_path, cluster(), with_role("v1.20.4"), *role)
    assert (result["cni_version"], result["mode"]) == ("v1.20.4", "ipv4")
    assert "taken from the plan: cluster name prod, region eu-west-1" in told
    assert result["verdict"] == "works"
    _, result = covered(tmp_path, cluster(family="ipv6"), with_role(), *role)
    assert (result["mode"], result["verdict"]) == ("ipv6", "fails")
    words = ("--cni-version", "v1.19.0", "--mode", "ipv4")
    _, result = covered(tmp_path, cluster(family="ipv6"), with_role(), *role, words=words)
    assert (result["cni_version"], result["verdict"]) == ("v1.19.0", "works")


def test_a_version_that_is_known_after_apply_is_asked_for(tmp_path: Path) -> None:
    values = {"service_account_role_arn": arn_of("cni")}
    later = addon(values, values, after_unknown={"addon_version": True})
    (tmp_path / "plan.json").write_bytes(plan(later, *own_role("cni", irsa(), CNI)))
    refused = run("coverage", tmp_path / "plan.json")
    assert refused.code == 2
    assert "the version of aws-node is not known; use --cni-version" in refused.err


@pytest.mark.parametrize(("name", "verdict"), [("prod", "works"), ("other", "fails")])
def test_a_policy_for_another_cluster_than_that_of_the_plan_fails(
    name: str, verdict: str, tmp_path: Path
) -> None:
    role = own_role("cni", irsa(), scoped(name))
    assert covered(tmp_path, cluster(), with_role(), *role)[1]["verdict"] == verdict


@pytest.mark.parametrize(("agent", "verdict"), [([AGENT], "works"), ([], "unknown")])
def test_an_agent_that_the_plan_does_not_show_is_not_taken_as_there(
    agent: list[Json], verdict: str, tmp_path: Path
) -> None:
    changes = cluster(), addon(VERSION, VERSION), *own_role("cni", POD_TRUST, CNI)
    told = covered(tmp_path, *changes, association(None, "cni"), *agent)[1]
    assert told["verdict"] == verdict


def test_sessions_have_the_tags_that_the_identity_of_the_plan_gives(tmp_path: Path) -> None:
    tagged = run("policy", "ipv4-pod-identity").out
    assert "aws:PrincipalTag/" in tagged
    pods = association("cni", "cni")
    trust = json.dumps(PODS)
    _, result = covered(tmp_path, cluster(), pods, *own_role("cni", trust, tagged))
    assert result["verdict"] == "works"
    _, result = covered(tmp_path, cluster(), with_role(), *own_role("cni", irsa(), tagged))
    assert result["verdict"] == "fails"


def test_several_clusters_make_the_answer_unknown_unless_one_is_named(tmp_path: Path) -> None:
    other = {**at("v1.20.4"), "cluster_name": "dev", "addon_name": "vpc-cni"}
    of_dev = same("aws_eks_addon", "dev", other)
    changes = [cluster(), cluster("dev"), with_role(), of_dev, *own_role("cni", irsa(), CNI)]
    _, result = covered(tmp_path, *changes)
    assert result["verdict"] == "unknown"
    _, result = covered(tmp_path, *changes, words=("--set", "cluster-name=prod"))
    assert result["verdict"] == "works"


def test_a_role_that_aws_node_cannot_assume_fails(tmp_path: Path) -> None:
    trust = json.dumps(PODS)
    _, result = covered(tmp_path, cluster(), with_role(), *own_role("cni", trust, CNI))
    assert result["verdict"] == "fails"
    (refused,) = (part for part in result["skipped"] if part["reason"] == "cannot be assumed")
    assert refused["name"] == "aws_iam_role.cni"
    role, *policies = own_role("cni", irsa(), CNI)
    del role["change"]["after"]["assume_role_policy"]
    role["change"]["after_unknown"] = {"assume_role_policy": True}
    assert covered(tmp_path, cluster(), with_role(), role, *policies)[1]["verdict"] == "unknown"


def test_a_role_without_a_policy_fails(tmp_path: Path) -> None:
    other = own_role("nodes", NODE_TRUST, CNI)
    _, result = covered(tmp_path, cluster(), with_role(), *own_role("cni", irsa()), *other)
    assert result["verdict"] == "fails"
