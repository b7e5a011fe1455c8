"""The page of other projects' policies: what breaks with them, and the days to a repair."""

from tools.docs.peers import checked, every, lacks, page, repairs

from vpc_cni_iam.catalog.facts import known_versions

# Days from plugin v1.22.0 to a document that works with it and all later ones.
DAYS = {
    ("AWS", "ipv4"): 14,
    ("EKS user guide", "ipv6"): 141,
    ("eksctl", "ipv6"): 181,
    ("kOps", "ipv4"): 178,
    ("Rancher eks-operator", "ipv6"): 14,
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
