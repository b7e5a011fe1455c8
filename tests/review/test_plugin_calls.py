"""Which calls of the plugin policies allow, and which a change of policies or settings denies."""

import json

import pytest
from msgspec.structs import replace

from eks import addon, irsa, own_role
from plugin_setup import V1_23, hardened
from synthetic import Json, allow, deny, inline, parsed, reviewed
from vpc_cni_iam.catalog import variants
from vpc_cni_iam.catalog.facts.documents import managed_policy, revisions
from vpc_cni_iam.catalog.facts.known_versions import newest
from vpc_cni_iam.plugin.settings import PluginSettings
from vpc_cni_iam.review.diff.permissions import Permissions
from vpc_cni_iam.review.diff.plugin.calls import (
    MissingCall,
    by_action,
    plugin_calls,
)
from vpc_cni_iam.review.diff.plugin.judged import JudgedPlugin

NEWEST = JudgedPlugin(newest())
CNI = managed_policy()
(_IPV6,) = variants.find(("ipv6",))
SIX = _IPV6.document(revisions()[-1])
REFUSED = parsed(allow("ec2:*", Condition={"Is": {"aws:ResourceTag/team": "blue"}}))


def test_a_policy_that_iam_refuses_has_no_answer() -> None:
    for role in (Permissions((REFUSED,)), Permissions((CNI,), ((REFUSED,),))):
        refused = plugin_calls(role, NEWEST, [role.policies])
        assert refused.is_refused and refused.verdict == "unknown"


def test_the_ip_family_is_that_of_the_policies_unless_the_plan_or_an_option_says_it() -> None:
    role = Permissions((CNI,))
    of_ipv6 = plugin_calls(role, NEWEST, [(SIX,)])
    assert {c.action for c in of_ipv6.missing} == {"ec2:AssignIpv6Addresses"}
    chosen = plugin_calls(role, replace(NEWEST, mode="ipv4"), [(SIX,)])
    assert not chosen.missing
    for refused in (REFUSED, parsed(allow("AssignIpv6Addresses"))):
        assert NEWEST.mode_for([refused]) == "ipv4"


def missing(*statements: Json, judged: JudgedPlugin = NEWEST) -> dict[str, MissingCall]:
    policies = (parsed(*statements),)
    result = plugin_calls(Permissions(policies), judged, [policies])
    return {call.action: call for call in by_action(result.missing)}


@pytest.mark.parametrize(
    ("kind", "is_fatal", "about"),
    [
        ("instance", True, "new interface"),
        ("network-interface", True, ""),
        ("security-group", False, ""),
    ],
)
def test_an_action_that_is_denied_on_some_resources_says_on_which(
    kind: str, about: str, *, is_fatal: bool
) -> None:
    denied = "ec2:ModifyNetworkInterfaceAttribute"
    (call,) = missing(allow("ec2:*"), deny(denied, f"arn:aws:ec2:*:*:{kind}/*")).values()
    assert (call.action, call.is_fatal, call.on) == (denied, is_fatal, about)


def test_variables_decide_what_the_plugin_calls_unless_it_ignores_them() -> None:
    denied = (allow("ec2:*"), deny("ec2:DescribeSubnets"))
    assert missing(*denied)["ec2:DescribeSubnets"].is_fatal
    ignored = {"NOT_A_VARIABLE": "x", "WARM_ENI_TARGET": "x"}
    off = {"ENABLE_SUBNET_DISCOVERY": "false"}
    for environment, is_fatal in ((off, False), (ignored | off, False), (ignored, True)):
        judged = replace(NEWEST, settings=PluginSettings(environment=environment))
        call = missing(*denied, judged=judged)["ec2:DescribeSubnets"]
        assert call.is_fatal is is_fatal


def test_the_vpc_of_the_cluster_decides_whether_a_policy_is_for_it() -> None:
    own, other = "vpc-0123456789abcdef0", "vpc-0123456789abcdef1"
    condition = {"ArnLike": {"ec2:Vpc": f"arn:aws:ec2:*:*:vpc/{own}"}}
    denied = (allow("ec2:*"), deny("ec2:AttachNetworkInterface", Condition=condition))
    for vpc, expected in ((own, {"ec2:AttachNetworkInterface"}), (other, set())):
        judged = replace(NEWEST, names={"vpc_id": vpc})
        assert missing(*denied, judged=judged).keys() == expected


@pytest.mark.parametrize(("kind", "prefix"), [("subnet", "subnet"), ("security-group", "sg")])
def test_a_deny_of_a_subnet_or_group_that_may_be_the_clusters_is_open(
    kind: str, prefix: str
) -> None:
    own, other = f"{prefix}-0123456789abcdef0", f"{prefix}-0123456789abcdef1"
    create = "ec2:CreateNetworkInterface"
    denied = (allow("ec2:*"), deny(create, f"arn:aws:ec2:*:*:{kind}/{other}"))
    assert missing(*denied)[create].undecided
    parameter = f"{kind.replace('-', '_')}_id"
    judged = replace(NEWEST, places={parameter: (own, other)})
    assert missing(*denied, judged=judged)[create].is_denied
    # A node may have more groups than the plan says, and no other subnet.
    judged = replace(NEWEST, places={parameter: (own,)})
    call = missing(*denied, judged=judged).get(create)
    assert call.undecided if call else kind == "subnet"


def with_policy(before: str | None, after: str) -> list[Json]:
    return [*own_role("cni", irsa()), inline(before, after, role="cni")]


def with_env(**env: str) -> Json:
    return {**V1_23, "configuration_values": json.dumps({"env": env})}


def about_plugin(*changes: Json) -> list[str]:
    review = reviewed(*changes)
    names = ("coverage-", "plugin-")
    return [f.rule for f in review.findings if f.rule.startswith(names) and f.level != "note"]


def test_a_scoped_policy_that_is_hardened_takes_nothing_from_the_plugin() -> None:
    changes = with_policy(hardened(), hardened("--harden"))
    assert not about_plugin(*changes, addon(with_env(), with_env()))
    new = with_policy(None, hardened("--harden"))
    assert not about_plugin(*new, addon(None, with_env()))


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        ({"CLUSTER_NAME": "old"}, {"CLUSTER_NAME": "prod"}, "plugin-configuration-changed"),
        ({}, {"CLUSTER_NAME": "prod"}, None),
        ({}, {"ADDITIONAL_ENI_TAGS": '{"team": "net"}'}, "plugin-permission-missing"),
    ],
)
def test_a_setting_of_the_plugin_that_a_hardened_policy_does_not_allow_is_found(
    before: dict[str, str], after: dict[str, str], rule: str | None
) -> None:
    text = hardened("--harden")
    findings = about_plugin(*with_policy(text, text), addon(with_env(**before), with_env(**after)))
    assert bool(findings) == (rule is not None) and rule in (None, *findings)
