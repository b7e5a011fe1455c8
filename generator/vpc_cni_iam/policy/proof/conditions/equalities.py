"""Facts about other keys from conditions with policy variables.

``StringEquals aws:ResourceTag/team ${aws:PrincipalTag/team}`` says that both keys are present and
have the same value: facts about one are facts about the other. If the value of a key is known, it
replaces the variable. This applies to keys with at most one value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.policy.matching import keys
from vpc_cni_iam.policy.matching.conditions import undefined
from vpc_cni_iam.policy.matching.elements import Element
from vpc_cni_iam.policy.matching.matches import ConditionCheck, ContextKey
from vpc_cni_iam.policy.matching.operators import BASES, TEXTS, Family, Operator, SetOperator
from vpc_cni_iam.policy.matching.variables import Part, Pattern, PolicyVariable, literal
from vpc_cni_iam.policy.proof.conditions.constraints import null
from vpc_cni_iam.policy.template import Text

_REMEMBERED = 1024
K = TypeVar("K", bound=Text)


class Equalities(Struct, frozen=True, eq=False):
    """Conditions with one name for equal keys, and known values filled in."""

    premises: tuple[ConditionCheck, ...]
    names: Mapping[Text, str]  # the common name of equal keys, by key
    texts: Mapping[Text, str]  # the known values, by key

    def name(self, key: K) -> K | str:
        """Return the common name of a key."""
        return self.names.get(key, key)

    def rename(self, check: ConditionCheck) -> ConditionCheck:
        """Return a condition with these names and values."""
        if not (self.names or self.texts) or undefined(check):
            return check  # an undefined condition equals only the same text
        patterns = tuple(self._fill(pattern) for pattern in check.patterns)
        key = ContextKey(self.names[check.key]) if check.key in self.names else check.key
        return replace(check, key=key, patterns=patterns)

    def _fill(self, pattern: Pattern) -> Pattern:
        parts: list[Part] = []
        for part in pattern:
            filled: Part = part
            if isinstance(part, PolicyVariable):
                name = self.names.get(part.key, part.key)
                filled = self.texts.get(
                    name, PolicyVariable(name) if part.key in self.names else part
                )
            if isinstance(filled, str) and parts and isinstance(parts[-1], str):
                parts[-1] += filled
            elif filled:
                parts.append(filled)
        return tuple(parts)


def of(premises: Sequence[ConditionCheck]) -> Equalities:
    """Return the equalities of conditions."""
    return _of(tuple(premises))


@lru_cache(_REMEMBERED)
def _of(premises: tuple[ConditionCheck, ...]) -> Equalities:
    names = _names(premises)
    renaming = Equalities((), names, {})
    renamed = [renaming.rename(check) for check in premises]
    texts: dict[Text, str] = {
        check.key: text for check in renamed if (text := _known_text(check)) is not None
    }
    filling = Equalities((), names, texts)
    present = (null(names.get(k, k), absent=False) for check in premises for k in _used(check))
    return Equalities((*map(filling.rename, renamed), *present), names, texts)


def is_reflexive(check: ConditionCheck) -> bool:
    """Return whether a condition compares a single-valued key with itself."""
    operator = check.operator
    return (
        operator.base.family in (Family.STRING, Family.LIKE)
        and not operator.base.negated
        and not operator.quantifier
        and not undefined(check)
        and (PolicyVariable(str(check.key)),) in check.patterns
    )


def _names(premises: Sequence[ConditionCheck]) -> dict[Text, str]:
    """Return for each key with equal keys the alphabetically first of them."""
    earlier: dict[str, str] = {}

    def first(key: str) -> str:
        while (before := earlier.setdefault(key, key)) != key:
            earlier[key] = earlier[before]  # the next search takes half the steps
            key = before
        return key

    equal = set(_equal_keys(premises))
    # If each of two keys must equal the other if it exists, both are present, or neither is.
    loose = set(_equal_keys(premises, if_exists=True))
    equal |= {(key, other) for key, other in loose if (other, key) in loose}
    for pair in sorted(equal):
        low, high = sorted(map(first, pair))
        earlier[high] = low
    return {key: first(key) for key in [*earlier]}


def _equal_keys(
    premises: Sequence[ConditionCheck], *, if_exists: bool = False
) -> Iterator[tuple[str, str]]:
    """Yield keys with the keys that equal them by conditions."""
    operator = Operator(BASES["StringEquals"], if_exists=if_exists)
    for check in premises:
        if check.operator != operator or undefined(check) or not isinstance(check.key, str):
            continue
        match check.patterns:
            case ((PolicyVariable(key=key, default=None),),) if keys.find(key).is_single:
                yield check.key, key


def _known_text(check: ConditionCheck) -> str | None:
    """Return the only value that a condition allows for its key; None if there may be others."""
    if check.operator != Operator(BASES["StringEquals"]) or undefined(check):
        return None
    return literal(check.patterns[0]) if len(check.patterns) == 1 else None


def _used(check: ConditionCheck) -> list[str]:
    """Return the other keys that must be present if a condition is true."""
    operator = check.operator
    if (
        operator.base.family not in TEXTS
        or operator.base.negated
        or operator.if_exists
        or operator.quantifier is SetOperator.ALL
        or undefined(check)
    ):
        return []
    return _needed(check.patterns)


def _needed(patterns: Sequence[Pattern]) -> list[str]:
    """Return the keys that must be present if one of some patterns matches."""
    keys_of_each = [
        {part.key for part in pattern if isinstance(part, PolicyVariable) and part.default is None}
        for pattern in patterns
    ]
    return sorted(set.intersection(*keys_of_each)) if keys_of_each else []


def of_resources(element: Element) -> tuple[ConditionCheck, ...]:
    """Return the facts about condition keys in a statement's resources."""
    needed = [] if element.negated else _needed(element.patterns)
    return tuple(null(key, absent=False) for key in needed)
