"""When the conditions of one statement imply a condition of another.

What is known of a key is whether it can be absent, whether it can be present, and which values it
can have: strings, ARNs and booleans as languages, numbers, dates and addresses as intervals. Of
BinaryEquals only this is used: fewer values make it stronger, ``IfExists`` makes it weaker.

What is implied is so in every reading that AWS leaves open. A condition that AWS does not define
(`conditions.undefined`), one without ForAllValues or ForAnyValue on a key that can have several
values, says only whether the key can be absent, and is implied by the same condition alone. The
two kinds of operators are compared only for keys that have one value at most. Of the two ways to
read ForAllValues and ForAnyValue for one empty string, both must agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from vpc_cni_iam.policy.matching import keys, values
from vpc_cni_iam.policy.matching.conditions import undefined
from vpc_cni_iam.policy.matching.matches import Check
from vpc_cni_iam.policy.matching.operators import Family
from vpc_cni_iam.policy.proof import automata
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.proof.conditions import constraints, equalities, intervals
from vpc_cni_iam.policy.proof.conditions.constraints import Knowledge
from vpc_cni_iam.policy.proof.globs import ANYTHING, Glob


@dataclass(frozen=True, slots=True)
class Gap:
    """A condition that is not implied.

    Args:
        check: The condition.
        value: A value that satisfies the premises and not the condition, None for an absent
            key or where none was looked for.
    """

    check: Check
    value: str | None = None


def implied(premises: Sequence[Check], conclusion: Check, budget: Budget) -> Gap | None:
    """Return why a condition is not implied, None if it is.

    Args:
        premises: Conditions that all hold.
        conclusion: The condition in question.
        budget: What the walks may cost.

    Raises:
        TooHardError: The budget is used up.
    """
    resolved = equalities.of(premises)
    conclusion = resolved.rename(conclusion)
    about = [check for check in resolved.premises if check.key == conclusion.key]
    known, operator = constraints.presence(about), conclusion.operator
    if operator.base.family is Family.NULL and not operator.quantifier:
        return _presence_gap(known, conclusion)
    if _at_once(known, about, conclusion):
        return None
    if known.absent and not _true_if_absent(conclusion):
        return Gap(conclusion)
    if operator.base.family in intervals.FAMILIES:
        return _gap_of_intervals(about, conclusion)
    if not constraints.has_language(conclusion):
        return Gap(conclusion)
    gap: Gap | None = Gap(conclusion)
    if operator.quantifier:
        gap = _gap_of_several(about, conclusion, budget)
    if gap is not None and keys.find(conclusion.key).is_single:
        gap = _gap_of_one(known, about, conclusion, budget)
    return gap


def _at_once(known: Knowledge, about: Sequence[Check], conclusion: Check) -> bool:
    """Say whether a condition is implied by presence, or by one condition much like it."""
    is_null = conclusion.operator.base.family is Family.NULL
    if not known.present and (not known.absent or (not is_null and _true_if_absent(conclusion))):
        return True
    if equalities.is_reflexive(conclusion) and (not known.absent or conclusion.operator.if_exists):
        return True
    return any(_subsumes(check, conclusion, known.absent) for check in about)


def _true_if_absent(check: Check) -> bool:
    operator = check.operator
    if operator.if_exists or operator.quantifier:
        return operator.if_exists or operator.quantifier == "ForAllValues"
    return operator.base.negated


def _presence_gap(known: Knowledge, conclusion: Check) -> Gap | None:
    wanted = {values.truth(value) for value in conclusion.values}
    if known.absent and True not in wanted:
        return Gap(conclusion)
    return Gap(conclusion) if known.present and False not in wanted else None


def _gap_of_one(
    known: Knowledge, about: Sequence[Check], conclusion: Check, budget: Budget
) -> Gap | None:
    """Compare as of a key that has at most one value."""
    constraints.plain(known, about)
    constraints.every(known, about, single=True)
    for check in filter(constraints.is_some, about):
        if not check.operator.if_exists:
            constraints.some(known, check)
    nonempty = conclusion.operator.quantifier == "ForAnyValue"
    return _gap(known, conclusion, budget, nonempty)


def _gap_of_several(about: Sequence[Check], conclusion: Check, budget: Budget) -> Gap | None:
    """Compare as of a key of any number of values: set operators with set operators."""
    if conclusion.operator.quantifier == "ForAllValues":
        each = Knowledge()
        constraints.every(each, about, single=False)
        return _gap(each, conclusion, budget)
    found: Gap | None = Gap(conclusion)
    for check in filter(constraints.is_some, about):
        if check.operator.if_exists and not conclusion.operator.if_exists:
            continue  # true of one empty string, present as it is
        value = Knowledge()
        constraints.every(value, about, single=False)
        constraints.some(value, check)  # the value that satisfies this satisfies the conclusion
        found = _gap(value, conclusion, budget)
        if found is None:
            return None
    return found


def _gap_of_intervals(about: Sequence[Check], conclusion: Check) -> Gap | None:
    """Compare numbers, dates or addresses."""
    family, operator = conclusion.operator.base.family, conclusion.operator
    satisfying = intervals.of(conclusion)
    pairs = []
    if operator.quantifier:
        each = constraints.each_value(family, about)
        pairs = [
            (each & intervals.of(check), satisfying)
            for check in about
            if check.operator.base.family is family
            and check.operator.quantifier == "ForAnyValue"
            and (operator.if_exists or not check.operator.if_exists)
        ]
        if operator.quantifier == "ForAllValues":
            pairs = [(each, satisfying)]
    if keys.find(conclusion.key).is_single:
        # Whether one empty string is a value to a set operator, AWS does not say.
        others = satisfying.others and (operator.quantifier != "ForAnyValue" or operator.if_exists)
        pairs.append((constraints.one_value(family, about), replace(satisfying, others=others)))
    gap: Gap | None = Gap(conclusion)
    for possible, wanted in pairs:
        wrong = possible.outside(wanted)
        if wrong.is_empty:
            return None
        gap = Gap(conclusion, wrong.example())
    return gap


def _subsumes(premise: Check, conclusion: Check, absent: bool) -> bool:
    """Say whether one condition implies another by its values and IfExists alone."""
    one, other = premise.operator, conclusion.operator
    if one.base != other.base or one.quantifier != other.quantifier:
        return False
    if one.if_exists and not other.if_exists:
        if one.quantifier == "ForAnyValue":
            return False  # true of one empty string, present as it is
        if absent and not _true_if_absent(conclusion):
            return False
    mine, theirs = constraints.same_values(premise), constraints.same_values(conclusion)
    if undefined(conclusion):
        return mine == theirs
    return mine >= theirs if one.base.negated else mine <= theirs


def _gap(known: Knowledge, conclusion: Check, budget: Budget, nonempty: bool = False) -> Gap | None:
    """Return a gap if a value is possible that does not satisfy a condition."""
    found = constraints.patterns(conclusion)
    negated = conclusion.operator.base.negated
    if negated and any(glob is None or glob.has_atoms for glob in found):
        return Gap(conclusion)
    readers = [glob for glob in found if glob is not None]
    gap: Gap | None = Gap(conclusion)
    for groups in choices(known):
        word = counterexample(
            groups, known.excluded, readers, budget, negated=negated, nonempty=nonempty
        )
        if word is None:
            return None
        gap = Gap(conclusion, word)
    return gap


def counterexample(
    groups: Sequence[Sequence[Glob]],
    excluded: Sequence[Glob],
    readers: Sequence[Glob],
    budget: Budget,
    *,
    negated: bool = False,
    nonempty: bool = False,
) -> str | None:
    """Return a value that matches the groups and nothing excluded, and is not as it should be.

    Args:
        groups: Of each, one pattern matches the value.
        excluded: Patterns that do not match it.
        readers: The patterns of the condition that it must not satisfy.
        budget: What the walk may cost.
        negated: Whether that condition is negated.
        nonempty: Whether an empty value, or one that is not certain, fails it, too.

    Raises:
        TooHardError: The budget is used up.
    """
    first = len(readers)

    def settled(sure: frozenset[int]) -> bool:
        if nonempty:
            return False
        return any(number >= first or not negated for number in sure)

    for reading in automata.readings(
        groups or [(ANYTHING,)], [*readers, *excluded], budget, settled
    ):
        if any(number >= first for number in reading.accepted):
            continue
        matched = any(number < first for number in reading.accepted)
        wrong = (matched or not reading.certain) if negated else not matched
        if wrong or (nonempty and not (reading.word and reading.certain)):
            return automata.text(reading.word)
    return None


def choices(known: Knowledge) -> list[list[tuple[Glob, ...]]]:
    """Return the groups that can be walked together: one with a variable meets no other.

    Args:
        known: What is known of a value.
    """
    plain: list[tuple[Glob, ...]] = []
    walks = [plain]
    for group in known.groups:
        if any(glob.has_atoms for glob in group):
            walks.append([group])
        else:
            plain.append(group)
    return walks
