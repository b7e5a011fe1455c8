"""What EKS prints of clusters: which of them uses which role, and where it is."""

import json
from pathlib import Path
from typing import Any

import pytest

from account_details import (
    ACCOUNT,
    BOUNDARY,
    CNI,
    MANAGED,
    MANAGED_POLICY,
    NODES,
    OLD,
    PODS,
    WORKER,
    allow,
    audited,
    deny,
    details,
    generated,
    irsa,
    managed,
    of_eks,
    replaced,
    role,
    role_arn,
    scoped,
    together,
)

NOT_EKS = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"AWS": role_arn("first")},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    },
}
ELSEWHERE = "arn:aws:iam::444455556666:role"
NODE_GROUP = of_eks("nodegroup", "node")
BARE = role("node", NODES, inline={"s3": allow("s3:*")}, attached=(WORKER,))
ISSUER_ID = "id/EXAMPLED539D4633E53DE1B71EXAMPLE"


def without_role(association: dict[str, Any]) -> dict[str, Any]:
    """What ``aws eks list-pod-identity-associations`` prints."""
    listed = {k: v for k, v in association["association"].items() if k != "roleArn"}
    app = {"clusterName": "prod", "namespace": "default", "serviceAccount": "app"}
    return {"associations": [listed, app]}


def test_what_eks_prints_tells_which_cluster_uses_which_role(tmp_path: Path) -> None:
    addon = of_eks("addon", "cni", addonVersion="v1.18.3-eksbuild.1")
    association = of_eks("association", "cni")
    text = details(role("cni", irsa(), attached=(MANAGED,)), BARE, policies=(MANAGED_POLICY,))
    answer = audited(tmp_path, text, addon, of_eks("nodegroup", "node", cluster="dev"))
    assert answer.result["complete"]
    (use,) = answer.roles["cni"]["clusters"]
    assert (use["cluster"], use["version"], use["by"]) == ("prod", "v1.18.3", "IRSA")
    assert answer.roles["node"]["clusters"][0]["by"] == "node role"
    without = audited(tmp_path, text, without_role(association)).result
    assert [u["name"] for u in without["unread"]] == ["EKS Pod Identity of aws-node in prod"]
    described = audited(tmp_path, text, without_role(association), association)
    assert described.result["complete"]
    both = audited(tmp_path, text, addon, association).roles
    assert {use["version"] for use in both["cni"]["clusters"]} == {"v1.18.3"}


@pytest.mark.parametrize(
    ("kind", "trust"),
    [("addon", irsa()), ("association", PODS)],
    ids=["add-on", "EKS Pod Identity"],
)
def test_a_node_role_is_not_the_plugins_in_a_cluster_with_another(
    tmp_path: Path, kind: str, trust: dict[str, Any]
) -> None:
    cni = role("cni", trust, attached=(MANAGED,))
    files = (of_eks(kind, "cni"), NODE_GROUP)
    answer = audited(tmp_path, details(cni, BARE, policies=(MANAGED_POLICY,)), *files)
    assert [*answer.roles] == ["cni"] and answer.code == 0
    # A role that aws-node could use is listed by its permissions.
    for policy in (CNI, allow("ec2:AssignPrivateIpAddresses")):
        node = role("node", NODES, inline={"p": policy}, attached=(WORKER,))
        text = details(cni, node, policies=(MANAGED_POLICY,))
        answer = audited(tmp_path, text, *files)
        (use,) = answer.roles["node"]["clusters"]
        assert use["is_overridden"] and use["result"] is None and answer.code == 0
        assert answer.roles["node"]["is_unused"] and "unused   " in answer.text
        line = "not used by  cluster prod (node role): aws-node has another role there"
        assert line in answer.text and ", of which 0 fail at " in answer.text
    # Another cluster of its nodes has no other role: there aws-node uses it.
    dev = of_eks("nodegroup", "node", cluster="dev")
    answer = audited(tmp_path, text, *files, dev)
    assert answer.roles["node"]["verdict"] == "fails" and answer.code == 1
    # Nothing says which clusters it is for.
    assert audited(tmp_path, text, files[0]).result["fails"]


