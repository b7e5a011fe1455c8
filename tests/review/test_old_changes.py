"""The meaning of a change: every real change has a word, and what is none has none."""

import pytest
from msgspec.structs import replace

from vpc_cni_iam.policy.document import Condition, Policy, Principal, Statement
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.review.old import containment
from vpc_cni_iam.review.old.changes import MAY_GAIN_ACCESS, changes

TAG = Condition("StringEquals", "aws:ResourceTag/team", ("blue",))
ONE = Statement(actions=("s3:Get", "s3:List"), resources=("arn:aws:s3:::a/*",), conditions=(TAG,))
TWO = Statement(actions=("s3:Put",), resources=("arn:aws:s3:::b",))
OLD = Policy((ONE, TWO))


def lines(new: Policy, old: Policy = OLD) -> list[str]:
    return [str(c).replace("arn:aws:s3:::", "") for c in changes(old, new)]


@pytest.mark.parametrize(
    "new",
    [
        Policy((TWO, ONE)),
        Policy((replace(ONE, actions=("s3:List",)), replace(ONE, actions=("S3:get",)), TWO)),
        Policy((ONE, TWO, TWO)),
        Policy((replace(ONE, sid="x"), TWO)),
        Policy((ONE, replace(TWO, resources=("arn:aws:s3:::b", "arn:aws:s3:::b*")[:1]))),
    ],
)
def test_rearranging_is_no_change(new: Policy) -> None:
    assert lines(new) == []


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (
            Policy((ONE, replace(TWO, actions=("s3:Put", "s3:Del")))),
            ["allowed: s3:Del on b"],
        ),
        (Policy((ONE,)), ["no longer allowed: s3:Put on b"]),
        (
            Policy((replace(ONE, resources=("*",)), TWO)),
            [
                "widened: s3:Get, s3:List from a/* to * if aws:ResourceTag/team StringEquals "
                "'blue'",
            ],
        ),
        (
            Policy((replace(ONE, resources=("arn:aws:s3:::a/b",)), TWO)),
            [
                "narrowed: s3:Get, s3:List from a/* to a/b if aws:ResourceTag/team "
                "StringEquals 'blue'",
            ],
        ),
        (
            Policy((ONE, replace(TWO, resources=("arn:aws:s3:::c",)))),
            ["changed: s3:Put from b to c"],
        ),
        (
            Policy((replace(ONE, conditions=()), TWO)),
            [
                "weakened: s3:Get, s3:List on a/*: condition aws:ResourceTag/team StringEquals "
                "'blue' removed: more requests match"
            ],
        ),
        (
            Policy((ONE, replace(TWO, conditions=(TAG,)))),
            [
                "tightened: s3:Put on b: condition aws:ResourceTag/team StringEquals 'blue' "
                "added: fewer requests match"
            ],
        ),
        (
            Policy((replace(ONE, conditions=(replace(TAG, values=("blue", "red")),)), TWO)),
            [
                "weakened: s3:Get, s3:List on a/*: condition on aws:ResourceTag/team changed from "
                "StringEquals 'blue' to StringEquals 'blue' or 'red': more requests match"
            ],
        ),
        (
            Policy((replace(ONE, conditions=(replace(TAG, operator="StringLike"),)), TWO)),
            [
                "changed: s3:Get, s3:List on a/*: condition on aws:ResourceTag/team changed from "
                "StringEquals 'blue' to StringLike 'blue'"
            ],
        ),
        (
            Policy((replace(ONE, conditions=(replace(TAG, key="aws:ResourceTag/t"),)), TWO)),
            [
                "changed: s3:Get, s3:List on a/*: condition aws:ResourceTag/team StringEquals "
                "'blue' removed; condition aws:ResourceTag/t StringEquals 'blue' added: other "
                "requests match"
            ],
        ),
        (
            Policy((ONE, TWO, replace(TWO, effect="Deny", resources=("*",)))),
            ["denied: s3:Put on *"],
        ),
        (
            Policy((ONE, replace(TWO, principals=(Principal("AWS", ("1",)),)))),
            ["no longer allowed: s3:Put on b", "allowed: s3:Put on b by AWS 1"],
        ),
    ],
)
def test_a_change_has_its_word(new: Policy, expected: list[str]) -> None:
    assert lines(new) == expected


def test_a_denial_that_goes_or_shrinks_opens() -> None:
    deny = replace(TWO, effect="Deny", resources=("arn:aws:s3:::b/*",))
    old = Policy((ONE, deny))
    assert lines(Policy((ONE,)), old) == ["no longer denied: s3:Put on b/*"]
    shrunk = Policy((ONE, replace(deny, resources=("arn:aws:s3:::b/c",))))
    assert lines(shrunk, old) == ["no longer denied: s3:Put from b/* to b/c"]
    assert {c.kind for c in changes(old, shrunk)} <= MAY_GAIN_ACCESS


