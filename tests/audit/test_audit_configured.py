"""Roles beside how clusters configure the plugin: ``audit --daemonset``, and add-ons' values."""

import json
from pathlib import Path
from typing import Any

import pytest

from account_details import ACCOUNT, OLD, PODS, details, irsa, role
from conftest import run, validator
from test_coverage_deployment import daemonset

WITHOUT_SUBNETS = {
    "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "true",
    "ENABLE_SUBNET_DISCOVERY": "false",
}
OLD_ROLE = f"arn:aws:iam::{ACCOUNT}:role/old"


def addon(values: str, *, cluster: str = "prod", arn: str = OLD_ROLE, place: str = "") -> str:
    described = {
        "addonArn": f"arn:aws:eks:{place}:addon/{cluster}/vpc-cni/1" if place else "",
        "addonName": "vpc-cni",
        "clusterName": cluster,
        "addonVersion": "v1.20.4-eksbuild.1",
        "serviceAccountRoleArn": arn,
        "configurationValues": values,
    }
    return json.dumps({"addon": described})


def audited(folder: Path, *files: str, daemonsets: tuple[str, ...] = ()) -> dict[str, Any]:
    (folder / "account.json").write_text(details(role("old", irsa(), inline={"cni": OLD})))
    words = ["account.json"]
    for number, text in enumerate(files):
        (folder / f"{number}.json").write_text(text)
        words.append(f"{number}.json")
    for number, text in enumerate(daemonsets):
        (folder / f"aws-node-{number}.json").write_text(text)
        words += ["--daemonset", f"aws-node-{number}.json"]
    done = run("audit", *words, "--to", "v1.23.2", "--format", "json", cwd=folder)
    assert done.code in (0, 1), done.err
    result: dict[str, Any] = json.loads(done.out)
    validator("audit").validate(result)
    assert done.code == (1 if result["breaks"] or not result["complete"] else 0)
    return result


def test_the_values_of_an_add_on_decide_whether_its_role_breaks(tmp_path: Path) -> None:
    # So configured, v1.23.2 does not call ec2:DescribeSubnets, which the role lacks.
    assert audited(tmp_path, addon(""))["breaks"]
    off = json.dumps({"env": WITHOUT_SUBNETS})
    result = audited(tmp_path, addon(off))
    (use,) = result["roles"][0]["clusters"]
    assert use["result"]["verdict"] == "works" and not result["breaks"] and result["complete"]
    in_yaml = "env:\n" + "".join(f"  {n}: '{v}'\n" for n, v in WITHOUT_SUBNETS.items())
    assert audited(tmp_path, addon(in_yaml))["roles"] == result["roles"]
    on = json.dumps({"env": {"WARM_IP_TARGET": "5"}})
    two = audited(tmp_path, addon(off), addon(on, cluster="stage"))
    assert [u["result"]["verdict"] for u in two["roles"][0]["clusters"]] == ["works", "breaks"]
    assert two["breaks"]
    text = run("audit", "account.json", "0.json", "1.json", "--to", "v1.23.2", cwd=tmp_path).out
    assert "breaks at v1.23.2 in cluster stage, as 1.json configures it, IPv4" in text
    # A cluster whose values are not known has the defaults.
    assert audited(tmp_path, addon(off), addon("", cluster="stage"))["breaks"]


EU, US, OTHER = f"eu-west-1:{ACCOUNT}", f"us-east-1:{ACCOUNT}", "eu-west-1:444455556666"


@pytest.mark.parametrize("place", [US, OTHER])
def test_clusters_of_one_name_in_two_regions_or_accounts_are_two(
    place: str, tmp_path: Path
) -> None:
    off = json.dumps({"env": WITHOUT_SUBNETS})
    for files in (
        (addon(off, place=EU), addon("", place=place)),
        (addon("", place=place), addon(off, place=EU)),
    ):
        result = audited(tmp_path, *files)
        uses = {u["region"] + u["account"]: u for u in result["roles"][0]["clusters"]}
        verdicts = {key: use["result"]["verdict"] for key, use in uses.items()}
        assert verdicts == {
            EU.replace(":", ""): "works",
            place.replace(":", ""): "breaks",
        }
        assert result["breaks"]


def test_an_association_of_another_cluster_of_the_name_leaves_the_role_of_the_add_on_in_use(
    tmp_path: Path,
) -> None:
    def association(place: str) -> str:
        return json.dumps(
            {
                "association": {
                    "clusterName": "prod",
                    "namespace": "kube-system",
                    "serviceAccount": "aws-node",
                    "roleArn": f"arn:aws:iam::{ACCOUNT}:role/other",
                    "associationArn": f"arn:aws:eks:{place}:podidentityassociation/prod/a-1",
                }
            }
        )

    for place, overridden in ((EU, True), (US, False)):
        result = audited(tmp_path, addon("", place=EU), association(place))
        (use,) = result["roles"][0]["clusters"]
        assert use["is_overridden"] is overridden


