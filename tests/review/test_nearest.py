"""Every document that was ever published for the plugin is recognised."""

import pytest
from msgspec.structs import replace

from conftest import ROOT
from synthetic import WANTED, attachment, policy, resource, reviewed, rules
from vpc_cni_iam.catalog import parameters, variants
from vpc_cni_iam.catalog.compose import compose
from vpc_cni_iam.catalog.facts import documents
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.selection import select
from vpc_cni_iam.policy.document import Condition, Policy, Statement
from vpc_cni_iam.review.account.plugin_policy import concerns_plugin
from vpc_cni_iam.review.diff.nearest import UpstreamUpdate, nearest, update_between

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
    document = published("ipv4-scoped")
    split = [
        replace(statement, sid=f"A{number}{place}", actions=(action,))
        for number, statement in enumerate(document.statements)
        for place, action in enumerate(statement.actions)
    ]
    more = replace(split[0], actions=("ec2:TerminateInstances",), resources=("*",), conditions=())
    close = nearest(Policy((*split, more)), WANTED.version)
    assert close.variant == "ipv4-scoped" and not close.equal


OLDEST, NEWEST = documents.revisions()[0], documents.revisions()[-1]


def published(name: str, revision: documents.Revision = NEWEST, **names: str) -> Policy:
    """The document of a variant, with names in place of its placeholders."""
    (variant,) = variants.find((name,))
    return filled(variant.document(revision), **names)


def filled(template: Policy, **names: str) -> Policy:
    known = {"cluster_name": "prod", "vpc_id": "${VPC_ID}", **parameters.values({}), **names}
    return parameters.fill(template, {p.name: known[p.name] for p in parameters.used(template)})


@pytest.mark.parametrize(
    ("policy", "filled"),
    [
        (published("ipv4"), ()),
        (published("ipv4", partition="aws-cn"), ("partition = aws-cn",)),
        (published("ipv4-scoped"), ("cluster_name = prod",)),
        (
            published("ipv4-scoped", partition="aws-us-gov"),
            ("cluster_name = prod", "partition = aws-us-gov"),
        ),
    ],
)
def test_the_names_that_stand_in_place_of_placeholders_are_said(
    policy: Policy, filled: tuple[str, ...]
) -> None:
    close = nearest(policy, WANTED.version)
    assert (close.equal, close.filled) == (True, filled)


def test_a_name_that_the_document_has_no_place_for_is_no_name_of_it() -> None:
    document = published("ipv4")
    tagged = Condition("StringEquals", "aws:ResourceTag/cluster.k8s.amazonaws.com/name", ("prod",))
    more = Statement(actions=("s3:GetObject",), resources=("*",), conditions=(tagged,))
    close = nearest(replace(document, statements=(*document.statements, more)), WANTED.version)
    assert (close.variant, close.equal, close.filled) == ("ipv4", False, ())
    assert len(close.differences) == 1 and "s3:GetObject" in close.differences[0]


def test_an_update_of_a_document_says_from_which_version_on_its_new_actions_are_needed() -> None:
    update = update_between(published("ipv4", OLDEST), published("ipv4"), WANTED.version)
    assert update == UpstreamUpdate(
        "ipv4 of 2022-01-31",
        "ipv4 of 2026-09-29",
        (
            "ec2:DescribeSecurityGroups, which v1.22.0 and later need",
            "ec2:DescribeSubnets, which v1.18.0 and later call, and v1.22.0 and later need",
        ),
    )
    old, new = (published("ipv4-scoped", revision) for revision in (OLDEST, NEWEST))
    update = update_between(old, new, WANTED.version)
    assert update and (update.old, update.new) == (
        "ipv4-scoped of 2022-01-31",
        "ipv4-scoped of 2026-09-29",
    )


SAME = published("ipv4")
MORE = Statement(actions=("s3:GetObject",), resources=("*",))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, SAME),
        (published("ipv4", OLDEST), None),
        (SAME, SAME),
        (SAME, replace(SAME, statements=SAME.statements[::-1])),
        (SAME, published("ipv4", OLDEST)),
        (published("ipv4", OLDEST), published("ipv4-ipv6")),
        (published("ipv6", OLDEST), published("ipv4")),
        (published("ipv4", OLDEST), replace(SAME, statements=(*SAME.statements, MORE))),
        (replace(SAME, statements=SAME.statements[1:]), SAME),
        (published("ipv4-scoped", OLDEST), published("ipv4-scoped", cluster_name="other")),
        (published("ipv4", OLDEST, partition="aws-cn"), published("ipv4", partition="aws-us-gov")),
    ],
)
def test_what_is_no_update_of_one_document(before: Policy | None, after: Policy | None) -> None:
    assert update_between(before, after, WANTED.version) is None


def test_documents_with_missing_actions_added_are_compared_for_versions_of_their_variant() -> None:
    for name, version in (("ipv4", "v1.1.0"), ("ipv6", "v1.10.0"), ("ipv4-scoped", "v1.8.0")):
        (variant,) = variants.find((name,))
        composed = compose(variant, select(cni_version=version)).policy
        close = nearest(filled(composed), PluginVersion.of(version))
        assert close.equal and close.variant == name
