"""The budget of the lines of a review."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from test_budget import HARD, allow, ordinary
from vpc_cni_iam.policy.document import Condition, Policy
from vpc_cni_iam.policy.proof import clauses
from vpc_cni_iam.policy.proof.budget import ANSWER, Budget
from vpc_cni_iam.policy.proof.examples import requests
from vpc_cni_iam.review.diff import semantic
from vpc_cni_iam.review.diff.proofs import new_access
from vpc_cni_iam.review.old.changes import all_changes


def test_a_line_that_is_too_complex_to_compare_says_so() -> None:
    # Without a condition, a request that shows the gain is seen at once.
    condition = Condition("StringEquals", "aws:RequestedRegion", ("eu-west-1",))
    old, new = (
        Policy(tuple(replace(s, conditions=(condition,)) for s in side.statements))
        for side in HARD["stars crosswise"]
    )
    lines = semantic.lines(old, new, Budget(100_000))
    assert {"gain", "loss"} <= {line.effect for line in lines}
    assert any("too complex to be compared" in line.text for line in lines)


def test_a_question_asked_again_costs_nothing() -> None:
    old, new = allow("s3:Get*", "s3:List*"), allow("s3:GetObject")
    steps = Budget()
    new_access([old], [new], steps)
    left = steps.steps
    new_access([old], [new], steps.part(10))
    assert steps.steps == left < ANSWER


def test_what_only_a_proof_answers_is_given_few_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many changed lines ask for many proofs; a good example is for the policies as wholes."""

    def example_requests(*_: object, ordinary_only: bool) -> tuple[()]:
        assert ordinary_only
        return ()

    monkeypatch.setattr(requests, "example_requests", example_requests)
    assert {change.kind for change in all_changes(ordinary(20), ordinary(20, wider=True))} == {
        "widened"
    }


def test_a_long_resource_is_not_told_with_each_of_many_actions() -> None:
    """The words of a policy of a hundred kilobytes would have a hundred megabytes."""
    on = (f"arn:aws:s3:::{'x' * 20_000}",)
    old, new = (allow(*(f"s3:{end}{n}" for n in range(2_000)), on=on) for end in ("Get", "Put"))
    changes = all_changes(old, new, Budget(100_000))
    told = [s for change in changes for s in (*change.before, *change.after)]
    assert sum(len(text) for s in told for text in s.resources) < 50 * 100_000
    assert {a for s in told for a in s.actions} == {*old.actions(), *new.actions()}


def test_lines_without_steps_look_no_statements_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: object) -> None:
        pytest.fail("statements were read")

    monkeypatch.setattr(clauses, "read", read)
    lines = semantic.lines(*HARD["a Deny for each key"], Budget(0), alone=False)
    assert {line.effect for line in lines} == {"gain", "loss"}
