"""New access within limits: a proof holds for the intersection, and a request for every layer."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random

import pytest
from msgspec import Struct

import policy_pools as pools
from policy_pairs import mutated, pairs, universe
from policy_readings import newly_allowed
from smt.judge import Agreed, Refuted, judge
from statements import allow, deny, when
from vpc_cni_iam.policy.document import Policy, Statement, to_json
from vpc_cni_iam.policy.evaluate import Compiled, Decision, Request, compile_policies
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess, NotProven, OpenPart

FUZZ = int(os.environ.get("VPC_CNI_IAM_FUZZ", "0"))  # the seed of a long run
PAIRS = 8_000 if FUZZ else 100
JUDGED = 1_000 if FUZZ else 60

Limits = list[list[Policy]]
EVERYTHING = Policy((allow("*"),))


def policy(*statements: Statement) -> Policy:
    return Policy(statements)


class Layers(Struct, frozen=True):
    """Policies and their limits as one evaluator."""

    compiled: tuple[Compiled, ...]

    @classmethod
    def of(cls, policies: Sequence[Policy], limits: Limits) -> Layers:
        return cls(tuple(map(compile_policies, ([*policies], *limits))))

    def evaluate(self, request: Request) -> Decision:
        decisions = [layer.evaluate(request) for layer in self.compiled]
        denied = next((d for d in decisions if d.denied), None)
        return denied or next((d for d in decisions if not d.allowed), decisions[0])


def check_request(answer: NewAccess, before: Layers, after: Layers) -> None:
    assert after.evaluate(answer.request) == answer.new
    assert answer.new.allowed
    denied = before.evaluate(answer.request)
    assert (denied, denied.denied) == (answer.old, True)
    layer = before.compiled[0 if answer.old_limit is None else answer.old_limit + 1]
    assert layer.evaluate(answer.request) == answer.old


TEAM = when("StringEquals", "a")
# Old and new policies, the old limits and the new ones.
PROVEN: dict[str, tuple[Policy, Policy, Limits, Limits]] = {
    "more, but not within the boundary": (
        policy(allow("ec2:*")), EVERYTHING, [[policy(allow("ec2:*"))]], [[policy(allow("ec2:*"))]],
    ),
    "more, but denied by the boundary": (
        policy(allow("ec2:*")),
        policy(allow("ec2:*", "iam:*")),
        [],
        [[policy(allow("*"), deny("iam:*"))]],
    ),
    "a boundary instead of fewer actions": (
        policy(allow("ec2:Describe*")), policy(allow("ec2:*")), [],
        [[policy(allow("ec2:Describe*", "s3:*"))]],
    ),
    "a wider boundary around the same policy": (
        policy(allow("ec2:*")), policy(allow("ec2:*")), [[policy(allow("ec2:*"))]], [[EVERYTHING]],
    ),
    "a removed limit, and the policy has it": (
        EVERYTHING, policy(allow("s3:Get*")), [[policy(allow("s3:*"))]], [],
    ),
    "the policy and its boundary change places": (
        policy(allow("s3:*")), EVERYTHING, [[EVERYTHING]], [[policy(allow("s3:*"))]],
    ),
    "an intersection of two patterns": (
        policy(allow("ec2:CreateTags")), policy(allow("ec2:Create*")), [],
        [[policy(allow("ec2:*Tags"))], [policy(allow("ec2:?reateT*"))],
         [policy(deny("ec2:CreateT?*Tags", "ec2:Create?*Tags"), allow("*"))]],
    ),
    "an intersection of resources": (
        policy(allow("s3:*", on="arn:aws:s3:::a/b")), policy(allow("s3:*", on="arn:aws:s3:::a/*")),
        [], [[policy(allow("*", on="arn:aws:s3:::*/b"), deny("*", on="arn:aws:s3:::*/*/b"))],
             [policy(allow("*", on="arn:aws:s3:::a/?"))]],
    ),
    "an intersection of conditions": (
        policy(allow("ec2:*", when=when("StringEquals", "ab"))),
        policy(allow("ec2:*", when=when("StringLike", "a*"))),
        [],
        [[policy(allow("*", when=when("StringLike", "?b")))]],
    ),
    "two statements of a limit, each with a half": (
        policy(allow("ec2:*", when=when("StringEquals", "a", "b"))), policy(allow("ec2:*")), [],
        [[policy(*(allow("ec2:*", when=when("StringEquals", value)) for value in "ab"))]],
    ),
    "a Deny of the old boundary that the new policy has": (
        EVERYTHING, policy(allow("*"), deny("iam:*")),
        [[policy(allow("*"), deny("iam:*"))]], [[EVERYTHING]],
    ),
    "a Deny of the old boundary outside of the new one": (
        EVERYTHING, EVERYTHING, [[policy(allow("*"), deny("iam:*"))]], [[policy(allow("ec2:*"))]],
    ),
    "a Deny that is only about what the limit leaves out": (
        policy(allow("*"), deny("iam:*", when=TEAM)), EVERYTHING,
        [[policy(allow("ec2:*"))]], [[policy(allow("ec2:*"))]],
    ),
    "nothing at all": (policy(), EVERYTHING, [], [[]]),
    "a user's own folder": (
        policy(allow("s3:*", on="arn:aws:s3:::b/${aws:username}/*")),
        EVERYTHING, [], [[policy(allow("s3:*", on="arn:aws:s3:::b/${aws:username}/*"))]],
    ),
}  # fmt: skip
ALLOWED: dict[str, tuple[Policy, Policy, Limits, Limits]] = {
    "a removed boundary": (
        policy(allow("ec2:*", "iam:*")), policy(allow("ec2:*", "iam:*")),
        [[policy(allow("ec2:*"))]], [],
    ),
    "a wider boundary": (
        EVERYTHING, EVERYTHING, [[policy(allow("ec2:*"))]],
        [[policy(allow("ec2:*", "iam:PassRole"))]],
    ),
    "a removed Deny of a limit": (
        EVERYTHING, EVERYTHING, [[policy(allow("*"), deny("iam:*"))]], [[EVERYTHING]],
    ),
    "a removed condition of a limit": (
        policy(allow("ec2:*")), policy(allow("ec2:*")),
        [[policy(allow("ec2:*", when=TEAM))]], [[policy(allow("ec2:*"))]],
    ),
    "within each of two limits": (
        policy(), EVERYTHING, [],
        [[policy(allow("ec2:Create*"))], [policy(allow("ec2:*Tags", "s3:*"))]],
    ),
    "one of several statements of a limit": (
        policy(allow("ec2:*")), policy(allow("ec2:*", "iam:*")), [],
        [[policy(allow("ec2:*"), allow("iam:GetRole"))]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PROVEN)
def test_what_no_layer_adds_to_the_others_is_proven_and_judged(name: str) -> None:
    old, new, before, after = PROVEN[name]
    answer = no_new_access([old], [new], within=after, old_within=before)
    assert answer == NoNewAccess()
    verdict = judge(
        [to_json(old)], [to_json(new)], within=as_json(after), old_within=as_json(before)
    )
    assert not isinstance(verdict, Refuted), verdict


@pytest.mark.parametrize("name", ALLOWED)
def test_new_access_within_limits_is_shown(name: str) -> None:
    old, new, before, after = ALLOWED[name]
    answer = no_new_access([old], [new], within=after, old_within=before)
    assert isinstance(answer, NewAccess)
    check_request(answer, Layers.of([old], before), Layers.of([new], after))
    verdict = judge(
        [to_json(old)], [to_json(new)], within=as_json(after), old_within=as_json(before)
    )
    assert not isinstance(verdict, Agreed)


def as_json(limits: Limits) -> list[list[dict[str, object]]]:
    return [[to_json(each) for each in limit] for limit in limits]


def test_without_old_limits_both_sides_have_the_same() -> None:
    old, new = policy(allow("ec2:*")), policy(allow("ec2:*", "iam:*"))
    boundary = [[policy(allow("ec2:*"))]]
    assert no_new_access([old], [new], within=boundary) == NoNewAccess()
    assert isinstance(no_new_access([old], [new]), NewAccess)


def test_a_part_that_stays_open_names_a_statement_of_each_layer() -> None:
    variable = "arn:aws:iam::${aws:PrincipalAccount}:role/x"
    old = policy(allow("ec2:A", when=when("ArnLike", "arn:aws:iam::*:role/x")))
    new = policy(allow("ec2:A", when=when("ArnLike", variable)))
    answer = no_new_access([old], [new], within=[[EVERYTHING]])
    assert isinstance(answer, NotProven) and isinstance(answer.evidence, OpenPart)
    assert [(place.limit, place.statement) for place in answer.evidence.allows] == [
        (None, new.statements[0]),
        (0, EVERYTHING.statements[0]),
    ]


def test_many_statements_of_a_limit_are_met_only_where_something_is_new() -> None:
    """As many as there are in both, in proportion and not as a product."""
    own = policy(*(allow(f"s3:Get{n}*", on=f"arn:aws:s3:::b{n}/*") for n in range(400)))
    limit = policy(*(allow(f"s3:Get{n}*", when=TEAM) for n in range(400)), allow("s3:*"))
    assert no_new_access([own], [own], within=[[limit]]) == NoNewAccess()
    more = policy(*own.statements, allow("iam:PassRole"))
    assert no_new_access([own], [more], within=[[limit]]) == NoNewAccess()
    assert isinstance(no_new_access([own], [more], within=[[limit, EVERYTHING]]), NewAccess)


def cases(seed: int, count: int) -> Iterator[tuple[Random, tuple[str, ...], list[Policy], Limits]]:
    """Yield random policies, old and new, with the limits of each."""
    for random, keys, old, new, _ in pairs(seed, count):
        limit = pools.policy(random, keys, 3)
        if random.random() < 0.5:
            limit = Policy((*limit.statements, allow("ec2:*", "s3:*")))
        others = (limit, mutated(random, limit, keys), EVERYTHING, pools.policy(random, keys, 2))
        yield random, keys, [old, new], [[limit], [random.choice(others)]]


def test_what_is_proven_within_limits_has_no_counterexample_near() -> None:
    answers: Counter[type] = Counter()
    for random, keys, (old, new), limits in cases(FUZZ, PAIRS):
        before, after = (Layers.of([p], [x]) for p, x in zip((old, new), limits, strict=True))
        answer = no_new_access([old], [new], within=limits[1:], old_within=limits[:1])
        answers[type(answer)] += 1
        if isinstance(answer, NewAccess):
            check_request(answer, before, after)
        for request in universe(random, keys, user=False) if answer == NoNewAccess() else ():
            reading = newly_allowed(before, after, request)  # type: ignore[arg-type]
            assert not reading, (reading, old, new, limits, request)
    assert answers[NoNewAccess] > PAIRS // 4
    assert answers[NewAccess] > PAIRS // 4
    assert answers[NotProven] < PAIRS // 8


def test_no_proof_within_limits_is_refuted() -> None:
    verdicts: Counter[tuple[str, str]] = Counter()
    for _, _, (old, new), limits in cases(FUZZ + 1, JUDGED):
        answer = no_new_access([old], [new], within=limits[1:], old_within=limits[:1])
        verdict = judge(
            [to_json(old)],
            [to_json(new)],
            within=as_json(limits[1:]),
            old_within=as_json(limits[:1]),
        )
        verdicts[type(answer).__name__, type(verdict).__name__] += 1
        assert not (isinstance(answer, NoNewAccess) and isinstance(verdict, Refuted)), (
            old, new, limits, verdict
        )  # fmt: skip
    assert verdicts["NoNewAccess", "Agreed"] > JUDGED // 8
    assert verdicts["NewAccess", "Refuted"] > JUDGED // 8
