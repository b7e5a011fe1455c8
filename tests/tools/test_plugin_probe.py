"""The stand-ins for AWS that the plugin's agent talks to, asked by AWS's own client."""

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws
from tools.engines.cache import UnavailableError
from tools.plugin_probe import authorise, cloud, servers
from tools.plugin_probe.build import built_version, tagged
from tools.plugin_probe.cloud import Cloud, InstanceType, Subnet
from tools.plugin_probe.kubernetes import Kubernetes
from tools.plugin_probe.pods import fields, message
from tools.plugin_probe.servers import World

from conftest import write_tree
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.policy.evaluate import compile_policies
from vpc_cni_iam.policy.parse import loads

RELEASE = PluginVersion.of("v1.23.2")
SUBNET = "subnet-00000000000000001"
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
CLUSTER_TAG = {"Key": "cluster.k8s.amazonaws.com/name", "Value": "prod"}


def world(policy: dict[str, Any] | None = None, denials: frozenset[str] = frozenset()) -> World:
    made = Cloud(InstanceType("m5.large", (2,), 4), (Subnet(SUBNET, 0),))
    policies = compile_policies([loads(json.dumps(policy), "policy")]) if policy else None
    return World(made, Kubernetes("aws:///a/i"), policies, denials, False, RELEASE, lambda: None)


def client(stand_in: World) -> Any:
    port, *_ = servers.serve(stand_in, (0, 0, 0))
    config = Config(retries={"max_attempts": 0})
    address = f"http://127.0.0.1:{port}"
    return boto3.client("ec2", cloud.REGION, endpoint_url=address, config=config, **KEYS)


def refusal(call: Callable[..., Any], **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


def life(ec2: Any, subnet: str, instance: str) -> list[Any]:
    """What a client sees of an interface from its creation to its end, without its ids."""
    specification = {"ResourceType": "network-interface", "Tags": [CLUSTER_TAG]}
    made = ec2.create_network_interface(
        SubnetId=subnet, Description="d", TagSpecifications=[specification]
    )["NetworkInterface"]
    own = {"NetworkInterfaceIds": [made["NetworkInterfaceId"]]}
    name = {"NetworkInterfaceId": made["NetworkInterfaceId"]}

    def described() -> dict[str, Any]:
        (result,) = ec2.describe_network_interfaces(**own)["NetworkInterfaces"]
        return {
            "addresses": len(result["PrivateIpAddresses"]),
            "attached": result.get("Attachment", {}).get("DeviceIndex"),
            "description": result["Description"],
            "status": result["Status"],
            "tags": result["TagSet"],
        }

    seen: list[Any] = [described()]
    attached = ec2.attach_network_interface(DeviceIndex=1, InstanceId=instance, **name)
    seen.append(described())
    more = {"Key": "node.k8s.amazonaws.com/instance_id", "Value": "i"}
    ec2.create_tags(Resources=own["NetworkInterfaceIds"], Tags=[more])
    ec2.assign_private_ip_addresses(SecondaryPrivateIpAddressCount=2, **name)
    seen.append(described())
    (result,) = ec2.describe_network_interfaces(**own)["NetworkInterfaces"]
    last = [a["PrivateIpAddress"] for a in result["PrivateIpAddresses"] if not a["Primary"]][:1]
    ec2.unassign_private_ip_addresses(PrivateIpAddresses=last, **name)
    seen.append(described())
    by_tag = {"Name": f"tag:{CLUSTER_TAG['Key']}", "Values": ["prod"]}
    seen.append(len(ec2.describe_network_interfaces(Filters=[by_tag])["NetworkInterfaces"]))
    ec2.detach_network_interface(AttachmentId=attached["AttachmentId"])
    ec2.delete_network_interface(**name)
    seen.append(refusal(ec2.describe_network_interfaces, **own))
    return seen


def test_an_interface_lives_as_in_another_stand_in() -> None:
    with mock_aws():
        other = boto3.client("ec2", cloud.REGION, **KEYS)
        vpc = other.create_vpc(CidrBlock="10.10.0.0/16")["Vpc"]["VpcId"]
        subnet = other.create_subnet(VpcId=vpc, CidrBlock="10.10.0.0/20")["Subnet"]["SubnetId"]
        machine = {"ImageId": "ami-12c6146b", "MinCount": 1, "MaxCount": 1, "SubnetId": subnet}
        started = other.run_instances(**machine)["Instances"]
        expected = life(other, subnet, started[0]["InstanceId"])
    assert life(client(world()), SUBNET, cloud.INSTANCE) == expected


def test_limits_of_the_instance_type_and_of_ids() -> None:
    ec2 = client(world())
    new = ec2.create_network_interface(SubnetId=SUBNET)["NetworkInterface"]["NetworkInterfaceId"]
    name = {"NetworkInterfaceId": new}
    too_many = {"SecondaryPrivateIpAddressCount": 4}
    assert refusal(ec2.assign_private_ip_addresses, **too_many, **name) == (
        "PrivateIpAddressLimitExceeded"
    )
    prefixes = ec2.assign_private_ip_addresses(Ipv4PrefixCount=1, **name)
    assert len(prefixes["AssignedIpv4Prefixes"]) == 1
    place = {"InstanceId": cloud.INSTANCE}
    attach = ec2.attach_network_interface
    assert refusal(attach, DeviceIndex=0, **place, **name) == "InvalidParameterValue"
    attach(DeviceIndex=1, **place, **name)
    assert refusal(attach, DeviceIndex=2, **place, **name) == "InvalidNetworkInterface.InUse"
    third = ec2.create_network_interface(SubnetId=SUBNET)["NetworkInterface"]["NetworkInterfaceId"]
    code = refusal(attach, DeviceIndex=2, NetworkInterfaceId=third, **place)
    assert code == "AttachmentLimitExceeded"
    assert refusal(ec2.delete_network_interface, **name) == "InvalidParameterValue"
    unknown = "eni-0fffffffffffffff0"
    code = refusal(ec2.delete_network_interface, NetworkInterfaceId=unknown)
    assert code == "InvalidNetworkInterfaceID.NotFound"


def test_interfaces_come_in_pages_where_pages_are_asked_for() -> None:
    ec2 = client(world())
    for _ in range(7):
        ec2.create_network_interface(SubnetId=SUBNET)
    pages = list(
        ec2.get_paginator("describe_network_interfaces").paginate(
            PaginationConfig={"PageSize": 1000}
        )
    )
    assert [len(page["NetworkInterfaces"]) for page in pages] == [5, 3]


def test_a_request_that_the_policy_does_not_allow_is_refused_and_recorded() -> None:
    tagged = {"StringEquals": {"aws:RequestTag/cluster.k8s.amazonaws.com/name": "prod"}}
    allow = {"Effect": "Allow", "Resource": "*"}
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {**allow, "Action": "ec2:CreateTags"},
            {
                **allow,
                "Action": "ec2:CreateNetworkInterface",
                "Resource": "arn:aws:ec2:*:*:network-interface/*",
                "Condition": tagged,
            },
            {
                **allow,
                "Action": "ec2:CreateNetworkInterface",
                "Resource": "arn:aws:ec2:*:*:subnet/*",
            },
        ],
    }
    stand_in = world(policy)
    ec2 = client(stand_in)
    assert refusal(ec2.create_network_interface, SubnetId=SUBNET) == "UnauthorizedOperation"
    (seen,) = stand_in.requests
    assert seen.denied == (
        f"ec2:CreateNetworkInterface on {authorise.arn('network-interface', '*')}",
    )
    specification = {"ResourceType": "network-interface", "Tags": [CLUSTER_TAG]}
    ec2.create_network_interface(SubnetId=SUBNET, TagSpecifications=[specification])
    assert stand_in.requests[-1].denied == ()


