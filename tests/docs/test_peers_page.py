"""The page of other projects' policies: what breaks with them, and the days to a repair."""

import pytest
from tools.docs.peers import checked, every, lacks, page, repairs

from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.documents import WORKER_NODE, ManagedVersion, managed_versions

# Days from plugin v1.22.0 to a document that works with it and all later ones.
# On a node role of EKS, another policy allows the calls: nodes never broke.
ON_NODE_ROLES = {
    ("CDK EKS Blueprints", "ipv6"),
    ("cloudposse/eks-node-group", "ipv4"),
    ("cloudposse/eks-node-group", "ipv6"),
    ("Rancher eks-operator", "ipv6"),
    ("terraform-aws-eks", "ipv6"),
}
DAYS = {
    **dict.fromkeys(ON_NODE_ROLES, 0),
    ("AWS", "ipv4"): 14,
    ("EKS user guide", "ipv6"): 141,
    ("eksctl", "ipv6"): 181,
    ("kOps", "ipv4"): 178,
    ("terraform-aws-eks-pod-identity", "ipv4"): 100,
    ("terraform-aws-iam", "ipv4"): 99,
    ("terraform-aws-iam", "ipv6"): 160,
}


def test_the_documents_of_eksctl_work_with_what_is_known() -> None:
    newest = known_versions.newest()
    eksctl = [d for d in every() if d.project == "eksctl"]
    works = [", ".join(map(str, checked(d, ()).works())) for d in eksctl]
    assert [(d.versions, d.date, w) for d, w in zip(eksctl, works, strict=True)] == [
        ("v0.79.0 to v0.229.0", "2022-01-06", "v1.10.0 to v1.21.2"),
        ("from v0.230.0", "2026-08-13", f"v1.10.0 to v1.21.2, v1.22.2 to {newest}"),
        ("after v0.230.0", "2026-08-18", f"v1.10.0 to {newest}"),
    ]
    groups = "v1.22.0 to v1.22.1: ec2:DescribeSecurityGroups"
    assert [lacks(checked(d, ())) for d in eksctl] == [
        [f"v1.22.0 to {newest}: ec2:DescribeSubnets", groups],
        [groups],
        [],
    ]


def test_days_to_repair() -> None:
    assert {(r.project, r.mode): r.days for r in repairs() if r.days is not None} == DAYS


@pytest.mark.parametrize("version", managed_versions(WORKER_NODE), ids=lambda v: v.version)
def test_every_version_of_the_node_policy_allows_the_calls_that_broke_nodes(
    version: ManagedVersion,
) -> None:
    assert not {"ec2:DescribeSubnets", "ec2:DescribeSecurityGroups"} - set(
        version.policy.statements[0].actions
    )


def test_the_page_says_that_documents_on_node_roles_work_only_beside_the_node_policy() -> None:
    on_node_roles = {(d.project, d.mode) for d in every() if WORKER_NODE in d.beside}
    assert on_node_roles == {*ON_NODE_ROLES, ("AWS CDK", "ipv6")}
    (row,) = [
        line for line in page().splitlines() if line.startswith("| IPv6 policy of nodes from")
    ]
    assert f"beside {WORKER_NODE} v3" in row and "nothing" in row
    assert f"without {WORKER_NODE}, v1.22.0 to v1.22.1: ec2:DescribeSecurityGroups" in row


def test_the_page_says_what_was_not_compared_with_its_source() -> None:
    _, _, documents = page().partition("## The documents")
    unverified = sum(not document.verified for document in every())
    assert documents.count("not verified at its source") == unverified > 0


def test_each_row_says_whether_a_release_or_only_a_commit_has_it() -> None:
    rows = {
        (cells[0], cells[1]): cells[2:]
        for line in page().partition("## The documents")[0].splitlines()
        if len(cells := [cell.strip() for cell in line.strip("|").split("|")]) == 5
    }
    assert rows["kOps", "IPv4"][0].startswith("commit after v1.36.2, in no release")
    assert rows["eksctl", "IPv6"][0].startswith("commit after v0.230.0, in no release")
    assert rows["terraform-aws-iam", "IPv4"][0] == "release v6.6.1"
    merged = rows["terraform-aws-eks-pod-identity", "IPv6"]
    assert (merged[0], "merged" in merged[2]) == ("pull request 62", True)
    # The set-up that breaks.
    assert "aws-node has its own role" in page() and "AmazonEKSWorkerNodePolicy" in page()
