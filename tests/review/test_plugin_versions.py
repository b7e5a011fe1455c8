"""Versions of the plugin: which one a plan has, and what another one newly calls."""

import json
from typing import Any

import pytest

from eks import CNI, addon, arn_of, irsa, own_role, same
from plugin_setup import CHART, annotated, at, release, states
from synthetic import Json, allow, deny, document, found, inline, resource, reviewed
from synthetic import levels as levels_of
from vpc_cni_iam.catalog import variants
from vpc_cni_iam.catalog.facts.documents import revisions
from vpc_cni_iam.catalog.facts.known_versions import find, newest
from vpc_cni_iam.policy.document import dumps
from vpc_cni_iam.review.options import ReviewOptions
from vpc_cni_iam.review.report.shown import ShownFinding

(_IPV6,) = variants.find(("ipv6",))
# As of before v1.22.0, which calls ec2:DescribeSubnets in IPv6 mode, too.
OLD_IPV6 = dumps(_IPV6.document(revisions()[0]))
SETTINGS, VERSION_CHANGED = "plugin-configuration-changed", "plugin-version-changed"
UNKNOWN_VERSION, MISSING = "plugin-version-unknown", "plugin-permission-missing"
IPV6_CLUSTER = {"name": "prod", "kubernetes_network_config": [{"ip_family": "ipv6"}]}
CLUSTER = same("aws_eks_cluster", "prod", IPV6_CLUSTER)


def findings(*changes: Json, **more: Any) -> list[ShownFinding]:
    rules = (SETTINGS, VERSION_CHANGED, UNKNOWN_VERSION)
    every = found(*changes, *own_role("cni", irsa(), CNI), **more)
    return [finding for finding in every if finding.rule in rules]


def levels(*changes: Json, **more: Any) -> dict[str, str]:
    return levels_of(findings(*changes, **more))


def by_rule(*changes: Json, **more: Any) -> dict[str, ShownFinding]:
    return {str(f.rule): f for f in reviewed(*changes, **more).findings}


def test_an_update_of_a_plugin_whose_policies_are_not_shown_says_what_it_newly_calls() -> None:
    def of(*versions: str) -> ShownFinding:
        sides = ({"addon_version": f"{version}-eksbuild.1"} for version in versions)
        (finding,) = (f for f in found(addon(*sides)) if f.rule == VERSION_CHANGED)
        return finding

    assert of("v1.20.0", "v1.22.0").level == "warning"
    assert "newly calls ec2:DescribeSecurityGroups" in of("v1.20.0", "v1.22.0").message
    assert of("v1.23.1", "v1.23.2").level == "note"


@pytest.mark.parametrize("version", ["v9.0.0", "v1.23.99", "v1.7.99"])
def test_a_version_that_the_catalog_does_not_have_is_a_warning_where_it_comes(version: str) -> None:
    for before, level in ((at("v1.21.2"), "warning"), (None, "warning"), (at(version), "note")):
        assert levels(addon(before, at(version)))[UNKNOWN_VERSION] == level
    unnamed = {"service_account_role_arn": arn_of("cni")}
    (finding,) = findings(addon(unnamed, unnamed))
    assert (finding.rule, finding.level) == (UNKNOWN_VERSION, "note")
    assert f"{newest()} is assumed" in finding.message
    chosen = ReviewOptions(version=find("v1.22.1"))
    assert UNKNOWN_VERSION not in levels(addon(unnamed, at(version)), options=chosen)


