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


def trust(effect: str, **who: Any) -> Json:
    return {"Effect": effect, "Action": "sts:AssumeRole", **who}


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


TWO_KEYS = {"StringEquals": {"aws:ResourceTag/a": "x", "aws:ResourceTag/b": "y"}}
OTHER_ORDER = {"StringEquals": {"aws:resourcetag/b": "y", "aws:ResourceTag/a": "x"}}
ACCOUNTS = ["111122223333", "444455556666"]
REWORDED: dict[str, tuple[Json, Json, list[str]]] = {
    "principals reordered": (
        policy(trust("Allow", Principal={"AWS": ACCOUNTS})),
        policy(trust("Allow", Principal={"AWS": ACCOUNTS[::-1]})),
        ["reordered: principals of statement 1"],
    ),
    "excepted principals reordered": (
        policy(trust("Deny", NotPrincipal={"AWS": ACCOUNTS})),
        policy(trust("Deny", NotPrincipal={"AWS": ACCOUNTS[::-1]})),
        ["reordered: principals of statement 1"],
    ),
    "conditions reordered": (
        policy(allow("ec2:A", Condition=TWO_KEYS)),
        policy(allow("ec2:A", Condition=OTHER_ORDER)),
        [
            "reordered: conditions of statement 1",
            "respelled: condition key aws:ResourceTag/b of statement 1 as aws:resourcetag/b",
        ],
    ),
    "a value of a longer list that stands twice": (
        policy(allow(["ec2:A", "ec2:B", "ec2:B"])),
        policy(allow(["ec2:B", "ec2:A"])),
        ["respelled: Action of statement 1: a value that stands twice"],
    ),
    "a value of a list of one that stands twice": (
        policy(allow(["ec2:A"])),
        policy(allow(["ec2:A", "ec2:A"])),
        ["respelled: Action of statement 1: a value that stands twice"],
    ),
    "a value of a condition that stands twice": (
        policy(allow("ec2:A", Condition={"StringEquals": {"ec2:Region": ["x", "y"]}})),
        policy(allow("ec2:A", Condition={"StringEquals": {"ec2:Region": ["x", "y", "x"]}})),
        ["respelled: values of ec2:Region of statement 1: a value that stands twice"],
    ),
    "a later statement": (
        policy(allow("ec2:A"), allow("ec2:B", ENI)),
        policy(allow("ec2:A"), allow(["ec2:B"], ENI, Sid="")),
        ["respelled: a list of one value, or the value alone", "relabelled: an empty Sid"],
    ),
    "the same statement twice": (
        policy(allow("ec2:A"), allow("ec2:A")),
        policy(allow("ec2:A")),
        ["regrouped: statements that together mean the same"],
    ),
}
for _name, _told in {
    "statements reordered": "reordered: statements",
    "actions reordered": "reordered: Action of statement 1",
    "resources reordered": "reordered: Resource of statement 1",
    "a list of one": "respelled: a list of one value, or the value alone",
    "an empty Sid": "relabelled: an empty Sid",
    "another Sid": "relabelled: Sid of statement 1 from 'One' to 'Two'",
    "the case of an action": "respelled: Action of statement 1: upper and lower case",
    "values of a condition reordered": "reordered: values of ec2:Region of statement 1",
    "a statement split in two": "regrouped: statements that together mean the same",
    "the Id": "relabelled: Id from 'a' to ''",
}.items():
    REWORDED[_name] = (*PAIRS[_name][:2], [_told])


@pytest.mark.parametrize("name", REWORDED)
def test_what_only_the_json_has_otherwise_is_named(name: str) -> None:
    old, same, expected = REWORDED[name]
    told = difference(old, same)
    assert [f"{line.kind}: {line.text}" for line in told] == expected
    assert {line.effect for line in told} == {"no-op"}


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


def test_policies_of_which_one_is_not_there_as_json_are_compared_by_what_they_mean() -> None:
    first, other = (json.dumps(policy(allow(action))) for action in (["ec2:A"], "ec2:A"))
    for texts in (("", other), (first, "")):
        (line,) = lines(loads(first, "a"), loads(other, "b"), Budget(), texts)
        assert (line.effect, line.kind) == ("no-op", "respelled")


def test_a_version_that_gives_variables_a_meaning_is_a_gain_and_a_loss() -> None:
    variable = allow("s3:A", "arn:aws:s3:::${aws:username}")
    changes = difference(policy(variable, Version="2008-10-17"), policy(variable))
    assert {line.effect for line in changes} == {"gain", "loss"}


