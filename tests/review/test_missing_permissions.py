"""How severe and how certain it is what the plugin cannot call, by what the plan shows."""

import json

import pytest

from eks import (
    CNI,
    OF_ACCOUNT,
    POD_TRUST,
    VERSION,
    addon,
    arn_of,
    association,
    irsa,
    own_role,
)
from plugin_setup import at, of_cni, without
from synthetic import (
    LATER,
    Json,
    allow,
    attached,
    deny,
    document,
    inline,
    levels,
    managed,
    policy_arn,
    resource,
    reviewed,
)
from vpc_cni_iam.catalog import variants
from vpc_cni_iam.catalog.facts.documents import revisions
from vpc_cni_iam.policy.document import dumps
from vpc_cni_iam.review.report.shown import ShownFinding

STATEMENTS = json.loads(CNI)["Statement"]
(_IPV6,) = variants.find(("ipv6",))
OLD_IPV6 = dumps(_IPV6.document(revisions()[0]))
ASSIGN, UNASSIGN = "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"
FURTHER = policy_arn("further")
IRSA = {**VERSION, "service_account_role_arn": arn_of("cni")}
MISSING = "plugin-permission-missing"


def denying(*actions: str, **more: Json) -> str:
    return document(*STATEMENTS, deny([*actions], **more))


def created(*items: Json) -> list[Json]:
    return [resource(i["type"], i["name"], None, i["change"]["after"]) for i in items]


def of_rule(rule: str, *changes: Json) -> list[ShownFinding]:
    return [f for f in reviewed(*changes).findings if f.rule == rule]


def further(*, is_new: bool) -> Json:
    """An attachment of a policy that the plan does not show."""
    return attached(FURTHER, role="cni", before=not is_new)