@pytest.mark.parametrize(
    ("version", "statements", "verdict"),
    [
        (None, (), "works"),
        (None, (deny("ec2:DescribeSecurityGroups"),), "unknown"),  # v1.22.0 calls it
        ("v1.23.99", (deny("ec2:DescribeSecurityGroups"),), "works"),
        ("v9.0.0", (), "unknown"),
        ("v9.0.0", (deny("ec2:*"),), "fails"),
    ],
)
def test_a_version_that_is_not_known_works_if_each_that_it_may_be_does(
    version: str | None, statements: tuple[Json, ...], verdict: str
) -> None:
    later = {} if version else {"after_unknown": {"addon_version": True}}
    values = at(version) if version else {"service_account_role_arn": arn_of("cni")}
    policy = document(*json.loads(CNI)["Statement"], *statements)
    change = addon(at("v1.23.2"), values, **later)
    (plugin,) = reviewed(change, *own_role("cni", irsa(), policy)).plugins
    assert plugin.verdict == verdict
    is_why = "the plan does not show which calls its version makes" in plugin.answer
    assert is_why is (verdict == "unknown")


def test_the_tag_of_an_image_in_place_of_the_charts_is_the_version() -> None:
    images = [
        annotated({"image": {"override": f"example.com/cni:{t}"}}) for t in ("v1.21.2", "v1.22.1")
    ]
    old, new = states(release(*images))
    assert (old.setup.settings.version, new.setup.settings.version) == ("v1.21.2", "v1.22.1")
    assert levels(release(*images)) == {VERSION_CHANGED: "note"}
    other = annotated({"image": {"override": "example.org/cni:v1.21.2"}})
    assert levels(release(images[0], other)) == {SETTINGS: "warning"}
    digest = annotated({"image": {"override": "example.com/cni@sha256:ab"}})
    assert levels(release(images[0], digest))[UNKNOWN_VERSION] == "warning"


@pytest.mark.parametrize(
    ("chart", "version"), [("1.13.0", "v1.13.0"), ("v1.13.0", "v1.13.0"), ("1.12.7", ""), ("", "")]
)
def test_a_version_of_the_chart_is_the_plugins_since_1_13_0(chart: str, version: str) -> None:
    _, after = states(release(None, annotated(version=chart)))
    assert after.setup.settings.version == version


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"version": "1.21.2"}, {"version": "1.22.1"}),
        ({"values": ["image:\n  tag: v1.21.2\n"]}, {"values": ["image:\n  tag: v1.22.1\n"]}),
        (
            {"set": [{"name": "image.tag", "value": "v1.21.2"}]},
            {"set": [{"name": "image.tag", "value": "v1.22.1"}]},
        ),
        (
            annotated({"image": {"override": "example.com/cni:v1.21.2"}}),
            annotated({"image": {"override": "example.com/cni:v1.22.1"}}),
        ),
    ],
)
def test_a_release_says_the_version(before: Json, after: Json) -> None:
    role = r"serviceAccount.annotations.eks\.amazonaws\.com/role-arn"
    blocks = [
        {"name": role, "value": arn_of("cni")},
        {"name": "env.ENABLE_IPv6", "value": "true"},
    ]
    sides = ({**side, "set": [*side.get("set", ()), *blocks]} for side in (before, after))
    found_rules = by_rule(release(*sides), *own_role("cni", irsa(), OLD_IPV6))
    assert "from v1.21.2 to v1.22.1" in found_rules[VERSION_CHANGED].message
    assert "ec2:DescribeSubnets" in found_rules[MISSING].message


@pytest.mark.parametrize("kind", ["helm_release", "aws_eks_addon"])
def test_a_version_that_is_sensitive_is_not_known_and_not_told(kind: str) -> None:
    is_chart = kind == "helm_release"
    argument = "version" if is_chart else "addon_version"
    values = {**CHART, **annotated()} if is_chart else {"addon_name": "vpc-cni"}
    sides = ({**values, argument: version} for version in ("1.21.2", "1.22.1"))
    marks = {f"{side}_sensitive": {argument: True} for side in ("before", "after")}
    review = reviewed(resource(kind, "cni", *sides, **marks))
    messages = {str(f.rule): f.message for f in review.findings}
    assert "(sensitive 2)" in messages[UNKNOWN_VERSION]
    assert "from (sensitive) to (sensitive 2)" in messages[VERSION_CHANGED]
    assert not any(version in str(review.plugins) for version in ("1.21.2", "1.22.1"))