ROOT = trust("Allow", Principal={"AWS": "arn:aws:iam::111122223333:root"})
NOT_PRINCIPAL = trust("Deny", NotPrincipal={"AWS": "111122223333"})
VARIABLE = allow("s3:A", "arn:aws:s3:::${aws:username}")
NOT_REASONED = "changed: NotPrincipal is not reasoned about: its effect is up to the service"
VARIABLES = (
    "changed: Version from 2008-10-17 to 2012-10-17: policy variables such as ${aws:username} "
    "mean something only in 2012-10-17"
)
BOTH = [f"gain {VARIABLES}", f"loss {VARIABLES}"]
TOLD: dict[str, tuple[Json | None, Json | None, list[str]]] = {
    "no change": (policy(allow("ec2:A")), policy(allow("ec2:A")), []),
    "a new policy of the old version": (
        None,
        policy(allow("ec2:A"), Version="2008-10-17"),
        ["gain allowed: ec2:A on *"],
    ),
    "a deleted policy of the old version": (
        policy(allow("ec2:A"), Version="2008-10-17"),
        None,
        ["loss no longer allowed: ec2:A on *"],
    ),
    "actions in place of others": (
        policy(allow(["ec2:A", "ec2:B"])),
        policy(allow(["ec2:B", "ec2:C"])),
        ["gain allowed: ec2:C on *", "loss no longer allowed: ec2:A on *"],
    ),
    "neither contains the other": (
        policy(allow("ec2:A", "arn:aws:ec2:*:*:subnet/a*")),
        policy(allow("ec2:A", "arn:aws:ec2:*:*:subnet/*a")),
        [
            f"{effect} changed: ec2:A from arn:aws:ec2:*:*:subnet/a* to arn:aws:ec2:*:*:subnet/*a"
            for effect in ("gain", "loss")
        ],
    ),
    "another statement allowed it before": (
        policy(allow("ec2:*")),
        policy(allow("ec2:*"), allow("ec2:A", ENI)),
        [f"no-op redundant: ec2:A on {ENI} (allowed before, too)"],
    ),
    "another statement still allows it": (
        policy(allow("ec2:*"), allow("ec2:A", ENI)),
        policy(allow("ec2:*")),
        [f"no-op redundant: ec2:A on {ENI} (still allowed by another statement)"],
    ),
    "a Deny denies what comes": (
        policy(allow("ec2:*"), deny("s3:*")),
        policy(allow(["ec2:*", "s3:A"]), deny("s3:*")),
        ["no-op redundant: s3:A on * (a Deny denies it)"],
    ),
    "a Deny denied what goes": (
        policy(allow(["ec2:*", "s3:A"]), deny("s3:*")),
        policy(allow(["ec2:*", "iam:A"]), deny("s3:*")),
        ["gain allowed: iam:A on *", "no-op redundant: s3:A on * (a Deny denies it)"],
    ),
    "a Deny comes of what comes with it": (
        policy(allow("ec2:*")),
        policy(allow(["ec2:A", "s3:B"]), deny("s3:B")),
        [
            "loss narrowed: ec2:* to ec2:A on *",
            "no-op redundant: s3:B on * (a Deny denies it)",
            "no-op redundant: denied: s3:B on * (nothing allowed it before)",
        ],
    ),
    "a Deny goes of what nothing allows": (
        policy(allow("ec2:*"), deny("s3:A")),
        policy(allow(["ec2:*", "iam:A"])),
        ["gain allowed: iam:A on *", "no-op redundant: denied: s3:A on * (nothing allows it)"],
    ),
    "a Deny goes that another one repeats": (
        policy(allow("ec2:*"), deny("ec2:A"), deny("ec2:A*")),
        policy(allow(["ec2:*", "s3:A"]), deny("ec2:A*")),
        ["gain allowed: s3:A on *", "no-op redundant: denied: ec2:A on * (another Deny denies it)"],
    ),
    "a Deny goes": (
        policy(allow("ec2:*"), deny("ec2:A")),
        policy(allow("ec2:*")),
        ["gain no longer denied: ec2:A on *"],
    ),
    "a Deny comes": (
        policy(allow("ec2:*")),
        policy(allow("ec2:*"), deny("ec2:A")),
        ["loss denied: ec2:A on *"],
    ),
    "two conditions in place of one": (
        policy(allow("ec2:A", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})),
        policy(
            allow(
                ["ec2:A", "iam:A"],
                Condition={"IpAddress": {"aws:SourceIp": ["10.0.0.0/9", "10.128.0.0/9"]}},
            )
        ),
        [
            "gain allowed: iam:A on * if aws:SourceIp IpAddress '10.0.0.0/9' or '10.128.0.0/9'",
            "no-op respelled: ec2:A on *: condition on aws:SourceIp changed from IpAddress "
            "'10.0.0.0/8' to IpAddress '10.0.0.0/9' or '10.128.0.0/9' (the policy as a whole is "
            "proven to decide alike)",
        ],
    ),
    "variables that mean something now": (
        policy(VARIABLE, Version="2008-10-17"),
        policy(VARIABLE),
        BOTH,
    ),
    "a variable that only one of them has": (
        policy(VARIABLE, Version="2008-10-17"),
        policy(allow("s3:A")),
        ["gain widened: s3:A from arn:aws:s3:::${aws:username} to *", *BOTH],
    ),
    "an operator that IAM does not have": (
        policy(allow("ec2:A", Condition={"Is": TAGGED["StringEquals"]})),
        policy(allow("ec2:A", Condition={"Is": TAGGED["StringEquals"]}), allow("ec2:A", ENI)),
        [
            f"gain allowed: ec2:A on {ENI}",
            "loss changed: not everything is proven to stay allowed",
        ],
    ),
    "a Deny that is not reasoned about comes": (
        policy(ROOT),
        policy(ROOT, NOT_PRINCIPAL),
        [f"gain {NOT_REASONED}", "loss denied: sts:AssumeRole by all but AWS 111122223333"],
    ),
    "a Deny that is not reasoned about goes": (
        policy(ROOT, NOT_PRINCIPAL),
        policy(ROOT),
        [
            "gain no longer denied: sts:AssumeRole by all but AWS 111122223333",
            "loss changed: not everything is proven to stay allowed",
        ],
    ),
}


