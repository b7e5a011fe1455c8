"""Every document that was ever published for the plugin is recognised."""

import pytest
from msgspec.structs import replace

from conftest import ROOT
from synthetic import WANTED, attachment, policy, resource, reviewed, rules
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


def _documents(*names: str) -> list[str | None]:
    folder = ROOT / "tests" / "review" / "corpus" / "documents"
    return [(folder / f"{name}.json").read_text() if name else None for name in names]


EKSCTL, UPSTREAM = "ipv6-eksctl-2026-08-13", "ipv6-2026-06-01"
OF_EKSCTL = "eksctl's IPv6 policy from v0.230.0 (2026-08-13)"


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (EKSCTL, UPSTREAM, f"The policy was {OF_EKSCTL}, and will be ipv6 of upstream's page"),
        (UPSTREAM, EKSCTL, f"and will be {OF_EKSCTL}"),
        ("logs", EKSCTL, f"The policy will be {OF_EKSCTL}"),
        (EKSCTL, "", None),
        (EKSCTL, EKSCTL, None),
        ("", UPSTREAM, None),  # a finding of its access names it
    ],
)
def test_a_policy_that_was_or_becomes_a_published_document_is_named(
    before: str, after: str, message: str | None
) -> None:
    review = reviewed(policy("cni", *_documents(before, after)))
    messages = [f.message for f in review.findings if f.rule == "published-document"]
    assert len(messages) == bool(message)
    assert all(message in each for each in messages)
    as_before = policy("cni", *_documents(after, after), previous_address="aws_iam_policy.x")
    moved = [f.message for f in reviewed(as_before).findings if f.rule == "published-document"]
    assert all(each.startswith("The policy is still ") for each in moved)
    assert bool(moved) is bool(after)
    forgotten = policy("cni", *_documents(before, ""), actions=["forget"])
    assert "published-document" not in rules(reviewed(forgotten))


def test_an_attachment_is_no_published_document() -> None:
    values = {"name": "cni", "arn": "arn:aws:iam::111122223333:policy/cni"}
    sides = [{**values, "policy": _documents(EKSCTL)[0]}] * 2
    attached = {"role": "r", "policy_arn": values["arn"]}
    comes = attachment("r", values["arn"], sides=(None, attached))
    review = reviewed(resource("aws_iam_policy", "cni", *sides), comes)
    assert rules(review) == {"new-access"}


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