@pytest.mark.parametrize("files", [(), (of_eks("association", "cni"),)])
@pytest.mark.parametrize(("version", "verdict"), [("v1.15.4", "fails"), ("v1.15.5", "works")])
def test_old_plugin_versions_get_no_credentials_from_eks_pod_identity(
    files: tuple[dict[str, Any], ...], version: str, verdict: str, tmp_path: Path
) -> None:
    text = details(role("cni", PODS, inline={"cni": CNI}))
    answer = audited(tmp_path, text, *files, to=version)
    assert answer.verdicts == {"cni": verdict}
    shown = f"plugin {version} gets no credentials from EKS Pod Identity"
    assert (shown in answer.text) is (verdict == "fails")
    assert ("install plugin v1.15.5 or later" in answer.text) is (verdict == "fails")
    both = role("cni", together(PODS, irsa()), inline={"cni": CNI})
    assert audited(tmp_path, details(both), to=version).verdicts == {"cni": "works"}


HELPER_ASSOCIATION = of_eks("association", "helper", serviceAccount="cni-metrics-helper")


@pytest.mark.parametrize(
    "other", [of_eks("addon"), HELPER_ASSOCIATION], ids=["add-on", "metrics helper"]
)
def test_a_node_role_is_the_plugins_in_a_cluster_without_another(
    tmp_path: Path, other: dict[str, Any]
) -> None:
    helper = role("helper", PODS, inline={"metrics": allow("cloudwatch:PutMetricData")})
    answer = audited(tmp_path, details(BARE, helper), other, NODE_GROUP)
    (use,) = answer.roles["node"]["clusters"]
    assert not use["is_overridden"] and use["result"]["verdict"] == "fails"
    assert answer.result["fails"]


MADE = f"arn:aws:eks:eu-west-1:{ACCOUNT}:podidentityassociation/prod/a-0123456789abcdef0"


@pytest.mark.parametrize(
    "files",
    [
        (of_eks("addon", "cni"), without_role(of_eks("association"))),
        (of_eks("addon", podIdentityAssociations=[MADE]),),
    ],
    ids=["list", "add-on"],
)
def test_an_association_without_its_role_counts_beside_other_roles(
    tmp_path: Path, files: tuple[dict[str, Any], ...]
) -> None:
    """EKS Pod Identity comes before IRSA and a node's role; neither output names its role."""
    roles = (role("cni", irsa(), attached=(MANAGED,)), role("node", NODES, attached=(MANAGED,)))
    text = details(*roles, policies=(MANAGED_POLICY,))
    result = audited(tmp_path, text, *files, NODE_GROUP).result
    uses = [use for role in result["roles"] for use in role["clusters"]]
    assert uses and all(use["is_overridden"] for use in uses)
    assert [u["name"] for u in result["unread"]] == ["EKS Pod Identity of aws-node in prod"]
    pods = details(role("pods", PODS, attached=(MANAGED,)), *roles, policies=(MANAGED_POLICY,))
    described = of_eks("association", "pods")
    assert audited(tmp_path, pods, *files, NODE_GROUP, described).result["complete"]


def test_a_target_role_is_the_plugins_and_a_session_policy_is_not_read(tmp_path: Path) -> None:
    target = f"{ELSEWHERE}/target"
    text = details(
        role("first", PODS, inline={"assume": allow("sts:*", resource=target)}),
        role("target", NOT_EKS, inline={"cni": OLD}, account="444455556666"),
    )
    answer = audited(tmp_path, text, of_eks("association", "first", targetRoleArn=target))
    assert answer.result["complete"] and [*answer.roles] == ["target"]
    assert answer.roles["target"]["clusters"][0]["by"] == "EKS Pod Identity"
    session = json.dumps(allow("ec2:DescribeTags"))
    limited = of_eks("association", "first", targetRoleArn=target, policy=session)
    result = audited(tmp_path, text, limited).result
    assert not result["complete"] and "session policy" in result["unread"][0]["detail"]
    # Sessions that a policy limits have no tags, on which the role's policies may depend.
    assert "coverage --boundary --irsa" in result["unread"][0]["detail"]


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        (
            {"serviceAccountRoleArn": f"{ELSEWHERE}/cni"},
            f"its role {ELSEWHERE}/cni is not in the input",
        ),
        # The plugin has the role of a node group, which nothing names.
        ({}, "no role in the input is known to belong to cluster prod"),
    ],
)
def test_a_role_of_a_cluster_that_the_input_does_not_have_counts(
    tmp_path: Path, members: dict[str, str], problem: str
) -> None:
    addon = of_eks("addon", addonVersion="v1.20.4-eksbuild.1", **members)
    result = audited(tmp_path, details(role("node", NODES)), addon).result
    assert not result["complete"] and problem in json.dumps(result["unread"])


