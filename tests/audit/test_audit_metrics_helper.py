"""A role of cni-metrics-helper is known as one, and is not the plugin's."""

import json
from pathlib import Path
from typing import Any

import pytest

from account_details import ACCOUNT, PODS, allow, details, irsa, role
from conftest import run, validator
from vpc_cni_iam.catalog.compose import compose
from vpc_cni_iam.catalog.selection import select
from vpc_cni_iam.catalog.variants import METRICS_HELPER
from vpc_cni_iam.policy.document import to_json

HELPER = irsa("system:serviceaccount:kube-system:cni-metrics-helper")
VARIANT = to_json(compose(METRICS_HELPER, select()).policy)
README = allow("cloudwatch:PutMetricData")


def pods_of(account: str) -> dict[str, Any]:
    trust: dict[str, Any] = json.loads(json.dumps(PODS))
    trust["Statement"][0]["Condition"] = {
        "StringEquals": {
            "aws:RequestTag/kubernetes-namespace": "kube-system",
            "aws:RequestTag/kubernetes-service-account": account,
        }
    }
    return trust


def audited(tmp_path: Path, *roles: dict[str, Any], to: str = "v1.23.2") -> dict[str, Any]:
    (tmp_path / "a.json").write_text(details(*roles))
    done = run("audit", "a.json", "--to", to, "--format", "json", cwd=tmp_path)
    assert done.code in (0, 1), done.err
    result: dict[str, Any] = json.loads(done.out)
    validator("audit").validate(result)
    return result


@pytest.mark.parametrize("trust", [HELPER, pods_of("cni-metrics-helper")], ids=["IRSA", "pods"])
def test_a_role_of_the_metrics_helper_is_listed_apart(tmp_path: Path, trust: Any) -> None:
    result = audited(
        tmp_path,
        role("variant", trust, inline={"p": VARIANT}),
        role("readme", trust, inline={"p": README}),
        role("none", trust),
    )
    assert result["roles"] == []
    assert (result["breaks"], result["complete"]) == (False, True)
    helpers = {r["role"].rpartition("/")[2]: r for r in result["metrics_helper"]}
    denied = {name: [d["action"] for d in r["denied"]] for name, r in helpers.items()}
    assert denied["variant"] == []
    assert "cloudwatch:PutMetricData" not in denied["readme"]
    assert "cloudwatch:PutMetricData" in denied["none"]
    equal = {name: [k["name"] for k in r["equal_to"]] for name, r in helpers.items()}
    assert equal == {
        "variant": ["variant metrics-helper"],
        "readme": ["policy of upstream's README of cni-metrics-helper"],
        "none": [],
    }
    text = run("audit", "a.json", cwd=tmp_path).out
    start = f"arn:aws:iam::{ACCOUNT}:role/variant: a role of cni-metrics-helper "
    assert start in text
    assert "; 3 for cni-metrics-helper\n" in text


def test_a_role_that_others_can_get_is_none_of_the_metrics_helper(tmp_path: Path) -> None:
    both = irsa("system:serviceaccount:kube-system:*")
    another = irsa("system:serviceaccount:monitoring:cni-metrics-helper")
    provider = "token.actions.githubusercontent.com"
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{provider}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{provider}:aud": "sts.amazonaws.com"}},
    }
    result = audited(
        tmp_path,
        role("workflow", {"Version": "2012-10-17", "Statement": statement}),
        role("both", both, inline={"p": VARIANT}),
        role("another", another, inline={"p": VARIANT}),
        role("open", PODS, inline={"p": VARIANT}),
    )
    assert result["metrics_helper"] == []


def test_what_is_not_read_of_it_counts_and_an_old_version_has_it_too(tmp_path: Path) -> None:
    missing = role("missing", HELPER, attached=(f"arn:aws:iam::{ACCOUNT}:policy/x",))
    result = audited(tmp_path, missing)
    assert not result["complete"]
    assert result["metrics_helper"][0]["undecided"]
    old = audited(tmp_path, role("old", HELPER), to="v1.1.0")["metrics_helper"]
    assert "cloudwatch:PutMetricData" in {d["action"] for d in old[0]["denied"]}


def association(account: str, name: str, cluster: str = "prod") -> str:
    """What aws eks describe-pod-identity-association prints."""
    return json.dumps(
        {
            "association": {
                "clusterName": cluster,
                "namespace": "kube-system",
                "serviceAccount": account,
                "roleArn": f"arn:aws:iam::{ACCOUNT}:role/{name}",
                "associationArn": f"arn:aws:eks:eu-west-1:{ACCOUNT}:podidentityassociation/{name}",
                "associationId": "a-0123456789abcdef0",
                "ownerArn": None,
            }
        }
    )


def test_an_association_tells_the_cluster_of_the_metrics_helper(tmp_path: Path) -> None:
    # A role that any pod can get is for the program whose association names it.
    described = details(role("open", PODS, inline={"p": VARIANT}), role("x", HELPER))
    (tmp_path / "a.json").write_text(described)
    (tmp_path / "b.json").write_text(association("cni-metrics-helper", "open"))
    done = run("audit", "a.json", "b.json", "--format", "json", cwd=tmp_path)
    result = json.loads(done.out)
    validator("audit").validate(result)
    clusters = {
        r["role"].rpartition("/")[2]: [c["cluster"] for c in r["clusters"]]
        for r in result["metrics_helper"]
    }
    assert (done.code, result["roles"], clusters) == (0, [], {"open": ["prod"], "x": []})
    text = run("audit", "a.json", "b.json", cwd=tmp_path).out
    assert (
        f"role/open: used by cluster prod ({result['metrics_helper'][0]['clusters'][0]['by']})"
        in text
    )
    # aws eks list-pod-identity-associations does not print the role.
    listed = {
        "associations": [json.loads(association("cni-metrics-helper", "open"))["association"]]
    }
    del listed["associations"][0]["roleArn"]
    (tmp_path / "b.json").write_text(json.dumps(listed))
    (tmp_path / "c.json").write_text(association("aws-node", "x"))
    result = json.loads(
        run("audit", "a.json", "b.json", "c.json", "--format", "json", cwd=tmp_path).out
    )
    assert [u["name"] for u in result["unread"]] == [
        "EKS Pod Identity of cni-metrics-helper in prod"
    ]
