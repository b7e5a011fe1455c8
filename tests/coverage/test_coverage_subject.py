"""What is looked at: the mode and the names that policies themselves say."""

import itertools
import string
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from conftest import run
from coverage_policies import allow, composed, deny
from vpc_cni_iam.catalog import parameters, variants
from vpc_cni_iam.catalog.compose import compose
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.requests import CLUSTER
from vpc_cni_iam.catalog.selection import select
from vpc_cni_iam.coverage import subject
from vpc_cni_iam.coverage.check import check_coverage
from vpc_cni_iam.coverage.names import names_in
from vpc_cni_iam.coverage.subject import of_variant
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.policy.document import Condition, Policy, Statement, dumps
from vpc_cni_iam.policy.evaluate import Decision

SAMPLE = {
    k: v for k, v in parameters.SAMPLE.items() if k in {p.name for p in parameters.PARAMETERS}
}

ONE_REGION = Condition("StringEquals", "aws:RequestedRegion", ("us-east-1",))
VPC_ARN = "arn:aws:ec2:us-east-1:444455556666:vpc/"


def own(resource: str, condition: Condition | None = None) -> Statement:
    return allow("ec2:*", on=resource, when=condition)


def denied(resource: str, condition: Condition | None = None) -> Statement:
    return deny("ec2:*", on=resource, when=condition)


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
    of_lists = {p.name for p in parameters.LISTS}
    sample = {name: value for name, value in SAMPLE.items() if name not in of_lists}
    assert names_in([parameters.substitute(policy, SAMPLE)]) == sample
    assert names_in([composed("ipv4", "latest")]) == {"partition": "aws"}


def test_a_name_that_is_said_in_two_ways_is_not_taken() -> None:
    resources = ("arn:aws:ec2:eu-west-1:111122223333:instance/*", "arn:aws:ec2:*:*:subnet/*")
    more = ("arn:aws:ec2:eu-west-2:111122223333:instance/*",)
    policy = Policy((allow("ec2:*", on=resources + more),))
    assert names_in([policy]) == {"partition": "aws", "account_id": "111122223333"}


def test_a_statement_is_named_by_its_sid_or_its_number() -> None:
    subject = of_variant("ipv4", select(cni_version="latest"), {})
    assert subject.statement(Decision("allowed", 0, 1)) == "2"
    assert subject.statement(Decision("implicitly denied")) == ""


def test_policies_are_checked_by_a_call_of_the_library() -> None:
    scoped = [composed("ipv4-scoped", "latest")]
    newest = check_coverage(scoped)
    assert (newest.verdict, newest.setting.mode) == ("works", "ipv4")
    assert newest.setting.version == known_versions.newest()
    old = check_coverage(scoped, cni_version="v1.13.0")
    assert (old.verdict, [run.verdict for run in old.if_set]) == ("works", ["fails"])
    ipv6 = [composed("ipv6", "latest")]
    assert check_coverage(ipv6).setting.mode == "ipv6"
    assert check_coverage(ipv6).verdict == "works"
    as_ipv4 = check_coverage(ipv6, mode="ipv4")
    assert (as_ipv4.setting.mode, as_ipv4.verdict) == ("ipv4", "fails")
    # Who knows that the VPC is the account's own knows that nobody shares it.
    (variant,) = variants.find(("ipv4-scoped",))
    template = compose(variant, select(cni_version="latest")).policy
    names = {"cluster_name": "prod", "vpc_id": "vpc-01234567", "account_id": "999988887777"}
    own = parameters.substitute(template, parameters.values(names))
    for policies, possible in ((scoped, True), ([own], False)):
        result = check_coverage(policies)
        assert result.verdict == "works"
        assert "shared-subnet" not in {r.scenario.name for r in result.scenario_runs}
        assert ("shared-subnet" in {s.name for s in result.not_expected}) is possible
    assert result.setting.names.cluster_name == "prod"
    with pytest.raises(UsageError, match="newer than this catalog"):
        check_coverage(scoped, cni_version="v9.0.0")
    with pytest.raises(UsageError, match=r"in IPv6 mode at plugin v1\.9\.0"):
        check_coverage(ipv6, cni_version="v1.9.0")


