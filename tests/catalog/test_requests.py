"""The requests agree with the calls: the same actions, at the same versions, of the same weight."""

import pytest

from vpc_cni_iam.catalog.facts import calls, known_versions
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.facts.requests import (
    CLUSTER,
    CREATED_AT,
    INSTANCE,
    OWNER,
    request_templates,
    tag_keys,
)

MODES: tuple[Mode, ...] = ("ipv4", "ipv6")
# Where a request of an action weighs less than the action: tags with a new interface are checked
# as part of CreateNetworkInterface there, which is fatal, and its own CreateTags only warns.
LIGHTER = {
    ("ec2:CreateTags", "ipv4", version)
    for version in known_versions.known()
    if PluginVersion.of("v1.7.2") <= version <= PluginVersion.of("v1.7.10")
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("feature", [None, *calls.features()])
def test_every_call_is_sent_in_some_way_and_nothing_else_is(
    mode: Mode, feature: str | None
) -> None:
    for version in known_versions.known():
        expected: dict[str, str] = {}
        for call_range in (
            *calls.call_ranges((mode,), version),
            *calls.call_ranges((mode,), version, feature),
        ):
            if expected.get(call_range.action) != "fatal":
                expected[call_range.action] = call_range.severity
        sent: dict[str, str] = {}
        for template in request_templates().values():
            call_range = template.sent(mode, version, (feature,) if feature else ())
            if call_range is not None and sent.get(template.action) != "fatal":
                sent[template.action] = call_range.severity
        for action in expected:
            if (action, mode, version) in LIGHTER:
                expected[action] = sent.get(action, "")
        assert sent == expected, f"{version}: requests.json on the left, calls.json on the right"


def test_every_form_says_what_breaks_and_why() -> None:
    for template in request_templates().values():
        assert template.ranges, template.name
        for call_range in template.ranges:
            assert template.broken_by(call_range), (template.name, call_range.impact)
            assert call_range.evidence


def test_tags_by_release() -> None:
    def keys(version: str, cluster_name: bool = True) -> tuple[set[str], set[str]]:
        result = tag_keys(PluginVersion.of(version), cluster_name=cluster_name)
        return set(result.managed), set(result.created)

    assert keys("v1.0.0") == (set(), set())
    assert keys("v1.7.1") == ({INSTANCE, CLUSTER}, set())
    assert keys("v1.7.2") == ({INSTANCE, CLUSTER}, {CREATED_AT})
    assert keys("v1.8.0") == ({INSTANCE, CLUSTER}, {INSTANCE, CLUSTER, CREATED_AT})
    assert keys("v1.19.4")[0] == {INSTANCE, CLUSTER, OWNER}
    assert keys("v1.23.0", cluster_name=False) == ({INSTANCE}, {INSTANCE, CREATED_AT})
