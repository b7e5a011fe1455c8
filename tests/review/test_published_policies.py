"""Roles with the policies that this tool and upstream publish have the answer that they work."""

import json
from pathlib import Path

import pytest

from conftest import run
from eks import addon, irsa, own_role
from synthetic import policy, reviewed

_PLACE = ("--cluster-name", "prod", "--vpc-id", "vpc-0123456789abcdef0", "--region", "us-east-1")
_NAMES = (*_PLACE, "--account-id", "111122223333")
_WITH_PODS = "with ENABLE_POD_ENI: ec2:ModifyNetworkInterfaceAttribute is denied"


def written(variant: str, *options: str) -> str:
    return run("policy", variant, *_NAMES, *options).out


def denied_by_coverage(text: str, folder: Path) -> tuple[int, set[tuple[str, str]]]:
    """The exit code of `coverage`, and what is denied, each action with its scenario."""
    file = folder / "policy.json"
    file.write_text(text, encoding="utf-8")
    done = run("coverage", file, "--format", "json")
    scenarios = json.loads(done.out)["scenarios"]
    calls = {
        (call["action"], scenario["name"])
        for scenario in scenarios
        for call in scenario["calls"]
        if not call["allowed"] and call["impact"] != "no effect"
    }
    calls |= {(each["denied"][0], each["scenario"]) for each in json.loads(done.out)["if_set"]}
    return done.code, calls


@pytest.mark.parametrize(
    ("variant", "options", "family"),
    [
        ("ipv4", (), "IPv4"),
        ("ipv6", (), "IPv6"),
        ("ipv4-scoped", (), "IPv4"),
        ("ipv4-scoped", ("--no-additions",), "IPv4"),
        ("ipv4-scoped", ("--revision", "2026-09-29"), "IPv4"),
        ("ipv4-scoped", ("--harden",), "IPv4"),
        ("ipv6-scoped", (), "IPv6"),
        ("ipv6-scoped", ("--harden",), "IPv6"),
        ("ipv4-ipv6", (), "IPv4"),
    ],
)
def test_a_role_with_a_published_policy_works_as_coverage_says(
    variant: str, options: tuple[str, ...], family: str, tmp_path: Path
) -> None:
    text = written(variant, *options)
    code, denied = denied_by_coverage(text, tmp_path)
    (plugin,) = reviewed(*own_role("cni", irsa(), text)).plugins
    assert (code, plugin.answer) == (0, f"works with v1.23.2 ({family}, version assumed)")
    assert plugin.missing == ()
    # What only a feature calls is no part of the answer; the details have it.
    assert {scenario for _, scenario in denied} <= {"trunk-interface"}
    assert len(plugin.details) == len(denied)
    assert all(detail.startswith(_WITH_PODS) for detail in plugin.details)


def test_a_feature_that_the_plan_switches_on_counts() -> None:
    text = written("ipv4-scoped")

    def answer(variables: dict[str, str]) -> tuple[str, int]:
        values = {
            "cluster_name": "prod",
            "addon_name": "vpc-cni",
            "addon_version": "v1.23.2-eksbuild.1",
            "service_account_role_arn": "arn:aws:iam::111122223333:role/cni",
            "configuration_values": json.dumps({"env": variables}),
        }
        (plugin,) = reviewed(*own_role("cni", irsa(), text), addon(values, values)).plugins
        return plugin.answer, len(plugin.details)

    assert answer({}) == ("works with v1.23.2 (IPv4)", 0)  # the plan has all its variables
    degraded, details = answer({"ENABLE_POD_ENI": "true"})
    assert degraded.startswith("works, degraded, with ")
    assert degraded.endswith(": ec2:ModifyNetworkInterfaceAttribute is denied")
    assert details == 0


def test_a_policy_of_no_role_in_the_plan_has_no_answer() -> None:
    (plugin,) = reviewed(policy("cni", written("ipv4"), written("ipv4", "--no-additions"))).plugins
    assert plugin.verdict == "unknown"
    assert plugin.answer.endswith(" show which role has aws_iam_policy.cni")