@pytest.mark.parametrize("command", ["coverage", "compare"])
def test_a_policy_larger_than_those_of_a_role_is_refused_before_it_is_evaluated(
    command: str, tmp_path: Path
) -> None:
    statements = [allow(f"ec2:*{i}*{i}*{i}*{i}*{i}*{i}*") for i in range(2_800)]
    path = tmp_path / "policy.json"
    path.write_text(dumps(Policy(tuple(statements)), indent=2))
    done = run(command, *[str(path)] * (1 + (command == "compare")))
    assert done.code == 3
    assert "has 220,178 characters without white space; the policies of a role can have" in (
        done.err
    )
    assert (
        "133,120: 20 managed policies of 6,144, and inline policies of 10,240 together" in done.err
    )


def test_white_space_does_not_count_against_the_size() -> None:
    spaced = Condition("StringEquals", "aws:RequestTag/a", (" " * 200_000,))
    policy = Policy((allow("ec2:*", when=spaced),))
    text = dumps(policy)
    assert subject.of_files(["-"], (), subject.Opener(lambda: text)).policies == (policy,)


def test_the_largest_policies_of_a_role_are_evaluated_within_seconds(tmp_path: Path) -> None:
    """Each form that took longest, at the size of all policies of a role."""
    words = ["".join(letters) for letters in itertools.product(string.ascii_lowercase, repeat=3)]
    many = tuple(f"*:*{word}*" for word in words[:13_000])
    values = tuple(f"*{word}*{word}*" for word in words[:11_000])
    vpc = Condition("StringNotLike", "ec2:Vpc", values)
    largest = {
        "actions": [allow(*many)],
        "statements": [allow(f"ec2:*{i}*", on=f"arn:aws:ec2:*:*:*/x{i}*") for i in range(1_600)],
        "values": [allow("ec2:*", when=vpc)],
    }
    for name, statements in largest.items():
        path = tmp_path / f"{name}.json"
        path.write_text(dumps(Policy(tuple(statements))))
        for options in ((), ("--all-versions",)):
            begin = time.process_time()
            done = run("coverage", str(path), *options)
            assert done.code in (0, 1), done.err
            assert time.process_time() - begin < 10, (name, options)


def test_a_policy_that_the_evaluator_refuses_is_named_as_its_user_knows_it(tmp_path: Path) -> None:
    statement = (
        '{"Effect": "Allow", "Action": "ec2:CreateTags", "Resource": "*", '
        '"Condition": {"StringEqualz": {"aws:RequestTag/team": "blue"}}}'
    )
    policy = f'{{"Version": "2012-10-17", "Statement": [{statement}]}}'
    (tmp_path / "p.json").write_text(policy)
    done = run("coverage", "p.json", cwd=tmp_path)
    assert (done.code, done.out) == (3, "")
    assert done.err == (
        "vpc-cni-iam: error: p.json: $.Statement[0].Condition.StringEqualz.aws:RequestTag/team: "
        "'StringEqualz' is not a condition operator of IAM\n"
    )


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        (own("arn:aws-cn:ec2:*:*:*"), {"partition": "aws-cn"}),
        (
            own("arn:aws:ec2:us-east-1:444455556666:*"),
            {"partition": "aws", "region": "us-east-1", "account_id": "444455556666"},
        ),
        (
            own("*", Condition("StringEquals", "aws:RequestedRegion", ("us-east-2", "ca-west-1"))),
            {},
        ),
        (own("*", ONE_REGION), {"region": "us-east-1"}),
        (
            own("*", Condition("ArnEquals", "ec2:Vpc", (f"{VPC_ARN}vpc-01234567",))),
            {
                "partition": "aws",
                "region": "us-east-1",
                "vpc_owner_id": "444455556666",
                "vpc_id": "vpc-01234567",
            },
        ),
        # What a Deny excepts is not where the plugin is: it may be denied.
        (denied("*", replace(ONE_REGION, operator="StringNotEquals")), {}),
        (replace(denied("*"), resources=(), not_resources=(f"{VPC_ARN}*",)), {}),
        # What is about other services says nothing about the plugin.
        (replace(own("*", ONE_REGION), actions=("s3:*",)), {}),
        # What a Deny is about is what the plugin does not have.
        (denied("*", Condition("StringEquals", "aws:RequestedRegion", ("us-east-1",))), {}),
        (denied("arn:aws:ec2:us-east-1:444455556666:subnet/*"), {}),
        (denied("*", Condition("StringEquals", f"aws:ResourceTag/{CLUSTER}", ("other",))), {}),
        (own("*", Condition("StringNotEquals", f"aws:ResourceTag/{CLUSTER}", ("other",))), {}),
    ],
)
def test_the_names_of_a_policy_are_those_that_it_allows(
    statement: Statement, names: dict[str, str]
) -> None:
    assert names_in([Policy((statement,))]) == names