@pytest.mark.parametrize("name", TOLD)
def test_each_line_says_what_it_is_proven_to_be(name: str) -> None:
    old, new, expected = TOLD[name]
    before, after = (loads(json.dumps(p), "policy") if p else None for p in (old, new))
    told = lines(before, after, Budget())
    assert [f"{line.effect} {line.kind}: {line.text}" for line in told] == expected


@pytest.mark.parametrize("make", [allow, deny])
def test_nothing_is_proven_of_a_policy_with_places_that_are_not_known(make: Any) -> None:
    less = loads(json.dumps(policy(make("ec2:*"))), "less")
    more = loads(json.dumps(policy(make("ec2:*"), make("ec2:A", ENI))), "more")
    (come,) = lines(less, more, Budget(), exact=False)
    (go,) = lines(more, less, Budget(), exact=False)
    words = ("allowed", "no longer allowed") if make is allow else ("denied", "no longer denied")
    effects = ("gain", "loss") if make is allow else ("loss", "gain")
    assert ((come.effect, go.effect), (come.kind, go.kind)) == (effects, words)
    other = loads(json.dumps(policy(make("s3:A"), make("ec2:*"))), "other")
    (alone,) = lines(less, other, Budget(), exact=False)
    assert (alone.effect, alone.text) == (effects[0], "s3:A on *")


def test_a_policy_of_which_other_policies_may_allow_more_proves_nothing_of_its_denies() -> None:
    old, new = (
        loads(json.dumps(policy(*statements)), "policy")
        for statements in ([allow("ec2:*"), deny("s3:A")], [allow("ec2:*")])
    )
    (redundant,) = lines(old, new, Budget())
    assert redundant.effect == "no-op"
    (gone,) = lines(old, new, Budget(), alone=False)
    assert (gone.effect, gone.kind, gone.text) == ("gain", "no longer denied", "s3:A on *")


def test_what_too_few_steps_are_left_for_counts_as_what_it_looks_like() -> None:
    old, new = (loads(json.dumps(policy(allow(action))), "policy") for action in ("*:*", "*"))
    assert {line.effect for line in lines(old, new, Budget())} == {"no-op"}
    told = lines(old, new, Budget(0))
    assert {line.effect for line in told} == {"gain", "loss"}
    assert all("(too complex to be compared" in line.text for line in told)
    assert not any("too complex" in line.text for line in lines(old, None, Budget()))


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
