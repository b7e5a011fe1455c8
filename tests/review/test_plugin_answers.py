"""What the plugin cannot call after a plan, and the answer whether it works."""

import json
from typing import Any

import pytest

from eks import CNI, NODE_TRUST, addon, arn_of, irsa, node_group, own_role, same
from plugin_setup import V1_23, about_calls, of_cni, of_rule, scoped, without
from synthetic import (
    DOCUMENT,
    Json,
    allow,
    attachment,
    block,
    configured,
    context,
    deferred,
    deny,
    document,
    inline,
    levels,
    policy,
    policy_arn,
    refers,
    resource,
    role,
)
from vpc_cni_iam.review.diff.plugin.answers import (
    AnswerReason,
    AnswerVerdict,
    PluginAnswer,
    Reason,
    plugin_answers,
)
from vpc_cni_iam.review.diff.plugin.identity import IdentityEvent
from vpc_cni_iam.review.diff.plugin.judged import VersionSource
from vpc_cni_iam.review.options import Options
from vpc_cni_iam.review.report.plugins import shown_plugin

V1_21 = {**V1_23, "addon_version": "v1.21.2-eksbuild.1"}
CLUSTER = "arn:aws:eks:eu-west-1:111122223333:cluster/prod"


def cni(before: str | None, after: str | None, *more: Json) -> list[Json]:
    """The plugin's role, whose policy changes, in a cluster whose Region is known."""
    cluster = {"name": "prod", "arn": CLUSTER}
    own = [*own_role("cni", irsa()), same("aws_eks_cluster", "prod", cluster)]
    return [*own, addon(V1_23, V1_23), of_cni(before, after), *more]


def answers(*changes: Json, **more: Any) -> tuple[PluginAnswer, ...]:
    return plugin_answers(context(*changes, **more))


def test_a_call_that_a_policy_allowed_is_lost_with_what_that_breaks_and_a_fix() -> None:
    (finding,) = about_calls(*cni(CNI, without("ec2:DescribeSubnets")))
    assert (finding.rule, finding.level, finding.address) == (
        "coverage-lost",
        "error",
        "aws_iam_role.cni",
    )
    assert "v1.23.2 (IPv4) can no longer call ec2:DescribeSubnets" in finding.message
    assert finding.fix == "Allow ec2:DescribeSubnets in aws_iam_role_policy.cni-i"
    assert not finding.details  # the message has all of it


def test_of_many_calls_the_message_names_those_that_break_most() -> None:
    (finding, *_) = about_calls(*cni(CNI, document(allow("s3:*"))))
    assert "ec2:AssignPrivateIpAddresses, ec2:CreateTags and 7 more" in finding.message
    # With those that only clean up, of which the details have all.
    assert "ec2:AssignPrivateIpAddresses, ec2:CreateTags and 10 more" in finding.fix
    named = [line.rpartition("ec2:")[2].partition(":")[0] for line in finding.details]
    assert {"DescribeSubnets", "UnassignPrivateIpAddresses"} <= {*named}
    assert sum(line.count("ec2:") for line in finding.details) == 12
    # What follows is said for the version that is judged.
    assert "no pod gets an address, and ipamd exits at start" in finding.message
    assert "v1.6.0" not in f"{finding}"


def test_a_policy_that_is_written_otherwise_takes_nothing_from_the_plugin() -> None:
    statements = json.loads(CNI)["Statement"]
    assert not about_calls(*cni(CNI, document(*reversed(statements))))
    split = [{**s, "Action": action} for s in statements for action in [*s["Action"]]]
    assert not about_calls(*cni(CNI, document(*split[:15])))


