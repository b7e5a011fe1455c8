"""The answer whether the plugin works, where several resources or other plans decide it."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from eks import CNI, NODE_TRUST, addon, arn_of, irsa, own_role, same
from plugin_setup import V1_23, about_calls, of_cni, of_rule, scoped, without
from synthetic import (
    DOCUMENT,
    LATER,
    Json,
    allow,
    attached,
    block,
    configured,
    context,
    deferred,
    deny,
    document,
    inline,
    levels,
    managed,
    policy,
    policy_arn,
    refers,
    resource,
    reviewed,
    role,
)
from vpc_cni_iam.catalog.facts.node_needs import NodeNeed
from vpc_cni_iam.coverage.judge.verdict import Verdict
from vpc_cni_iam.review.diff.plugin.answers import (
    AnswerReason,
    NodePart,
    PluginAnswer,
    plugin_answers,
)
from vpc_cni_iam.review.diff.plugin.identity import IdentityEvent
from vpc_cni_iam.review.diff.plugin.nodes import NodeLoss
from vpc_cni_iam.review.report.plugins import REASONS, shown_plugin


def cni(before: str | None, after: str | None, *more: Json) -> list[Json]:
    """The plugin with its own role, whose policy changes."""
    return [*own_role("cni", irsa()), addon(V1_23, V1_23), of_cni(before, after), *more]


def answers(*changes: Json, **more: Any) -> tuple[PluginAnswer, ...]:
    return plugin_answers(context(*changes, **more))


@pytest.mark.parametrize(
    "kind", ["aws_organizations_policy", "aws_organizations_policy_attachment"]
)
def test_a_changed_policy_of_the_organization_may_deny_the_calls_of_the_plugin(kind: str) -> None:
    change = resource(kind, "guard", {"content": "{}"}, {"content": document(deny("ec2:*"))})
    (answer,) = answers(*cni(CNI, CNI), change)
    assert (answer.verdict, answer.reason) == (Verdict.unknown, AnswerReason.ORGANIZATION)
    (same_answer,) = answers(*cni(CNI, CNI), same(kind, "guard", {"content": "{}"}))
    assert same_answer.verdict is Verdict.works


def test_a_role_that_only_an_attachment_names_may_not_trust_the_plugin() -> None:
    of_aws = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"
    values = {"policy_arn": of_aws, "users": [], "groups": []}
    sides = ({**values, "roles": roles} for roles in (["a", "other"], ["other"]))
    every = answers(resource("aws_iam_policy_attachment", "p", *sides))
    assert (Verdict.unknown, AnswerReason.TRUST) in {(a.verdict, a.reason) for a in every}
    assert Verdict.works not in {a.verdict for a in every}


def test_a_policy_that_is_written_otherwise_takes_nothing_from_the_plugin() -> None:
    statements = json.loads(CNI)["Statement"]
    assert not about_calls(*cni(CNI, document(*reversed(statements))))
    split = [{**s, "Action": action} for s in statements for action in [*s["Action"]]]
    assert not about_calls(*cni(CNI, document(*split[:15])))


def test_interfaces_keep_the_tag_of_another_cluster_name() -> None:
    def named(name: str) -> Json:
        values = json.dumps({"env": {"CLUSTER_NAME": name}})
        return {**V1_23, "configuration_values": values}

    changes = [*own_role("cni", irsa(), scoped()), addon(named("old"), named("prod"))]
    assert "plugin-permission-missing" not in levels(about_calls(*changes))
    changes = [*own_role("cni", irsa(), scoped()), addon(named("prod"), named("old"))]
    assert levels(about_calls(*changes))["plugin-permission-missing"] == "error"


def test_a_boundary_that_the_plan_does_not_show_leaves_the_answer_open() -> None:
    role, *policies = own_role("cni", irsa(), CNI)
    values = {**role["change"]["after"], "permissions_boundary": policy_arn("elsewhere")}
    limited = same("aws_iam_role", "cni", values)
    (answer,) = answers(limited, *policies, addon(V1_23, V1_23))
    assert (answer.verdict, answer.reason) == (Verdict.unknown, AnswerReason.LIMIT)


def test_each_reason_of_an_answer_has_its_words() -> None:
    losses = (
        *(IdentityEvent.NO_ARN, IdentityEvent.ROLE_GONE, IdentityEvent.AGENT_REMOVED),
        *(IdentityEvent.OTHER_ISSUER, IdentityEvent.NOT_TRUSTED, IdentityEvent.NOT_ALLOWED),
        IdentityEvent.OLD_VERSION,
    )
    assert {*REASONS} == {*AnswerReason, *NodeLoss, *NodeNeed, *NodePart, *losses}
    (answer,) = answers(*cni(CNI, CNI))
    for reason in REASONS:
        assert shown_plugin(replace(answer, verdict=Verdict.fails, reason=reason)).answer


@pytest.mark.parametrize("before", [V1_23, None])
def test_two_resources_that_install_the_plugin_in_a_cluster_are_no_works(
    before: Json | None,
) -> None:
    roles = own_role("cni", irsa(), CNI)
    second = addon(before, V1_23, address="aws_eks_addon.second")
    for answer in answers(*roles, addon(V1_23, V1_23), second):
        assert (answer.verdict, answer.reason) == (Verdict.unknown, AnswerReason.SEVERAL)
    newly = {"plugin-configuration-changed": "warning"} if before is None else {}
    review = reviewed(*roles, addon(V1_23, V1_23), second)
    assert levels(review).items() >= newly.items() and review.failed is (before is None)
    # One that takes the place of another is alone.
    (answer,) = answers(
        *roles, addon(V1_23, None), addon(None, V1_23, address="aws_eks_addon.second")
    )
    assert answer.verdict is Verdict.works


def test_there_is_an_answer_for_each_role_of_the_plugin_that_no_cluster_names() -> None:
    roles = [*own_role("a", irsa(), CNI), *own_role("b", irsa(), without("ec2:DescribeSubnets"))]
    other = own_role("other", irsa(subject="system:serviceaccount:a:b"), document(allow("s3:*")))
    every = answers(*roles, *other)
    assert [answer.verdict for answer in every] == [Verdict.works, Verdict.fails]
    assert not any(answer.needs.is_of_cluster for answer in every)


def test_a_part_that_is_known_after_apply_is_the_answers_and_no_finding_of_a_new_role() -> None:
    statement = {"effect": "Allow", "actions": ["ec2:*"], "resources": [None]}
    source = deferred({"statement": [statement]}, unknown={"statement": [{"resources": [True]}]})
    values = {"name": "cni", "arn": arn_of("cni"), "assume_role_policy": irsa()}
    base = document(allow(["ec2:AssignPrivateIpAddresses", "ec2:Describe*"]))
    later = block("aws_iam_role_policy.cni-p", policy=refers(f"{DOCUMENT}.json"))
    changes = [source, resource("aws_iam_role", "cni", None, values)]
    changes += [of_cni(None, LATER, "p"), of_cni(None, base, "b"), addon(None, V1_23)]
    configuration = configured(later)
    findings = about_calls(*changes, configuration=configuration)
    assert not of_rule(findings, "plugin-permission-missing")
    (answer,) = answers(*changes, configuration=configuration)
    assert (answer.verdict, answer.reason) == (Verdict.unknown, AnswerReason.LATER)


def test_a_managed_policy_that_nobody_of_the_plan_has_is_judged_by_itself() -> None:
    findings = about_calls(policy("cni", CNI, without("ec2:DescribeSubnets")))
    assert levels(findings) == {"coverage-lost": "error"}
    assert levels(about_calls(policy("cni", None, without("ec2:DescribeSubnets")))) == {
        "coverage-lacking": "warning"
    }
    assert not about_calls(policy("cni", None, CNI))
    assert not about_calls(role("x", None, irsa()))


def test_a_policy_that_one_resource_removes_and_another_keeps_counts_as_lost() -> None:
    stays = attached(policy_arn("cni"), role="cni", block="stays")
    goes = attached(policy_arn("cni"), role="cni", block="goes", after=False)
    changes = [*own_role("cni", irsa()), addon(V1_23, V1_23), managed(CNI, CNI, "cni"), stays, goes]
    assert levels(about_calls(*changes))["coverage-lost"] == "error"
    (answer,) = answers(*changes)
    assert (answer.verdict, answer.reason) == (Verdict.fails, AnswerReason.MISSING)


def test_no_part_of_a_sensitive_policy_is_shown() -> None:
    secret = document(
        allow("ec2:*"),
        deny("ec2:*", Condition={"StringEquals": {"aws:RequestedRegion": "sa-east-1"}}),
    )
    hidden = {"before_sensitive": {"policy": True}, "after_sensitive": {"policy": True}}
    changes = [
        *own_role("cni", irsa()),
        addon(V1_23, V1_23),
        inline(CNI, secret, role="cni", **hidden),
    ]
    for finding in about_calls(*changes):
        assert "sa-east-1" not in " ".join((finding.message, *finding.details, finding.fix))
    roles = [role for answer in answers(*changes) for role in answer.needs.roles]
    assert roles and all(not call.region for role in roles for call in role.missing or ())


@pytest.mark.parametrize(
    ("before", "reason", "lost"),
    [(CNI, AnswerReason.AMBIGUOUS, None), (None, AnswerReason.POLICY, "warning")],
)
def test_a_policy_of_one_of_two_roles_may_not_be_that_of_the_plugin(
    before: str | None, reason: AnswerReason, lost: str | None
) -> None:
    """aws-node has role `cni`; a policy names the role by a name that another account has, too."""
    other = same("aws_iam_role", "other", {"name": "cni", "assume_role_policy": NODE_TRUST})
    own = {"aws_iam_role.cni": "aws.one", "aws_iam_role.other": "aws.two"}
    providers = {
        **own,
        "aws_iam_role_policy.cni-i": "aws.three",
        "aws_iam_role_policy.j": "aws.one",
    }
    blocks = configured(*(block(address, provider=p) for address, p in providers.items()))
    goes = [] if before else [inline(CNI, None, "j", role="cni")]
    changes = [*cni(before, CNI), other, *goes]
    answer, *_ = answers(*changes, configuration=blocks)
    assert (answer.verdict, answer.reason) == (Verdict.unknown, reason)
    assert levels(about_calls(*changes, configuration=blocks)).get("coverage-lost") == lost