def test_an_allow_contains_no_deny() -> None:
    """A Deny that goes beside an Allow of more is not one without effect."""
    every = replace(ONE, actions=("*",), resources=("*",), conditions=())
    deny = replace(TWO, effect="Deny")
    assert lines(Policy((every,)), Policy((every, deny))) == ["no longer denied: s3:Put on b"]
    assert lines(Policy((every, deny)), Policy((every,))) == ["denied: s3:Put on b"]


@pytest.mark.parametrize("drop", ["actions", "conditions", "resources"])
def test_dropping_anything_is_seen(drop: str) -> None:
    less = {"actions": ("s3:Get",), "conditions": (), "resources": ("arn:aws:s3:::a/b",)}[drop]
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
    assert lines(new, old) == ["widened: all but a:b, a:c to all but a:b on *"]
    assert lines(old, new) == ["narrowed: all but a:b to all but a:b, a:c on *"]


def test_what_another_grant_covers_is_no_gain() -> None:
    old = Policy((Statement(actions=("s3:*",), resources=("*",)),))
    new = Policy((*old.statements, Statement(actions=("s3:Get",), resources=("arn:aws:s3:::a",))))
    assert changes(old, new) == ()
    narrowed = Policy((Statement(actions=("s3:Get",), resources=("arn:aws:s3:::a",)),))
    to = "s3:* on * to s3:Get on a"
    assert lines(narrowed, old) == [f"narrowed: {to}"]
    assert lines(old, narrowed) == ["widened: s3:Get on a to s3:* on *"]


def grants(*resources: str, actions: tuple[str, ...] = ("s3:Get",)) -> Policy:
    return Policy((Statement(actions=actions, resources=resources),))


def test_one_pattern_against_several() -> None:
    every, some = grants("*"), grants("arn:aws:s3:::a", "arn:aws:s3:::b")
    listed = "a, b"
    assert lines(some, every) == [f"narrowed: s3:Get from * to {listed}"]
    assert lines(every, some) == [f"widened: s3:Get from {listed} to *"]
    whole, part = grants("*", actions=("s3:*",)), grants("*", actions=("s3:Get", "s3:List"))
    assert lines(part, whole) == ["narrowed: s3:* to s3:Get, s3:List on *"]
    assert lines(whole, part) == ["widened: s3:Get, s3:List to s3:* on *"]


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("arn:aws:s3:::a*", "arn:aws:s3:::a?*"),
        ("arn:aws:s3:::*", "arn:aws:s3:::a*b"),
        ("arn:aws:s3:::a*b*", "arn:aws:s3:::ab"),
    ],
)
def test_patterns_are_compared_as_what_they_match(wide: str, narrow: str) -> None:
    assert [c.kind for c in changes(grants(wide), grants(narrow))] == ["narrowed"]
    assert [c.kind for c in changes(grants(narrow), grants(wide))] == ["widened"]


def test_what_a_grant_that_stays_contains_is_no_change() -> None:
    stays = Statement(actions=("s3:*",), resources=("*",))
    for narrow, wide in (("arn:aws:s3:::a", "arn:aws:s3:::a*"), ("arn:aws:s3:::a", "*")):
        assert changes(Policy((stays, *grants(narrow).statements)), Policy((stays,))) == ()
        old, new = (Policy((stays, *grants(r).statements)) for r in (narrow, wide))
        assert changes(old, new) == ()


