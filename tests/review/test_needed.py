"""What a change of policies, and of what limits them, does to what the plugin needs."""

import pytest
from vpc_cni_iam.review.diff.coverage import (
    ReviewTarget,
    coverage_change,
    missing_permissions,
    mode_for,
)
from vpc_cni_iam.review.diff.verdicts import MissingPermission

from synthetic import WANTED, Json, allow, parsed
from vpc_cni_iam.catalog import variants
from vpc_cni_iam.catalog.facts.documents import managed_policy, revisions
from vpc_cni_iam.policy.document import Policy


def deny(action: str, on: str = "*", **more: Json) -> Json:
    return {**allow(action, on, **more), "Effect": "Deny"}


def on(kind: str) -> str:
    return f"arn:aws:ec2:*:*:{kind}/*"


CNI = managed_policy()
(_IPV6,) = variants.find(("ipv6",))
SIX = _IPV6.document(revisions()[-1])
ALL, DESCRIBE = parsed(allow("ec2:*")), parsed(allow("ec2:Describe*"))
WITHOUT_TAGS = parsed(allow("ec2:*"), deny("ec2:CreateTags"))
REFUSED = parsed(allow("ec2:*", Condition={"Is": {"aws:ResourceTag/team": "blue"}}))
CHANGING = (
    *("AssignPrivateIpAddresses", "AttachNetworkInterface", "CreateNetworkInterface"),
    *("CreateTags", "DeleteNetworkInterface", "DetachNetworkInterface"),
    *("ModifyNetworkInterfaceAttribute", "UnassignPrivateIpAddresses"),
)
DESCRIBING = ("Instances", "InstanceTypes", "NetworkInterfaces", "Subnets")
CHANGES = {f"ec2:{name}" for name in CHANGING}
ALL_CALLS = CHANGES | {f"ec2:Describe{name}" for name in DESCRIBING}
NONE: set[str] = set()
TAGS = {"ec2:CreateTags", "ec2:CreateNetworkInterface"}
Limits = tuple[list[Policy], list[Policy]]


@pytest.mark.parametrize(
    ("before", "after", "limits", "lost", "lacking", "gained"),
    [
        ([CNI], [CNI], ([], []), NONE, NONE, NONE),
        ([], [CNI], ([], []), NONE, NONE, ALL_CALLS),
        ([CNI], [], ([], []), ALL_CALLS, ALL_CALLS, NONE),
        ([], [], ([], []), NONE, ALL_CALLS, NONE),
        ([], [DESCRIBE], ([], []), NONE, CHANGES, ALL_CALLS - CHANGES),
        ([DESCRIBE], [CNI], ([], []), NONE, NONE, CHANGES),
        ([ALL], [WITHOUT_TAGS], ([], []), TAGS, TAGS, NONE),
        ([WITHOUT_TAGS], [DESCRIBE], ([], []), CHANGES - TAGS, CHANGES, NONE),
        ([CNI], [CNI], ([], [DESCRIBE]), CHANGES, CHANGES, NONE),
        ([CNI], [CNI], ([DESCRIBE], []), NONE, NONE, CHANGES),
        ([CNI], [CNI], ([ALL], [ALL, DESCRIBE]), CHANGES, CHANGES, NONE),
        ([CNI], [CNI], ([ALL], [DESCRIBE, ALL]), CHANGES, CHANGES, NONE),
        ([CNI], [CNI], ([DESCRIBE], [DESCRIBE]), NONE, CHANGES, NONE),
        ([DESCRIBE], [DESCRIBE], ([], [ALL]), NONE, CHANGES, NONE),
        ([CNI], [CNI], ([], [WITHOUT_TAGS]), TAGS, TAGS, NONE),
    ],
)
def test_what_a_change_takes_from_the_plugin_and_gives_it(
    before: list[Policy],
    after: list[Policy],
    limits: Limits,
    lost: set[str],
    lacking: set[str],
    gained: set[str],
) -> None:
    change = coverage_change(before, after, WANTED, limits)
    assert change and (change.version, change.mode) == (str(WANTED.version), "ipv4")
    assert {lack.action for lack in change.lost} == lost
    assert {lack.action for lack in change.lacking} == lacking
    assert {*change.gained} == gained