def test_a_policy_of_the_role_that_is_not_shown_may_allow_what_is_lost() -> None:
    arn = "arn:aws:iam::111122223333:policy/other"
    changes = cni(CNI, without("ec2:DescribeSubnets"), attachment("cni", arn))
    (finding,) = of_rule(about_calls(*changes), "coverage-lost")
    assert finding.level == "warning" and f"unless {arn} allows it" in finding.message
    (answer,) = answers(*changes)
    assert (answer.verdict, answer.reason) == (AnswerVerdict.NOT_SHOWN, AnswerReason.POLICY)
    # A Deny counts whatever else is allowed.
    denied = [*cni(CNI, CNI, attachment("cni", arn)), of_cni(None, document(deny("ec2:*")), "d")]
    assert levels(about_calls(*denied))["coverage-lost"] in ("error", "warning")
    assert any(f.level == "error" for f in about_calls(*denied))


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        (V1_21, V1_23, "plugin-permission-missing"),
        (V1_23, V1_23, None),
        (None, V1_23, "plugin-permission-missing"),
    ],
)
def test_a_version_that_calls_more_than_its_role_allows_is_an_error(
    before: Json | None, after: Json, rule: str | None
) -> None:
    text = without("ec2:DescribeSubnets")
    changes = [*own_role("cni", irsa(), text), addon(before, after)]
    findings = [f for f in about_calls(*changes) if f.level != "note"]
    assert [f.rule for f in findings] == ([rule] if rule else [])
    assert all(f.level == "error" and "ec2:DescribeSubnets" in f.message for f in findings)
    (answer,) = answers(*changes)
    assert (answer.verdict, answer.reason) == (AnswerVerdict.FAILS, AnswerReason.MISSING)
    assert shown_plugin(answer).missing[0] == "ec2:DescribeSubnets"


def test_a_new_role_with_which_a_node_does_not_start_is_an_error_where_the_plan_gives_it() -> None:
    values = {"name": "cni", "arn": arn_of("cni"), "assume_role_policy": irsa()}
    made = [
        resource("aws_iam_role", "cni", None, values),
        of_cni(None, without("ec2:DescribeSubnets")),
    ]
    assert levels(about_calls(*made, addon(V1_23, V1_23))) == {"plugin-permission-missing": "error"}
    # Without a cluster, another plan may add a policy before aws-node gets the role.
    assert levels(about_calls(*made)) == {"coverage-lacking": "warning"}


def test_what_was_missing_before_is_a_warning_where_the_plugin_changes_and_else_a_note() -> None:
    text = without("ec2:DescribeSubnets")
    role = own_role("cni", irsa(), text)
    before = {**V1_23, "addon_version": "v1.23.1-eksbuild.1"}
    (finding,) = about_calls(*role, addon(before, V1_23))
    assert (finding.rule, finding.level) == ("plugin-permission-missing", "warning")
    assert finding.message.startswith("As before, the plugin")
    more = document(*json.loads(text)["Statement"], allow("ec2:DescribeTags"))
    (finding,) = about_calls(*own_role("cni", irsa()), of_cni(text, more))
    assert (finding.rule, finding.level) == ("coverage-lacking", "note")


def test_variables_of_the_plugin_decide_what_it_calls() -> None:
    logs = {"nodeAgent": {"enableCloudWatchLogs": "true"}}
    after = {**V1_23, "configuration_values": json.dumps(logs)}
    (finding,) = of_rule(
        about_calls(*own_role("cni", irsa(), CNI), addon(V1_23, after)), "plugin-permission-missing"
    )
    assert "logs:" in finding.message
    tags = {"env": {"ADDITIONAL_ENI_TAGS": '{"team": "net"}'}}
    after = {**V1_23, "configuration_values": json.dumps(tags)}
    text = json.loads(scoped())
    for statement in text["Statement"]:  # only the plugin's own tags
        if statement["Action"] == ["ec2:CreateTags"] or statement["Action"] == "ec2:CreateTags":
            keys = {"aws:TagKeys": ["cluster.k8s.amazonaws.com/name", "node.k8s.amazonaws.com/*"]}
            statement["Condition"] = {"ForAllValues:StringLike": keys}
    limited = own_role("cni", irsa(), json.dumps(text))
    assert of_rule(about_calls(*limited, addon(V1_23, after)), "plugin-permission-missing")


