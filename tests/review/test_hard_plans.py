"""Plans whose policies are made to be slow are reviewed all the same, and say what is open."""

from __future__ import annotations

import pytest

from synthetic import Json, allow, document, policy, resource, reviewed
from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.compose import compose
from vpc_cni_iam.catalog.selection import select
from vpc_cni_iam.catalog.variants import find
from vpc_cni_iam.policy.document import to_json
from vpc_cni_iam.policy.proof import budget
from vpc_cni_iam.policy.proof.budget import Budget

ACTIONS = [f"ec2:*a{n}*b" for n in range(14)]
NEEDED = ["ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:CreateTags"]
RESOURCES = [f"arn:aws:s3:::*x{n}*y" for n in range(14)]
OLD = document(*(allow(action, RESOURCES) for action in ACTIONS))
NEW = document(*(allow(ACTIONS, f"{resource}?") for resource in RESOURCES))


def hard(number: int) -> Json:
    return policy(f"p{number}", *(side.replace("b", f"b{number}") for side in (OLD, NEW)))


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the steps of a review, of which there are fewer, for the time of the tests."""
    monkeypatch.setattr(budget, "ANSWER", 100_000)
    monkeypatch.setattr(budget, "OF_EACH", 10_000)
    spent = [0]
    spend = Budget.spend

    def counted(self: Budget, steps: int = 1) -> None:
        spend(self, steps)
        spent[0] += steps

    monkeypatch.setattr(Budget, "spend", counted)
    return spent


@pytest.mark.parametrize("count", [1, 10])
def test_a_review_takes_no_more_than_its_steps(count: int, steps: list[int]) -> None:
    review = reviewed(*map(hard, range(count)))
    assert steps[0] <= 100_000 + count * 10_000
    accesses = [change.access for change in review.changes]
    assert {access.verdict for access in accesses if access} == {"not proven"}
    assert all("too complex" in access.reason for access in accesses if access)


def test_hard_policies_leave_steps_for_the_others(steps: list[int]) -> None:
    """A plan of many hard policies has one bound, and an ordinary one among them is decided."""
    ordinary = policy("z", document(allow("s3:GetObject")), document(allow("s3:PutObject")))
    changes = reviewed(*map(hard, range(15)), ordinary).changes
    assert [change.access.verdict for change in changes if change.access] == [
        *["not proven"] * 15,
        "new access",
    ]
    assert steps[0] <= 100_000 + 16 * 10_000


def test_small_hard_policies_take_steps_in_proportion_to_their_size(
    steps: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a plan of many takes no more for each megabyte than one of ordinary policies."""

    def small(number: int) -> Json:
        sides = (f"s3:{number}*a{'?' * 60}*b{end}" for end in ("", "?"))
        return policy(f"p{number}", *map(document, map(allow, sides)))

    monkeypatch.setattr(budget, "OF_EACH", 20_000)
    characters = 20 * 2 * len(document(allow("s3:0*a*b" + "?" * 60)))
    reviewed(*map(small, range(20)))
    assert steps[0] <= 100_000 + 20 * 3_000 + 6 * characters


def test_actions_that_are_not_looked_up_are_unknown_and_those_needed_are_first(
    steps: list[int],
) -> None:
    many = [f"ec2:*{n}*" for n in range(400)]
    trust = document(
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
        }
    )
    sides = [
        {
            "name": "r",
            "assume_role_policy": trust,
            "inline_policy": [{"name": "i", "policy": document(*map(allow, actions))}],
        }
        for actions in ([*many, *NEEDED], [*many[1:], *NEEDED])
    ]
    (principal,) = reviewed(resource("aws_iam_role", "r", *sides)).principals
    grades = {row.action: row.after for row in principal.matrix}
    assert {grades[action] for action in NEEDED} == {"yes"}
    assert {*many} <= {*grades}
    assert sum(grade == "unknown" for grade in grades.values()) > 300


def test_easy_policies_leave_steps_for_a_hard_one_and_no_more_than_its_own(
    steps: list[int],
) -> None:
    whole = Budget()
    for _ in range(100):
        whole.answer().spend(1_000)
    assert whole.answer().steps == whole.steps == 100_000
    whole.steps = 0
    for _ in range(3):
        whole.answer().spend(4_000)
    assert whole.answer().steps == 3 * 6_000 + 10_000


def test_one_policy_in_many_places_is_compared_once(steps: list[int]) -> None:
    reviewed(policy("p0", OLD, NEW))
    once, steps[0] = steps[0], 0
    wider = document(allow("s3:*"))
    reviewed(*(policy(f"p{n}", document(allow("s3:Get*")), wider) for n in range(100)))
    assert steps[0] < once


def test_stars_in_an_action_cost_nothing(steps: list[int]) -> None:
    stars = document(allow("ec2:" + "*a" * 11 + "*"))
    review = reviewed(policy("p", document(allow("ec2:Describe*")), stars))
    assert review.changes[0].access is not None
    assert review.changes[0].access.verdict == "new access"


def test_ordinary_changes_take_few_steps(steps: list[int]) -> None:
    """A plan may have thousands of them, of different shapes."""
    (variant,) = find(["ipv4-scoped"])
    names = parameters.values({"cluster_name": "prod", "vpc_id": "vpc-0123456789abcdef0"})
    scoped = parameters.substitute(compose(variant, select(cni_version="latest")).policy, names)
    statements = to_json(scoped)["Statement"]
    for number, statement in enumerate(statements):
        others = [s for s in statements if s is not statement]
        team = allow(["sqs:SendMessage", "s3:GetObject"], f"arn:aws:s3:::team-{number}/*")
        reviewed(policy("p", document(*statements), document(*others, team)))
    assert steps[0] < 15_000 * len(statements)
