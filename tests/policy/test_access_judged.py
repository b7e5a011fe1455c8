"""What is proven, judged by cvc5: no request that new policies newly allow, in any reading.

The judge shares no code with the proofs, see `smt`. A proof that it refutes is unsound, and so is
either of the two where it agrees that there is no new access and a counterexample stands.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest

import policy_pools as pools
from policy_pairs import mutated
from smt.condition_pairs import condition_pairs
from smt.judge import LIMIT, MOST_VALUES, Agreed, Refuted, Undecided, judge, outcomes
from smt.pairs import interval_pairs, pairs
from smt.request import Document
from smt.spelling_pairs import spelling_pairs
from smt.variable_pairs import variable_pairs
from statements import upstream
from test_access_managed import managed, narrowings
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.document import Policy, to_json
from vpc_cni_iam.policy.evaluate import Request, compile_policies
from vpc_cni_iam.policy.parse import parse
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess

FUZZ = int(os.environ.get("VPC_CNI_IAM_FUZZ", "0"))  # the seed of a long run
NEAR = 8_000 if FUZZ else 300
POOLED = 1_000 if FUZZ else 80
MANAGED = 500 if FUZZ else 40
SAMPLE = 5  # of the pairs that are not proven, how many there are for one that is judged
VALUES, STEPS = (3, 4 * LIMIT) if FUZZ else (MOST_VALUES, LIMIT)

Generate = Callable[[int, int], Iterable[tuple[Document, Document]]]
REFUTED: list[dict[str, Any]] = json.loads(
    Path(__file__).with_name("refuted_proofs.json").read_text()
)


@dataclass
class Tally:
    """How many pairs had each answer and verdict."""

    seen: int = 0
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def share_decided(self) -> float:
        undecided = sum(n for (_, verdict), n in self.pairs.items() if verdict == "Undecided")
        return 1 - undecided / self.pairs.total()

    def report(self, name: str) -> None:
        """Print the counts, which pytest shows with -rP and where a test fails."""
        lines = [name, *(f"{a} and {v}: {n}" for (a, v), n in sorted(self.pairs.items()))]
        lines += [f"undecided: {reason}: {n}" for reason, n in self.reasons.items()]
        print("\n  ".join(lines))  # noqa: T201


def check(old: Policy, new: Policy, tally: Tally) -> None:
    """Judge every proof, and a sample of the other answers."""
    answer = no_new_access([old], [new])
    tally.seen += 1
    if not isinstance(answer, NoNewAccess) and tally.seen % SAMPLE:
        return
    before, after = to_json(old), to_json(new)
    verdict = judge([before], [after], most=VALUES, limit=STEPS)
    tally.pairs[type(answer).__name__, type(verdict).__name__] += 1
    if isinstance(verdict, Undecided):
        tally.reasons[verdict.reason] += 1
    if isinstance(answer, NoNewAccess) and isinstance(verdict, Refuted):
        pytest.fail(unsound(old, new, verdict))
    if isinstance(answer, NewAccess) and isinstance(verdict, Agreed):
        # One with a value that is not of its key's type is not for this judge.
        assert not is_possible([before, after], answer.request), (before, after, answer.request)


def is_possible(policies: Iterable[Document], request: Request) -> bool:
    """Say whether the judge takes a request for one that can be."""
    asked = (request.action, request.resource, request.context)
    return all(outcomes([policy], *asked) for policy in policies)


def unsound(old: Policy, new: Policy, verdict: Refuted) -> str:
    """Return what there is to know about a proof that is refuted."""
    request = Request(verdict.action, verdict.resource, context=verdict.context)
    lines = ["a proof is refuted"]
    for name, policy in (("old", old), ("new", new)):
        lines += [f"{name}: {json.dumps(s)}" for s in to_json(policy)["Statement"]]
    lines += [f"request: {request.action} on {request.resource} with {dict(request.context)}"]
    lines += [f"reading: {what}: {how}" for what, how in verdict.readings.items()]
    for name, policy in (("old", old), ("new", new)):
        try:
            outcome = compile_policies([policy]).evaluate(request).outcome
        except InputError as error:
            outcome = f"refused: {error}"
        lines.append(f"the evaluator on the {name} policy: {outcome}")
    return "\n".join(lines)


def of(statements: Sequence[Document]) -> Policy:
    return parse({"Version": "2012-10-17", "Statement": list(statements)}, "case")


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case["name"]) for case in REFUTED],
)
def test_a_proof_that_was_refuted_is_given_no_more(case: dict[str, Any]) -> None:
    old, new = of(case["old"]), of(case["new"])
    assert isinstance(judge([to_json(old)], [to_json(new)]), Refuted), "not for the judge"
    check(old, new, Tally())


def test_no_proof_about_two_conditions_on_one_key_is_refuted() -> None:
    tally, every = Tally(), 1 if FUZZ else 6
    for old, new in islice(condition_pairs(), 0, None, every):
        check(parse(old, "old"), parse(new, "new"), tally)
    tally.report("pairs of conditions on one key")
    assert tally.share_decided() > 0.99
    assert tally.pairs["NoNewAccess", "Agreed"] > 500 // every


@pytest.mark.parametrize(
    ("generate", "count"),
    [
        pytest.param(pairs, NEAR, id="values of keys"),
        pytest.param(interval_pairs, NEAR // 2, id="intervals"),
        pytest.param(variable_pairs, NEAR // 2, id="variables"),
        pytest.param(spelling_pairs, NEAR, id="spellings"),
    ],
)
def test_no_proof_about_conditions_is_refuted(generate: Generate, count: int) -> None:
    tally = Tally()
    for old, new in generate(FUZZ, count):
        check(parse(old, "old"), parse(new, "new"), tally)
    tally.report("pairs that differ in a condition")
    assert tally.share_decided() > 0.9
    assert tally.pairs["NoNewAccess", "Agreed"] > count // 5
    assert tally.pairs["NewAccess", "Refuted"] > count // (12 * SAMPLE)


def test_no_proof_about_random_policies_is_refuted() -> None:
    random, tally = Random(FUZZ), Tally()
    for _ in range(POOLED):
        keys = tuple(random.sample(list(pools.KEYS), random.choice((1, 2, 2))))
        old = pools.policy(random, keys, 3)
        if random.random() < 0.3:
            old = pools.with_variables(random, old)
        check(old, mutated(random, old, keys), tally)
    tally.report("random pairs")
    assert tally.share_decided() > 0.8
    assert tally.pairs["NoNewAccess", "Agreed"] > POOLED // 8


def test_no_proof_about_real_policies_is_refuted() -> None:
    random, tally = Random(FUZZ), Tally()
    documents = upstream()
    for old in documents:
        for new in documents:
            check(old, new, tally)
    every = list(managed().values())
    for policy in random.sample(every, MANAGED // 10):
        for narrower in narrowings(policy):
            check(policy, narrower, tally)
            check(narrower, policy, tally)
    for _ in range(MANAGED):
        check(random.choice(every), random.choice(every), tally)
    tally.report("policies of upstream and AWS")
    assert tally.share_decided() > 0.95
    assert tally.pairs["NoNewAccess", "Agreed"] > MANAGED // 2


def test_an_unsound_proof_is_told_with_the_request() -> None:
    old, new = of(REFUTED[0]["old"]), of(REFUTED[0]["new"])
    verdict = judge([to_json(old)], [to_json(new)])
    assert isinstance(verdict, Refuted)
    text = unsound(old, new, verdict)
    assert "request: ec2:createtags on * with {'aws:tagkeys': (" in text
    assert "reading: plain operator on several values: " in text
    assert "the evaluator on the old policy: explicitly denied" in text
