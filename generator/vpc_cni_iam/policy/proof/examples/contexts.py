"""Values of context keys and policy variables to try in requests."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_network
from itertools import islice, permutations, product
from typing import TypeAlias

from vpc_cni_iam.policy.matching import conditions
from vpc_cni_iam.policy.matching.keys import KeyType, find
from vpc_cni_iam.policy.matching.matches import ConditionCheck
from vpc_cni_iam.policy.matching.operators import Family
from vpc_cni_iam.policy.matching.variables import (
    Context,
    Opaque,
    Part,
    Pattern,
    PolicyVariable,
    is_plain,
)
from vpc_cni_iam.policy.proof import automata, globs
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.clauses import Clause
from vpc_cni_iam.policy.proof.conditions import equalities
from vpc_cni_iam.policy.proof.conditions.implication import implied
from vpc_cni_iam.policy.proof.examples import key_values, ordinary
from vpc_cni_iam.policy.proof.examples.aws import ACCOUNT, NAME, OWNER_KEY, SIGNER_KEY, USER
from vpc_cni_iam.policy.template import known
from vpc_cni_iam.policy.wildcard import Wild

Value: TypeAlias = str | tuple[str, ...]
Assignment: TypeAlias = Mapping[str, str]

_FILLS = ("", "x")
_OF_A_KEY = 24
_TEXTS_OF_A_PAIR = 3
_ACCOUNT_OF = r"(?s)(arn:[^:]+:(?:iam|sts)::)([0-9]{12})(:.*)"
_IS_ACCOUNT = r"[0-9]{12}"


def hints(
    checks: Sequence[ConditionCheck], near: Sequence[Clause], budget: Budget
) -> dict[str, list[str]]:
    """Return values, by key, with which other statements' conditions are false, or these are true.

    Values for the first statements are first. Keys that these conditions make equal have one name.
    """
    by_key: dict[str, list[str]] = {}
    resolved = equalities.of(checks)
    for conclusion in dict.fromkeys(check for clause in near for check in clause.checks):
        unimplied = implied(checks, conclusion, budget)
        if unimplied is not None and unimplied.value is not None:
            by_key.setdefault(str(resolved.name(conclusion.key)), []).append(unimplied.value)
    for key in dict.fromkeys(known(check.key for check in resolved.premises)):
        value = key_values.example(resolved.premises, key, budget)
        if value is not None:
            by_key.setdefault(key, []).append(value)
    return by_key


def contexts(
    checks: Sequence[ConditionCheck],
    clauses: Sequence[Clause],
    hints: Mapping[str, list[str]],
    base: Context,
    budget: Budget,
) -> Iterator[Context]:
    """Yield contexts that satisfy conditions, near those of other statements."""
    keys = known(c.key for clause in clauses for c in clause.statement.conditions)
    written = {key.lower(): key for key in keys}
    asked = {*written, *base}
    resolved = equalities.of(checks)
    base = {resolved.name(key): value for key, value in base.items()}
    renamed = (resolved.rename(check) for clause in clauses for check in clause.checks)
    near = _by_key((*resolved.premises, *renamed))
    choices: list[list[Value | None]] = []
    for key, about in near.items():
        choices.append(_satisfying(key, about, resolved.premises, base, hints.get(key, []), budget))
        if not choices[-1]:
            return
    for values in _combinations(choices, [hints.get(key, []) for key in near]):
        chosen = {**base, **dict(zip(near, values, strict=True))}
        chosen |= {key: chosen.get(resolved.names[key]) for key in known(resolved.names)}
        made = {k: v for k, v in chosen.items() if v is not None and k in asked}
        for context in _of_one_principal(made, asked):
            yield {written.get(key, key): value for key, value in context.items()}


def _satisfying(
    key: str,
    checks: Sequence[ConditionCheck],
    premises: Sequence[ConditionCheck],
    base: Context,
    hints: list[str],
    budget: Budget,
) -> list[Value | None]:
    """Return values of a key that satisfy the premises, near values in other conditions."""
    tests = [conditions.test(check) for check in checks if check in premises]
    budget.spend(sum(len(check.values) for check in checks))
    options = _values(key, checks, base, hints)
    budget.spend(len(options) * (1 + len(tests)))
    return [value for value in options if _holds(tests, base, key, value)]


def _by_key(checks: Iterable[ConditionCheck]) -> dict[str, list[ConditionCheck]]:
    """Return conditions with known keys, by key."""
    by_key: dict[str, list[ConditionCheck]] = {}
    for check in checks:
        if isinstance(check.key, str):
            by_key.setdefault(check.key, []).append(check)
    return by_key


def _of_one_principal(
    made: dict[str, Value], asked: Container[str]
) -> Iterator[Mapping[str, Value]]:
    """Yield contexts in which the principal's account and ARN fit, if conditions ask for them."""
    signer, owner = made.get(SIGNER_KEY), made.get(OWNER_KEY)
    own = re.match(_ACCOUNT_OF, signer) if isinstance(signer, str) else None
    is_known = isinstance(owner, str) and re.fullmatch(_IS_ACCOUNT, owner)
    if own and OWNER_KEY in asked:
        yield {**made, OWNER_KEY: own[2]}
        if is_known and owner != own[2]:
            yield {**made, SIGNER_KEY: f"{own[1]}{owner}{own[3]}"}
    elif is_known and signer is None and SIGNER_KEY in asked:
        yield {**made, SIGNER_KEY: USER.replace(ACCOUNT, str(owner))}
    else:
        yield made


