"""No new access on AWS's own managed policies, as moto ships them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from random import Random

import pytest
from msgspec.structs import replace

import policy_near as near
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.evaluate import compile_policies
from vpc_cni_iam.policy.parse import parse
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess, NotProven

moto = pytest.importorskip("moto.iam.aws_managed_policies")

FUZZ = int(os.environ.get("VPC_CNI_IAM_FUZZ", "0"))
ANYTHING = Policy((Statement(actions=("*",), resources=("*",)),))
MORE = Statement(actions=("vpc-cni-iam:Anything",), resources=("*",))


@cache
def managed() -> dict[str, Policy]:
    policies = json.loads(moto.aws_managed_policies_data)
    return {name: parse(entry["Document"], name) for name, entry in policies.items()}


def size(policy: Policy) -> int:
    return sum(len(s.actions) + len(s.not_actions) + len(s.resources) for s in policy.statements)


@cache
def samples() -> tuple[Policy, ...]:
    """Return the largest policies, and of the others every so many."""
    ordered = sorted(managed().values(), key=size, reverse=True)
    return tuple(ordered if FUZZ else ordered[:3] + ordered[3 : len(ordered) : 80])


def narrowings(policy: Policy) -> Iterator[Policy]:
    def each(change: dict[str, slice]) -> Policy:
        """Return the policy with less in every Allow."""
        return replace(
            policy,
            statements=tuple(
                replace(
                    s, **{n: v for n, part in change.items() if (v := getattr(s, n)[part])}
                )
                if s.effect == "Allow"
                else s
                for s in policy.statements
            ),
        )  # fmt: skip

    yield each({"actions": slice(1, None)})
    yield each({"resources": slice(1)})
    yield replace(policy, statements=policy.statements[::-1])
    yield replace(
        policy,
        statements=tuple(
            replace(s, actions=(a,)) if s.actions else s
            for s in policy.statements
            for a in (s.actions[:40] or ("",))
            if s.effect == "Allow"
        )
        + tuple(s for s in policy.statements if s.effect == "Deny"),
    )
    yield replace(policy, statements=(*policy.statements, replace(MORE, effect="Deny")))


def test_every_managed_policy_compiles() -> None:
    assert len(managed()) > 1000
    for policy in managed().values():
        compile_policies([policy])


@pytest.mark.parametrize("number", range(1600 if FUZZ else 23))
def test_narrowed_is_proven_and_widened_is_not(number: int) -> None:
    if number >= len(samples()):
        pytest.skip("there are fewer")
    policy = samples()[number]
    for narrower in (policy, *narrowings(policy)):
        assert no_new_access([policy], [narrower]) == NoNewAccess()
    assert no_new_access([ANYTHING], [policy]) == NoNewAccess()
    wider = replace(policy, statements=(*policy.statements, MORE))
    answer = no_new_access([policy], [wider])
    everything = any(s.not_actions or "*" in s.actions for s in policy.statements)
    assert isinstance(answer, NewAccess) or everything
    for index, statement in enumerate(policy.statements):
        if statement.effect == "Allow" and statement.conditions and index % 7 == 0:
            less = [*policy.statements]
            less[index] = replace(statement, conditions=statement.conditions[1:])
            near.check(
                no_new_access([policy], [replace(policy, statements=tuple(less))]),
                [policy], [replace(policy, statements=tuple(less))],
            )  # fmt: skip


def test_between_policies_of_different_purpose_nothing_is_wrongly_proven() -> None:
    random, answers = Random(FUZZ), dict.fromkeys((NoNewAccess, NewAccess, NotProven), 0)
    policies = list(managed().values())
    for _ in range(4000 if FUZZ else 60):
        old, new = random.choice(policies), random.choice(policies)
        answer = no_new_access([old], [new])
        answers[type(answer)] += 1
        near.check(answer, [old], [new])
    assert answers[NewAccess] > sum(answers.values()) // 2


def test_the_helper_can_fail() -> None:
    with pytest.raises(AssertionError):
        near.check(NoNewAccess(), [Policy(())], [ANYTHING])
    with pytest.raises(InputError):
        compile_policies([Policy((replace(MORE, actions=("x",)),))])
