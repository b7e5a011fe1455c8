"""What the plugin's real agent was seen to do, against what the catalog says of the release."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tools.plugin_probe import denials, live, narrowed, replay
from tools.plugin_probe.evidence import observed
from tools.plugin_probe.scenarios import find

from conftest import facts, run
from vpc_cni_iam.catalog.facts import calls, known_versions, requests
from vpc_cni_iam.catalog.facts.calls import CallRange, Impact
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.variants import VARIANTS, Variant
from vpc_cni_iam.coverage.analysis.cover import cover
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.evaluate import Request, compile_policies
from vpc_cni_iam.policy.parse import loads

# Called by other programs than the agent, which the probe does not run.
OTHER_PROGRAMS = {"metrics-helper", "network-policy-logs"}
FEATURES = tuple(f for f in calls.features() if f not in OTHER_PROGRAMS)
# Requests that no scenario leads to, with the reason.
NOT_REACHED = {
    ("ipv6", "delete"): "an interface is deleted only where its set-up fails",
    ("ipv6", "detach"): "an interface is detached only where its set-up fails",
    ("ipv4", "describe-subnets-anyway"): "no scenario turns subnet discovery off",
}
# With custom networking the first interface has no addresses for pods, so that what only costs some
# pods their address elsewhere costs all of them theirs.
ONLY_THERE = {
    ("ipv4-custom-networking", "ec2:AttachNetworkInterface"),
    ("ipv4-custom-networking", "ec2:CreateNetworkInterface"),
    ("ipv4-custom-networking", "ec2:DescribeInstances"),
}
# A fault of the agent that no policy changes: v1.20.0:pkg/ipamd/ipamd.go:305, index out of range.
FAULTS = {("v1.20.0", "ipv4-unknown-type"), ("v1.20.0", "ipv6-unknown-type")}
EVIDENCE = observed()
OBSERVED = pytest.mark.parametrize("observed", EVIDENCE, ids=lambda o: str(o["version"]))
FAMILIES = pytest.mark.parametrize("family", ["ipv4", "ipv6"])

VERDICTS = {"fatal": "fails", "degraded": "works, degraded"}


def release_of(observed: dict[str, Any]) -> PluginVersion:
    return known_versions.find(observed["version"])


@cache
def _checked(version: str, name: str) -> list[tuple[str, list[Request]]]:
    (scenarios,) = (o["scenarios"] for o in EVIDENCE if o["version"] == version)
    (scenario,) = (s for s in scenarios if s["name"] == name)
    return [(form, list(checks)) for form, checks in replay.checks(scenario)]


def checked(observed: dict[str, Any], scenario: dict[str, Any]) -> list[tuple[str, list[Request]]]:
    """The checks of the requests of a scenario, by their forms; remembered for all variants."""
    return _checked(observed["version"], scenario["name"])


def of_agent(call_range: CallRange | None) -> bool:
    return call_range is not None and call_range.feature not in OTHER_PROGRAMS


def ranges_of(
    name: str, family: Any, version: PluginVersion, feature: str | None
) -> Iterator[CallRange]:
    """Yield the uses behind an action or a form of request."""
    form = requests.request_templates().get(name)
    for call_range in form.ranges if form else calls.call(name).ranges:
        if call_range.mode == family and call_range.at(version) and call_range.feature == feature:
            yield calls.at_version(call_range, name, version)


@OBSERVED
@FAMILIES
def test_the_agent_sends_what_the_catalog_says_and_nothing_else(
    observed: dict[str, Any], family: Any
) -> None:
    version = release_of(observed)
    seen = {
        request["form"]
        for scenario in observed["scenarios"]
        if scenario["family"] == family
        for request in scenario["requests"]
    }
    known = {
        form.name
        for form in requests.request_templates().values()
        if of_agent(form.sent(family, version, FEATURES))
    }
    missing = {form for of, form in NOT_REACHED if of == family and form in known}
    assert seen == known - missing


@OBSERVED
def test_an_optional_feature_alone_brings_its_requests(observed: dict[str, Any]) -> None:
    version = release_of(observed)
    for scenario in observed["scenarios"]:
        for request in scenario["requests"]:
            form = requests.request_templates()[request["form"]]
            call_range = form.sent(scenario["family"], version, tuple(scenario["features"]))
            assert call_range, (scenario["name"], form.name)
            assert form.action == request["action"]


@OBSERVED
def test_the_tags_are_those_of_the_catalog(observed: dict[str, Any]) -> None:
    checked = 0
    for scenario in observed["scenarios"]:
        named = bool(scenario["cluster_name"])
        keys = requests.tag_keys(release_of(observed), cluster_name=named)
        expected = {"create": set(keys.created), "tag-managed": set(keys.managed)}
        for request in scenario["requests"]:
            if request["form"] in expected:
                checked += 1
                tags = {v for k, v in request["parameters"].items() if k.endswith(".Key")}
                if request["form"] == "create":
                    assert tags == expected["create"], scenario["name"]
                else:  # an interface that the agent made lacks none or one of them
                    assert tags <= expected["tag-managed"], scenario["name"]
    assert checked > 10


@OBSERVED
def test_requests_are_checked_on_what_the_catalog_says(observed: dict[str, Any]) -> None:
    for scenario in observed["scenarios"]:
        for name, checks in checked(observed, scenario):
            form = requests.request_templates()[name]
            kinds = {requests.kind_of(c.resource) for c in checks if c.action == form.action}
            assert kinds <= set(form.on) and bool(kinds) == bool(form.on), (scenario["name"], name)


@OBSERVED
def test_a_denial_does_what_the_catalog_says(observed: dict[str, Any]) -> None:
    version = release_of(observed)
    worst: dict[tuple[str, str | None, str], tuple[Impact, int]] = {}
    order = list(Impact)
    for scenario in observed["scenarios"]:
        for name, outcome in scenario["denied"].items():
            impact = Impact(outcome["impact"])
            if (scenario["name"], name) in ONLY_THERE:
                assert impact in (Impact.EXITS, Impact.NO_ADDRESS), (scenario["name"], name)
                continue
            feature = (scenario["features"] or [None])[-1]
            key = scenario["family"], feature, name
            before = worst.get(key, (Impact.NO_EFFECT, 0))
            if order.index(impact) <= order.index(before[0]):
                worst[key] = impact, outcome["delay_seconds"] or 0
    assert len(worst) > 15
    for (family, feature, name), seen in worst.items():
        known = list(ranges_of(name, family, version, feature))
        # In IPv4 an interface on a further card is made as any other is, without the feature.
        known = known or list(ranges_of(name, family, version, None))
        assert [(call_range.impact, call_range.delay) for call_range in known] == [seen], (
            family,
            feature,
            name,
        )


@OBSERVED
@FAMILIES
def test_every_request_was_denied_once(observed: dict[str, Any], family: Any) -> None:
    version = release_of(observed)
    for feature in (None, *FEATURES):
        for call_range in calls.call_ranges((family,), version, feature):
            names = {
                f.name
                for f in requests.request_templates().values()
                if f.action == call_range.action
            }
            if not {(family, name) for name in names} & set(NOT_REACHED):
                assert version in call_range.observed, (family, call_range.action, feature)


def test_the_index_of_denials_is_made_from_the_evidence() -> None:
    assert denials.denials(observed()) == facts("denials.json")


@OBSERVED
@FAMILIES
def test_coverage_judges_a_denial_as_it_was_observed(observed: dict[str, Any], family: Any) -> None:
    scenario = next((s for s in observed["scenarios"] if s["name"] == family), {"denied": {}})
    allow = Statement(actions=("*",), resources=("*",))
    for name, outcome in scenario["denied"].items():
        if ":" in name:
            deny = Statement(actions=(name,), resources=("*",), effect="Deny")
            covered = cover([Policy((allow, deny))], RequestSetting(release_of(observed), family))
            impact = Impact(outcome["impact"])
            # Another form of the call may do less without it.
            may_work = ["works"] if impact is Impact.NO_EFFECT else []
            assert covered.verdict in [VERDICTS[impact.severity], *may_work], name


@pytest.mark.parametrize(
    ("version", "action", "known"),
    [
        ("v1.23.2", "ec2:DescribeSubnets", "observed"),
        ("v1.22.1", "ec2:DescribeSubnets", "observed"),
        ("v1.22.2", "ec2:DescribeSubnets", "read from source"),
        ("v1.22.1", "logs:CreateLogGroup", "read from source"),
    ],
)
def test_every_output_says_how_a_fact_is_known(
    tmp_path: Path, version: str, action: str, known: str
) -> None:
    listed = json.loads(run("catalog", "--format", "json").out)["versions"]
    entry = next(r for r in listed if r["version"] == version)
    assert {c["known"] for c in entry["calls"] if c["action"] == action} == {known}
    (tmp_path / "p.json").write_text(run("policy", "ipv4", "--revision", "2022-01-31").out)
    where = ("p.json", "--cni-version", version, "--feature", "network-policy-logs")
    coverage = json.loads(run("coverage", *where, "--format", "json", cwd=tmp_path).out)
    (sent,) = (s for s in coverage["scenarios"] if s["name"] == "fresh-node")
    assert known in {c["known"] for c in sent["calls"] if c["action"] == action}
    assert f"({known}" in run("coverage", *where, cwd=tmp_path).out


@OBSERVED
def test_every_scenario_was_lived_through(observed: dict[str, Any]) -> None:
    for scenario in observed["scenarios"]:
        served, expected = scenario["pods"]
        lived = scenario["exit_code"] is None and served == expected
        assert lived is ((observed["version"], scenario["name"]) not in FAULTS), scenario["name"]


@OBSERVED
def test_the_agent_ran_with_the_policies_of_the_catalog_and_nothing_was_denied(
    observed: dict[str, Any],
) -> None:
    policies = observed["policies"]
    run = [(entry["variant"], entry["scenario"], entry["hardened"]) for entry in policies]
    assert run == live.tried(release_of(observed)) and len(run) >= 2
    for entry in policies:
        served, expected = entry["pods"]
        assert (entry["exit_code"], entry["denied"], served) == (None, [], expected), entry


# What narrowed policies must allow in each scenario.
FOR = {
    "ipv4": {"create", "attach", "assign-ipv4"},
    "ipv4-scale-down": {"create", "attach", "detach", "delete"},
    "ipv4-leaked-interfaces": {"tag-leaked", "delete-leaked"},
    "ipv4-groups-changed": {"create", "set-groups"},
    "ipv4-custom-networking": {"create", "attach"},
    "ipv4-subnet-discovery": {"create", "attach"},
}
NARROWED = [entry for entry in observed() if entry.get("narrowed")]


def test_narrowed_policies_ran_at_three_versions() -> None:
    assert len(NARROWED) >= 3


@pytest.mark.parametrize("observed", NARROWED, ids=lambda o: str(o["version"]))
def test_the_agent_ran_with_narrowed_policies_and_only_what_is_not_listed_was_denied(
    observed: dict[str, Any],
) -> None:
    version, entries = release_of(observed), observed["narrowed"]
    runs = [(e["scenario"], tuple(e["subnets"]), tuple(e["security_groups"])) for e in entries]
    assert runs == [each for each in narrowed.RUNS if find(each[0]).at(version)]
    missing = 0
    for entry, (name, subnets, groups) in zip(entries, runs, strict=True):
        scenario = next(s for s in observed["scenarios"] if s["name"] == name)
        text = narrowed.policy(version, name, subnets, groups)
        policies = compile_policies([loads(text, "policy")])
        denied = dict.fromkeys(
            f"{check.action} on {check.resource}"
            for _, checks in checked(observed, scenario)
            for check in checks
            if not policies.evaluate(check).allowed
        )
        assert entry["denied"] == [*denied], (name, subnets, groups)
        listed = {*subnets, *groups}
        assert not any(text.endswith(f"/{each}") for text in denied for each in listed)
        missing += bool(denied)
        served, expected = entry["pods"]
        # With custom networking there is no other interface for pods.
        works = not denied or name != "ipv4-custom-networking"
        assert (entry["exit_code"] is None and served == expected) is works, entry
        # What the scenario is for was done.
        assert not works or FOR[name] <= {*entry["allowed"]}, entry
    assert missing >= 3


def claims(variant: Variant, scenario: dict[str, Any]) -> bool:
    """Whether a variant's policy is meant for a scenario; of HyperPod's tags nothing is known."""
    scoped_out = not scenario["cluster_name"] or "hyperpod" in scenario["features"]
    return scenario["family"] in variant.modes and not (variant.cluster_scoped and scoped_out)


@OBSERVED
@pytest.mark.parametrize("hardened", [False, True], ids=["documented", "hardened"])
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: v.name)
def test_a_variant_allows_every_request_of_each_scenario_that_it_is_for(
    observed: dict[str, Any], variant: Variant, hardened: bool
) -> None:
    if hardened and not variant.cluster_scoped:
        return
    if variant.minimum > release_of(observed):
        return
    claimed = [s for s in observed["scenarios"] if claims(variant, s)]
    assert claimed
    # The denial of these was observed, and has no effect.
    unneeded = {
        (each["family"], action)
        for each in observed["scenarios"]
        for action, outcome in each["denied"].items()
        if outcome["impact"] == Impact.NO_EFFECT.value
    }
    for scenario in claimed:
        text = live.policy(
            variant.name, release_of(observed), find(scenario["name"]), hardened=hardened
        )
        policies = compile_policies([loads(text, "policy")])
        for name, checks in checked(observed, scenario):
            denied = [
                check
                for check in checks
                if not policies.evaluate(check).allowed
                and (scenario["family"], check.action) not in unneeded
            ]
            assert not denied, (scenario["name"], name, denied)
