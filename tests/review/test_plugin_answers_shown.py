"""The answer to whether aws-node works, in words."""

import pytest
from msgspec.structs import replace

from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.known_versions import find
from vpc_cni_iam.plugin.cluster import EksCluster
from vpc_cni_iam.plugin.identity import Identity
from vpc_cni_iam.plugin.settings import PluginSettings
from vpc_cni_iam.review.account.iam_resource import IamResource, InPlan, Named
from vpc_cni_iam.review.account.plugin.state import (
    ClusterPlugin,
    NodePart,
    PluginIdentity,
    PluginSetup,
    PluginState,
)
from vpc_cni_iam.review.diff.plugin.answers import AnswerReason, AnswerVerdict, PluginAnswer
from vpc_cni_iam.review.diff.plugin.identity import IdentityEvent
from vpc_cni_iam.review.diff.plugin.judged import JudgedPlugin, VersionSource
from vpc_cni_iam.review.diff.plugin.needs import PluginNeeds
from vpc_cni_iam.review.diff.plugin.nodes import NodeLoss
from vpc_cni_iam.review.report import words
from vpc_cni_iam.review.report.plugins import REASONS, shown_plugin

ROLE, NODES = InPlan("aws_iam_role.cni"), Named("aws_iam_role", "", "nodes")
V1_23 = find("v1.23.2")
PROD = EksCluster("prod", "us-east-1")


def state(version: str, identity: Identity, *roles: IamResource) -> PluginState:
    setup = PluginSetup(PluginSettings(version=version))
    return PluginState(PROD, "", setup, PluginIdentity(identity, frozenset(roles)))


BEFORE = state("v1.22.1", Identity.node_role, NODES)
AFTER = state("v1.23.2", Identity.irsa, ROLE)


def works(
    cluster: EksCluster = PROD,
    source: VersionSource = VersionSource.PLAN,
    mode: Mode = "ipv4",
    before: PluginState = BEFORE,
    after: PluginState = AFTER,
) -> PluginAnswer:
    plugin = ClusterPlugin("", before, replace(after, cluster=cluster))
    judged = JudgedPlugin(V1_23)
    needs = PluginNeeds(plugin, True, judged, judged, source, mode, True, (), ())
    return PluginAnswer(needs, AnswerVerdict.WORKS, None)


def sentence(answer: PluginAnswer) -> str:
    return words.answer(shown_plugin(answer))


def test_each_reason_has_its_words() -> None:
    losses = (
        *(IdentityEvent.NO_ARN, IdentityEvent.ROLE_GONE, IdentityEvent.AGENT_REMOVED),
        *(IdentityEvent.OTHER_ISSUER, IdentityEvent.NOT_TRUSTED, IdentityEvent.NOT_ALLOWED),
    )
    assert {*REASONS} == {*AnswerReason, *NodeLoss, *NodePart, *losses}
    for reason in REASONS:
        for verdict in (AnswerVerdict.FAILS, AnswerVerdict.NOT_SHOWN):
            assert sentence(replace(works(), verdict=verdict, reason=reason))


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (works(), "aws-node in prod (us-east-1): works with v1.23.2 (IPv4)"),
        (
            works(EksCluster("prod"), VersionSource.ASSUMED, "ipv6"),
            "aws-node in prod: works with v1.23.2 (IPv6, version assumed)",
        ),
        (
            works(EksCluster(), VersionSource.OPTION),
            "aws-node with aws_iam_role.cni: works with v1.23.2 (IPv4, --cni-version)",
        ),
        (
            works(EksCluster(), after=state("", Identity.unknown)),
            "aws-node: works with v1.23.2 (IPv4)",
        ),
        (
            replace(works(), verdict=AnswerVerdict.FAILS, reason=IdentityEvent.NOT_TRUSTED),
            "aws-node in prod (us-east-1): fails with v1.23.2 (IPv4): "
            "it cannot assume aws_iam_role.cni",
        ),
        (
            replace(works(), verdict=AnswerVerdict.NOT_SHOWN, reason=AnswerReason.IDENTITY),
            "aws-node in prod (us-east-1): not shown by the plan for v1.23.2 (IPv4): "
            "which role it has",
        ),
    ],
)
def test_the_answer_is_a_sentence(answer: PluginAnswer, text: str) -> None:
    assert sentence(answer) == text


def test_a_change_of_the_version_or_the_identity_is_shown_below() -> None:
    def facts(before: PluginState, after: PluginState) -> list[tuple[str, str]]:
        return [*words.facts(shown_plugin(works(before=before, after=after)))]

    assert facts(BEFORE, AFTER) == [
        ("version", "v1.22.1 -> v1.23.2"),
        ("identity", "role nodes (node role) -> aws_iam_role.cni (IRSA)"),
    ]
    assert facts(AFTER, AFTER) == [("identity", "aws_iam_role.cni (IRSA)")]
    assert facts(state("", Identity.unknown), state("", Identity.unknown)) == []