def test_a_daemonset_of_one_of_several_clusters_of_its_name_is_not_taken_for_any(
    tmp_path: Path,
) -> None:
    own = daemonset(**WITHOUT_SUBNETS)
    both = addon("", place=EU), addon("", place=US)
    result = audited(tmp_path, *both, daemonsets=(own,))
    assert result["breaks"] and not result["complete"]
    assert "2 clusters named prod" in str(result["unread"])
    placed = daemonset(**WITHOUT_SUBNETS, AWS_REGION="eu-west-1")
    result = audited(tmp_path, *both, daemonsets=(placed,))
    uses = {u["region"]: u["result"]["verdict"] for u in result["roles"][0]["clusters"]}
    assert uses == {"eu-west-1": "works", "us-east-1": "breaks"} and result["complete"]
    # What has no ARN of a cluster is of the only one of its name.
    for place, manifest in ((EU, own), ("", placed)):
        result = audited(tmp_path, addon("", place=place), daemonsets=(manifest,))
        assert not result["breaks"] and result["complete"]


def test_two_configurations_of_a_cluster_are_not_read_as_one(tmp_path: Path) -> None:
    own, other = daemonset(**WITHOUT_SUBNETS), daemonset()
    for daemonsets in ((own, other), (other, own)):
        result = audited(tmp_path, addon(""), daemonsets=daemonsets)
        assert not result["complete"]
        assert "cluster prod has two different configurations" in str(result["unread"])
    assert audited(tmp_path, addon(""), daemonsets=(own, own))["complete"]


def test_values_that_are_not_read_count_against_the_result(tmp_path: Path) -> None:
    for values in (
        "env:\n  ENABLE_SUBNET_DISCOVERY: 'false\n",
        "- env",
        '{"env": ',
        '{"env": {"ENABLE_IPv6": 1}}',
    ):
        result = audited(tmp_path, addon(values))
        assert result["breaks"]
        assert result["complete"] is (values[-2:] == "}}")


def test_a_daemonset_is_of_the_cluster_that_it_names(tmp_path: Path) -> None:
    own = daemonset(**WITHOUT_SUBNETS)
    result = audited(tmp_path, addon(""), daemonsets=(own,))
    (use,) = result["roles"][0]["clusters"]
    assert (use["configuration"], use["result"]["verdict"]) == ("aws-node-0.json", "works")
    assert not result["breaks"] and result["complete"]
    # No role is known to be of the cluster, or the cluster is not known: it is said, and counts.
    for other, problem in (
        (
            daemonset(CLUSTER_NAME="stage"),
            "no role in the input is known to belong to cluster stage",
        ),
        (daemonset(CLUSTER_NAME=None), "it has no CLUSTER_NAME"),
    ):
        result = audited(tmp_path, addon(""), daemonsets=(other,))
        assert not result["complete"] and problem in str(result["unread"])


@pytest.mark.parametrize("value", ["maybe", "tRUE", "yes"])
def test_a_daemonset_that_the_plugin_would_refuse_counts_against_the_result(
    tmp_path: Path, value: str
) -> None:
    odd = daemonset(ENABLE_SUBNET_DISCOVERY=value)
    result = audited(tmp_path, addon(""), daemonsets=(odd,))
    (unread,) = result["unread"]
    assert not result["complete"] and "must be true or false" in unread["detail"]


def test_a_pod_names_its_role(tmp_path: Path) -> None:
    of_eks = {"AWS_ROLE_ARN": OLD_ROLE, "AWS_REGION": "eu-west-1"}
    manifest = json.loads(daemonset(**WITHOUT_SUBNETS, **of_eks))
    pod = {"kind": "Pod", "spec": manifest["spec"]["template"]["spec"]}
    result = audited(tmp_path, daemonsets=(daemonset(**WITHOUT_SUBNETS), json.dumps(pod)))
    (use,) = result["roles"][0]["clusters"]
    assert (use["cluster"], use["by"], use["result"]["verdict"]) == ("prod", "IRSA", "works")
    assert not result["breaks"] and result["complete"]


def test_a_role_with_the_name_of_another_cluster_breaks_as_configured(tmp_path: Path) -> None:
    done = run("policy", "ipv4-scoped", "--cluster-name", "stage", "--vpc-id", "vpc-01234567")
    text = details(role("scoped", PODS, inline={"cni": json.loads(done.out)}))
    (tmp_path / "a.json").write_text(text)
    (tmp_path / "addon.json").write_text(
        addon('{"env": {}}', arn=f"arn:aws:iam::{ACCOUNT}:role/scoped")
    )
    assert run("audit", "a.json", cwd=tmp_path).code == 0
    done = run("audit", "a.json", "addon.json", cwd=tmp_path)
    assert done.code == 1 and "in cluster prod, as addon.json configures it" in done.out
