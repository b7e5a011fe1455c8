"""The answer to whether aws-node works, in words."""

import pytest
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.known_versions import find
from vpc_cni_iam.plugin.cluster import EksCluster
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.review.account.iam_resource import InPlan, Named
from vpc_cni_iam.review.diff.needs import VersionSource
from vpc_cni_iam.review.diff.plugin_answers import AnswerReason, AnswerVerdict, PluginAnswer
from vpc_cni_iam.review.report import words
from vpc_cni_iam.review.report.plugins import REASONS, shown_plugins
from vpc_cni_iam.review.report.shown import ShownPlugin

ROLE = InPlan("aws_iam_role.cni")
WORKS = PluginAnswer(
    EksCluster("prod", "us-east-1"),
    "aws_eks_cluster.prod",
    AnswerVerdict.WORKS,
    None,
    find("v1.23.2"),
    VersionSource.PLAN,
    "v1.22.1",
    "v1.23.2",
    "ipv4",
    Identity.irsa,
    Identity.node_role,
    (ROLE,),
    (Named("aws_iam_role", "", "nodes"),),
)


def only(answer: PluginAnswer) -> ShownPlugin:
    """An answer that no finding contradicts."""
    (plugin,) = shown_plugins([answer], [])
    return plugin


def sentence(answer: PluginAnswer) -> str:
    return words.answer(only(answer))


def test_each_reason_has_its_words() -> None:
    assert {*REASONS} == {*AnswerReason}
    for reason in AnswerReason:
        for verdict in (AnswerVerdict.FAILS, AnswerVerdict.NOT_SHOWN):
            assert sentence(replace(WORKS, verdict=verdict, reason=reason))


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (WORKS, "aws-node in prod (us-east-1): works with v1.23.2 (IPv4)"),
        (
            replace(WORKS, cluster=EksCluster("prod"), source=VersionSource.ASSUMED, mode="ipv6"),
            "aws-node in prod: works with v1.23.2 (IPv6, version assumed)",
        ),
        (
            replace(WORKS, source=VersionSource.OPTION, cluster=None),
            "aws-node with aws_iam_role.cni: works with v1.23.2 (IPv4, --cni-version)",
        ),
        (
            replace(WORKS, cluster=EksCluster(), address="", roles=()),
            "aws-node: works with v1.23.2 (IPv4)",
        ),
        (
            replace(WORKS, verdict=AnswerVerdict.FAILS, reason=AnswerReason.NOT_TRUSTED),
            "aws-node in prod (us-east-1): fails with v1.23.2 (IPv4): "
            "it cannot assume aws_iam_role.cni",
        ),
        (
            replace(WORKS, verdict=AnswerVerdict.NOT_SHOWN, reason=AnswerReason.IDENTITY, roles=()),
            "aws-node in prod (us-east-1): not shown by the plan for v1.23.2 (IPv4): "
            "which role it has",
        ),
    ],
)
def test_the_answer_is_a_sentence(answer: PluginAnswer, text: str) -> None:
    assert sentence(answer) == text


def test_a_change_of_the_version_or_the_identity_is_shown_below() -> None:
    assert [*words.facts(only(WORKS))] == [
        ("version", "v1.22.1 -> v1.23.2"),
        ("identity", "role nodes (node role) -> aws_iam_role.cni (IRSA)"),
    ]
    same = replace(WORKS, version_before="", roles_before=(ROLE,), identity_before=Identity.irsa)
    assert [*words.facts(only(same))] == [("identity", "aws_iam_role.cni (IRSA)")]
    unknown = replace(same, identity=Identity.unknown, identity_before=Identity.unknown)
    assert [*words.facts(only(unknown))] == []