@pytest.mark.parametrize(
    ("kind", "trust", "how", "members"),
    [
        ("association", PODS, "by default", {}),
        ("addon", irsa(), "as 1.json configures it", {}),
        ("addon", irsa(), "as 1.json configures it", {"configurationValues": '{"env": {}}'}),
    ],
    ids=["association", "add-on", "add-on with values"],
)
def test_a_role_that_is_scoped_to_another_cluster_breaks_in_a_cluster(
    tmp_path: Path, kind: str, trust: dict[str, Any], how: str, members: dict[str, str]
) -> None:
    account = details(role("a", trust, inline={"cni": scoped("prod")}))
    prod, stage = (of_eks(kind, "a", cluster=name, **members) for name in ("prod", "stage"))
    answer = audited(tmp_path, account, prod)
    a = answer.roles["a"]
    assert (a["verdict"], a["proposal"]) == ("works", [])
    assert "\n         to do        nothing\n" in answer.text
    answer = audited(tmp_path, account, stage)
    assert "to do        nothing" not in answer.text
    a = answer.roles["a"]
    assert a["verdict"] == "fails" and a["clusters"][0]["result"]["verdict"] == "fails"
    assert a["proposal"] == [
        "replace its policy with the output of `vpc-cni-iam policy ipv4-scoped "
        "--cni-version v1.23.2 --no-harden --cluster-name stage --vpc-id vpc-01234567`"
    ]
    assert f"fails at v1.23.2 in cluster stage, {how}, IPv4" in answer.text
    a = audited(tmp_path, account, prod, stage).roles["a"]
    assert [use["result"]["verdict"] for use in a["clusters"]] == ["works", "fails"]
    assert a["verdict"] == "fails"
    assert a["proposal"] == ["give each cluster its own role, and scope it to the cluster"]


def test_each_vpc_that_policies_name_is_checked_in_a_cluster(tmp_path: Path) -> None:
    """One role for two VPCs, in the second of which it may not use security groups."""
    first, second = scoped(), scoped("prod", "vpc-89abcdef")
    less = replaced(second, '", "arn:aws:ec2:*:*:security-group/*"]', '"]')
    for policies, verdict in (((first, second), "works"), ((first, less), "fails")):
        inline = dict(zip(("first", "second"), policies, strict=True))
        text = details(role("cni", irsa(), inline=inline))
        (use,) = audited(tmp_path, text, of_eks("addon", "cni")).roles["cni"]["clusters"]
        assert use["result"]["verdict"] == verdict


@pytest.mark.parametrize("values", ["", '{"env": {"WARM_IP_TARGET": "5"}}'])
def test_an_add_on_is_of_the_ip_family_that_its_role_is_for(tmp_path: Path, values: str) -> None:
    """EKS sets ENABLE_IPv6 for a cluster of IPv6; the values of the add-on need not say so."""
    text = details(role("cni", irsa(), inline={"cni": generated("ipv6")}))
    answer = audited(tmp_path, text, of_eks("addon", "cni", configurationValues=values))
    assert answer.code == 0
    assert answer.roles["cni"]["clusters"][0]["result"]["mode"] == "ipv6"


