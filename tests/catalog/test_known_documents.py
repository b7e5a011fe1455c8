"""Older documents of upstream and AWS are recognised by equality, whatever names they carry."""

import json
from pathlib import Path

import pytest

from conftest import run
from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.facts.documents import (
    CNI_POLICY,
    RESOURCE_CONTROLLER,
    find,
    managed_versions,
    readme_revisions,
    revisions,
)
from vpc_cni_iam.catalog.facts.peers import peer_documents
from vpc_cni_iam.catalog.known_documents import known_documents, listed, recognise
from vpc_cni_iam.coverage.names import names_in
from vpc_cni_iam.policy.document import Policy, to_json

SCOPED = parameters.fill(find("2022-01-31").document("ipv4-scoped"), parameters.SAMPLE)


def titles(policy: Policy) -> list[str]:
    return [str(known) for known in recognise(policy, names_in([policy]))]


@pytest.mark.parametrize(("names", "rest"), [(1, 0), (3, 0), (4, 1), (5, 2)])
def test_of_many_documents_the_first_are_listed_and_the_others_counted(
    names: int, rest: int
) -> None:
    every = {known.name: known for known in known_documents()}
    known = list(every.values())[:names]
    lines = listed(known)
    assert [line.partition(" (")[0] for line in lines[:3]] == [k.name for k in known[:3]]
    assert lines[3:] == ([f"and {rest} more"] if rest else [])


def test_every_published_document_is_known_by_name_date_and_source() -> None:
    pages = sum(len(r.kinds) for r in (*revisions(), *readme_revisions()))
    managed = [v for name in (CNI_POLICY, RESOURCE_CONTROLLER) for v in managed_versions(name)]
    of_peers = {(p.project, p.name, p.versions, p.commit) for p in peer_documents()}
    of_metrics_helper = 2
    expected = pages + len(managed) + len(of_peers) + of_metrics_helper
    assert len(known_documents()) == expected
    for known, document in known_documents().items():
        filled = parameters.fill(document, parameters.SAMPLE)
        assert str(known) in titles(filled), known
        assert known.source and len(known.date) in (0, len("2022-01-31"))
    assert "ipv4 of upstream's README (2019-05-17)" in map(str, known_documents())


def test_other_order_and_case_are_the_same_document_and_another_action_is_not() -> None:
    third = managed_versions()[1]
    assert titles(third.policy) == ["AmazonEKS_CNI_Policy v3 (2019-06-27)"]
    turned = Policy(third.policy.statements[::-1])
    assert titles(turned) == titles(third.policy)
    assert titles(Policy(third.policy.statements[:1])) == []
    assert titles(SCOPED) == ["ipv4-scoped of upstream's page (2022-01-31)"]
    assert recognise(SCOPED, {"cluster_name": "another"}) == ()


@pytest.mark.parametrize("options", [(), ("--all-versions",)])
def test_coverage_names_the_document(tmp_path: Path, options: tuple[str, ...]) -> None:
    third = to_json(managed_versions()[1].policy)
    (tmp_path / "a.json").write_text(json.dumps(third))
    (tmp_path / "b.json").write_text(json.dumps(third).replace("DescribeTags", "DescribeVpcs"))
    text = "equal to AmazonEKS_CNI_Policy v3 (2019-06-27)"
    assert text in run("coverage", "a.json", *options, cwd=tmp_path).out
    assert text not in run("coverage", "b.json", *options, cwd=tmp_path).out
    assert f"a.json is {text}" in run("coverage", "a.json", "b.json", *options, cwd=tmp_path).out
    data = run("coverage", "a.json", *options[:1], "--format", "json", cwd=tmp_path).out
    (entry,) = json.loads(data)["equal_to"]
    assert entry["documents"][0]["source"] == "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"
