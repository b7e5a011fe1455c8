"""When conditions contradict each other, so that no request satisfies them all."""

from __future__ import annotations

from collections.abc import Sequence

from vpc_cni_iam.policy.matching import keys
from vpc_cni_iam.policy.matching.matches import ConditionCheck
from vpc_cni_iam.policy.matching.operators import Family, SetOperator
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.conditions import constraints, equalities, intervals
from vpc_cni_iam.policy.proof.conditions.constraints import KeyConstraints
from vpc_cni_iam.policy.proof.conditions.implication import choices, counterexample


def impossible(premises: Sequence[ConditionCheck], budget: Budget) -> bool:
    """Say whether conditions are known to contradict each other."""
    premises = equalities.of(premises).premises
    keys_asked = dict.fromkeys(check.key for check in premises)
    budget.spend(len(keys_asked) * len(premises) + sum(len(check.values) for check in premises))
    for key in keys_asked:
        about = [check for check in premises if check.key == key]
        known = constraints.presence(about)
        if not known.absent and (not known.present or _no_value(known, about, budget)):
            return True
    return False


def _no_value(known: KeyConstraints, about: Sequence[ConditionCheck], budget: Budget) -> bool:
    """Say whether a key that must be present can have no value."""
    if any(_no_typed_value(family, about) for family in intervals.FAMILIES):
        return True
    if any(not check.operator.quantifier for check in about if constraints.has_language(check)):
        constraints.plain(known, about)
        if _is_empty(known, budget):
            return True
    for check in filter(constraints.is_some, about):
        if not check.operator.if_exists:
            value = KeyConstraints()
            constraints.every(value, about, single=False)
            constraints.some(value, check)
            if _is_empty(value, budget):
                return True
    return False


def _no_typed_value(family: Family, about: Sequence[ConditionCheck]) -> bool:
    """Say whether no number, date or address, nor anything else, satisfies conditions."""
    if not about or keys.find(about[0].key).is_single:
        return constraints.one_value(family, about).is_empty
    some = [c for c in about if c.operator.base.family is family]
    each = constraints.each_value(family, some)
    return any(
        (each & intervals.of(check)).is_empty
        for check in some
        if check.operator.quantifier is SetOperator.ANY and not check.operator.if_exists
    )


def _is_empty(known: KeyConstraints, budget: Budget) -> bool:
    """Say whether no value can be as it is known to be."""
    return any(
        counterexample(groups, known.excluded, [], budget) is None for groups in choices(known)
    )
