"""Constraints of conditions on one key: whether it can be present, and its possible values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from vpc_cni_iam.policy.matching import values
from vpc_cni_iam.policy.matching.conditions import undefined
from vpc_cni_iam.policy.matching.matches import ConditionCheck, context_key
from vpc_cni_iam.policy.matching.operators import BASES, Family, Operator, SetOperator
from vpc_cni_iam.policy.proof import globs
from vpc_cni_iam.policy.proof.conditions import intervals
from vpc_cni_iam.policy.proof.conditions.intervals import PossibleValues
from vpc_cni_iam.policy.proof.globs import EMPTY, Atom, Glob
from vpc_cni_iam.policy.template import Text
from vpc_cni_iam.policy.template import known as known_texts

NULL = Operator(BASES["Null"])
_LANGUAGES = (Family.STRING, Family.LIKE, Family.ARN, Family.IGNORE_CASE, Family.BOOL)


def null(key: Text, *, absent: bool) -> ConditionCheck:
    """Return the condition that a key is absent, or that it is present."""
    return ConditionCheck(NULL, context_key(key), ("true" if absent else "false",))


def patterns(check: ConditionCheck, *, premise: bool) -> tuple[Glob | None, ...]:
    """Return the values of a condition as automata; None for one that cannot be.

    AWS does not say which letters outside ASCII equal ASCII letters if case is ignored, and the
    part of an ARN after a variable depends on its value. A premise is taken as true for each
    possible text, a conclusion only for certain ones.
    """
    family, wide = check.operator.base.family, premise is not check.operator.base.negated
    if family is Family.BOOL:
        return tuple(
            globs.of_folded((value,), wide=False) if isinstance(value, str) else None
            for value in check.values
        )
    if family is Family.IGNORE_CASE:
        return tuple(globs.of_folded(pattern, wide=wide) for pattern in check.patterns)
    if family is Family.ARN:
        return tuple(globs.of_arn(pattern, wide=wide) for pattern in check.patterns)
    return tuple(map(globs.of, check.patterns))


def has_language(check: ConditionCheck) -> bool:
    """Return whether the values of a condition can be compared as languages."""
    return check.operator.base.family in _LANGUAGES


def same_values(check: ConditionCheck) -> frozenset[object]:
    """Return the values of a condition, equal for equal meanings."""
    return frozenset(check.patterns or check.values)


class KeyConstraints(Struct):
    """The constraints of some conditions on the value of one key."""

    absent: bool = True
    present: bool = True
    # Each value matches one pattern of each group.
    groups: list[tuple[Glob, ...]] = field(default_factory=list)
    excluded: list[Glob] = field(default_factory=list)  # no value matches any of these

    def add(self, check: ConditionCheck, *, or_empty: bool = False) -> None:
        """Add a condition's constraint on each value; with `or_empty`, a value may also be empty.

        Values that are no automata are left out. A pattern with a variable reads only words with
        that variable.
        """
        globs = patterns(check, premise=True)
        known = tuple(glob for glob in globs if glob is not None)
        if check.operator.base.negated:
            self.excluded += [g for g in known if not (or_empty and _may_match_empty(g))]
        elif len(known) == len(globs):
            self.groups.append((*known, EMPTY) if or_empty else known)

    def add_plain(self, premises: Iterable[ConditionCheck]) -> None:
        """Add the constraint of an operator without a set operator."""
        for check in premises:
            if has_language(check) and not check.operator.quantifier and not undefined(check):
                self.add(check)

    def add_each(self, premises: Iterable[ConditionCheck], *, single: bool) -> None:
        """Add ForAllValues' constraint on each value; a `single` one may be empty."""
        for check in premises:
            if has_language(check) and check.operator.quantifier is SetOperator.ALL:
                self.add(check, or_empty=single)


def _may_match_empty(glob: Glob) -> bool:
    """Return whether a pattern matches the empty text if all its variables are empty."""
    return all(isinstance(item, Atom) for item in glob.items)


def presence(premises: Sequence[ConditionCheck]) -> KeyConstraints:
    """Return whether a key can be absent or present."""
    known = KeyConstraints()
    for check in premises:
        operator = check.operator
        if operator.base.family is Family.NULL:
            if operator.quantifier or not check.is_known:
                continue
            absent_values = {values.truth(value) for value in known_texts(check.values)}
            known.absent &= True in absent_values
            known.present &= False in absent_values
        elif operator.quantifier is SetOperator.ANY:
            known.absent &= operator.if_exists
        elif not operator.quantifier:
            known.absent &= operator.if_exists or operator.base.negated
    return known


def possible_values(
    family: Family, premises: Iterable[ConditionCheck], *, single: bool
) -> PossibleValues:
    """Return the possible numbers, dates or addresses of a `single`-valued key.

    For a key with any number of values, the possible ones of each value.
    """
    possible = intervals.anything(family)
    for check in premises:
        operator = check.operator
        if not check.is_known:
            continue
        if operator.base.family is family and (single or operator.quantifier is SetOperator.ALL):
            satisfying = intervals.of(check)
            if single and (
                operator.quantifier is SetOperator.ALL
                or (operator.quantifier and operator.if_exists)
            ):
                satisfying = replace(satisfying, others=True)  # one empty string satisfies it
            possible &= satisfying
    return possible


def is_some(check: ConditionCheck) -> bool:
    """Return whether a condition is a ForAnyValue with comparable values."""
    return has_language(check) and check.operator.quantifier is SetOperator.ANY