def test_what_iam_refuses_is_not_asked() -> None:
    assert coverage_change([CNI], [REFUSED], WANTED) is None
    assert coverage_change([REFUSED], [CNI], WANTED) is None
    assert coverage_change([CNI], [CNI], WANTED, ([], [REFUSED])) is None
    assert missing_permissions((REFUSED,), WANTED, ()) is None
    assert missing_permissions((CNI,), WANTED, [REFUSED]) is None
    for refused in (REFUSED, parsed(allow("AssignIpv6Addresses"))):
        assert mode_for([refused], WANTED) == "ipv4"


def test_the_ip_family_is_that_of_the_policies_before_unless_one_is_chosen() -> None:
    change = coverage_change([SIX], [CNI], WANTED)
    assert change and change.mode == "ipv6"
    assert [lack.action for lack in change.lost] == ["ec2:AssignIpv6Addresses"]
    chosen = coverage_change([SIX], [CNI], ReviewTarget(WANTED.version, "ipv4"))
    assert chosen and chosen.mode == "ipv4" and not chosen.lost
    come = coverage_change([], [SIX], WANTED)
    assert come and come.mode == "ipv6"


def missing(*statements: Json, target: ReviewTarget = WANTED) -> dict[str, MissingPermission]:
    lacks = missing_permissions((parsed(*statements),), target, ())
    assert lacks is not None
    return {lack.action: lack for lack in lacks}


def test_the_gravest_denial_of_an_action_is_said_first() -> None:
    lacks = list(missing(allow("s3:*")).values())
    impacts = [lack.impact for lack in lacks]
    assert impacts == sorted(impacts, reverse=True) and {*impacts} == {"fatal", "degraded"}
    for impact in ("fatal", "degraded"):
        actions = [lack.action for lack in lacks if lack.impact == impact]
        assert actions == sorted(actions)
    assert {lack.action for lack in lacks} == ALL_CALLS
    assert not any(lack.undecided or lack.on for lack in lacks)


@pytest.mark.parametrize(
    ("kind", "impact", "about"),
    [
        ("instance", "fatal", "new interface"),
        ("network-interface", "fatal", ""),
        ("security-group", "degraded", ""),
    ],
)
def test_an_action_that_is_denied_on_some_things_alone_says_on_which(
    kind: str, impact: str, about: str
) -> None:
    denied = "ec2:ModifyNetworkInterfaceAttribute"
    (lack,) = missing(allow("ec2:*"), deny(denied, on(kind))).values()
    assert (lack.action, lack.impact, lack.on) == (denied, impact, about)


def test_the_environment_decides_what_the_plugin_needs_and_what_it_ignores_does_not() -> None:
    denied = (allow("ec2:*"), deny("ec2:DescribeSubnets"))
    assert missing(*denied)["ec2:DescribeSubnets"].impact == "fatal"
    ignored = (("NOT_A_VARIABLE", "x"), ("WARM_ENI_TARGET", "x"))
    for environment, impact in (
        ((("ENABLE_SUBNET_DISCOVERY", "false"),), "degraded"),
        ((*ignored, ("ENABLE_SUBNET_DISCOVERY", "false")), "degraded"),
        (ignored, "fatal"),
    ):
        target = ReviewTarget(WANTED.version, environment=environment)
        assert missing(*denied, target=target)["ec2:DescribeSubnets"].impact == impact


def test_the_vpc_of_the_cluster_decides_whether_a_policy_is_for_it() -> None:
    own, other = "vpc-0123456789abcdef0", "vpc-0123456789abcdef1"
    condition = {"ArnLike": {"ec2:Vpc": f"arn:aws:ec2:*:*:vpc/{own}"}}
    denied = (allow("ec2:*"), deny("ec2:AttachNetworkInterface", Condition=condition))
    for vpc, expected in ((own, {"ec2:AttachNetworkInterface"}), (other, NONE)):
        target = ReviewTarget(WANTED.version, vpc_id=vpc)
        assert missing(*denied, target=target).keys() == expected
    assert ReviewTarget(WANTED.version, vpc_id=own).has_names and not WANTED.has_names
