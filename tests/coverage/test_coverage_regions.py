"""A Region that a Deny names is not where the plugin is, and a Region decides the partition."""

import xml.etree.ElementTree as ET
from pathlib import Path
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from conftest import run
from coverage_policies import NEWEST, allow, composed, deny, reported, setting
from daemonsets import daemonset
from synthetic import document
from vpc_cni_iam.catalog.facts.partitions import all_regions
from vpc_cni_iam.coverage.analysis.cover import cover
from vpc_cni_iam.coverage.check import check_coverage
from vpc_cni_iam.coverage.judge.verdict import Verdict
from vpc_cni_iam.coverage.names import known_names, names_of
from vpc_cni_iam.policy.document import Condition, Policy, Statement

ELSEWHERE = "fails elsewhere: give `--set region=REGION`"
GUARDRAILS: dict[str, Any] = {
    "one": {"Action": "*", "Condition": {"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}}},
    "two": {
        "NotAction": ["iam:*", "sts:*"],
        "Condition": {"StringNotEquals": {"ec2:Region": ["us-east-1", "us-west-2"]}},
    },
    "pattern": {"Action": "*", "Condition": {"StringNotLike": {"aws:RequestedRegion": "us-*"}}},
    "arn": {"Action": "ec2:*Tags", "NotResource": "arn:aws:ec2:us-east-1:*:*"},
    "variable": {
        "Action": "*",
        "Condition": {"StringLike": {"aws:RequestedRegion": "us-${aws:PrincipalTag/place}"}},
    },
    "here": {"Action": "*", "Condition": {"StringEquals": {"ec2:Region": "us-east-1"}}},
    "s3": {"Action": "s3:*", "Condition": {"StringNotEquals": {"ec2:Region": "us-east-1"}}},
}
IN_US = {"aws:RequestedRegion": "us-*"}
NAMES = ("--cluster-name", "prod", "--vpc-id", "vpc-0123456789abcdef0")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ipv4.json").write_text(run("policy", "ipv4").out)
    for name, statement in GUARDRAILS.items():
        resource = {} if "NotResource" in statement else {"Resource": "*"}
        whole = document({"Effect": "Deny", **resource, **statement})
        (tmp_path / f"{name}.json").write_text(whole)
    return tmp_path


@pytest.mark.parametrize(
    ("guardrail", "verdict"),
    [
        ("one", f"works in us-east-1; {ELSEWHERE}"),
        ("two", f"works in us-east-1, us-west-2; {ELSEWHERE}"),
        ("pattern", f"works in us-*; {ELSEWHERE}"),
        ("arn", f"works in us-east-1; {ELSEWHERE}"),
        ("here", "works elsewhere; fails in us-east-1: give `--set region=REGION`"),
        ("variable", "works elsewhere; unknown in us-*: give `--set region=REGION`"),
    ],
)
@pytest.mark.parametrize("how", [(), ("--boundary", "ipv4.json", "--scp")])
def test_each_region_that_a_guardrail_names_is_checked_and_one_that_it_does_not(
    guardrail: str, verdict: str, how: tuple[str, ...], folder: Path
) -> None:
    words = ("coverage", "ipv4.json", *how, f"{guardrail}.json")
    done = run(*words, cwd=folder)
    assert (done.code, done.err) == (1, "")
    first, *_, last = done.out.splitlines()
    # The plugin is in one of them, and the input does not say in which.
    expected = f"unknown ({verdict})"
    assert first.endswith(f", IPv4: {expected}") and last == expected
    works = "eu-west-1" if verdict.startswith("works elsewhere") else "us-east-1"
    fails = "us-east-1" if works == "eu-west-1" else "eu-west-1"
    for region, code in ((works, 0), (fails, 1)):
        assert run(*words, "--set", f"region={region}", cwd=folder).code == code


def test_a_guardrail_that_makes_no_difference_is_not_mentioned(folder: Path) -> None:
    done = run("coverage", "ipv4.json", "s3.json", cwd=folder)
    assert done.code == 0 and "--region" not in done.out


def test_every_format_says_where_the_plugin_works(folder: Path) -> None:
    words = ("coverage", "ipv4.json", "--scp", "two.json")
    report = reported(folder, *words[1:])
    assert report["verdict"] == "unknown"
    assert report["regions"] == [
        {"region": "us-east-1", "checked": "us-east-1", "verdict": "works"},
        {"region": "us-west-2", "checked": "us-west-2", "verdict": "works"},
        {"region": None, "checked": "eu-west-1", "verdict": "fails"},
    ]
    verdict = (
        f"works with v1.1.0 to {NEWEST} in us-east-1, us-west-2; "
        "works with no known version elsewhere: give `--set region=REGION`"
    )
    done = run(*words, "--all-versions", cwd=folder)
    first, *_, last = done.out.splitlines()
    assert done.code == 1 and first.endswith(f", IPv4, in eu-west-1: {verdict}") and last == verdict
    matrix = reported(folder, *words[1:], "--all-versions")
    assert [r["works_with"] for r in matrix["regions"]] == [[["v1.1.0", NEWEST]]] * 2 + [[]]
    drawn = run(*words, "--format", "svg", cwd=folder).out
    assert verdict in " ".join("".join(ET.fromstring(drawn).itertext()).split())


def test_the_region_of_an_allow_is_the_plugins(folder: Path) -> None:
    policy = run("policy", "ipv4-scoped", *NAMES, "--region", "us-west-2").out
    (folder / "scoped.json").write_text(policy)
    done = run("coverage", "scoped.json", cwd=folder)
    assert done.code == 0 and "region us-west-2" in done.err
    # A guardrail for another Region denies all the same.
    assert run("coverage", "scoped.json", "one.json", cwd=folder).code == 1
    (folder / "east.json").write_text(policy.replace("us-west-2", "us-east-1"))
    done = run("coverage", "scoped.json", "east.json", cwd=folder)
    verdict = "unknown (works in us-west-2, us-east-1; fails elsewhere: give `--set region=REGION`)"
    assert done.out.splitlines()[-1] == verdict


def test_the_region_of_a_daemonset_is_known(folder: Path) -> None:
    (folder / "ds.json").write_text(daemonset(AWS_REGION="us-east-1"))
    words = ("coverage", "ipv4.json", "one.json", "--daemonset", "ds.json")
    assert run(*words, cwd=folder).code == 0
    assert run(*words, "--set", "region=eu-west-1", cwd=folder).code == 1


def test_a_risk_in_one_of_the_regions_is_listed(folder: Path) -> None:
    assert "interfaces-unscoped" in run("coverage", "ipv4.json", "one.json", cwd=folder).out


@pytest.mark.parametrize(
    ("region", "partition"),
    [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eu-isoe-west-1", "aws-iso-e")],
)
def test_a_region_decides_the_partition(region: str, partition: str, folder: Path) -> None:
    words = ("policy", "ipv4-scoped", *NAMES, "--region", region)
    policy = run(*words).out
    assert f"arn:{partition}:ec2:{region}:" in policy and "arn:aws:" not in policy
    assert run(*words, "--partition", partition).out == policy
    refused = run(*words, "--partition", "aws")
    assert (refused.code, refused.out) == (2, "")
    problem = f"the partition aws does not have the Region {region}, which {partition} has"
    assert problem in refused.err
    (folder / "policy.json").write_text(policy)
    assert run("coverage", "policy.json", cwd=folder).code == 0
    # Its ARNs are of resources that do not exist.
    (folder / "policy.json").write_text(policy.replace(f"arn:{partition}:", "arn:aws:"))
    done = run("coverage", "policy.json", cwd=folder)
    assert done.code == 1 and ": fails" in done.out.splitlines()[0]


def test_a_partition_decides_the_example_of_a_region(folder: Path) -> None:
    policy = run("policy", "ipv4-scoped", *NAMES, "--partition", "aws-cn").out
    (folder / "policy.json").write_text(policy)
    regions = {
        check["context"]["aws:RequestedRegion"]
        for scenario in reported(folder, "policy.json")["scenarios"]
        for call in scenario["calls"]
        for check in call["checks"]
    }
    assert regions == {"cn-north-1"}
    refused = run(
        "coverage", "policy.json", "--set", "region=eu-west-1", "--set", "partition=aws-cn"
    )
    assert refused.code == 2 and "the partition aws-cn does not have the Region" in refused.err


def test_a_call_of_the_library_checks_each_region_too() -> None:
    outside = Condition("StringNotEquals", "aws:RequestedRegion", ("us-east-1",))
    guarded = Policy((*composed("ipv4", "latest").statements, deny("*", when=outside)))
    coverage = check_coverage([guarded])
    assert coverage.verdict is Verdict.unknown
    verdicts = {region.name: verdict for region, verdict in coverage.by_region.items()}
    assert verdicts == {"us-east-1": Verdict.works, None: Verdict.fails}


@pytest.mark.parametrize(
    ("statement", "region"),
    [
        ({"Condition": {"StringLike": IN_US | {"ec2:Region": "*-2"}}}, "us-west-2"),
        (
            {"Condition": {"StringLike": IN_US, "StringNotLike": {"ec2:Region": "*-east-1"}}},
            "us-west-1",
        ),
        ({"Condition": {"StringLike": {"ec2:AvailabilityZone": "us-*"}}}, "us-east-1"),
        ({"Condition": {"StringEquals": {"ec2:AvailabilityZone": "us-east-1a"}}}, "us-east-1"),
        ({"Resource": "arn:aws:ec2:us-*"}, "us-east-1"),
        ({"Resource": "arn:aws-us-gov:ec2:us-*"}, "us-gov-west-1"),
        ({"Resource": "arn:aws-cn:*"}, "cn-north-1"),
        ({"Resource": "arn:aws-iso*:*"}, "us-iso-east-1"),
    ],
)
def test_no_region_in_which_a_deny_applies_is_missed(
    statement: dict[str, Any], region: str, folder: Path
) -> None:
    every = {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}
    policy = document(every, {"Effect": "Deny", "Action": "*", "Resource": "*", **statement})
    (folder / "deny.json").write_text(policy)
    words = ("coverage", "deny.json")
    done = run(*words, cwd=folder)
    assert done.code == run(*words, "--set", f"region={region}", cwd=folder).code == 1
    assert run(*words, "--set", "region=eu-west-1", cwd=folder).code == 0
    # Of a zone it is not known whether the node is in it.
    verdict = "unknown" if "-east-1a" in str(statement) else "fails"
    assert f"elsewhere; {verdict} in " in done.out.splitlines()[-1]


NAMES_OF_REGIONS = ("us-*", "eu-*", "*-1", "*-2", "us-east-?", "eu-west-1", "cn-*", "xx-north-9")
ARNS = ("arn:aws:ec2:us-*", "arn:aws:ec2:*-1:*:*", "arn:aws-cn:*", "arn:*:ec2:eu-west-?:*:*/*")
OPERATORS = ("StringLike", "StringNotLike", "StringEquals", "ForAllValues:StringNotLike")
KEYS = ("aws:RequestedRegion", "ec2:Region", "ec2:AvailabilityZone")


def random_deny(choices: Random) -> Statement:
    if choices.random() < 0.2:
        return deny("*", on=choices.choice(ARNS))
    conditions = {
        (choices.choice(OPERATORS), key): tuple(choices.sample(NAMES_OF_REGIONS, 2))
        for key in choices.sample(KEYS, choices.choice((1, 2)))
    }
    every = (Condition(*names, values) for names, values in conditions.items())
    return replace(deny("*"), conditions=tuple(every))


@pytest.mark.parametrize("seed", range(20))
def test_the_verdict_for_an_unknown_region_holds_in_every_region(seed: int) -> None:
    """`works` only if it works in all, and a failure of a check if it is one in any."""
    choices = Random(seed)
    policy = Policy((allow("ec2:*"), random_deny(choices)))
    verdict = check_coverage([policy]).verdict
    for region in all_regions():
        names = names_of(known_names({"region": region}))
        there = cover([policy], replace(setting(), names=names)).verdict
        assert verdict in ("unknown", "fails") or there not in ("unknown", "fails"), region
        assert verdict is not Verdict.works or there is Verdict.works, region
        assert verdict is not Verdict.fails or there is Verdict.fails, region
