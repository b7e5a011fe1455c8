"""A role with a hardened policy: what it may not do counts where somebody changes the plugin."""

import json

import pytest

from conftest import run
from eks import addon, arn_of, irsa, own_role
from synthetic import Json, resource, reviewed
from vpc_cni_iam.review.findings import Review

_NAMES = ("--cluster-name", "prod", "--vpc-id", "vpc-0123456789abcdef0")


def policy(*options: str) -> str:
    return run("policy", "ipv4-scoped", *_NAMES, *options).out


def role(before: str | None, after: str) -> list[Json]:
    sides = (
        {"role": "cni", "name": "i", "policy": text} if text else None for text in (before, after)
    )
    return [*own_role("cni", irsa()), resource("aws_iam_role_policy", "i", *sides)]


def with_env(**env: str) -> Json:
    values = {"addon_version": "v1.23.2-eksbuild.1", "service_account_role_arn": arn_of("cni")}
    return {**values, "configuration_values": json.dumps({"env": env})}


def about_plugin(review: Review) -> list[tuple[str, str]]:
    return [
        (finding.rule, finding.level)
        for finding in review.findings
        if finding.rule.startswith(("coverage-", "plugin-")) and finding.level != "note"
    ]


def test_a_scoped_policy_that_is_hardened_takes_nothing_from_the_plugin() -> None:
    review = reviewed(*role(policy(), policy("--harden")), addon(with_env(), with_env()))
    assert not about_plugin(review) and not review.failed
    new = reviewed(*role(None, policy("--harden")), addon(None, with_env()))
    assert about_plugin(new) == [("plugin-identity-changed", "warning")]


@pytest.mark.parametrize(
    ("before", "after", "finding"),
    [
        ({"CLUSTER_NAME": "old"}, {"CLUSTER_NAME": "prod"}, "plugin-configuration-changed"),
        ({}, {"CLUSTER_NAME": "prod"}, None),
        ({}, {"ADDITIONAL_ENI_TAGS": '{"team": "net"}'}, "plugin-permission-missing"),
    ],
)
def test_a_change_of_the_plugin_that_a_hardened_policy_does_not_allow_is_found(
    before: dict[str, str], after: dict[str, str], finding: str | None
) -> None:
    hardened = policy("--harden")
    change = addon(with_env(**before), with_env(**after))
    review = reviewed(*role(hardened, hardened), change)
    assert review.failed == (finding is not None)
    assert finding in (None, *(rule for rule, _ in about_plugin(review)))
