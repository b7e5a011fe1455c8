"""Runs that are remembered by answers are the runs that the policies have."""

import random

import pytest
from msgspec.structs import replace

from coverage_policies import composed, setting
from vpc_cni_iam.coverage.analysis.cover import ScenarioRun, run_scenarios
from vpc_cni_iam.coverage.simulate.send import Answers
from vpc_cni_iam.policy.document import Condition, Policy, Statement
from vpc_cni_iam.review.old import remembered
from vpc_cni_iam.review.old.remembered import AS_CONFIGURED, RememberedRuns

OPEN = composed("ipv4", "latest")
SCOPED = composed("ipv4-scoped", "latest")


def story(runs: tuple[ScenarioRun, ...]) -> tuple[object, ...]:
    return tuple(
        (run.scenario.name, call.template.name, call.on, call.allowed, call.reached, call.undecided)
        for run in runs
        for call in run.calls
    )


def changed(policy: Policy, rnd: random.Random) -> Policy:
    """Return a policy with some of its actions, statements or conditions changed."""
    statements: list[Statement] = []
    for statement in policy.statements:
        actions_left = tuple(action for action in statement.actions if rnd.random() > 0.1)
        if rnd.random() > 0.1 and actions_left:
            conditions = statement.conditions if rnd.random() > 0.1 else ()
            effect = "Deny" if rnd.random() < 0.05 else statement.effect
            statements.append(
                replace(statement, actions=actions_left, conditions=conditions, effect=effect)
            )
    return replace(policy, statements=tuple(statements))


@pytest.mark.parametrize("most", [remembered.MOST, 300])
def test_remembered_runs_are_those_of_the_policy(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "MOST", most)
    rnd, where = random.Random(15), setting()
    runs = RememberedRuns(where, story)
    for _ in range(30):
        policy = changed(rnd.choice((OPEN, SCOPED)), rnd)
        anew = story(run_scenarios(Answers([policy]), where, AS_CONFIGURED))
        assert runs.of([policy]) == anew
        assert runs.of([policy]) == anew


def test_a_single_answer_tells_runs_apart() -> None:
    """Each policy lacks another action, the first request's too, or is undecided about it."""
    where = setting()
    every = OPEN.actions()
    unsure = Condition("StringLike", "aws:TagKeys", ("team*",))
    policies = [OPEN]
    for action in every:
        for conditions in ((), (unsure,)):
            deny = Statement("Deny", actions=(action,), resources=("*",), conditions=conditions)
            policies.append(replace(OPEN, statements=(*OPEN.statements, deny)))
    expected = [story(run_scenarios(Answers([p]), where, AS_CONFIGURED)) for p in policies]
    for order in (1, -1):
        runs = RememberedRuns(where, story)
        assert [runs.of([p]) for p in policies[::order]] == expected[::order]


def test_policies_that_answer_alike_are_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def summary(run: tuple[ScenarioRun, ...]) -> tuple[object, ...]:
        asked.append(story(run))
        return story(run)

    runs = RememberedRuns(setting(), summary)
    other = Statement(actions=("s3:GetObject",), resources=("*",))
    first, again = (
        runs.of([policy]) for policy in (OPEN, replace(OPEN, statements=(*OPEN.statements, other)))
    )
    assert asked == [first] and first == again and first
