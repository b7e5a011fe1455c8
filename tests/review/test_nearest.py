"""Every document that was ever published for the plugin is recognised."""

import pytest
from msgspec.structs import replace

from synthetic import WANTED
from vpc_cni_iam.catalog import variants
from vpc_cni_iam.catalog.facts import documents
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.review.account.plugin_policy import concerns_plugin
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


def test_the_nearest_document_is_decided_by_access_and_not_by_how_it_is_written() -> None:
    (scoped,) = variants.find(("ipv4-scoped",))
    document = scoped.document(documents.revisions()[-1])
    split = [
        replace(statement, sid=f"A{number}{place}", actions=(action,))
        for number, statement in enumerate(document.statements)
        for place, action in enumerate(statement.actions)
    ]
    more = replace(split[0], actions=("ec2:TerminateInstances",), resources=("*",), conditions=())
    close = nearest(Policy((*split, more)), WANTED.version)
    assert close.variant == "ipv4-scoped" and not close.equal