def test_metadata_shows_what_ec2_has() -> None:
    stand_in = world()
    _, port, _ = servers.serve(stand_in, (0, 0, 0))
    base = f"http://127.0.0.1:{port}/latest/meta-data"

    def got(path: str) -> str:
        with urllib.request.urlopen(f"{base}/{path}") as answer:
            return str(answer.read().decode())

    primary = stand_in.cloud.primary
    macs = f"network/interfaces/macs/{primary.mac}"
    assert got("mac") == primary.mac
    assert got(f"{macs}/interface-id") == primary.id
    assert got(f"{macs}/local-ipv4s").split() == primary.addresses
    stand_in.cloud.assign(primary.id, 2, 0)
    assert got(f"{macs}/local-ipv4s").split() == primary.addresses
    with pytest.raises(urllib.error.HTTPError, match="404"):
        got("network/interfaces/macs/02:ff:ff:ff:ff:ff/interface-id")


def test_messages_to_the_agent_are_protocol_buffers() -> None:
    text = "x" * 300
    assert list(fields(message({1: "pod", 16: text}))) == [(1, b"pod"), (16, text.encode())]
    assert list(fields(b"\x08\x01\x12\x02ab")) == [(1, 1), (2, b"ab")]


@pytest.mark.parametrize(
    ("listing", "version"),
    [
        ("\tmod\tgithub.com/aws/amazon-vpc-cni-k8s\tv1.23.2\th1:x=\n", "v1.23.2"),
        (
            "\tmod\tgithub.com/aws/amazon-vpc-cni-k8s\tv1.22.0\n\t=>\t./plugin\t(devel)\t\n",
            "(devel)",
        ),
        (
            "\tmod\tgithub.com/aws/amazon-vpc-cni-k8s\tv1.19.4\n"
            "\t=>\tgithub.com/aws/amazon-vpc-cni-k8s\tv1.12.0\th1:x=\n",
            "v1.12.0",
        ),
        ("\tmod\texample.com/other\tv1.0.0\n", "unknown"),
    ],
)
def test_the_version_of_a_binary_is_that_of_its_code(listing: str, version: str) -> None:
    assert built_version(listing) == version


def test_the_files_of_a_tag_come_from_a_clone(tmp_path: Path) -> None:
    """The module proxy does not serve every version."""
    clone, folder = tmp_path / "clone", tmp_path / "build"
    write_tree(clone, {"cmd/main.go": "package main\n"})
    folder.mkdir()
    git = "git -c user.name=A -c user.email=a@example.com"
    script = f"git init -q && git add . && {git} commit -qm A && git tag v1.22.0 && rm -r cmd"
    subprocess.run(["bash", "-ec", script], cwd=clone, check=True)
    name = tagged("v1.22.0", clone, folder)
    assert (folder / name / "cmd/main.go").read_text() == "package main\n"
    with pytest.raises(UnavailableError, match=r"git archive v1\.22\.9 of .*clone"):
        tagged("v1.22.9", clone, folder)
