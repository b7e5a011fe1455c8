"""Differences in words: nothing for what IAM reads alike, the exact change for what it does not."""

import pytest
from msgspec.structs import replace

from vpc_cni_iam.policy.document import Condition, Policy, Principal, Statement
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.review.old.differences import differences

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


@pytest.mark.parametrize(
    ("other", "lines"),
    [
        (
            Policy((replace(READ, actions=("s3:GetObject",)), WRITE)),
            ["statement 1 (s3:GetObject and 1 more): action s3:ListBucket is missing"],
        ),
        (
            Policy((READ, replace(WRITE, actions=("s3:PutObject", "s3:DeleteObject")))),
            ["statement 2 (s3:PutObject): action s3:DeleteObject is added"],
        ),
        (
            Policy((READ, replace(WRITE, resources=("*",)))),
            [
                "statement 2 (s3:PutObject): resource a is missing",
                "statement 2 (s3:PutObject): resource * is added",
            ],
        ),
        (
            Policy((replace(READ, conditions=()), WRITE)),
            [
                "statement 1 (s3:GetObject and 1 more): condition aws:ResourceTag/team "
                "StringEquals 'blue' is missing"
            ],
        ),
        (
            Policy((replace(READ, conditions=(replace(TAG, values=("red",)),)), WRITE)),
            [
                "statement 1 (s3:GetObject and 1 more): condition is aws:ResourceTag/team "
                "StringEquals 'red', expected aws:ResourceTag/team StringEquals 'blue'"
            ],
        ),
        (
            Policy((replace(READ, conditions=(replace(TAG, operator="StringLike"),)), WRITE)),
            [
                "statement 1 (s3:GetObject and 1 more): condition on aws:ResourceTag/team is "
                "StringLike, expected StringEquals"
            ],
        ),
        (
            Policy((READ,)),
            ["statement 2 (s3:PutObject): is missing: it allows s3:PutObject on a"],
        ),
        (
            Policy((READ, WRITE, replace(WRITE, effect="Deny"))),
            ["statement 3 (s3:PutObject): is added: it denies s3:PutObject on a"],
        ),
        (
            Policy((READ, replace(WRITE, effect="Deny"))),
            [
                "statement 2 (s3:PutObject): is missing: it allows s3:PutObject on a",
                "statement 2 (s3:PutObject): is added: it denies s3:PutObject on a",
            ],
        ),
        (
            replace(POLICY, version="2008-10-17"),
            ["document: Version is 2008-10-17, expected 2012-10-17"],
        ),
        (
            Policy((READ, WRITE, WRITE)),
            ["statement 3 (s3:PutObject): is added: it allows s3:PutObject on a"],
        ),
    ],
)
def test_a_change_is_named(other: Policy, lines: list[str]) -> None:
    assert [str(d) for d in differences(POLICY, other)] == lines


def test_principals_and_exceptions_are_compared() -> None:
    expected = Statement(
        not_actions=("iam:*",),
        not_resources=("x",),
        principals=(Principal("AWS", ("1", "2")),),
    )
    actual = replace(expected, principals=(Principal("AWS", ("1",)), Principal("Service", ("s",))))
    lines = [str(d) for d in differences(Policy((expected,)), Policy((actual,)))]
    assert lines == [
        "statement 1 (not iam:*): principal AWS 2 is missing",
        "statement 1 (not iam:*): principal Service s is added",
    ]


def numbered(count: int, resource: str, *, same_action: bool = False) -> Policy:
    return Policy(
        tuple(
            Statement(
                actions=("s3:Get" if same_action else f"s3:Get{n}",), resources=(f"{resource}{n}",)
            )
            for n in range(count)
        )
    )


def test_statements_are_paired_in_a_bounded_number_of_steps() -> None:
    """Where they end, each statement is still reported, as missing or as added."""
    old, new = (numbered(1000, text, same_action=True) for text in "ab")
    budget = Budget(50_000)
    results = differences(old, new, budget)
    assert budget.steps < 0
    places = {(d.kind, d.place) for d in results}
    assert ("missing", "statement 1000 (s3:Get)") in places
    assert ("added", "statement 1000 (s3:Get)") in places


def test_work_grows_with_the_number_of_statements() -> None:
    def steps(count: int) -> int:
        budget = Budget()
        results = differences(numbered(count, "a"), numbered(count, "b"), budget)
        assert len(results) == 2 * count, "each resource is missing and another is added"
        return Budget().steps - budget.steps

    assert 0 < steps(1000) <= 10 * steps(100)