def test_what_a_version_newly_calls_is_told_apart_from_what_its_role_loses() -> None:
    denied = deny("ec2:AssignIpv6Addresses")
    texts = (OLD_IPV6, document(*json.loads(OLD_IPV6)["Statement"], denied))
    change = inline(*texts, role="cni")
    plan = (addon(at("v1.21.2"), at("v1.22.1")), CLUSTER, *own_role("cni", irsa()), change)
    found_rules = by_rule(*plan)
    assert "ec2:AssignIpv6Addresses" in found_rules["coverage-lost"].message
    assert "ec2:AssignIpv6Addresses" not in found_rules[MISSING].message
    assert "ec2:DescribeSubnets" in found_rules[MISSING].message


def test_what_the_role_never_allowed_is_a_note_where_no_version_is_named() -> None:
    role = own_role("cni", irsa(), OLD_IPV6)
    assert by_rule(*role) == {}
    assert "fails as before with" in reviewed(*role).plugins[0].answer
    named = reviewed(*role, addon(at("v1.21.2"), at("v1.21.2")))
    assert "works with v1.21.2 (IPv6)" in named.plugins[0].answer


def test_a_call_whose_denial_has_no_effect_is_a_note() -> None:
    role, policy = own_role("cni", irsa(), OLD_IPV6)
    update = by_rule(addon(at("v1.19.6"), at("v1.21.2")), role, policy)
    assert {rule: f.level for rule, f in update.items()} == {
        MISSING: "note",
        VERSION_CHANGED: "note",
    }
    called = allow("ec2:ModifyNetworkInterfaceAttribute")
    less = inline(document(*json.loads(OLD_IPV6)["Statement"], called), OLD_IPV6, role="cni")
    lost = by_rule(addon(at("v1.21.2"), at("v1.21.2")), role, less)["coverage-lost"]
    assert (lost.level, "nothing: the first interface" in lost.message) == ("note", True)


def release_named(name: str, *versions: str | None) -> Json:
    sides = [None if v is None else {**CHART, "name": name, "version": v} for v in versions]
    return resource("helm_release", name, *sides)


def test_a_release_in_place_of_another_changes_the_version() -> None:
    gone, new = release_named("a", "1.23.2", None), release_named("b", None, "1.22.1")
    changed = {f.rule: f for f in found(gone, new)}
    assert "from v1.23.2 to v1.22.1" in changed[VERSION_CHANGED].message
    assert "plugin-removed" not in changed


@pytest.mark.parametrize(
    "other",
    [
        release_named("a", "1.23.2", "1.23.2"),
        same("aws_eks_addon", "a", {"addon_name": "vpc-cni", "cluster_name": "prod"}),
    ],
)
def test_each_of_several_installers_is_judged(other: Json) -> None:
    """A release names no cluster: a plan of two clusters may have two."""
    changed = found(other, release_named("b", "1.21.2", "1.22.1"))
    assert [f.address for f in changed if f.rule == VERSION_CHANGED] == ["helm_release.b"]
    new = reviewed(other, release_named("b", None, "1.22.1"))
    assert len(new.plugins) == 2
    removed = found(other, release_named("b", "1.21.2", None))
    assert [f.address for f in removed if f.rule == "plugin-removed"] == ["helm_release.b"]


@pytest.mark.parametrize("after", [None, at("v1.20.0")])
def test_a_finding_about_the_plugin_has_its_cluster_as_subject(after: Json | None) -> None:
    assert {f.subject for f in found(addon(at("v1.23.2"), after))} == {"prod"}


def test_a_version_without_the_ip_family_fails() -> None:
    options = ReviewOptions(version=find("v1.9.0"), mode="ipv6")
    (answer,) = reviewed(*own_role("cni", irsa(), CNI), options=options).plugins
    assert answer.verdict == "fails"
    assert answer.answer.endswith("this version does not support the IP family")
