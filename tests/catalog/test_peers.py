"""The documents of other projects: where they are from, and that they are known."""

import re

import pytest
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.peers import PeerDocument, peer_documents
from vpc_cni_iam.catalog.known_documents import recognise

DOCUMENTS = peer_documents()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: f"{d.project}-{d.mode}-{d.commit}")
def test_each_names_its_source_or_says_that_it_was_not_verified(document: PeerDocument) -> None:
    assert document.repository.count("/") == 1 and document.path
    if document.verified:
        assert re.fullmatch("[0-9a-f]{40}", document.commit)
    assert document.date is None or re.fullmatch(r"\d{4}-\d\d-\d\d", document.date)


def test_a_document_of_another_project_is_recognised() -> None:
    eksctl = next(d for d in DOCUMENTS if d.project == "eksctl" and d.date == "2026-08-13")
    (known,) = recognise(eksctl.policy, {})
    assert str(known) == "eksctl's IPv6 policy from v0.230.0 (2026-08-13)"
    assert known.source.startswith("eksctl-io/eksctl pkg/actions/addon/create.go, 52148b4d7d8d")


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
