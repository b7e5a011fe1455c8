"""Whether policies let a role assume the target role of EKS Pod Identity."""

import pytest

from vpc_cni_iam.account.first_role import refusals
from vpc_cni_iam.policy.document import Condition, Policy, Statement

TARGET = "arn:aws:iam::111122223333:role/target"
BOTH = ("sts:AssumeRole", "sts:TagSession")


def _statement(*actions: str, effect: str = "Allow", when: tuple[Condition, ...] = ()) -> Statement:
    return Statement(effect=effect, actions=actions, resources=("*",), conditions=when)


SECURE = (Condition("Bool", "aws:SecureTransport", ("true",)),)


@pytest.mark.parametrize(
    ("statements", "limits", "is_named", "expected"),
    [
        ([_statement(*BOTH)], (), False, {}),
        ([_statement(BOTH[0])], (), False, {BOTH[1]: True}),
        ([], (), False, {BOTH[0]: True, BOTH[1]: True}),
        ([_statement(*BOTH, when=SECURE)], (), False, {BOTH[0]: False, BOTH[1]: False}),
        # The trust policy of the target role allows it by name, but for a Deny and limits.
        ([], (), True, {}),
        ([_statement(*BOTH, effect="Deny")], (), True, {BOTH[0]: True, BOTH[1]: True}),
        ([], [[_statement("ec2:*")]], True, {BOTH[0]: True, BOTH[1]: True}),
        # The trust policy is not known, or is not decided.
        ([], (), None, {BOTH[0]: False, BOTH[1]: False}),
        ([_statement(*BOTH)], (), None, {}),
        ([], [[_statement("ec2:*")]], None, {BOTH[0]: True, BOTH[1]: True}),
    ],
)
def test_policies_limits_and_the_trust_policy_decide_together(
    statements: list[Statement],
    limits: list[list[Statement]],
    is_named: bool | None,
    expected: dict[str, bool],
) -> None:
    policies = [Policy(tuple(statements))]
    within = [[Policy(tuple(limit))] for limit in limits]
    refused = refusals(TARGET, policies, within, is_named=is_named, tags=True)
    assert {each.action: each.is_denied for each in refused} == expected


def test_a_session_without_tags_needs_no_permission_to_tag_it() -> None:
    policies = [Policy((_statement(BOTH[0]),))]
    assert not [*refusals(TARGET, policies, (), is_named=False, tags=False)]
