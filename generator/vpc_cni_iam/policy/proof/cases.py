"""Splits of a region's conditions into cases that together are complete.

Two statements together may cover a region that neither covers alone: one requires that a key is
absent, the other that it is present; one has one value, the other another; one requires what the
other denies.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from msgspec.structs import replace

from vpc_cni_iam.policy.matching.conditions import undefined
from vpc_cni_iam.policy.matching.matches import ConditionCheck, ContextKey
from vpc_cni_iam.policy.matching.operators import Base, Family, Operator, SetOperator
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.clauses import Clause, Region
from vpc_cni_iam.policy.proof.conditions import equalities
from vpc_cni_iam.policy.proof.conditions.constraints import NULL, null
from vpc_cni_iam.policy.proof.conditions.implication import impossible
from vpc_cni_iam.policy.proof.related_keys import (
    KEYS_HAVE_TAGS,
    TAG_KEYS,
    TAGS_HAVE_KEYS,
    request_tags,
)
from vpc_cni_iam.policy.template import known

_OPPOSITE = {
    SetOperator.NONE: SetOperator.NONE,
    SetOperator.ALL: SetOperator.ANY,
    SetOperator.ANY: SetOperator.ALL,
}


def case_splits(
    region: Region, covering: Sequence[Clause], budget: Budget
) -> Iterator[list[tuple[ConditionCheck, ...]]]:
    """Yield splits of conditions: each is a list of cases, a case is a tuple of conditions.

    If AWS documents that the conditions imply more, the only case has all implied conditions.
    """
    checks = region.checks
    compared = dict.fromkeys(check for clause in covering for check in clause.checks)
    name = equalities.of(checks).name
    keys = dict.fromkeys(name(check.key) for check in compared)
    budget.spend(len(checks) + sum(1 + len(clause.checks) for clause in covering))
    if facts := _tag_facts(region, known((*keys, *(check.key for check in checks))), budget):
        yield [(*checks, *facts)]
        return
    for index, check in enumerate(checks):
        if name(check.key) in keys:
            yield from _by_value(check, checks[:index] + checks[index + 1 :])
    decided = {name(check.key) for check in checks if check.operator == NULL}
    for key in keys:
        if key not in decided:
            yield [(*checks, null(key, absent=absent)) for absent in (True, False)]
    for check in compared:
        opposite = _opposite(check)
        if opposite and check not in checks and not set(opposite) <= set(checks):
            yield [(*checks, check), (*checks, *opposite)]


def _by_value(
    check: ConditionCheck, others: tuple[ConditionCheck, ...]
) -> Iterator[list[tuple[ConditionCheck, ...]]]:
    values = list(_values(check))
    if len(values) > 1:
        yield [(*others, value) for value in values]


def _tag_facts(region: Region, keys: Collection[str], budget: Budget) -> list[ConditionCheck]:
    """Return what conditions on request tags imply for aws:TagKeys, and vice versa."""
    checks, scopes = region.checks, region.scopes or ()
    facts: list[ConditionCheck] = []
    if TAG_KEYS not in keys or TAGS_HAVE_KEYS not in scopes:
        return facts
    for key, tag in request_tags(keys).items():
        present = [null(key, absent=False), _tag_key(SetOperator.ANY, tag)]
        absent = [null(key, absent=True)]
        if KEYS_HAVE_TAGS in scopes:
            absent.append(_tag_key(SetOperator.ALL, tag, negated=True))
        if set(present) <= set(checks) or set(absent) <= set(checks):
            continue
        if impossible((*checks, *absent), budget):
            facts += present
        elif impossible((*checks, *present), budget):
            facts += absent
    return facts


def _tag_key(quantifier: SetOperator, tag: str, *, negated: bool = False) -> ConditionCheck:
    """Return a condition on aws:TagKeys about a tag in any case, as in a key's name."""
    operator = Operator(Base(Family.IGNORE_CASE, negated), quantifier)
    return ConditionCheck(operator, ContextKey(TAG_KEYS), (tag,), ((tag,),))


def _values(check: ConditionCheck) -> Iterator[ConditionCheck]:
    """Yield a condition for each value: if this condition is true, one of them is."""
    operator = check.operator
    if operator.base.negated or operator.base.family is Family.NULL or undefined(check):
        return
    if operator.quantifier is SetOperator.ALL:
        return
    if operator.if_exists and operator.quantifier:
        return  # also true for one empty string
    certain = replace(check, operator=replace(operator, if_exists=False))
    for number, value in enumerate(check.values):
        yield replace(certain, values=(value,), patterns=check.patterns[number : number + 1])
    if operator.if_exists:
        yield null(check.key, absent=True)


def _opposite(check: ConditionCheck) -> tuple[ConditionCheck, ...]:
    """Return conditions that are all true if this one is false; empty if there are none."""
    operator = check.operator
    if operator.base.family is Family.NULL or undefined(check):
        return ()
    base = replace(operator.base, negated=not operator.base.negated)
    opposite = replace(check, operator=Operator(base, _OPPOSITE[operator.quantifier]))
    if operator.if_exists and operator.quantifier is not SetOperator.ALL:
        return (opposite, null(check.key, absent=False))
    return (opposite,)
