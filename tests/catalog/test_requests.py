"""The steps of calls, and the tags that the plugin writes."""

from vpc_cni_iam.catalog.facts import calls
from vpc_cni_iam.catalog.facts.calls import Impact
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.facts.requests import (
    CLUSTER,
    CREATED_AT,
    INSTANCE,
    OWNER,
    request_templates,
    tag_keys,
)

STEPS = [step for call in calls.calls() for step in call.steps]


def test_the_name_of_a_step_is_its_own() -> None:
    names = [step.name for step in STEPS]
    assert len(names) == len(set(names))
    assert {step.within for step in STEPS if step.within} <= set(names)


def test_tags_in_the_request_for_an_interface_are_needed_before_their_own_call_is() -> None:
    """From v1.7.2 on CreateNetworkInterface is denied without ec2:CreateTags; v1.8.0 tags it."""
    impacts = {
        str(r.first): r.impact for r in calls.call("ec2:CreateTags").ranges if r.mode == "ipv4"
    }
    assert impacts == {
        "v1.1.0": Impact.DEGRADED,
        "v1.7.2": Impact.SOME_ADDRESSES,
        "v1.8.0": Impact.EXITS,
    }
    assert "tag-new" not in request_templates()


def test_every_form_says_what_breaks_and_why() -> None:
    for template in request_templates().values():
        assert template.ranges, template.name
        for call_range in template.ranges:
            assert call_range.breaks, (template.name, call_range.impact)
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
