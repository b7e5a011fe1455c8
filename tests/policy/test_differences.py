"""The differences of two policies: none for what IAM reads alike, else the elements that differ."""

from time import process_time

import pytest
from msgspec.structs import replace

from vpc_cni_iam.policy.diff import (
    ConditionChange,
    Difference,
    StatementAdded,
    StatementChanged,
    StatementRemoved,
    ValuesChange,
    VersionChanged,
    differences,
)
from vpc_cni_iam.policy.document import Condition, Policy, Principal, Statement
from vpc_cni_iam.policy.report import difference_lines

TAG = Condition("StringEquals", "aws:ResourceTag/team", ("blue",))
READ = Statement(actions=("s3:GetObject", "s3:ListBucket"), resources=("a", "b"), conditions=(TAG,))
WRITE = Statement(actions=("s3:PutObject",), resources=("a",))
POLICY = Policy((READ, WRITE))


@pytest.mark.parametrize(
    "same",
    [
        Policy((WRITE, READ)),
        Policy((replace(READ, sid="Named"), WRITE)),
        Policy((replace(READ, actions=("S3:listbucket", "s3:GetObject")), WRITE)),
        Policy((replace(READ, resources=("b", "a", "a")), WRITE)),
        Policy((replace(READ, conditions=(replace(TAG, key="AWS:resourcetag/TEAM"),)), WRITE)),
        replace(POLICY, id="named"),
    ],
)
def test_what_iam_reads_alike_has_no_difference(same: Policy) -> None:
    assert differences(POLICY, same) == ()


OTHER_TAG = replace(TAG, values=("red",))
DENY = replace(WRITE, effect="Deny")
FEWER = replace(READ, actions=("s3:GetObject",))
MORE = replace(WRITE, actions=("s3:PutObject", "s3:DeleteObject"))
ANYWHERE = replace(WRITE, resources=("*",))
UNTAGGED, RED = (replace(READ, conditions=conditions) for conditions in ((), (OTHER_TAG,)))


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (
            Policy((FEWER, WRITE)),
            [StatementChanged(0, READ, FEWER, (ValuesChange("Action", ("s3:ListBucket",), ()),))],
        ),
        (
            Policy((READ, MORE)),
            [StatementChanged(1, WRITE, MORE, (ValuesChange("Action", (), ("s3:DeleteObject",)),))],
        ),
        (
            Policy((READ, ANYWHERE)),
            [StatementChanged(1, WRITE, ANYWHERE, (ValuesChange("Resource", ("a",), ("*",)),))],
        ),
        (
            Policy((UNTAGGED, WRITE)),
            [StatementChanged(0, READ, UNTAGGED, (ConditionChange(TAG, None),))],
        ),
        (
            Policy((RED, WRITE)),
            [StatementChanged(0, READ, RED, (ConditionChange(TAG, OTHER_TAG),))],
        ),
        (Policy((READ,)), [StatementRemoved(1, WRITE)]),
        (Policy((READ, WRITE, DENY)), [StatementAdded(2, DENY)]),
        # An Allow does not change into a Deny.
        (Policy((READ, DENY)), [StatementRemoved(1, WRITE), StatementAdded(1, DENY)]),
        (Policy((READ, WRITE, WRITE)), [StatementAdded(2, WRITE)]),
        (replace(POLICY, version="2008-10-17"), [VersionChanged("2012-10-17", "2008-10-17")]),
    ],
)
def test_a_difference_has_the_elements_that_differ(new: Policy, expected: list[Difference]) -> None:
    assert [*differences(POLICY, new)] == expected


def test_conditions_of_one_key_stand_in_for_each_other() -> None:
    like, null = replace(TAG, operator="StringLike"), Condition("Null", TAG.key, ("false",))
    old, new = (replace(READ, conditions=c) for c in ((TAG, null), (null, like)))
    (change,) = differences(Policy((old,)), Policy((new,)))
    assert isinstance(change, StatementChanged)
    assert change.elements == (ConditionChange(TAG, like),)


