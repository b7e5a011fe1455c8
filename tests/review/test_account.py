"""Plans made up at random, reviewed beside a model of the account that they are applied to."""

import pytest

from account import ROLES, World
from synthetic import WANTED, reviewed
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.review.account.plugin_policy import concerns_plugin
from vpc_cni_iam.review.diff.coverage import coverage_change
from vpc_cni_iam.review.diff.proofs import new_access


@pytest.mark.parametrize("first", range(0, 400, 50))
def test_no_gain_and_no_loss_is_passed_over(first: int) -> None:
    for seed in range(first, first + 50):
        world = World(seed)
        if world.consistent:
            compare(world)


def compare(world: World) -> None:
    review = reviewed(*world.changes, configuration=world.configuration, fail_on="any-change")
    means = {meaning for finding in review.findings for meaning in finding.means}
    lost = False
    for account in world.applied():
        for role in ROLES:
            before, after = world.before.of(role), account.of(role)
            if new_access(before, after, Budget()).verdict == "new access":
                assert "new-access" in means, role
            if any(map(concerns_plugin, (*before, *after))):
                change = coverage_change(before, after, WANTED)
                assert change is not None
                lost = lost or bool(change.lost)
        if account != world.before:
            assert "any-change" in means
    if lost:
        assert "coverage-lost" in means
    # A policy by itself may lose what the plan attaches to nobody.
    for finding in review.findings:
        if finding.rule == "coverage-lost" and not finding.address.startswith("aws_iam_policy."):
            assert lost, finding.message
