"""Roles beside how clusters configure the plugin: ``audit --daemonset``, and add-ons' values."""

import json
from pathlib import Path
from typing import Any

import pytest

from account_details import (
    ACCOUNT,
    CNI,
    NODES,
    OF_NODES,
    OLD,
    Audited,
    audited,
    details,
    irsa,
    of_eks,
    role,
    role_arn,
)
from daemonsets import daemonset

# So configured, v1.23.2 does not call ec2:DescribeSubnets, which the role lacks.
WITHOUT_SUBNETS = {
    "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "true",
    "ENABLE_SUBNET_DISCOVERY": "false",
}
OFF = json.dumps({"env": WITHOUT_SUBNETS})
OWN = daemonset(**WITHOUT_SUBNETS)
ACCOUNT_PAGE = details(role("old", irsa(), inline={"cni": OLD}))
EU, US, OTHER = f"eu-west-1:{ACCOUNT}", f"us-east-1:{ACCOUNT}", "eu-west-1:444455556666"


def addon(values: str = "", *, cluster: str = "prod", place: str = "") -> dict[str, Any]:
    configured = {"addonVersion": "v1.20.4-eksbuild.1", "configurationValues": values}
    return of_eks("addon", "old", cluster=cluster, place=place, **configured)


def answered(folder: Path, *files: dict[str, Any], daemonsets: tuple[str, ...] = ()) -> Audited:
    return audited(folder, ACCOUNT_PAGE, *files, daemonsets=daemonsets)


def uses(answer: Audited) -> list[dict[str, Any]]:
    clusters: list[dict[str, Any]] = answer.roles["old"]["clusters"]
    return clusters


def verdicts(answer: Audited, *keys: str) -> dict[str, str]:
    """The verdict in each cluster, by such members of it."""
    return {":".join(use[key] for key in keys): use["result"]["verdict"] for use in uses(answer)}


def test_the_values_of_an_add_on_decide_whether_its_role_breaks(tmp_path: Path) -> None:
    assert answered(tmp_path, addon()).result["fails"]
    off = answered(tmp_path, addon(OFF))
    assert verdicts(off, "cluster") == {"prod": "works"} and off.code == 0
    in_yaml = "env:\n" + "".join(f"  {n}: '{v}'\n" for n, v in WITHOUT_SUBNETS.items())
    assert answered(tmp_path, addon(in_yaml)).roles == off.roles
    on = json.dumps({"env": {"WARM_IP_TARGET": "5"}})
    # A cluster whose values are not known has the defaults.
    for values in (on, ""):
        two = answered(tmp_path, addon(OFF), addon(values, cluster="stage"))
        assert verdicts(two, "cluster") == {"prod": "works", "stage": "fails"}
        assert two.result["fails"]
        assert "fails at v1.23.2 in cluster stage, as 2.json configures it, IPv4" in two.text


@pytest.mark.parametrize("first", ["addon", "nodegroup"])
@pytest.mark.parametrize(("family", "verdict"), [("ipv4", "works"), ("ipv6", "fails")])
def test_the_ip_family_of_the_cluster_decides(
    first: str, family: str, verdict: str, tmp_path: Path
) -> None:
    """The role is for IPv4, and the values of the add-on do not name a family."""
    arn = f"arn:aws:eks:{EU}:cluster/prod"
    network = {"serviceIpv4Cidr": "10.100.0.0/16", "ipFamily": family}
    cluster = {"name": "prod", "arn": arn, "kubernetesNetworkConfig": network}
    trust = irsa() if first == "addon" else NODES
    page = details(role("own", trust, inline={"cni": CNI}, attached=OF_NODES))
    result = audited(tmp_path, page, of_eks(first, "own", place=EU), {"cluster": cluster})
    (use,) = result.roles["own"]["clusters"]
    assert (use["result"]["mode"], use["result"]["verdict"]) == (family, verdict)
    assert result.code == (verdict == "fails")


@pytest.mark.parametrize("place", [US, OTHER])
@pytest.mark.parametrize("order", [1, -1])
def test_clusters_of_one_name_in_two_regions_or_accounts_are_two(
    place: str, order: int, tmp_path: Path
) -> None:
    files = (addon(OFF, place=EU), addon(place=place))
    answer = answered(tmp_path, *files[::order])
    assert verdicts(answer, "region", "account") == {EU: "works", place: "fails"}
    assert answer.result["fails"]


