"""Each way to write one meaning differently, beside a change that looks like it and is none."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpc_cni_iam.policy.document import Condition, Policy, Statement
from vpc_cni_iam.policy.parse import loads
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.review.diff.proofs import proven
from vpc_cni_iam.review.diff.semantic import lines
from vpc_cni_iam.review.diff.verdicts import Line

ENI = "arn:aws:ec2:*:*:network-interface/*"
Json = dict[str, Any]


def policy(*statements: Json, **more: Any) -> Json:
    return {"Version": "2012-10-17", "Statement": list(statements), **more}


def allow(action: Any, resource: Any = "*", **more: Any) -> Json:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any, resource: Any = "*", **more: Any) -> Json:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def difference(old: Json, new: Json) -> tuple[Line, ...]:
    texts = json.dumps(old), json.dumps(new)
    return lines(loads(texts[0], "old"), loads(texts[1], "new"), Budget(), texts)


TAGGED = {"StringEquals": {"aws:ResourceTag/team": "blue"}}
PAIRS = {
    "statements reordered": (
        policy(allow("ec2:A"), allow("ec2:B", ENI)),
        policy(allow("ec2:B", ENI), allow("ec2:A")),
        policy(allow("ec2:B"), allow("ec2:A", ENI)),
    ),
    "actions reordered": (
        policy(allow(["ec2:A", "ec2:B"])),
        policy(allow(["ec2:B", "ec2:A"])),
        policy(allow(["ec2:B", "ec2:C"])),
    ),
    "resources reordered": (
        policy(allow("ec2:A", [ENI, "arn:aws:ec2:*:*:subnet/*"])),
        policy(allow("ec2:A", ["arn:aws:ec2:*:*:subnet/*", ENI])),
        policy(allow("ec2:A", ["arn:aws:ec2:*:*:*/*", ENI])),
    ),
    "a list of one": (
        policy(allow(["ec2:A"], [ENI])),
        policy(allow("ec2:A", ENI)),
        policy(allow("ec2:A*", ENI)),
    ),
    "an empty Sid": (
        policy(allow("ec2:A", Sid="")),
        policy(allow("ec2:A")),
        policy(deny("ec2:A")),
    ),
    "another Sid": (
        policy(allow("ec2:A", Sid="One")),
        policy(allow("ec2:A", Sid="Two")),
        policy(allow("ec2:A2", Sid="One")),
    ),
    "the case of an action": (
        policy(allow("ec2:createtags", ENI)),
        policy(allow("ec2:CreateTags", ENI)),
        policy(allow("ec2:CreateTags", ENI.replace("network", "Network"))),
    ),
    "every action of every service": (
        policy(allow("*:*")),
        policy(allow("*")),
        policy(allow("*:G*")),
    ),
    "everything for every action": (
        policy(allow("*")),
        policy(allow("*:*")),
        policy(allow("e*:*")),
    ),
    "a value that stands twice": (
        policy(allow(["ec2:A", "ec2:A"])),
        policy(allow("ec2:A")),
        policy(allow(["ec2:A", "ec2:B"])),
    ),
    "values of a condition reordered": (
        policy(allow("ec2:A", Condition={"StringEquals": {"ec2:Region": ["x", "y"]}})),
        policy(allow("ec2:A", Condition={"StringEquals": {"ec2:Region": ["y", "x"]}})),
        policy(allow("ec2:A", Condition={"StringLike": {"ec2:Region": ["y*", "x"]}})),
    ),
    "a statement split in two": (
        policy(allow(["ec2:A", "ec2:B"])),
        policy(allow("ec2:A"), allow("ec2:B")),
        policy(allow("ec2:A"), allow("ec2:B", Condition=TAGGED)),
    ),
    "what another statement allows anyway": (
        policy(allow("ec2:*")),
        policy(allow("ec2:*"), allow("ec2:A", ENI)),
        policy(allow("ec2:*"), allow("iam:A")),
    ),
    "a Deny of what nothing allows": (
        policy(allow("ec2:A")),
        policy(allow("ec2:A"), deny("s3:B")),
        policy(allow("ec2:A"), deny("ec2:A", Condition=TAGGED)),
    ),
    "an operator that compares alike": (
        policy(allow("ec2:A", Condition=TAGGED)),
        policy(allow("ec2:A", Condition={"StringLike": TAGGED["StringEquals"]})),
        policy(allow("ec2:A", Condition={"StringEqualsIfExists": TAGGED["StringEquals"]})),
    ),
    "the old version, where nothing is a variable": (
        policy(allow("s3:A"), Version="2008-10-17"),
        policy(allow("s3:A")),
        policy(allow("s3:A", "arn:aws:s3:::${aws:username}")),
    ),
    "the Id": (policy(allow("ec2:A"), Id="a"), policy(allow("ec2:A")), policy(allow("ec2:?"))),
}


@pytest.mark.parametrize("name", PAIRS)
def test_what_means_the_same_is_said_to_and_what_looks_like_it_is_not(name: str) -> None:
    old, same, other = PAIRS[name]
    harmless = difference(old, same)
    assert harmless
    assert {line.effect for line in harmless} == {"no-op"}
    assert {line.effect for line in difference(old, other)} - {"no-op"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a list of one", ("respelled", "a list of one value, or the value alone")),
        ("an empty Sid", ("relabelled", "an empty Sid")),
        (
            "values of a condition reordered",
            ("reordered", "values of ec2:Region of statement 1"),
        ),
    ],
)
def test_what_only_the_json_has_otherwise_is_named(name: str, expected: tuple[str, str]) -> None:
    old, same, _ = PAIRS[name]
    assert [(line.kind, line.text) for line in difference(old, same)] == [expected]


def test_a_value_that_is_no_text_may_be_a_list_of_one() -> None:
    texts = [
        json.dumps(policy(allow("ec2:A", Condition={"Bool": {"aws:SecureTransport": value}})))
        for value in (True, [True])
    ]
    first, other = (loads(text, "p") for text in texts)
    (line,) = lines(first, other, Budget(), (texts[0], texts[1]))
    assert line.text == "a list of one value, or the value alone"


def test_white_space_alone_is_said() -> None:
    document = policy(allow("ec2:A"))
    first, other = json.dumps(document), json.dumps(document, indent=2)
    shown_lines = lines(loads(first, "a"), loads(other, "b"), Budget(), (first, other))
    assert [(line.effect, line.kind) for line in shown_lines] == [("no-op", "respelled")]


def test_a_version_that_gives_variables_a_meaning_is_a_gain_and_a_loss() -> None:
    variable = allow("s3:A", "arn:aws:s3:::${aws:username}")
    changes = difference(policy(variable, Version="2008-10-17"), policy(variable))
    assert {line.effect for line in changes} == {"gain", "loss"}


STATEMENTS = st.builds(
    lambda effect, actions, resource, condition: {
        "Effect": effect,
        "Action": actions,
        "Resource": resource,
        **({"Condition": condition} if condition else {}),
    },
    st.sampled_from(("Allow", "Allow", "Deny")),
    st.lists(st.sampled_from(("ec2:A", "ec2:B", "ec2:*", "s3:A")), min_size=1, max_size=2),
    st.sampled_from(("*", ENI, "arn:aws:ec2:*:*:network-interface/eni-1")),
    st.sampled_from((None, None, TAGGED)),
)
POLICIES = st.lists(STATEMENTS, max_size=3).map(lambda statements: policy(*statements))


@settings(max_examples=50)
@given(POLICIES, POLICIES)
def test_a_gain_is_shown_where_and_only_where_there_is_one(old: Json, new: Json) -> None:
    changes = difference(old, new)
    first, other = loads(json.dumps(old), "old"), loads(json.dumps(new), "new")
    effects = {line.effect for line in changes}
    if not proven([first], [other], Budget()):
        assert "gain" in effects
    if not proven([other], [first], Budget()):
        assert "loss" in effects
    if proven([first], [other], Budget()) and proven([other], [first], Budget()):
        # Each line may gain or lose by itself; if all lines are no-ops, so is the whole.
        assert first == other or changes
    if effects == {"no-op"}:
        assert proven([first], [other], Budget()) and proven([other], [first], Budget())


@settings(max_examples=50)
@given(POLICIES, POLICIES, POLICIES)
def test_a_gain_beside_another_policy_is_shown_where_that_may_stand(
    old: Json, new: Json, beside: Json
) -> None:
    item, other, third = (loads(json.dumps(p), "policy") for p in (old, new, beside))
    effects = {line.effect for line in lines(item, other, Budget(), alone=False)}
    if not proven([item, third], [other, third], Budget()):
        assert "gain" in effects
    if not proven([other, third], [item, third], Budget()):
        assert "loss" in effects


def test_a_deny_that_applies_to_nothing_is_not_said_to_be_denied_by_another() -> None:
    never = (
        Condition("StringEquals", "s3:prefix", ("a",)),
        Condition("Null", "s3:prefix", ("true",)),
    )
    gone = Statement("Deny", actions=("s3:*",), resources=("*",), conditions=never)
    twice = Statement("Deny", actions=("s3:Get*",), resources=("*",))
    allow = Statement(actions=("s3:*",), resources=("*",))
    every = Statement("Deny", actions=("s3:*",), resources=("*",))

    def text(old: tuple[Statement, ...], new: tuple[Statement, ...], alone: bool = False) -> str:
        (line,) = lines(Policy(old), Policy(new), Budget(), alone=alone)
        assert line.effect == "no-op"
        return line.text.rpartition("(")[2].rstrip(")")

    for alone in (False, True):
        assert text((allow, gone), (allow,), alone) == "it applies to no request"
        assert text((allow,), (allow, gone), alone) == "it applies to no request"
        assert text((allow, twice, every), (allow, every), alone) == "another Deny denies it"
    other = Statement(actions=("ec2:*",), resources=("*",))
    assert text((other, twice), (other,), alone=True) == "nothing allows it"


@pytest.mark.parametrize(
    ("key", "operator", "wide", "narrow"),
    [
        ("aws:SourceIp", "IpAddress", ("10.0.0.0/8",), ("10.1.0.0/16",)),
        ("aws:SourceIp", "IpAddress", ("10.0.0.0/8",), ("10.0.0.0/9", "10.128.0.0/10")),
        ("aws:MultiFactorAuthAge", "NumericLessThan", ("3600",), ("900",)),
        ("aws:CurrentTime", "DateLessThan", ("2027-01-01",), ("2026-01-01",)),
    ],
)
def test_a_narrower_interval_is_no_gain(
    key: str, operator: str, wide: tuple[str, ...], narrow: tuple[str, ...]
) -> None:
    def policy(values: tuple[str, ...]) -> Policy:
        condition = Condition(operator, key, values)
        return Policy((Statement(actions=("ec2:*",), resources=("*",), conditions=(condition,)),))

    (tightened,) = lines(policy(wide), policy(narrow), Budget(), alone=False)
    assert (tightened.effect, tightened.kind) == ("loss", "tightened")
    (weakened,) = lines(policy(narrow), policy(wide), Budget(), alone=False)
    assert (weakened.effect, weakened.kind) == ("gain", "weakened")