def test_interfaces_keep_the_tag_of_another_cluster_name() -> None:
    def named(name: str) -> Json:
        values = json.dumps({"env": {"CLUSTER_NAME": name}})
        return {**V1_23, "configuration_values": values}

    changes = [*own_role("cni", irsa(), scoped()), addon(named("old"), named("prod"))]
    assert "plugin-permission-missing" not in levels(about_calls(*changes))
    changes = [*own_role("cni", irsa(), scoped()), addon(named("prod"), named("old"))]
    assert levels(about_calls(*changes))["plugin-permission-missing"] == "error"


def test_the_answer_names_version_mode_and_identity() -> None:
    (answer,) = answers(*cni(CNI, CNI))
    needs, cluster = answer.needs, answer.needs.plugin.cluster
    assert (answer.verdict, answer.reason, needs.roles[0].missing) == ("works", None, ())
    assert (str(needs.after.version), needs.source, needs.mode) == ("v1.23.2", "plan", "ipv4")
    assert (cluster.name, cluster.region) == ("prod", "eu-west-1")
    unknown = {**V1_23, "addon_version": None}
    (answer,) = answers(*own_role("cni", irsa(), CNI), addon(None, unknown))
    assert answer.needs.source is VersionSource.ASSUMED
    chosen = context(*cni(CNI, CNI))
    chosen.options = Options(version=needs.after.version, mode="ipv6")
    (answer,) = plugin_answers(chosen)
    assert (answer.verdict, answer.needs.source, answer.needs.mode) == ("fails", "option", "ipv6")


def limited(boundary: str) -> list[Json]:
    """The plugin's role, which a boundary limits."""
    role, *policies = own_role("cni", irsa(), CNI)
    values = {**role["change"]["after"], "permissions_boundary": policy_arn(boundary)}
    return [same("aws_iam_role", "cni", values), *policies]


@pytest.mark.parametrize(
    ("changes", "verdict", "reason"),
    [
        ([addon(V1_23, V1_23)], AnswerVerdict.NOT_SHOWN, AnswerReason.ROLE),
        ([addon(V1_23, None)], AnswerVerdict.FAILS, AnswerReason.REMOVED),
        (
            [*limited("elsewhere"), addon(V1_23, V1_23)],
            AnswerVerdict.NOT_SHOWN,
            AnswerReason.LIMIT,
        ),
        (
            [*own_role("cni", irsa(subject="system:serviceaccount:a:b"), CNI), addon(V1_23, V1_23)],
            AnswerVerdict.FAILS,
            IdentityEvent.NOT_TRUSTED,
        ),
        (
            [
                addon(V1_23, V1_23),
                resource(
                    "aws_iam_role", "cni", own_role("cni", irsa())[0]["change"]["after"], None
                ),
            ],
            AnswerVerdict.FAILS,
            IdentityEvent.ROLE_GONE,
        ),
    ],
)
def test_the_answer_says_why_the_plugin_does_not_work_or_why_that_is_not_shown(
    changes: list[Json], verdict: AnswerVerdict, reason: Reason
) -> None:
    (answer,) = answers(*changes)
    assert (answer.verdict, answer.reason) == (verdict, reason)


@pytest.mark.parametrize("before", [V1_23, None])
def test_two_resources_that_install_the_plugin_in_a_cluster_are_no_works(
    before: Json | None,
) -> None:
    roles = own_role("cni", irsa(), CNI)
    second = addon(before, V1_23, address="aws_eks_addon.second")
    for answer in answers(*roles, addon(V1_23, V1_23), second):
        assert (answer.verdict, answer.reason) == (AnswerVerdict.NOT_SHOWN, AnswerReason.SEVERAL)
    # One that takes the place of another is alone.
    (answer,) = answers(
        *roles, addon(V1_23, None), addon(None, V1_23, address="aws_eks_addon.second")
    )
    assert answer.verdict is AnswerVerdict.WORKS


