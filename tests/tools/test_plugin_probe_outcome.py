"""What the probe makes of runs: which form a request is, and what a denial did."""

from dataclasses import replace
from typing import Any

import pytest
from tools.plugin_probe.case import End, Run
from tools.plugin_probe.denials import denials
from tools.plugin_probe.evidence import outcome, requests
from tools.plugin_probe.forms import form_name
from tools.plugin_probe.scenarios import find
from tools.plugin_probe.servers import Recorded

from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.facts.requests import INSTANCE

END = End(20, 2, 0, ("subnet-1",), 0, 0, 0, 0, 0)
ALLOWED = Run(None, 2.0, 12, 12, 2, END)


@pytest.mark.parametrize(
    ("changes", "end", "impact", "lost"),
    [
        ({}, {}, "no effect", []),
        ({"ready_after": 5.0}, {}, "no effect", []),
        ({"ready_after": 53.0}, {}, "start delayed", []),
        ({"exit_code": 1, "pods_served": 0, "ready_after": None}, {}, "exits at start", []),
        ({"exit_code": 2}, {}, "exits", []),
        ({"pods_served": 0, "ready_after": None}, {}, "pods get no address", []),
        ({"pods_served": 9}, {}, "some pods get no address", []),
        ({}, {"attached": 1}, "degraded", ["1 of 2 interfaces"]),
        ({}, {"attached": 3}, "degraded", ["unused interfaces stay attached"]),
        ({}, {"detached": 1}, "degraded", ["interfaces are left over"]),
        ({}, {"addresses": 24}, "degraded", ["unused addresses are kept"]),
        ({}, {"subnets": ("subnet-2",)}, "degraded", ["interfaces are in other subnets"]),
        ({}, {"excluded": 3}, "degraded", ["pods get addresses in an excluded subnet"]),
        ({}, {"outdated_groups": 1}, "degraded", ["interfaces keep outdated security groups"]),
        ({}, {"untagged": 1}, "degraded", ["interfaces stay without tags"]),
        (
            {},
            {"not_set_up": 1},
            "some pods get no address",
            ["pods have addresses of an interface that is not set up"],
        ),
        (
            {},
            {"undated": 1},
            "degraded",
            ["leaked interfaces stay without a date, so that they are never deleted"],
        ),
    ],
)
def test_the_impact_of_a_denial(
    changes: dict[str, Any], end: dict[str, Any], impact: str, lost: list[str]
) -> None:
    seen = outcome(ALLOWED, replace(ALLOWED, **changes, end=replace(END, **end)))
    assert (seen["impact"], seen["lost"]) == (impact, lost)


def test_a_delay_is_told_in_steps_of_ten_seconds() -> None:
    assert outcome(ALLOWED, replace(ALLOWED, ready_after=53.0))["delay_seconds"] == 50


NEW, OLD = PluginVersion.of("v1.23.2"), PluginVersion.of("v1.20.4")
ASSIGNED, ATTACHED = ["ec2:AssignPrivateIpAddresses"], ["ec2:AttachNetworkInterface"]


@pytest.mark.parametrize(
    ("version", "earlier", "form"),
    [
        (NEW, [], "check-subnets"),
        (NEW, ASSIGNED, "describe-subnets"),
        (NEW, [*ASSIGNED, *ATTACHED], "check-subnet-of-new"),
        (NEW, [*ASSIGNED, *ATTACHED, "check-subnet-of-new"], "describe-subnets"),
        (OLD, [], "describe-subnets"),
        (OLD, ATTACHED, "describe-subnets"),
    ],
)
def test_subnets_are_described_for_different_ends(
    version: PluginVersion, earlier: list[str], form: str
) -> None:
    cloud = find("ipv4").cloud()
    assert form_name(cloud, "ec2:DescribeSubnets", {}, earlier, version) == form


def test_requests_of_one_action_are_told_apart() -> None:
    cloud = find("ipv4-leaked-interfaces").cloud()
    leaked = next(i for i in cloud.interfaces.values() if not i.attachment)
    assert leaked.tags[INSTANCE] != "i-0123456789abcdef0"

    def form(action: str, **parameters: str) -> str:
        named = {name.replace("_", "."): value for name, value in parameters.items()}
        return form_name(cloud, f"ec2:{action}", named, (), NEW)

    primary = cloud.primary.id
    assert form("CreateTags", ResourceId_1=primary) == "tag-managed"
    assert form("CreateTags", ResourceId_1=leaked.id) == "tag-leaked"
    assert form("DeleteNetworkInterface", NetworkInterfaceId=primary) == "delete"
    assert form("DeleteNetworkInterface", NetworkInterfaceId=leaked.id) == "delete-leaked"
    # One that is gone: EC2 says so after it has authorised the request.
    assert form("DeleteNetworkInterface", NetworkInterfaceId="eni-0") == "delete"
    modify = "ModifyNetworkInterfaceAttribute"
    assert form(modify, SecurityGroupId_1="sg-1") == "set-groups"
    assert form(modify, Attachment_AttachmentId="a") == "set-delete-on-termination"


def test_evidence_has_nothing_that_differs_from_run_to_run() -> None:
    def recorded(action: str, form: str = "", **parameters: str) -> Recorded:
        return Recorded(1.0, action, form, parameters, (), "")

    create = "ec2:CreateNetworkInterface"
    seen = requests(
        [
            recorded(create, ClientToken="a", Value="2026-01-01T00:00:00Z"),
            recorded(create, ClientToken="b", Value="2026-01-01T00:01:00Z"),
            recorded("ec2:Unassign", **{"PrivateIpAddress.1": "10.0.0.1"}),
            recorded("ec2:Unassign", **{"PrivateIpAddress.2": "10.0.0.9"}),
            recorded("ec2:DescribeNetworkInterfaces", Status="available"),
        ],
        leaked=False,
    )
    created = {"action": create, "form": "", "parameters": {"Value": "TIME"}}
    given_back = {"PrivateIpAddress.1": "ANY"}
    assert list(seen) == [
        created,
        created,
        {"action": "ec2:Unassign", "form": "", "parameters": given_back},
    ]


def test_an_action_is_denied_where_all_its_forms_are() -> None:
    def scenario(denied: list[str]) -> dict[str, Any]:
        sent = [{"action": "a", "form": "x"}, {"action": "a", "form": "y"}]
        sent.append({"action": "b", "form": "z"})
        return {
            "family": "ipv6",
            "features": ["multi-nic"],
            "requests": sent,
            "denied": dict.fromkeys(denied),
        }

    evidence = [
        {"version": "v1.9.0", "scenarios": [scenario(["x"])]},
        {"version": "v1.10.0", "scenarios": [scenario(["x", "b"]), scenario(["y"])]},
    ]
    both, later = ["v1.9.0", "v1.10.0"], ["v1.10.0"]
    assert denials(reversed(evidence)) == [
        {"mode": "ipv6", "feature": "multi-nic", "name": name, "versions": versions}
        for name, versions in {"a": later, "b": later, "x": both, "y": later, "z": later}.items()
    ]
