"""Plans whose policies are made to be slow are reviewed all the same, and say what is open."""

from __future__ import annotations

import pytest

from synthetic import Json, allow, document, levels, policy, reviewed
from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.compose import compose
from vpc_cni_iam.catalog.selection import select
from vpc_cni_iam.catalog.variants import find
from vpc_cni_iam.policy.document import to_json
from vpc_cni_iam.policy.proof import budget
from vpc_cni_iam.policy.proof.budget import Budget

ACTIONS = [f"ec2:*a{n}*b" for n in range(14)]
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
    assert {(str(f.rule), str(f.level)) for f in review.findings} == {("not-proven", "warning")}
    assert all("too complex" in finding.message for finding in review.findings)


def test_hard_policies_leave_steps_for_the_others(steps: list[int]) -> None:
    """A plan of many hard policies has one bound, and an ordinary one among them is decided."""
    ordinary = policy("z", document(allow("s3:GetObject")), document(allow("s3:PutObject")))
    findings = reviewed(*map(hard, range(15)), ordinary).findings
    rules = {finding.address: str(finding.rule) for finding in findings}
    assert rules.pop("aws_iam_policy.z") == "new-access"
    assert [*rules.values()] == ["not-proven"] * 15
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


def test_stars_in_an_action_cost_nothing(steps: list[int]) -> None:
    stars = document(allow("ec2:" + "*a" * 11 + "*"))
    review = reviewed(policy("p", document(allow("ec2:Describe*")), stars))
    assert levels(review) == {"new-access": "error"}


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
