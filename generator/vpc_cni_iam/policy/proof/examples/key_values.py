"""Values of condition keys for examples, the ordinary ones first."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice, permutations

from vpc_cni_iam.policy.matching import conditions, keys, values
from vpc_cni_iam.policy.matching.keys import KeyType
from vpc_cni_iam.policy.matching.operators import TEXTS, Family
from vpc_cni_iam.policy.matching.variables import KeyValues, literal
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.examples import ordinary, reference
from vpc_cni_iam.policy.proof.examples.aws import (
    ACCOUNT,
    KEY_VALUES,
    NAME,
    OTHER_ACCOUNT,
    TYPE_VALUES,
)
from vpc_cni_iam.policy.proof.possible import CheckOrNot, ContextValue, values_for
from vpc_cni_iam.policy.template import known

_TRIED = 24
_OF_A_CONDITION = 6
# No name of a service, a domain or a service account has an empty part.
_EMPTY_PART = re.compile(r"^\.|\.\.|\.$|::")
_READERS: dict[KeyType, Callable[[str], object]] = {
    KeyType.NUMERIC: values.number,
    KeyType.DATE: values.instant,
}


def likely(key: str, families: set[Family]) -> list[str]:
    """Return common values of a context key, for the families of operators on it."""
    likely_values = [KEY_VALUES[key]] if key in KEY_VALUES else []
    if key.endswith("account"):
        likely_values += [ACCOUNT, OTHER_ACCOUNT]
    for family, examples in TYPE_VALUES.items():
        if family in families:
            likely_values += examples
    return likely_values or [NAME]


def fits(value: str, key: str) -> bool:
    """Return whether a value has the type of a condition key, in AWS's form."""
    key_type = keys.find(key).type
    if key_type is KeyType.ARN:
        return reference.is_arn(value)
    if key_type is KeyType.BOOL:
        return value in ("true", "false")
    if key_type is KeyType.IP:
        return str(values.address(value)) == value
    if key_type in _READERS:
        return _READERS[key_type](value) is not None
    return value.startswith("arn:") or not _EMPTY_PART.search(value)


def options(
    literals: tuple[CheckOrNot, ...], context: KeyValues, budget: Budget
) -> list[ContextValue]:
    """Return values of a key for which conditions hold or not, the most ordinary ones first.

    `context` has the values of other keys, for the policy variables in the conditions.
    """
    possible = values_for(literals, budget)
    key = str(literals[0][0].key)
    tests = [(conditions.test(check), holds) for check, holds in literals]

    def is_option(value: ContextValue) -> bool:
        made = context if value is None else {**context, key: value}
        return all(test(made) is holds for test, holds in tests)

    texts = list(dict.fromkeys(_candidates(key, literals, context)))[:_TRIED]
    texts.sort(key=lambda text: not (text and fits(text, key)))
    several = () if keys.find(key).is_single else permutations(texts, 2)
    tried = [None, *texts, *islice(several, _TRIED), *possible]
    budget.spend(len(tried) * len(tests))
    return [value for value in dict.fromkeys(tried) if is_option(value)]


def _candidates(key: str, literals: tuple[CheckOrNot, ...], context: KeyValues) -> Iterator[str]:
    """Yield values that conditions name, and values that are like them."""
    about = [check for check, _ in literals]
    asked = [c for c, holds in literals if holds is not c.operator.base.negated]
    for check in asked:
        yield from (t for p in check.patterns[:_OF_A_CONDITION] if (t := literal(p)) is not None)
    yield from likely(key, {check.operator.base.family for check in about})
    for check in asked:
        patterns = [p for p in check.patterns[:_OF_A_CONDITION] if literal(p) is None]
        yield from (text for pattern in patterns for text in ordinary.key_texts(pattern, context))
        if check.operator.base.family is Family.BOOL:
            yield from map(str.lower, known(check.values))
        elif check.operator.base.family not in TEXTS:
            yield from (value for value in known(check.values) if "/" not in value)
    yield from (NAME, "other", "x")
