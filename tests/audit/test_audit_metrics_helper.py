"""A role of cni-metrics-helper is known as one, and is not the plugin's."""

from pathlib import Path
from typing import Any

import pytest

from account_details import (
    ACCOUNT,
    PODS,
    Audited,
    allow,
    audited,
    details,
    irsa,
    of_eks,
    role,
    role_arn,
)
from vpc_cni_iam.catalog.compose import compose
from vpc_cni_iam.catalog.selection import select
from vpc_cni_iam.catalog.variants import METRICS_HELPER
from vpc_cni_iam.policy.document import to_json

HELPER = irsa("system:serviceaccount:kube-system:cni-metrics-helper")
VARIANT = {"p": to_json(compose(METRICS_HELPER, select()).policy)}
README = {"p": allow("cloudwatch:PutMetricData")}
TAGGED = {
    "StringEquals": {
        "aws:RequestTag/kubernetes-namespace": "kube-system",
        "aws:RequestTag/kubernetes-service-account": "cni-metrics-helper",
    }
}
PODS_OF_HELPER = {**PODS, "Statement": [{**PODS["Statement"][0], "Condition": TAGGED}]}
PROVIDER = "token.actions.githubusercontent.com"
WORKFLOW = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{PROVIDER}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{PROVIDER}:aud": "sts.amazonaws.com"}},
    },
}


def helpers(answer: Audited) -> dict[str, dict[str, Any]]:
    return {r["role"].rpartition("/")[2]: r for r in answer.result["metrics_helper"]}


@pytest.mark.parametrize("trust", [HELPER, PODS_OF_HELPER], ids=["IRSA", "pods"])
def test_a_role_of_the_metrics_helper_is_listed_apart(tmp_path: Path, trust: Any) -> None:
    roles = (
        role("variant", trust, inline=VARIANT),
        role("readme", trust, inline=README),
        role("none", trust),
    )
    answer = audited(tmp_path, details(*roles))
    assert answer.code == 0 and answer.roles == {}
    denied = {name: [d["action"] for d in r["denied"]] for name, r in helpers(answer).items()}
    assert denied["variant"] == []
    assert "cloudwatch:PutMetricData" not in denied["readme"]
    assert "cloudwatch:PutMetricData" in denied["none"]
    equal = {name: [k["name"] for k in r["equal_to"]] for name, r in helpers(answer).items()}
    assert equal == {
        "variant": ["variant metrics-helper"],
        "readme": ["policy of upstream's README of cni-metrics-helper"],
        "none": [],
    }
    assert f"{role_arn('variant')}: a role of cni-metrics-helper " in answer.text
    assert ", equal to variant metrics-helper: its calls are allowed\n" in answer.text
    assert "; 3 for cni-metrics-helper\n" in answer.text


def test_a_role_that_others_can_get_is_none_of_the_metrics_helper(tmp_path: Path) -> None:
    both = irsa("system:serviceaccount:kube-system:*")
    another = irsa("system:serviceaccount:monitoring:cni-metrics-helper")
    roles = (
        role("workflow", WORKFLOW),
        role("both", both, inline=VARIANT),
        role("another", another, inline=VARIANT),
        role("open", PODS, inline=VARIANT),
    )
    assert helpers(audited(tmp_path, details(*roles))) == {}


def test_what_is_not_read_of_it_counts_and_an_old_version_has_it_too(tmp_path: Path) -> None:
    missing = role("missing", HELPER, attached=(f"arn:aws:iam::{ACCOUNT}:policy/x",))
    answer = audited(tmp_path, details(missing))
    assert not answer.result["complete"] and helpers(answer)["missing"]["undecided"]
    old = helpers(audited(tmp_path, details(role("old", HELPER)), to="v1.1.0"))["old"]
    assert "cloudwatch:PutMetricData" in {d["action"] for d in old["denied"]}


def test_an_association_tells_the_cluster_of_the_metrics_helper(tmp_path: Path) -> None:
    # A role that any pod can get is for the program whose association names it.
    page = details(role("open", PODS, inline=VARIANT), role("x", HELPER))
    association = of_eks("association", "open", serviceAccount="cni-metrics-helper")
    answer = audited(tmp_path, page, association)
    clusters = {
        name: [use["cluster"] for use in r["clusters"]] for name, r in helpers(answer).items()
    }
    assert (answer.code, answer.roles, clusters) == (0, {}, {"open": ["prod"], "x": []})
    by = helpers(answer)["open"]["clusters"][0]["by"]
    assert f"role/open: used by cluster prod ({by})" in answer.text
    # aws eks list-pod-identity-associations does not print the role.
    listed = of_eks("association", serviceAccount="cni-metrics-helper")["association"]
    answer = audited(tmp_path, page, {"associations": [listed]}, of_eks("association", "x"))
    assert [u["name"] for u in answer.result["unread"]] == [
        "EKS Pod Identity of cni-metrics-helper in prod"
    ]
