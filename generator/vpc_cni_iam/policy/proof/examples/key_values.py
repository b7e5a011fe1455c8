"""Values of condition keys for counterexamples, ordinary ones if conditions allow them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from vpc_cni_iam.policy.matching import conditions, keys, values
from vpc_cni_iam.policy.matching.keys import KeyType
from vpc_cni_iam.policy.matching.matches import ConditionCheck
from vpc_cni_iam.policy.matching.operators import Family
from vpc_cni_iam.policy.matching.patterns import ARN_PARTS
from vpc_cni_iam.policy.matching.variables import is_plain
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.conditions import intervals
from vpc_cni_iam.policy.proof.conditions.constraints import (
    KeyConstraints,
    is_some,
    possible_values,
)
from vpc_cni_iam.policy.proof.conditions.implication import counterexample
from vpc_cni_iam.policy.proof.examples import reference
from vpc_cni_iam.policy.proof.examples.aws import (
    ACCOUNT,
    KEY_VALUES,
    NAME,
    OTHER_ACCOUNT,
    TYPE_VALUES,
)
from vpc_cni_iam.policy.proof.examples.ordinary import key_arn
from vpc_cni_iam.policy.template import known


def _arn(text: str) -> str | None:
    return text if text.count(":") >= ARN_PARTS - 1 else None


_READERS: dict[Family, Callable[[str], object]] = {
    Family.IP: values.address,
    Family.DATE: values.instant,
    Family.NUMERIC: values.number,
    Family.BOOL: values.truth,
    Family.BINARY: values.octets,
    Family.ARN: _arn,
}
_FAMILIES = {
    KeyType.ARN: Family.ARN,
    KeyType.BOOL: Family.BOOL,
    KeyType.NUMERIC: Family.NUMERIC,
    KeyType.DATE: Family.DATE,
    KeyType.IP: Family.IP,
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


def has_type(value: str, families: set[Family]) -> bool:
    """Return whether a value has a type of the operators on its key."""
    typed = families - {Family.NULL}
    if not typed or not typed <= {*_READERS}:
        return True
    return any(_READERS[family](value) is not None for family in typed)


def fits(value: str, key: str) -> bool:
    """Return whether a value has the type of a condition key, in AWS's form."""
    key_type = keys.find(key).type
    if key_type is KeyType.ARN:
        return reference.is_arn(value)
    if key_type is KeyType.BOOL:
        return value in ("true", "false")
    if key_type is KeyType.IP:
        return str(values.address(value)) == value
    reader = _READERS.get(_FAMILIES.get(key_type, Family.STRING))
    return reader is None or reader(value) is not None


def example(premises: Sequence[ConditionCheck], key: str, budget: Budget) -> str | None:
    """Return a value of a key that satisfies conditions, of the key's type if possible.

    None if there is no condition on the key, or no known value.
    """
    about = [check for check in premises if check.key == key]
    if not about:
        return None
    tests = [conditions.test(check) for check in about]
    for text in _candidates(about, key, budget):
        if all(holds({key: text}) is not False for holds in tests):
            return text
    return None


def _candidates(about: Sequence[ConditionCheck], key: str, budget: Budget) -> Iterator[str]:
    """Yield values that may satisfy conditions, the most ordinary ones first."""
    family_of_key = _FAMILIES.get(keys.find(key).type, Family.STRING)
    yield TYPE_VALUES.get(family_of_key, (NAME,))[0]
    for check in about:
        if check.operator.base.family is Family.BOOL:
            yield from map(str.lower, known(check.values))
        if check.operator.base.family is Family.ARN:
            yield from map(key_arn, filter(is_plain, check.patterns))
    for family in intervals.FAMILIES:
        same = [check for check in about if check.operator.base.family is family]
        if same and (text := possible_values(family, same, single=True).example()) is not None:
            yield text
    constraints = KeyConstraints()
    constraints.add_plain(about)
    constraints.add_each(about, single=False)
    for check in filter(is_some, about):
        constraints.add(check)
    if not any(glob.has_atoms for group in constraints.groups for glob in group):
        word = counterexample(constraints.groups, constraints.excluded, [], budget)
        if word is not None:
            yield word