@pytest.mark.parametrize("by", ["issuer", "cluster"])
def test_a_role_is_checked_in_the_region_of_its_issuer_or_cluster(tmp_path: Path, by: str) -> None:
    """Whatever Region its policy is for."""
    limited = allow("ec2:*", Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}})
    for region, verdict in (("us-east-1", "works"), ("eu-west-1", "fails")):
        trust = json.loads(json.dumps(irsa()).replace("eu-west-1", region))
        addon = of_eks("addon", "a", place=f"{region}:{ACCOUNT}")
        text = details(role("a", trust, inline={"cni": limited}))
        answer = audited(tmp_path, text, *([addon] if by == "cluster" else []))
        assert answer.roles["a"]["verdict"] == verdict and answer.text.startswith(verdict)
        assert [use["region"] for use in answer.roles["a"]["clusters"]] == (
            [region] if by == "cluster" else []
        )


def test_each_region_that_a_deny_names_is_judged_where_the_clusters_is_not_known(
    tmp_path: Path,
) -> None:
    outside = {"StringNotEquals": {"aws:RequestedRegion": ["us-east-1", "us-west-2"]}}
    policy = together(allow("ec2:*"), deny("ec2:*", "sts:*", Condition=outside))
    answer = audited(tmp_path, details(role("cni", PODS, inline={"cni": policy})))
    family = answer.roles["cni"]["policies"]["families"][0]
    # In which Region the cluster is, nobody knows.
    assert answer.roles["cni"]["verdict"] == family["verdict"] == "unknown"
    assert {r["region"]: r["verdict"] for r in family["regions"]} == {
        "us-east-1": "works",
        "us-west-2": "works",
        None: "fails",
    }
    where = "IPv4: works in us-east-1, us-west-2; fails elsewhere: the cluster's Region is"
    assert f"Region       {where}" in answer.text
    # It is judged in the Regions of its clusters alone.
    places = {region: f"{region}:{ACCOUNT}" for region in ("us-east-1", "eu-west-1")}
    addons = {region: of_eks("addon", "cni", place=place) for region, place in places.items()}
    for region, verdict in (("us-east-1", "works"), ("eu-west-1", "fails")):
        trust = json.loads(json.dumps(irsa()).replace("eu-west-1", region))
        text = details(role("cni", trust, inline={"cni": policy}))
        a = audited(tmp_path, text, addons[region]).roles["cni"]
        assert a["verdict"] == verdict and a["clusters"][0]["result"]["regions"] == []
        assert [f["verdict"] for f in a["policies"]["families"]] == [verdict] * 2
    for trust, kind in ((irsa(), "addon"), (PODS, "association")):
        both = (of_eks(kind, "cni", place=place) for place in places.values())
        text = audited(tmp_path, details(role("cni", trust, inline={"cni": policy})), *both).text
        assert "IPv4: works in us-east-1; fails in eu-west-1\n" in text
        assert "Region is not known" not in text


def test_a_boundary_does_not_say_in_which_region_the_cluster_is(tmp_path: Path) -> None:
    limit = allow("ec2:*", Condition={"StringEquals": {"aws:RequestedRegion": "us-west-2"}})
    policies = (managed(BOUNDARY, limit),)
    inline = {"cni": allow("ec2:*")}
    described = role("cni", PODS, inline=inline, boundary=BOUNDARY)
    a = audited(tmp_path, details(described, policies=policies)).roles["cni"]
    regions = {r["region"]: r["verdict"] for r in a["policies"]["families"][0]["regions"]}
    # The cluster is in one of them, and the input does not say in which.
    assert a["verdict"] == "unknown" and regions == {"us-west-2": "works", None: "fails"}
    trust = replaced(irsa(), "eu-west-1", "us-west-2")
    text = details(role("cni", trust, inline=inline, boundary=BOUNDARY), policies=policies)
    addon = of_eks("addon", "cni", place=f"us-west-2:{ACCOUNT}")
    assert audited(tmp_path, text, addon).verdicts == {"cni": "works"}


def test_a_boundary_of_one_cluster_says_which_where_the_policies_do_not(tmp_path: Path) -> None:
    other = of_eks("addon", "cni", cluster="other")
    for policy, files, verdict in (
        (allow("ec2:*"), [], "works"),
        (scoped("other"), [], "fails"),
        (allow("ec2:*"), [other], "fails"),
    ):
        described = role("cni", irsa(), inline={"cni": policy}, boundary=BOUNDARY)
        page = details(described, policies=(managed(BOUNDARY, scoped("prod")),))
        assert audited(tmp_path, page, *files).verdicts == {"cni": verdict}


