"""Random pairs of policies near each other, and every request that could tell them apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from random import Random

from msgspec.structs import replace

import policy_pools as pools
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.evaluate import Request

TAG, TAG_KEYS = "aws:RequestTag/team", "aws:TagKeys"


def universe(random: Random, keys: tuple[str, ...], *, user: bool) -> Iterator[Request]:
    choices: list[list[str | tuple[str, ...] | None]] = []
    for key in keys:
        values, _, _, several = pools.KEYS[key]
        choices.append([None, *values])
        if several:
            choices[-1] += [(), *(tuple(random.sample(values, 2)) for _ in range(6))]
        if key == TAG_KEYS and TAG in keys:
            choices[-1] += ["team", ("Team", "a")]
    if user:
        keys, choices = (*keys, "aws:username"), [*choices, [None, *pools.USERS]]
    for values_of in product(*choices):
        context = {k: v for k, v in zip(keys, values_of, strict=True) if v is not None}
        for action in pools.ACTIONS:
            if {TAG, TAG_KEYS} <= {*keys} and not tags_agree(action, context):
                continue
            for resource in pools.RESOURCES:
                yield Request(action, resource, context=context)


def tags_agree(action: str, context: Mapping[str, str | tuple[str, ...]]) -> bool:
    """Say whether AWS can get a request with these tags; docs/compare.md has the sources."""
    keys = context.get(TAG_KEYS, ())
    named = "team" in {key.lower() for key in ([keys] if isinstance(keys, str) else keys)}
    if TAG in context:
        return named
    return not (named and action.startswith("ec2:"))


def mutated(random: Random, policy: Policy, keys: tuple[str, ...]) -> Policy:
    """Return a policy near another one, wider or narrower."""
    statements = list(policy.statements)
    for _ in range(random.randint(1, 3)):
        index = random.randrange(len(statements))
        new = MUTATIONS[random.randrange(len(MUTATIONS))](random, statements[index], keys)
        statements[index : index + 1] = new or statements[index : index + 1]
    return replace(policy, statements=tuple(statements))


def _other_operator(random: Random, statement: Statement, keys: tuple[str, ...]) -> list[Statement]:
    if not statement.conditions or "Null" in statement.conditions[0].operator:
        return []
    first = statement.conditions[0]
    name = first.operator.removesuffix("IfExists")
    if name.startswith("String") and "IgnoreCase" not in name and random.random() < 0.5:
        name = name.replace("Equals", "Like")
    return [
        replace(
            statement, conditions=(replace(first, operator=name + random.choice(("", "IfExists"))),)
        )
    ]


def _more_conditions(
    random: Random, statement: Statement, keys: tuple[str, ...]
) -> list[Statement]:
    new = pools.condition(random, keys)
    named = {(c.operator, c.key) for c in statement.conditions}
    return (
        []
        if (new.operator, new.key) in named
        else [replace(statement, conditions=(*statement.conditions, new))]
    )


MUTATIONS: tuple[Callable[[Random, Statement, tuple[str, ...]], list[Statement]], ...] = (
    lambda random, s, keys: [replace(s, conditions=s.conditions[1:])],
    lambda random, s, keys: [
        replace(s, actions=s.actions and pools.some(random, pools.ACTION_PATTERNS, 2))
    ],
    lambda random, s, keys: [
        replace(s, resources=s.resources and pools.some(random, pools.RESOURCE_PATTERNS, 2))
    ],
    lambda random, s, keys: [replace(s, actions=s.actions[:1], resources=s.resources[:1])],
    lambda random, s, keys: [
        replace(s, conditions=tuple(replace(c, values=c.values[:1]) for c in s.conditions))
    ],
    lambda random, s, keys: [replace(s, effect="Deny" if s.effect == "Allow" else "Allow")],
    lambda random, s, keys: [s, pools.statement(random, keys)],
    _other_operator,
    _more_conditions,
)  # fmt: skip


def pairs(seed: int, count: int) -> Iterator[tuple[Random, tuple[str, ...], Policy, Policy, bool]]:
    random = Random(seed)
    for _ in range(count):
        keys = tuple(random.sample(list(pools.KEYS), random.choice((1, 2, 2))))
        old = pools.policy(random, keys, 3)
        user = random.random() < 0.3
        if user:
            old = pools.with_variables(random, old)
        new = mutated(random, old, keys) if random.random() < 0.8 else pools.policy(random, keys, 3)
        yield random, keys, old, new, user
