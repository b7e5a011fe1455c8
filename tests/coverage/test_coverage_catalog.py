"""Every policy of the catalog against every version of the plugin."""

import pytest
from msgspec.structs import replace

from coverage_policies import (
    NAMES,
    composed,
    covered,
    denied_actions,
    exits_on_any_denial,
    filled,
    setting,
    upstream,
)
from vpc_cni_iam.catalog import variants
from vpc_cni_iam.catalog.facts import calls, documents, known_versions
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.coverage.analysis.cover import cover
from vpc_cni_iam.coverage.analysis.matrix import matrix
from vpc_cni_iam.coverage.simulate.scenarios import SCENARIOS
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.plugin.settings import PluginSettings

SERVED = [
    (variant, mode, revision)
    for variant in variants.VARIANTS
    for mode in variant.modes
    for revision in documents.revisions()
]


WITH_TRUNKS = PluginSettings(environment={"ENABLE_POD_ENI": "true"})
TRUNK = ("trunk-interface", "set-groups", "trunk interface")


def name(value: object) -> str:
    return str(getattr(value, "name", value))


@pytest.mark.parametrize(("variant", "mode", "revision"), SERVED, ids=name)
def test_a_document_serves_the_releases_whose_actions_it_has(
    variant: variants.Variant, mode: Mode, revision: documents.Revision
) -> None:
    """What was read off the actions alone holds with conditions, in every scenario."""
    policy = variant.document(revision)
    newest = RequestSetting(known_versions.newest(), mode, names=NAMES, plugin=WITH_TRUNKS)
    table = matrix([filled(policy)], newest)
    served = [row for row in table.rows if row.version >= variant.minimum]
    broken: dict[str, set[PluginVersion]] = {}
    for used in calls.call_ranges([mode], None):
        if used.is_fatal and used.action not in policy.actions():
            at = broken.setdefault(used.action, set())
            at.update(row.version for row in served if used.at(row.version))
    for row in served:
        fatal = {a for a, c in zip(table.actions, row.cells, strict=True) if c == "fatal"}
        expected = {action for action, at in broken.items() if row.version in at}
        if exits_on_any_denial(row.version) and variant.cluster_scoped and mode == "ipv4":
            expected.add("ec2:ModifyNetworkInterfaceAttribute")
            assert row.failing == ("trunk-interface",)
        assert fatal == expected, row.version


@pytest.mark.parametrize("variant", variants.VARIANTS, ids=name)
def test_what_is_generated_for_a_release_works_but_for_the_trunk_of_a_scoped_one(
    variant: variants.Variant,
) -> None:
    for version in (v for v in known_versions.known()[1:] if v >= variant.minimum):
        policy = composed(variant.name, str(version))
        for mode in variant.modes:
            with_trunks = replace(setting(str(version), mode), plugin=WITH_TRUNKS)
            coverage = covered(policy, with_trunks)
            denials = {
                (run.name, call.template.name, call.on)
                for run, call in coverage.denied()
                # IPv6 asks for groups that it does not need.
                if mode == "ipv4" or call.range.effect != "no effect"
            }
            assert denials <= ({TRUNK} if variant.cluster_scoped else set()), version
            if variant.name == "ipv4-scoped":
                assert denials == {TRUNK}, version
            fails = {call.fails for _, call in coverage.denied()}
            assert (True in fails) <= exits_on_any_denial(version), version


@pytest.mark.parametrize("feature", calls.features())
@pytest.mark.parametrize("variant", variants.VARIANTS, ids=name)
def test_what_is_generated_with_a_feature_works_with_it(
    variant: variants.Variant, feature: str
) -> None:
    since = calls.feature_since(feature)
    for version in known_versions.known()[1:]:
        if version < max(variant.minimum, since):
            continue
        policy = composed(variant.name, str(version), feature)
        for mode in variant.modes:
            coverage = covered(policy, setting(str(version), mode, feature), "fresh-node")
            assert coverage.verdict == "works", (version, mode, list(coverage.denied()))


SUBNETS, SECURITY_GROUPS = {"ec2:DescribeSubnets"}, {"ec2:DescribeSecurityGroups"}


@pytest.mark.parametrize(
    ("variant", "revision", "version", "actions"),
    [
        ("ipv6", "2024-07-22", "v1.22.0", SUBNETS | SECURITY_GROUPS),
        ("ipv6", "2024-07-22", "v1.22.1", SUBNETS | SECURITY_GROUPS),
        ("ipv6", "2024-07-22", "v1.22.2", SUBNETS),
        ("ipv6", "2024-07-22", "v1.22.3", SUBNETS),
        ("ipv6", "2024-07-22", "v1.22.4", SUBNETS),
        ("ipv4", "2024-07-22", "v1.22.0", SECURITY_GROUPS),
        ("ipv4", "2024-07-22", "v1.22.1", SECURITY_GROUPS),
        ("ipv4", "2024-07-22", "v1.22.2", set()),
        ("ipv4-scoped", "2024-07-22", "v1.22.0", SECURITY_GROUPS),
        ("ipv4-scoped", "2024-07-22", "v1.22.1", SECURITY_GROUPS),
        ("ipv4-scoped", "2026-06-01", "v1.22.1", SECURITY_GROUPS),
    ],
)
def test_upstreams_own_documents_fail_its_plugin(
    variant: str, revision: str, version: str, actions: set[str]
) -> None:
    mode: Mode = "ipv6" if variant == "ipv6" else "ipv4"
    coverage = covered(upstream(variant, revision), setting(version, mode), "fresh-node")
    assert denied_actions(coverage) == actions


@pytest.mark.parametrize("revision", [r.name for r in documents.revisions()])
def test_upstream_ipv6_never_got_modify_network_interface_attribute(revision: str) -> None:
    action = "ec2:ModifyNetworkInterfaceAttribute"
    before = covered(upstream("ipv6", revision), setting("v1.19.6", "ipv6"))
    assert action not in denied_actions(before, "degraded")
    for version in known_versions.known():
        if version >= known_versions.find("v1.20.0"):
            coverage = covered(upstream("ipv6", revision), setting(str(version), "ipv6"))
            assert action in denied_actions(coverage, "degraded"), version


@pytest.mark.parametrize("mode", ["ipv4", "ipv6"])
def test_the_matrix_is_each_release_by_itself(mode: Mode) -> None:
    """Releases that are taken for alike are alike, with every tag and switch in use."""
    policy = upstream("ipv4-scoped", "2022-01-31")
    where = setting("latest", mode, "multi-nic", "metrics-helper")
    where = where.with_environment(ADDITIONAL_ENI_TAGS='{"team": "net"}')
    whole = matrix([policy], where)
    for row in whole.rows:
        coverage = cover([policy], where.at(row.version), SCENARIOS)
        refused = {
            action
            for _, call in coverage.denied()
            for action in (
                call.template.action,
                *(c.request.action for c in call.checks if not c.decision.allowed),
            )
        }
        cells = dict(zip(whole.actions, row.cells, strict=True))
        denied = {a for a, c in cells.items() if c in ("fatal", "degraded", "harmless")}
        assert denied == refused, row.version
        assert row.fatal == (coverage.verdict == "fails"), row.version
