"""Matches texts with a policy's patterns, with wildcards and policy variables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from msgspec import Struct

from vpc_cni_iam.policy.matching.variables import (
    KeyValues,
    Pattern,
    Plain,
    expand,
    expansions,
    is_plain,
    literal,
)
from vpc_cni_iam.policy.wildcard import Wild, Wildcard

ARN_PARTS = 6
ArnPattern: TypeAlias = tuple[Wildcard, ...]


def split_arn(parts: Plain) -> list[Plain] | None:
    """Return the six parts of an expanded ARN pattern; None if it has fewer.

    A colon in a variable's value also separates parts.
    """
    split: list[list[str | Wild]] = [[]]
    for part in parts:
        if isinstance(part, Wild):
            split[-1].append(part)
            continue
        first, *others = part.split(":", ARN_PARTS - len(split))
        split[-1].append(first)
        split.extend([other] for other in others)
    return list(map(tuple, split)) if len(split) == ARN_PARTS else None


def arn_pattern(parts: Plain) -> ArnPattern | None:
    """Return an ARN pattern of the condition operators; None if it has fewer than six parts."""
    split = split_arn(parts)
    return None if split is None else tuple(map(Wildcard.of, split))


def arn_matches(pattern: ArnPattern | None, text: str) -> bool:
    """Return whether an ARN pattern of the condition operators matches a text.

    Page "IAM JSON policy elements: Condition operators", ARN: each of the six parts between
    colons is checked separately, so a wildcard in the first five does not cross a colon.
    """
    values = text.split(":", ARN_PARTS - 1)
    if pattern is None or len(values) != ARN_PARTS:
        return False
    return all(part.matches(value) for part, value in zip(pattern, values, strict=True))


class Patterns(Struct, frozen=True):
    """Several patterns; one must match."""

    everything: bool
    literals: frozenset[str]
    wild: tuple[Wildcard, ...]
    dynamic: tuple[Pattern, ...]

    @classmethod
    def of(cls, patterns: Iterable[Pattern]) -> Patterns:
        """Prepare patterns."""
        literals, wild, dynamic = set(), [], []
        for pattern in patterns:
            text = literal(pattern)
            if text is not None:
                literals.add(text)
            elif is_plain(pattern):
                wild.append(Wildcard.of(expand(pattern, {}) or ()))
            else:
                dynamic.append(pattern)
        everything = any(pattern.everything for pattern in wild)
        return cls(everything, frozenset(literals), tuple(wild), tuple(dynamic))

    def matches(self, text: str, context: KeyValues) -> bool:
        """Return whether one of the patterns matches."""
        if self.everything or text in self.literals:
            return True
        for pattern in self.wild:
            if pattern.matches(text):
                return True
        return any(Wildcard.of(parts).matches(text) for parts in expansions(self.dynamic, context))
