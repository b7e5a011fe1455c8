"""Guards of the proof: each fails if the proof assumes too much at one place."""

from __future__ import annotations

import pytest

from statements import allow, when
from vpc_cni_iam.policy.document import Condition, Policy, Statement
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import NoNewAccess
from vpc_cni_iam.policy.template import Hole, HoleKind


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
