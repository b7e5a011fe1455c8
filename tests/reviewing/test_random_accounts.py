"""Plans made up at random, reviewed beside a model of the account that they are applied to."""

import pytest

from account import ROLES, World
from found import found
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import NewAccess
from vpc_cni_iam.reviewing.rules import Consequence


@pytest.mark.parametrize("first", range(0, 400, 50))
def test_no_gain_and_no_change_is_missed(first: int) -> None:
    for seed in range(first, first + 50):
        world = World(seed)
        if world.consistent:
            compare(world)


def compare(world: World) -> None:
    findings = found(*world.changes, configuration=world.configuration)
    means = {meaning for finding in findings for meaning in finding.means}
    for account in world.applied():
        for role in ROLES:
            answer = no_new_access(world.before.of(role), account.of(role))
            if isinstance(answer, NewAccess):
                assert Consequence.NEW_ACCESS in means, role
        if account != world.before:
            assert Consequence.ANY_CHANGE in means