ELSEWHERE = {"Condition": {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}


@pytest.mark.parametrize(
    ("before", "after", "others", "messages"),
    [
        (CNI, without(ASSIGN), [], {f"error can no longer call {ASSIGN}"}),
        (CNI, without(UNASSIGN), [], {f"warning can no longer call {UNASSIGN}"}),
        (CNI, without("ec2:DescribeTags"), [], set()),
        (
            CNI,
            without(ASSIGN, UNASSIGN),
            [],
            {f"error can no longer call {ASSIGN}"},
        ),
        (None, without(ASSIGN, UNASSIGN), [], {f"warning cannot call {ASSIGN}"}),
        (CNI, without(ASSIGN), [further(is_new=True)], {f"warning may no longer call {ASSIGN}"}),
        (
            None,
            without(ASSIGN),
            [further(is_new=True)],
            {f"warning may be unable to call {ASSIGN}"},
        ),
        (CNI, denying(ASSIGN, **ELSEWHERE), [], {f"warning may no longer call {ASSIGN}"}),
        (None, denying(ASSIGN, **ELSEWHERE), [], {f"warning may be unable to call {ASSIGN}"}),
    ],
)
def test_what_the_plugin_loses_is_as_severe_as_it_matters_and_as_sure_as_it_is_known(
    before: str | None, after: str, others: list[Json], messages: set[str]
) -> None:
    change = inline(before, after, "more", role="cni")
    findings = reviewed(*own_role("cni", irsa()), change, *others).findings
    coverage = [f for f in findings if f.rule.startswith("coverage-")]
    texts = {f"{f.level} {f.message.partition('plugin ')[2]}" for f in coverage}
    assert {text.partition(" with ")[0] for text in texts} == messages
    assert not others or all(f"unless {FURTHER} allows it" in f.message for f in coverage)


@pytest.mark.parametrize("operator", ["IpAddress", "NotIpAddress"])
def test_a_deny_by_what_requests_are_not_known_to_carry_is_a_doubt(operator: str) -> None:
    """A plan does not say whether a node's address is in the range."""
    denied = denying("ec2:*", Condition={operator: {"aws:SourceIp": "10.0.0.0/8"}})
    lost = of_rule("coverage-lost", inline(CNI, denied, "cni", role="cni"))
    assert {f.level for f in lost} == {"warning"}
    assert all("may no longer call ec2:" in f.message for f in lost)
    assert any("aws:SourceIp of the request is not known" in d for f in lost for d in f.details)
    update = addon({**IRSA, "addon_version": "v1.21.2-eksbuild.1"}, IRSA)
    missing = of_rule(MISSING, update, *own_role("cni", irsa(), denied))
    assert {f.level for f in missing} == {"warning"}
    assert all("may be unable to call" in f.message for f in missing)


def test_a_policy_that_the_plan_does_not_show_may_allow_what_is_missing() -> None:
    poor = own_role("cni", irsa(), without("ec2:DescribeSubnets"))
    review = reviewed(addon(None, IRSA), *poor, further(is_new=False))
    (missing,) = (f for f in review.findings if f.rule == MISSING)
    assert missing.level == "warning" and f"unless {FURTHER} allows it" in missing.message
    assert review.plugins[0].verdict == "unknown"
    assert f"whether {FURTHER} allows ec2:DescribeSubnets" in review.plugins[0].answer


@pytest.mark.parametrize("text", [None, document(allow("ec2:DescribeTags"))])
def test_what_depends_on_a_policy_that_is_known_after_apply_is_a_warning(text: str | None) -> None:
    """A new cluster's own policy names its VPC, which is known after apply."""
    later = inline(None, LATER, "later", role="cni")
    role = own_role("cni", OF_ACCOUNT, *([text] if text else []))
    plan = (association(None, "cni"), addon(None, {}), *role, later)
    (missing,) = of_rule(MISSING, *plan)
    assert missing.level == "warning" and any("ec2:CreateTags" in d for d in missing.details)
    assert "unless aws_iam_role_policy.later allows it" in missing.message
    assert reviewed(*plan).plugins[0].verdict == "unknown"


@pytest.mark.parametrize(
    ("before", "lacking", "level"),
    [
        (None, "ec2:DeleteNetworkInterface", ""),
        (VERSION, "ec2:DeleteNetworkInterface", "warning"),
        (None, "ec2:CreateNetworkInterface", "error"),
    ],
)
def test_a_new_plugin_is_asked_only_for_what_it_cannot_do_without(
    before: Json | None, lacking: str, level: str
) -> None:
    review = reviewed(addon(before, IRSA), *own_role("cni", irsa(), denying(lacking)))
    assert levels(review).get(MISSING, "") == level


def test_a_role_in_place_of_another_is_asked_for_all_even_if_the_add_on_is_new() -> None:
    poor = own_role("b", POD_TRUST, denying("ec2:DeleteNetworkInterface"))
    roles = (*own_role("a", POD_TRUST, CNI), *poor)
    assert (
        levels(reviewed(addon(None, VERSION), association("a", "b"), *roles))[MISSING] == "warning"
    )


@pytest.mark.parametrize("lost", ["ec2:AssignPrivateIpAddresses", "ec2:AssignIpv6Addresses"])
def test_a_new_add_on_needs_what_its_role_does_not_allow_whatever_the_plan_shows_before(
    lost: str,
) -> None:
    """The plan does not show how aws-node was installed, so it is not known to fail as before."""
    ipv6 = {"configuration_values": '{"env": {"ENABLE_IPv6": "true"}}'} if "v6" in lost else {}
    policies = document(*STATEMENTS, deny([lost]))
    changes = (*own_role("a", POD_TRUST, policies), association("a", "a"))
    review = reviewed(addon(None, VERSION | ipv6), *changes)
    assert levels(review)[MISSING] == "error"
    assert review.plugins[0].answer.startswith("fails with")


def test_a_new_role_that_is_not_aws_nodes_is_judged_beside_the_plugin() -> None:
    others = created(*own_role("b", irsa(), OLD_IPV6))
    own = own_role("cni", irsa(), document(allow("ec2:*")))
    (lacking,) = of_rule("coverage-lacking", addon(IRSA, IRSA), *own, *others)
    assert (lacking.level, lacking.address) == ("warning", "aws_iam_role.b")


def test_first_policies_of_aws_nodes_role_that_lack_a_call_are_a_warning() -> None:
    (role, *policies) = own_role("cni", irsa(), without("ec2:AttachNetworkInterface"))
    review = reviewed(addon(IRSA, IRSA), role, *created(*policies))
    (lacking,) = (f for f in review.findings if f.rule == "coverage-lacking")
    assert lacking.level == "warning" and "ec2:AttachNetworkInterface" in lacking.message
    assert review.plugins[0].answer.startswith("fails as before")


def test_a_role_that_gets_a_permissions_boundary_alone_gets_no_first_policies() -> None:
    values = {"name": "cni", "arn": arn_of("cni"), "assume_role_policy": irsa()}
    bounded = {**values, "permissions_boundary": policy_arn("limit")}
    role = resource("aws_iam_role", "cni", values, bounded)
    review = reviewed(addon(IRSA, IRSA), role, managed(CNI, CNI, "limit"))
    assert review.plugins[0].answer.startswith("fails as before")


@pytest.mark.parametrize(
    ("own", "boundary"), [(deny("ec2:*"), allow("*")), (allow("ec2:*"), allow("s3:GetObject"))]
)
def test_a_new_role_that_is_denied_all_calls_is_an_error(own: Json, boundary: Json) -> None:
    limit = managed(document(boundary), document(boundary), "limit")
    values = {"name": "cni", "assume_role_policy": irsa()}
    values |= {"permissions_boundary": policy_arn("limit")}
    gets = inline(None, document(own), role="cni")
    review = reviewed(resource("aws_iam_role", "cni", None, values), limit, gets)
    assert levels(review)["coverage-lacking"] == "error"
    assert "fails" in {plugin.verdict for plugin in review.plugins}


def test_a_setting_that_decides_nothing_asks_no_more_of_the_role() -> None:
    texts = ("{}", '{"tolerations": [{"operator": "Exists"}]}')
    sides = ({**IRSA, "configuration_values": text} for text in texts)
    poor = own_role("cni", irsa(), document(allow("ec2:DescribeTags")))
    assert levels(reviewed(addon(*sides), *poor)) == {"plugin-configuration-changed": "note"}


@pytest.mark.parametrize(("values", "loses"), [("a: [", True), ("a: b", False)])
def test_a_lost_permission_that_settings_which_are_not_read_may_need_is_a_warning(
    values: str, *, loses: bool
) -> None:
    """v1.19.0 does not call ec2:DescribeTags with any setting that is known here."""
    setup = at("v1.19.0", configuration_values=values)
    less = of_cni(CNI, without("ec2:DescribeTags"))
    lost = of_rule("coverage-lost", *own_role("cni", irsa()), addon(setup, setup), less)
    assert [f.level for f in lost] == ["warning"] * loses
    assert all("no longer allows ec2:DescribeTags" in f.message for f in lost)