def test_there_is_an_answer_for_each_role_of_the_plugin_that_no_cluster_names() -> None:
    roles = [*own_role("a", irsa(), CNI), *own_role("b", irsa(), without("ec2:DescribeSubnets"))]
    other = own_role("other", irsa(subject="system:serviceaccount:a:b"), document(allow("s3:*")))
    every = answers(*roles, *other)
    assert [answer.verdict for answer in every] == [AnswerVerdict.WORKS, AnswerVerdict.FAILS]
    assert not any(answer.needs.is_of_cluster for answer in every)


def test_the_role_of_nodes_is_judged_where_the_plugin_has_no_other() -> None:
    (nodes,) = own_role("n", NODE_TRUST)
    loses = inline(CNI, document(), role="n")
    group = node_group("n", "n")
    findings = about_calls(nodes, loses, group)
    assert {f.level for f in of_rule(findings, "coverage-lost")} == {"error"}
    own = [*own_role("cni", irsa(), CNI), addon(V1_23, V1_23)]
    assert not of_rule(about_calls(nodes, loses, group, *own), "coverage-lost")


def test_a_part_that_is_known_after_apply_is_the_answers_and_no_finding_of_a_new_role() -> None:
    statement = {"effect": "Allow", "actions": ["ec2:*"], "resources": [None]}
    source = deferred({"statement": [statement]}, unknown={"statement": [{"resources": [True]}]})
    values = {"name": "cni", "arn": arn_of("cni"), "assume_role_policy": irsa()}
    text = resource(
        "aws_iam_role_policy",
        "p",
        None,
        {"name": "p", "role": "cni"},
        after_unknown={"policy": True},
    )
    base = document(allow(["ec2:AssignPrivateIpAddresses", "ec2:Describe*"]))
    configuration = configured(block("aws_iam_role_policy.p", policy=refers(f"{DOCUMENT}.json")))
    changes = [source, resource("aws_iam_role", "cni", None, values), text]
    changes += [of_cni(None, base, "b"), addon(None, V1_23)]
    findings = about_calls(*changes, configuration=configuration)
    assert not of_rule(findings, "plugin-permission-missing")
    (answer,) = answers(*changes, configuration=configuration)
    assert (answer.verdict, answer.reason) == (AnswerVerdict.NOT_SHOWN, AnswerReason.LATER)


def test_a_managed_policy_that_nobody_of_the_plan_has_is_judged_by_itself() -> None:
    findings = about_calls(policy("cni", CNI, without("ec2:DescribeSubnets")))
    assert levels(findings) == {"coverage-lost": "error"}
    assert levels(about_calls(policy("cni", None, without("ec2:DescribeSubnets")))) == {
        "coverage-lacking": "warning"
    }
    assert not about_calls(policy("cni", None, CNI))
    assert not about_calls(role("x", None, irsa()))


def test_a_policy_that_one_resource_removes_and_another_keeps_counts_as_lost() -> None:
    values = {"role": "cni", "policy_arn": "arn:aws:iam::111122223333:policy/cni"}
    managed = {"name": "cni", "arn": values["policy_arn"], "policy": CNI}
    changes = [
        *own_role("cni", irsa()),
        addon(V1_23, V1_23),
        same("aws_iam_policy", "cni", managed),
        attachment("cni", values["policy_arn"], name="stays"),
        attachment("cni", values["policy_arn"], name="goes", sides=(values, None)),
    ]
    assert {f.level for f in of_rule(about_calls(*changes), "coverage-lost")} == {"error"}
    (answer,) = answers(*changes)
    assert (answer.verdict, answer.reason) == (AnswerVerdict.FAILS, AnswerReason.MISSING)


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


def test_there_is_no_answer_where_eks_auto_mode_has_all_nodes() -> None:
    auto = {"name": "prod", "compute_config": [{"enabled": True}]}
    cluster = same("aws_eks_cluster", "prod", auto)
    assert not answers(cluster, addon(V1_23, None))
    (answer,) = answers(cluster, addon(V1_23, None), node_group("n", "n"))
    assert (answer.verdict, answer.reason) == (AnswerVerdict.FAILS, AnswerReason.REMOVED)
