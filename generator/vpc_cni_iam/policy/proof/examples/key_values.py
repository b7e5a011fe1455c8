"""Values of condition keys that a request can have, for counterexamples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vpc_cni_iam.policy.matching import conditions, keys
from vpc_cni_iam.policy.matching.matches import ConditionCheck
from vpc_cni_iam.policy.matching.operators import Family
from vpc_cni_iam.policy.matching.patterns import ARN_PARTS
from vpc_cni_iam.policy.matching.variables import Template, is_plain
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.conditions import constraints, intervals
from vpc_cni_iam.policy.proof.conditions.constraints import KeyConstraints
from vpc_cni_iam.policy.proof.conditions.implication import counterexample
from vpc_cni_iam.policy.wildcard import Wild

# Partition, service, region and account of an ARN that is made up, by the colons before.
_PARTS = {1: "aws", 2: "ec2", 3: "us-east-1", 4: "111122223333"}


def example(premises: Sequence[ConditionCheck], key: str, budget: Budget) -> str | None:
    """Return a value of a key as conditions want it, of the key's type if it can be.

    Returns:
        None if the conditions say nothing of the key, or no value is known.
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
    yield keys.find(key).example
    for check in about:
        if check.operator.base.family is Family.BOOL:
            yield from map(str.lower, check.values)
        if check.operator.base.family is Family.ARN:
            yield from map(_ordinary_arn, filter(is_plain, check.templates))
    for family in intervals.FAMILIES:
        same = [check for check in about if check.operator.base.family is family]
        if same and (text := constraints.one_value(family, same).example()) is not None:
            yield text
    known = KeyConstraints()
    constraints.plain(known, about)
    constraints.every(known, about, single=False)
    for check in filter(constraints.is_some, about):
        constraints.some(known, check)
    if not any(glob.has_atoms for group in known.groups for glob in group):
        word = counterexample(known.groups, known.excluded, [], budget)
        if word is not None:
            yield word


def _ordinary_arn(template: Template) -> str:
    """Return an ARN that a pattern matches, with real values where whole parts are open."""
    text = ""
    for part, following in zip(template, (*template[1:], ""), strict=True):
        if isinstance(part, str):
            text += part
        elif part is Wild.ONE:
            text += "x"
        elif text.endswith(":") and str(following)[:1] in (":", ""):
            text += _PARTS.get(text.count(":"), "example")
        elif text.count(":") >= ARN_PARTS - 1:
            text += "example"
    return text