def _combinations(
    choices: Sequence[Sequence[Value | None]], hints: Sequence[Sequence[Value]]
) -> Iterator[tuple[Value | None, ...]]:
    """Yield combinations of values, the likely ones first.

    These have all first values, then all first hints, then one difference from the first values.
    """
    first = tuple(options[0] for options in choices)
    yield first
    yield tuple(
        next((hint for hint in some if hint in options), options[0])
        for options, some in zip(choices, hints, strict=True)
    )
    for index, options in enumerate(choices):
        for option in options[1:]:
            yield (*first[:index], option, *first[index + 1 :])
    yield from product(*choices)


def _holds(tests: Sequence[conditions.Test], base: Context, key: str, value: Value | None) -> bool:
    context = {k: v for k, v in base.items() if k != key}
    if value is not None:
        context[key] = value
    return all(test(context) is True for test in tests)


def _distinct_values(keys: Iterable[str]) -> dict[str, Value]:
    """Return a different ordinary value for each policy variable."""
    chosen: dict[str, Value] = {}
    for key in keys:
        value = key_values.likely(key, set())[0]
        chosen[key] = value if value not in chosen.values() else f"{value}{len(chosen) + 1}"
    return chosen


def variable_values(
    within: Sequence[Pattern], clauses: Sequence[Clause], budget: Budget
) -> Iterator[Context]:
    """Yield values of the policy variables: ordinary ones, then those that make patterns match."""
    texts = [t for c in clauses for check in c.checks for t in check.patterns]
    resources = [t for c in clauses for t in c.resources.element.patterns]
    resources += within
    keys = dict.fromkeys(
        p.key for t in (*texts, *resources) for p in t if isinstance(p, PolicyVariable)
    )
    first = _distinct_values(keys)
    yield first
    if not keys:
        return
    for patterns in (resources, texts):
        distinct = list(dict.fromkeys(patterns))
        for variable, other in product(distinct, distinct):
            if variable != other and not is_plain(variable):
                for values in _assignments(variable, other, budget):
                    yield {**first, **values}
    for key in keys:
        yield {k: v for k, v in first.items() if k != key}
        yield {**first, key: ""}
    yield dict.fromkeys(keys, NAME)


def _assignments(left: Pattern, right: Pattern, budget: Budget) -> Iterator[Assignment]:
    """Yield values of the variables of two patterns with which both match one text."""
    groups = [[globs.of(_opened(pattern))] for pattern in (left, right)]
    for word_class in islice(automata.word_classes(groups, [], budget), _TEXTS_OF_A_PAIR):
        text = automata.text(word_class.word)
        for values in islice(_fitting(left, text, {}, budget), _TEXTS_OF_A_PAIR):
            yield from islice(_fitting(right, text, values, budget), 1)


def _opened(pattern: Pattern) -> Pattern:
    """Return a pattern in which each variable is any nonempty text."""
    parts: list[Part] = []
    for part in pattern:
        parts += [Wild.ONE, Wild.RUN] if isinstance(part, Opaque) else [part]
    return tuple(parts)


def _fitting(
    pattern: Sequence[Part], text: str, known: Assignment, budget: Budget
) -> Iterator[Assignment]:
    """Yield values of a pattern's variables, with known ones, so that it has a text."""
    budget.spend()
    if not pattern:
        if not text:
            yield known
        return
    part, rest = pattern[0], pattern[1:]
    if isinstance(part, PolicyVariable):
        part = known.get(part.key, part)
    if isinstance(part, str):
        if text.startswith(part):
            yield from _fitting(rest, text[len(part) :], known, budget)
    elif part is Wild.ONE:
        if text:
            yield from _fitting(rest, text[1:], known, budget)
    else:
        for end in range(1 if isinstance(part, PolicyVariable) else 0, len(text) + 1):
            values = {**known, part.key: text[:end]} if isinstance(part, PolicyVariable) else known
            yield from _fitting(rest, text[end:], values, budget)


def _values(
    key: str, checks: Sequence[ConditionCheck], base: Context, hints: list[str]
) -> list[Value | None]:
    """Return values of a key worth trying; None for none."""
    families = {check.operator.base.family for check in checks}
    near = (text for check in checks for text in _texts(check, base))
    own = base.get(key)
    likely = [*([own] if isinstance(own, str) else []), *key_values.likely(key, families)]
    typed = [
        value
        for value in dict.fromkeys([*likely, *hints, *near, "x", ""])
        if key_values.has_type(value, families)
    ]
    texts = sorted(typed, key=lambda value: not key_values.fits(value, key))[:_OF_A_KEY]
    pairs: Iterator[tuple[str, ...]] = iter(())
    single = find(key).is_single
    if not single and any(check.operator.quantifier for check in checks):
        pairs = islice(permutations(texts, 2), 2 * _OF_A_KEY)
    absent = [] if key == OWNER_KEY else [None]
    return [*absent, *texts, *pairs]


def _texts(check: ConditionCheck, base: Context) -> Iterator[str]:
    """Yield single values that satisfy a condition, or nearly do."""
    family = check.operator.base.family
    if family in (Family.NUMERIC, Family.DATE):
        for value in known(check.values):
            yield value
            if re.fullmatch("-?[0-9]{1,18}", value):
                yield from (str(int(value) + 1), str(int(value) - 1))
    elif family is Family.IP:
        for network in (ip_network(value, strict=False) for value in known(check.values)):
            yield str(network[min(7, network.num_addresses - 1)])
    elif family is Family.BINARY:
        yield from known(check.values)
    for pattern in check.patterns:
        if is_plain(pattern) and (family is Family.ARN or find(check.key).type is KeyType.ARN):
            yield ordinary.key_arn(pattern)
        for fill in _FILLS:

            def run(before: str, after: str, text: str = fill) -> str:
                return text

            text = ordinary.fill(pattern, base, run)
            yield from (text, text.swapcase(), text + "x", "x" + text)
