"""What each statement of a generated module is for, as its comment says."""

from itertools import product

import pytest

from vpc_cni_iam.catalog.compose import compose
from vpc_cni_iam.catalog.facts import calls
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.narrowing import IdList
from vpc_cni_iam.catalog.purpose import purpose
from vpc_cni_iam.catalog.selection import select
from vpc_cni_iam.catalog.variants import VARIANTS, find
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.policy.document import Statement

CLAIM = Hardening(("team",), ("node-pool", "main"))


def purposes(variant: str, **words: object) -> list[str]:
    (chosen,) = find([variant])
    return list(map(purpose, compose(chosen, select(**words)).policy.statements))  # type: ignore[arg-type]


def test_a_scoped_document_reads_as_what_it_allows() -> None:
    assert purposes("ipv4-scoped", cni_version="v1.23.2") == [
        "Look up instances, tags, network interfaces, subnets and instance types.",
        "Write any tag on any network interface.",
        "Create network interfaces with the cluster's tag.",
        "Create them in any subnet and with any security group of the cluster's VPC.",
        "Attach, change, detach and delete network interfaces that have the cluster's tag, and "
        "assign their IPv4 addresses.",
        "Attach, change and detach them at instances of the cluster.",
        "Give them any security group.",
    ]


def test_what_is_narrowed_says_so() -> None:
    plain, hardened = (
        purposes("ipv4-scoped", cni_version="v1.23.2", hardening=hardening)
        for hardening in (None, CLAIM)
    )
    assert hardened[1:4] == [
        "Write the tags of network interfaces that it creates, with the cluster's tag.",
        "Claim a network interface without a cluster's tag, such as a node's first one, by "
        "writing the cluster's tag.",
        "Correct the tags of network interfaces that have the cluster's tag, without changing "
        "the cluster's tag.",
    ]
    assert plain[-1] == "Give them any security group."
    assert hardened[-1] == "Give them any security group of the cluster's VPC."


def test_lists_are_named() -> None:
    for limits, places in (
        ((IdList.subnets,), "the listed subnets and with any security group"),
        ((IdList.security_groups,), "any subnet and with the listed security groups"),
        (tuple(IdList), "the listed subnets and with the listed security groups"),
    ):
        lines = purposes("ipv4-scoped", cni_version="v1.23.2", hardening=Hardening(limits=limits))
        assert f"Create them in {places} of the cluster's VPC." in lines
        listed = "the listed security groups" if IdList.security_groups in limits else "any sec"
        assert lines[-1].startswith(f"Give them {listed}")


@pytest.mark.parametrize("variant", [v.name for v in VARIANTS])
def test_every_statement_of_the_catalog_has_a_purpose(variant: str) -> None:
    """What limits a statement is not left out, and what does not is not made up."""
    (chosen,) = find([variant])
    features = [(), *((name,) for name in calls.features())]
    revisions = [{"revision": date} for date in ("2022-01-31", "2026-09-29")]
    versions = [{"cni_version": version} for version in ("v1.12.6", "v1.20.4", "v1.23.2")]
    narrowed = (None, CLAIM, Hardening(limits=tuple(IdList)))
    for words, feature, hardening in product((*revisions, *versions), features, narrowed):
        try:
            policy = compose(chosen, select(**words, features=feature, hardening=hardening)).policy
        except UsageError:
            continue
        for statement in policy.statements:
            sentence = purpose(statement)
            assert not statement.sid  # one would replace a statement of the user with the same
            assert sentence[0].isupper()
            assert sentence.endswith(".")
            is_open = " any network interface" in sentence or "any instance" in sentence
            assert not (is_open and statement.conditions), sentence
            of_ec2 = any(str(action).startswith("ec2:") for action in statement.actions)
            narrow = [c for c in statement.conditions if str(c.key).startswith(("aws:", "ec2:"))]
            assert ("cluster" in sentence) == bool(narrow and of_ec2) or not of_ec2, sentence


def test_a_statement_of_any_instance_says_so() -> None:
    statement = Statement(
        actions=("ec2:AttachNetworkInterface",), resources=("arn:aws:ec2:*:*:instance/*",)
    )
    assert purpose(statement) == "Attach them at any instance."