def test_principals_and_exceptions_are_compared() -> None:
    old = Statement(
        not_actions=("iam:*",), not_resources=("x",), principals=(Principal("AWS", ("1", "2")),)
    )
    new = replace(old, principals=(Principal("AWS", ("1",)), Principal("Service", ("s",))))
    (change,) = differences(Policy((old,)), Policy((new,)))
    assert isinstance(change, StatementChanged)
    assert change.elements == (
        ValuesChange("Principal", ("2",), (), "AWS"),
        ValuesChange("Principal", (), ("s",), "Service"),
    )


def test_principals_of_one_type_are_compared_in_however_many_parts_they_are() -> None:
    parts = (Principal("AWS", ("1",)), Principal("AWS", ("2",)))
    old, new = (
        Policy((Statement(actions=("sts:AssumeRole",), principals=principals),))
        for principals in (parts, parts[1:])
    )
    (changed,) = differences(old, new)
    assert isinstance(changed, StatementChanged)
    assert changed.elements == (ValuesChange("Principal", ("1",), (), "AWS"),)


def test_the_most_alike_statements_are_compared() -> None:
    """Whatever stands between them, and though others have an action in common, too."""
    others = [replace(READ, resources=(f"r{n}",), conditions=()) for n in range(5)]
    old, new = Policy((READ, *others)), Policy((*others[::-1], replace(READ, actions=("s3:*",))))
    assert {type(d) for d in differences(old, new)} == {StatementRemoved, StatementAdded}
    new = Policy((*others[::-1], FEWER))
    (change,) = differences(old, new)
    assert isinstance(change, StatementChanged) and change.new == FEWER


def test_differences_in_words() -> None:
    new = Policy((replace(RED, actions=("s3:GetObject",)), DENY), "2008-10-17")
    assert [str(line) for line in difference_lines(differences(POLICY, new))] == [
        "Version changes from 2012-10-17 to 2008-10-17",
        "statement 1 (s3:GetObject and 1 more): action s3:ListBucket is removed",
        "statement 1 (s3:GetObject and 1 more): condition on aws:ResourceTag/team changes from "
        "StringEquals 'blue' to StringEquals 'red'",
        "statement 2 (s3:PutObject): is removed: it allows s3:PutObject on a",
        "statement 2 (Deny s3:PutObject): is added: it denies s3:PutObject on a",
    ]
    missing = difference_lines(differences(POLICY, Policy((READ,))), removed="missing")
    assert [line.text for line in missing] == ["is missing: it allows s3:PutObject on a"]


def test_a_condition_without_a_value_says_so() -> None:
    never = replace(READ, conditions=(replace(TAG, values=()),))
    (line,) = difference_lines(differences(Policy((READ,)), Policy((never,))))
    assert line.text.endswith("from StringEquals 'blue' to StringEquals no value")


def numbered(count: int, resource: str, *, same_action: bool) -> Policy:
    return Policy(
        tuple(
            Statement(
                actions=("s3:Get" if same_action else f"s3:Get{n}",), resources=(f"{resource}{n}",)
            )
            for n in range(count)
        )
    )


@pytest.mark.parametrize("same_action", [False, True])
def test_work_grows_with_the_number_of_statements(same_action: bool) -> None:
    """Each statement is paired, in an order, and not compared with all others."""

    def seconds(count: int) -> float:
        old, new = (numbered(count, text, same_action=same_action) for text in "ab")
        begin = process_time()
        changes = differences(old, new)
        spent = process_time() - begin
        assert len(changes) == count
        assert all(isinstance(c, StatementChanged) for c in changes)
        assert all(c.new == new.statements[c.index] for c in changes)  # type: ignore[union-attr]
        return spent

    assert seconds(4000) < 40 * max(seconds(200), 0.005)
