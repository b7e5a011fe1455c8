"""The meaning of a change: every real change has a word, and what is none has none."""

from dataclasses import replace

import pytest

from vpc_cni_iam.policy.change import OPENING, changes
from vpc_cni_iam.policy.document import Condition, Policy, Principal, Statement

TAG = Condition("StringEquals", "aws:ResourceTag/team", ("blue",))
ONE = Statement(actions=("s3:Get", "s3:List"), resources=("a/*",), conditions=(TAG,))
TWO = Statement(actions=("s3:Put",), resources=("b",))
OLD = Policy((ONE, TWO))


def lines(new: Policy, old: Policy = OLD) -> list[str]:
    return [str(c) for c in changes(old, new)]


@pytest.mark.parametrize(
    "new",
    [
        Policy((TWO, ONE)),
        Policy((replace(ONE, actions=("s3:List",)), replace(ONE, actions=("S3:get",)), TWO)),
        Policy((ONE, TWO, TWO)),
        Policy((replace(ONE, sid="x"), TWO)),
    ],
)
def test_rearranging_is_no_change(new: Policy) -> None:
    assert lines(new) == []


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (Policy((ONE, replace(TWO, actions=("s3:Put", "s3:Del")))), ["gained: s3:Del on b"]),
        (Policy((ONE,)), ["lost: s3:Put on b"]),
        (
            Policy((replace(ONE, resources=("*",)), TWO)),
            [
                "widened: s3:Get, s3:List from a/* to * if aws:ResourceTag/team StringEquals "
                "'blue'",
            ],
        ),
        (
            Policy((replace(ONE, resources=("a/b",)), TWO)),
            [
                "narrowed: s3:Get, s3:List from a/* to a/b if aws:ResourceTag/team "
                "StringEquals 'blue'",
            ],
        ),
        (Policy((ONE, replace(TWO, resources=("c",)))), ["changed: s3:Put from b to c"]),
        (
            Policy((replace(ONE, conditions=()), TWO)),
            [
                "weakened: s3:Get, s3:List on a/*: from if aws:ResourceTag/team StringEquals "
                "'blue' to no condition"
            ],
        ),
        (
            Policy((ONE, replace(TWO, conditions=(TAG,)))),
            [
                "tightened: s3:Put on b: from no condition to if aws:ResourceTag/team "
                "StringEquals 'blue'"
            ],
        ),
        (
            Policy((replace(ONE, conditions=(replace(TAG, values=("blue", "red")),)), TWO)),
            [
                "weakened: s3:Get, s3:List on a/*: from if aws:ResourceTag/team StringEquals "
                "'blue' to if aws:ResourceTag/team StringEquals 'blue' or 'red'"
            ],
        ),
        (
            Policy((replace(ONE, conditions=(replace(TAG, operator="StringLike"),)), TWO)),
            [
                "changed: s3:Get, s3:List on a/*: from if aws:ResourceTag/team StringEquals "
                "'blue' to if aws:ResourceTag/team StringLike 'blue'"
            ],
        ),
        (
            Policy((ONE, TWO, replace(TWO, effect="Deny", resources=("*",)))),
            ["denied: s3:Put on *"],
        ),
        (
            Policy((ONE, replace(TWO, principals=(Principal("AWS", ("1",)),)))),
            ["lost: s3:Put on b", "gained: s3:Put on b by AWS 1"],
        ),
    ],
)
def test_a_change_has_its_word(new: Policy, expected: list[str]) -> None:
    assert lines(new) == expected


def test_a_denial_that_goes_or_shrinks_opens() -> None:
    deny = replace(TWO, effect="Deny", resources=("b/*",))
    old = Policy((ONE, deny))
    assert lines(Policy((ONE,)), old) == ["undenied: s3:Put on b/*"]
    shrunk = Policy((ONE, replace(deny, resources=("b/c",))))
    assert lines(shrunk, old) == ["undenied: s3:Put from b/* to b/c"]
    assert {c.kind for c in changes(old, shrunk)} <= OPENING


@pytest.mark.parametrize("drop", ["actions", "conditions", "resources"])
def test_dropping_anything_is_seen(drop: str) -> None:
    less = {"actions": ("s3:Get",), "conditions": (), "resources": ("a/b",)}[drop]
    assert lines(Policy((replace(ONE, **{drop: less}), TWO)))  # type: ignore[arg-type]


NOT = Condition("StringNotEquals", "aws:ResourceTag/team", ("red", "blue"))


def test_of_a_negated_operator_more_values_ask_for_more() -> None:
    old = Policy((replace(TWO, conditions=(NOT,)),))
    fewer = Policy((replace(TWO, conditions=(replace(NOT, values=("red",)),)),))
    assert [c.kind for c in changes(old, fewer)] == ["weakened"]
    assert [c.kind for c in changes(fewer, old)] == ["tightened"]


def test_an_exception_that_goes_is_a_gain() -> None:
    old = Policy((Statement(not_actions=("a:b", "a:c"), resources=("*",)),))
    new = Policy((Statement(not_actions=("a:b",), resources=("*",)),))
    assert {c.kind for c in changes(old, new)} == {"lost", "gained"}


def test_what_another_grant_covers_is_no_gain() -> None:
    old = Policy((Statement(actions=("s3:*",), resources=("*",)),))
    new = Policy((*old.statements, Statement(actions=("s3:Get",), resources=("a",))))
    assert changes(old, new) == ()
    narrowed = Policy((Statement(actions=("s3:Get",), resources=("a",)),))
    assert [str(c) for c in changes(old, narrowed)] == ["lost: s3:* on *"]
    assert [str(c) for c in changes(narrowed, old)] == ["gained: s3:* on *"]
