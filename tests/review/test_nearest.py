"""Every document that was ever published for the plugin is recognised."""

import pytest

from synthetic import WANTED
from vpc_cni_iam.catalog.facts import documents
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.review.diff.coverage import concerns_plugin
from vpc_cni_iam.review.diff.nearest import nearest

PUBLISHED = [(f"{v.name} {v.version}", v.policy) for v in documents.managed_versions()] + [
    (f"{kind} of {revision.name}", revision.document(kind))
    for revision in documents.readme_revisions()
    for kind in revision.kinds
]


@pytest.mark.parametrize("policy", [p for _, p in PUBLISHED], ids=[name for name, _ in PUBLISHED])
def test_an_older_document_is_recognised(policy: Policy) -> None:
    assert nearest(policy, WANTED.version).equal


def test_the_cluster_role_s_policy_is_not_the_plugin_s() -> None:
    for version in documents.managed_versions(documents.RESOURCE_CONTROLLER):
        assert not concerns_plugin(version.policy)
