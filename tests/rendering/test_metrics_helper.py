"""The role of cni-metrics-helper: its own service account, and only what it calls."""

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import OFFLINE_PROVIDER, run, write_tree
from roles import ACCOUNT, CLUSTER, OIDC, call
from vpc_cni_iam.catalog.options import options
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.policy.diff import differences
from vpc_cni_iam.policy.parse import loads, parse
from vpc_cni_iam.rendering.kinds import render

ACCOUNT_NAME = "cni-metrics-helper"
ISSUER = OIDC.partition(":oidc-provider/")[2]
# Written by hand from cmd/cni-metrics-helper/README.md and pkg/publisher/publisher.go of v1.23.2.
POLICY = [
    {
        "Effect": "Allow",
        "Action": "cloudwatch:PutMetricData",
        "Resource": "*",
        "Condition": {"StringEquals": {"cloudwatch:namespace": "Kubernetes"}},
    },
    {"Effect": "Allow", "Action": "ec2:DescribeTags", "Resource": "*"},
]


def test_the_policy_is_what_the_program_calls() -> None:
    assert json.loads(run("policy", "metrics-helper").out)["Statement"] == POLICY


@pytest.mark.engine
def test_its_role_trusts_its_service_account_alone(newest: Engine, tmp_path: Path) -> None:
    write_tree(tmp_path / "role", render(options(["metrics-helper"], kind="role")))
    by = {"oidc_provider_arn": OIDC, "pod_identity": True, "eks_cluster_arn": CLUSTER}
    root = OFFLINE_PROVIDER + call("r", {**by, "source_account_id": ACCOUNT})
    write_tree(tmp_path, {"main.tf": root})
    outputs = newest.plan(tmp_path)["planned_values"]["outputs"]
    made = loads(outputs["r_policy"]["value"], "plan")
    assert differences(parse({"Version": "2012-10-17", "Statement": POLICY}, "hand"), made) == ()
    irsa, pod = loads(outputs["r_trust"]["value"], "plan").statements
    assert {(c.operator, c.key, c.values) for c in irsa.conditions} == {
        ("StringEquals", f"{ISSUER}:aud", ("sts.amazonaws.com",)),
        ("StringEquals", f"{ISSUER}:sub", (f"system:serviceaccount:kube-system:{ACCOUNT_NAME}",)),
    }
    assert {(c.operator, c.key, c.values) for c in pod.conditions} == {
        ("StringEquals", "aws:RequestTag/kubernetes-namespace", ("kube-system",)),
        ("StringEquals", "aws:RequestTag/kubernetes-service-account", (ACCOUNT_NAME,)),
        ("StringEquals", "aws:RequestTag/eks-cluster-arn", (CLUSTER,)),
        ("StringEquals", "aws:SourceAccount", (ACCOUNT,)),
    }


def test_verify_names_another_service_account_or_namespace(tmp_path: Path) -> None:
    run("generate", "m", "--kind", "role", "--variant", "metrics-helper", cwd=tmp_path)
    assert run("verify", "m", "--engine", "none", cwd=tmp_path).code == 0
    main = tmp_path / "m/main.tf"
    text = main.read_text()
    assert "aws-node" not in "".join(p.read_text() for p in tmp_path.rglob("*.tf*"))
    for before, after in (
        ("kube-system:cni-metrics-helper", "kube-system:aws-node"),
        ('"Kubernetes"', '"*"'),
    ):
        assert before in text
        main.write_text(text.replace(before, after))
        assert run("verify", "m", "--engine", "none", cwd=tmp_path).code == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--variant ipv4", "for the service account cni-metrics-helper, the others are for"),
        ("--revision 2022-01-31", "leave --revision out"),
        ("--feature multi-nic", "leave --feature out"),
        ("--harden", "needs a cluster-scoped variant"),
        ("--cni-version v1.4.0", "cni-metrics-helper does not exist before v1.5.0"),
    ],
)
def test_what_it_cannot_be_made_with_is_refused(
    tmp_path: Path, arguments: str, message: str
) -> None:
    command = ("generate", "m", "--variant", "metrics-helper", *arguments.split())
    done = run(*command, cwd=tmp_path)
    assert done.code == 2 and message in done.err
    assert not (tmp_path / "m").exists()


def coverage(folder: Path, *arguments: str, statements: list[dict[str, Any]]) -> dict[str, Any]:
    document = {"Version": "2012-10-17", "Statement": statements}
    (folder / "p.json").write_text(json.dumps(document))
    where = ("--feature", "metrics-helper", "--scenario", "metrics-helper")
    done = run("coverage", "p.json", *where, *arguments, "--format", "json", cwd=folder)
    result: dict[str, Any] = json.loads(done.out)
    return result


def test_coverage_checks_its_calls(tmp_path: Path) -> None:
    done = run("coverage", "--variant", "metrics-helper", "--fail-on", "warning")
    assert done.code == 0 and "works: 2 calls in 1 scenario, all allowed" in done.out
    assert "not-modelled" not in done.out
    everywhere = run("coverage", "--variant", "metrics-helper", "--all-versions").out
    assert "works with v1.5.0 to v1.23.2" in everywhere
    assert coverage(tmp_path, statements=POLICY)["verdict"] == "works"
    another = json.loads(json.dumps(POLICY).replace("Kubernetes", "Other"))
    (scenario,) = coverage(tmp_path, statements=another)["scenarios"]
    denied = [call["action"] for call in scenario["calls"] if not call["allowed"]]
    assert denied == ["cloudwatch:PutMetricData"]
    tagged = {"aws:PrincipalTag/kubernetes-service-account": "cni-metrics-helper"}
    both = {**POLICY[0], "Condition": {"StringEquals": tagged}}
    assert coverage(tmp_path, statements=[both, POLICY[1]])["verdict"] == "works"
