"""Guards of the proof: each fails if the proof assumes too much at one place."""

from __future__ import annotations

import pytest

from statements import allow, when
from vpc_cni_iam.policy.document import Condition, Policy, Statement
from vpc_cni_iam.policy.matching.variables import PolicyVariable
from vpc_cni_iam.policy.proof import globs
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import NoNewAccess
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.texts import Texts
from vpc_cni_iam.policy.template import Hole, HoleKind
from vpc_cni_iam.policy.wildcard import Wild


def is_proven(old: Statement, new: Statement) -> bool:
    return no_new_access([Policy((old,))], [Policy((new,))]) == NoNewAccess()


@pytest.mark.parametrize(
    "actions",
    [
        # the keys differ for a capacity reservation, and outside of EC2
        ("ec2:StopInstances", "ec2:CreateTags"),
        ("ec2:StopInstances", "s3:GetObject"),
    ],
)
def test_an_action_stands_only_for_those_with_the_same_keys(actions: tuple[str, ...]) -> None:
    """`pieces._kind`: of actions that the same statements are about, one is looked at."""
    for some in (actions, actions[::-1]):
        old, new = (
            allow(*some, when=when("StringEquals", "1", key=f"{service}:ResourceTag/x"))
            for service in ("ec2", "aws")
        )
        assert not is_proven(old, new)
    old, new = (
        allow(actions[0], when=when("StringEquals", "1", key=f"{service}:ResourceTag/x"))
        for service in ("ec2", "aws")
    )
    assert is_proven(old, new)


def test_a_truth_value_that_is_not_known_may_be_any() -> None:
    """`possible._patterns`: without the known values, nothing would be left."""
    hole = Hole(HoleKind.UNKNOWN, "var.secure")
    secure = Condition("Bool", "aws:SecureTransport", (hole,))
    old = allow("s3:*", when=when("Bool", "true", key="aws:SecureTransport"))
    assert not is_proven(old, allow("s3:*", when=secure))
    both = (secure, *when("BoolIfExists", "false", key="aws:SecureTransport"))
    assert not is_proven(old, allow("s3:*", when=both))


def test_an_address_may_be_before_the_only_network() -> None:
    """`possible._addresses`: the network has the last address, so nothing is after it."""
    elsewhere = Condition("NotIpAddress", "aws:SourceIp", ("128.0.0.0/1",))
    user = Condition("StringNotLike", "aws:SourceIp", ("${aws:username}",))
    there = Condition("Null", "aws:SourceIp", ("false",))
    old = allow("s3:*", when=when("Null", "true", key="aws:SourceIp"))
    assert not is_proven(old, allow("s3:*", when=(elsewhere, user, there)))


def test_a_value_may_be_empty_where_the_old_policy_asks_for_one() -> None:
    """A tag that is there may be empty, which ForAnyValue takes for no value."""
    old = allow("s3:Put*", when=when("ForAnyValue:StringLike", "*", key="aws:RequestTag/x"))
    new = allow("s3:Put*", when=when("Null", "false", key="aws:RequestTag/x"))
    assert not is_proven(old, new)


def test_an_arn_with_a_variable_may_have_too_few_parts() -> None:
    """`globs.of_arn`: ArnLike matches no text with fewer than six parts."""
    pattern = ("arn:aws:ec2:${aws:username}",)
    old, new = (
        allow("s3:*", when=Condition(operator, "aws:PrincipalArn", pattern))
        for operator in ("ArnLike", "StringLike")
    )
    assert not is_proven(old, new)


def test_a_wildcard_in_an_account_may_not_match_colons() -> None:
    """`globs.is_ambiguous`: the account is the last part in which that is open."""
    old, new = "arn:aws:sqs:us-east-1:1*2:q", "arn:aws:sqs:us-east-1:1:x2:q"
    assert not is_proven(allow("sqs:*", on=old), allow("sqs:*", on=new))


def test_texts_with_one_of_several_patterns_have_no_prefix_of_one() -> None:
    """`Texts.prefix`: only patterns that may match a text with it are looked at."""
    either = tuple(globs.of((letter, Wild.RUN)) for letter in "ab")
    texts = Texts().matching(either)
    assert texts is not None
    assert (texts.prefix, texts.text) == ("", None)
    assert texts.matching(either[:1]) == Texts((either, either[:1]))


def test_a_variable_is_in_one_of_several_patterns() -> None:
    """`texts._Machine`: one pattern's positions do not follow those of another."""
    user = PolicyVariable("aws:username")
    without = tuple(globs.of((first, Wild.RUN, last)) for first, last in ("ab", "cd"))
    having = tuple(globs.of(("a", user, last)) for last in "bd")
    assert Texts((without, having)).word(Budget()) is not None
    assert Texts((without, having), having[:1]).word(Budget()) is None