def test_a_cluster_of_another_region_than_that_of_the_issuer_breaks(tmp_path: Path) -> None:
    trust = replaced(irsa(), "eu-west-1", "us-east-1")
    text = details(role("cni", trust, inline={"cni": CNI}))
    answer = audited(tmp_path, text, of_eks("addon", "cni", place=f"eu-west-1:{ACCOUNT}"))
    assert answer.verdicts == {"cni": "fails"}
    assert "which is not the issuer of cluster prod" in answer.text
    assert "to do        in its trust policy, trust the issuer of cluster prod" in answer.text
    assert "scope it" not in answer.text
    own = of_eks("addon", "cni", place=f"us-east-1:{ACCOUNT}")
    assert audited(tmp_path, text, own).code == 0


@pytest.mark.parametrize(("issuer", "verdict"), [(ISSUER_ID, "works"), ("id/OTHER", "fails")])
def test_the_issuer_that_eks_prints_of_a_cluster_decides(
    issuer: str, verdict: str, tmp_path: Path
) -> None:
    text = details(role("cni", irsa(), inline={"cni": CNI}))
    place = f"eu-west-1:{ACCOUNT}"
    url = f"https://oidc.eks.eu-west-1.amazonaws.com/{issuer}"
    described = {"arn": f"arn:aws:eks:{place}:cluster/prod", "identity": {"oidc": {"issuer": url}}}
    cluster = {"cluster": {"name": "prod", **described}}
    answer = audited(tmp_path, text, of_eks("addon", "cni", place=place), cluster)
    assert answer.verdicts == {"cni": verdict}
    assert "not checked; add" not in answer.text


OTHER_REGION = allow(
    "eks-auth:AssumeRoleForPodIdentity", resource="arn:aws:eks:us-east-1:*:cluster/*"
)


@pytest.mark.parametrize(
    ("node", "verdict"),
    [
        (role("node", NODES, attached=(WORKER,)), "works"),
        (role("node", NODES, inline={"eks": allow("eks-auth:*", resource="*")}), "works"),
        (role("node", NODES, attached=(MANAGED,)), "fails"),
        (role("node", NODES, inline={"eks": OTHER_REGION}), "fails"),
        (role("node", NODES, attached=(f"arn:aws:iam::{ACCOUNT}:policy/own",)), "unknown"),
        (role("other", NODES), "unknown"),
    ],
)
def test_nodes_must_be_able_to_get_credentials_of_pod_identity(
    tmp_path: Path, node: dict[str, Any], verdict: str
) -> None:
    text = details(role("cni", PODS, inline={"cni": CNI}), node)
    place = f"eu-west-1:{ACCOUNT}"
    association = of_eks("association", "cni", place=place)
    answer = audited(tmp_path, text, association, of_eks("nodegroup", "node", place=place))
    assert answer.roles["cni"]["verdict"] == verdict
    assert answer.code == (verdict != "works")
    to_do = "to do        allow eks-auth:AssumeRoleForPodIdentity in the policies of"
    assert (to_do in answer.text) is (verdict == "fails")
    # Without the role of nodes, it says so.
    alone = audited(tmp_path, text, association).text
    assert "not checked: whether the node role allows eks-auth:Assume" in alone


def test_nodes_of_an_unknown_region_that_allow_it_nowhere_break(tmp_path: Path) -> None:
    in_a_region = allow("eks-auth:*", resource="arn:aws:eks:eu-west-1:*:cluster/*")
    for policy, verdict in ((CNI, "fails"), (in_a_region, "unknown")):
        cni, node = (
            role("cni", PODS, inline={"cni": CNI}),
            role("node", NODES, inline={"p": policy}),
        )
        answer = audited(tmp_path, details(cni, node), of_eks("association", "cni"), NODE_GROUP)
        assert answer.roles["cni"]["verdict"] == verdict