def test_variables_of_a_module_and_odd_text_are_compared_as_they_stand() -> None:
    old, new = grants("arn:aws:ec2:*:*:vpc/${var.vpc_id}"), grants("arn:aws:ec2:*:*:vpc/*")
    assert [c.kind for c in changes(old, new)] == ["widened"]
    assert [c.kind for c in changes(grants("a"), grants("b"))] == ["changed"]


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        (("StringEquals", "${var.name}"), ("StringLike", "${var.name}"), "weakened"),
        (("StringLike", "${var.name}"), ("StringEquals", "${var.name}"), "tightened"),
        (("StringLike", "${var.name}"), ("StringLike", "${var.name}-*"), "changed"),
        (("StringEquals", "${var.name}"), ("StringLike", "${var.name}*"), "weakened"),
        (("StringEquals", "${var.name}"), ("StringLike", "*name*"), "changed"),
        (("StringEquals", "${var.name}"), ("StringLike", "?"), "changed"),
        (("StringEquals", "${var.name}"), ("StringLike", "*"), "weakened"),
        (("StringEquals", "${var.name}"), ("StringLike", "${var.other}"), "changed"),
        (("StringEquals", "${aws:username}"), ("StringLike", "*name*"), "changed"),
        (("StringNotEquals", "${var.name}"), ("StringNotLike", "${var.name}"), "tightened"),
        (("StringEqualsIgnoreCase", "${var.name}"), ("StringEquals", "${var.name}"), "tightened"),
        (("StringEqualsIgnoreCase", "${var.name}"), ("StringLike", "${var.name}"), "changed"),
    ],
)
def test_a_variable_of_a_module_is_whatever_it_is_filled_with(
    old: tuple[str, str], new: tuple[str, str], word: str
) -> None:
    """Which may be a wildcard to StringLike, and never is the text of the variable itself."""
    before, after = (
        Policy((replace(ONE, actions=("s3:Get",), conditions=(Condition(o, "s3:prefix", (v,)),)),))
        for o, v in (old, new)
    )
    (line,) = lines(after, before)
    assert line.startswith(f"{word}: s3:Get on a/*: condition on s3:prefix changed from {old[0]} ")


NEVER = (
    Condition("StringEquals", "aws:RequestTag/a", ("x",)),
    Condition("Null", "aws:RequestTag/a", ("true",)),
)


@pytest.mark.parametrize(
    "nothing",
    [
        replace(ONE, conditions=NEVER),
        replace(ONE, actions=(), not_actions=("*",)),
        replace(ONE, resources=(), not_resources=("*",), actions=("s3:Get",)),
    ],
)
def test_what_is_of_nothing_is_contained_wherever_it_begins(nothing: Statement) -> None:
    remaining = Statement(actions=("iam:*",), resources=("arn:aws:iam::1:role/*",))
    assert lines(Policy((remaining, nothing)), Policy((remaining,))) == []


def test_an_arn_that_is_too_short_is_compared_as_completed() -> None:
    short = Statement(actions=("s3:Get*",), resources=("arn:aws:s3",))
    whole = replace(short, resources=("arn:aws:s3:*",))
    assert lines(Policy((short, whole)), Policy((whole,))) == []


def test_nothing_is_proven_of_actions_that_begin_differently(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that two policies of a thousand actions are compared in a second, not in a minute."""
    asked: list[Policy] = []
    prove = containment.no_new_access

    def counted(old: list[Policy], new: list[Policy], budget: Budget, *, examples: bool) -> object:
        asked.extend(new)
        return prove(old, new, budget, examples=examples)

    monkeypatch.setattr(containment, "no_new_access", counted)
    old, new, narrower = (
        Policy((Statement(actions=actions, resources=("*",)),))
        for actions in (
            tuple(f"s{n}:Get*" for n in range(100)),
            tuple(f"s{n}:List*" for n in range(100)),
            ("s7:*",),
        )
    )
    assert {c.kind for c in changes(old, new)} == {"allowed", "no longer allowed"}
    assert asked == []
    assert {c.kind for c in changes(old, narrower)} == {"widened", "no longer allowed"}
    # The resources are proven apart from the actions, in a policy for all of them.
    assert {a for policy in asked for a in policy.actions()} == {"s7:Get*", "s7:*", "*"}


def test_conditions_are_compared_once_for_all_actions_that_have_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Policy] = []
    prove = containment.no_new_access

    def counted(old: list[Policy], new: list[Policy], budget: Budget, *, examples: bool) -> object:
        asked.extend(new)
        return prove(old, new, budget, examples=examples)

    monkeypatch.setattr(containment, "no_new_access", counted)
    old, new = (
        Policy((replace(ONE, actions=tuple(f"s3:Get{n}" for n in range(50)), conditions=(tag,)),))
        for tag in (replace(TAG, values=("one of fifty",)), replace(TAG, values=("fifty",)))
    )
    assert [c.kind for c in changes(old, new)] == ["changed"]
    # Each against the other, and whether it can be true at all.
    assert len([policy for policy in asked if policy.statements[0].conditions]) == 4


def test_a_statement_that_the_evaluator_refuses_stops_no_comparison_of_others() -> None:
    unknown = Condition("StringEqualz", "aws:a", ("b",))
    refused = replace(ONE, actions=("s3:*",), conditions=(unknown,))
    new = Policy((replace(refused, actions=("s3:Get",)), replace(TWO, actions=("s3:*",))))
    assert set(lines(new, Policy((refused, TWO)))) == {
        "no longer allowed: s3:* on a/* if aws:a StringEqualz 'b'",
        "allowed: s3:Get on a/* if aws:a StringEqualz 'b'",
        "widened: s3:Put to s3:* on b",
    }
