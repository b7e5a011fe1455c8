"""What is looked at: the mode and the names that policies themselves say."""

import json

import pytest

from coverage_policies import composed
from vpc_cni_iam.catalog import parameters, variants
from vpc_cni_iam.catalog.compose import compose
from vpc_cni_iam.catalog.selection import select
from vpc_cni_iam.coverage import subject
from vpc_cni_iam.coverage.subject import names_in, of_variant
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.evaluate import Decision

SAMPLE = {
    k: v for k, v in parameters.SAMPLE.items() if k in {p.name for p in parameters.PARAMETERS}
}


def test_the_mode_is_that_of_the_addresses_the_policy_assigns() -> None:
    for variant, mode in (
        ("ipv4", "ipv4"),
        ("ipv6", "ipv6"),
        ("ipv6-scoped", "ipv6"),
        ("ipv4-ipv6", "ipv4"),
    ):
        assert of_variant(variant, select(cni_version="latest"), {}).mode == mode


def test_names_are_read_from_conditions_and_resources() -> None:
    (scoped,) = variants.find(("ipv4-scoped",))
    policy = compose(scoped, select(cni_version="latest", features=["hyperpod"])).policy
    assert names_in([parameters.substitute(policy, SAMPLE)]) == SAMPLE
    assert names_in([composed("ipv4", "latest")]) == {"partition": "aws"}


def test_a_name_that_is_said_in_two_ways_is_not_taken() -> None:
    resources = ("arn:aws:ec2:eu-west-1:111122223333:instance/*", "arn:aws:ec2:*:*:subnet/*")
    more = ("arn:aws:ec2:eu-west-2:111122223333:instance/*",)
    policy = Policy((Statement(actions=("ec2:*",), resources=resources + more),))
    assert names_in([policy]) == {"partition": "aws", "account_id": "111122223333"}


def test_a_statement_is_named_by_its_sid_or_its_number() -> None:
    subject = of_variant("ipv4", select(cni_version="latest"), {})
    assert subject.statement(Decision("allowed", 0, 1)) == "2"
    assert subject.statement(Decision("implicitly denied")) == ""


def test_more_statements_than_a_role_can_have_are_refused_before_they_are_compiled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    statement = {"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement] * 20_000})
    compiled: list[object] = []
    monkeypatch.setattr(subject, "compile_policies", compiled.append)
    with pytest.raises(InputError, match="holds 20,000 statements, and the policies of a role"):
        subject.of_input("-", lambda: text, (), {})
    assert compiled == []
