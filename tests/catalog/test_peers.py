"""The documents of other projects: where they are from, what breaks, and that they are known."""

import json
import re

import pytest
from msgspec.structs import replace

from conftest import run, validator
from coverage_policies import setting
from vpc_cni_iam.catalog.facts import documents, known_versions
from vpc_cni_iam.catalog.facts.peers import PeerDocument, peer_documents
from vpc_cni_iam.catalog.known_documents import recognise
from vpc_cni_iam.catalog.peers import peers
from vpc_cni_iam.coverage.analysis.matrix import matrix

DOCUMENTS = peer_documents()
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


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: f"{d.project}-{d.mode}-{d.commit}")
def test_each_names_its_source_or_says_that_it_was_not_verified(document: PeerDocument) -> None:
    assert document.repository.count("/") == 1 and document.path
    if document.verified:
        assert re.fullmatch("[0-9a-f]{40}", document.commit)
    assert document.date is None or re.fullmatch(r"\d{4}-\d\d-\d\d", document.date)


@pytest.mark.parametrize(
    "document", {(d.policy, d.mode): d for d in DOCUMENTS}.values(), ids=lambda d: d.project
)
def test_works_with_is_what_coverage_computes(document: PeerDocument) -> None:
    beside = [documents.managed_policy(name) for name in document.beside]
    works = matrix([document.policy, *beside], setting(str(known_versions.newest()), document.mode))
    (report,) = {
        r.works_with
        for r, d in zip(peers().documents[-len(DOCUMENTS) :], DOCUMENTS, strict=True)
        if (d.policy, d.mode) == (document.policy, document.mode)
    }
    assert report == ", ".join(map(str, works.works()))


def test_the_documents_of_eksctl_work_with_what_is_known() -> None:
    newest = known_versions.newest()
    reports = [r for r in peers().documents if r.project == "eksctl"]
    assert [(r.versions, r.date, r.works_with) for r in reports] == [
        ("v0.79.0 to v0.229.0", "2022-01-06", "v1.10.0 to v1.21.2"),
        ("from v0.230.0", "2026-08-13", f"v1.10.0 to v1.21.2, v1.22.2 to {newest}"),
        ("after v0.230.0", "2026-08-18", f"v1.10.0 to {newest}"),
    ]
    groups = "v1.22.0 to v1.22.1: ec2:DescribeSecurityGroups"
    assert [r.breaks for r in reports] == [
        (f"v1.22.0 to {newest}: ec2:DescribeSubnets", groups),
        (groups,),
        (),
    ]


def test_days_to_repair() -> None:
    known = {(r.project, r.mode): r.days for r in peers().repairs if r.days is not None}
    assert known == DAYS


def test_a_document_of_another_project_is_recognised() -> None:
    eksctl = next(d for d in DOCUMENTS if d.project == "eksctl" and d.date == "2026-08-13")
    (known,) = recognise(eksctl.policy, {})
    assert str(known) == "eksctl's IPv6 policy from v0.230.0 (2026-08-13)"
    assert known.source.startswith("eksctl-io/eksctl pkg/actions/addon/create.go, 52148b4d7d8d")


def test_catalog_prints_them() -> None:
    printed = run("catalog", "--peers", "--format", "json")
    validator("catalog").validate(json.loads(printed.out))
    text = run("catalog", "--peers").out
    assert printed.code == 0 and "eksctl" in text and "181" in text
    first = "AWS AmazonEKS_CNI_Policy v2 (ipv4, 2018-05-31)\n  works with v1.1.0 to v1.5.7\n"
    assert first in text
    assert text.count("; not compared with it") == sum(
        not report.verified for report in peers().documents
    )


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        (None, None, ""),
        ("v1", "v1", "v1"),
        ("v1", "v2", "v1 to v2"),
        ("v1", None, "from v1"),
        ("after v1", None, "after v1"),
    ],
)
def test_the_versions_of_a_project_in_words(first: str, last: str, words: str) -> None:
    assert replace(DOCUMENTS[0], first=first, last=last).versions == words
