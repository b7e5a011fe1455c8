"""Whether the conditions of one statement imply a condition of another, or contradict each other.

The facts about a key are whether it can be absent, whether it can be present, and its possible
values: strings, ARNs and booleans as languages, numbers, dates and addresses as intervals. For
BinaryEquals, only this is used: fewer values make it stronger, ``IfExists`` makes it weaker.

An implication is true in every reading that AWS leaves open. If AWS does not define a condition
(`conditions.undefined`: no ForAllValues or ForAnyValue on a key that can have several values), it
only says whether the key can be absent, and only the same condition implies it. The two kinds of
operators are compared only for keys with at most one value. There are two readings of ForAllValues
and ForAnyValue for one empty string; an implication must be true in both.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.policy.matching import keys, values
from vpc_cni_iam.policy.matching.conditions import undefined
from vpc_cni_iam.policy.matching.matches import ConditionCheck
from vpc_cni_iam.policy.matching.operators import Family, SetOperator
from vpc_cni_iam.policy.proof import automata
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.conditions import constraints, equalities, intervals
from vpc_cni_iam.policy.proof.conditions.constraints import KeyConstraints
from vpc_cni_iam.policy.proof.globs import ANYTHING, Glob
from vpc_cni_iam.policy.template import known as known_texts

# The steps for one condition, without the walks.
_STEPS = 30


class Unimplied(Struct, frozen=True):
    """Why a condition is not implied."""

    # A value that satisfies the premises but not the condition; None for an absent key or if no
    # value was searched.
    value: str | None = None


def _null_holds(known: constraints.KeyConstraints, conclusion: ConditionCheck) -> bool:
    """Return whether a Null condition is true in each possible presence of the key."""
    absent_values = {values.truth(value) for value in known_texts(conclusion.values)}
    return not (known.absent and True not in absent_values) and not (
        known.present and False not in absent_values
    )


def implied(
    premises: Sequence[ConditionCheck], conclusion: ConditionCheck, budget: Budget
) -> Unimplied | None:
    """Return why a condition is not implied; None if it is."""
    resolved = equalities.of(premises)
    conclusion = resolved.rename(conclusion)
    about = [check for check in resolved.premises if check.key == conclusion.key]
    values_compared = sum(len(check.values) for check in about) + len(conclusion.values)
    budget.spend(_STEPS + len(resolved.premises) + values_compared)
    known, operator = constraints.presence(about), conclusion.operator
    if operator.base.family is Family.NULL and not operator.quantifier:
        return None if _null_holds(known, conclusion) else Unimplied()
    if _at_once(known, about, conclusion):
        return None
    if known.absent and not _true_if_absent(conclusion):
        return Unimplied()
    if operator.base.family in intervals.FAMILIES:
        return _unimplied_interval(about, conclusion)
    if not constraints.has_language(conclusion):
        return Unimplied()
    unimplied: Unimplied | None = Unimplied()
    if operator.quantifier:
        unimplied = _unimplied_multivalued(about, conclusion, budget)
    if unimplied is not None and keys.find(conclusion.key).is_single:
        unimplied = _unimplied_single(known, about, conclusion, budget)
    return unimplied


def _at_once(
    known: KeyConstraints, about: Sequence[ConditionCheck], conclusion: ConditionCheck
) -> bool:
    """Return whether presence, or one similar condition, implies a condition."""
    is_null = conclusion.operator.base.family is Family.NULL
    if not known.present and (not known.absent or (not is_null and _true_if_absent(conclusion))):
        return True
    if equalities.is_reflexive(conclusion) and (not known.absent or conclusion.operator.if_exists):
        return True
    return any(_subsumes(check, conclusion, absent=known.absent) for check in about)


def _true_if_absent(check: ConditionCheck) -> bool:
    operator = check.operator
    if operator.if_exists or operator.quantifier:
        return operator.if_exists or operator.quantifier is SetOperator.ALL
    return operator.base.negated


def _unimplied_single(
    known: KeyConstraints,
    about: Sequence[ConditionCheck],
    conclusion: ConditionCheck,
    budget: Budget,
) -> Unimplied | None:
    """Compare for a key with at most one value."""
    known.add_plain(about)
    known.add_each(about, single=True)
    for check in filter(constraints.is_some, about):
        if not check.operator.if_exists:
            known.add(check)
    nonempty = conclusion.operator.quantifier is SetOperator.ANY
    return _unimplied(known, conclusion, budget, nonempty=nonempty)


def _unimplied_multivalued(
    about: Sequence[ConditionCheck], conclusion: ConditionCheck, budget: Budget
) -> Unimplied | None:
    """Compare for a key with any number of values: set operators with set operators."""
    if conclusion.operator.quantifier is SetOperator.ALL:
        return _unimplied(_value(about), conclusion, budget)
    unimplied: Unimplied | None = Unimplied()
    for check in filter(constraints.is_some, about):
        if check.operator.if_exists and not conclusion.operator.if_exists:
            continue  # true of one empty string, present as it is
        # The value that satisfies this satisfies the conclusion.
        unimplied = _unimplied(_value(about, check), conclusion, budget)
        if unimplied is None:
            return None
    return unimplied


def _value(about: Sequence[ConditionCheck], *satisfied: ConditionCheck) -> KeyConstraints:
    """Return the constraints on each value, or on one that also satisfies a ForAnyValue."""
    value = KeyConstraints()
    value.add_each(about, single=False)
    for check in satisfied:
        value.add(check)
    return value


def _unimplied_interval(
    about: Sequence[ConditionCheck], conclusion: ConditionCheck
) -> Unimplied | None:
    """Compare numbers, dates or addresses."""
    if not conclusion.is_known:
        return Unimplied()
    family, operator = conclusion.operator.base.family, conclusion.operator
    satisfying = intervals.of(conclusion)
    pairs = []
    if operator.quantifier:
        each = constraints.possible_values(family, about, single=False)
        pairs = [
            (each & intervals.of(check), satisfying)
            for check in about
            if check.is_known
            and check.operator.base.family is family
            and check.operator.quantifier is SetOperator.ANY
            and (operator.if_exists or not check.operator.if_exists)
        ]
        if operator.quantifier is SetOperator.ALL:
            pairs = [(each, satisfying)]
    if keys.find(conclusion.key).is_single:
        # AWS does not say whether one empty string is a value for a set operator.
        others = satisfying.others and (
            operator.quantifier is not SetOperator.ANY or operator.if_exists
        )
        possible = constraints.possible_values(family, about, single=True)
        pairs.append((possible, replace(satisfying, others=others)))
    unimplied = Unimplied()
    for possible, expected in pairs:
        wrong = possible.outside(expected)
        if wrong.is_empty:
            return None
        unimplied = Unimplied(wrong.example())
    return unimplied


def _subsumes(premise: ConditionCheck, conclusion: ConditionCheck, *, absent: bool) -> bool:
    """Return whether one condition implies another, only by values and IfExists."""
    operator = premise.operator
    if (operator.base, operator.quantifier) != (
        conclusion.operator.base,
        conclusion.operator.quantifier,
    ):
        return False
    if operator.if_exists and not conclusion.operator.if_exists:
        if operator.quantifier is SetOperator.ANY:
            return False  # true of one empty string, present as it is
        if absent and not _true_if_absent(conclusion):
            return False
    own, others = map(constraints.same_values, (premise, conclusion))
    if undefined(conclusion):
        return own == others
    return own >= others if operator.base.negated else own <= others


def _unimplied(
    known: KeyConstraints, conclusion: ConditionCheck, budget: Budget, *, nonempty: bool = False
) -> Unimplied | None:
    """Return a possible value that does not satisfy a condition; None if there is none."""
    patterns = constraints.patterns(conclusion, premise=False)
    negated = conclusion.operator.base.negated
    if negated and any(glob is None or glob.has_atoms for glob in patterns):
        return Unimplied()
    readers = [glob for glob in patterns if glob is not None]
    unimplied = Unimplied()
    for groups in choices(known):
        word = counterexample(
            groups, known.excluded, readers, budget, negated=negated, nonempty=nonempty
        )
        if word is None:
            return None
        unimplied = Unimplied(word)
    return unimplied


def counterexample(
    groups: Sequence[Sequence[Glob]],
    excluded: Sequence[Glob],
    readers: Sequence[Glob],
    budget: Budget,
    *,
    negated: bool = False,
    nonempty: bool = False,
) -> str | None:
    """Return a value that matches the groups and nothing excluded, but not the condition.

    In each group, one pattern matches the value; `readers` are the condition's patterns, which it
    must not match. With `nonempty`, an empty or possibly empty value also fails the condition.
    """
    first = len(readers)

    def settled(sure: frozenset[int]) -> bool:
        if nonempty:
            return False
        return any(number >= first or not negated for number in sure)

    for word_class in automata.word_classes(
        groups or [(ANYTHING,)], [*readers, *excluded], budget, settled
    ):
        if any(number >= first for number in word_class.accepted):
            continue
        matched = any(number < first for number in word_class.accepted)
        wrong = (matched or not word_class.certain) if negated else not matched
        if wrong or (nonempty and not (word_class.word and word_class.certain)):
            return automata.text(word_class.word)
    return None


def choices(known: KeyConstraints) -> list[list[tuple[Glob, ...]]]:
    """Return the groups that can be walked together: a group with a variable only alone."""
    plain: list[tuple[Glob, ...]] = []
    walks = [plain]
    for group in known.groups:
        if any(glob.has_atoms for glob in group):
            walks.append([group])
        else:
            plain.append(group)
    return walks


def impossible(premises: Sequence[ConditionCheck], budget: Budget) -> bool:
    """Return whether conditions are known to contradict each other: no request satisfies all."""
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
    """Return whether a key that must be present has no possible value."""
    if any(_no_typed_value(family, about) for family in intervals.FAMILIES):
        return True
    possible = []
    if any(constraints.has_language(c) and not c.operator.quantifier for c in about):
        known.add_plain(about)
        possible.append(known)
    some = (c for c in about if constraints.is_some(c) and not c.operator.if_exists)
    possible += [_value(about, check) for check in some]
    return any(
        counterexample(groups, constraint.excluded, [], budget) is None
        for constraint in possible
        for groups in choices(constraint)
    )


def _no_typed_value(family: Family, about: Sequence[ConditionCheck]) -> bool:
    """Return whether no number, date, address or other value satisfies conditions."""
    if keys.find(about[0].key).is_single:
        return constraints.possible_values(family, about, single=True).is_empty
    each = constraints.possible_values(family, about, single=False)
    return any(
        (each & intervals.of(check)).is_empty
        for check in about
        if check.is_known
        and check.operator.base.family is family
        and check.operator.quantifier is SetOperator.ANY
        and not check.operator.if_exists
    )