def test_an_association_of_another_cluster_of_the_name_leaves_the_role_of_the_add_on_in_use(
    tmp_path: Path,
) -> None:
    for place, overridden in ((EU, True), (US, False)):
        answer = answered(tmp_path, addon(place=EU), of_eks("association", "other", place=place))
        assert [use["is_overridden"] for use in uses(answer)] == [overridden]


def test_a_daemonset_of_one_of_several_clusters_of_its_name_is_not_taken_for_any(
    tmp_path: Path,
) -> None:
    both = addon(place=EU), addon(place=US)
    answer = answered(tmp_path, *both, daemonsets=(OWN,))
    assert answer.result["fails"] and not answer.result["complete"]
    assert "2 clusters named prod" in str(answer.result["unread"])
    placed = daemonset(**WITHOUT_SUBNETS, AWS_REGION="eu-west-1")
    answer = answered(tmp_path, *both, daemonsets=(placed,))
    assert verdicts(answer, "region") == {"eu-west-1": "works", "us-east-1": "fails"}
    assert answer.result["complete"]
    # What has no ARN of a cluster is of the only one of its name.
    for place, manifest in ((EU, OWN), ("", placed)):
        assert answered(tmp_path, addon(place=place), daemonsets=(manifest,)).code == 0


def test_two_configurations_of_a_cluster_are_not_read_as_one(tmp_path: Path) -> None:
    other = daemonset()
    for daemonsets in ((OWN, other), (other, OWN)):
        result = answered(tmp_path, addon(), daemonsets=daemonsets).result
        assert not result["complete"]
        assert "cluster prod has two different configurations" in str(result["unread"])
    assert answered(tmp_path, addon(), daemonsets=(OWN, OWN)).result["complete"]


def test_values_that_are_not_read_count_against_the_result(tmp_path: Path) -> None:
    for values, complete in (
        ("env:\n  ENABLE_SUBNET_DISCOVERY: 'false\n", False),
        ("- env", False),
        ('{"env": ', False),
        ('{"env": {"ENABLE_IPv6": 1}}', True),
    ):
        result = answered(tmp_path, addon(values)).result
        assert result["fails"] and result["complete"] is complete


def test_a_daemonset_is_of_the_cluster_that_it_names(tmp_path: Path) -> None:
    answer = answered(tmp_path, addon(), daemonsets=(OWN,))
    assert verdicts(answer, "configuration") == {"aws-node-0.json": "works"} and answer.code == 0


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        ({"CLUSTER_NAME": "stage"}, "no role in the input is known to belong to cluster stage"),
        ({"CLUSTER_NAME": None}, "it has no CLUSTER_NAME"),
        # The plugin refuses such values.
        ({"ENABLE_SUBNET_DISCOVERY": "maybe"}, "must be true or false"),
        ({"ENABLE_SUBNET_DISCOVERY": "tRUE"}, "must be true or false"),
        ({"ENABLE_SUBNET_DISCOVERY": "yes"}, "must be true or false"),
    ],
)
def test_a_daemonset_of_no_known_cluster_or_with_odd_values_counts_against_the_result(
    tmp_path: Path, environment: dict[str, str | None], problem: str
) -> None:
    result = answered(tmp_path, addon(), daemonsets=(daemonset(**environment),)).result
    (unread,) = result["unread"]
    assert not result["complete"] and problem in unread["detail"]


def test_a_pod_names_its_role(tmp_path: Path) -> None:
    of_role = {"AWS_ROLE_ARN": role_arn("old"), "AWS_REGION": "eu-west-1"}
    manifest = json.loads(daemonset(**WITHOUT_SUBNETS, **of_role))
    pod = {"kind": "Pod", "spec": manifest["spec"]["template"]["spec"]}
    answer = answered(tmp_path, daemonsets=(OWN, json.dumps(pod)))
    assert verdicts(answer, "cluster", "by") == {"prod:IRSA": "works"} and answer.code == 0
