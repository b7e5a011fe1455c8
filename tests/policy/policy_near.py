"""Requests near two policies of any size, to check what was proven of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from policy_readings import newly_allowed
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.evaluate import Request, compile_policies
from vpc_cni_iam.policy.proof.answer import Answer, NewAccess, NoNewAccess


def text_near(random: Random, pattern: str) -> str:
    """Return a text that a pattern matches, or nearly: its wildcards and variables filled."""
    filled = ""
    while pattern:
        if pattern.startswith("${") and "}" in pattern:
            _, _, pattern = pattern.partition("}")
            filled += random.choice(("v", "w"))
            continue
        letter, pattern = pattern[0], pattern[1:]
        if letter == "*":
            letter = random.choice(("", "x", "us-east-1", "a:b"))
        elif letter == "?":
            letter = random.choice("xy")
        filled += letter
    return filled if random.random() < 0.9 else filled[: random.randrange(len(filled) + 1)]


def requests(random: Random, policies: Sequence[Policy], count: int) -> Iterator[Request]:
    statements: list[Statement] = [s for policy in policies for s in policy.statements]
    every = [c for s in statements for c in s.conditions]
    for _ in range(count if statements else 0):
        statement, other = random.choice(statements), random.choice(statements)
        action = text_near(random, random.choice(statement.actions + statement.not_actions))
        source = statement if random.random() < 0.8 else other
        resource = text_near(
            random, random.choice((source.resources + source.not_resources) or ("*",))
        )
        context: dict[str, str | tuple[str, ...]] = {}
        near_conditions = [*statement.conditions, *random.sample(every, min(len(every), 3))]
        for c in near_conditions:
            if random.random() < 0.85 and c.values:
                values = [text_near(random, v) for v in c.values]
                picked = random.choice(values)
                many = ":" in c.operator and random.random() < 0.5
                if c.key.lower() not in {k.lower() for k in context}:
                    context[c.key] = (picked, random.choice(values)) if many else picked
            if random.random() < 0.3:
                context.setdefault("aws:PrincipalAccount", "v")
        if len({k.lower() for k in context}) == len(context):
            yield Request(action, resource, context=context)


def check(answer: Answer, old: Sequence[Policy], new: Sequence[Policy], count: int = 300) -> None:
    """Check an answer against the evaluator: a witness, or a sample of requests for a proof."""
    before, after = compile_policies(old), compile_policies(new)
    if isinstance(answer, NewAccess):
        assert after.evaluate(answer.request) == answer.new
        assert before.evaluate(answer.request) == answer.old
        assert answer.new.allowed
        assert answer.old.denied
    if isinstance(answer, NoNewAccess):
        for request in requests(Random(1), [*old, *new], count):
            reading = newly_allowed(before, after, request)
            assert not reading, (reading, old, new, request)
